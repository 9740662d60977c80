/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "slots.h"

#include <sched.h>
#include <stdatomic.h>

#include "internal.h"

struct accel_slots {
    _Atomic uint64_t free; /* a bit for each */
};

accel_slots *mlsel_i_slots_create(uint32_t n) {
    accel_slots *slots = mlsel_i_calloc(1, sizeof *slots);
    if (slots != NULL)
        atomic_init(&slots->free, n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1);
    return slots;
}

void mlsel_i_slots_free(accel_slots *slots) { mlsel_i_free(slots); }

static uint32_t lowest(uint64_t bits) {
    uint32_t slot = 0;
    while ((bits & 1) == 0) {
        bits >>= 1;
        slot++;
    }
    return slot;
}

uint32_t mlsel_i_slots_take(accel_slots *slots) {
    uint64_t free = atomic_load_explicit(&slots->free, memory_order_relaxed);
    for (;;) {
        if (free == 0) {
            sched_yield();
            free = atomic_load_explicit(&slots->free, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&slots->free, &free, free & (free - 1), memory_order_acquire,
                                                         memory_order_relaxed)) {
            return lowest(free);
        }
    }
}

void mlsel_i_slots_give(accel_slots *slots, uint32_t slot) {
    atomic_fetch_or_explicit(&slots->free, (uint64_t)1 << slot, memory_order_release);
}
