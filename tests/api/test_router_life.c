/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, reloading, listing, counting and explaining; options and requests that are wrong. */
#include "api_support.h"
#include "router_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char two_rules[] = "decisions:\n"
                                "  - name: low\n"
                                "    description: the rest\n"
                                "    modelRefs: [{model: m0}]\n"
                                "  - name: high\n"
                                "    priority: 7\n"
                                "    rules:\n"
                                "      operator: AND\n"
                                "      conditions:\n"
                                "        - {type: domain, name: math}\n"
                                "        - operator: NOT\n"
                                "          conditions: [{type: keyword, name: easy}]\n"
                                "    modelRefs: [{model: m1, lora_name: l1}, {model: m2}]\n";

static mlsel_route ask(const mlsel_router *router, const mlsel_request *request) {
    mlsel_route route = router_route();
    mlsel_error err;
    test_ok(mlsel_router_route(router, request, &route, &err), &err);
    return route;
}

/* --- opening and reloading --------------------------------------------------------------------------------------- */

/* The documented example from its file: paths are relative to it. */
static void example(void **state) {
    (void)state;
    mlsel_router *router = NULL;
    mlsel_error err;
    mlsel_router_info info;
    test_ok(mlsel_router_open(EXAMPLE("router.yaml"), NULL, &router, &err), &err);
    test_no_error(&err, "open");
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.n_decisions, 5);
    assert_int_equal(info.n_models, 4);
    assert_int_equal(info.generation, 1);
    assert_int_equal(info.max_candidates, 4);
    assert_int_equal(info.enabled, 1);
    assert_int_equal(info.default_decision, -1);
    assert_string_equal(info.dialect, "flat");
    assert_null(info.default_model);
    assert_string_equal(info.path, EXAMPLE("router.yaml"));
    assert_true(info.memory_bytes > 4 * 1038 * 40);
    static const struct {
        const char *category, *decision;
    } cases[] = {{"math", "math_decision"},
                 {"computer science", "cs_decision"},
                 {"engineering", "engineering_decision"},
                 {"physics", "engineering_decision"},
                 {NULL, "general_decision"},
                 {"law", "general_decision"}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const mlsel_request request = router_request(0, cases[i].category);
        const mlsel_route route = ask(router, &request);
        assert_string_equal(route.decision, cases[i].decision);
    }
    const mlsel_signal urgent = {"keyword", "urgent"};
    mlsel_request request = router_request(0, "math");
    request.signals = &urgent, request.n_signals = 1;
    assert_string_equal(ask(router, &request).served, "llama-3.2-1b");
    request.category = "law";
    assert_string_equal(ask(router, &request).decision, "general_decision");
    test_ok(mlsel_router_reload(router, NULL, &err), &err);
    assert_int_equal(ask(router, &request).generation, 2);
    mlsel_router_release(router);
}

static void write_text(const char *name, const char *text) { (void)test_write(name, text, strlen(text)); }

