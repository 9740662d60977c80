/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing the number of clusters, the shrinkage and the category weight by cross-validation.
 *
 * One clustering of a fold's training queries serves all shrinkages, and assigns the queries held out as well: they are
 * rows without weight. The value of a setting is the mean over several starts, each by itself, which is steadier than
 * that of the best one.
 */
#include <math.h>

#include "kmeans.h"

enum {
    CV_STARTS = 4,
    N_SHRINKAGES = 5,
    LEAST_QUERIES = 8 /* per cluster, in the training folds */
};

static const uint32_t cluster_grid[] = {4, 8, 12, 16, 20, 26, 34};
static const double weight_grid[] = {0.3, 0.6, 1};
/* In order of preference where there is no difference. */
static const double shrinkage_grid[N_SHRINKAGES] = {KMEANS_DEFAULT_SHRINKAGE, 3, 30, 1, 100};

typedef struct chooser {
    const train_table *table;
    train_run *run;
    uint32_t n_folds;
    uint32_t *fold_of; /* [n_queries] */
    double *weights;   /* [n_queries] 0: held out */
    uint32_t *groups;  /* [n_queries] */
    size_t n_groups;
    size_t n_starts;
    int32_t *choices; /* [n_starts][N_SHRINKAGES][n_queries] */
    cluster_means means;
    double *scores; /* [n_models] */
} chooser;

/* What the clusters of one start mean for the queries held out. */
static void decide(chooser *c, const clustering *clusters, size_t start) {
    const size_t n = c->table->n_queries;
    c->means.k = clusters->k;
    mlsel_i_cluster_means(c->table, c->weights, clusters->labels, &c->means);
    for (size_t s = 0; s < N_SHRINKAGES; s++) {
        int32_t *choices = c->choices + (start * N_SHRINKAGES + s) * n;
        for (uint32_t cluster = 0; cluster < clusters->k; cluster++) {
            mlsel_i_cluster_scores(&c->means, cluster, shrinkage_grid[s], c->scores);
            const int32_t best = mlsel_i_argmax(c->scores, c->table->n_models);
            for (size_t q = 0; q < n; q++)
                if (c->weights[q] == 0 && clusters->labels[q] == cluster)
                    choices[q] = best;
        }
    }
}

/* how: NULL for the groups. */
static mlsel_status run_fold(chooser *c, const cluster_settings *how, uint32_t fold) {
    const train_table *t = c->table;
    clustering clusterings[CV_STARTS];
    const size_t n_starts = how == NULL ? 1 : how->n_starts;
    size_t best;
    for (size_t q = 0; q < t->n_queries; q++)
        c->weights[q] = c->fold_of[q] == fold ? 0 : 1;
    const cluster_rows rows = {t->x, t->stride, t->n_queries, t->n_features, c->weights};
    const mlsel_status status = how == NULL ? mlsel_i_cluster_groups(&rows, c->groups, c->n_groups, c->run, clusterings)
                                            : mlsel_i_cluster(&rows, how, c->run, clusterings, &best);
    if (status != MLSEL_OK)
        return status;
    for (size_t i = 0; i < n_starts; i++)
        decide(c, &clusterings[i], i);
    mlsel_i_clustering_free(c->run, clusterings, n_starts);
    return MLSEL_OK;
}

/* Keeps the best shrinkage of a number of clusters (0: of the groups), if it is better than what there is. */
static void compare(const chooser *c, uint32_t k, double weight, train_settings *settings, mlsel_training_info *info) {
    const size_t n_starts = k == 0 ? 1 : c->n_starts;
    for (size_t s = 0; s < N_SHRINKAGES; s++) {
        double utility = 0, error = 0;
        for (size_t i = 0; i < n_starts; i++) {
            const choice_value value =
                mlsel_i_value_choices(c->table, c->choices + (i * N_SHRINKAGES + s) * c->table->n_queries);
            utility += value.utility / (double)n_starts;
            error += value.standard_error / (double)n_starts;
        }
        info->n_candidates++;
        if (info->n_candidates > 1 && !(utility > info->cv_utility) && !isnan(info->cv_utility))
            continue;
        info->cv_utility = utility;
        info->cv_standard_error = error;
        settings->options.kmeans_clusters = k == 0 ? (uint32_t)c->n_groups : k;
        settings->by_group = k == 0;
        settings->options.category_weight = weight;
        settings->shrinkage = shrinkage_grid[s];
    }
}

/* The numbers of clusters to be compared, into out[]: as many as the training folds have queries for, and 0 for the
 * groups if there are any. */
static size_t list_clusters(const chooser *c, uint32_t given, uint32_t *out) {
    const size_t n_training = c->table->n_queries - (c->table->n_queries + c->n_folds - 1) / c->n_folds;
    size_t n = 0;
    if (given > 0) {
        out[0] = given;
        return 1;
    }
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cluster_grid); i++)
        if (cluster_grid[i] * (size_t)LEAST_QUERIES <= n_training)
            out[n++] = cluster_grid[i];
    if (n == 0) {
        out[n++] = 1;
        out[n++] = 2;
    }
    if (c->n_groups > 0)
        out[n++] = 0;
    return n;
}

