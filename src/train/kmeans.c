/* SPDX-License-Identifier: Apache-2.0 */
/* The KMeans trainer. */
#include "kmeans.h"

#include <math.h>
#include <string.h>

enum {
    COMPATIBLE_CLUSTERS = 8,
    MOST_DEFAULT_CLUSTERS = 20, /* of the outcome objective where there is too little data to choose */
    QUERIES_PER_CLUSTER = 8
};

static const double tolerance = 1e-4; /* scikit-learn's */

cluster_settings mlsel_i_kmeans_settings(const mlsel_train_options *options, uint32_t k) {
    return (cluster_settings){.k = k,
                              .n_starts = options->kmeans_starts,
                              .max_iterations = options->kmeans_iterations,
                              .tolerance = tolerance,
                              .seed = options->seed};
}

/* --- outcome ------------------------------------------------------------------------------------------------------ */

void mlsel_i_cluster_means(const train_table *table, const double *weights, const uint32_t *labels,
                           cluster_means *means) {
    const size_t m = table->n_models;
    memset(means->sums, 0, means->k * m * sizeof *means->sums);
    memset(means->counts, 0, means->k * m * sizeof *means->counts);
    for (size_t q = 0; q < table->n_queries; q++)
        for (size_t i = 0; i < m && weights[q] > 0; i++) {
            const double utility = table->utility[q * m + i];
            if (isnan(utility))
                continue;
            means->sums[labels[q] * m + i] += utility;
            means->counts[labels[q] * m + i]++;
        }
    for (size_t i = 0; i < m; i++) {
        double sum = 0, count = 0;
        for (size_t c = 0; c < means->k; c++) {
            sum += means->sums[c * m + i];
            count += means->counts[c * m + i];
        }
        means->prior[i] = count > 0 ? sum / count : (double)NAN;
    }
}

void mlsel_i_cluster_scores(const cluster_means *means, size_t cluster, double shrinkage, double *scores) {
    const double *sums = means->sums + cluster * means->n_models, *counts = means->counts + cluster * means->n_models;
    for (size_t i = 0; i < means->n_models; i++)
        scores[i] = counts[i] > 0 ? (sums[i] + shrinkage * means->prior[i]) / (counts[i] + shrinkage) : means->prior[i];
}

/* --- the state ---------------------------------------------------------------------------------------------------- */

static kmeans_state *create_state(const train_table *table, const train_settings *settings, const clustering *best,
                                  uint32_t requested) {
    kmeans_state *state = mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return NULL;
    const size_t k = best->k, n = table->n_features, m = table->n_models;
    state->options = settings->options;
    state->k = best->k;
    state->requested = requested;
    state->n_features = (uint32_t)n;
    state->n_models = (uint32_t)m;
    state->n_queries = table->n_queries;
    state->centroids = mlsel_i_alloc(k, n * sizeof *state->centroids);
    state->choices = mlsel_i_calloc(k, sizeof *state->choices);
    state->scores = mlsel_i_calloc(k, m * sizeof *state->scores);
    state->support = mlsel_i_calloc(k, m * sizeof *state->support);
    state->sizes = mlsel_i_calloc(k, sizeof *state->sizes);
    state->prior = mlsel_i_calloc(m, sizeof *state->prior);
    state->prior_counts = mlsel_i_calloc(m, sizeof *state->prior_counts);
    if (state->centroids == NULL || state->choices == NULL || state->scores == NULL || state->support == NULL ||
        state->sizes == NULL || state->prior == NULL || state->prior_counts == NULL) {
        mlsel_i_kmeans_free(state);
        return NULL;
    }
    for (size_t c = 0; c < k; c++)
        memcpy(state->centroids + c * n, best->centroids + c * table->stride, n * sizeof *state->centroids);
    mlsel_i_kmeans_hash(table, settings, state);
    return state;
}

/* Sums become means once their counts are complete. What is not known counts as 0: no lower utility is possible. */
static void finish_prior(kmeans_state *state) {
    for (size_t i = 0; i < state->n_models; i++)
        state->prior[i] = state->prior_counts[i] > 0 ? state->prior[i] / state->prior_counts[i] : 0;
}

