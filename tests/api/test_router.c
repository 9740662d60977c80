/* SPDX-License-Identifier: Apache-2.0 */
/* How a request becomes an answer: decisions, candidates, selectors, and what happens where one of them is missing. */
#include "api_support.h"
#include "router_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Routes, or fails the test with the library's message. */
static mlsel_route route_ok(const mlsel_router *router, const mlsel_request *request) {
    mlsel_route route = router_route();
    mlsel_error err;
    test_ok(mlsel_router_route(router, request, &route, &err), &err);
    test_no_error(&err, "route");
    assert_int_equal(route.status, MLSEL_OK);
    return route;
}

/* A request that must fail: the output keeps all but its status. */
static void route_fails(const mlsel_router *router, const mlsel_request *request, mlsel_status status,
                        const char *message) {
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

static void expect(const mlsel_route *route, const char *decision, const char *served, uint32_t flags) {
    if (decision == NULL)
        assert_null(route->decision);
    else
        assert_string_equal(route->decision, decision);
    assert_string_equal(route->served, served);
    assert_int_equal(route->flags, flags);
}

/* --- scoring ----------------------------------------------------------------------------------------------------- */

/* A case of an expectation file of the example artifacts, routed through a decision with the same candidates. */
static void route_expected(const mlsel_router *router, const cJSON *test, const cJSON *labels, const char *category,
                           double tolerance, mlsel_algorithm algorithm) {
    const char *allowed[ROUTER_N_MODELS];
    mlsel_route_candidate candidates[ROUTER_N_MODELS];
    mlsel_request request = router_request((size_t)test_need_number(test, "query_line"), category);
    const cJSON *eligible = cJSON_GetObjectItemCaseSensitive(test, "eligible"), *name;
    cJSON_ArrayForEach (name, eligible) {
        allowed[request.n_allowed++] = name->valuestring;
    }
    if (eligible != NULL)
        request.allowed = allowed;
    mlsel_route route = router_route();
    mlsel_error err;
    route.candidates = candidates;
    route.candidates_capacity = LENGTH(candidates);
    test_ok(mlsel_router_route(router, &request, &route, &err), &err);
    if (strcmp(route.served, test_need_string(test, "label")) != 0)
        fail_msg("%s: %s, expected %s", test_need_string(test, "name"), route.served, test_need_string(test, "label"));
    assert_int_equal(route.candidate_count, ROUTER_N_MODELS);
    if (request.n_allowed == 1) {
        assert_int_equal(route.flags, MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_RESTRICTED);
        return;
    }
    assert_int_equal(route.algorithm, algorithm);
    assert_string_equal(candidates[route.runner_up_index].served, test_need_string(test, "runner_up"));
    for (int i = 0; i < ROUTER_N_MODELS; i++) {
        const cJSON *score = cJSON_GetArrayItem(test_need(test, "scores"), i);
        const double probability = cJSON_GetArrayItem(test_need(test, "probabilities"), i)->valuedouble;
        assert_string_equal(candidates[i].served, cJSON_GetArrayItem(labels, i)->valuestring);
        test_close(candidates[i].score, cJSON_IsNull(score) ? -INFINITY : score->valuedouble, tolerance, "score");
        test_close(candidates[i].probability, probability, tolerance, "probability");
        assert_int_equal((candidates[i].flags & MLSEL_CANDIDATE_CHOSEN) != 0, i == route.candidate_index);
    }
    test_close(route.score, candidates[route.candidate_index].score, 0, "score");
    test_close(route.probability, candidates[route.candidate_index].probability, 1e-12, "probability");
}

/* Labels, scores and probabilities as scikit-learn and PyTorch have them for the example artifacts, the restricted ones
 * included: the category of a case is that of its query line. */
static void scores_as_recorded(void **state) {
    (void)state;
    static const char *const categories[ROUTER_N_QUERIES] = {"math",    "computer science", "law",
                                                             "biology", "history",          "business"};
    static const struct {
        const char *file;
        const char *algorithm;
        mlsel_algorithm id;
    } kinds[] = {{FIXTURE("examples_knn.expected.json"), "knn", MLSEL_ALGORITHM_KNN},
                 {FIXTURE("examples_kmeans.expected.json"), "kmeans", MLSEL_ALGORITHM_KMEANS},
                 {FIXTURE("examples_svm.expected.json"), "svm", MLSEL_ALGORITHM_SVM},
                 {FIXTURE("examples_mlp.expected.json"), "mlp", MLSEL_ALGORITHM_MLP}};
    size_t n_cases = 0;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        char text[2048];
        (void)snprintf(text, sizeof text,
                       ROUTER_HEAD "decisions:\n  - name: all\n    algorithm: {type: %s}\n" ROUTER_REFS,
                       kinds[i].algorithm);
        mlsel_router *router = router_open(text, NULL);
        cJSON *file = test_parse_file(kinds[i].file);
        const cJSON *test;
        cJSON_ArrayForEach (test, test_need(file, "cases")) {
            if (cJSON_GetObjectItemCaseSensitive(test, "query_line") == NULL)
                continue;
            route_expected(router, test, test_need(file, "labels"),
                           categories[(size_t)test_need_number(test, "query_line")],
                           test_need_number(file, "tolerance"), kinds[i].id);
            n_cases++;
        }
        cJSON_Delete(file);
        mlsel_router_release(router);
    }
    assert_true(n_cases >= 24);
}