static mlsel_status alloc_chooser(chooser *c, size_t most_clusters) {
    const size_t n = c->table->n_queries, m = c->table->n_models;
    train_run *run = c->run;
    c->fold_of = mlsel_i_run_alloc(run, n, sizeof *c->fold_of);
    c->weights = mlsel_i_run_alloc(run, n, sizeof *c->weights);
    c->choices = mlsel_i_run_alloc(run, n, c->n_starts * N_SHRINKAGES * sizeof *c->choices);
    c->means.sums = mlsel_i_run_alloc(run, most_clusters, m * sizeof *c->means.sums);
    c->means.counts = mlsel_i_run_alloc(run, most_clusters, m * sizeof *c->means.counts);
    c->means.prior = mlsel_i_run_alloc(run, m, sizeof *c->means.prior);
    c->scores = mlsel_i_run_alloc(run, m, sizeof *c->scores);
    if (c->fold_of == NULL || c->weights == NULL || c->choices == NULL || c->means.sums == NULL ||
        c->means.counts == NULL || c->means.prior == NULL || c->scores == NULL)
        return mlsel_i_run_status(run);
    return MLSEL_OK;
}

static void free_chooser(chooser *c) {
    mlsel_i_run_free(c->run, c->fold_of);
    mlsel_i_run_free(c->run, c->weights);
    mlsel_i_run_free(c->run, c->groups);
    mlsel_i_run_free(c->run, c->choices);
    mlsel_i_run_free(c->run, c->means.sums);
    mlsel_i_run_free(c->run, c->means.counts);
    mlsel_i_run_free(c->run, c->means.prior);
    mlsel_i_run_free(c->run, c->scores);
}

/* All folds with one number of clusters; `done` of `total` numbers and weights are through. */
static mlsel_status run_folds(chooser *c, const train_settings *settings, uint32_t k, size_t done, size_t total) {
    train_run *run = c->run;
    const run_place place = mlsel_i_run_place(run);
    const size_t n = c->table->n_queries;
    cluster_settings how = mlsel_i_kmeans_settings(&settings->options, (uint32_t)(k < n ? k : n));
    const uint32_t shown = k == 0 ? (uint32_t)c->n_groups : k;
    mlsel_status status = MLSEL_OK;
    how.n_starts = (uint32_t)c->n_starts;
    for (uint32_t fold = 0; fold < c->n_folds && status == MLSEL_OK; fold++) {
        mlsel_i_run_part(run, &place, done * c->n_folds + fold, total * c->n_folds,
                         "fold %u of %u, %u clusters: ", (unsigned)(fold + 1), (unsigned)c->n_folds, (unsigned)shown);
        status = run_fold(c, k == 0 ? NULL : &how, fold);
    }
    mlsel_i_run_return(run, &place);
    return status;
}

mlsel_status mlsel_i_kmeans_choose(train_table *table, train_settings *settings, train_run *run,
                                   mlsel_training_info *info) {
    const mlsel_train_options given = settings->options;
    const bool weighs = given.tune != 0 && !(given.category_weight > 0) && table->n_categories > 0;
    const double *weights = weighs ? weight_grid : &given.category_weight;
    const size_t n_weights = weighs ? MLSEL_ARRAY_LENGTH(weight_grid) : 1;
    uint32_t clusters[MLSEL_ARRAY_LENGTH(cluster_grid) + 1];
    chooser c = {.table = table,
                 .run = run,
                 .n_folds = given.folds,
                 .n_starts = given.kmeans_starts < CV_STARTS ? given.kmeans_starts : CV_STARTS,
                 .means = {.n_models = table->n_models}};
    size_t n_clusters = 0;
    mlsel_status status = MLSEL_OK;
    c.groups = mlsel_i_run_alloc(run, table->n_queries, sizeof *c.groups);
    if (c.groups == NULL)
        return mlsel_i_run_status(run);
    if (given.kmeans_clusters == 0)
        status = mlsel_i_kmeans_groups(table, run, c.groups, &c.n_groups);
    if (status == MLSEL_OK) {
        n_clusters = list_clusters(&c, given.kmeans_clusters, clusters);
        size_t largest = c.n_groups;
        for (size_t i = 0; i < n_clusters; i++)
            largest = clusters[i] > largest ? clusters[i] : largest;
        status = alloc_chooser(&c, largest < table->n_queries ? largest : table->n_queries);
    }
    if (status == MLSEL_OK)
        status = mlsel_i_cross_validate_single(table, settings, run, &info->cv_best_single);
    if (status == MLSEL_OK)
        mlsel_i_folds_assign(table->n_queries, c.n_folds, given.seed, c.fold_of);
    for (size_t i = 0; i < n_weights * n_clusters && status == MLSEL_OK; i++) {
        const double weight = weights[i / n_clusters];
        const uint32_t k = clusters[i % n_clusters];
        if (weighs)
            mlsel_i_table_weigh(table, weight);
        status = run_folds(&c, settings, k, i, n_weights * n_clusters);
        if (status == MLSEL_OK)
            compare(&c, k, weight, settings, info);
    }
    free_chooser(&c);
    return status;
}
