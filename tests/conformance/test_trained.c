/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four artifacts of the ecosystem's own trainer and what scikit-learn and PyTorch answer on 300 queries. The data
 * is not part of the repository: TEST_DATA_DIR names its folder, unpacked; without it each test reports itself skipped.
 * On the CPU, or on MLSEL_TEST_DEVICE.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { N_QUERIES = 300, WIDTH = 1038, N_LABELS = 4, N_PAIRS = 6, N_CLUSTERS = 8, K = 5 };

static const char *data_dir;
static float *queries;
static cJSON *expected; /* array of N_QUERIES objects */

static int set_up(void **state) {
    (void)state;
    data_dir = getenv("TEST_DATA_DIR");
    if (data_dir == NULL || *data_dir == '\0')
        return 0;
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/queries_300x1038.f32", data_dir);
    queries = (float *)(void *)test_need_file(path, &size);
    assert_int_equal(size, N_QUERIES * WIDTH * sizeof(float));
    snprintf(path, sizeof path, "%s/expected.jsonl", data_dir);
    char *text = test_need_file(path, NULL), *position = NULL;
    expected = cJSON_CreateArray();
    for (char *line = strtok_r(text, "\n", &position); line != NULL; line = strtok_r(NULL, "\n", &position))
        cJSON_AddItemToArray(expected, cJSON_Parse(line));
    free(text);
    assert_int_equal(cJSON_GetArraySize(expected), N_QUERIES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(queries);
    cJSON_Delete(expected);
    return 0;
}

static mlsel_model *load(const char *path) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = test_device();
    return test_load(path, &options);
}

/* Everything mlsel says about one query. */
typedef struct answer {
    mlsel_evidence evidence;
    double scores[N_LABELS], probabilities[N_LABELS], pairs[N_PAIRS], distances[N_CLUSTERS];
    mlsel_neighbour neighbours[K];
} answer;

static void ask(const mlsel_model *model, const float *query, bool use_double, answer *a) {
    mlsel_error err;
    mlsel_evidence *e = &a->evidence;
    mlsel_evidence_init(e, sizeof *e);
    e->scores = a->scores, e->scores_capacity = N_LABELS;
    e->probabilities = a->probabilities, e->probabilities_capacity = N_LABELS;
    e->pair_decisions = a->pairs, e->pair_decisions_capacity = N_PAIRS;
    e->cluster_distances = a->distances, e->cluster_distances_capacity = N_CLUSTERS;
    e->neighbours = a->neighbours, e->neighbours_capacity = K;
    if (!use_double) {
        test_ok(mlsel_explain(model, query, WIDTH, NULL, e, &err), &err);
        return;
    }
    static double wide[WIDTH];
    for (size_t i = 0; i < WIDTH; i++)
        wide[i] = (double)query[i];
    test_ok(mlsel_explain_f64(model, wide, WIDTH, NULL, e, &err), &err);
}

static void close_array(const cJSON *node, const double *got, size_t n, double tolerance, const char *what) {
    size_t count = 0;
    double *values = test_numbers(node, &count);
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - values[i]) <= tolerance))
            fail_msg("%s[%zu]: got %.17g, expected %.17g", what, i, got[i], values[i]);
    free(values);
}

typedef void (*check_fn)(const mlsel_model *model, const cJSON *want, const answer *a, const char *what);

static void run_kind(const char *kind, check_fn check) {
    if (queries == NULL) {
        print_message("skipped: TEST_DATA_DIR is not set, so there are no trained artifacts to compare with\n");
        skip();
    }
    char path[1024], what[64];
    snprintf(path, sizeof path, "%s/%s_model.json", data_dir, kind);
    mlsel_model *model = load(path);
    assert_int_equal(mlsel_model_label_count(model), N_LABELS);
    const bool both = test_device() == NULL; /* elsewhere, where an emulated device takes long, in turn */
    for (int q = 0; q < N_QUERIES; q++)
        for (int use_double = both ? 0 : q % 2; use_double <= (both ? 1 : q % 2); use_double++) {
            answer a;
            ask(model, queries + q * WIDTH, use_double != 0, &a);
            const cJSON *want = test_need(cJSON_GetArrayItem(expected, q), kind);
            snprintf(what, sizeof what, "%s query %d", kind, q);
            const char *label = mlsel_model_label(model, a.evidence.selection.index);
            if (strcmp(label, test_need_string(want, "label")) != 0)
                fail_msg("%s: chose %s, expected %s", what, label, test_need_string(want, "label"));
            check(model, want, &a, what);
        }
    mlsel_model_release(model);
}

