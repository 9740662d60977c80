/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLPs in bf16, f16 and int8: logits against those of numbers rounded by PyTorch (tests/fixtures/mlp_precisions.json),
 * and choices of a trained artifact against f32.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_LABELS = 64, MAX_CASES = 64, WIDTH = 1038, N_QUERIES = 300 };

typedef struct precision_case {
    mlsel_precision precision;
    double tolerance; /* of a logit, relative to the largest of its query, as docs/kernels.md states it */
    double change;    /* of a trained artifact's logits, from f32 */
    int differ;       /* at most so many of the 300 queries are answered differently */
} precision_case;

/* bf16: a last bit that a sum lacks can turn the rounding of a hidden layer's value. */
static const precision_case precisions[] = {
    {MLSEL_PRECISION_F16, 2e-5, 1e-3, 1},
    {MLSEL_PRECISION_BF16, 4e-3, 1e-2, 3},
    {MLSEL_PRECISION_INT8, 2e-4, 2e-2, 3},
};

static mlsel_model *load_as(const char *path, mlsel_precision precision) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = precision;
    mlsel_model *model = test_load(path, &options);
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.precision, precision);
    return model;
}

static double largest_of(const double *values, size_t n) {
    double largest = 1;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(values[i]));
    return largest;
}

/* All queries alone and in one batch, as double and as float; returns the largest difference. */
static double check_artifact(const cJSON *node, const precision_case *p) {
    char path[1024];
    snprintf(path, sizeof path, FIXTURE("%s"), test_need_string(node, "artifact"));
    mlsel_model *model = load_as(path, p->precision);
    const cJSON *queries = test_need(node, "features"), *logits = test_need(node, mlsel_precision_name(p->precision));
    const size_t count = (size_t)cJSON_GetArraySize(queries), n_labels = mlsel_model_label_count(model);
    assert_true(count > 0 && count <= MAX_CASES && n_labels <= MAX_LABELS);
    static double batch[MAX_CASES][MAX_LABELS], all[MAX_CASES * 256];
    double worst = 0;
    size_t width = 0;
    mlsel_error err;
    for (size_t q = 0; q < count; q++) {
        size_t n_expected;
        double *features = test_numbers(cJSON_GetArrayItem(queries, (int)q), &width);
        double *expected = test_numbers(cJSON_GetArrayItem(logits, (int)q), &n_expected);
        double scores[MAX_LABELS], again[MAX_LABELS];
        float *floats = test_to_floats(features, width);
        assert_int_equal(n_expected, n_labels);
        assert_true(width <= 256);
        memcpy(all + q * width, features, width * sizeof *features);
        test_ok(mlsel_score_f64(model, features, width, NULL, scores, n_labels, &err), &err);
        test_ok(mlsel_score(model, floats, width, NULL, again, n_labels, &err), &err);
        assert_memory_equal(scores, again, n_labels * sizeof *scores);
        for (size_t i = 0; i < n_labels; i++) {
            const double difference = fabs(scores[i] - expected[i]) / largest_of(expected, n_labels);
            worst = fmax(worst, difference);
            if (!(difference <= p->tolerance))
                fail_msg("%s in %s, query %zu, label %zu: %.9g, expected %.9g", path,
                         mlsel_precision_name(p->precision), q, i, scores[i], expected[i]);
        }
        free(features), free(expected), free(floats);
    }
    test_ok(mlsel_score_batch_f64(model, all, count, width, width, NULL, batch[0], MAX_LABELS, &err), &err);
    for (size_t q = 0; q < count; q++) {
        size_t n_expected;
        double *expected = test_numbers(cJSON_GetArrayItem(logits, (int)q), &n_expected);
        for (size_t i = 0; i < n_labels; i++)
            assert_true(fabs(batch[q][i] - expected[i]) <= p->tolerance * largest_of(expected, n_labels));
        free(expected);
    }
    mlsel_model_release(model);
    return worst;
}

static void fixtures(void **state) {
    (void)state;
    cJSON *root = test_parse_file(FIXTURE("mlp_precisions.json"));
    for (size_t i = 0; i < TEST_LENGTH(precisions); i++) {
        double worst = 0;
        const cJSON *node;
        cJSON_ArrayForEach (node, test_need(root, "models"))
            worst = fmax(worst, check_artifact(node, &precisions[i]));
        print_message("%s %s: largest difference %.2g, allowed %.2g\n", test_isa(),
                      mlsel_precision_name(precisions[i].precision), worst, precisions[i].tolerance);
        assert_true(worst > 0); /* or the numbers were not rounded here, or not there */
    }
    cJSON_Delete(root);
}

