/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documented example, four decisions with a selector of each kind, over the artifacts of the ecosystem's own
 * trainer: 300 queries each, against what scikit-learn and PyTorch answer, and the same in every dialect. TEST_DATA_DIR
 * names the folder of the data, unpacked; without it the test reports itself skipped.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { N_QUERIES = 300, WIDTH = 1038, N_CATEGORIES = 14, EMBEDDING = WIDTH - N_CATEGORIES, N_KINDS = 4 };

static const char *const kinds[N_KINDS] = {"knn", "svm", "kmeans", "mlp"};

#define REFS(indent)                                                                                                   \
    indent "modelRefs:\n" indent "  - model: Meta-Llama-3.1-8B-Instruct\n" indent                                      \
           "  - {model: some-base, lora_name: Mixtral-8x7B-Instruct-v0.1}\n" indent                                    \
           "  - model: Phi-3-mini-4k-instruct\n" indent "  - {model: mathstral-7B, use_reasoning: false}\n"
#define DECISION(indent, kind, priority, block)                                                                        \
    indent "- name: " kind "_decision\n" indent "  priority: " priority "\n" indent "  rules:\n" indent                \
           "    operator: AND\n" indent "    conditions:\n" indent "      - {type: keyword, name: " kind "}\n" indent  \
           "  algorithm: {type: " kind ", " kind ": " block "}\n" REFS(indent "  ")
#define DECISIONS(indent)                                                                                              \
    DECISION(indent, "knn", "100", "{k: 5}")                                                                           \
    DECISION(indent, "svm", "90", "{kernel: rbf, gamma: 1.0}")                                                         \
    DECISION(indent, "kmeans", "50", "{num_clusters: 8}")                                                              \
    DECISION(indent, "mlp", "80", "{device: cuda}")
#define ML(indent)                                                                                                     \
    indent "models_path: \".\"\n" indent "embedding_dim: 1024\n" indent "knn: {k: 5}\n" indent                         \
           "kmeans: {num_clusters: 8}\n" indent "svm: {kernel: rbf, gamma: 1.0}\n" indent "mlp: {device: cuda}\n"

static const char *const dialects[] = {
    "model_selection:\n  ml:\n    enabled: true\n" ML("    ") "strategy: priority\ndecisions:\n" DECISIONS("  "),
    "config:\n  model_selection:\n    enabled: true\n    ml:\n" ML("      ") "  decisions:\n" DECISIONS("    "),
    "version: v0.3\nglobal:\n  router:\n    strategy: priority\n    model_selection:\n      enabled: true\n      "
    "ml:\n" ML("        ") "routing:\n  decisions:\n" DECISIONS("    "),
    "version: v0.3\nglobal:\n  router:\n    model_selection:\n      enabled: true\n      ml:\n        model_type: "
    "knn\n" ML("        ") "routing:\n  decisions:\n" DECISIONS("    "),
};

static const char *category_of(const float *query) {
    for (int32_t i = 0; i < N_CATEGORIES; i++)
        if (query[EMBEDDING + i] > 0)
            return mlsel_category_name(MLSEL_CATEGORIES_VSR, i);
    return NULL;
}

static void check_all(const mlsel_router *router, const float *queries, char *expected) {
    char *rest = NULL;
    size_t n = 0;
    for (char *line = strtok_r(expected, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest), n++) {
        cJSON *want = cJSON_Parse(line);
        for (size_t k = 0; k < N_KINDS; k++) {
            mlsel_request request;
            mlsel_route route;
            mlsel_error err;
            const mlsel_signal signal = {"keyword", kinds[k]};
            const char *label = test_need_string(test_need(want, kinds[k]), "label");
            mlsel_request_init(&request, sizeof request);
            mlsel_route_init(&route, sizeof route);
            request.embedding = queries + n * WIDTH;
            request.n_embedding = EMBEDDING;
            request.category = category_of(queries + n * WIDTH);
            request.signals = &signal;
            request.n_signals = 1;
            test_ok(mlsel_router_route(router, &request, &route, &err), &err);
            if (strncmp(route.decision, kinds[k], strlen(kinds[k])) != 0 || strcmp(route.served, label) != 0)
                fail_msg("query %zu: %s by %s, expected %s", n, route.served, route.decision, label);
            assert_int_equal(
                strcmp(kinds[k], "mlp") == 0 ? route.flags & ~(uint32_t)MLSEL_ROUTE_DEVICE_FALLBACK : route.flags, 0);
        }
        cJSON_Delete(want);
    }
    assert_int_equal(n, N_QUERIES);
}

static char *join(const char *folder, const char *name) {
    static char path[2][1024];
    static size_t turn;
    char *out = path[turn++ % 2];
    (void)snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void every_dialect(void **state) {
    (void)state;
    const char *folder = getenv("TEST_DATA_DIR");
    if (folder == NULL || *folder == '\0') {
        print_message("skipped: TEST_DATA_DIR is not set, so there are no trained artifacts to compare with\n");
        skip();
    }
    size_t size = 0;
    float *queries = (float *)(void *)test_need_file(join(folder, "queries_300x1038.f32"), &size);
    assert_int_equal(size, N_QUERIES * WIDTH * sizeof(float));
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = folder;
    options.allow_device_fallback = 1;
    for (size_t d = 0; d < TEST_LENGTH(dialects); d++) {
        mlsel_router *router = NULL;
        mlsel_router_info info;
        mlsel_error err;
        char *expected = test_need_file(join(folder, "expected.jsonl"), NULL);
        test_ok(mlsel_router_open_memory(dialects[d], strlen(dialects[d]), &options, &router, &err), &err);
        test_ok(mlsel_router_get_info(router, &info, sizeof info, &err), &err);
        assert_int_equal(info.n_decisions, N_KINDS);
        assert_int_equal(info.n_models, N_KINDS);
        assert_string_equal(info.dialect, d == 0 ? "flat" : d == 1 ? "wrapped" : "v0.3");
        check_all(router, queries, expected);
        mlsel_router_release(router);
        free(expected);
    }
    free(queries);
}

/* Without the fallback a device that is missing is an error that names the remedy. */
static void device_missing(void **state) {
    (void)state;
    const char *folder = getenv("TEST_DATA_DIR");
    mlsel_device_info device;
    if (folder == NULL || *folder == '\0')
        skip(); /* as the test above says */
    if (mlsel_device_query("cuda", &device, sizeof device, NULL) == MLSEL_OK) {
        print_message("SKIP a check of a missing device: there is a CUDA device\n");
        skip();
    }
    mlsel_router *router = NULL;
    mlsel_error err;
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = folder;
    assert_int_equal(mlsel_router_open_memory(dialects[0], strlen(dialects[0]), &options, &router, &err),
                     MLSEL_ERROR_DEVICE);
    assert_non_null(strstr(err.message, "decision \"mlp_decision\": "));
    assert_non_null(strstr(err.message, "device \"cuda\": "));
    assert_non_null(strstr(err.message, ": allow the fallback to the cpu, or configure another device"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_dialect), cmocka_unit_test(device_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
