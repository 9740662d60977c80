/* SPDX-License-Identifier: Apache-2.0 */
#include "expect_route.h"

#include <string.h>

#include "api_support.h"
#include "router_cases.h"

mlsel_route route_ok(const mlsel_router *router, const mlsel_request *request) {
    mlsel_route route = router_route();
    mlsel_error err;
    test_ok(mlsel_router_route(router, request, &route, &err), &err);
    test_no_error(&err, "route");
    assert_int_equal(route.status, MLSEL_OK);
    return route;
}

void route_fails(const mlsel_router *router, const mlsel_request *request, mlsel_status status, const char *message) {
    mlsel_error err = test_unset_error();
    mlsel_route route, before;
    memset(&route, 0xa5, sizeof route);
    route.struct_size = sizeof route;
    route.candidates = NULL;
    before = route;
    assert_int_equal(mlsel_router_route(router, request, &route, &err), status);
    test_error_sound(&err, status, message);
    if (strstr(err.message, message) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
    assert_int_equal(route.status, status);
    before.status = status;
    assert_memory_equal(&route, &before, sizeof route);
}

void route_is(const mlsel_route *route, const char *decision, const char *served, uint32_t flags) {
    if (decision == NULL)
        assert_null(route->decision);
    else
        assert_string_equal(route->decision, decision);
    assert_string_equal(route->served, served);
    assert_int_equal(route->flags, flags);
}
