/* SPDX-License-Identifier: Apache-2.0 */
/* The KMeans trainer: clusters of queries, and the model that is best in each. */
#ifndef MLSEL_TRAIN_KMEANS_H
#define MLSEL_TRAIN_KMEANS_H

#include "kmeans_cluster.h"

/* Where nothing was chosen: of the outcome objective's, see docs/training.md. */
#define KMEANS_DEFAULT_SHRINKAGE 10.0

/* Settings as clustering takes them. */
cluster_settings mlsel_i_kmeans_settings(const mlsel_train_options *options, uint32_t k);

/* Decides the number of clusters, the shrinkage and, if it is open, the category weight. */
mlsel_status mlsel_i_kmeans_choose(train_table *table, train_settings *settings, train_run *run,
                                   mlsel_training_info *info);

/*
 * Which group each query is of, into groups[n_queries]: its task where several are known, else its category. *n_groups
 * is 0 where neither tells queries apart.
 */
mlsel_status mlsel_i_kmeans_groups(const train_table *table, train_run *run, uint32_t *groups, size_t *n_groups);

/* Clusters around the means of the groups; *out is freed with mlsel_i_clustering_free. At least one row has a weight.
 */
mlsel_status mlsel_i_cluster_groups(const cluster_rows *rows, const uint32_t *groups, size_t n_groups, train_run *run,
                                    clustering *out);

/* Utilities by cluster. */
typedef struct cluster_means {
    size_t k, n_models;
    double *sums;   /* [k][n_models] of the utilities that are known */
    double *counts; /* [k][n_models] how many those are */
    double *prior;  /* [n_models] means over all queries; NaN: never known */
} cluster_means;

/* Of the queries with a weight; the arrays are there. */
void mlsel_i_cluster_means(const train_table *table, const double *weights, const uint32_t *labels,
                           cluster_means *means);

/* (sum + shrinkage * prior) / (count + shrinkage), the prior where nothing is known, into scores[n_models]. NaN: the
 * model is not known at all. */
void mlsel_i_cluster_scores(const cluster_means *means, size_t cluster, double shrinkage, double *scores);

/* --- what the trainer leaves behind ------------------------------------------------------------------------------- */

typedef struct kmeans_state {
    mlsel_train_options options; /* the pointers in it are not to be used */
    uint32_t k, requested, n_features, n_models;
    float *centroids;     /* [k][n_features] */
    uint32_t *choices;    /* [k] the cluster's model */
    double *scores;       /* [k][n_models] */
    double *support;      /* [k][n_models] observations */
    double *sizes;        /* [k] queries, or records with the compatible objective */
    double *prior;        /* [n_models] */
    double *prior_counts; /* [n_models] */
    uint64_t n_queries;
    uint64_t data_hash, feature_hash;
} kmeans_state;

void mlsel_i_kmeans_write(const void *state, const char *const *models, json_writer *w);
void mlsel_i_kmeans_free(void *state);
/* What the ids of a versioned artifact are made of. */
void mlsel_i_kmeans_hash(const train_table *table, const train_settings *settings, kmeans_state *state);

#endif
