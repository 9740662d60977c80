/* SPDX-License-Identifier: Apache-2.0 */
/* How a request becomes an answer: which decision, and the scores of its selector. */
#include "api_support.h"
#include "expect_route.h"
#include "router_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void priority_then_order(void **state) {
    (void)state;
    mlsel_router *router =
        router_open("decisions:\n" ROUTER_WHEN(
                        "low", "1", "{operator: OR, conditions: [{type: keyword, name: x}, {type: keyword, name: y}]}",
                        "m0") ROUTER_WHEN("first", "5", "{type: keyword, name: x}", "m1")
                        ROUTER_WHEN("second", "5", "{type: keyword, name: y}", "m2")
                            ROUTER_WHEN("other", "9", "{type: language, name: de}", "m3"),
                    NULL);
    const mlsel_signal x = {"keyword", "x"}, y = {"keyword", "y"}, both[] = {{"keyword", "y"}, {"keyword", "x"}};
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.signals = &x, request.n_signals = 1;
    mlsel_route route = route_ok(router, &request);
    route_is(&route, "first", "m1", MLSEL_ROUTE_SINGLE);
    assert_int_equal(route.decision_index, 1);
    request.signals = &y;
    route = route_ok(router, &request);
    route_is(&route, "second", "m2", MLSEL_ROUTE_SINGLE);
    request.signals = both, request.n_signals = 2;
    route = route_ok(router, &request);
    route_is(&route, "first", "m1", MLSEL_ROUTE_SINGLE);
    mlsel_router_release(router);
}

static void nested_rules(void **state) {
    (void)state;
    mlsel_router *router =
        router_open("decisions:\n" ROUTER_WHEN(
                        "nested", "1",
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
            route_is(&route, "nested", "m1", MLSEL_ROUTE_SINGLE);
        } else {
            route_fails(router, &request, MLSEL_ERROR_NO_DECISION, "no decision matches category");
        }
    }
    mlsel_router_release(router);
}

static void defaults(void **state) {
    (void)state;
    const char *const rule = ROUTER_WHEN("math", "1", "{type: domain, name: math}", "m1");
    char text[1024];
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    (void)snprintf(text, sizeof text, "decisions:\n%sdefault_model: spare\n", rule);
    mlsel_router *router = router_open(text, NULL);
    mlsel_route route = route_ok(router, &request);
    route_is(&route, NULL, "spare", MLSEL_ROUTE_DEFAULT);
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
    route_is(&route, "math", "m1", MLSEL_ROUTE_SINGLE);
    mlsel_router_release(router);
    /* without a default, and how to get one */
    router = router_open("decisions:\n" ROUTER_WHEN("math", "1", "{type: domain, name: math}", "m1"), NULL);
    mlsel_request_init(&request, sizeof request);
    route_fails(
        router, &request, MLSEL_ERROR_NO_DECISION,
        "no decision matches category \"other\" with 0 signals: add a decision without rules or a default_model");
    mlsel_router_release(router);
}

/* A decision as the default: it answers, though its rules do not hold, and before a default model would. */
static void default_decision(void **state) {
    (void)state;
    static const char text[] = "decisions:\n" ROUTER_WHEN("math", "9", "{type: domain, name: math}", "m1")
        ROUTER_WHEN("spare", "5", "{type: domain, name: law}", "s1") "default_decision: spare\ndefault_model: d\n";
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
    route_is(&route, "spare", "s1", MLSEL_ROUTE_DEFAULT | MLSEL_ROUTE_SINGLE);
    assert_int_equal(route.decision_index, 1);
    request.category = "law"; /* then it is no default */
    route = route_ok(router, &request);
    route_is(&route, "spare", "s1", MLSEL_ROUTE_SINGLE);
    const char *down[] = {"m1", "s1"};
    request.category = "math";
    request.unavailable = down, request.n_unavailable = 1;
    route = route_ok(router, &request);
    route_is(&route, "spare", "s1", MLSEL_ROUTE_NEXT_DECISION | MLSEL_ROUTE_DEFAULT | MLSEL_ROUTE_SINGLE);
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
    route_is(&route, "math", route.served, MLSEL_ROUTE_DEFAULT);
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
        used += (size_t)sprintf(text + used, ROUTER_WHEN("d%d", "1", "{type: keyword, name: word%d}", "m%d"), i, i, i);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_as_recorded), cmocka_unit_test(float_and_double), cmocka_unit_test(priority_then_order),
        cmocka_unit_test(nested_rules),       cmocka_unit_test(defaults),         cmocka_unit_test(default_decision),
        cmocka_unit_test(many_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
