/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trade-offs and confidence floors of single requests. For the first query's embedding with "math" the example
 * artifact's five nearest rows lead one to expect (from the file: rows 0 to 3 and 13): codellama-7b  (0.80 + 0.79 +
 * 0.91) / 3   2.147, 2.262, 3.025 s llama-3.2-1b  0.68                       0.474 s mistral-7b 0.64 2.518 s
 *   llama-3.2-3b  nothing
 */
#include "api_support.h"
#include "expect_route.h"
#include "router_cases.h"

#include <math.h>
#include <string.h>

static const double best_quality = 2.5 / 3;
static const mlsel_price prices[] = {{"codellama-7b", 0.2}, {"llama-3.2-1b", 0.04}, {"llama-3.2-3b", 0.06},
                                     {"mistral-7b", 0.02},  {"mistral-7b", 9},      {"nobody", 0.5}};

static mlsel_tradeoff within(double tolerance) {
    mlsel_tradeoff t;
    mlsel_tradeoff_init(&t, sizeof t);
    t.flags = MLSEL_TRADEOFF_TOLERANCE;
    t.tolerance = tolerance;
    return t;
}

static void expect(const mlsel_route *route, const char *served, uint32_t flags, uint32_t selection_flags) {
    assert_string_equal(route->served, served);
    assert_int_equal(route->flags, flags);
    assert_int_equal(route->selection_flags, selection_flags);
}

static void weighed(void **state) {
    (void)state;
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_request request = router_request(0, "math");
    mlsel_tradeoff t = within(0.2); /* all three are within it */
    mlsel_route_candidate candidates[ROUTER_N_MODELS];
    request.tradeoff = &t;
    request.prices = prices, request.n_prices = LENGTH(prices);
    mlsel_route route = route_ok(router, &request);
    expect(&route, "mistral-7b", 0, MLSEL_SELECTION_TRADEOFF); /* its first price counts */
    test_close(route.score, 0.64, 1e-12, "score");
    test_close(route.margin, 0.64 - 0.68, 1e-12, "margin");
    t.tolerance = 0.16;
    route = route_ok(router, &request);
    expect(&route, "llama-3.2-1b", 0, MLSEL_SELECTION_TRADEOFF);
    t.tolerance = 0.1;
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", 0, MLSEL_SELECTION_TRADEOFF);
    /* prices without a trade-off mean nothing */
    request.tradeoff = NULL;
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", 0, 0);
    /* a cost weighs by the highest price, which here is that of mistral's second entry: 9 */
    mlsel_tradeoff_init(&t, sizeof t);
    t.quality_weight = t.cost_weight = 1;
    request.tradeoff = &t;
    route.candidates = candidates;
    route.candidates_capacity = ROUTER_N_MODELS;
    mlsel_error err;
    test_ok(mlsel_router_route(router, &request, &route, &err), &err);
    expect(&route, "codellama-7b", 0, MLSEL_SELECTION_TRADEOFF);
    test_close(candidates[0].score, (best_quality + 1 / (1 + 0.2 / 9)) / 2, 1e-12, "codellama");
    test_close(candidates[1].score, (0.68 + 1 / (1 + 0.04 / 9)) / 2, 1e-12, "llama 1b");
    assert_true(isinf(candidates[2].score) && candidates[2].probability <= 0);
    t.cost_scale = 0.02;
    test_ok(mlsel_router_route(router, &request, &route, &err), &err);
    expect(&route, "mistral-7b", 0, MLSEL_SELECTION_TRADEOFF);
    test_close(candidates[3].score, (0.64 + 0.5) / 2, 1e-12, "mistral");
    mlsel_router_release(router);
}

/* A LoRA has the price of its served name, or else that of its base; of two candidates with one label the one that may
 * answer counts. */
static void names(void **state) {
    (void)state;
    static const char text[] = ROUTER_HEAD
        "decisions:\n"
        "  - name: all\n"
        "    algorithm: {type: knn}\n"
        "    modelRefs: [{model: codellama-7b}, {model: llama-3.2-1b}, {model: mistral-7b, lora_name: sums},\n"
        "                {model: mistral-7b, lora_name: laws}]\n";
    mlsel_router *router = router_open(text, NULL);
    mlsel_request request = router_request(0, "math");
    const mlsel_tradeoff t = within(0.2);
    mlsel_price own[3] = {{"llama-3.2-1b", 0.04}, {"mistral-7b", 0.01}, {"sums", 5}};
    request.tradeoff = &t;
    request.prices = own, request.n_prices = 2;
    mlsel_route route = route_ok(router, &request);
    assert_string_equal(route.model, "mistral-7b");
    expect(&route, "sums", 0, MLSEL_SELECTION_TRADEOFF);
    request.n_prices = 3;
    route = route_ok(router, &request);
    expect(&route, "llama-3.2-1b", 0, MLSEL_SELECTION_TRADEOFF);
    const char *const down[] = {"sums"};
    request.unavailable = down, request.n_unavailable = 1;
    route = route_ok(router, &request);
    expect(&route, "laws", MLSEL_ROUTE_RESTRICTED, MLSEL_SELECTION_TRADEOFF);
    own[1].cost = NAN; /* not known: the highest */
    route = route_ok(router, &request);
    expect(&route, "llama-3.2-1b", MLSEL_ROUTE_RESTRICTED, MLSEL_SELECTION_TRADEOFF);
    mlsel_router_release(router);
}

