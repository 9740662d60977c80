/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers for a decision: candidates, what its selector says, and what happens where that is missing. */
#include "api_support.h"
#include "expect_route.h"
#include "router_cases.h"

#include <math.h>
#include <string.h>

/* --- candidates -------------------------------------------------------------------------------------------------- */

/* Rows of a decision without selector: the first that may answer does. */
static void eligibility(void **state) {
    (void)state;
    mlsel_router *router = router_open("decisions:\n"
                                       "  - name: all\n"
                                       "    modelRefs:\n"
                                       "      - model: a\n"
                                       "      - {model: b, lora_name: b-lora}\n"
                                       "      - model: b\n"
                                       "      - model: c\n",
                                       NULL);
    static const struct {
        const char *unavailable[3], *allowed[3];
        int32_t candidate; /* -1: none */
        uint32_t flags;
    } cases[] = {
        {{NULL}, {NULL}, 0, MLSEL_ROUTE_NO_SELECTOR},
        {{"x"}, {NULL}, 0, MLSEL_ROUTE_NO_SELECTOR},
        {{"a"}, {NULL}, 1, MLSEL_ROUTE_NO_SELECTOR | MLSEL_ROUTE_RESTRICTED},
        {{"a", "b-lora"}, {NULL}, 2, MLSEL_ROUTE_NO_SELECTOR | MLSEL_ROUTE_RESTRICTED},
        {{"a", "b"}, {NULL}, 3, MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED},
        {{"a", "b", "c"}, {NULL}, -1, 0},
        {{NULL}, {"c"}, 3, MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED},
        {{NULL}, {"b"}, 1, MLSEL_ROUTE_NO_SELECTOR | MLSEL_ROUTE_RESTRICTED},
        {{NULL}, {"b-lora"}, 1, MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED},
        {{NULL}, {"c", "a"}, 0, MLSEL_ROUTE_NO_SELECTOR | MLSEL_ROUTE_RESTRICTED},
        {{"a"}, {"c", "a"}, 3, MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED},
        {{NULL}, {"x"}, -1, 0},
    };
    static const char *const served[] = {"a", "b-lora", "b", "c"};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlsel_request request;
        mlsel_request_init(&request, sizeof request);
        request.unavailable = (const char *const *)cases[i].unavailable;
        request.allowed = cases[i].allowed[0] == NULL ? NULL : (const char *const *)cases[i].allowed;
        for (size_t n = 0; n < 3; n++) {
            request.n_unavailable += cases[i].unavailable[n] != NULL;
            request.n_allowed += cases[i].allowed[n] != NULL;
        }
        if (cases[i].candidate < 0) {
            route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE,
                        "decision \"all\": the request allows none of its 4");
            continue;
        }
        const mlsel_route route = route_ok(router, &request);
        route_is(&route, "all", served[cases[i].candidate], cases[i].flags);
        assert_int_equal(route.candidate_index, cases[i].candidate);
    }
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.allowed = (const char *const *)served; /* an empty list, which is not the same as none */
    route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE, "allows none");
    mlsel_router_release(router);
}

static const char knn_with_loras[] = ROUTER_HEAD "decisions:\n"
                                                 "  - name: math\n"
                                                 "    algorithm: {type: knn}\n"
                                                 "    modelRefs:\n"
                                                 "      - {model: llama-3.2-3b, lora_name: unknown-lora}\n"
                                                 "      - {model: some-base, lora_name: codellama-7b}\n"
                                                 "      - model: llama-3.2-3b\n"
                                                 "      - model: llama-3.2-1b\n";