static void float_and_double(void **state) {
    (void)state;
    mlsel_router *router = router_open(router_four, NULL);
    for (size_t line = 0; line < 3; line++) {
        static const char *const categories[] = {"math", "computer science", "law"};
        mlsel_request request = router_request(line, categories[line]);
        const mlsel_route in_double = route_ok(router, &request);
        request.embedding_f64 = NULL;
        request.embedding = router_embedding_f32(line);
        const mlsel_route in_float = route_ok(router, &request);
        assert_ptr_equal(in_double.served, in_float.served);
        assert_int_equal(in_double.decision_index, (int)line);
        test_close(in_float.score, in_double.score, 1e-4, "score");
    }
    mlsel_router_release(router);
}

/* --- decisions --------------------------------------------------------------------------------------------------- */

#define WHEN(name, priority, signal, model)                                                                            \
    "  - name: " name "\n    priority: " priority "\n    rules: {operator: AND, conditions: [" signal                  \
    "]}\n    modelRefs: [{model: " model "}]\n"

static void priority_then_order(void **state) {
    (void)state;
    mlsel_router *router = router_open(
        "decisions:\n" WHEN("low", "1",
                            "{operator: OR, conditions: [{type: keyword, name: x}, {type: keyword, name: y}]}", "m0")
            WHEN("first", "5", "{type: keyword, name: x}", "m1") WHEN("second", "5", "{type: keyword, name: y}", "m2")
                WHEN("other", "9", "{type: language, name: de}", "m3"),
        NULL);
    const mlsel_signal x = {"keyword", "x"}, y = {"keyword", "y"}, both[] = {{"keyword", "y"}, {"keyword", "x"}};
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.signals = &x, request.n_signals = 1;
    mlsel_route route = route_ok(router, &request);
    expect(&route, "first", "m1", MLSEL_ROUTE_SINGLE);
    assert_int_equal(route.decision_index, 1);
    request.signals = &y;
    route = route_ok(router, &request);
    expect(&route, "second", "m2", MLSEL_ROUTE_SINGLE);
    request.signals = both, request.n_signals = 2;
    route = route_ok(router, &request);
    expect(&route, "first", "m1", MLSEL_ROUTE_SINGLE);
    mlsel_router_release(router);
}

