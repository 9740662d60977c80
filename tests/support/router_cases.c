/* SPDX-License-Identifier: Apache-2.0 */
#include "router_cases.h"

#include <stdlib.h>
#include <string.h>

const char router_four[] = ROUTER_HEAD "decisions:\n" ROUTER_DECISION("math_decision", "100", "math", "knn")
    ROUTER_DECISION("cs_decision", "90", "computer science", "svm") ROUTER_DECISION("law_decision", "80", "law", "mlp")
        ROUTER_DECISION("other_decision", "50", "other", "kmeans");

mlsel_router_options router_options(void) {
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = TEST_SOURCE_DIR "/examples";
    return options;
}

mlsel_router *router_open(const char *text, const mlsel_router_options *options) {
    const mlsel_router_options standard = router_options();
    mlsel_router *router = NULL;
    mlsel_error err;
    test_ok(mlsel_router_open_memory(text, strlen(text), options == NULL ? &standard : options, &router, &err), &err);
    assert_non_null(router);
    return router;
}

static double f64[ROUTER_N_QUERIES][ROUTER_EMBEDDING];
static float f32[ROUTER_N_QUERIES][ROUTER_EMBEDDING];

static void read_queries(void) {
    static bool is_read;
    size_t line = 0;
    if (is_read)
        return;
    char *text = test_need_file(EXAMPLE("queries.jsonl"), NULL), *rest = NULL;
    for (char *at = strtok_r(text, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest), line++) {
        cJSON *query = cJSON_Parse(at);
        size_t count = 0;
        double *values = test_numbers(test_need(query, "embedding"), &count);
        assert_true(line < ROUTER_N_QUERIES && count == ROUTER_EMBEDDING);
        for (size_t i = 0; i < count; i++)
            f32[line][i] = (float)(f64[line][i] = values[i]);
        free(values);
        cJSON_Delete(query);
    }
    assert_int_equal(line, ROUTER_N_QUERIES);
    free(text);
    is_read = true;
}

const double *router_embedding(size_t line) {
    read_queries();
    return f64[line];
}

const float *router_embedding_f32(size_t line) {
    read_queries();
    return f32[line];
}

mlsel_request router_request(size_t line, const char *category) {
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.embedding_f64 = router_embedding(line);
    request.n_embedding = ROUTER_EMBEDDING;
    request.category = category;
    return request;
}

mlsel_route router_route(void) {
    mlsel_route route;
    mlsel_route_init(&route, sizeof route);
    return route;
}