/* --- the trained artifact ----------------------------------------------------------------------------------------- */

static float *read_queries(const char *folder) {
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/queries_300x1038.f32", folder);
    char *bytes = test_read_file(path, &size);
    assert_true(bytes == NULL || size == (size_t)N_QUERIES * WIDTH * sizeof(float));
    return (float *)(void *)bytes;
}

static void compare_with_f32(const char *path, const float *queries, const precision_case *p) {
    static double exact[N_QUERIES][4], low[N_QUERIES][4];
    static mlsel_selection chosen[N_QUERIES], other[N_QUERIES];
    mlsel_error err;
    mlsel_model *f32 = load_as(path, MLSEL_PRECISION_F32), *model = load_as(path, p->precision);
    test_ok(mlsel_score_batch(f32, queries, N_QUERIES, WIDTH, WIDTH, NULL, exact[0], 4, &err), &err);
    test_ok(mlsel_score_batch(model, queries, N_QUERIES, WIDTH, WIDTH, NULL, low[0], 4, &err), &err);
    test_ok(mlsel_select_batch(f32, queries, N_QUERIES, WIDTH, WIDTH, NULL, chosen, &err), &err);
    test_ok(mlsel_select_batch(model, queries, N_QUERIES, WIDTH, WIDTH, NULL, other, &err), &err);
    int differ = 0;
    double change = 0;
    for (size_t q = 0; q < N_QUERIES; q++) {
        differ += chosen[q].index != other[q].index;
        for (size_t i = 0; i < 4; i++)
            change = fmax(change, fabs(low[q][i] - exact[q][i]));
    }
    print_message("%s %s: %d of 300 choices differ from f32, logits by at most %.2g\n", test_isa(),
                  mlsel_precision_name(p->precision), differ, change);
    assert_in_range(differ, 0, p->differ);
    assert_true(change > 0 && change <= p->change);
    mlsel_model_release(f32);
    mlsel_model_release(model);
}

static void trained(void **state) {
    (void)state;
    const char *folder = getenv("TEST_DATA_DIR");
    float *queries = folder == NULL ? NULL : read_queries(folder);
    if (queries == NULL) {
        print_message("no trained artifacts here\n");
        skip();
    }
    char path[1024];
    snprintf(path, sizeof path, "%s/mlp_model.json", folder);
    for (size_t i = 0; i < TEST_LENGTH(precisions); i++)
        compare_with_f32(path, queries, &precisions[i]);
    free(queries);
}

/* Where a format's range ends, the answer is that of f32. */
static void out_of_range(void **state) {
    (void)state;
    static const char artifact[] =
        "{\"algorithm\": \"mlp\", \"trained\": true, \"model_names\": [\"a\", \"b\"], \"feature_dim\": 2, "
        "\"n_classes\": 2, "
        "\"hidden_sizes\": [2], \"dropout\": 0, \"layers\": ["
        "{\"type\": \"linear\", \"in_features\": 2, \"out_features\": 2, \"weight\": [[3e4, 2e4], [3e4, 1e4]], "
        "\"bias\": [0, 0]}, {\"type\": \"linear\", \"in_features\": 2, \"out_features\": 2, "
        "\"weight\": [[3e4, 3e4], [1e4, 3e4]], \"bias\": [0, 0]}]}";
    const float query[2] = {1e38f, -1e38f};
    for (size_t i = 0; i < TEST_LENGTH(precisions); i++) {
        mlsel_model_options options;
        mlsel_model_options_init(&options, sizeof options);
        options.precision = precisions[i].precision;
        mlsel_model *model = NULL;
        mlsel_error err;
        double scores[2];
        test_ok(mlsel_model_load_memory(artifact, sizeof artifact - 1, &options, &model, &err), &err);
        test_ok(mlsel_score(model, query, 2, NULL, scores, 2, &err), &err);
        const double x = (double)1e38f;
        test_close(scores[0], 3e4 * 1e4 * x + 3e4 * 2e4 * x, 1e-9, "first logit");
        test_close(scores[1], 1e4 * 1e4 * x + 3e4 * 2e4 * x, 1e-9, "second logit");
        mlsel_model_release(model);
    }
}

int main(void) {
    if (!test_has_isa())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixtures),
        cmocka_unit_test(trained),
        cmocka_unit_test(out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
