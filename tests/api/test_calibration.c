/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts with a calibration: confidences against arithmetic on paper, in every call that gives them; what is refused
 * and with which words; that nothing is lost in either format; what is not calibrated says so.
 *
 * The query [1, 0.5] is nearest to cluster 0 of base_kmeans_v2, whose scores are 0.5, 0.25, 0; [0, 0] to cluster 1 with
 * 0.1, 0.2, 0.3.
 */
#include "container_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* a rises from 0.2 to 0.8 between 0.4 and 0.6; b has a step at 0.25; nothing of c */
#define ISOTONIC                                                                                                       \
    "\"calibration\":{\"method\":\"isotonic\",\"models\":[\"b\",\"a\",\"nobody\"],"                                    \
    "\"scores\":[[0.25,0.25,0.5,0.5],[0,0.4,0.6,1],[0,0,0,0]],"                                                        \
    "\"probabilities\":[[0.1,0.3,0.6,0.7],[0.1,0.2,0.8,0.9],[0,0,0,0]],\"records\":120}"
#define PLATT                                                                                                          \
    "\"calibration\":{\"method\":\"platt\",\"models\":[\"a\",\"b\",\"c\"],\"slope\":[2,0,4],"                          \
    "\"intercept\":[-1,0.5,1],\"records\":7}"

static const float first[] = {1, 0.5F}, second[] = {0, 0};
static const double first_f64[] = {1, 0.5};

/* A document with a member more. */
static char *with(const char *base, const char *member) {
    const size_t size = strlen(base) + strlen(member) + 2;
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "{%s,%s", member, base + 1);
    return text;
}

static mlsel_model *load_with(const char *base, const char *member) {
    char *text = with(base, member);
    mlsel_model *model = test_load_text(text, NULL);
    free(text);
    return model;
}

static mlsel_model_info info_of(const mlsel_model *model) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    return info;
}

static double logistic(double z) { return 1 / (1 + exp(-z)); }

/* --- values ------------------------------------------------------------------------------------------------------ */

