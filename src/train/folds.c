/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-validation: what would have come of queries that were held out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train.h"

enum { FOLD_STREAM = 0x666f6c64 };

void mlsel_i_folds_assign(size_t n_queries, uint32_t n_folds, uint64_t seed, uint32_t *fold_of) {
    random_state random;
    mlsel_i_random_seed(&random, seed, FOLD_STREAM);
    mlsel_i_random_permutation(&random, fold_of, n_queries);
    for (size_t q = 0; q < n_queries; q++)
        fold_of[q] %= n_folds;
}

choice_value mlsel_i_value_choices(const train_table *table, const int32_t *choices) {
    double mean = 0, squares = 0;
    size_t n = 0;
    for (size_t q = 0; q < table->n_queries; q++) {
        const double utility = choices[q] < 0 ? (double)NAN : table->utility[q * table->n_models + (size_t)choices[q]];
        if (isnan(utility))
            continue;
        const double step = utility - mean;
        mean += step / (double)++n;
        squares += step * (utility - mean);
    }
    if (n == 0)
        return (choice_value){(double)NAN, (double)NAN, 0};
    return (choice_value){mean, n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN, n};
}

/* The queries of a fold (held_out) or of all others, in order. */
static size_t list_queries(const uint32_t *fold_of, size_t n, uint32_t fold, bool held_out, uint32_t *queries) {
    size_t count = 0;
    for (size_t q = 0; q < n; q++)
        if ((fold_of[q] == fold) == held_out)
            queries[count++] = (uint32_t)q;
    return count;
}

enum { QUERIES_AT_ONCE = 256 };

/* Where the labels of a model are among the table's models; -1: not there. */
static void map_labels(const train_table *table, const mlsel_model *model, size_t n_labels, int32_t *map) {
    for (size_t i = 0; i < n_labels; i++)
        map[i] = -1;
    for (size_t m = 0; m < table->n_models; m++) {
        const int32_t label = mlsel_model_find_label(model, table->models[m]);
        if (label >= 0)
            map[label] = (int32_t)m;
    }
}

/* What a model that is asked leaves room for: queries side by side, their answers. */
typedef struct question {
    float *x;              /* [QUERIES_AT_ONCE][n_features] */
    double *rows;          /* [QUERIES_AT_ONCE][n_labels] */
    mlsel_selection *best; /* [QUERIES_AT_ONCE] */
    int32_t *map;          /* [n_labels] */
    size_t n_labels;
} question;

static mlsel_status ask_some(const train_table *table, const mlsel_model *model, const uint32_t *queries, size_t n,
                             const question *ask, mlsel_error *err, double *scores, int32_t *choices) {
    const size_t width = table->n_features, m = table->n_models;
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < n; i++)
        memcpy(ask->x + i * width, table->x + queries[i] * table->stride, width * sizeof *ask->x);
    if (scores != NULL)
        status = mlsel_score_batch(model, ask->x, n, width, width, NULL, ask->rows, ask->n_labels, err);
    for (size_t i = 0; i < n && scores != NULL && status == MLSEL_OK; i++) {
        for (size_t j = 0; j < m; j++)
            scores[queries[i] * m + j] = (double)NAN;
        for (size_t j = 0; j < ask->n_labels; j++)
            if (ask->map[j] >= 0)
                scores[queries[i] * m + (size_t)ask->map[j]] = ask->rows[i * ask->n_labels + j];
    }
    if (choices == NULL || status != MLSEL_OK)
        return status;
    status = mlsel_select_batch(model, ask->x, n, width, width, NULL, ask->best, err);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        choices[queries[i]] = ask->map[ask->best[i].index];
    return status;
}

