/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters that are known before: the tasks that queries come from, or their categories.
 *
 * A benchmark knows which task each query is of; a router does not. A centroid that is the mean of a task's queries
 * finds the task again from the embedding alone (a nearest centroid classifier), and no step of Lloyd's algorithm
 * follows, as it would blur the tasks again. Queries count for the centroid that is nearest, not for their own task's,
 * so that outcomes are those of the queries that will be sent there.
 */
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

/* Means of the rows that have a weight, of each group that has such rows; returns how many those are. */
static uint32_t group_means(const cluster_rows *rows, const uint32_t *groups, size_t n_groups, double *sums,
                            float *centroids) {
    uint32_t k = 0;
    for (uint32_t g = 0; g < n_groups; g++) {
        double weight = 0;
        memset(sums, 0, rows->n_features * sizeof *sums);
        for (size_t q = 0; q < rows->n; q++) {
            if (groups[q] != g || !(rows->weights[q] > 0))
                continue;
            weight += rows->weights[q];
            for (size_t i = 0; i < rows->n_features; i++)
                sums[i] += rows->weights[q] * (double)rows->x[q * rows->stride + i];
        }
        for (size_t i = 0; i < rows->n_features && weight > 0; i++)
            centroids[k * rows->stride + i] = (float)(sums[i] / weight);
        k += weight > 0;
    }
    return k;
}

/* The nearest centroid of each row, and what that comes to. */
static void assign(const cluster_rows *rows, clustering *out) {
    out->inertia = 0;
    for (size_t q = 0; q < rows->n; q++) {
        const float *x = rows->x + q * rows->stride;
        const uint32_t c = mlsel_i_nearest_centroid(x, out->centroids, out->k, rows->stride, rows->n_features);
        double distance = 0;
        for (size_t i = 0; i < rows->n_features; i++) {
            const double d = (double)x[i] - (double)out->centroids[c * rows->stride + i];
            distance += d * d;
        }
        out->labels[q] = c;
        out->inertia += rows->weights[q] * distance;
    }
}

mlsel_status mlsel_i_cluster_groups(const cluster_rows *rows, const uint32_t *groups, size_t n_groups, train_run *run,
                                    clustering *out) {
    double *sums = mlsel_i_run_alloc(run, rows->n_features, sizeof *sums);
    *out = (clustering){.centroids = mlsel_i_run_calloc(run, n_groups, rows->stride * sizeof *out->centroids),
                        .labels = mlsel_i_run_alloc(run, rows->n, sizeof *out->labels)};
    if (sums == NULL || out->centroids == NULL || out->labels == NULL) {
        mlsel_i_run_free(run, sums);
        mlsel_i_clustering_free(run, out, 1);
        return mlsel_i_run_status(run);
    }
    out->k = group_means(rows, groups, n_groups, sums, out->centroids);
    assign(rows, out);
    mlsel_i_run_free(run, sums);
    return MLSEL_OK;
}
