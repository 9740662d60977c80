/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of KNN over outcomes, by cross-validation. The neighbours of every query among the other folds are found
 * once for all settings of a category weight; a setting is then a matter of sums over these lists.
 */
#include <math.h>
#include <string.h>

#include "knn.h"
#include "neighbours.h"

static const uint32_t some_k[] = {10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 800};
static const double some_beta[] = {0, 1, 2, 3, 4, 6, 8, 16};
static const double some_shrinkage[] = {1, 3, 10};
static const double some_category_weights[] = {0.25, 0.5, 1};

enum {
    MAX_K = MLSEL_ARRAY_LENGTH(some_k),
    N_BETA = MLSEL_ARRAY_LENGTH(some_beta),
    N_SHRINKAGE = MLSEL_ARRAY_LENGTH(some_shrinkage)
};

typedef struct setting_grid {
    uint32_t k[MAX_K]; /* ascending */
    size_t n_k;
} setting_grid;

/* Settings are numbered by k, then beta, then shrinkage: of equally good ones the first is the cheapest to use. */
static size_t setting_number(size_t k, size_t beta, size_t shrinkage) {
    return (k * N_BETA + beta) * N_SHRINKAGE + shrinkage;
}

static size_t n_settings(const setting_grid *grid) { return grid->n_k * N_BETA * N_SHRINKAGE; }

/* One k that is given, or those that the queries are enough for. */
static setting_grid make_grid(const train_table *table, const train_settings *settings) {
    const size_t most = table->n_queries - table->n_queries / settings->options.folds;
    setting_grid grid = {.n_k = 1, .k = {settings->options.knn_k}};
    if (settings->options.knn_k > 0)
        return grid;
    grid.k[0] = some_k[0];
    while (grid.n_k < MAX_K && some_k[grid.n_k] <= most) {
        grid.k[grid.n_k] = some_k[grid.n_k];
        grid.n_k++;
    }
    return grid;
}

/* --- one category weight ------------------------------------------------------------------------------------------ */

typedef struct comparison {
    const train_table *table;
    const setting_grid *grid;
    const uint32_t *fold_of;
    const double *priors; /* [folds][n_models] of the other folds */
    neighbour_lists lists;
    double *scratch;  /* [n_threads][3][n_models] */
    int32_t *choices; /* [settings][n_queries] */
    size_t n_threads;
} comparison;

/* What every shrinkage chooses from the sums over the nearest k. */
static void choose_from(const comparison *c, size_t query, size_t k, size_t beta, double *state) {
    const size_t m = c->table->n_models;
    const double *sums = state, *totals = state + m, *prior = c->priors + c->fold_of[query] * m;
    double *scores = state + 2 * m;
    for (size_t s = 0; s < N_SHRINKAGE; s++) {
        for (size_t j = 0; j < m; j++) {
            const double shrinkage = isnan(prior[j]) ? 0 : some_shrinkage[s], total = totals[j] + shrinkage;
            scores[j] = total > 0 ? (sums[j] + (shrinkage > 0 ? shrinkage * prior[j] : 0)) / total : prior[j];
        }
        c->choices[setting_number(k, beta, s) * c->table->n_queries + query] = mlsel_i_argmax(scores, m);
    }
}

/* All settings for one query: sums grow neighbour by neighbour, and are looked at wherever a k of the grid is. */
static void choose_for(const comparison *c, size_t query, double *state) {
    const size_t m = c->table->n_models, count = c->lists.counts[query];
    const uint32_t *rows = c->lists.rows + query * c->lists.k;
    const float *distances = c->lists.distances + query * c->lists.k;
    for (size_t beta = 0; beta < N_BETA; beta++) {
        size_t k = 0;
        memset(state, 0, 2 * m * sizeof *state);
        for (size_t i = 0; i < count && k < c->grid->n_k; i++) {
            const double weight = exp(-some_beta[beta] * (double)distances[i]);
            const double *utility = c->table->utility + rows[i] * m;
            for (size_t j = 0; j < m; j++) {
                const bool known = !isnan(utility[j]);
                state[j] += known ? weight * utility[j] : 0;
                state[m + j] += known ? weight : 0;
            }
            if (i + 1 == c->grid->k[k])
                choose_from(c, query, k++, beta, state);
        }
        while (k < c->grid->n_k) /* more than there are: all of them */
            choose_from(c, query, k++, beta, state);
    }
}

static void choose_part(void *context, size_t part) {
    const comparison *c = context;
    for (size_t q = part; q < c->table->n_queries; q += c->n_threads)
        choose_for(c, q, c->scratch + part * 3 * c->table->n_models);
}

/* A setting and what it is worth. */
typedef struct rated_setting {
    choice_value value;
    uint32_t k;
    double beta, shrinkage, category_weight;
} rated_setting;