static void nested_rules(void **state) {
    (void)state;
    mlsel_router *router = router_open(
        "decisions:\n" WHEN("nested", "1",
                            "{operator: OR, conditions: [{type: keyword, name: a}, {type: language, name: b}]}, "
                            "{operator: NOT, conditions: [{type: keyword, name: c}]}, {type: domain, name: math}",
                            "m1"),
        NULL);
    static const struct {
        const char *signals; /* a, b, c: present */
        const char *category;
        bool matches;
    } cases[] = {{"a", "math", true},   {"b", "math", true},  {"ab", "math", true}, {"", "math", false},
                 {"ac", "math", false}, {"c", "math", false}, {"a", "law", false},  {"abc", "math", false},
                 {"a", NULL, false},    {"a", "Math", false}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const mlsel_signal all[] = {{"keyword", "a"}, {"language", "b"}, {"keyword", "c"}};
        mlsel_signal given[3];
        mlsel_request request;
        mlsel_request_init(&request, sizeof request);
        for (const char *c = cases[i].signals; *c != '\0'; c++)
            given[request.n_signals++] = all[*c - 'a'];
        request.signals = given;
        request.category = cases[i].category;
        if (cases[i].matches) {
            const mlsel_route route = route_ok(router, &request);
            expect(&route, "nested", "m1", MLSEL_ROUTE_SINGLE);
        } else {
            route_fails(router, &request, MLSEL_ERROR_NO_DECISION, "no decision matches category");
        }
    }
    mlsel_router_release(router);
}

static void defaults(void **state) {
    (void)state;
    const char *const rule = WHEN("math", "1", "{type: domain, name: math}", "m1");
    char text[1024];
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    (void)snprintf(text, sizeof text, "decisions:\n%sdefault_model: spare\n", rule);
    mlsel_router *router = router_open(text, NULL);
    mlsel_route route = route_ok(router, &request);
    expect(&route, NULL, "spare", MLSEL_ROUTE_DEFAULT);
    assert_string_equal(route.model, "spare");
    assert_null(route.lora);
    assert_int_equal(route.decision_index, -1);
    assert_int_equal(route.candidate_index, -1);
    assert_int_equal(route.candidate_count, 0);
    const char *down = "spare";
    request.unavailable = &down, request.n_unavailable = 1;
    route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE, "does not allow the default model \"spare\"");
    request.category = "math";
    route = route_ok(router, &request);
    expect(&route, "math", "m1", MLSEL_ROUTE_SINGLE);
    mlsel_router_release(router);
    /* without a default, and how to get one */
    router = router_open("decisions:\n" WHEN("math", "1", "{type: domain, name: math}", "m1"), NULL);
    mlsel_request_init(&request, sizeof request);
    route_fails(
        router, &request, MLSEL_ERROR_NO_DECISION,
        "no decision matches category \"other\" with 0 signals: add a decision without rules or a default_model");
    mlsel_router_release(router);
}

