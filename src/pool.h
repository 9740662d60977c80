/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of equal memory blocks without a lock: each block is in a slot (free) or with a thread (in use). A thread
 * looks first where it last put one, so that in the steady state taking and giving are one atomic exchange each.
 */
#ifndef MLSEL_POOL_H
#define MLSEL_POOL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#include "internal.h"

#define POOL_SLOTS 64

/* Each in a cache line of its own: threads that use neighbouring slots must not wait for each other's line. */
typedef struct pool_slot {
    alignas(MLSEL_ALIGNMENT) _Atomic(void *) block;
} pool_slot;

typedef struct block_pool {
    size_t block_bytes;
    pool_slot slots[POOL_SLOTS];
} block_pool;

void mlsel_i_pool_init(block_pool *pool, size_t block_bytes);
/* Frees the blocks in the slots; none may be in use. */
void mlsel_i_pool_clear(block_pool *pool);
/* A block with whatever it held when it was given back; a new one is zeroed. NULL when out of memory. */
void *mlsel_i_pool_take(block_pool *pool);
void mlsel_i_pool_give(block_pool *pool, void *block);
/* The slot, below POOL_SLOTS, at which the calling thread starts to look; the same one as long as its stack is where it
 * is. */
size_t mlsel_i_pool_first_slot(void);

#endif