/* Whatever else chooses among several candidates says so; a single one needs no choice. */
static void ignored(void **state) {
    (void)state;
    static const char *const categories[] = {"computer science", "law", "other"};
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_router_options options = router_options();
    options.strict = 1;
    mlsel_router *strict = router_open(router_four, &options);
    const mlsel_tradeoff t = within(1);
    for (size_t i = 0; i < LENGTH(categories); i++) {
        mlsel_request request = router_request(1, categories[i]);
        mlsel_route want = route_ok(router, &request);
        request.tradeoff = &t;
        mlsel_route got = route_ok(strict, &request);
        assert_string_equal(got.served, want.served);
        assert_int_equal(got.flags, want.flags | MLSEL_ROUTE_TRADEOFF_IGNORED);
        test_close(got.score, want.score, 1e-15, "score");
    }
    mlsel_request request = router_request(0, "math");
    const char *const only[] = {"mistral-7b"};
    request.tradeoff = &t;
    request.allowed = only, request.n_allowed = 1;
    mlsel_route route = route_ok(router, &request);
    expect(&route, "mistral-7b", MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED, 0);
    mlsel_request_init(&request, sizeof request);
    request.category = "math";
    request.tradeoff = &t;
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", MLSEL_ROUTE_SELECTOR_FAILED | MLSEL_ROUTE_TRADEOFF_IGNORED, 0);
    mlsel_router_release(strict);
    mlsel_router_release(router);
}

static void floors(void **state) {
    (void)state;
    char text[4096];
    (void)snprintf(text, sizeof text, "%sdefault_model: spare\n", router_four);
    mlsel_router_options options = router_options();
    options.min_probability = 0.7; /* the vote's best has 0.646 */
    mlsel_router *router = router_open(text, &options), *without = router_open(text, NULL);
    mlsel_request request = router_request(0, "math");
    mlsel_route route = route_ok(router, &request);
    expect(&route, "spare", MLSEL_ROUTE_LOW_CONFIDENCE, 0);
    request.min_probability = 0.6;
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", 0, 0);
    route = route_ok(without, &request);
    expect(&route, "codellama-7b", 0, 0);
    request.min_probability = 0.7;
    route = route_ok(without, &request);
    expect(&route, "spare", MLSEL_ROUTE_LOW_CONFIDENCE, 0);
    /* shares of utilities: 0.8333 / 2.1533 = 0.387 */
    mlsel_tradeoff t;
    mlsel_tradeoff_init(&t, sizeof t);
    request.tradeoff = &t;
    request.min_probability = 0.38;
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", 0, MLSEL_SELECTION_TRADEOFF);
    test_close(route.probability, best_quality / (best_quality + 0.68 + 0.64), 1e-12, "probability");
    request.min_probability = 0.39;
    route = route_ok(router, &request);
    expect(&route, "spare", MLSEL_ROUTE_LOW_CONFIDENCE, MLSEL_SELECTION_TRADEOFF);
    mlsel_router_release(router);
    mlsel_router_release(without);
}

static void explained(void **state) {
    (void)state;
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_request request = router_request(0, "math");
    mlsel_tradeoff t;
    mlsel_outcome outcomes[ROUTER_N_MODELS];
    mlsel_evidence evidence;
    mlsel_route_explanation told;
    mlsel_route route = router_route();
    mlsel_error err;
    mlsel_tradeoff_init(&t, sizeof t);
    t.latency_weight = 1;
    request.tradeoff = &t;
    request.prices = prices, request.n_prices = 3;
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.outcomes = outcomes, evidence.outcomes_capacity = ROUTER_N_MODELS;
    mlsel_route_explanation_init(&told, sizeof told);
    told.evidence = &evidence;
    test_ok(mlsel_router_explain(router, &request, &route, &told, &err), &err);
    expect(&route, "llama-3.2-1b", 0, MLSEL_SELECTION_TRADEOFF);
    mlsel_model *model = NULL;
    test_ok(mlsel_router_get_model(router, (uint32_t)route.decision_index, &model, &err), &err);
    const mlsel_outcome *o = &outcomes[mlsel_model_find_label(model, "codellama-7b")];
    test_close(o->quality, best_quality, 1e-12, "quality");
    test_close(o->latency_ns, (2147e6 + 2262e6 + 3025e6) / 3, 1e-12, "latency");
    test_close(o->cost, 0.2, 0, "cost");
    assert_int_equal(o->samples, 3);
    o = &outcomes[mlsel_model_find_label(model, "mistral-7b")];
    assert_true(o->samples == 1 && isnan(o->cost)); /* three prices were given */
    mlsel_model_release(model);
    /* in a batch, and from a host that knows no trade-offs */
    mlsel_request requests[2] = {request, request};
    mlsel_route routes[2] = {router_route(), router_route()};
    requests[1].tradeoff = NULL;
    test_ok(mlsel_router_route_batch(router, requests, 2, routes, NULL, &err), &err);
    expect(&routes[0], "llama-3.2-1b", 0, MLSEL_SELECTION_TRADEOFF);
    expect(&routes[1], "codellama-7b", 0, 0);
    request.struct_size = offsetof(mlsel_request, min_probability);
    route = route_ok(router, &request);
    expect(&route, "codellama-7b", 0, 0);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighed), cmocka_unit_test(names),     cmocka_unit_test(ignored),
        cmocka_unit_test(floors),  cmocka_unit_test(explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
