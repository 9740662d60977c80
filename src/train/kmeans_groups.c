/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters that are known before: the tasks that queries come from, or their categories.
 *
 * A benchmark knows which task each query is of; a router does not. A centroid that is the mean of a task's queries
 * finds the task again from the embedding alone (a nearest centroid classifier), and no step of Lloyd's algorithm
 * follows, as it would blur the tasks again. Queries count for the centroid that is nearest, not for their own task's,
 * so that outcomes are those of the queries that will be sent there.
 */
#include <math.h>
#include <string.h>

#include "kmeans.h"

enum { LEAST_IN_GROUP = 20 }; /* queries; smaller tasks are one group together */

/* Tasks that are large enough get numbers from 0, the others the next one. 0: fewer than two groups. */
static size_t group_by(const uint32_t *ids, size_t n_ids, size_t n, uint32_t *sizes, uint32_t *groups) {
    memset(sizes, 0, n_ids * sizeof *sizes);
    for (size_t q = 0; q < n; q++)
        sizes[ids[q]]++;
    uint32_t n_groups = 0, rest = 0;
    for (size_t i = 0; i < n_ids; i++) {
        rest += sizes[i] < LEAST_IN_GROUP ? sizes[i] : 0;
        sizes[i] = sizes[i] < LEAST_IN_GROUP ? UINT32_MAX : n_groups++;
    }
    for (size_t q = 0; q < n; q++)
        groups[q] = sizes[ids[q]] == UINT32_MAX ? n_groups : sizes[ids[q]];
    return n_groups < 2 ? 0 : n_groups + (rest > 0);
}

/* Which category value of a row is set. */
static uint32_t category_of(const train_table *table, size_t query) {
    const float *values = table->x + query * table->stride + table->n_features - table->n_categories;
    uint32_t category = 0;
    while (category + 1 < table->n_categories && values[category] == 0)
        category++;
    return category;
}

mlsel_status mlsel_i_kmeans_groups(const train_table *table, train_run *run, uint32_t *groups, size_t *n_groups) {
    const size_t n = table->n_queries;
    const size_t most = table->n_tasks > table->n_categories ? table->n_tasks : table->n_categories;
    uint32_t *sizes = mlsel_i_run_alloc(run, most, sizeof *sizes), *ids = NULL;
    mlsel_status status = MLSEL_OK;
    *n_groups = 0;
    if (sizes == NULL)
        return mlsel_i_run_status(run);
    if (table->n_tasks > 1)
        *n_groups = group_by(table->tasks, table->n_tasks, n, sizes, groups);
    if (*n_groups == 0 && table->n_categories > 0) {
        ids = mlsel_i_run_alloc(run, n, sizeof *ids);
        if (ids == NULL) {
            status = mlsel_i_run_status(run);
            goto out;
        }
        for (size_t q = 0; q < n; q++)
            ids[q] = category_of(table, q);
        *n_groups = group_by(ids, table->n_categories, n, sizes, groups);
    }
out:
    mlsel_i_run_free(run, ids);
    mlsel_i_run_free(run, sizes);
    return status;
}

/* --- centroids ---------------------------------------------------------------------------------------------------- */

typedef struct grouping {
    const cluster_rows *rows;
    const uint32_t *groups;
    size_t n_groups, n_threads, first; /* row of part 0 */
    double *mass;                      /* [n_groups] weights of the rows */
    uint32_t *place;                   /* [n_groups] the group's centroid, if it has a weight */
    double *sums;                      /* [n_threads][n_features] */
    double *squared;                   /* [n] distance of each row to its centroid */
    clustering *out;
} grouping;

/* Groups that have rows with a weight get centroids, in their order. */
static void place_groups(grouping *g) {
    memset(g->mass, 0, g->n_groups * sizeof *g->mass);
    for (size_t q = 0; q < g->rows->n; q++)
        if (g->rows->weights[q] > 0)
            g->mass[g->groups[q]] += g->rows->weights[q];
    for (size_t i = 0; i < g->n_groups; i++)
        g->place[i] = g->mass[i] > 0 ? g->out->k++ : 0;
}

