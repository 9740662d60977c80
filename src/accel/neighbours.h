/* SPDX-License-Identifier: Apache-2.0 */
/* KNN on the host's side of a GPU backend: from vectors that were measured to the rows that hold them. */
#ifndef MLSEL_ACCEL_NEIGHBOURS_H
#define MLSEL_ACCEL_NEIGHBOURS_H

#include "top_k.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The search for candidates takes the least estimate of each of many groups of vectors, whose k-th smallest is a bound.
 * Groups: so many that few more than k vectors are within it. Room: for twice k and some; where more are as near, all
 * vectors are measured.
 */
uint32_t mlsel_i_accel_groups(uint64_t n_vectors, uint32_t k);
uint32_t mlsel_i_accel_room(uint64_t n_vectors, uint32_t k);

/* Offers the rows of a vector that take part. */
void mlsel_i_accel_offer(const mlsel_knn_view *knn, uint64_t vector, double distance, const uint8_t *label_mask,
                         top_k *top);
/* Sorts what was kept; places without a neighbour become (INFINITY, UINT64_MAX). */
void mlsel_i_accel_finish(top_k *top);
/* out[v] = 1 if a row of vector v takes part, else 0. */
void mlsel_i_accel_mark(const mlsel_knn_view *knn, const uint8_t *label_mask, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif
