/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One allocation of the library that fails, or all from there on: for the tests that see src/. A loop over them ends
 * with the first that is not reached any more,
 *
 *     for (size_t n = 0, refused = 1; refused > 0; n++) {
 *         heap_fail_begin(n, false);
 *         operation(&err);
 *         refused = heap_fail_end();
 *     }
 *
 * and not with the first that succeeds, which may be one that did without what it was refused. heap_expect.h has what
 * nearly all of them expect.
 */
#ifndef MLSEL_TEST_HEAP_FAIL_H
#define MLSEL_TEST_HEAP_FAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "internal.h"

static struct {
    atomic_size_t requests, refused; /* threads of the library allocate too */
    size_t failing;
    bool forever;
} heap_fail;

/* The hook itself, for the allocators of other libraries. */
static inline bool heap_fail_allows(size_t bytes, void *user) {
    (void)bytes, (void)user;
    const size_t number = atomic_fetch_add(&heap_fail.requests, 1);
    const bool allowed = heap_fail.forever ? number < heap_fail.failing : number != heap_fail.failing;
    if (!allowed)
        atomic_fetch_add(&heap_fail.refused, 1);
    return allowed;
}

/* From here on allocation number `failing` (from 0) fails, and if `forever` all after it. */
static inline void heap_fail_begin(size_t failing, bool forever) {
    atomic_store(&heap_fail.requests, 0);
    atomic_store(&heap_fail.refused, 0);
    heap_fail.failing = failing;
    heap_fail.forever = forever;
    mlsel_i_set_alloc_hook(heap_fail_allows, NULL);
}

/* Every allocation succeeds again. Returns how many did not. */
static inline size_t heap_fail_end(void) {
    mlsel_i_set_alloc_hook(NULL, NULL);
    return atomic_load(&heap_fail.refused);
}

#endif
