/* SPDX-License-Identifier: Apache-2.0 */
/* What is known before anything is chosen: outcomes, utilities, the models' means. */
#include <math.h>
#include <string.h>

#include "dataset.h"
#include "evaluate.h"

/* --- grids -------------------------------------------------------------------------------------------------------- */

void mlsel_i_outcomes_free(outcome_grid *grid) {
    mlsel_i_free(grid->quality);
    mlsel_i_free(grid->latency_s);
    mlsel_i_free(grid->cost);
    *grid = (outcome_grid){0};
}

static const char *model_name(const mlsel_dataset *dataset, size_t model) {
    return dataset->models[dataset->model_order[model]];
}

/* Where each model of `rows` (by first occurrence) is among the models by name; -1: it is not. */
static void match_models(const mlsel_dataset *rows, const mlsel_dataset *models, int32_t *column) {
    for (size_t from = 0, to = 0; from < rows->n_models; from++) {
        const char *name = model_name(rows, from);
        while (to < models->n_models && strcmp(model_name(models, to), name) < 0)
            to++;
        const bool is_there = to < models->n_models && strcmp(model_name(models, to), name) == 0;
        column[rows->model_order[from]] = is_there ? (int32_t)to : -1;
    }
}

static void fill_grid(const mlsel_dataset *rows, const int32_t *column, outcome_grid *grid) {
    const size_t cells = grid->n_queries * grid->n_models;
    for (size_t i = 0; i < cells; i++)
        grid->quality[i] = grid->latency_s[i] = grid->cost[i] = (double)NAN;
    for (size_t i = 0; i < rows->n_pairs; i++) {
        const dataset_pair *pair = &rows->pairs[i];
        if (column[pair->model] < 0)
            continue;
        const size_t cell = pair->query * grid->n_models + (size_t)column[pair->model];
        grid->quality[cell] = pair->quality;
        grid->latency_s[cell] = pair->latency_s;
        grid->cost[cell] = pair->cost;
    }
}

mlsel_status mlsel_i_outcomes_create(const mlsel_dataset *rows, const mlsel_dataset *models, outcome_grid *grid,
                                     mlsel_error *err) {
    const size_t n = rows->n_queries, m = models->n_models;
    const size_t cells = m > 0 && n > SIZE_MAX / m ? SIZE_MAX : n * m;
    int32_t *column = mlsel_i_alloc(rows->n_models, sizeof *column);
    *grid = (outcome_grid){.n_queries = n,
                           .n_models = m,
                           .quality = mlsel_i_alloc(cells, sizeof(double)),
                           .latency_s = mlsel_i_alloc(cells, sizeof(double)),
                           .cost = mlsel_i_alloc(cells, sizeof(double))};
    const bool has_memory = column != NULL && grid->quality != NULL && grid->latency_s != NULL && grid->cost != NULL;
    if (has_memory) {
        match_models(rows, models, column);
        fill_grid(rows, column, grid);
    } else {
        mlsel_i_outcomes_free(grid);
    }
    mlsel_i_free(column);
    return has_memory ? MLSEL_OK : mlsel_i_no_memory(err);
}

/* --- means of models ---------------------------------------------------------------------------------------------- */

/* 1 for nothing, 1/2 for the scale. */
static double half_at(double value, double scale) { return 1 / (1 + value / scale); }

static double identity(double value, double scale) {
    (void)scale;
    return value;
}

/* The mean of each model over the queries where it is known, NaN elsewhere; returns the mean over all. */
static double mean_by_model(const outcome_grid *grid, const double *quantity, double (*of)(double, double),
                            double scale, double *means) {
    double all = 0;
    size_t n_all = 0;
    for (size_t m = 0; m < grid->n_models; m++) {
        double sum = 0;
        size_t n = 0;
        for (size_t q = 0; q < grid->n_queries; q++) {
            const double value = quantity[q * grid->n_models + m];
            if (isnan(value))
                continue;
            sum += of(value, scale);
            n++;
        }
        means[m] = n > 0 ? sum / (double)n : (double)NAN;
        all += sum;
        n_all += n;
    }
    return n_all > 0 ? all / (double)n_all : (double)NAN;
}

/* Replaces what is not known by the mean of all. False if nothing is known. */
static bool complete(double *means, size_t n, double all) {
    for (size_t m = 0; m < n; m++)
        means[m] = isnan(means[m]) ? all : means[m];
    return !isnan(all);
}

/* Frees and forgets means that say nothing. */
static void keep_if(bool is_known, double **means) {
    if (is_known)
        return;
    mlsel_i_free(*means);
    *means = NULL;
}