/* Scores and choices of the queries listed, by a model whose labels need not be all the table's models. */
static mlsel_status ask(const train_table *table, const mlsel_model *model, const uint32_t *queries, size_t n,
                        train_run *run, double *scores, int32_t *choices) {
    question q = {.n_labels = mlsel_model_label_count(model)};
    mlsel_status status = MLSEL_OK;
    q.x = mlsel_i_run_alloc(run, QUERIES_AT_ONCE, table->n_features * sizeof *q.x);
    q.rows = mlsel_i_run_alloc(run, QUERIES_AT_ONCE, q.n_labels * sizeof *q.rows);
    q.best = mlsel_i_run_alloc(run, QUERIES_AT_ONCE, sizeof *q.best);
    q.map = mlsel_i_run_alloc(run, q.n_labels, sizeof *q.map);
    if (q.x == NULL || q.rows == NULL || q.best == NULL || q.map == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    map_labels(table, model, q.n_labels, q.map);
    for (size_t from = 0; from < n && status == MLSEL_OK; from += QUERIES_AT_ONCE) {
        const size_t count = n - from < QUERIES_AT_ONCE ? n - from : QUERIES_AT_ONCE;
        status = ask_some(table, model, queries + from, count, &q, run->err, scores, choices);
    }
out:
    mlsel_i_run_free(run, q.x);
    mlsel_i_run_free(run, q.rows);
    mlsel_i_run_free(run, q.best);
    mlsel_i_run_free(run, q.map);
    return status;
}

/* One fold: train on `rest`, ask about `held_out`. */
static mlsel_status run_fold(const trainer *kind, const train_table *table, const train_settings *settings,
                             const uint32_t *rest, size_t n_rest, const uint32_t *held_out, size_t n_held_out,
                             train_run *run, double *scores, int32_t *choices) {
    train_table *part = NULL;
    mlsel_training *training = NULL;
    mlsel_model *model = NULL;
    const uint64_t bytes = mlsel_i_table_bytes(table, n_rest);
    if (!mlsel_i_run_count(run, bytes))
        return mlsel_i_run_status(run);
    mlsel_status status = mlsel_i_table_subset(table, rest, n_rest, &part, run->err);
    if (status == MLSEL_OK)
        status = mlsel_i_train_once(kind, part, settings, run, &training);
    mlsel_i_table_free(part);
    mlsel_i_run_uncount(run, bytes);
    if (status == MLSEL_OK)
        status = mlsel_training_model(training, NULL, &model, run->err);
    if (status == MLSEL_OK)
        status = ask(table, model, held_out, n_held_out, run, scores, choices);
    mlsel_model_release(model);
    mlsel_training_free(training);
    return status;
}

mlsel_status mlsel_i_cross_validate(const trainer *kind, const train_table *table, const train_settings *settings,
                                    train_run *run, double *scores, int32_t *choices) {
    const uint32_t n_folds = settings->options.folds;
    const size_t n = table->n_queries;
    const run_place place = mlsel_i_run_place(run);
    uint32_t *fold_of = mlsel_i_run_alloc(run, n, 3 * sizeof *fold_of);
    if (fold_of == NULL)
        return mlsel_i_run_status(run);
    uint32_t *rest = fold_of + n, *held_out = rest + n;
    mlsel_status status = MLSEL_OK;
    mlsel_i_folds_assign(n, n_folds, settings->options.seed, fold_of);
    for (uint32_t fold = 0; fold < n_folds && status == MLSEL_OK; fold++) {
        const size_t n_rest = list_queries(fold_of, n, fold, false, rest);
        const size_t n_held_out = list_queries(fold_of, n, fold, true, held_out);
        mlsel_i_run_part(run, &place, fold, n_folds, "fold %u of %u: ", (unsigned)(fold + 1), (unsigned)n_folds);
        status = run_fold(kind, table, settings, rest, n_rest, held_out, n_held_out, run, scores, choices);
    }
    mlsel_i_run_return(run, &place);
    mlsel_i_run_free(run, fold_of);
    return status;
}

void mlsel_i_folds_means(const train_table *table, const uint32_t *fold_of, uint32_t fold, double *means) {
    const size_t m = table->n_models;
    for (size_t j = 0; j < m; j++) {
        double sum = 0;
        size_t known = 0;
        for (size_t q = 0; q < table->n_queries; q++) {
            const double utility = table->utility[q * m + j];
            if (fold_of[q] == fold || isnan(utility))
                continue;
            sum += utility;
            known++;
        }
        means[j] = known > 0 ? sum / (double)known : (double)NAN;
    }
}

mlsel_status mlsel_i_cross_validate_single(const train_table *table, const train_settings *settings, train_run *run,
                                           double *utility) {
    const uint32_t n_folds = settings->options.folds;
    const size_t n = table->n_queries, m = table->n_models;
    uint32_t *fold_of = mlsel_i_run_alloc(run, n, sizeof *fold_of);
    int32_t *choices = mlsel_i_run_alloc(run, n, sizeof *choices);
    double *means = mlsel_i_run_alloc(run, m, sizeof *means);
    mlsel_status status = MLSEL_OK;
    if (fold_of == NULL || choices == NULL || means == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    mlsel_i_folds_assign(n, n_folds, settings->options.seed, fold_of);
    for (uint32_t fold = 0; fold < n_folds; fold++) {
        mlsel_i_folds_means(table, fold_of, fold, means);
        const int32_t best = mlsel_i_argmax(means, m);
        for (size_t q = 0; q < n; q++)
            choices[q] = fold_of[q] == fold ? best : choices[q];
    }
    *utility = mlsel_i_value_choices(table, choices).utility;
out:
    mlsel_i_run_free(run, fold_of);
    mlsel_i_run_free(run, choices);
    mlsel_i_run_free(run, means);
    return status;
}

mlsel_status mlsel_i_choose_settings(const trainer *kind, const train_table *table, const train_settings *candidates,
                                     size_t n, train_run *run, size_t *chosen, mlsel_training_info *info) {
    const run_place place = mlsel_i_run_place(run);
    int32_t *choices = mlsel_i_run_alloc(run, table->n_queries, sizeof *choices);
    if (choices == NULL)
        return mlsel_i_run_status(run);
    mlsel_status status = mlsel_i_cross_validate_single(table, &candidates[0], run, &info->cv_best_single);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_i_run_part(run, &place, i, n, "setting %zu of %zu: ", i + 1, n);
        status = mlsel_i_cross_validate(kind, table, &candidates[i], run, NULL, choices);
        if (status != MLSEL_OK) /* choices are not all there */
            break;
        const choice_value value = mlsel_i_value_choices(table, choices);
        if (i > 0 && !isnan(info->cv_utility) && !(value.utility > info->cv_utility))
            continue;
        *chosen = i;
        info->cv_utility = value.utility;
        info->cv_standard_error = value.standard_error;
    }
    info->n_candidates = (uint32_t)n;
    mlsel_i_run_return(run, &place);
    mlsel_i_run_free(run, choices);
    return status;
}
