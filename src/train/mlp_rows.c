/* SPDX-License-Identifier: Apache-2.0 */
#include "mlp_rows.h"

#include <math.h>
#include <string.h>

#include "neighbours.h"

/*
 * Targets of the outcome objective are not a query's own outcomes, of which each is one throw of a die, but what its
 * neighbours lead one to expect. By cross-validation on two sets of records, any share of a query's own outcomes was
 * worse than none, and a tenth of the queries, weighing less with the distance, about right.
 */
enum { LEAST_NEIGHBOURS = 100, MOST_NEIGHBOURS = 800 };
static const double prior_weight = 3;

static const double validation_share = 0.1;
static const size_t least_validation = 10; /* fewer say nothing */

enum { STREAM_VALIDATION = 3000 };

void mlsel_i_mlp_rows_free(train_run *run, mlp_rows *rows) {
    mlsel_i_run_free(run, rows->prior);
    mlsel_i_run_free(run, rows->order);
    mlsel_i_run_free(run, rows->query);
    mlsel_i_run_free(run, rows->label);
    mlsel_i_run_free(run, rows->weight);
    mlsel_i_run_free(run, rows->target);
    memset(rows, 0, sizeof *rows);
}

/* The ecosystem's weight of a record. */
static float record_weight(const table_record *record) {
    static const double least = 0.1;
    return (float)fmax(least, mlsel_i_record_value(record));
}

static mlsel_status fill_compatible(const train_table *table, train_run *run, mlp_rows *rows) {
    const size_t n = table->n_records;
    if (n == 0)
        return mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED, "there are no records to train an MLP on");
    rows->query = mlsel_i_run_alloc(run, n, sizeof *rows->query);
    rows->label = mlsel_i_run_alloc(run, n, sizeof *rows->label);
    rows->weight = mlsel_i_run_alloc(run, n, sizeof *rows->weight);
    if (rows->query == NULL || rows->label == NULL || rows->weight == NULL)
        return mlsel_i_run_status(run);
    for (size_t i = 0; i < n; i++) {
        rows->query[i] = table->records[i].query;
        rows->label[i] = table->records[i].model;
        rows->weight[i] = record_weight(&table->records[i]);
    }
    rows->examples.n = n;
    rows->examples.query = rows->query;
    rows->examples.label = rows->label;
    rows->examples.weight = rows->weight;
    return MLSEL_OK;
}

/* What the neighbours lead one to expect; a query without any has its own outcomes, and where they are unknown the
 * prior. */
static void fill_target(const train_table *table, const neighbour_lists *lists, const mlp_rows *rows, size_t query,
                        double *weights, double *expected) {
    const neighbour_weights how = {.k = lists->k - 1, .is_linear = true, .shrinkage = prior_weight};
    const double *own = table->utility + query * table->n_models;
    if (lists->counts[query] > 0)
        mlsel_i_neighbours_expect(table, lists, &how, query, rows->prior, weights, expected);
    for (size_t m = 0; m < table->n_models; m++) {
        if (lists->counts[query] == 0)
            expected[m] = isnan(own[m]) ? rows->prior[m] : own[m];
        rows->target[query * table->n_models + m] = (float)expected[m];
    }
}

static mlsel_status fill_outcome(const train_table *table, train_run *run, mlp_rows *rows) {
    const size_t n = table->n_queries, m = table->n_models, tenth = n / 10;
    const size_t k = tenth < LEAST_NEIGHBOURS ? LEAST_NEIGHBOURS : tenth > MOST_NEIGHBOURS ? MOST_NEIGHBOURS : tenth;
    neighbour_lists lists = {0};
    rows->prior = mlsel_i_run_alloc(run, m, sizeof *rows->prior);
    rows->target = mlsel_i_run_alloc(run, n, m * sizeof *rows->target);
    double *room = mlsel_i_run_alloc(run, k + m, sizeof *room);
    mlsel_status status = MLSEL_OK;
    if (rows->prior == NULL || rows->target == NULL || room == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    mlsel_i_table_mean_utility(table, rows->prior);
    if (mlsel_i_argmax(rows->prior, m) < 0) {
        status = mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED, "no model has a known quality");
        goto out;
    }
    /* one more than count, as the weights fall to 0 there */
    if ((status = mlsel_i_neighbours_find(table, k + 1, NULL, run, &lists)) != MLSEL_OK)
        goto out;
    for (size_t q = 0; q < n; q++)
        fill_target(table, &lists, rows, q, room, room + k);
    rows->examples.n = n;
    rows->examples.target = rows->target;
out:
    mlsel_i_neighbours_free(run, &lists);
    mlsel_i_run_free(run, room);
    return status;
}

mlsel_status mlsel_i_mlp_rows_create(const train_table *table, const mlsel_train_options *options, train_run *run,
                                     mlp_rows *out) {
    const bool compatible = options->objective == MLSEL_OBJECTIVE_COMPATIBLE;
    memset(out, 0, sizeof *out);
    out->examples.n_outputs = table->n_models;
    out->examples.x = table->x;
    out->examples.stride = table->stride;
    const mlsel_status status = compatible ? fill_compatible(table, run, out) : fill_outcome(table, run, out);
    if (status != MLSEL_OK)
        return status;
    const size_t n = out->examples.n;
    /* batch norm cannot learn from one row: a single one is taken twice */
    if ((out->order = mlsel_i_run_calloc(run, n + 1, sizeof *out->order)) == NULL)
        return mlsel_i_run_status(run);
    random_state r;
    mlsel_i_random_seed(&r, options->seed, STREAM_VALIDATION);
    mlsel_i_random_permutation(&r, out->order, n);
    out->n_validation = compatible ? 0 : (size_t)(validation_share * (double)n);
    if (out->n_validation < least_validation)
        out->n_validation = 0;
    out->n_train = n > 1 ? n - out->n_validation : 2;
    return MLSEL_OK;
}