static void check_knn(const mlsel_model *model, const cJSON *want, const answer *a, const char *what) {
    const cJSON *votes = test_need(want, "votes");
    for (int32_t i = 0; i < N_LABELS; i++) {
        const cJSON *vote = cJSON_GetObjectItemCaseSensitive(votes, mlsel_model_label(model, i));
        const double value = vote == NULL ? 0 : vote->valuedouble;
        if (!(fabs(a->scores[i] - value) <= 1e-9))
            fail_msg("%s: votes of label %d: got %.17g, expected %.17g", what, i, a->scores[i], value);
    }
    double rows[K], distances[K];
    assert_int_equal(a->evidence.neighbour_count, K);
    for (size_t i = 0; i < K; i++) {
        rows[i] = (double)a->neighbours[i].row;
        distances[i] = a->neighbours[i].distance;
    }
    close_array(test_need(want, "neighbours"), rows, K, 0, what);
    close_array(test_need(want, "distances"), distances, K, 1e-9, what);
}

static void check_kmeans(const mlsel_model *model, const cJSON *want, const answer *a, const char *what) {
    (void)model;
    if (a->evidence.selection.cluster != (int)test_need_number(want, "cluster"))
        fail_msg("%s: cluster %d, expected %d", what, a->evidence.selection.cluster,
                 (int)test_need_number(want, "cluster"));
}

static void check_svm(const mlsel_model *model, const cJSON *want, const answer *a, const char *what) {
    (void)model;
    close_array(test_need(want, "decision_function_ovr"), a->scores, N_LABELS, 1e-4, what);
    close_array(test_need(want, "decision_function_ovo"), a->pairs, N_PAIRS, 1e-4, what);
}

static void check_mlp(const mlsel_model *model, const cJSON *want, const answer *a, const char *what) {
    (void)model;
    close_array(test_need(want, "logits"), a->scores, N_LABELS, 1e-4, what);
    close_array(test_need(want, "probabilities"), a->probabilities, N_LABELS, 1e-4, what);
}

static void knn(void **state) {
    (void)state;
    run_kind("knn", check_knn);
}

static void kmeans(void **state) {
    (void)state;
    run_kind("kmeans", check_kmeans);
}

static void svm(void **state) {
    (void)state;
    run_kind("svm", check_svm);
}

static void mlp(void **state) {
    (void)state;
    run_kind("mlp", check_mlp);
}

/* The artifact that the router's own repository ships. */
static void shipped_kmeans(void **state) {
    (void)state;
    if (queries == NULL)
        skip();
    char path[1024];
    mlsel_error err;
    mlsel_selection s;
    mlsel_model_info info;
    snprintf(path, sizeof path, "%s/semantic-router-kmeans_model.json", data_dir);
    mlsel_model *model = load(path);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.n_features, WIDTH);
    assert_int_equal(info.n_clusters, 8);
    assert_string_equal(mlsel_model_label(model, 0), "codellama-7b");
    for (int q = 0; q < N_QUERIES; q++) {
        test_ok(mlsel_select(model, queries + q * WIDTH, WIDTH, NULL, &s, &err), &err);
        assert_in_range(s.cluster, 0, 7);
    }
    mlsel_model_release(model);
}

int main(void) {
    if (!test_has_isa())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knn), cmocka_unit_test(kmeans),         cmocka_unit_test(svm),
        cmocka_unit_test(mlp), cmocka_unit_test(shipped_kmeans),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
