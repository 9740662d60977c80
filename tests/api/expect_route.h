/* SPDX-License-Identifier: Apache-2.0 */
/* What a router answers to one request. */
#ifndef MLSEL_TEST_EXPECT_ROUTE_H
#define MLSEL_TEST_EXPECT_ROUTE_H

#include "support.h"

/* Routes, or fails the test with the library's message. */
mlsel_route route_ok(const mlsel_router *router, const mlsel_request *request);
/* A request that must fail: the output keeps all but its status. */
void route_fails(const mlsel_router *router, const mlsel_request *request, mlsel_status status, const char *message);
/* Which decision (NULL: none) answered, with which model, and which MLSEL_ROUTE_* were set. */
void route_is(const mlsel_route *route, const char *decision, const char *served, uint32_t flags);

#endif
