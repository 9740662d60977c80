/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C side of the comparison with other libraries (peers.py is the other): what can be called from C is timed in C, so
 * that no binding is counted. Other libraries are not linked: peers.py finds their functions and passes them in.
 *
 * A contender is a `run` function and its context. Each run answers the next `batch` of the queries given to it.
 */
#ifndef PEERS_SHIM_H
#define PEERS_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* Queries on their way; the first member of every context. */
typedef struct peers_queries {
    const float *values; /* [count][width], borrowed */
    size_t count, width, batch;
    size_t next;
} peers_queries;

static inline const float *peers_next(peers_queries *queries) {
    const size_t first = queries->next;
    queries->next = first + 2 * queries->batch <= queries->count ? first + queries->batch : 0;
    return queries->values + first * queries->width;
}

/* malloc that ends the program without memory; a multiple of 64 bytes, aligned to it. */
void *peers_alloc(size_t count, size_t size);

/* A layer of an MLP with the batch norm before it folded in. */
typedef struct peers_layer {
    size_t n_in, n_out;
    const float *weight; /* [n_out][n_in], borrowed */
    const float *bias;   /* [n_out] */
} peers_layer;

#endif
