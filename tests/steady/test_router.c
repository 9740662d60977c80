/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steady state of a router: once it is warm, no request allocates, frees, locks, waits or asks the system for
 * anything, whether it is answered or not. With metrics it reads the clock twice.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "gate.h"
#include "router_cases.h"

static const char *const down[] = {"codellama-7b", "mistral-7b"};
static const mlsel_tradeoff tradeoff = {.struct_size = sizeof tradeoff,
                                        .flags = MLSEL_TRADEOFF_TOLERANCE,
                                        .tolerance = 0.3,
                                        .quality_weight = 0.5,
                                        .cost_weight = 0.5};
static const mlsel_price prices[] = {{"codellama-7b", 2}, {"mistral-7b", 1}};
static const mlsel_signal signals[] = {{"keyword", "x"}, {"language", "de"}, {"domain", "math"}};

typedef struct asker {
    const mlsel_router *router;
    mlsel_route_candidate candidates[4];
    double broken[ROUTER_EMBEDDING];
} asker;

/* One request after another of every kind; false if one ends otherwise than it must. */
static bool ask_all(asker *a) {
    static const char *const categories[] = {"math", "computer science", "law", "other", "nothing", "math", "math"};
    static const mlsel_status statuses[] = {
        MLSEL_OK, MLSEL_OK, MLSEL_OK, MLSEL_OK, MLSEL_ERROR_NO_DECISION, MLSEL_ERROR_NOT_FINITE, MLSEL_ERROR_DIMENSION};
    for (size_t i = 0; i < TEST_LENGTH(categories); i++)
        for (int way = 0; way < 16; way++) {
            mlsel_request request = router_request(i % 3, categories[i]);
            mlsel_route route = router_route();
            mlsel_error err;
            request.signals = signals;
            request.n_signals = (way & 1) != 0 && i < 2 ? 2 : 0;
            if ((way & 2) != 0)
                request.unavailable = down, request.n_unavailable = 2;
            if ((way & 4) != 0)
                route.candidates = a->candidates, route.candidates_capacity = 4;
            if ((way & 8) != 0)
                request.tradeoff = &tradeoff, request.prices = prices, request.n_prices = 2;
            if (statuses[i] == MLSEL_ERROR_NOT_FINITE)
                request.embedding_f64 = a->broken;
            if (statuses[i] == MLSEL_ERROR_DIMENSION)
                request.n_embedding = 7;
            if (mlsel_router_route(a->router, &request, &route, (way & 1) != 0 ? &err : NULL) != statuses[i])
                return false;
        }
    return true;
}

static void warm(asker *a, const mlsel_router *router) {
    a->router = router;
    a->broken[5] = NAN;
    assert_true(ask_all(a));
}

static void expect_only(const char *allowed) {
    char calls[1024];
    counters_describe(calls, sizeof calls);
    if (strcmp(calls, allowed) != 0)
        fail_msg("requests called \"%s\", expected \"%s\"", calls, allowed);
}

static void requests(void **state) {
    (void)state;
    static asker a;
    mlsel_router *router = router_open(router_four, NULL);
    warm(&a, router);
    counters_reset();
    const bool fine = ask_all(&a);
    expect_only("");
    assert_true(fine);
    mlsel_router_release(router);
}

static void requests_with_metrics(void **state) {
    (void)state;
    static asker a;
    mlsel_router_options options = router_options();
    options.collect_metrics = 1;
    mlsel_router *router = router_open(router_four, &options);
    warm(&a, router);
    counters_reset();
    const bool fine = ask_all(&a);
    expect_only("clock_gettime 224"); /* 7 kinds, 16 ways */
    assert_true(fine);
    mlsel_router_release(router);
}

static void batches(void **state) {
    (void)state;
    enum { N = 50 };
    static mlsel_request requests_[N];
    static mlsel_route routes[N];
    static mlsel_error errors[N];
    mlsel_router *router = router_open(router_four, NULL);
    for (size_t i = 0; i < N; i++) {
        requests_[i] = router_request(i % 3, i % 7 == 0 ? "nothing" : "math");
        routes[i] = router_route();
    }
    (void)mlsel_router_route_batch(router, requests_, N, routes, errors, NULL);
    counters_reset();
    const mlsel_status status = mlsel_router_route_batch(router, requests_, N, routes, errors, NULL);
    expect_only("");
    assert_int_equal(status, MLSEL_ERROR_NO_DECISION);
    mlsel_router_release(router);
}

