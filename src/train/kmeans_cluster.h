/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k-means: greedy k-means++ and Lloyd's algorithm, from several starts.
 *
 * Every assignment is that of the plain algorithm: the nearest centroid by the squared distance summed in double from
 * the first feature to the last, the lowest index of those equally far. Centroids are means in double, rounded to
 * float. Stopping, empty clusters and the number of candidates of k-means++ are those of scikit-learn's KMeans.
 * S. Lloyd, Least Squares Quantization in PCM, 1982; D. Arthur, S. Vassilvitskii, k-means++: The Advantages of Careful
 * Seeding, 2007; C. Elkan, Using the Triangle Inequality to Accelerate k-Means, 2003.
 */
#ifndef MLSEL_TRAIN_KMEANS_CLUSTER_H
#define MLSEL_TRAIN_KMEANS_CLUSTER_H

#include "train.h"

/* What is clustered. */
typedef struct cluster_rows {
    const float *x; /* [n][stride], finite, aligned to 64 bytes, 0 from n_features on */
    size_t stride, n, n_features;
    const double *weights; /* [n] how often each row counts; one of 0 is assigned and has no influence */
} cluster_rows;

typedef struct cluster_settings {
    uint32_t k; /* at least 1 */
    uint32_t n_starts;
    uint32_t max_iterations;
    double tolerance; /* of the centroids' movement, in mean variances of the features */
    uint64_t seed;
} cluster_settings;

/* Where one start ended. */
typedef struct clustering {
    uint32_t k; /* fewer than asked for where there are fewer distinct rows */
    uint32_t iterations;
    double inertia;   /* sum of weight * squared distance */
    float *centroids; /* [k][stride] */
    uint32_t *labels; /* [n] */
} clustering;

/* All starts, into out[n_starts], to be freed with mlsel_i_clustering_free; *best is the first one of least inertia. At
 * least one row has a weight. On failure there is nothing to free. */
mlsel_status mlsel_i_cluster(const cluster_rows *rows, const cluster_settings *settings, train_run *run,
                             clustering *out, size_t *best);

/* Lloyd's algorithm alone: n_starts times from the centroids given, [n_starts][k][stride]. */
mlsel_status mlsel_i_cluster_from(const cluster_rows *rows, const cluster_settings *settings, const float *centroids,
                                  train_run *run, clustering *out, size_t *best);

void mlsel_i_clustering_free(train_run *run, clustering *clusterings, size_t n);

/* The nearest of k centroids [k][stride] by the rule above, and its squared distance (may be NULL). */
uint32_t mlsel_i_nearest_centroid(const float *x, const float *centroids, size_t k, size_t stride, size_t n_features,
                                  double *squared);

#endif
