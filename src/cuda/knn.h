/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN on the device. Distances are estimated in float as |q|^2 + |x|^2 - 2 q.x, within a rigorous bound; vectors that
 * could be among the k nearest are measured exactly, in double and to the reference's bits; the host puts their rows in
 * order.
 */
#ifndef MLSEL_CUDA_KNN_H
#define MLSEL_CUDA_KNN_H

#include "cuda.h"

typedef struct knn_model {
    float *vectors; /* [n_vectors][stride] */
    uint64_t n_vectors, stride;
    double *scales;       /* [n_vectors] 1 / norm, 0 for a zero vector, 1 without normalisation */
    float *double_scales; /* [n_vectors] */
    float *offsets;       /* [n_vectors] squared norm as it takes part */
    double max_norm;      /* of a vector as it takes part */
    bool can_estimate;    /* all norms are far from the limits of float */
    gemm_plan plan;
    uint32_t slice;         /* queries whose estimates fit into the memory set aside, at a time */
    uint64_t estimate_room; /* values from one query's estimates to the next's */
} knn_model;

/* Estimates of a slice of queries and what bounds them. */
typedef struct knn_search {
    const float *dots; /* [count][room] */
    uint64_t room;
    const float *double_scales, *offsets;
    const uint8_t *takes_part; /* [n_vectors], or NULL */
    const double *norms;       /* [count] of the queries */
    uint64_t n_vectors;
    double max_norm, dots_error;
    uint32_t k, n_groups;
    float *minima; /* [count][n_groups] */
    float *limits; /* [count] */
    char *records; /* [count], see knn_record */
    uint32_t max_candidates;
} knn_search;

/* What comes back for a query: the number of candidates, and as many ids and distances as there is room for. More
 * candidates than that: the query has to be measured against all vectors. */
typedef struct knn_record {
    uint32_t *count;
    uint32_t *ids;
    double *distances;
} knn_record;

__host__ __device__ static inline uint64_t knn_record_bytes(uint32_t max_candidates) {
    return 8 + ((uint64_t)max_candidates * sizeof(uint32_t) + 7) / 8 * 8 + (uint64_t)max_candidates * sizeof(double);
}

__host__ __device__ static inline knn_record knn_record_at(char *records, uint64_t query, uint32_t max_candidates) {
    char *record = records + query * knn_record_bytes(max_candidates);
    knn_record out;
    out.count = (uint32_t *)(void *)record;
    out.ids = (uint32_t *)(void *)(record + 8);
    out.distances = (double *)(void *)(record + 8 + ((uint64_t)max_candidates * sizeof(uint32_t) + 7) / 8 * 8);
    return out;
}

/* --- knn_select.cu ------------------------------------------------------------------------------------------------ */

/* From estimates to candidates: their ids and number. */
mlsel_status mlsel_i_cuda_knn_select(uint32_t device, const knn_search *search, uint32_t count, cudaStream_t stream,
                                     mlsel_error *err);

/* --- knn_measure.cu ----------------------------------------------------------------------------------------------- */

/* Norms, and what follows from them, of the vectors. norms: [n_vectors] on the device. */
mlsel_status mlsel_i_cuda_knn_norms(uint32_t device, const knn_model *model, uint64_t n, bool normalize, double *norms,
                                    mlsel_error *err);
/* Exact distances of the candidates, into their records. */
mlsel_status mlsel_i_cuda_knn_measure(uint32_t device, const knn_model *model, uint64_t n, const double *queries,
                                      char *records, uint32_t max_candidates, uint32_t count, cudaStream_t stream,
                                      mlsel_error *err);
/* Exact distances of one query from all vectors. */
mlsel_status mlsel_i_cuda_knn_measure_all(uint32_t device, const knn_model *model, uint64_t n, const double *query,
                                          double *out, cudaStream_t stream, mlsel_error *err);

#endif