/* A decision as the default: it answers, though its rules do not hold, and before a default model would. */
static void default_decision(void **state) {
    (void)state;
    static const char text[] = "decisions:\n" WHEN("math", "9", "{type: domain, name: math}", "m1")
        WHEN("spare", "5", "{type: domain, name: law}", "s1") "default_decision: spare\ndefault_model: d\n";
    mlsel_router_options options = router_options();
    mlsel_request request;
    mlsel_router_info info;
    mlsel_error err;
    mlsel_request_init(&request, sizeof request);
    options.collect_metrics = 1;
    options.allow_next_decision = 1;
    mlsel_router *router = router_open(text, &options);
    test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
    assert_int_equal(info.default_decision, 1);
    mlsel_route route = route_ok(router, &request);
    expect(&route, "spare", "s1", MLSEL_ROUTE_DEFAULT | MLSEL_ROUTE_SINGLE);
    assert_int_equal(route.decision_index, 1);
    request.category = "law"; /* then it is no default */
    route = route_ok(router, &request);
    expect(&route, "spare", "s1", MLSEL_ROUTE_SINGLE);
    const char *down[] = {"m1", "s1"};
    request.category = "math";
    request.unavailable = down, request.n_unavailable = 1;
    route = route_ok(router, &request);
    expect(&route, "spare", "s1", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_DEFAULT | MLSEL_ROUTE_SINGLE);
    request.category = NULL;
    request.n_unavailable = 2;
    route_fails(router, &request, MLSEL_ERROR_NO_CANDIDATE,
                "decision \"spare\": the request allows none of its 1 models");
    mlsel_router_metrics all;
    mlsel_decision_metrics spare;
    test_ok(mlsel_router_get_metrics(router, &all, sizeof all, &err), &err);
    assert_int_equal(all.requests, 4);
    assert_int_equal(all.defaults, 2);
    assert_int_equal(all.no_decision, 0);
    test_ok(mlsel_router_get_decision_metrics(router, 1, &spare, sizeof spare, &err), &err);
    assert_int_equal(spare.requests, 4);
    assert_int_equal(spare.errors, 1);
    mlsel_router_release(router);
    /* its selector is asked as for any other */
    router = router_open(
        ROUTER_HEAD "decisions:\n" ROUTER_DECISION("math", "1", "math", "knn") "default_decision: math\n", NULL);
    request = router_request(0, "law");
    route = route_ok(router, &request);
    expect(&route, "math", route.served, MLSEL_ROUTE_DEFAULT);
    assert_int_equal(route.algorithm, MLSEL_ALGORITHM_KNN);
    assert_int_equal(route.candidate_count, ROUTER_N_MODELS);
    assert_true(route.score > 0);
    mlsel_router_release(router);
}

/* More signals in the rules than a small table has room for. */
static void many_signals(void **state) {
    (void)state;
    enum { MANY = 100 };
    char *text = malloc(MANY * 256), name[16], model[16];
    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "decisions:\n");
    for (int i = 0; i < MANY; i++)
        used += (size_t)sprintf(text + used, WHEN("d%d", "1", "{type: keyword, name: word%d}", "m%d"), i, i, i);
    mlsel_router *router = router_open(text, NULL);
    for (int i = 0; i < MANY; i++) {
        const mlsel_signal signals[] = {{"keyword", "word"}, {"language", name}, {"keyword", name}};
        mlsel_request request;
        mlsel_request_init(&request, sizeof request);
        (void)snprintf(name, sizeof name, "word%d", i);
        (void)snprintf(model, sizeof model, "m%d", i);
        request.signals = signals, request.n_signals = 3;
        const mlsel_route route = route_ok(router, &request);
        assert_int_equal(route.decision_index, i);
        assert_string_equal(route.served, model);
        request.n_signals = 2;
        route_fails(router, &request, MLSEL_ERROR_NO_DECISION, "no decision matches");
    }
    mlsel_router_release(router);
    free(text);
}

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
        expect(&route, "all", served[cases[i].candidate], cases[i].flags);
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
    expect(&route, "math", "codellama-7b", 0);
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
    expect(&shared, "math", "unknown-lora", MLSEL_ROUTE_RESTRICTED);
    assert_int_equal(shared.selection_flags & MLSEL_SELECTION_SINGLE, MLSEL_SELECTION_SINGLE);
    request.n_unavailable = 3;
    shared = route_ok(router, &request);
    expect(&shared, "math", "llama-3.2-3b", MLSEL_ROUTE_RESTRICTED | MLSEL_ROUTE_SINGLE);
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
    expect(&route, "math", "llama-3.2-1b", 0);
    request.unavailable = down, request.n_unavailable = 2;
    route = route_ok(router, &request);
    expect(&route, "math", "stranger", MLSEL_ROUTE_UNKNOWN_MODELS | MLSEL_ROUTE_RESTRICTED);
    assert_int_equal(route.algorithm, 0);
    mlsel_router_release(router);
}

