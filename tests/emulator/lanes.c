/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lanes.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_BYTES = 96 * 1024, SHARED_LIMIT = 256 * 1024, N_WARPS = LANES_MAX_THREADS / LANES_WIDTH };

/* What the threads of a group wait for each other at. */
typedef struct gate {
    unsigned n_alive, n_arrived;
    unsigned round; /* that is waited for; counts up when all are there */
} gate;

/* One block in progress. Kept from one block to the next, for each host thread. */
typedef struct block {
    /* a fiber starts with a context, and from then on jumps, which asks the system for nothing */
    ucontext_t contexts[LANES_MAX_THREADS];
    bool has_begun[LANES_MAX_THREADS];
    jmp_buf scheduler, jumps[LANES_MAX_THREADS];
    char *stacks;
    char *shared;
    void *fakes[LANES_MAX_THREADS]; /* AddressSanitizer's, of each stack */
    void *scheduler_fake;
    const void *scheduler_stack;
    size_t scheduler_size;
    const gate *waits_at[LANES_MAX_THREADS];
    unsigned waits_for[LANES_MAX_THREADS];
    bool is_done[LANES_MAX_THREADS];
    gate all, warps[N_WARPS];
    uint64_t slots[LANES_MAX_THREADS];
    uint32_t votes[N_WARPS];
    void (*body)(void *);
    void *context;
    unsigned current;
    /* A fiber goes from thread to thread until one has to wait, so a kernel without barriers needs one of them. */
    unsigned fiber_of[LANES_MAX_THREADS];
    unsigned n_threads, n_started, n_fibers, n_done;
} block;

static _Thread_local block *running;

static _Noreturn void defect(const char *what) {
    fprintf(stderr, "emulated block: %s (thread %u)\n", what, running->current);
    abort();
}

/* --- switching ---------------------------------------------------------------------------------------------------- */

static void to_scheduler(bool is_last) {
    block *b = running;
    const unsigned self = b->fiber_of[b->current];
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(is_last ? NULL : &b->fakes[self], b->scheduler_stack, b->scheduler_size);
#endif
    if (is_last || _setjmp(b->jumps[self]) == 0)
        _longjmp(b->scheduler, 1);
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(b->fakes[self], NULL, NULL);
#endif
}

static void to_fiber(block *b, unsigned fiber) {
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(&b->scheduler_fake, b->stacks + (size_t)fiber * STACK_BYTES, STACK_BYTES);
#endif
    if (_setjmp(b->scheduler) == 0) {
        if (b->has_begun[fiber])
            _longjmp(b->jumps[fiber], 1);
        b->has_begun[fiber] = true;
        setcontext(&b->contexts[fiber]);
    }
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(b->scheduler_fake, NULL, NULL);
#endif
}

/* --- gates -------------------------------------------------------------------------------------------------------- */

static void open_if_all(gate *g) {
    if (g->n_arrived > 0 && g->n_arrived == g->n_alive) {
        g->n_arrived = 0;
        g->round++;
    }
}

static void pass(gate *g) {
    block *b = running;
    const unsigned self = b->current;
    b->waits_at[self] = g;
    b->waits_for[self] = g->round + 1;
    g->n_arrived++;
    open_if_all(g);
    if (g->round != b->waits_for[self])
        to_scheduler(false);
    b->waits_at[self] = NULL;
}

static void run_thread(block *b, unsigned fiber) {
    const unsigned self = b->n_started++;
    b->current = self;
    b->fiber_of[self] = fiber;
    b->body(b->context);
    b->is_done[self] = true;
    b->n_done++;
    b->all.n_alive--;
    open_if_all(&b->all);
    gate *warp = &b->warps[self / LANES_WIDTH];
    warp->n_alive--;
    open_if_all(warp);
}

static void entry(void) {
    block *b = running;
    const unsigned self = b->n_fibers - 1;
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(NULL, &b->scheduler_stack, &b->scheduler_size);
#endif
    while (b->n_started < b->n_threads)
        run_thread(b, self);
    to_scheduler(true);
}

static void start_fiber(block *b) {
    const unsigned fiber = b->n_fibers++;
    b->has_begun[fiber] = false;
    getcontext(&b->contexts[fiber]);
    b->contexts[fiber].uc_stack.ss_sp = b->stacks + (size_t)fiber * STACK_BYTES;
    b->contexts[fiber].uc_stack.ss_size = STACK_BYTES;
    b->contexts[fiber].uc_link = NULL;
    makecontext(&b->contexts[fiber], entry, 0);
    to_fiber(b, fiber);
}