/* Values of all settings, in their order. */
static void rate_all(const comparison *c, double category_weight, rated_setting *out) {
    for (size_t k = 0; k < c->grid->n_k; k++)
        for (size_t b = 0; b < N_BETA; b++)
            for (size_t s = 0; s < N_SHRINKAGE; s++) {
                const size_t number = setting_number(k, b, s);
                out[number] =
                    (rated_setting){.value = mlsel_i_value_choices(c->table, c->choices + number * c->table->n_queries),
                                    .k = c->grid->k[k],
                                    .beta = some_beta[b],
                                    .shrinkage = some_shrinkage[s],
                                    .category_weight = category_weight};
            }
}

/*
 * Differences far below the standard error are noise, and time spent on a query grows with k: of the settings within a
 * quarter of the error of the best, those of the smallest k count, and of these the best.
 */
static const rated_setting *pick(const rated_setting *rated, size_t n) {
    const rated_setting *best = &rated[0];
    for (size_t i = 1; i < n; i++)
        if (rated[i].value.utility > best->value.utility)
            best = &rated[i];
    const double error = best->value.standard_error;
    const double enough = best->value.utility - (isnan(error) ? 0 : error / 4);
    for (size_t i = 0; i < n; i++) {
        const bool is_smaller = rated[i].k < best->k, is_equal = rated[i].k == best->k;
        if ((is_smaller && rated[i].value.utility >= enough) ||
            (is_equal && rated[i].value.utility > best->value.utility))
            best = &rated[i];
    }
    return best;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static mlsel_status compare(comparison *c, double category_weight, train_run *run, rated_setting *out) {
    const size_t most = c->grid->k[c->grid->n_k - 1];
    const mlsel_status status = mlsel_i_neighbours_find(c->table, most, c->fold_of, run, &c->lists);
    if (status != MLSEL_OK)
        return status;
    mlsel_i_team_run(run->team, choose_part, c, c->n_threads);
    rate_all(c, category_weight, out);
    mlsel_i_neighbours_free(run, &c->lists);
    return MLSEL_OK;
}

static mlsel_status compare_weights(comparison *c, train_table *table, train_run *run, rated_setting *out) {
    const run_place place = mlsel_i_run_place(run);
    const size_t n = MLSEL_ARRAY_LENGTH(some_category_weights);
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_i_run_part(run, &place, i, n, "category weight %zu of %zu: ", i + 1, n);
        mlsel_i_table_weigh(table, some_category_weights[i]);
        status = compare(c, some_category_weights[i], run, out + i * n_settings(c->grid));
    }
    mlsel_i_run_return(run, &place);
    return status;
}

static void take(const rated_setting *best, train_settings *settings, mlsel_training_info *info) {
    settings->options.knn_k = best->k;
    settings->options.category_weight = best->category_weight;
    settings->knn_beta = best->beta;
    settings->shrinkage = best->shrinkage;
    info->cv_utility = best->value.utility;
    info->cv_standard_error = best->value.standard_error;
}

mlsel_status mlsel_i_knn_choose(train_table *table, train_settings *settings, train_run *run,
                                mlsel_training_info *info) {
    const mlsel_train_options *options = &settings->options;
    const size_t n = table->n_queries, m = table->n_models;
    const setting_grid grid = make_grid(table, settings);
    const bool is_weight_open = table->n_categories > 0 && !(options->category_weight > 0);
    const size_t n_rated = n_settings(&grid) * (is_weight_open ? MLSEL_ARRAY_LENGTH(some_category_weights) : 1);
    comparison c = {.table = table, .grid = &grid, .n_threads = mlsel_i_team_size(run->team)};
    uint32_t *fold_of = mlsel_i_run_alloc(run, n, sizeof *fold_of);
    double *priors = fold_of == NULL ? NULL : mlsel_i_run_alloc(run, options->folds * m, sizeof *priors);
    rated_setting *rated = priors == NULL ? NULL : mlsel_i_run_alloc(run, n_rated, sizeof *rated);
    c.scratch = rated == NULL ? NULL : mlsel_i_run_alloc(run, c.n_threads * m, 3 * sizeof *c.scratch);
    c.choices = c.scratch == NULL ? NULL : mlsel_i_run_alloc(run, n, n_settings(&grid) * sizeof *c.choices);
    mlsel_status status;
    if (c.choices == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    mlsel_i_folds_assign(n, options->folds, options->seed, fold_of);
    for (uint32_t fold = 0; fold < options->folds; fold++)
        mlsel_i_folds_means(table, fold_of, fold, priors + fold * m);
    c.fold_of = fold_of;
    c.priors = priors;
    status = mlsel_i_cross_validate_single(table, settings, run, &info->cv_best_single);
    if (status == MLSEL_OK)
        status =
            is_weight_open ? compare_weights(&c, table, run, rated) : compare(&c, options->category_weight, run, rated);
    if (status == MLSEL_OK) {
        take(pick(rated, n_rated), settings, info);
        info->n_candidates = (uint32_t)n_rated;
    }
out:
    mlsel_i_run_free(run, fold_of);
    mlsel_i_run_free(run, priors);
    mlsel_i_run_free(run, rated);
    mlsel_i_run_free(run, c.scratch);
    mlsel_i_run_free(run, c.choices);
    return status;
}