/* A LoRA is scored by its own label, else by its base model's; it is what is served. */
static void loras(void **state) {
    (void)state;
    mlsel_router *router = router_open(knn_with_loras, NULL);
    mlsel_route_candidate candidates[3];
    mlsel_request request = router_request(0, "math"); /* codellama-7b 2.49, llama-3.2-1b 0.71, llama-3.2-3b 0 */
    mlsel_route route = router_route();
    mlsel_error err;
    route.candidates = candidates;
    route.candidates_capacity = LENGTH(candidates);
    test_ok(mlsel_router_route(router, &request, &route, &err), &err);
    route_is(&route, "math", "codellama-7b", 0);
    assert_string_equal(route.lora, "codellama-7b");
    assert_string_equal(route.model, "some-base");
    assert_int_equal(route.candidate_index, 1);
    assert_int_equal(route.runner_up_index, 3);
    assert_int_equal(route.candidate_count, 4); /* one more than fits */
    assert_int_equal(candidates[0].flags, MLSEL_CANDIDATE_ELIGIBLE | MLSEL_CANDIDATE_KNOWN);
    assert_int_equal(candidates[1].flags, MLSEL_CANDIDATE_ELIGIBLE | MLSEL_CANDIDATE_KNOWN | MLSEL_CANDIDATE_CHOSEN);
    assert_int_equal(candidates[2].flags, MLSEL_CANDIDATE_ELIGIBLE | MLSEL_CANDIDATE_KNOWN | MLSEL_CANDIDATE_SHADOWED);
    assert_int_equal(candidates[0].label, candidates[2].label);
    /* two candidates with one label: the first that may answer */
    const char *const down[] = {"some-base", "llama-3.2-1b", "unknown-lora"};
    request.unavailable = down, request.n_unavailable = 2;
    mlsel_route shared = route_ok(router, &request);
    route_is(&shared, "math", "unknown-lora", MLSEL_ROUTE_RESTRICTED);
    assert_int_equal(shared.selection_flags & MLSEL_SELECTION_SINGLE, MLSEL_SELECTION_SINGLE);
    request.n_unavailable = 3;
    shared = route_ok(router, &request);
    route_is(&shared, "math", "llama-3.2-3b", MLSEL_ROUTE_RESTRICTED | MLSEL_ROUTE_SINGLE);
    assert_null(shared.lora);
    mlsel_router_release(router);
}

/* A model that the artifact does not know never wins by score; where only such models are left the first answers. */
static void unknown_models(void **state) {
    (void)state;
    mlsel_router *router = router_open(ROUTER_HEAD "decisions:\n"
                                                   "  - name: math\n"
                                                   "    algorithm: {type: knn}\n"
                                                   "    modelRefs:\n"
                                                   "      - model: stranger\n"
                                                   "      - model: alien\n"
                                                   "      - model: llama-3.2-1b\n"
                                                   "      - model: llama-3.2-3b\n",
                                       NULL);
    const char *const down[] = {"llama-3.2-1b", "llama-3.2-3b"};
    mlsel_request request = router_request(0, "math");
    mlsel_route route = route_ok(router, &request);
    route_is(&route, "math", "llama-3.2-1b", 0);
    request.unavailable = down, request.n_unavailable = 2;
    route = route_ok(router, &request);
    route_is(&route, "math", "stranger", MLSEL_ROUTE_UNKNOWN_MODELS | MLSEL_ROUTE_RESTRICTED);
    assert_int_equal(route.algorithm, 0);
    mlsel_router_release(router);
}

static void next_decision(void **state) {
    (void)state;
    const char *const text = "decisions:\n" ROUTER_WHEN("first", "9", "{type: domain, name: other}", "a") ROUTER_WHEN(
        "second", "5", "{operator: NOT, conditions: [{type: domain, name: math}]}", "b") "default_model: d\n";
    const char *const down[] = {"a", "b", "d"};
    mlsel_router_options options = router_options();
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.unavailable = down, request.n_unavailable = 1;
    mlsel_router *router = router_open(text, &options);
    route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE, "decision \"first\": the request allows none of its 1");
    mlsel_router_release(router);
    options.allow_next_decision = 1;
    router = router_open(text, &options);
    mlsel_route route = route_ok(router, &request);
    route_is(&route, "second", "b", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_SINGLE);
    request.n_unavailable = 2;
    route = route_ok(router, &request);
    route_is(&route, NULL, "d", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_DEFAULT);
    request.n_unavailable = 3;
    route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE, "allows none");
    mlsel_router_release(router);
}

/* --- when the selector does not answer --------------------------------------------------------------------------- */