static void check_confidences(const mlsel_model *model, const double *scores, const double *expected) {
    double out[3], in_place[3];
    mlsel_error err = test_unset_error();
    memcpy(in_place, scores, sizeof in_place);
    test_ok(mlsel_confidences(model, scores, 3, out, &err), &err);
    test_no_error(&err, "confidences");
    test_ok(mlsel_confidences(model, in_place, 3, in_place, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        assert_true(isnan(out[i]) == isnan(expected[i]) && isnan(in_place[i]) == isnan(expected[i]));
        if (isnan(expected[i]))
            continue;
        test_close(out[i], expected[i], 1e-15, "confidence");
        assert_memory_equal(&in_place[i], &out[i], sizeof *out);
    }
}

static void isotonic_values(void **state) {
    (void)state;
    static const struct {
        double scores[3];
        double expected[3];
    } cases[] = {
        {{0.5, 0.25, 0}, {0.5, 0.3, NAN}},  {{0.1, 0.2, 0.3}, {0.125, 0.1, NAN}},
        {{-7, 0.375, 0}, {0.1, 0.45, NAN}}, {{2, 0.5, 0}, {0.9, 0.7, NAN}},
        {{0.4, 0.75, 0}, {0.2, 0.7, NAN}},  {{-INFINITY, -INFINITY, -INFINITY}, {0, 0, NAN}},
    };
    mlsel_model *model = load_with(base_kmeans_v2, ISOTONIC);
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_confidences(model, cases[i].scores, cases[i].expected);
    assert_int_equal(info_of(model).is_calibrated, 1);
    assert_int_equal(info_of(model).calibration_records, 120);
    mlsel_model_release(model);
}

static void platt_values(void **state) {
    (void)state;
    static const double zero[] = {0.5, 0, -0.25}, far[] = {-1e30, 1e30, 1e30}, none[] = {-INFINITY, 1, -INFINITY};
    const double at_zero[] = {0.5, logistic(0.5), 0.5}, at_far[] = {0, logistic(0.5), 1},
                 at_none[] = {0, logistic(0.5), 0};
    mlsel_model *model = load_with(base_kmeans_v2, PLATT);
    check_confidences(model, zero, at_zero);
    check_confidences(model, far, at_far);
    check_confidences(model, none, at_none);
    assert_int_equal(info_of(model).is_calibrated, 2);
    assert_int_equal(info_of(model).calibration_records, 7);
    mlsel_model_release(model);
}

/* Between any two scores the confidence never falls, also where knots are next to each other. */
static void monotone(void **state) {
    (void)state;
    static const char tight[] = "\"calibration\":{\"method\":\"isotonic\",\"models\":[\"a\"],"
                                "\"scores\":[[0.1,0.10000000000000002,0.1000000000000001,0.3]],"
                                "\"probabilities\":[[0.1,0.3,0.30000000000000004,0.7]]}";
    mlsel_model *model = load_with(base_kmeans_v2, tight);
    double scores[3] = {0}, out[3], before = 0;
    mlsel_error err;
    for (double x = 0.0999999999999999; x < 0.1000000000000003; x = nextafter(x, 1)) {
        scores[0] = x;
        test_ok(mlsel_confidences(model, scores, 3, out, &err), &err);
        assert_true(out[0] >= before);
        before = out[0];
    }
    assert_true(before > 0.3 && before < 0.7);
    mlsel_model_release(model);
}

/* --- where they are given ---------------------------------------------------------------------------------------- */

static void expect_selection(const mlsel_selection *s, int32_t index, bool is_known, double confidence) {
    assert_int_equal(s->index, index);
    assert_int_equal((s->flags & MLSEL_SELECTION_CALIBRATED) != 0, is_known);
    test_close(s->confidence, confidence, 1e-15, "confidence of the selection");
    assert_true(s->reserved[0] == 0 && s->reserved[1] == 0);
}

static void selections(void **state) {
    (void)state;
    static const float both[] = {1, 0.5F, 0, 0};
    static const double both_f64[] = {1, 0.5, 0, 0};
    mlsel_model *model = load_with(base_kmeans_v2, ISOTONIC);
    mlsel_selection s[2];
    mlsel_error err;
    test_ok(mlsel_select(model, first, 2, NULL, &s[0], &err), &err);
    expect_selection(&s[0], 0, true, 0.5);
    test_ok(mlsel_select_f64(model, first_f64, 2, NULL, &s[0], &err), &err);
    expect_selection(&s[0], 0, true, 0.5);
    test_ok(mlsel_select_batch(model, both, 2, 2, 2, NULL, s, &err), &err);
    expect_selection(&s[0], 0, true, 0.5);
    expect_selection(&s[1], 2, false, 0); /* c is the best, and not in the calibration */
    test_ok(mlsel_select_batch_f64(model, both_f64, 2, 2, 2, NULL, s, &err), &err);
    expect_selection(&s[0], 0, true, 0.5);
    expect_selection(&s[1], 2, false, 0);
    static const uint8_t mask[] = {1, 1, 0};
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = mask;
    options.eligible_mask_size = 3;
    test_ok(mlsel_select(model, second, 2, &options, &s[0], &err), &err);
    expect_selection(&s[0], 1, true, 0.1); /* b scores 0.2, below its first knot */
    mlsel_model_release(model);
}

static void evidence(void **state) {
    (void)state;
    mlsel_model *model = load_with(base_kmeans_v2, ISOTONIC);
    double confidences[3];
    mlsel_evidence e;
    mlsel_error err;
    mlsel_evidence_init(&e, sizeof e);
    e.confidences = confidences;
    e.confidences_capacity = 2;
    assert_int_equal(mlsel_explain(model, first, 2, NULL, &e, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "confidences_capacity is 2, 3 are needed");
    e.confidences_capacity = 3;
    test_ok(mlsel_explain(model, first, 2, NULL, &e, &err), &err);
    assert_int_equal(e.confidence_count, 3);
    test_close(confidences[0], 0.5, 1e-15, "a");
    test_close(confidences[1], 0.3, 1e-15, "b");
    assert_true(isnan(confidences[2]));
    expect_selection(&e.selection, 0, true, 0.5);
    /* a caller of before */
    e.struct_size = offsetof(mlsel_evidence, confidences);
    e.confidence_count = 77;
    test_ok(mlsel_explain(model, first, 2, NULL, &e, &err), &err);
    assert_int_equal(e.confidence_count, 77);
    mlsel_model_release(model);
    /* without a calibration nothing is written */
    model = test_load_text(base_kmeans_v2, NULL);
    mlsel_evidence_init(&e, sizeof e);
    confidences[0] = 5;
    e.confidences = confidences;
    e.confidences_capacity = 0;
    test_ok(mlsel_explain(model, first, 2, NULL, &e, &err), &err);
    assert_true(e.confidence_count == 0 && confidences[0] > 4);
    expect_selection(&e.selection, 0, false, 0);
    mlsel_model_release(model);
}

/* A trade-off's utilities are not what was calibrated. */
static void tradeoff(void **state) {
    (void)state;
    static const char member[] = "\"calibration\":{\"method\":\"platt\",\"models\":[\"a\",\"b\"],\"slope\":[1,1],"
                                 "\"intercept\":[0,0]}";
    static const float query[] = {1, 0, 0.5F};
    mlsel_model *model = load_with(base_knn, member);
    mlsel_query_options options;
    mlsel_tradeoff weights;
    mlsel_selection s;
    mlsel_evidence e;
    double confidences[2] = {5, 5};
    mlsel_error err;
    mlsel_query_options_init(&options, sizeof options);
    mlsel_tradeoff_init(&weights, sizeof weights);
    weights.quality_weight = 1;
    test_ok(mlsel_select(model, query, 3, &options, &s, &err), &err);
    assert_true((s.flags & MLSEL_SELECTION_CALIBRATED) != 0);
    test_close(s.confidence, logistic(s.score), 1e-15, "vote");
    options.tradeoff = &weights;
    test_ok(mlsel_select(model, query, 3, &options, &s, &err), &err);
    assert_true((s.flags & MLSEL_SELECTION_TRADEOFF) != 0);
    expect_selection(&s, s.index, false, 0);
    mlsel_evidence_init(&e, sizeof e);
    e.confidences = confidences;
    e.confidences_capacity = 2;
    test_ok(mlsel_explain(model, query, 3, &options, &e, &err), &err);
    assert_true(e.confidence_count == 0 && confidences[0] > 4);
    mlsel_model_release(model);
}

/* --- every kind, both formats ------------------------------------------------------------------------------------ */

static const char *save(const mlsel_model *model, const char *name) {
    mlsel_save_options options;
    mlsel_error err;
    const char *path = test_path(name);
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    test_ok(mlsel_model_save(model, path, &options, &err), &err);
    return path;
}

static void same_confidences(const mlsel_model *a, const mlsel_model *b) {
    enum { MOST = 3, STEPS = 41 };
    double scores[MOST], x[MOST], y[MOST];
    mlsel_error err;
    const size_t n = mlsel_model_label_count(a);
    assert_true(n <= MOST);
    assert_int_equal(mlsel_model_label_count(b), n);
    assert_int_equal(info_of(a).is_calibrated, info_of(b).is_calibrated);
    assert_int_equal(info_of(a).calibration_records, info_of(b).calibration_records);
    assert_int_equal(info_of(a).n_parameters, info_of(b).n_parameters);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < n; i++)
            scores[i] = -0.25 + 0.05 * step + 0.01 * (double)i;
        test_ok(mlsel_confidences(a, scores, n, x, &err), &err);
        test_ok(mlsel_confidences(b, scores, n, y, &err), &err);
        assert_memory_equal(x, y, n * sizeof *x);
    }
}

