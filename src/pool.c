/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <stdint.h>

void mlsel_i_pool_init(block_pool *pool, size_t block_bytes) {
    pool->block_bytes = block_bytes;
    for (size_t i = 0; i < POOL_SLOTS; i++)
        atomic_init(&pool->slots[i].block, NULL);
}

void mlsel_i_pool_clear(block_pool *pool) {
    for (size_t i = 0; i < POOL_SLOTS; i++)
        mlsel_i_free(atomic_exchange(&pool->slots[i].block, NULL));
}

/* Threads have stacks far apart, so the address of a local variable spreads them over the slots. */
size_t mlsel_i_pool_first_slot(void) {
    int local;
    const uint64_t address = (uint64_t)(uintptr_t)&local >> 16;
    return (size_t)((address * 0x9e3779b97f4a7c15u) >> 32) % POOL_SLOTS;
}

void *mlsel_i_pool_take(block_pool *pool) {
    const size_t first = mlsel_i_pool_first_slot();
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        _Atomic(void *) *slot = &pool->slots[(first + i) % POOL_SLOTS].block;
        if (atomic_load_explicit(slot, memory_order_relaxed) == NULL)
            continue;
        void *block = atomic_exchange_explicit(slot, NULL, memory_order_acquire);
        if (block != NULL)
            return block;
    }
    return mlsel_i_calloc(1, pool->block_bytes);
}

void mlsel_i_pool_give(block_pool *pool, void *block) {
    const size_t first = mlsel_i_pool_first_slot();
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        void *expected = NULL;
        if (atomic_compare_exchange_strong_explicit(&pool->slots[(first + i) % POOL_SLOTS].block, &expected, block,
                                                    memory_order_release, memory_order_relaxed))
            return;
    }
    mlsel_i_free(block);
}
