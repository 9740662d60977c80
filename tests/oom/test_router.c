/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the router fails once: opening leaves nothing behind, a reload leaves the old state in place, a
 * request that finds no memory says so. libyaml allocates on its own account and is not made to fail.
 */
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "router/router.h"
#include "router_cases.h"

static const char others[] = ROUTER_HEAD "decisions:\n" ROUTER_DECISION("other_decision", "50", "other", "kmeans")
    ROUTER_DECISION("math_decision", "100", "math", "knn, knn: {k: 3}")
        ROUTER_DECISION("again_decision", "90", "law", "knn") "default_model: codellama-7b\n";

static mlsel_router_options options(void) {
    mlsel_router_options o = router_options();
    o.collect_metrics = 1;
    return o;
}

static void ask(const mlsel_router *router, uint64_t generation) {
    const mlsel_request request = router_request(0, "math");
    mlsel_route route = router_route();
    mlsel_error err;
    test_ok(mlsel_router_route(router, &request, &route, &err), &err);
    assert_int_equal(route.generation, generation);
    assert_string_equal(route.served, "codellama-7b");
}

static void open_each(const char *text, bool forever, size_t at_least) {
    const mlsel_router_options o = options();
    for (size_t n = 0;; n++) {
        mlsel_router *router = NULL;
        mlsel_error err;
        const size_t live = heap_live();
        heap_enter(n, forever);
        const mlsel_status status = mlsel_router_open_memory(text, strlen(text), &o, &router, &err);
        const bool has_failed = heap_leave();
        if (!has_failed) {
            test_ok(status, &err);
            heap_enter(HEAP_NEVER, false);
            ask(router, 1);
            mlsel_router_release(router);
            heap_leave();
            assert_int_equal(heap_live(), live);
            assert_true(n >= at_least);
            return;
        }
        if (status != MLSEL_ERROR_NO_MEMORY || router != NULL)
            fail_msg("allocation %zu: %s: %s", n, mlsel_status_name(status), err.message);
        if (strstr(err.message, "out of memory") == NULL)
            fail_msg("allocation %zu: %s", n, err.message);
        assert_int_equal(heap_live(), live);
    }
}

static void opening(void **state) {
    (void)state;
    open_each(router_four, false, 100);
    open_each(router_four, true, 100);
    open_each(others, false, 80);
}

static void reload_each(bool forever) {
    const mlsel_router_options o = options();
    mlsel_router *router = NULL;
    mlsel_error err;
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_router_open_memory(router_four, strlen(router_four), &o, &router, &err), &err);
    ask(router, 1); /* what the first answer needs is there */
    heap_leave();
    for (size_t n = 0;; n++) {
        heap_enter(n, forever);
        const mlsel_status status = mlsel_router_reload_memory(router, others, strlen(others), &err);
        const bool has_failed = heap_leave();
        heap_enter(HEAP_NEVER, false);
        if (!has_failed) {
            test_ok(status, &err);
            ask(router, 2);
            break;
        }
        assert_int_equal(status, MLSEL_ERROR_NO_MEMORY);
        ask(router, 1);
        heap_leave();
    }
    mlsel_router_metrics metrics;
    test_ok(mlsel_router_get_metrics(router, &metrics, sizeof metrics, &err), &err);
    assert_true(metrics.failed_reloads > 50);
    mlsel_router_release(router);
    heap_leave();
}

static void reloading(void **state) {
    (void)state;
    const size_t live = heap_live();
    reload_each(false);
    reload_each(true);
    assert_int_equal(heap_live(), live);
}

/* A request that finds the only context taken needs a new one, and room in it. */
static void requests(void **state) {
    (void)state;
    mlsel_router *router = NULL;
    mlsel_error err;
    const mlsel_router_options o = options();
    const mlsel_request request = router_request(0, "math");
    const size_t live = heap_live();
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_router_open_memory(router_four, strlen(router_four), &o, &router, &err), &err);
    router_state *held = NULL;
    router_context *context = mlsel_i_context_enter(router, false, &held, &err);
    assert_non_null(context);
    heap_leave();
    for (size_t n = 0; n < 3; n++) { /* the context, its scratch, none */
        mlsel_route route = router_route();
        heap_enter(n == 0 ? 0 : n == 1 ? 1 : HEAP_NEVER, false);
        const mlsel_status status = mlsel_router_route(router, &request, &route, &err);
        const bool has_failed = heap_leave();
        assert_int_equal(has_failed, n < 2);
        assert_int_equal(status, n < 2 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
        assert_int_equal(route.status, status);
    }
    heap_enter(HEAP_NEVER, false);
    mlsel_i_context_leave(router, context);
    mlsel_router_release(router);
    heap_leave();
    assert_int_equal(heap_live(), live);
}

/* More calls inside at a time than there are slots for contexts: each has its own, and those that found no slot when
 * they left are used again. */
static void many_at_a_time(void **state) {
    (void)state;
    enum { MANY = POOL_SLOTS + 3 };
    router_context *contexts[MANY];
    mlsel_router *router = NULL;
    mlsel_error err;
    const mlsel_router_options o = options();
    const size_t live = heap_live();
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_router_open_memory(router_four, strlen(router_four), &o, &router, &err), &err);
    for (int round = 0; round < 3; round++) {
        heap_leave();
        heap_enter(HEAP_NEVER, false);
        for (size_t i = 0; i < MANY; i++) {
            router_state *held = NULL;
            contexts[i] = mlsel_i_context_enter(router, false, &held, &err);
            assert_non_null(contexts[i]);
            assert_non_null(held);
            for (size_t j = 0; j < i; j++)
                assert_ptr_not_equal(contexts[i], contexts[j]);
        }
        for (size_t i = 0; i < MANY; i++)
            mlsel_i_context_leave(router, contexts[i]);
        if (round > 0)
            assert_int_equal(heap_requests(), 0);
    }
    ask(router, 1);
    mlsel_router_release(router);
    heap_leave();
    assert_int_equal(heap_live(), live);
}

/* Who stays inside for longer than a reload waits keeps the state that was current when it came; it is freed by a later
 * reload, or with the router. */
static void inside_for_long(void **state) {
    (void)state;
    mlsel_router *router = NULL;
    mlsel_error err;
    const mlsel_router_options o = options();
    const size_t live = heap_live();
    heap_enter(HEAP_NEVER, false);
    for (int leaves = 0; leaves < 2; leaves++) {
        router_state *held = NULL;
        test_ok(mlsel_router_open_memory(router_four, strlen(router_four), &o, &router, &err), &err);
        router_context *context = mlsel_i_context_enter(router, false, &held, &err);
        assert_non_null(context);
        test_ok(mlsel_router_reload_memory(router, others, strlen(others), &err), &err);
        assert_ptr_equal(router->retired, held);
        assert_int_equal(held->generation, 1);
        assert_int_equal(held->n_decisions, 4);
        ask(router, 2);
        mlsel_i_context_leave(router, context);
        if (leaves != 0) {
            test_ok(mlsel_router_reload_memory(router, others, strlen(others), &err), &err);
            assert_null(router->retired);
        }
        mlsel_router_release(router);
        heap_leave();
        assert_int_equal(heap_live(), live);
        heap_enter(HEAP_NEVER, false);
    }
    heap_leave();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),        cmocka_unit_test(reloading),       cmocka_unit_test(requests),
        cmocka_unit_test(many_at_a_time), cmocka_unit_test(inside_for_long),
    };
    heap_init();
    (void)router_embedding(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
