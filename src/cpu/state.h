/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model prepared for the CPU, and one query on its way through it.
 *
 * Each algorithm has an exact path, in double, which is the definition, and a fast path, in float with a bound on its
 * error. Where the bound leaves an order open, the exact path decides, so that both choose the same.
 */
#ifndef MLSEL_CPU_STATE_H
#define MLSEL_CPU_STATE_H

#include "internal.h"
#include "kernels.h"
#include "mlsel_backend.h"

/* Rows that `dots` is called for at a time; their results stay in the first-level cache. */
enum { DOTS_BLOCK = 256 };

/* Copies of a query, see cpu_query. */
enum { CPU_COPY_WIDE = 1, CPU_COPY_NORMALIZED = 2, CPU_COPY_NARROW = 4 };

typedef struct knn_int8 knn_int8;
typedef struct mlp_low mlp_low;

typedef struct cpu_state {
    const mlsel_model_view *view;
    const cpu_kernels *kernels;
    /* kernels->dots or dots_ahead, as fits the size of the weights */
    void (*dots)(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out);
    bool fast;         /* the fast path can be used for this model */
    double dots_error; /* of kernels->dots at the model's width, see mlsel_i_cpu_dots_error */
    double quad_error; /* of the same for several queries at once */
    double panel_error;
    double max_norm; /* of the vectors or centroids, as they enter dots */

    /* KNN: [n_vectors]. scales: 1 / norm, 0 for a zero vector, 1 without normalisation. A distance is about
     * |q|^2 + offsets - double_scales * (x.q). */
    const double *scales;
    const float *double_scales;
    const knn_int8 *int8; /* NULL where estimating from small integers does not pay */
    float *offsets;       /* SVM and KMeans too: squared norms. Constant once prepared: it may be in a container */

    double *coef_bounds; /* SVM: [n_support_vectors] largest absolute dual coefficient of each */
    double coef_sum;     /* sum of coef_bounds */
    float *centroids;    /* KMeans: [n_clusters][stride] */
    size_t stride;       /* of centroids */
    double sum_error;    /* KMeans: relative error of a sum of n squares in double, twice over */
    float **norm_scales; /* MLP: [n_layers] batch norm as x * scale + shift; NULL for other layers */
    float **norm_shifts;
    mlp_low *low; /* the layers in lower precision; NULL for f32 */

    size_t scratch_bytes;
    uint32_t copies;    /* of a query that it needs room for: CPU_COPY_ bits, all unless prepared otherwise */
    size_t batch_bytes; /* of scratch for several queries at once; 0: they are answered one by one */
    size_t memory_bytes;
} cpu_state;

/* One query in the type it came in, with the scratch it can use. All scratch is aligned to 64 bytes. */
typedef struct cpu_query {
    const float *f32; /* one of the two is NULL */
    const double *f64;
    double *wide;       /* [n_features] room for a copy in double */
    double *normalized; /* [n_features] room for a normalised copy */
    float *narrow;      /* [n_features] room for a copy in float */
    void *extra;        /* scratch_bytes as the algorithm's prepare function set them */
} cpu_query;

/* The query in double or float, in the given or in the scratch memory. */
const double *mlsel_i_cpu_wide(const cpu_state *state, const cpu_query *query);
const float *mlsel_i_cpu_narrow(const cpu_state *state, const cpu_query *query);
double mlsel_i_cpu_sum_squares(const cpu_state *state, const cpu_query *query);
/* Whether all values of the query are numbers in the range of float. */
bool mlsel_i_cpu_is_finite(const cpu_state *state, const cpu_query *query);
/* Sets state->dots for a model that reads so many bytes per query. */
void mlsel_i_cpu_choose_dots(cpu_state *state, uint64_t bytes);
/* Whether a norm is so far from the limits of float that bounds relative to it hold. */
bool mlsel_i_cpu_is_tame(double norm);
/* A block of the state, freed with it; counts towards memory_bytes. NULL when out of memory. */
void *mlsel_i_cpu_state_alloc(cpu_state *state, size_t count, size_t size);

/* What each algorithm precomputes, and how many bytes of `extra` its queries need. */
mlsel_status mlsel_i_cpu_prepare_knn(cpu_state *state, mlsel_error *err);
mlsel_status mlsel_i_cpu_prepare_kmeans(cpu_state *state, mlsel_error *err);
mlsel_status mlsel_i_cpu_prepare_svm(cpu_state *state, mlsel_error *err);
mlsel_status mlsel_i_cpu_prepare_mlp(cpu_state *state, mlsel_error *err);
/* For bf16, f16 and int8. */
mlsel_status mlsel_i_cpu_prepare_mlp_low(cpu_state *state, mlsel_precision precision, mlsel_error *err);

/* Parts that are worth a thread each. */
uint32_t mlsel_i_cpu_knn_parts(const cpu_state *state);

/* Each writes one row of the run's output. KMeans: false if a value of the query is not finite, see checks_queries. */
void mlsel_i_cpu_knn(const cpu_state *state, const mlsel_backend_run *run, size_t index, const cpu_query *query);
bool mlsel_i_cpu_kmeans(const cpu_state *state, const cpu_query *query, double *out);
void mlsel_i_cpu_svm(const cpu_state *state, const cpu_query *query, double *out);
void mlsel_i_cpu_mlp(const cpu_state *state, const cpu_query *query, double *out);
/* In double and with the weights as they are, whatever the precision. */
void mlsel_i_cpu_mlp_exact(const cpu_state *state, const cpu_query *query, double *out);
/* At most LOW_BATCH queries, with the scratch of the first one. */
void mlsel_i_cpu_mlp_low(const cpu_state *state, const cpu_query *queries, size_t count, double *out,
                         size_t out_stride);

#endif