static void next_decision(void **state) {
    (void)state;
    const char *const text = "decisions:\n" WHEN("first", "9", "{type: domain, name: other}", "a")
        WHEN("second", "5", "{operator: NOT, conditions: [{type: domain, name: math}]}", "b") "default_model: d\n";
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
    expect(&route, "second", "b", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_SINGLE);
    request.n_unavailable = 2;
    route = route_ok(router, &request);
    expect(&route, NULL, "d", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_DEFAULT);
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
    expect(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_SELECTOR_FAILED);
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
    expect(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    test_close(route.probability, 0.6462493400452, 1e-9, "probability");
    mlsel_router_release(router);
    char text[4096];
    (void)snprintf(text, sizeof text, "%sdefault_model: spare\n", router_four);
    router = router_open(text, &options);
    route = route_ok(router, &request);
    expect(&route, "math_decision", "spare", MLSEL_ROUTE_LOW_CONFIDENCE);
    assert_int_equal(route.candidate_index, -1);
    const char *const down[] = {"spare", "codellama-7b"};
    request.unavailable = down, request.n_unavailable = 1;
    route = route_ok(router, &request);
    expect(&route, "math_decision", "codellama-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    mlsel_router_release(router);
    (void)snprintf(text, sizeof text, "%sdefault_model: mistral-7b\n", router_four);
    router = router_open(text, &options);
    request = router_request(0, "math");
    route = route_ok(router, &request);
    expect(&route, "math_decision", "mistral-7b", MLSEL_ROUTE_LOW_CONFIDENCE);
    assert_int_equal(route.candidate_index, 3);
    mlsel_router_release(router);
    options.min_probability = 0.6;
    router = router_open(text, &options);
    route = route_ok(router, &request);
    expect(&route, "math_decision", "codellama-7b", 0);
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
    expect(&route, "only", "llama-3.2-1b", MLSEL_ROUTE_LOW_CONFIDENCE | MLSEL_ROUTE_RESTRICTED);
    request.unavailable = NULL, request.n_unavailable = 0;
    request.allowed = allowed, request.n_allowed = 2;
    route = route_ok(router, &request);
    expect(&route, "only", "math-lora", MLSEL_ROUTE_LOW_CONFIDENCE | MLSEL_ROUTE_RESTRICTED);
    mlsel_router_release(router);
}

static void disabled(void **state) {
    (void)state;
    mlsel_router *router = router_open("model_selection: {ml: {enabled: false, models_path: nowhere}}\n"
                                       "decisions:\n" ROUTER_DECISION("math", "1", "math", "knn"),
                                       NULL);
    const mlsel_request request = router_request(0, "math");
    const mlsel_route route = route_ok(router, &request);
    expect(&route, "math", "codellama-7b", MLSEL_ROUTE_NO_SELECTOR);
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
    expect(&route, "rated", "codellama-7b", MLSEL_ROUTE_HOST_ALGORITHM);
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

/* --- batches ----------------------------------------------------------------------------------------------------- */

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
        cmocka_unit_test(scores_as_recorded),
        cmocka_unit_test(float_and_double),
        cmocka_unit_test(priority_then_order),
        cmocka_unit_test(nested_rules),
        cmocka_unit_test(defaults),
        cmocka_unit_test(default_decision),
        cmocka_unit_test(many_signals),
        cmocka_unit_test(eligibility),
        cmocka_unit_test(loras),
        cmocka_unit_test(unknown_models),
        cmocka_unit_test(next_decision),
        cmocka_unit_test(selector_failures),
        cmocka_unit_test(categories),
        cmocka_unit_test(low_confidence),
        cmocka_unit_test(low_confidence_lora),
        cmocka_unit_test(disabled),
        cmocka_unit_test(algorithm_of_the_host),
        cmocka_unit_test(own_parameters),
        cmocka_unit_test(devices),
        cmocka_unit_test(batches),
        cmocka_unit_test(batches_of_other_sizes),
        cmocka_unit_test(batches_of_bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