static bool can_go_on(const block *b, unsigned thread) {
    return !b->is_done[thread] && (b->waits_at[thread] == NULL || b->waits_at[thread]->round == b->waits_for[thread]);
}

/* --- a block ------------------------------------------------------------------------------------------------------ */

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void free_block(void *opaque) {
    block *b = opaque;
    if (b == NULL)
        return;
    free(b->stacks);
    free(b->shared);
    free(b);
}

static void free_mine(void) { /* the main thread's, which no destructor is called for */
    free_block(pthread_getspecific(key));
    pthread_setspecific(key, NULL);
}

static void make_key(void) {
    pthread_key_create(&key, free_block);
    atexit(free_mine);
}

static block *take_block(void) {
    pthread_once(&key_once, make_key);
    block *kept = pthread_getspecific(key);
    if (kept != NULL)
        return kept;
    kept = calloc(1, sizeof *kept);
    if (kept != NULL) {
        kept->stacks = malloc((size_t)LANES_MAX_THREADS * STACK_BYTES);
        kept->shared = aligned_alloc(128, SHARED_LIMIT);
    }
    if (kept == NULL || kept->stacks == NULL || kept->shared == NULL || pthread_setspecific(key, kept) != 0) {
        fprintf(stderr, "emulated block: no memory\n");
        abort();
    }
    return kept;
}

static void start_threads(block *b, unsigned n_threads) {
    b->all = (gate){.n_alive = n_threads};
    for (unsigned w = 0; w * LANES_WIDTH < n_threads; w++) {
        const unsigned left = n_threads - w * LANES_WIDTH;
        b->warps[w] = (gate){.n_alive = left < LANES_WIDTH ? left : LANES_WIDTH};
        b->votes[w] = 0;
    }
    for (unsigned t = 0; t < n_threads; t++) {
        b->is_done[t] = false;
        b->waits_at[t] = NULL;
    }
    b->n_threads = n_threads;
    b->n_started = b->n_fibers = b->n_done = 0;
}

void lanes_run(unsigned n_threads, void (*body)(void *), void *context, uint64_t shared_bytes) {
    block *b = take_block();
    running = b;
    b->current = 0;
    if (n_threads == 0 || n_threads > LANES_MAX_THREADS || shared_bytes > SHARED_LIMIT)
        defect("more threads or shared memory than a block can have");
    memset(b->shared, 0xff, (size_t)shared_bytes);
    b->body = body;
    b->context = context;
    start_threads(b, n_threads);
    while (b->n_done < n_threads) {
        const unsigned n_started = b->n_started;
        bool has_moved = false;
        for (unsigned t = 0; t < n_started; t++) {
            if (!can_go_on(b, t))
                continue;
            b->current = t;
            to_fiber(b, b->fiber_of[t]);
            has_moved = true;
        }
        if (b->n_started < n_threads) {
            start_fiber(b);
            has_moved = true;
        }
        if (!has_moved)
            defect("threads wait for others that never come");
    }
    running = NULL;
}

/* --- in a body ---------------------------------------------------------------------------------------------------- */

unsigned lanes_thread(void) { return running->current; }

void *lanes_shared(void) { return running->shared; }

void lanes_barrier(void) { pass(&running->all); }

void lanes_warp_barrier(void) { pass(&running->warps[running->current / LANES_WIDTH]); }

uint64_t lanes_exchange(uint64_t value, unsigned source) {
    block *b = running;
    const unsigned self = b->current, from = self / LANES_WIDTH * LANES_WIDTH + source % LANES_WIDTH;
    b->slots[self] = value;
    lanes_warp_barrier();
    if (b->is_done[from])
        defect("a lane is asked for a value that is gone");
    const uint64_t taken = b->slots[from];
    lanes_warp_barrier(); /* nobody writes the next value before all have read this one */
    return taken;
}

uint32_t lanes_ballot(int vote) {
    block *b = running;
    const unsigned self = b->current, warp = self / LANES_WIDTH;
    if (vote)
        b->votes[warp] |= UINT32_C(1) << (self % LANES_WIDTH);
    lanes_warp_barrier();
    const uint32_t votes = b->votes[warp];
    lanes_warp_barrier();
    b->votes[warp] = 0;
    lanes_warp_barrier();
    return votes;
}
