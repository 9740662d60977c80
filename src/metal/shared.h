/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shaders and the host agree on: kernels, their parameters, the shapes of threadgroups. The build puts this
 * file into the text that the device compiles.
 */
#ifndef MLSEL_METAL_SHARED_H
#define MLSEL_METAL_SHARED_H

#ifndef __METAL_VERSION__
#include <stdint.h>
#endif

/* Every kernel there is, with the threads of its groups. */
#define METAL_KERNELS(X)                                                                                               \
    X(dots_1_f32, METAL_THREADS)                                                                                       \
    X(dots_8_f32, METAL_THREADS)                                                                                       \
    X(dots_1_f16, METAL_THREADS)                                                                                       \
    X(dots_8_f16, METAL_THREADS)                                                                                       \
    X(products_f32, METAL_FEW_THREADS)                                                                                 \
    X(products_f16, METAL_FEW_THREADS)                                                                                 \
    X(scale_values, METAL_THREADS)                                                                                     \
    X(rbf_values, METAL_THREADS)                                                                                       \
    X(knn_minima, METAL_THREADS)                                                                                       \
    X(knn_limits, METAL_FEW_THREADS)                                                                                   \
    X(knn_collect, METAL_THREADS)

#define METAL_THREADS 256
#define METAL_FEW_THREADS 64

/* --- products ----------------------------------------------------------------------------------------------------- */

/* dots: a row has so many threads, each with every so manieth value. */
#define METAL_LANES 32
#define METAL_DOTS_ROWS (METAL_THREADS / METAL_LANES)
#define METAL_DOTS_QUERIES 8 /* at most, of the larger kind */

/* products: a group has a square of so many rows and queries, and goes through so many values at a time. */
#define METAL_TILE 32
#define METAL_CHUNK 32
#define METAL_TILE_PITCH (METAL_TILE + 1)
#define METAL_SIDE 8 /* threads along a side of the square */
#define METAL_EACH (METAL_TILE / METAL_SIDE)

/* out[q][r] = rows[r] . queries[q] (+ bias[r]), ReLU if asked. */
typedef struct metal_products {
    uint32_t n_rows, n, n_queries;
    uint32_t stride, query_stride, out_stride; /* in values */
    uint32_t has_bias, relu;
} metal_products;

/* --- values one by one -------------------------------------------------------------------------------------------- */

/* out[q][i] = ReLU?(scale[i] * in[q][i] + shift[i]) */
typedef struct metal_scaling {
    uint32_t n, in_stride, out_stride, relu;
} metal_scaling;

/* values[q][v], the product of query and vector, becomes exp(-gammas[v] * their squared distance). */
typedef struct metal_rbf {
    uint32_t n_vectors, stride;
} metal_rbf;

/* --- KNN ---------------------------------------------------------------------------------------------------------- */

typedef struct metal_knn {
    uint32_t n_vectors, stride; /* of the products */
    uint32_t n_groups, k;
    uint32_t room; /* candidates that a query has place for */
    uint32_t has_mask;
} metal_knn;

/* What the host says of a query, and `limit`: candidates are not above it. */
typedef struct metal_knn_query {
    float base;  /* squared norm */
    float width; /* twice the error of an estimate, and what float adds to that */
    float limit;
} metal_knn_query;

#endif
