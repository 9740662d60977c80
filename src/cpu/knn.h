/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the search for nearest neighbours: the scan over estimates, and rows of small integers to estimate from.
 */
#ifndef MLSEL_CPU_KNN_H
#define MLSEL_CPU_KNN_H

#include "knn_index.h"
#include "state.h"
#include "top_k.h"

/* --- the scan over estimates ------------------------------------------------------------------------------------- */

/* A vector that may be among the k nearest, and what its distance is at least. */
typedef struct candidate {
    float lower;
    uint32_t vector;
} candidate;

/* Finds the k nearest of vectors that come with an interval for their distance. */
typedef struct scan {
    const cpu_state *state;
    const mlsel_backend_run *run;
    size_t index;        /* of the query in the run */
    uint64_t begin, end; /* the vectors that take part; with small integers, in their order */
    double *q;           /* room for the query in double, for exact measurements */
    bool has_q;          /* it is there; else measuring puts it there first */
    const float *narrow; /* the same in float, where it refines */
    double norm;         /* of q */
    double limit;        /* a vector that is farther cannot be among the k nearest */
    float *nearest;      /* heap of the k smallest upper bounds, the largest on top */
    size_t n_nearest;
    candidate *candidates;
    size_t n_candidates, max_candidates;
    bool refines; /* candidates did not come from estimates in float, so these are worth asking first */
    top_k *top;
} scan;

/* Adds a vector with its interval. */
void mlsel_i_scan_add(scan *s, float lower, float upper, uint32_t vector);
/* Measures the candidates that are left, the most promising first. */
void mlsel_i_scan_measure(scan *s);

/* --- estimates in float ------------------------------------------------------------------------------------------ */

/* The query of a run in double, normalised if need be, and its norm as it takes part. */
double mlsel_i_knn_take_query(const cpu_state *state, const mlsel_backend_run *run, size_t index, double *q);
/* Half the width of the intervals from estimates in float, from the error of the dot products. */
float mlsel_i_knn_estimate_error(const cpu_state *state, double dots_error, double norm);
/* What the distances of `count` vectors from `first` on are at least. */
void mlsel_i_knn_estimate(const cpu_state *state, const float *q, double norm, uint64_t first, size_t count,
                          float *lower);
/* Whether a vector has a row that takes part. */
bool mlsel_i_knn_takes_part(const mlsel_knn_view *knn, uint64_t vector, const uint8_t *label_mask);
/* Measures a vector exactly and hands its rows to `top`. label_mask as in mlsel_backend_run. */
void mlsel_i_knn_measure(const cpu_state *state, const double *q, uint64_t vector, const uint8_t *label_mask,
                         top_k *top);

/* --- estimates from small integers ------------------------------------------------------------------------------- */

/* Sets state->int8 where it makes queries faster. MLSEL_ERROR_NO_MEMORY is the only failure. */
mlsel_status mlsel_i_knn_prepare_int8(cpu_state *state, mlsel_error *err);
/* Takes what prepare would compute from the view's index, if it has one that fits. NO_MEMORY is the only failure. */
mlsel_status mlsel_i_knn_use_index(cpu_state *state, bool *is_used, mlsel_error *err);
/* What was computed, for a container: borrowed from the state. False if there is nothing worth keeping. */
bool mlsel_i_knn_export(const cpu_state *state, knn_index *out);
/* The vector that a row of integers stands for. */
uint32_t mlsel_i_knn_int8_vector(const knn_int8 *int8, size_t row);
/* Scratch of a query, in bytes. */
size_t mlsel_i_knn_int8_scratch(const knn_int8 *int8);
/* Adds all vectors that could be among the k nearest. Scratch is aligned to 64 bytes. */
void mlsel_i_knn_scan_int8(scan *s, void *scratch);

#endif