/* Names handed out before stay readable and equal after reloads; a bad configuration changes nothing. */
static void reloading(void **state) {
    (void)state;
    mlsel_router *router = NULL;
    mlsel_error err = test_unset_error();
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    write_text("router.yaml", two_rules);
    test_ok(mlsel_router_open(test_path("router.yaml"), NULL, &router, &err), &err);
    const mlsel_route before = ask(router, &request);
    assert_string_equal(before.decision, "low");
    write_text("router.yaml", "decisions: [{name: other, modelRefs: [{model: m9}]}]\n");
    test_ok(mlsel_router_reload(router, NULL, &err), &err);
    test_no_error(&err, "reload");
    const mlsel_route after = ask(router, &request);
    assert_string_equal(after.served, "m9");
    assert_int_equal(after.generation, 2);
    assert_string_equal(before.decision, "low");
    write_text("router.yaml", "decisions: [{name: other\n");
    assert_int_equal(mlsel_router_reload(router, NULL, &err), MLSEL_ERROR_PARSE);
    test_error_sound(&err, MLSEL_ERROR_PARSE, "reload");
    assert_non_null(strstr(err.message, "router.yaml:"));
    assert_int_equal(mlsel_router_reload(router, test_path("missing.yaml"), &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(ask(router, &request).generation, 2);
    write_text("second.yaml", two_rules); /* a new path stays */
    test_ok(mlsel_router_reload(router, test_path("second.yaml"), &err), &err);
    test_ok(mlsel_router_reload(router, NULL, &err), &err);
    const mlsel_route again = ask(router, &request);
    assert_int_equal(again.generation, 4);
    assert_ptr_equal(again.decision, before.decision);
    assert_ptr_equal(again.served, before.served);
    mlsel_router_metrics metrics;
    test_ok(mlsel_router_get_metrics(router, &metrics, sizeof metrics, &err), &err);
    assert_int_equal(metrics.enabled, 0);
    assert_int_equal(metrics.requests, 0);
    assert_int_equal(metrics.reloads, 3);
    assert_int_equal(metrics.failed_reloads, 2);
    mlsel_decision_metrics low;
    uint64_t selections = 7;
    test_ok(mlsel_router_get_decision_metrics(router, 0, &low, sizeof low, &err), &err);
    assert_string_equal(low.name, "low"); /* that nothing is collected does not make it unknown */
    assert_int_equal(low.requests, 0);
    test_ok(mlsel_router_get_selections(router, 0, 0, &selections, &err), &err);
    assert_int_equal(selections, 0);
    mlsel_router_release(router);
    router = router_open(two_rules, NULL);
    assert_int_equal(mlsel_router_reload(router, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "opened from memory"));
    mlsel_router_release(router);
}

/* Names that go are kept, up to a limit, which a reload cannot pass. */
static void name_limit(void **state) {
    (void)state;
    mlsel_router_options options = router_options();
    mlsel_error err;
    mlsel_router_info info;
    mlsel_status status = MLSEL_OK;
    size_t reloads = 0;
    options.max_name_bytes = 2000;
    mlsel_router *router = router_open(two_rules, &options);
    for (int i = 0; i < 3; i++) /* the same names cost nothing */
        test_ok(mlsel_router_reload_memory(router, two_rules, strlen(two_rules), &err), &err);
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_true(info.name_bytes > 20 && info.name_bytes < 200);
    while (status == MLSEL_OK && reloads < 1000) {
        char text[128];
        (void)snprintf(text, sizeof text, "decisions: [{name: new%zu, modelRefs: [{model: m}]}]\n", reloads++);
        status = mlsel_router_reload_memory(router, text, strlen(text), &err);
    }
    assert_int_equal(status, MLSEL_ERROR_LIMIT);
    assert_non_null(strstr(err.message, "max_name_bytes (2000)"));
    assert_in_range(reloads, 100, 500);
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    (void)ask(router, &request);
    mlsel_router_release(router);
}

/* --- what cannot be opened --------------------------------------------------------------------------------------- */

static void refuse(const char *text, const mlsel_router_options *options, mlsel_status status, const char *message) {
    mlsel_error err = test_unset_error();
    mlsel_router *router = (mlsel_router *)(void *)&err;
    assert_int_equal(mlsel_router_open_memory(text, strlen(text), options, &router, &err), status);
    assert_ptr_equal(router, &err);
    test_error_sound(&err, status, message);
    if (strstr(err.message, message) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
    assert_int_equal(mlsel_router_open_memory(text, strlen(text), options, &router, NULL), status);
}

static void bad_configurations(void **state) {
    (void)state;
    mlsel_router_options options = router_options();
    refuse("", &options, MLSEL_ERROR_PARSE, "");
    refuse("decisions: [", &options, MLSEL_ERROR_PARSE, ":1:");
    refuse("decisions: {}\n", &options, MLSEL_ERROR_SCHEMA, "configuration:1:");
    options.models_dir = "/nowhere";
    refuse(router_four, &options, MLSEL_ERROR_NOT_FOUND,
           "decision \"math_decision\": pretrained model not found: /nowhere/knn_model.json");
    options.models_dir = NULL;
    options.max_artifact_bytes = 100;
    refuse(router_four, &options, MLSEL_ERROR_LIMIT, "math_decision");
    options.max_artifact_bytes = 0;
    options.max_config_bytes = 10;
    refuse(router_four, &options, MLSEL_ERROR_LIMIT, "");
    options.max_config_bytes = 0;
    /* a warning is none of its business, unless it is asked to be */
    const char *const warned = "model_selection: {ml: {enabled: true, models_path: models, svm: {gamma: 9.0}}}\n"
                               "decisions:\n" ROUTER_DECISION("math", "1", "math", "svm");
    mlsel_router *router = router_open(warned, &options);
    mlsel_router_info info;
    mlsel_error err;
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_int_equal(info.n_warnings, 1);
    mlsel_router_release(router);
    options.warnings_are_errors = 1;
    refuse(warned, &options, MLSEL_ERROR_SCHEMA, "configuration:1:");
    mlsel_error file_err;
    mlsel_router *none = NULL;
    assert_int_equal(mlsel_router_open("/nowhere/router.yaml", NULL, &none, &file_err), MLSEL_ERROR_NOT_FOUND);
    assert_non_null(strstr(file_err.message, "/nowhere/router.yaml"));
    assert_null(none);
}

/* NULL is the text of no bytes: refused as such, and a router that is there stays as it is. */
static void no_text(void **state) {
    (void)state;
    mlsel_router *router = NULL;
    mlsel_error err = test_unset_error(), empty = test_unset_error();
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    assert_int_equal(mlsel_router_open_memory(NULL, 0, NULL, &router, &err), MLSEL_ERROR_PARSE);
    assert_null(router);
    assert_int_equal(mlsel_router_open_memory("", 0, NULL, &router, &empty), MLSEL_ERROR_PARSE);
    assert_memory_equal(&err, &empty, sizeof err);
    router = router_open(two_rules, NULL);
    assert_int_equal(mlsel_router_reload_memory(router, NULL, 0, &err), MLSEL_ERROR_PARSE);
    assert_memory_equal(&err, &empty, sizeof err);
    assert_int_equal(ask(router, &request).generation, 1);
    mlsel_router_release(router);
}

static void bad_options(void **state) {
    (void)state;
    mlsel_router_options options = router_options();
    options.min_probability = 1.5;
    refuse(two_rules, &options, MLSEL_ERROR_INVALID_ARGUMENT, "min_probability must be from 0 to 1");
    options.min_probability = NAN;
    refuse(two_rules, &options, MLSEL_ERROR_INVALID_ARGUMENT, "min_probability must be from 0 to 1");
    options = router_options();
    options.knn_rule = 7;
    refuse(two_rules, &options, MLSEL_ERROR_INVALID_ARGUMENT, "knn_rule 7 is none");
    options = router_options();
    options.category_layout = MLSEL_CATEGORIES_ARTIFACT;
    refuse(two_rules, &options, MLSEL_ERROR_INVALID_ARGUMENT, "category_layout 2 is none");
    memset(&options, 0, sizeof options);
    refuse(two_rules, &options, MLSEL_ERROR_INVALID_ARGUMENT, "struct_size is not set");
    mlsel_router_options_init(&options, sizeof options);
    mlsel_router_release(router_open(two_rules, &options));
}

/* --- requests that are wrong ------------------------------------------------------------------------------------- */

typedef void (*spoil_fn)(mlsel_request *request);
static const float one_float[1] = {1};
static const double one_double[1] = {1};
static const mlsel_signal no_type = {NULL, "a"}, no_name = {"a", NULL};
static const char *const null_name[1] = {NULL};

static void spoil_reserved(mlsel_request *r) { r->reserved = 1; }
static void spoil_both(mlsel_request *r) {
    r->embedding = one_float, r->embedding_f64 = one_double, r->n_embedding = 1;
}
static void spoil_empty(mlsel_request *r) { r->embedding = one_float; }
static void spoil_null(mlsel_request *r) { r->n_embedding = 5; }
static void spoil_signals(mlsel_request *r) { r->n_signals = 2; }
static void spoil_type(mlsel_request *r) { r->signals = &no_type, r->n_signals = 1; }
static void spoil_name(mlsel_request *r) { r->signals = &no_name, r->n_signals = 1; }
static void spoil_unavailable(mlsel_request *r) { r->n_unavailable = 1; }
static void spoil_unavailable_name(mlsel_request *r) { r->unavailable = null_name, r->n_unavailable = 1; }
static void spoil_allowed(mlsel_request *r) { r->n_allowed = 3; }
static void spoil_allowed_name(mlsel_request *r) { r->allowed = null_name, r->n_allowed = 1; }
static void spoil_size(mlsel_request *r) { r->struct_size = 0; }
static const mlsel_price no_model = {NULL, 1}, negative = {"m", -1}, infinite = {"m", INFINITY};
static const mlsel_tradeoff unset_tradeoff = {.struct_size = 0},
                            bad_weight = {.struct_size = sizeof(mlsel_tradeoff), .quality_weight = -1},
                            own_costs = {.struct_size = sizeof(mlsel_tradeoff), .costs = one_double, .n_costs = 1},
                            unpriced = {.struct_size = sizeof(mlsel_tradeoff), .cost_weight = 1};
static void spoil_floor(mlsel_request *r) { r->min_probability = 1.5; }
static void spoil_floor_nan(mlsel_request *r) { r->min_probability = NAN; }
static void spoil_prices(mlsel_request *r) { r->n_prices = 2; }
static void spoil_price_name(mlsel_request *r) { r->prices = &no_model, r->n_prices = 1; }
static void spoil_price(mlsel_request *r) { r->prices = &negative, r->n_prices = 1; }
static void spoil_price_infinite(mlsel_request *r) { r->prices = &infinite, r->n_prices = 1; }
static void spoil_tradeoff(mlsel_request *r) { r->tradeoff = &unset_tradeoff; }
static void spoil_weight(mlsel_request *r) { r->tradeoff = &bad_weight; }
static void spoil_costs(mlsel_request *r) { r->tradeoff = &own_costs; }
static void spoil_unpriced(mlsel_request *r) { r->tradeoff = &unpriced; }

static void bad_requests(void **state) {
    (void)state;
    static const struct {
        spoil_fn spoil;
        const char *message;
    } cases[] = {
        {spoil_reserved, "mlsel_request: reserved must be 0"},
        {spoil_both, "give embedding or embedding_f64, not both"},
        {spoil_empty, "the embedding is empty: n_embedding is 0"},
        {spoil_null, "the embedding is NULL but n_embedding is 5"},
        {spoil_signals, "signals is NULL but n_signals is 2"},
        {spoil_type, "signals[0]: type and name must not be NULL"},
        {spoil_name, "signals[0]: type and name must not be NULL"},
        {spoil_unavailable, "unavailable is NULL but n_unavailable is 1"},
        {spoil_unavailable_name, "unavailable[0] is NULL"},
        {spoil_allowed, "allowed is NULL but n_allowed is 3"},
        {spoil_allowed_name, "allowed[0] is NULL"},
        {spoil_size, "mlsel_request: struct_size is not set (use mlsel_request_init)"},
        {spoil_floor, "mlsel_request: min_probability must be from 0 to 1"},
        {spoil_floor_nan, "mlsel_request: min_probability must be from 0 to 1"},
        {spoil_prices, "prices is NULL but n_prices is 2"},
        {spoil_price_name, "prices[0]: the model is NULL"},
        {spoil_price, "prices[0] (\"m\") is negative: a cost is finite and at least 0, or NaN for not known"},
        {spoil_price_infinite, "prices[0] (\"m\") is infinite: a cost is finite and at least 0, or NaN for not known"},
        {spoil_tradeoff, "mlsel_tradeoff: struct_size is not set (use mlsel_tradeoff_init)"},
        {spoil_weight, "mlsel_tradeoff: quality_weight is -1: it must be a finite number of at least 0"},
        {spoil_costs, "mlsel_tradeoff: a request gives costs by name, as prices: costs must be NULL"},
        {spoil_unpriced, "mlsel_tradeoff: cost_weight needs prices, and the request has none"},
    };
    mlsel_router *router = router_open(two_rules, NULL);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlsel_request request;
        mlsel_request_init(&request, sizeof request);
        cases[i].spoil(&request);
        mlsel_route route = router_route();
        mlsel_route_explanation explanation;
        mlsel_route_explanation_init(&explanation, sizeof explanation);
        mlsel_error err = test_unset_error();
        assert_int_equal(mlsel_router_route(router, &request, &route, &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, cases[i].message, "route");
        assert_int_equal(route.status, MLSEL_ERROR_INVALID_ARGUMENT);
        assert_null(route.served);
        assert_int_equal(mlsel_router_explain(router, &request, &route, &explanation, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, cases[i].message, "explain");
    }
    mlsel_router_release(router);
}

/* Requests out of all proportion, and structs of other versions. */
static void strange_requests(void **state) {
    (void)state;
    enum { N_SIGNALS = 100000, LENGTH_OF_NAME = 1 << 20 };
    mlsel_router *router = router_open(two_rules, NULL);
    mlsel_signal *signals = calloc(N_SIGNALS, sizeof *signals);
    const char **names = calloc(N_SIGNALS, sizeof *names);
    char *name = malloc(LENGTH_OF_NAME + 1);
    assert_true(signals != NULL && names != NULL && name != NULL);
    memset(name, '\x80', LENGTH_OF_NAME); /* no UTF-8 */
    memcpy(name, "\033[31m\n", 6);
    name[LENGTH_OF_NAME] = '\0';
    for (size_t i = 0; i < N_SIGNALS; i++) {
        signals[i] = (mlsel_signal){i % 2 == 0 ? "keyword" : "", i % 3 == 0 ? "" : "unheard"};
        names[i] = "nobody";
    }
    signals[10] = (mlsel_signal){name, name};
    signals[N_SIGNALS - 1] = (mlsel_signal){"domain", "math"};
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.category = name;
    request.signals = signals, request.n_signals = N_SIGNALS;
    request.unavailable = names, request.n_unavailable = N_SIGNALS;
    mlsel_route route = ask(router, &request);
    assert_string_equal(route.decision, "high");
    assert_int_equal(route.flags, MLSEL_ROUTE_NO_SELECTOR);
    mlsel_router_release(router);
    router = router_open("decisions: [{name: a, rules: {operator: AND, conditions: [{type: x, name: y}]}, "
                         "modelRefs: [{model: m}]}]\n",
                         NULL);
    mlsel_error err = test_unset_error();
    assert_int_equal(mlsel_router_route(router, &request, &route, &err), MLSEL_ERROR_NO_DECISION);
    test_error_sound(&err, MLSEL_ERROR_NO_DECISION, "a category of a megabyte");
    mlsel_router_release(router);
    /* an older caller's structs: nothing but their size, and a route that ends after the status */
    router = router_open(two_rules, NULL);
    uint32_t shortest[4] = {4, 0xffffffff, 0xffffffff, 0xffffffff};
    struct {
        uint32_t struct_size;
        mlsel_status status;
        uint32_t untouched;
    } brief = {8, -77, 0x5a5a5a5a};
    test_ok(
        mlsel_router_route(router, (const mlsel_request *)(const void *)shortest, (mlsel_route *)(void *)&brief, &err),
        &err);
    assert_int_equal(brief.status, MLSEL_OK);
    assert_int_equal(brief.struct_size, 8);
    assert_int_equal(brief.untouched, 0x5a5a5a5a);
    mlsel_router_release(router);
    free(signals);
    free(names);
    free(name);
}

/* --- listing ----------------------------------------------------------------------------------------------------- */

static void listing(void **state) {
    (void)state;
    mlsel_router *router = router_open(two_rules, NULL);
    mlsel_router_decision decision;
    mlsel_router_candidate candidate;
    mlsel_decision_metrics metrics;
    mlsel_model *model = NULL;
    uint64_t selections = 77;
    mlsel_error err;
    test_ok(mlsel_router_get_decision(router, 1, &decision, sizeof decision, &err), &err);
    assert_int_equal(decision.struct_size, sizeof decision);
    assert_string_equal(decision.name, "high");
    assert_string_equal(decision.description, "");
    assert_null(decision.artifact);
    assert_int_equal(decision.priority, 7);
    assert_int_equal(decision.n_candidates, 2);
    assert_int_equal(decision.n_rules, 4);
    assert_string_equal(decision.device, "");
    test_ok(mlsel_router_get_candidate(router, 1, 0, &candidate, sizeof candidate, &err), &err);
    assert_string_equal(candidate.model, "m1");
    assert_string_equal(candidate.lora, "l1");
    assert_string_equal(candidate.served, "l1");
    assert_int_equal(candidate.label, -1);
    test_ok(mlsel_router_get_model(router, 0, &model, &err), &err);
    assert_null(model);
    test_ok(mlsel_router_get_selections(router, 1, 1, &selections, &err), &err);
    assert_int_equal(selections, 0);
    test_fill(&decision, sizeof decision);
    assert_int_equal(mlsel_router_get_decision(router, 2, &decision, sizeof decision, &err), MLSEL_ERROR_NOT_FOUND);
    test_error(&err, MLSEL_ERROR_NOT_FOUND, 0, "there is no decision 2, the configuration has 2", "decision");
    test_untouched(&decision, sizeof decision, "decision");
    assert_int_equal(mlsel_router_get_candidate(router, 1, 2, &candidate, sizeof candidate, &err),
                     MLSEL_ERROR_NOT_FOUND);
    test_error(&err, MLSEL_ERROR_NOT_FOUND, 0, "decision \"high\" has no candidate 2, it has 2", "candidate");
    assert_int_equal(mlsel_router_get_candidate(router, 9, 0, &candidate, sizeof candidate, &err),
                     MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_router_get_model(router, 2, &model, &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_router_get_decision_metrics(router, 2, &metrics, sizeof metrics, &err),
                     MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_router_get_selections(router, 0, 1, &selections, &err), MLSEL_ERROR_NOT_FOUND);
    mlsel_router *same = mlsel_router_retain(router);
    assert_ptr_equal(same, router);
    mlsel_router_release(router);
    test_ok(mlsel_router_get_decision(same, 0, &decision, sizeof decision, &err), &err);
    assert_string_equal(decision.description, "the rest");
    mlsel_router_release(same);
}

/* --- explaining -------------------------------------------------------------------------------------------------- */

static void explaining(void **state) {
    (void)state;
    const mlsel_signal signals[] = {{"keyword", "unheard"}, {"domain", "math"}, {"keyword", "easy"}};
    mlsel_decision_result decisions[2];
    mlsel_rule_result rules[4];
    const char *unused[2];
    mlsel_route route = router_route();
    mlsel_route_explanation e;
    mlsel_error err;
    mlsel_router *router = router_open(two_rules, NULL);
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.signals = signals, request.n_signals = 3;
    mlsel_route_explanation_init(&e, sizeof e);
    e.decisions = decisions, e.decisions_capacity = LENGTH(decisions);
    e.rules = rules, e.rules_capacity = LENGTH(rules);
    e.unused_signals = unused, e.unused_signals_capacity = LENGTH(unused);
    test_ok(mlsel_router_explain(router, &request, &route, &e, &err), &err);
    assert_string_equal(route.decision, "low");
    assert_int_equal(e.decision_count, 2);
    assert_int_equal(e.rule_count, 4);
    static const mlsel_decision_result want[] = {{"high", 1, 7, 0, 0, 4, 0}, {"low", 0, 0, 1, 1, 0, 0}};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(decisions[i].name, want[i].name);
        assert_int_equal(decisions[i].index, want[i].index);
        assert_int_equal(decisions[i].priority, want[i].priority);
        assert_int_equal(decisions[i].matched, want[i].matched);
        assert_int_equal(decisions[i].answered, want[i].answered);
        assert_int_equal(decisions[i].n_rules, want[i].n_rules);
    }
    static const mlsel_rule_result tree[] = {{1, MLSEL_RULE_AND, 0, 0, NULL, NULL},
                                             {1, MLSEL_RULE_CONDITION, 1, 1, "domain", "math"},
                                             {1, MLSEL_RULE_NOT, 1, 0, NULL, NULL},
                                             {1, MLSEL_RULE_CONDITION, 2, 1, "keyword", "easy"}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rules[i].decision, tree[i].decision);
        assert_int_equal(rules[i].kind, tree[i].kind);
        assert_int_equal(rules[i].depth, tree[i].depth);
        assert_int_equal(rules[i].holds, tree[i].holds);
        if (tree[i].type != NULL) {
            assert_string_equal(rules[i].type, tree[i].type);
            assert_string_equal(rules[i].name, tree[i].name);
        }
    }
    assert_int_equal(e.unused_signal_count, 1);
    assert_string_equal(unused[0], "unheard");
    /* less room: filled as far as it goes, the counts as before */
    test_fill(&rules[1], sizeof rules[1]);
    e.rules_capacity = 1, e.decisions = NULL, e.unused_signals_capacity = 0;
    test_ok(mlsel_router_explain(router, &request, &route, &e, &err), &err);
    assert_int_equal(e.decision_count, 2);
    assert_int_equal(e.rule_count, 4);
    assert_int_equal(e.unused_signal_count, 1);
    test_untouched(&rules[1], sizeof rules[1], "rules");
    mlsel_router_release(router);
    assert_string_equal(mlsel_rule_kind_name(MLSEL_RULE_NOT), "NOT");
    assert_string_equal(mlsel_rule_kind_name(MLSEL_RULE_CONDITION), "condition");
    assert_string_equal(mlsel_rule_kind_name(0), "unknown");
    assert_string_equal(mlsel_rule_kind_name(5), "unknown");
}

/* What fails before the request is looked at: of the answer only the status is written, of the explanation nothing. */
static void explaining_into_nothing(void **state) {
    (void)state;
    mlsel_router *router = router_open(two_rules, NULL);
    mlsel_route route = router_route(), route_before = route;
    mlsel_route_explanation e, e_before;
    mlsel_request request;
    mlsel_error err = test_unset_error();
    mlsel_request_init(&request, sizeof request);
    mlsel_route_explanation_init(&e, sizeof e);
    e.struct_size = 0;
    e_before = e;
    assert_int_equal(mlsel_router_explain(router, &request, &route, &e, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    test_error_sound(&err, MLSEL_ERROR_INVALID_ARGUMENT, "explanation");
    assert_non_null(strstr(err.message, "mlsel_route_explanation"));
    route_before.status = MLSEL_ERROR_INVALID_ARGUMENT;
    assert_memory_equal(&route, &route_before, sizeof route);
    assert_memory_equal(&e, &e_before, sizeof e);
    mlsel_router_release(router);
}

/* The selector's own account is that of mlsel_explain; it comes also with a failing answer of no decision. */
static void explaining_scores(void **state) {
    (void)state;
    mlsel_router *router = router_open(router_four, NULL);
    mlsel_neighbour neighbours[5];
    double scores[4];
    mlsel_evidence evidence;
    mlsel_route route = router_route();
    mlsel_route_explanation e;
    mlsel_error err;
    mlsel_request request = router_request(0, "math");
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.neighbours = neighbours, evidence.neighbours_capacity = 5;
    evidence.scores = scores, evidence.scores_capacity = 4;
    mlsel_route_explanation_init(&e, sizeof e);
    e.evidence = &evidence;
    test_ok(mlsel_router_explain(router, &request, &route, &e, &err), &err);
    static const uint64_t rows[] = {3, 0, 2, 1, 13}; /* scikit-learn's, in tests/fixtures/examples_knn.expected.json */
    assert_int_equal(evidence.neighbour_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(neighbours[i].row, rows[i]);
    test_close(scores[0], 2.490653050374, 1e-6, "votes");
    test_close(evidence.selection.score, route.score, 0, "score");
    evidence.neighbours_capacity = 4;
    assert_int_equal(mlsel_router_explain(router, &request, &route, &e, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "neighbours_capacity is 4, 5 are needed"));
    request.category = "history";
    e.decision_count = 99;
    assert_int_equal(mlsel_router_explain(router, &request, &route, &e, &err), MLSEL_ERROR_NO_DECISION);
    assert_int_equal(e.decision_count, 4);
    mlsel_router_release(router);
}

/* --- metrics ----------------------------------------------------------------------------------------------------- */

static void counting(void **state) {
    (void)state;
    mlsel_router_options options = router_options();
    mlsel_error err;
    options.collect_metrics = 1;
    options.min_probability = 0.3;
    mlsel_router *router = router_open(router_four, &options);
    mlsel_request scored = router_request(0, "math"), none = router_request(0, "history"),
                  failed = router_request(0, "math"), wrong = router_request(0, "math");
    mlsel_route route = router_route();
    failed.embedding_f64 = NULL, failed.n_embedding = 0;
    wrong.n_embedding = 5;
    for (int i = 0; i < 3; i++)
        test_ok(mlsel_router_route(router, &scored, &route, &err), &err);
    test_ok(mlsel_router_route(router, &failed, &route, &err), &err);
    assert_int_equal(mlsel_router_route(router, &wrong, &route, &err), MLSEL_ERROR_DIMENSION);
    assert_int_equal(mlsel_router_route(router, &none, &route, &err), MLSEL_ERROR_NO_DECISION);
    mlsel_route_explanation e; /* not counted */
    mlsel_route_explanation_init(&e, sizeof e);
    test_ok(mlsel_router_explain(router, &scored, &route, &e, &err), &err);
    for (int round = 0; round < 2; round++) {
        mlsel_router_metrics all;
        mlsel_decision_metrics math, cs;
        uint64_t selections = 0, sum = 0;
        test_ok(mlsel_router_get_metrics(router, &all, sizeof all, &err), &err);
        assert_int_equal(all.enabled, 1);
        assert_int_equal(all.requests, 6);
        assert_int_equal(all.errors, 2);
        assert_int_equal(all.no_decision, 1);
        assert_int_equal(all.defaults, 0);
        assert_int_equal(all.reloads, round);
        test_ok(mlsel_router_get_decision_metrics(router, 0, &math, sizeof math, &err), &err);
        assert_string_equal(math.name, "math_decision");
        assert_int_equal(math.requests, 5);
        assert_int_equal(math.errors, 1);
        assert_int_equal(math.scored, 3);
        assert_int_equal(math.selector_failed, 1);
        assert_int_equal(math.unknown_models + math.low_confidence + math.category_fell_back, 0);
        assert_true(math.latency_ns > 0);
        for (size_t i = 0; i < MLSEL_LATENCY_BUCKETS; i++)
            sum += math.latency[i];
        assert_int_equal(sum, 5);
        test_ok(mlsel_router_get_selections(router, 0, 0, &selections, &err), &err);
        assert_int_equal(selections, 4);
        test_ok(mlsel_router_get_decision_metrics(router, 1, &cs, sizeof cs, &err), &err);
        assert_int_equal(cs.requests + cs.latency_ns, 0);
        test_ok(mlsel_router_reload_memory(router, router_four, strlen(router_four), &err), &err);
    }
    mlsel_router_release(router);
    static const double bounds[] = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3,
                                    2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1,  0.2,  0.5,  1};
    for (uint32_t i = 0; i < LENGTH(bounds); i++)
        test_close(mlsel_latency_bound(i), bounds[i], 1e-15, "bound");
    assert_true(isinf(mlsel_latency_bound(MLSEL_LATENCY_BUCKETS - 1)) && isinf(mlsel_latency_bound(UINT32_MAX)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(reloading),
        cmocka_unit_test(name_limit),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(strange_requests),
        cmocka_unit_test(listing),
        cmocka_unit_test(explaining),
        cmocka_unit_test(explaining_scores),
        cmocka_unit_test(counting),
        cmocka_unit_test(no_text),
        cmocka_unit_test(explaining_into_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