/* Means of the rows that have a weight, of every n_threads-th group. */
static void find_means(void *context, size_t part) {
    const grouping *g = context;
    const cluster_rows *rows = g->rows;
    double *sums = g->sums + part * rows->n_features;
    for (size_t group = part; group < g->n_groups; group += g->n_threads) {
        if (!(g->mass[group] > 0))
            continue;
        memset(sums, 0, rows->n_features * sizeof *sums);
        for (size_t q = 0; q < rows->n; q++) {
            if (g->groups[q] != group || !(rows->weights[q] > 0))
                continue;
            for (size_t i = 0; i < rows->n_features; i++)
                sums[i] += rows->weights[q] * (double)rows->x[q * rows->stride + i];
        }
        float *centroid = g->out->centroids + g->place[group] * rows->stride;
        for (size_t i = 0; i < rows->n_features; i++)
            centroid[i] = (float)(sums[i] / g->mass[group]);
    }
}

enum { ROWS_OF_PART = 128 };

/* The nearest centroid of each row. */
static void assign_part(void *context, size_t part) {
    const grouping *g = context;
    const cluster_rows *rows = g->rows;
    const size_t first = g->first + part * ROWS_OF_PART;
    for (size_t q = first; q < rows->n && q < first + ROWS_OF_PART; q++)
        g->out->labels[q] = mlsel_i_nearest_centroid(rows->x + q * rows->stride, g->out->centroids, g->out->k,
                                                     rows->stride, rows->n_features, &g->squared[q]);
}

/* Rows in rounds, between which the caller is asked; sums are in the order of the rows, whatever the threads do. */
static mlsel_status assign(grouping *g, train_run *run) {
    enum { PARTS_AT_ONCE = 4 /* of each thread */ };
    const size_t n = g->rows->n, parts = PARTS_AT_ONCE * g->n_threads;
    mlsel_status status = MLSEL_OK;
    for (; g->first < n && status == MLSEL_OK; g->first += parts * ROWS_OF_PART) {
        mlsel_i_team_run(run->team, assign_part, g, parts);
        const size_t done = g->first + parts * ROWS_OF_PART;
        status = mlsel_i_run_report(run, "queries by group", done < n ? done : n, n, (double)NAN, (double)NAN);
    }
    g->out->inertia = 0;
    for (size_t q = 0; q < n; q++)
        g->out->inertia += g->rows->weights[q] * g->squared[q];
    return status;
}

mlsel_status mlsel_i_cluster_groups(const cluster_rows *rows, const uint32_t *groups, size_t n_groups, train_run *run,
                                    clustering *out) {
    grouping g = {
        .rows = rows, .groups = groups, .n_groups = n_groups, .n_threads = mlsel_i_team_size(run->team), .out = out};
    *out = (clustering){.centroids = mlsel_i_run_calloc(run, n_groups, rows->stride * sizeof *out->centroids),
                        .labels = mlsel_i_run_alloc(run, rows->n, sizeof *out->labels)};
    g.mass = mlsel_i_run_alloc(run, n_groups, sizeof *g.mass);
    g.place = mlsel_i_run_alloc(run, n_groups, sizeof *g.place);
    g.sums = mlsel_i_run_alloc(run, g.n_threads, rows->n_features * sizeof *g.sums);
    g.squared = mlsel_i_run_alloc(run, rows->n, sizeof *g.squared);
    mlsel_status status = MLSEL_OK;
    if (out->centroids == NULL || out->labels == NULL || g.mass == NULL || g.place == NULL || g.sums == NULL ||
        g.squared == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    place_groups(&g);
    mlsel_i_team_run(run->team, find_means, &g, g.n_threads);
    status = assign(&g, run);
out:
    mlsel_i_run_free(run, g.mass);
    mlsel_i_run_free(run, g.place);
    mlsel_i_run_free(run, g.sums);
    mlsel_i_run_free(run, g.squared);
    if (status != MLSEL_OK)
        mlsel_i_clustering_free(run, out, 1);
    return status;
}
