/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that cannot be answered: wrong widths, values that are no numbers, strides and counts, labels that are none.
 */
#include "ask.h"
#include "bad_artifact.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 6 features and 14 categories. */
enum { WIDE = 20 };
static const char wide_text[] = "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":["
                                "[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],[0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]],"
                                "\"labels\":[\"a\",\"b\"]}";

static mlsel_model *wide, *knn, *own_categories, *kmeans, *svm, *svm_linear, *mlp;

static int set_up(void **state) {
    (void)state;
    wide = test_load_text(wide_text, NULL);
    knn = test_load_text(base_knn, NULL);
    own_categories = test_load_text(base_categories, NULL);
    kmeans = test_load_text(base_kmeans, NULL);
    svm = test_load_text(base_svm, NULL);
    svm_linear = test_load_text(base_svm_linear, NULL);
    mlp = test_load_text(base_mlp, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_model *const models[] = {wide, knn, own_categories, kmeans, svm, svm_linear, mlp};
    for (size_t i = 0; i < LENGTH(models); i++)
        mlsel_model_release(models[i]);
    return 0;
}

/* --- widths ------------------------------------------------------------------------------------------------------ */

static void check_width(const mlsel_model *model, size_t got, size_t expected, const char *trained_on,
                        const char *remedy) {
    char message[512];
    double *values = calloc(got < 4096 ? got + 1 : 1, sizeof *values);
    assert_non_null(values);
    question q = one_query(model, values, got);
    q.n_values = got < 4096 ? got : 1; /* an absurd width is refused before anything is read */
    (void)snprintf(message, sizeof message,
                   "embedding dimension mismatch: the artifact was trained on %s values, got %zu: %s", trained_on, got,
                   remedy);
    refuse_question("width", &q, ASK_ALL, MLSEL_ERROR_DIMENSION, expected, message);
    free(values);
}

static void widths(void **state) {
    (void)state;
    static const char same_model[] = "use the same embedding model for training and inference";
    static const char compose[] = "the category values are missing, mlsel_features_compose appends them";
    static const size_t wrong[] = {1, 5, 7, 14, 19, 21, 34, 40, 768, SIZE_MAX, SIZE_MAX / 8, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < LENGTH(wrong); i++)
        check_width(wide, wrong[i], WIDE, "6+14", same_model);
    check_width(wide, 6, WIDE, "6+14", compose);
    check_width(wide, 0, WIDE, "6+14", "the query is empty");
    check_width(own_categories, 2, 3, "1+2", same_model);
    check_width(own_categories, 1, 3, "1+2", compose);
    check_width(knn, 2, 3, "3", same_model);
    check_width(knn, 4, 3, "3", same_model);
    check_width(kmeans, 3, 2, "2", same_model);
    check_width(svm, 1, 2, "2", same_model);
    check_width(svm_linear, 1, 2, "2", same_model);
    check_width(mlp, 2, 3, "3", same_model);
    check_width(mlp, 0, 3, "3", "the query is empty");
}

/* The sentence that users of full-width artifacts see. */
static void full_width(void **state) {
    (void)state;
    static const char *const files[] = {EXAMPLE("models/knn_model.json"), EXAMPLE("models/kmeans_model.json"),
                                        EXAMPLE("models/svm_model.json"), EXAMPLE("models/mlp_model.json")};
    for (size_t i = 0; i < LENGTH(files); i++) {
        mlsel_model *model = test_load(files[i], NULL);
        check_width(model, 768, 1038, "1024+14", "use the same embedding model for training and inference");
        check_width(model, 1024, 1038, "1024+14",
                    "the category values are missing, mlsel_features_compose appends them");
        mlsel_model_release(model);
    }
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static void check_value(const mlsel_model *model, size_t n, size_t position, double value, int ways, const char *word) {
    double features[WIDE] = {0};
    char message[128];
    question q = one_query(model, features, n);
    features[position] = value;
    (void)snprintf(message, sizeof message, "feature %zu is %s: every value must be a number", position, word);
    refuse_question("value", &q, ways, MLSEL_ERROR_NOT_FINITE, position, message);
}

static void values(void **state) {
    (void)state;
    static const char beyond[] = "beyond the range of float32";
    const struct {
        const mlsel_model *model;
        size_t n;
    } models[] = {{wide, WIDE}, {knn, 3}, {kmeans, 2}, {svm, 2}, {svm_linear, 2}, {mlp, 3}};
    const int f32 = ASK_F32 | ASK_ONE | ASK_BATCH, f64 = ASK_F64 | ASK_ONE | ASK_BATCH;
    for (size_t i = 0; i < LENGTH(models); i++)
        for (size_t position = 0; position < models[i].n; position++) {
            check_value(models[i].model, models[i].n, position, NAN, ASK_ALL, "NaN");
            check_value(models[i].model, models[i].n, position, INFINITY, ASK_ALL, "infinite");
            check_value(models[i].model, models[i].n, position, -INFINITY, ASK_ALL, "infinite");
            check_value(models[i].model, models[i].n, position, 1e39, f64, beyond);
            check_value(models[i].model, models[i].n, position, -1e39, f64, beyond);
            check_value(models[i].model, models[i].n, position, DBL_MAX, f64, beyond);
            check_value(models[i].model, models[i].n, position, nextafter((double)FLT_MAX, INFINITY), f64, beyond);
            check_value(models[i].model, models[i].n, position, 1e39, f32, "infinite");
        }
}

/* The first bad value is the one that is named. */
static void two_bad_values(void **state) {
    (void)state;
    double features[WIDE] = {0};
    features[17] = NAN;
    features[4] = INFINITY;
    const question q = one_query(wide, features, WIDE);
    refuse_question("two bad values", &q, ASK_ALL, MLSEL_ERROR_NOT_FINITE, 4,
                    "feature 4 is infinite: every value must be a number");
}

/* Everything that float holds is a number, whatever it does to the sums. */
static void extreme_values(void **state) {
    (void)state;
    static const double extremes[] = {(double)FLT_MAX, -(double)FLT_MAX, 1e-45, 0.0, -0.0};
    const struct {
        const mlsel_model *model;
        size_t n;
    } models[] = {{wide, WIDE}, {knn, 3}, {kmeans, 2}, {svm, 2}, {svm_linear, 2}, {mlp, 3}};
    for (size_t i = 0; i < LENGTH(models); i++)
        for (size_t j = 0; j < LENGTH(extremes); j++) {
            double features[WIDE], scores[8];
            mlsel_error err;
            for (size_t f = 0; f < models[i].n; f++)
                features[f] = extremes[j];
            const question q = one_query(models[i].model, features, models[i].n);
            const int32_t label = accept_question("extremes", &q, ASK_ALL);
            const size_t n_labels = mlsel_model_label_count(models[i].model);
            assert_in_range(label, 0, n_labels - 1);
            test_ok(mlsel_score_f64(models[i].model, features, models[i].n, NULL, scores, n_labels, &err), &err);
            for (size_t l = 0; l < n_labels; l++)
                assert_true(isfinite(scores[l]) || (isinf(scores[l]) && scores[l] < 0));
        }
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

/* One bad query anywhere fails the whole call; more queries than any chunk that is worked on at once. */
static void bad_query_in_a_batch(void **state) {
    (void)state;
    enum { COUNT = 200, STRIDE = WIDE + 3 };
    static double features[COUNT * STRIDE];
    static const size_t bad[] = {0, 1, 63, 64, 127, 128, 199};
    for (size_t i = 0; i < COUNT * STRIDE; i++)
        features[i] = i % STRIDE < WIDE ? 1 : NAN; /* what lies between two queries is nobody's business */
    question q = {wide, features, (COUNT - 1) * STRIDE + WIDE, COUNT, STRIDE, WIDE, NULL};
    accept_question("good batch", &q, ASK_F32 | ASK_F64 | ASK_BATCH);
    for (size_t i = 0; i < LENGTH(bad); i++) {
        char message[128];
        features[bad[i] * STRIDE + 5] = NAN;
        (void)snprintf(message, sizeof message, "query %zu: feature 5 is NaN: every value must be a number", bad[i]);
        refuse_question("bad query", &q, ASK_F32 | ASK_F64 | ASK_BATCH, MLSEL_ERROR_NOT_FINITE, 5, message);
        features[bad[i] * STRIDE + 5] = 1;
    }
    features[150 * STRIDE + 2] = INFINITY;
    features[20 * STRIDE + 9] = 1e300;
    refuse_question("two bad queries", &q, ASK_F64 | ASK_BATCH, MLSEL_ERROR_NOT_FINITE, 9,
                    "query 20: feature 9 is beyond the range of float32: every value must be a number");
    features[150 * STRIDE + 2] = features[20 * STRIDE + 9] = 1;
}

static void strides(void **state) {
    (void)state;
    const double features[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const int batch = ASK_F32 | ASK_F64 | ASK_BATCH;
    question q = {knn, features, 9, 3, 2, 3, NULL};
    refuse_question("short stride", &q, batch, MLSEL_ERROR_INVALID_ARGUMENT, 0,
                    "stride 2 is less than the 3 features of a query");
    q.stride = 0;
    refuse_question("no stride", &q, batch, MLSEL_ERROR_INVALID_ARGUMENT, 0,
                    "stride 0 is less than the 3 features of a query");
    q.count = 1;
    refuse_question("no stride for one query", &q, batch, MLSEL_ERROR_INVALID_ARGUMENT, 0,
                    "stride 0 is less than the 3 features of a query");
    q.count = 3;
    q.stride = 3;
    accept_question("exact stride", &q, batch);

    /* sizes in bytes that do not fit into memory must not wrap around to small ones */
    static const struct {
        size_t count, stride;
    } absurd[] = {{SIZE_MAX, 3},     {SIZE_MAX / 8 / 3 + 1, 3},    {2, SIZE_MAX},
                  {2, SIZE_MAX / 8}, {SIZE_MAX / 2, SIZE_MAX / 2}, {(size_t)1 << 32, (size_t)1 << 31}};
    for (size_t i = 0; i < LENGTH(absurd); i++) {
        char message[256];
        q.count = absurd[i].count;
        q.stride = absurd[i].stride;
        (void)snprintf(message, sizeof message, "%zu queries of stride %zu exceed the address space", q.count,
                       q.stride);
        mlsel_selection selection;
        mlsel_error err = test_unset_error();
        test_fill(&selection, sizeof selection);
        assert_int_equal(mlsel_select_batch_f64(knn, features, q.count, q.stride, 3, NULL, &selection, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        test_untouched(&selection, sizeof selection, message);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, "select_batch_f64");
    }
}

static void score_strides(void **state) {
    (void)state;
    const double features[6] = {1, 0, 0, 0, 1, 0};
    double scores[4];
    mlsel_error err;
    test_fill(scores, sizeof scores);
    for (size_t stride = 0; stride < 2; stride++) {
        char message[128];
        (void)snprintf(message, sizeof message, "score_stride %zu is less than the 2 labels", stride);
        assert_int_equal(mlsel_score_batch_f64(knn, features, 2, 3, 3, NULL, scores, stride, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, "score_stride");
    }
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX / 8, SIZE_MAX / 8 / 2 + 1};
    for (size_t i = 0; i < LENGTH(absurd); i++) {
        char message[128];
        (void)snprintf(message, sizeof message, "2 rows of score_stride %zu exceed the address space", absurd[i]);
        assert_int_equal(mlsel_score_batch_f64(knn, features, 2, 3, 3, NULL, scores, absurd[i], &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, "score_stride");
    }
    test_untouched(scores, sizeof scores, "score_stride");
    test_ok(mlsel_score_batch_f64(knn, features, 2, 3, 3, NULL, scores, 2, &err), &err);
}

static void n_scores(void **state) {
    (void)state;
    const float f32[3] = {1, 0, 0};
    const double f64[3] = {1, 0, 0};
    double scores[4];
    mlsel_error err;
    static const size_t wrong[] = {0, 1, 3, SIZE_MAX};
    test_fill(scores, sizeof scores);
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        char message[128];
        (void)snprintf(message, sizeof message, "n_scores is %zu, expected 2 as there are labels", wrong[i]);
        assert_int_equal(mlsel_score(knn, f32, 3, NULL, scores, wrong[i], &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, "mlsel_score");
        assert_int_equal(mlsel_score_f64(knn, f64, 3, NULL, scores, wrong[i], &err), MLSEL_ERROR_INVALID_ARGUMENT);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, "mlsel_score_f64");
    }
    test_untouched(scores, sizeof scores, "n_scores");
}

/* Nothing is asked, nothing is read or written; NULL is good enough for what nobody looks at. */
static void no_queries(void **state) {
    (void)state;
    mlsel_error err = test_unset_error();
    mlsel_selection selection;
    double scores[2];
    test_fill(&selection, sizeof selection);
    test_fill(scores, sizeof scores);
    test_ok(mlsel_select_batch(knn, NULL, 0, 3, 3, NULL, &selection, &err), &err);
    test_no_error(&err, "no queries");
    test_ok(mlsel_select_batch_f64(knn, NULL, 0, 3, 3, NULL, NULL, &err), &err);
    test_ok(mlsel_score_batch(knn, NULL, 0, 3, 3, NULL, scores, 2, &err), &err);
    test_ok(mlsel_score_batch_f64(knn, NULL, 0, 3, 3, NULL, NULL, 2, &err), &err);
    test_untouched(&selection, sizeof selection, "no queries");
    test_untouched(scores, sizeof scores, "no queries");
}

/* --- eligibility ------------------------------------------------------------------------------------------------- */

static const char nobody[] = "none of the eligible labels can be chosen: the artifact has no data for them";

/* Refused by every call that takes options, mlsel_probabilities included. */
static void refuse_options(const char *name, const mlsel_model *model, size_t n_features,
                           const mlsel_query_options *options, mlsel_status status, const char *message) {
    double features[WIDE] = {0}, scores[8] = {0}, out[8];
    question q = one_query(model, features, n_features);
    mlsel_error err;
    q.options = options;
    refuse_question(name, &q, ASK_ALL, status, 0, message);
    test_fill(out, sizeof out);
    assert_int_equal(mlsel_probabilities(model, scores, mlsel_model_label_count(model), options, out, &err), status);
    test_error(&err, status, 0, message, "mlsel_probabilities");
    test_untouched(out, sizeof out, "mlsel_probabilities");
}

static mlsel_query_options list_of(const int32_t *labels, size_t n) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = labels;
    options.n_eligible = n;
    return options;
}

static mlsel_query_options mask_of(const uint8_t *mask, size_t size) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = mask;
    options.eligible_mask_size = size;
    return options;
}

static void bad_lists(void **state) {
    (void)state;
    static const int32_t bad[] = {2, -1, 3, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        const int32_t labels[3] = {0, 1, bad[i]};
        char message[128];
        const mlsel_query_options options = list_of(labels, 3);
        (void)snprintf(message, sizeof message, "eligible[2]: there is no label %d, only 0 to 1", (int)bad[i]);
        refuse_options("bad label", knn, 3, &options, MLSEL_ERROR_INVALID_ARGUMENT, message);
    }
    mlsel_query_options options = list_of(NULL, 2);
    refuse_options("no list", knn, 3, &options, MLSEL_ERROR_INVALID_ARGUMENT, "eligible is NULL but n_eligible is 2");
    static const int32_t unused = 0;
    options = list_of(&unused, 0);
    static const char empty[] = "no label is eligible: the list is empty";
    refuse_options("empty list", knn, 3, &options, MLSEL_ERROR_NO_CANDIDATE, empty);
    refuse_options("empty list", mlp, 3, &options, MLSEL_ERROR_NO_CANDIDATE, empty);
    mlsel_query_options_init(&options, sizeof options);
    options.reserved = 1;
    refuse_options("reserved field", knn, 3, &options, MLSEL_ERROR_INVALID_ARGUMENT,
                   "mlsel_query_options: reserved must be 0");
}

static void bad_masks(void **state) {
    (void)state;
    const mlsel_query_options no_mask = mask_of(NULL, 2);
    refuse_options("no mask", knn, 3, &no_mask, MLSEL_ERROR_INVALID_ARGUMENT,
                   "eligible_mask is NULL but eligible_mask_size is 2");
    static const uint8_t mask[3] = {1, 1, 1}, none[2] = {0, 0};
    static const size_t wrong[] = {0, 1, 3, SIZE_MAX};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        char message[128];
        const mlsel_query_options options = mask_of(mask, wrong[i]);
        (void)snprintf(message, sizeof message, "eligible_mask has %zu entries, expected 2", wrong[i]);
        refuse_options("mask size", knn, 3, &options, MLSEL_ERROR_INVALID_ARGUMENT, message);
    }
    mlsel_query_options options = mask_of(none, 2);
    refuse_options("empty mask", knn, 3, &options, MLSEL_ERROR_NO_CANDIDATE, nobody);
    static const int32_t first = 0;
    options = mask_of(mask, 2);
    options.eligible = &first;
    options.n_eligible = 1;
    refuse_options("mask and list", knn, 3, &options, MLSEL_ERROR_INVALID_ARGUMENT,
                   "give eligible_mask or eligible, not both");
}

/* Labels that the artifact names and can never choose. */
static void never_chosen(void **state) {
    (void)state;
    char *text = test_replace(base_knn, "[\"b\",\"a\"]", "[\"x\",\"b\",\"y\",\"a\"]");
    mlsel_model *more_names = test_load_text(text, NULL);
    free(text);
    text = test_replace(base_svm, "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"c\",\"d\"]");
    mlsel_model *more_classes = test_load_text(text, NULL);
    free(text);
    const struct {
        mlsel_model *model;
        size_t n_features;
        const char *never, *ever;
    } cases[] = {
        {more_names, 3, "y", "a"}, {kmeans, 2, "c", "b"}, {more_classes, 2, "d", "c"}, {svm_linear, 2, "c", "b"}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const int32_t label = mlsel_model_find_label(cases[i].model, cases[i].never);
        assert_true(label >= 0);
        mlsel_query_options options = list_of(&label, 1);
        refuse_options("never chosen", cases[i].model, cases[i].n_features, &options, MLSEL_ERROR_NO_CANDIDATE, nobody);
        const int32_t both[] = {label, mlsel_model_find_label(cases[i].model, cases[i].ever), label};
        const double features[WIDE] = {0};
        question q = one_query(cases[i].model, features, cases[i].n_features);
        options = list_of(both, 3);
        q.options = &options;
        assert_int_equal(accept_question("never and ever chosen", &q, ASK_ALL), both[1]);
    }
    mlsel_model_release(more_names);
    mlsel_model_release(more_classes);
}

/* --- probabilities ----------------------------------------------------------------------------------------------- */

static void refuse_scores(const mlsel_model *model, const double *scores, size_t n, mlsel_status status,
                          uint64_t detail, const char *message) {
    double out[8];
    mlsel_error err = test_unset_error();
    double *own = test_copy(scores, n * sizeof *scores);
    test_fill(out, sizeof out);
    assert_int_equal(mlsel_probabilities(model, own, n, NULL, out, &err), status);
    test_untouched(out, sizeof out, message);
    test_error(&err, status, detail, message, "mlsel_probabilities");
    assert_int_equal(mlsel_probabilities(model, own, n, NULL, own, NULL), status);
    assert_memory_equal(own, scores, n * sizeof *scores); /* in place too */
    free(own);
}

static void bad_scores(void **state) {
    (void)state;
    refuse_scores(mlp, (double[]){1, NAN}, 2, MLSEL_ERROR_NOT_FINITE, 1, "scores[1] is not a number");
    refuse_scores(mlp, (double[]){INFINITY, 1}, 2, MLSEL_ERROR_NOT_FINITE, 0, "scores[0] is not a number");
    refuse_scores(mlp, (double[]){-INFINITY, -INFINITY}, 2, MLSEL_ERROR_NO_CANDIDATE, 0,
                  "none of the eligible labels has a score");
    refuse_scores(knn, (double[]){0.5, -0.5}, 2, MLSEL_ERROR_INVALID_ARGUMENT, 0,
                  "scores[1] is negative, which votes never are");
    refuse_scores(mlp, (double[]){1, 2, 3}, 3, MLSEL_ERROR_INVALID_ARGUMENT, 0, "n_labels is 3, expected 2");
    refuse_scores(mlp, (double[]){1}, 1, MLSEL_ERROR_INVALID_ARGUMENT, 0, "n_labels is 1, expected 2");
    static const uint8_t first[2] = {1, 0};
    const mlsel_query_options options = mask_of(first, 2);
    double out[2];
    mlsel_error err;
    assert_int_equal(mlsel_probabilities(mlp, (double[]){-INFINITY, 1}, 2, &options, out, &err),
                     MLSEL_ERROR_NO_CANDIDATE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),         cmocka_unit_test(full_width),     cmocka_unit_test(values),
        cmocka_unit_test(two_bad_values), cmocka_unit_test(extreme_values), cmocka_unit_test(bad_query_in_a_batch),
        cmocka_unit_test(strides),        cmocka_unit_test(score_strides),  cmocka_unit_test(n_scores),
        cmocka_unit_test(no_queries),     cmocka_unit_test(bad_lists),      cmocka_unit_test(bad_masks),
        cmocka_unit_test(never_chosen),   cmocka_unit_test(bad_scores),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
