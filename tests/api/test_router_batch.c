/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests in one call. */
#include "api_support.h"
#include "expect_route.h"
#include "router_cases.h"

#include <string.h>

static void batches(void **state) {
    (void)state;
    enum { N = 5 };
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_request requests[N] = {router_request(0, "math"), router_request(1, "computer science"),
                                 router_request(2, "nothing"), router_request(2, "law"), router_request(0, "math")};
    requests[4].n_embedding = 3;
    mlsel_route routes[N];
    mlsel_error errors[N], err;
    for (size_t i = 0; i < N; i++)
        routes[i] = router_route();
    assert_int_equal(mlsel_router_route_batch(router, requests, N, routes, errors, &err), MLSEL_ERROR_NO_DECISION);
    assert_non_null(strstr(err.message, "request 2: no decision matches category \"nothing\""));
    for (size_t i = 0; i < N; i++) {
        static const mlsel_status statuses[N] = {MLSEL_OK, MLSEL_OK, MLSEL_ERROR_NO_DECISION, MLSEL_OK,
                                                 MLSEL_ERROR_DIMENSION};
        assert_int_equal(routes[i].status, statuses[i]);
        assert_int_equal(errors[i].code, statuses[i]);
        if (statuses[i] != MLSEL_OK) {
            assert_null(routes[i].served);
            test_error_sound(&errors[i], statuses[i], "batch");
            continue;
        }
        test_no_error(&errors[i], "batch");
        const mlsel_route alone = route_ok(router, &requests[i]);
        assert_memory_equal(&alone, &routes[i], sizeof alone);
    }
    test_ok(mlsel_router_route_batch(router, requests, 2, routes, NULL, &err), &err);
    test_ok(mlsel_router_route_batch(router, NULL, 0, NULL, NULL, &err), &err);
    mlsel_router_release(router);
}

/* A caller with longer structs, as of a later version, and one with a shorter route. */
static void batches_of_other_sizes(void **state) {
    (void)state;
    enum { N = 3 };
    typedef struct longer {
        mlsel_request request;
        uint64_t later[2];
    } longer;
    typedef struct shorter {
        uint32_t struct_size;
        mlsel_status status;
        uint32_t flags;
        mlsel_status selector_status;
        uint64_t generation;
        const char *decision, *model, *lora, *served;
    } shorter;
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_error err;
    longer requests[N];
    shorter routes[N];
    memset(requests, 0, sizeof requests);
    memset(routes, 0, sizeof routes);
    for (size_t i = 0; i < N; i++) {
        requests[i].request = router_request(i, "math");
        requests[i].request.struct_size = sizeof *requests;
        routes[i].struct_size = sizeof *routes;
    }
    test_ok(mlsel_router_route_batch(router, &requests[0].request, N, (mlsel_route *)(void *)routes, NULL, &err), &err);
    for (size_t i = 0; i < N; i++) {
        const mlsel_route alone = route_ok(router, &requests[i].request);
        assert_ptr_equal(alone.served, routes[i].served);
        assert_int_equal(routes[i].struct_size, sizeof *routes);
    }
    requests[1].request.struct_size = sizeof(mlsel_request);
    assert_int_equal(
        mlsel_router_route_batch(router, &requests[0].request, N, (mlsel_route *)(void *)routes, NULL, &err),
        MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "request 1: "));
    mlsel_router_release(router);
}

/* A struct_size that cannot be a step fails the call, which writes nothing; one that is not the first's, its request.
 */
static void batches_of_bad_sizes(void **state) {
    (void)state;
    enum { N = 3 };
    const uint32_t request_sizes[] = {0, 4, sizeof(mlsel_request) + 4};
    const uint32_t route_sizes[] = {0, 8, sizeof(mlsel_route) + 4};
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_request requests[N] = {router_request(0, "math"), router_request(1, "math"), router_request(2, "math")};
    mlsel_route routes[N] = {router_route(), router_route(), router_route()}, before[N];
    mlsel_error errors[N], err;
    for (size_t i = 0; i < LENGTH(request_sizes); i++) {
        requests[0].struct_size = request_sizes[i];
        memcpy(before, routes, sizeof routes);
        test_fill(errors, sizeof errors);
        assert_int_equal(mlsel_router_route_batch(router, requests, N, routes, errors, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "requests[0].struct_size is "));
        requests[0] = router_request(0, "math");
        assert_memory_equal(routes, before, sizeof routes);
        routes[0].struct_size = route_sizes[i];
        memcpy(before, routes, sizeof routes);
        assert_int_equal(mlsel_router_route_batch(router, requests, N, routes, errors, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "routes[0].struct_size is "));
        assert_memory_equal(routes, before, sizeof routes);
        test_untouched(errors, sizeof errors, "errors of a batch");
        routes[0] = router_route();
    }
    routes[1].struct_size -= 8;
    assert_int_equal(mlsel_router_route_batch(router, requests, N, routes, errors, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "request 1: its struct_size is not that of the first");
    assert_int_equal(routes[0].status, MLSEL_OK);
    assert_int_equal(routes[1].status, MLSEL_ERROR_INVALID_ARGUMENT);
    assert_null(routes[1].served);
    assert_int_equal(routes[2].status, MLSEL_OK);
    assert_non_null(routes[2].served);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches),
        cmocka_unit_test(batches_of_other_sizes),
        cmocka_unit_test(batches_of_bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
