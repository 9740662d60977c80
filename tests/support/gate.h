/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate that opens when all threads have come to it, as often as wanted. They wait awake, so that they leave together:
 * what follows is to collide.
 */
#ifndef MLSEL_TEST_GATE_H
#define MLSEL_TEST_GATE_H

#include <sched.h>
#include <stdatomic.h>

typedef struct gate {
    unsigned n_threads;
    atomic_uint arrivals; /* in all rounds */
} gate;

static inline void gate_pass(gate *g) {
    const unsigned round = atomic_fetch_add(&g->arrivals, 1) / g->n_threads;
    while (atomic_load(&g->arrivals) < (round + 1) * g->n_threads)
        sched_yield();
}

#endif
