/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "mlp_crew.h"

#include <sched.h>

/* Fields of a ticket: kind and layer of 8 bits each, parts and next part of 24. */
enum { KIND_SHIFT = 56, LAYER_SHIFT = 48, PARTS_SHIFT = 24, PART_MASK = (1 << 24) - 1, STOP = 0xff };

static unsigned kind_of(uint64_t ticket) { return (unsigned)(ticket >> KIND_SHIFT); }

/* A processor that waits for another one, which after a while may need this one. */
static void relax(unsigned *waited) {
    enum { PATIENCE = 4000 };
    if (++*waited >= PATIENCE) {
        *waited = 0;
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Takes a part and does it; false if there is none. A ticket that has changed meanwhile is not taken, so a part belongs
 * to the phase it was announced with. */
static bool take_part(mlp_crew *crew) {
    uint64_t ticket = atomic_load_explicit(&crew->ticket, memory_order_acquire);
    do {
        if ((ticket & PART_MASK) >= (ticket >> PARTS_SHIFT & PART_MASK))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&crew->ticket, &ticket, ticket + 1, memory_order_acq_rel,
                                                    memory_order_acquire));
    crew->work(crew->context, kind_of(ticket), (size_t)(ticket >> LAYER_SHIFT & 0xff), (size_t)(ticket & PART_MASK));
    atomic_fetch_add_explicit(&crew->done, 1, memory_order_release);
    return true;
}

static void member(void *context, size_t part) {
    mlp_crew *crew = context;
    if (part == 0) {
        crew->lead(crew->argument);
        atomic_store_explicit(&crew->ticket, (uint64_t)STOP << KIND_SHIFT, memory_order_release);
        return;
    }
    unsigned waited = 0;
    while (kind_of(atomic_load_explicit(&crew->ticket, memory_order_acquire)) != STOP)
        if (take_part(crew))
            waited = 0;
        else
            relax(&waited);
}

void mlsel_i_mlp_crew_stretch(mlp_crew *crew, void (*lead)(void *argument), void *argument) {
    crew->lead = lead;
    crew->argument = argument;
    crew->helped = crew->team != NULL;
    atomic_store(&crew->ticket, 0);
    mlsel_i_team_run(crew->team, member, crew, mlsel_i_team_size(crew->team));
    crew->helped = false;
}

void mlsel_i_mlp_crew_phase(mlp_crew *crew, unsigned kind, size_t layer, size_t n_parts) {
    if (!crew->helped || n_parts < 2) {
        for (size_t part = 0; part < n_parts; part++)
            crew->work(crew->context, kind, layer, part);
        return;
    }
    unsigned waited = 0;
    atomic_store_explicit(&crew->done, 0, memory_order_relaxed);
    atomic_store_explicit(
        &crew->ticket, (uint64_t)kind << KIND_SHIFT | (uint64_t)layer << LAYER_SHIFT | (uint64_t)n_parts << PARTS_SHIFT,
        memory_order_release);
    while (take_part(crew))
        ;
    while (atomic_load_explicit(&crew->done, memory_order_acquire) < n_parts)
        relax(&waited);
}