/* The models by their shrunk mean utility. */
static void judge_outcomes(const train_table *table, const double *weights, const uint32_t *labels, double shrinkage,
                           kmeans_state *state) {
    const size_t m = state->n_models;
    cluster_means means = {
        .k = state->k, .n_models = m, .sums = state->scores, .counts = state->support, .prior = state->prior};
    mlsel_i_cluster_means(table, weights, labels, &means);
    for (size_t q = 0; q < table->n_queries; q++)
        state->sizes[labels[q]] += weights[q];
    for (size_t c = 0; c < state->k; c++) {
        double *scores = state->scores + c * m;
        mlsel_i_cluster_scores(&means, c, shrinkage, scores);
        for (size_t i = 0; i < m; i++) {
            scores[i] = isnan(scores[i]) ? 0 : scores[i];
            state->prior_counts[i] += state->support[c * m + i];
        }
        state->choices[c] = (uint32_t)mlsel_i_argmax(scores, m); /* of what is written: readers compare the two */
    }
    for (size_t i = 0; i < m; i++)
        state->prior[i] = isnan(state->prior[i]) ? 0 : state->prior[i];
}

/*
 * The models by the sum over their records; the first one met in the records on ties, which has the lower `order`.
 * Scores are those sums by the cluster's size.
 */
static mlsel_status judge_records(const train_table *table, const uint32_t *labels, train_run *run,
                                  kmeans_state *state) {
    const size_t m = state->n_models, k = state->k;
    double *order = mlsel_i_run_calloc(run, k, m * sizeof *order);
    if (order == NULL)
        return mlsel_i_run_status(run);
    for (size_t i = 0; i < table->n_records; i++) {
        const table_record *record = &table->records[i];
        const size_t c = labels[record->query], cell = c * m + record->model;
        const double quality = isnan(record->quality) ? 0 : record->quality;
        /* 1 - 0.9 is not the 0.1 of mlsel_i_record_value, by its last bits: sums stay what they have been */
        const double score = COMPATIBLE_QUALITY_WEIGHT * quality +
                             (1 - COMPATIBLE_QUALITY_WEIGHT) / (1 + record->latency_ms / SPEED_SCALE_MS);
        if (state->support[cell] == 0)
            order[cell] = state->sizes[c];
        state->scores[cell] += score;
        state->support[cell]++;
        state->sizes[c]++;
        state->prior[record->model] += score;
        state->prior_counts[record->model]++;
    }
    for (size_t c = 0; c < k; c++) {
        const double *scores = state->scores + c * m, *support = state->support + c * m, *met = order + c * m;
        size_t best = m;
        for (size_t i = 0; i < m; i++)
            if (support[i] > 0 &&
                (best == m || scores[i] > scores[best] || (scores[i] == scores[best] && met[i] < met[best])))
                best = i;
        state->choices[c] = best == m ? 0 : (uint32_t)best;
    }
    for (size_t i = 0; i < k * m; i++)
        state->scores[i] = state->sizes[i / m] > 0 ? state->scores[i] / state->sizes[i / m] : 0;
    finish_prior(state);
    mlsel_i_run_free(run, order);
    return MLSEL_OK;
}

/* --- training ----------------------------------------------------------------------------------------------------- */

/* How often each query counts. NOT_TRAINED if none does. */
static mlsel_status weigh_rows(const train_table *table, bool is_compatible, train_run *run, double *weights) {
    bool is_known = false;
    for (size_t q = 0; q < table->n_queries; q++)
        weights[q] = is_compatible ? 0 : 1;
    for (size_t i = 0; i < table->n_records && is_compatible; i++)
        weights[table->records[i].query]++;
    for (size_t i = 0; i < table->n_queries * table->n_models; i++)
        is_known = is_known || !isnan(table->utility[i]);
    if (is_compatible ? table->n_records > 0 : is_known)
        return MLSEL_OK;
    return mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED,
                        is_compatible ? "there are no records to train from"
                                      : "no quality of any model is known for any query");
}