static void round_trip(const char *base, const char *member) {
    mlsel_model *plain = test_load_text(base, NULL), *model = load_with(base, member);
    assert_int_equal(info_of(plain).is_calibrated, 0);
    assert_int_equal(info_of(plain).n_parameters, info_of(model).n_parameters);
    mlsel_model *json = test_load(save(model, "a.json"), NULL);
    mlsel_model *container = test_load(save(model, "a.safetensors"), NULL);
    mlsel_model *back = test_load(save(container, "b.json"), NULL);
    mlsel_model *again = test_load(save(json, "b.safetensors"), NULL);
    same_confidences(model, json);
    same_confidences(model, container);
    same_confidences(model, back);
    same_confidences(model, again);
    size_t sizes[2];
    char *texts[] = {test_need_file(test_path("a.json"), &sizes[0]), test_need_file(test_path("b.json"), &sizes[1])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(texts[0], texts[1], sizes[0]);
    assert_non_null(strstr(texts[0], "\"nobody\"")); /* what no label has is kept too */
    free(texts[0]), free(texts[1]);
    mlsel_model *const all[] = {plain, model, json, container, back, again};
    for (size_t i = 0; i < LENGTH(all); i++)
        mlsel_model_release(all[i]);
}

static void round_trips(void **state) {
    (void)state;
    static const char platt[] = "\"calibration\":{\"method\":\"platt\",\"models\":[\"nobody\",\"b\",\"a\"],"
                                "\"slope\":[0,1.5,0.30000000000000004],\"intercept\":[0,-0.1,1e-300],\"note\":\"x\"}";
    for (size_t i = 0; i < n_bases; i++) {
        round_trip(bases[i], ISOTONIC);
        round_trip(bases[i], platt);
    }
}

/* Two calibrations of one selector are two contents; null is none. */
static void contents(void **state) {
    (void)state;
    mlsel_model *a = load_with(base_kmeans_v2, ISOTONIC), *b = load_with(base_kmeans_v2, ISOTONIC);
    mlsel_model *c = load_with(base_kmeans_v2, PLATT), *none = load_with(base_kmeans_v2, "\"calibration\":null");
    assert_string_equal(info_of(a).content_hash, info_of(b).content_hash);
    assert_string_not_equal(info_of(a).content_hash, info_of(c).content_hash);
    assert_int_equal(info_of(none).is_calibrated, 0);
    mlsel_model_release(a), mlsel_model_release(b), mlsel_model_release(c), mlsel_model_release(none);
}

/* --- refusals ---------------------------------------------------------------------------------------------------- */

static void bad_calls(void **state) {
    (void)state;
    mlsel_model *plain = test_load_text(base_kmeans_v2, NULL), *model = load_with(base_kmeans_v2, ISOTONIC);
    double scores[3] = {0, NAN, 0}, out[3];
    mlsel_error err;
    test_fill(out, sizeof out);
    assert_int_equal(mlsel_confidences(plain, scores, 3, out, &err), MLSEL_ERROR_UNSUPPORTED);
    test_error(&err, MLSEL_ERROR_UNSUPPORTED, 0,
               "the artifact has no calibration: `mlsel calibrate` adds one, and so does training", "plain");
    assert_int_equal(mlsel_confidences(model, scores, 3, out, &err), MLSEL_ERROR_NOT_FINITE);
    test_error(&err, MLSEL_ERROR_NOT_FINITE, 1, "scores[1] is not a number", "NaN");
    scores[1] = INFINITY;
    assert_int_equal(mlsel_confidences(model, scores, 3, out, NULL), MLSEL_ERROR_NOT_FINITE);
    assert_int_equal(mlsel_confidences(model, scores, 2, out, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, "n_labels is 2, expected 3", "n_labels");
    assert_int_equal(mlsel_confidences(NULL, scores, 3, out, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_confidences(model, NULL, 3, out, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_confidences(model, scores, 3, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, "model, scores and out must not be NULL", "NULL");
    test_untouched(out, sizeof out, "out");
    mlsel_model_release(plain), mlsel_model_release(model);
}

static const struct {
    const char *name, *base, *from, *to;
    mlsel_status status;
    const char *message;
} bad[] = {
    {"no object", "\"calibration\":[1]", "[1]", "[1,2]", MLSEL_ERROR_SCHEMA, "$.calibration must be an object"},
    {"no method", ISOTONIC, "\"method\":\"isotonic\",", "", MLSEL_ERROR_SCHEMA, "$.calibration.method is missing"},
    {"method", ISOTONIC, "\"isotonic\"", "\"beta\"", MLSEL_ERROR_UNSUPPORTED,
     "$.calibration.method: \"beta\" is not supported, expected isotonic or platt"},
    {"method a number", ISOTONIC, "\"isotonic\"", "1", MLSEL_ERROR_SCHEMA, "$.calibration.method must be a string"},
    {"no models", ISOTONIC, "\"models\":[\"b\",\"a\",\"nobody\"],", "", MLSEL_ERROR_SCHEMA,
     "$.calibration.models is missing"},
    {"models empty", ISOTONIC, "[\"b\",\"a\",\"nobody\"]", "[]", MLSEL_ERROR_SCHEMA, "$.calibration.models is empty"},
    {"models twice", ISOTONIC, "\"nobody\"", "\"b\"", MLSEL_ERROR_SCHEMA,
     "$.calibration.models[2]: \"b\" is listed twice"},
    {"models numbers", ISOTONIC, "[\"b\",\"a\",\"nobody\"]", "[1,2,3]", MLSEL_ERROR_SCHEMA,
     "$.calibration.models must be a list of names"},
    {"records", ISOTONIC, "120", "-1", MLSEL_ERROR_SCHEMA,
     "$.calibration.records: -1, expected a whole number of at least 0"},
    {"records a fraction", ISOTONIC, "120", "0.5", MLSEL_ERROR_SCHEMA,
     "$.calibration.records: 0.5, expected a whole number of at least 0"},
    {"no scores", ISOTONIC, "\"scores\":[[0.25,0.25,0.5,0.5],[0,0.4,0.6,1],[0,0,0,0]],", "", MLSEL_ERROR_SCHEMA,
     "$.calibration.scores is missing"},
    {"scores empty", ISOTONIC, "\"scores\":[[0.25,0.25,0.5,0.5],[0,0.4,0.6,1],[0,0,0,0]],", "\"scores\":[],",
     MLSEL_ERROR_SCHEMA, "$.calibration.scores: 0 rows, expected 3"},
    {"scores flat", ISOTONIC, "\"scores\":[[0.25,0.25,0.5,0.5],[0,0.4,0.6,1],[0,0,0,0]],", "\"scores\":[1,2,3],",
     MLSEL_ERROR_SCHEMA, "$.calibration.scores must be a list of rows of numbers"},
    {"scores short", ISOTONIC, "[0,0.4,0.6,1]", "[0,0.4,0.6]", MLSEL_ERROR_SCHEMA,
     "$.calibration.scores[1]: 3 values, expected 4 as in the first row"},
    {"scores fall", ISOTONIC, "[0,0.4,0.6,1]", "[0,0.4,0.6,0.5]", MLSEL_ERROR_SCHEMA,
     "$.calibration.scores[1][3] is less than the value before it"},
    {"score too large", ISOTONIC, "[0,0.4,0.6,1]", "[0,0.4,0.6,1e39]", MLSEL_ERROR_SCHEMA,
     "$.calibration.scores[1][3] is beyond the range of float32"},
    {"no probabilities", ISOTONIC, "\"probabilities\":[[0.1,0.3,0.6,0.7],[0.1,0.2,0.8,0.9],[0,0,0,0]],", "",
     MLSEL_ERROR_SCHEMA, "$.calibration.probabilities is missing"},
    {"probabilities rows", ISOTONIC, "[0.1,0.2,0.8,0.9],", "", MLSEL_ERROR_SCHEMA,
     "$.calibration.probabilities: 2 rows, expected 3"},
    {"probabilities columns", ISOTONIC, "[[0.1,0.3,0.6,0.7],[0.1,0.2,0.8,0.9],[0,0,0,0]]", "[[0,1],[0,1],[0,0]]",
     MLSEL_ERROR_SCHEMA, "$.calibration.probabilities[0]: 2 values, expected 4"},
    {"probabilities fall", ISOTONIC, "[0.1,0.2,0.8,0.9]", "[0.1,0.2,0.1,0.9]", MLSEL_ERROR_SCHEMA,
     "$.calibration.probabilities[1][2] is less than the value before it"},
    {"probability above 1", ISOTONIC, "[0.1,0.2,0.8,0.9]", "[0.1,0.2,0.8,1.5]", MLSEL_ERROR_SCHEMA,
     "$.calibration.probabilities[1][3] must be from 0 to 1"},
    {"probability below 0", ISOTONIC, "[0.1,0.2,0.8,0.9]", "[-0.1,0.2,0.8,1]", MLSEL_ERROR_SCHEMA,
     "$.calibration.probabilities[1][0] must be from 0 to 1"},
    {"no slope", PLATT, "\"slope\":[2,0,4],", "", MLSEL_ERROR_SCHEMA, "$.calibration.slope is missing"},
    {"slope short", PLATT, "[2,0,4]", "[2,0]", MLSEL_ERROR_SCHEMA, "$.calibration.slope: 2 values, expected 3"},
    {"slope negative", PLATT, "[2,0,4]", "[2,-0.5,4]", MLSEL_ERROR_SCHEMA,
     "$.calibration.slope[1] must not be negative: a higher score is never less probable"},
    {"slope text", PLATT, "[2,0,4]", "[2,\"0\",4]", MLSEL_ERROR_SCHEMA, "$.calibration.slope[1] must be a number"},
    {"no intercept", PLATT, "\"intercept\":[-1,0.5,1],", "", MLSEL_ERROR_SCHEMA, "$.calibration.intercept is missing"},
    {"intercept long", PLATT, "[-1,0.5,1]", "[-1,0.5,1,1]", MLSEL_ERROR_SCHEMA,
     "$.calibration.intercept: 4 values, expected 3"},
};

static void bad_artifacts(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        char *member = test_replace(bad[i].base, bad[i].from, bad[i].to);
        refuse_text(bad[i].name, with(base_mlp, member), bad[i].status, 0, bad[i].message);
        free(member);
    }
}

/* A container's arrays obey the same rules. */
static void bad_container(void **state) {
    (void)state;
    mlsel_model *model = load_with(base_svm, ISOTONIC);
    container_file c;
    mlsel_error err;
    size_t bytes, size;
    container_of_model(model, &c);
    double *values = container_tensor(&c, "calibration.probabilities", &bytes);
    assert_int_equal(bytes, 12 * sizeof *values);
    static const struct {
        size_t at;
        double value;
        const char *message;
    } cases[] = {{5, 0, "$.calibration.probabilities[1][1] is less than the value before it"},
                 {7, 1.5, "$.calibration.probabilities[1][3] must be from 0 to 1"},
                 {7, NAN, "$.calibration.probabilities[1][3] is beyond the range of float32"}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const double before = values[cases[i].at];
        values[cases[i].at] = cases[i].value;
        unsigned char *file = container_bytes(&c, &size);
        refuse_artifact("tensor", file, size, NULL, MLSEL_ERROR_SCHEMA, &err);
        assert_string_equal(err.message, cases[i].message);
        free(file);
        values[cases[i].at] = before;
    }
    container_free(&c);
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isotonic_values), cmocka_unit_test(platt_values),  cmocka_unit_test(monotone),
        cmocka_unit_test(selections),      cmocka_unit_test(evidence),      cmocka_unit_test(tradeoff),
        cmocka_unit_test(round_trips),     cmocka_unit_test(contents),      cmocka_unit_test(bad_calls),
        cmocka_unit_test(bad_artifacts),   cmocka_unit_test(bad_container),
    };
    return test_has_isa() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