static void selector_failures(void **state) {
    (void)state;
    double bad[ROUTER_EMBEDDING];
    mlsel_router_options options = router_options();
    mlsel_router *tolerant = router_open(router_four, &options);
    options.strict = 1;
    mlsel_router *strict = router_open(router_four, &options);
    mlsel_request request = router_request(0, "math");
    request.embedding_f64 = NULL;
    request.n_embedding = 0;
    const mlsel_route route = route_ok(tolerant, &request);
    route_is(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_SELECTOR_FAILED);
    assert_int_equal(route.selector_status, MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(route.candidate_index, 0);
    route_fails(strict, &request, MLSEL_ERROR_INVALID_ARGUMENT, "decision \"math_decision\": its selector scores");
    /* an embedding that is wrong is never papered over */
    memcpy(bad, router_embedding(0), sizeof bad);
    request.embedding_f64 = bad;
    request.n_embedding = 768;
    const mlsel_router *const both[] = {tolerant, strict};
    for (size_t i = 0; i < LENGTH(both); i++) {
        request.n_embedding = 768;
        route_fails(both[i], &request, MLSEL_ERROR_DIMENSION, "the artifact was trained on 1024+14 values, got an");
        bad[1023] = NAN;
        request.n_embedding = ROUTER_EMBEDDING;
        route_fails(both[i], &request, MLSEL_ERROR_NOT_FINITE, "embedding value 1023");
        bad[1023] = 0;
    }
    mlsel_router_release(tolerant);
    mlsel_router_release(strict);
}

static void categories(void **state) {
    (void)state;
    mlsel_router *router = router_open(ROUTER_HEAD "decisions:\n" ROUTER_DECISION("e", "2", "engineering", "mlp")
                                           ROUTER_DECISION("c", "1", "computer science", "mlp") "default_model: d\n",
                                       NULL);
    mlsel_request request = router_request(1, "engineering"); /* in rules itself, in the feature vector "other" */
    mlsel_route route = route_ok(router, &request);
    assert_string_equal(route.decision, "e");
    assert_int_equal(route.flags, MLSEL_ROUTE_CATEGORY_FELL_BACK);
    request.category = "computer_science";
    route = route_ok(router, &request);
    assert_string_equal(route.decision, "c");
    assert_int_equal(route.flags, 0);
    mlsel_router_release(router);
}

static void low_confidence(void **state) {
    (void)state;
    mlsel_router_options options = router_options();
    options.min_probability = 0.7; /* the best of query 0 has 0.646 */
    mlsel_request request = router_request(0, "math");
    mlsel_router *router = router_open(router_four, &options);
    mlsel_route route = route_ok(router, &request);
    route_is(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    test_close(route.probability, 0.6462493400452, 1e-9, "probability");
    mlsel_router_release(router);
    char text[4096];
    (void)snprintf(text, sizeof text, "%sdefault_model: spare\n", router_four);
    router = router_open(text, &options);
    route = route_ok(router, &request);
    route_is(&route, "math_decision", "spare", MLSEL_ROUTE_LOW_CONFIDENCE);
    assert_int_equal(route.candidate_index, -1);
    const char *const down[] = {"spare", "codellama-7b"};
    request.unavailable = down, request.n_unavailable = 1;
    route = route_ok(router, &request);
    route_is(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    mlsel_router_release(router);
    (void)snprintf(text, sizeof text, "%sdefault_model: mistral-7b\n", router_four);
    router = router_open(text, &options);
    request = router_request(0, "math");
    route = route_ok(router, &request);
    route_is(&route, "math_decision", "mistral-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    assert_int_equal(route.candidate_index, 3);
    mlsel_router_release(router);
    options.min_probability = 0.6;
    router = router_open(text, &options);
    route = route_ok(router, &request);
    route_is(&route, "math_decision", "codellama-7b", 0);
    mlsel_router_release(router);
}

/* A default that is a candidate's LoRA stands and falls with its base model, as the candidate does. */
static void low_confidence_lora(void **state) {
    (void)state;
    static const char text[] = ROUTER_HEAD
        "decisions:\n  - name: only\n    priority: 1\n    rules: {operator: AND, conditions: [{type: domain, name: "
        "math}]}\n"
        "    algorithm: {type: knn}\n    modelRefs:\n      - model: llama-3.2-1b\n      - model: codellama-7b\n"
        "      - {model: mistral-7b, lora_name: math-lora}\ndefault_model: math-lora\n";
    mlsel_router_options options = router_options();
    options.min_probability = 1;
    mlsel_router *router = router_open(text, &options);
    mlsel_request request = router_request(0, "math");
    const char *const down[] = {"mistral-7b"}, *const allowed[] = {"mistral-7b", "llama-3.2-1b"};
    request.unavailable = down, request.n_unavailable = 1;
    mlsel_route route = route_ok(router, &request);
    route_is(&route, "only", "llama-3.2-1b", MLSEL_ROUTE_LOW_CONFIDENCE | MLSEL_ROUTE_RESTRICTED);
    request.unavailable = NULL, request.n_unavailable = 0;
    request.allowed = allowed, request.n_allowed = 2;
    route = route_ok(router, &request);
    route_is(&route, "only", "math-lora", MLSEL_ROUTE_LOW_CONFIDENCE | MLSEL_ROUTE_RESTRICTED);
    mlsel_router_release(router);
}

static void disabled(void **state) {
    (void)state;
    mlsel_router *router = router_open("model_selection: {ml: {enabled: false, models_path: nowhere}}\n"
                                       "decisions:\n" ROUTER_DECISION("math", "1", "math", "knn"),
                                       NULL);
    const mlsel_request request = router_request(0, "math");
    const mlsel_route route = route_ok(router, &request);
    route_is(&route, "math", "codellama-7b", MLSEL_ROUTE_NO_SELECTOR);
    mlsel_router_info info;
    mlsel_error err;
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_int_equal(info.enabled, 0);
    assert_int_equal(info.n_models, 0);
    mlsel_router_release(router);
}

static void algorithm_of_the_host(void **state) {
    (void)state;
    mlsel_router *router = router_open("decisions:\n"
                                       "  - name: rated\n    algorithm: {type: elo}\n" ROUTER_REFS,
                                       NULL);
    const mlsel_request request = router_request(0, "math");
    const mlsel_route route = route_ok(router, &request);
    route_is(&route, "rated", "codellama-7b", MLSEL_ROUTE_HOST_ALGORITHM);
    mlsel_router_decision decision;
    mlsel_error err;
    test_ok(mlsel_router_get_decision(router, 0, &decision, sizeof decision, &err), &err);
    assert_string_equal(decision.algorithm_name, "elo");
    mlsel_router_release(router);
}

/* --- parameters of decisions ------------------------------------------------------------------------------------- */

/* Each decision has its own k on one artifact: k=1 gives the neighbour's label one vote, k=5 five votes. */
static void own_parameters(void **state) {
    (void)state;
    mlsel_router *router = router_open(ROUTER_HEAD "decisions:\n" ROUTER_DECISION("five", "1", "math", "knn")
                                           ROUTER_DECISION("one", "1", "law", "knn, knn: {k: 1}")
                                               ROUTER_DECISION("again", "1", "history", "knn, knn: {k: 1}"),
                                       NULL);
    mlsel_router_info info;
    mlsel_router_decision decision;
    mlsel_error err;
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_int_equal(info.n_models, 2);
    static const uint32_t ks[] = {5, 1, 1};
    mlsel_model *models[3];
    for (uint32_t i = 0; i < 3; i++) {
        test_ok(mlsel_router_get_decision(router, i, &decision, sizeof decision, &err), &err);
        assert_int_equal(decision.k, ks[i]);
        assert_string_equal(decision.device, "cpu");
        test_ok(mlsel_router_get_model(router, i, &models[i], &err), &err);
    }
    assert_ptr_equal(models[1], models[2]);
    mlsel_request request = router_request(0, "math");
    const mlsel_route five = route_ok(router, &request);
    request.category = "law";
    const mlsel_route one = route_ok(router, &request);
    test_close(five.score, 2.490653050374, 1e-6, "five votes");
    assert_true(one.score < 1.0 && one.score > 0.5);
    mlsel_router_release(router); /* the models stay for whoever holds them */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mlsel_model_label_count(models[i]), 4);
        mlsel_model_release(models[i]);
    }
}

static void devices(void **state) {
    (void)state;
    mlsel_error err = test_unset_error();
    mlsel_router *router = NULL;
    mlsel_device_info device;
    if (mlsel_device_query("metal", &device, sizeof device, NULL) == MLSEL_OK) {
        print_message("SKIP a check of missing devices: there is a metal device\n");
        skip();
    }
    mlsel_router_options options = router_options();
    const char *const text =
        ROUTER_HEAD "decisions:\n" ROUTER_DECISION("engineering", "1", "math", "mlp, mlp: {device: metal}");
    assert_int_equal(mlsel_router_open_memory(text, strlen(text), &options, &router, &err), MLSEL_ERROR_DEVICE);
    assert_null(router);
    test_error_sound(&err, MLSEL_ERROR_DEVICE, "device");
    assert_non_null(strstr(err.message, "configuration:"));
    assert_non_null(strstr(err.message, "decision \"engineering\": "));
    assert_non_null(strstr(err.message, ": allow the fallback to the cpu, or configure another device"));
    assert_non_null(strstr(err.message, "metal"));
    options.allow_device_fallback = 1;
    router = router_open(text, &options);
    const mlsel_request request = router_request(0, "math");
    const mlsel_route route = route_ok(router, &request);
    assert_int_equal(route.flags, MLSEL_ROUTE_DEVICE_FALLBACK);
    mlsel_router_decision decision;
    test_ok(mlsel_router_get_decision(router, 0, &decision, sizeof decision, &err), &err);
    assert_int_equal(decision.device_fallback, 1);
    assert_string_equal(decision.device, "cpu");
    mlsel_router_release(router);
    options.allow_device_fallback = 0;
    options.device = "cpu"; /* overrides the file */
    router = router_open(text, &options);
    assert_int_equal(route_ok(router, &request).flags, 0);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eligibility),       cmocka_unit_test(loras),
        cmocka_unit_test(unknown_models),    cmocka_unit_test(next_decision),
        cmocka_unit_test(selector_failures), cmocka_unit_test(categories),
        cmocka_unit_test(low_confidence),    cmocka_unit_test(low_confidence_lora),
        cmocka_unit_test(disabled),          cmocka_unit_test(algorithm_of_the_host),
        cmocka_unit_test(own_parameters),    cmocka_unit_test(devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
