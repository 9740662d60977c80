/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLPs in bf16, f16 and int8: logits against those of numbers rounded by PyTorch (tests/fixtures/mlp_precisions.json),
 * and choices of a trained artifact against f32. On the CPU, or on MLSEL_TEST_DEVICE with what it offers of these.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_LABELS = 64, MAX_CASES = 64, WIDTH = 1038, N_QUERIES = 300, N_MIXED = 10 * N_QUERIES };

typedef struct precision_case {
    mlsel_precision precision;
    double tolerance; /* of a logit, relative to the largest of its query, as docs/kernels.md states it */
    double folded;    /* the same on other devices, as docs/backends.md states it */
    double change;    /* of a trained artifact's logits, from f32 */
    double differ;    /* at most this share of its choices; on other devices than the CPU 0.001 */
} precision_case;

/* bf16: a last bit that a sum lacks can turn the rounding of a hidden layer's value. */
static const precision_case precisions[] = {
    {MLSEL_PRECISION_F16, 2e-5, 4e-3, 1e-3, 1e-3},
    {MLSEL_PRECISION_BF16, 4e-3, 6e-2, 1e-2, 4e-3},
    {MLSEL_PRECISION_INT8, 2e-4, 0, 2e-2, 4e-3},
};

static const char *under_test(void) { return test_device() == NULL ? test_isa() : test_device(); }

/* Whether the device under test has the precision. */
static bool is_offered(mlsel_precision precision) {
    mlsel_device_info info;
    mlsel_error err;
    test_ok(mlsel_device_query(test_device() == NULL ? "cpu" : test_device(), &info, sizeof info, &err), &err);
    return info.precisions >> precision & 1;
}

/* Other devices fold batch norm into the weights before they round them. */
static double tolerance_of(const precision_case *p) { return test_device() == NULL ? p->tolerance : p->folded; }

static mlsel_model *load_as(const char *path, const char *device, mlsel_precision precision) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = precision;
    options.device = device;
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
    mlsel_model *model = load_as(path, test_device(), p->precision);
    const cJSON *queries = test_need(node, "features"), *logits = test_need(node, mlsel_precision_name(p->precision));
    const size_t count = (size_t)cJSON_GetArraySize(queries), n_labels = mlsel_model_label_count(model);
    assert_true(count > 0 && count <= MAX_CASES && n_labels <= MAX_LABELS);
    static double batch[MAX_CASES][MAX_LABELS], all[MAX_CASES * 256];
    const double tolerance = tolerance_of(p);
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
            if (!(difference <= tolerance))
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
            assert_true(fabs(batch[q][i] - expected[i]) <= tolerance * largest_of(expected, n_labels));
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
        if (!is_offered(precisions[i].precision))
            continue;
        cJSON_ArrayForEach (node, test_need(root, "models"))
            worst = fmax(worst, check_artifact(node, &precisions[i]));
        print_message("%s %s: largest difference %.2g, allowed %.2g\n", under_test(),
                      mlsel_precision_name(precisions[i].precision), worst, tolerance_of(&precisions[i]));
        assert_true(worst > 0); /* or the numbers were not rounded here, or not there */
    }
    cJSON_Delete(root);
}

/* --- the trained artifact ----------------------------------------------------------------------------------------- */

/* [N_MIXED][WIDTH]: the queries, and means of two of them, which lie nearer to where the choice changes. */
static float *read_queries(const char *folder) {
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/queries_300x1038.f32", folder);
    char *bytes = test_read_file(path, &size);
    if (bytes == NULL)
        return NULL;
    assert_int_equal(size, (size_t)N_QUERIES * WIDTH * sizeof(float));
    float *queries = realloc(bytes, (size_t)N_MIXED * WIDTH * sizeof *queries);
    assert_non_null(queries);
    for (size_t q = N_QUERIES; q < N_MIXED; q++) {
        const float *a = queries + q % N_QUERIES * WIDTH, *b = queries + (q * 7 + q / N_QUERIES) % N_QUERIES * WIDTH;
        for (size_t i = 0; i < WIDTH; i++)
            queries[q * WIDTH + i] = (a[i] + b[i]) / 2;
    }
    return queries;
}

/* Plain C takes long for these formats, and an emulated device or processor for anything. */
static bool is_quick(void) {
    return test_device() == NULL && !test_is_short() && strcmp(test_isa(), "reference") != 0 &&
           strcmp(test_isa(), "portable") != 0;
}

static void compare_with_f32(const char *path, const float *queries, const precision_case *p) {
    static double exact[N_MIXED][4], low[N_MIXED][4];
    static mlsel_selection chosen[N_MIXED], other[N_MIXED];
    mlsel_error err;
    const size_t count = is_quick() ? N_MIXED : N_QUERIES, n_scored = is_quick() ? count : count / 10;
    const double share = test_device() == NULL ? p->differ : 1e-3;
    mlsel_model *f32 = load_as(path, "cpu", MLSEL_PRECISION_F32), *model = load_as(path, test_device(), p->precision);
    test_ok(mlsel_score_batch(f32, queries, n_scored, WIDTH, WIDTH, NULL, exact[0], 4, &err), &err);
    test_ok(mlsel_score_batch(model, queries, n_scored, WIDTH, WIDTH, NULL, low[0], 4, &err), &err);
    test_ok(mlsel_select_batch(f32, queries, count, WIDTH, WIDTH, NULL, chosen, &err), &err);
    test_ok(mlsel_select_batch(model, queries, count, WIDTH, WIDTH, NULL, other, &err), &err);
    int differ = 0;
    double change = 0;
    for (size_t q = 0; q < count; q++) {
        differ += chosen[q].index != other[q].index;
        for (size_t i = 0; q < n_scored && i < 4; i++)
            change = fmax(change, fabs(low[q][i] - exact[q][i]));
    }
    print_message("%s %s: %d of %zu choices differ from f32, logits by at most %.2g\n", under_test(),
                  mlsel_precision_name(p->precision), differ, count, change);
    assert_true(differ <= share * (double)count);
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
        if (is_offered(precisions[i].precision))
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
        if (!is_offered(precisions[i].precision))
            continue;
        mlsel_model_options options;
        mlsel_model_options_init(&options, sizeof options);
        options.precision = precisions[i].precision;
        options.device = test_device();
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