static uint32_t default_clusters(const train_table *table, bool is_compatible) {
    if (is_compatible)
        return COMPATIBLE_CLUSTERS;
    const size_t n = table->n_queries / QUERIES_PER_CLUSTER;
    return n < 1 ? 1 : n < MOST_DEFAULT_CLUSTERS ? (uint32_t)n : MOST_DEFAULT_CLUSTERS;
}

/* The clusters: of the groups, or the best of several starts. */
static mlsel_status find_clusters(const train_table *table, const train_settings *settings, const cluster_settings *how,
                                  const double *weights, train_run *run, clustering *clusterings, size_t *best) {
    const cluster_rows rows = {table->x, table->stride, table->n_queries, table->n_features, weights};
    size_t n_groups = 0;
    *best = 0;
    if (!settings->by_group)
        return mlsel_i_cluster(&rows, how, run, clusterings, best);
    uint32_t *groups = mlsel_i_run_alloc(run, table->n_queries, sizeof *groups);
    if (groups == NULL)
        return mlsel_i_run_status(run);
    mlsel_status status = mlsel_i_kmeans_groups(table, run, groups, &n_groups);
    if (status == MLSEL_OK && n_groups > 0)
        status = mlsel_i_cluster_groups(&rows, groups, n_groups, run, clusterings);
    else if (status == MLSEL_OK) /* a part of the data whose tasks are too small */
        status = mlsel_i_cluster(&rows, how, run, clusterings, best);
    mlsel_i_run_free(run, groups);
    return status;
}

static mlsel_status train(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                          mlsel_training_info *info) {
    const bool is_compatible = settings->options.objective == MLSEL_OBJECTIVE_COMPATIBLE;
    const uint32_t wanted = settings->options.kmeans_clusters;
    const uint32_t requested = wanted > 0 ? wanted : default_clusters(table, is_compatible);
    const uint32_t k = requested < table->n_queries ? requested : (uint32_t)table->n_queries;
    const cluster_settings how = mlsel_i_kmeans_settings(&settings->options, k);
    const double shrinkage = is_compatible             ? 0
                             : settings->shrinkage > 0 ? settings->shrinkage
                                                       : KMEANS_DEFAULT_SHRINKAGE;
    double *weights = mlsel_i_run_alloc(run, table->n_queries, sizeof *weights);
    clustering *clusterings = mlsel_i_run_calloc(run, how.n_starts, sizeof *clusterings);
    kmeans_state *state = NULL;
    size_t best = 0;
    mlsel_status status = MLSEL_OK;
    if (weights == NULL || clusterings == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    if ((status = weigh_rows(table, is_compatible, run, weights)) != MLSEL_OK)
        goto out;
    if ((status = find_clusters(table, settings, &how, weights, run, clusterings, &best)) != MLSEL_OK)
        goto out;
    if ((state = create_state(table, settings, &clusterings[best], requested)) == NULL) {
        status = mlsel_i_no_memory(run->err);
        goto out;
    }
    if (is_compatible)
        status = judge_records(table, clusterings[best].labels, run, state);
    else
        judge_outcomes(table, weights, clusterings[best].labels, shrinkage, state);
    if (status != MLSEL_OK)
        goto out;
    info->n_rows = is_compatible ? table->n_records : table->n_queries;
    info->n_clusters = state->k;
    info->by_group = settings->by_group;
    info->iterations = clusterings[best].iterations;
    info->inertia = clusterings[best].inertia;
    info->shrinkage = shrinkage;
    *out = (trained){.state = state, .write = mlsel_i_kmeans_write, .free = mlsel_i_kmeans_free};
    state = NULL;
out:
    mlsel_i_kmeans_free(state);
    if (clusterings != NULL)
        mlsel_i_clustering_free(run, clusterings, how.n_starts);
    mlsel_i_run_free(run, clusterings);
    mlsel_i_run_free(run, weights);
    return status;
}

const trainer mlsel_i_trainer_kmeans = {
    .algorithm = MLSEL_ALGORITHM_KMEANS, .train = train, .choose = mlsel_i_kmeans_choose};
