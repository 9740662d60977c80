/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is inside a router, and when an old state can be freed.
 *
 * Every call that reads a state takes a context of its own and writes into it which state it uses (a hazard pointer, M.
 * Michael 2004). The order is what makes it safe, all four steps being sequentially consistent:
 *
 *     a request: (1) held = the state read from `current`; (2) read `current` again: still that state? else again
 *     a reload:  (3) exchange `current`;                   (4) read every `held`
 *
 * If (2) still sees the old state it comes before (3) in the one order of these operations, so (1) does too, and (4)
 * sees the old state in `held`, or what the context held after it. If (2) sees another one the request has not used the
 * old state yet. Contexts are added to the list before their first (1), hence before the (3) of every reload that
 * matters to them, and never leave it before the router is closed. Leaving is a release, (4) an acquire: what a request
 * read was read before the state is freed.
 *
 * A context is in a slot (free), idle in the list (free, all slots were full) or with one call. In the steady state
 * taking and giving are one atomic exchange each, as in pool.c.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <sched.h>
#include <time.h>

#include "router/router.h"

/* A reload gives those inside this many turns, the later ones of a tenth of a millisecond: a second or more. */
enum { YIELDS = 100, NAPS = 10000, NAP_NS = 100000 };

static router_context *take_from_slots(context_set *set) {
    const size_t first = mlsel_i_pool_first_slot();
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        _Atomic(void *) *slot = &set->slots[(first + i) % POOL_SLOTS].block;
        if (atomic_load_explicit(slot, memory_order_relaxed) == NULL)
            continue;
        router_context *context = atomic_exchange_explicit(slot, NULL, memory_order_acquire);
        if (context != NULL)
            return context;
    }
    return NULL;
}

static router_context *take_idle(context_set *set) {
    router_context *context = atomic_load_explicit(&set->all, memory_order_acquire);
    for (; context != NULL; context = context->next)
        if (atomic_load_explicit(&context->idle, memory_order_relaxed) &&
            atomic_exchange_explicit(&context->idle, false, memory_order_acquire))
            return context;
    return NULL;
}

static router_context *add(context_set *set) {
    router_context *context = mlsel_i_calloc(1, sizeof *context);
    if (context == NULL)
        return NULL;
    atomic_init(&context->held, NULL);
    atomic_init(&context->idle, false);
    context->next = atomic_load_explicit(&set->all, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&set->all, &context->next, context))
        ;
    return context;
}

static void give(context_set *set, router_context *context) {
    const size_t first = mlsel_i_pool_first_slot();
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        void *expected = NULL;
        if (atomic_compare_exchange_strong_explicit(&set->slots[(first + i) % POOL_SLOTS].block, &expected, context,
                                                    memory_order_release, memory_order_relaxed))
            return;
    }
    atomic_store_explicit(&context->idle, true, memory_order_release);
}

static bool make_room(router_context *context, size_t bytes) {
    if (context->scratch_bytes >= bytes)
        return true;
    mlsel_i_free(context->scratch);
    context->scratch = mlsel_i_alloc(bytes, 1);
    context->scratch_bytes = context->scratch == NULL ? 0 : bytes;
    return context->scratch != NULL;
}

router_context *mlsel_i_context_enter(const mlsel_router *router, bool without_scratch, router_state **state,
                                      mlsel_error *err) {
    /* contexts synchronise themselves; the router is constant to everyone else */
    context_set *set = (context_set *)&router->contexts;
    _Atomic(router_state *) *current = (_Atomic(router_state *) *)&router->current;
    router_context *context = take_from_slots(set);
    if (context == NULL && (context = take_idle(set)) == NULL && (context = add(set)) == NULL) {
        mlsel_i_no_memory(err);
        return NULL;
    }
    router_state *seen = atomic_load(current), *held;
    do {
        held = seen;
        atomic_store(&context->held, held);
        seen = atomic_load(current);
    } while (seen != held);
    if (!without_scratch && !make_room(context, held->scratch.end)) {
        mlsel_i_context_leave(router, context);
        mlsel_i_no_memory(err);
        return NULL;
    }
    *state = held;
    return context;
}

void mlsel_i_context_leave(const mlsel_router *router, router_context *context) {
    atomic_store_explicit(&context->held, NULL, memory_order_release);
    give((context_set *)&router->contexts, context);
}

void mlsel_i_contexts_free(context_set *contexts) {
    router_context *next;
    for (router_context *context = atomic_load(&contexts->all); context != NULL; context = next) {
        next = context->next;
        mlsel_i_free(context->scratch);
        mlsel_i_free(context);
    }
}

static bool is_held(context_set *set, const router_state *state) {
    router_context *context = atomic_load(&set->all);
    while (context != NULL && atomic_load(&context->held) != state)
        context = context->next;
    return context != NULL;
}

static void pause_once(int turn) {
    const struct timespec nap = {.tv_nsec = NAP_NS};
    if (turn < YIELDS)
        (void)sched_yield();
    else
        (void)nanosleep(&nap, NULL);
}

void mlsel_i_contexts_reclaim(mlsel_router *router, bool wait) {
    router_state **link = &router->retired;
    int turn = 0;
    while (*link != NULL) {
        router_state *state = *link;
        if (!is_held(&router->contexts, state)) {
            *link = state->next_retired;
            mlsel_i_state_free(state);
        } else if (wait && turn < YIELDS + NAPS) {
            pause_once(turn++);
        } else {
            link = &state->next_retired;
        }
    }
}
