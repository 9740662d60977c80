/* SPDX-License-Identifier: Apache-2.0 */
/* Models with threads of their own answer as those without: batches of every kind of model and large single queries. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { N_QUERIES = 150, N_ROWS = 9000, N_FEATURES = 250, N_CALLERS = 4, MAX_WIDTH = 1038 };

static uint64_t random_state = 0x2545f4914f6cdd1du;

static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

static mlsel_model_options with_threads(uint32_t threads) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.threads = threads;
    return options;
}

/* 9 MB of rows so alike that they are scanned in float. */
static char *large_artifact(size_t *size) {
    const size_t room = (size_t)N_ROWS * N_FEATURES * 8 + N_ROWS * 8 + 200;
    char *text = malloc(room), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"algorithm\":\"knn\",\"k\":7,\"embeddings\":");
    for (size_t r = 0; r < N_ROWS; r++) {
        at += sprintf(at, "%s", r == 0 ? "[[" : ",[");
        for (size_t i = 0; i < N_FEATURES; i++)
            at += sprintf(at, "%s0.5%03u", i == 0 ? "" : ",", (unsigned)random_below(1000));
        *at++ = ']';
    }
    at += sprintf(at, "],\"labels\":[");
    for (size_t r = 0; r < N_ROWS; r++)
        at += sprintf(at, "%s\"m%zu\"", r == 0 ? "" : ",", r % 5);
    at += sprintf(at, "]}");
    *size = (size_t)(at - text);
    assert_true(*size < room);
    return text;
}

typedef struct pair {
    mlsel_model *alone, *team;
    size_t width;
} pair;

static void check_batch(const pair *p) {
    static double queries[N_QUERIES][MAX_WIDTH];
    static mlsel_selection expected[N_QUERIES], got[N_QUERIES];
    mlsel_error err;
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < p->width; i++)
            queries[q][i] = (double)random_below(1000) / 1000;
    for (size_t n = 1; n <= N_QUERIES; n += n < 31 ? 10 : n < 70 ? 1 : 20) {
        memset(got, 0xee, sizeof got);
        test_ok(mlsel_select_batch_f64(p->alone, queries[0], n, MAX_WIDTH, p->width, NULL, expected, &err), &err);
        test_ok(mlsel_select_batch_f64(p->team, queries[0], n, MAX_WIDTH, p->width, NULL, got, &err), &err);
        for (size_t q = 0; q < n; q++) {
            assert_int_equal(got[q].index, expected[q].index);
            test_close(got[q].score, expected[q].score, 1e-5, "score");
        }
    }
}

static void batches(void **state) {
    (void)state;
    static const char *const files[] = {EXAMPLE("models/knn_model.json"), EXAMPLE("models/kmeans_model.json"),
                                        EXAMPLE("models/svm_model.json"), EXAMPLE("models/mlp_model.json")};
    const mlsel_model_options options = with_threads(3);
    for (size_t i = 0; i < TEST_LENGTH(files); i++) {
        pair p = {.alone = test_load(files[i], NULL), .team = test_load(files[i], &options)};
        mlsel_model_info info;
        mlsel_error err;
        test_ok(mlsel_model_get_info(p.alone, &info, sizeof info, &err), &err);
        p.width = info.n_features;
        check_batch(&p);
        mlsel_model_release(p.alone);
        mlsel_model_release(p.team);
    }
}

static void explain_both(const pair *p, const float *query, const mlsel_query_options *options) {
    mlsel_neighbour found[2][7];
    mlsel_evidence e[2];
    mlsel_error err;
    for (int i = 0; i < 2; i++) {
        mlsel_evidence_init(&e[i], sizeof e[i]);
        e[i].neighbours = found[i];
        e[i].neighbours_capacity = 7;
        test_ok(mlsel_explain(i == 0 ? p->alone : p->team, query, N_FEATURES, options, &e[i], &err), &err);
        assert_int_equal(e[i].neighbour_count, 7);
    }
    assert_memory_equal(found[0], found[1], sizeof found[0]);
    assert_memory_equal(&e[0].selection, &e[1].selection, sizeof e[0].selection);
}

static void fill(float *query) {
    for (size_t i = 0; i < N_FEATURES; i++)
        query[i] = 0.5f + (float)random_below(1000) / 1000000;
}

static void *ask_often(void *context) {
    for (int i = 0; i < 10; i++)
        explain_both(context, (const float[N_FEATURES]){1, 0.5f}, NULL);
    return NULL;
}

static void large_queries(void **state) {
    (void)state;
    mlsel_error err;
    size_t size;
    char *text = large_artifact(&size);
    const mlsel_model_options options = with_threads(3);
    pair p = {.width = N_FEATURES};
    test_ok(mlsel_model_load_memory(text, size, NULL, &p.alone, &err), &err);
    test_ok(mlsel_model_load_memory(text, size, &options, &p.team, &err), &err);
    free(text);
    float query[N_FEATURES];
    static const int32_t last[] = {4};
    mlsel_query_options restricted;
    mlsel_query_options_init(&restricted, sizeof restricted);
    restricted.eligible = last;
    restricted.n_eligible = 1;
    for (int i = 0; i < 20; i++) {
        fill(query);
        explain_both(&p, query, NULL);
        explain_both(&p, query, &restricted);
    }
    pthread_t callers[N_CALLERS];
    for (size_t i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, ask_often, &p), 0);
    for (size_t i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    mlsel_model_release(p.alone);
    mlsel_model_release(p.team);
}

static void refused(void **state) {
    (void)state;
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_model_options options = with_threads(257);
    assert_int_equal(mlsel_model_load(EXAMPLE("models/knn_model.json"), &options, &model, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "threads is 257, the most are 256");
    assert_null(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches),
        cmocka_unit_test(large_queries),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
