/* SPDX-License-Identifier: Apache-2.0 */
/* The k nearest of a stream of neighbours: a heap with the farthest on top, in memory of the caller. */
#ifndef MLSEL_TOP_K_H
#define MLSEL_TOP_K_H

#include <stdbool.h>
#include <stddef.h>

#include "mlsel_backend.h"

typedef struct top_k {
    mlsel_backend_neighbour *heap; /* room for k */
    size_t count;
    size_t k;
} top_k;

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps a neighbour if it is among the k nearest so far, by (distance, row). */
void mlsel_i_top_k_push(top_k *top, double distance, uint64_t row);
/* Puts the neighbours in ascending order; nothing may be pushed afterwards. */
void mlsel_i_top_k_sort(top_k *top);

#ifdef __cplusplus
}
#endif

/* Distance that a neighbour must not exceed to be kept. */
static inline double top_k_limit(const top_k *top, double unlimited) {
    return top->count < top->k ? unlimited : top->heap[0].distance;
}

#endif