/* A reload to a configuration that needs no more room costs requests nothing but their selectors' first workspace,
 * which loading has made; and a thousand reloads leave nothing behind. */
static void after_reloads(void **state) {
    (void)state;
    static asker a;
    mlsel_error err;
    mlsel_router *router = router_open(router_four, NULL);
    warm(&a, router);
    test_ok(mlsel_router_reload_memory(router, router_four, strlen(router_four), &err), &err);
    counters_reset();
    const bool fine = ask_all(&a);
    expect_only("");
    assert_true(fine);
    counters_reset();
    for (int i = 0; i < 20; i++) {
        test_ok(mlsel_router_reload_memory(router, router_four, strlen(router_four), &err), &err);
        assert_int_equal(mlsel_router_reload_memory(router, "decisions: [", 12, &err), MLSEL_ERROR_PARSE);
    }
    assert_int_equal(counters_live_blocks(), 0);
    assert_true(counters_of(COUNTED_pthread_mutex_lock) > 0);
    assert_int_equal(counters_of(COUNTED_nanosleep), 0);
    mlsel_router_release(router);
    counters_reset();
    router = router_open(router_four, NULL);
    assert_true(counters_live_blocks() > 0);
    mlsel_router_release(router);
    assert_int_equal(counters_live_blocks(), 0);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

enum { N_THREADS = 16, MAX_ROUNDS = 400 };

typedef struct thread {
    pthread_t id;
    asker asker;
    gate *begin, *end;
    atomic_bool *stop;
    bool failed;
} thread;

static void *ask_rounds(void *opaque) {
    thread *t = opaque;
    for (;;) {
        gate_pass(t->begin);
        if (atomic_load(t->stop))
            return NULL;
        t->failed = t->failed || !ask_all(&t->asker);
        gate_pass(t->end);
    }
}

/* Threads need a context each, and a workspace of each selector; when there are as many as were ever inside at once
 * nothing is allocated any more. A lock is never taken. */
static void threads(void **state) {
    (void)state;
    static thread all[N_THREADS];
    gate begin = {.n_threads = N_THREADS + 1}, end = {.n_threads = N_THREADS + 1};
    atomic_bool stop = false;
    mlsel_router *router = router_open(router_four, NULL);
    for (size_t i = 0; i < N_THREADS; i++) {
        all[i].begin = &begin, all[i].end = &end, all[i].stop = &stop;
        warm(&all[i].asker, router);
        assert_int_equal(pthread_create(&all[i].id, NULL, ask_rounds, &all[i]), 0);
    }
    size_t n_rounds = 0, n_allocated = 0, n_locks = 0, last = 1;
    for (; n_rounds < MAX_ROUNDS && (last > 0 || n_rounds < 20); n_rounds++) {
        counters_reset();
        gate_pass(&begin);
        gate_pass(&end);
        last = counters_sum(ALLOCATES) + counters_sum(FREES);
        n_allocated += last;
        n_locks += counters_sum(LOCKS) + counters_of(COUNTED_syscall) + counters_of(COUNTED_nanosleep);
    }
    atomic_store(&stop, true);
    gate_pass(&begin);
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(all[i].id, NULL), 0);
        assert_false(all[i].failed);
    }
    print_message("%d threads, %zu rounds: %zu blocks made\n", N_THREADS, n_rounds, n_allocated);
    assert_int_equal(last, 0);
    assert_int_equal(n_locks, 0);
    assert_in_range(n_allocated, 0, (2 + 4) * N_THREADS); /* context, its scratch, four workspaces */
    mlsel_router_release(router);
}

int main(void) {
#ifdef NO_LINKER_WRAP
    printf("skipped: the linker of this system cannot send calls elsewhere (--wrap)\n");
    return 0;
#else
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests), cmocka_unit_test(requests_with_metrics),
        cmocka_unit_test(batches),  cmocka_unit_test(after_reloads),
        cmocka_unit_test(threads),
    };
    (void)router_embedding(0); /* reads the queries before anything is counted */
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