/* Latencies and costs come from the records themselves where the reference has none at all. */
static void fill_speed(const evaluate_run *e, model_means *means) {
    const size_t m = e->grid.n_models;
    double all = mean_by_model(e->reference, e->reference->latency_s, half_at, SPEED_SCALE_S, means->speed);
    if (isnan(all))
        all = mean_by_model(&e->grid, e->grid.latency_s, half_at, SPEED_SCALE_S, means->speed);
    keep_if(complete(means->speed, m, all), &means->speed);
}

static void fill_thrift(const evaluate_run *e, model_means *means) {
    const size_t m = e->grid.n_models;
    double highest = 0;
    double all = mean_by_model(e->reference, e->reference->cost, identity, 0, means->thrift);
    if (isnan(all))
        all = mean_by_model(&e->grid, e->grid.cost, identity, 0, means->thrift);
    keep_if(complete(means->thrift, m, all), &means->thrift);
    for (size_t i = 0; i < m && means->thrift != NULL; i++)
        highest = means->thrift[i] > highest ? means->thrift[i] : highest;
    means->highest_cost = highest > 0 ? highest : 1;
    for (size_t i = 0; i < m && means->thrift != NULL; i++)
        means->thrift[i] = half_at(means->thrift[i], means->highest_cost);
}

static mlsel_status fill_means(evaluate_run *e) {
    model_means *means = &e->means;
    const size_t m = e->grid.n_models;
    means->quality = mlsel_i_alloc(m, sizeof(double));
    means->speed = mlsel_i_alloc(m, sizeof(double));
    means->thrift = mlsel_i_alloc(m, sizeof(double));
    if (means->quality == NULL || means->speed == NULL || means->thrift == NULL)
        return mlsel_i_no_memory(e->run.err);
    fill_speed(e, means);
    fill_thrift(e, means);
    mean_by_model(e->reference, e->reference->quality, identity, 0, means->quality);
    means->best = mlsel_i_argmax(means->quality, m);
    if (means->best < 0)
        return mlsel_i_fail(e->run.err, MLSEL_ERROR_NOT_TRAINED,
                            e->options.reference == NULL
                                ? "no outcome to measure: the quality of not one answer is known"
                                : "the reference has no known quality of any of the %zu models evaluated",
                            m);
    return MLSEL_OK;
}

/* --- utilities ---------------------------------------------------------------------------------------------------- */

/* As trainers weigh outcomes: the speed measured, or else the model's mean; quality alone where no latency is known. */
static void fill_utilities(evaluate_run *e) {
    const double wq = e->options.quality_weight;
    for (size_t i = 0; i < e->grid.n_queries * e->grid.n_models; i++) {
        const double quality = e->grid.quality[i], latency = e->grid.latency_s[i];
        if (e->means.speed == NULL) {
            e->utility[i] = quality;
            continue;
        }
        const double mean = e->means.speed[i % e->grid.n_models];
        e->utility[i] = wq * quality + (1 - wq) * (isnan(latency) ? mean : half_at(latency, SPEED_SCALE_S));
    }
}

static mlsel_status count_queries(evaluate_run *e) {
    const size_t n = e->grid.n_queries, m = e->grid.n_models;
    for (size_t q = 0; q < n; q++) {
        const int32_t best = mlsel_i_argmax(e->grid.quality + q * m, m);
        e->best[q] = best < 0 ? (double)NAN : e->grid.quality[q * m + (size_t)best];
        if (best >= 0)
            e->counted[e->n_counted++] = (uint32_t)q;
    }
    if (e->n_counted > 0)
        return MLSEL_OK;
    return mlsel_i_fail(e->run.err, MLSEL_ERROR_NOT_TRAINED,
                        "no outcome to measure: the quality of not one answer is known");
}

mlsel_status mlsel_i_evaluate_outcomes(evaluate_run *e) {
    mlsel_status status = mlsel_i_outcomes_create(e->dataset, e->dataset, &e->grid, e->run.err);
    e->reference = &e->grid;
    e->reference_data = e->dataset;
    if (status == MLSEL_OK && e->options.reference != NULL) {
        status = mlsel_i_outcomes_create(e->options.reference, e->dataset, &e->own_reference, e->run.err);
        e->reference = &e->own_reference;
        e->reference_data = e->options.reference;
    }
    if (status != MLSEL_OK)
        return status;
    const size_t n = e->grid.n_queries;
    e->utility = mlsel_i_alloc(n * e->grid.n_models, sizeof *e->utility);
    e->best = mlsel_i_alloc(n, sizeof *e->best);
    e->counted = mlsel_i_alloc(n, sizeof *e->counted);
    if (e->utility == NULL || e->best == NULL || e->counted == NULL)
        return mlsel_i_no_memory(e->run.err);
    if ((status = count_queries(e)) == MLSEL_OK && (status = fill_means(e)) == MLSEL_OK)
        fill_utilities(e);
    return status;
}
