/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations against numpy and scipy (tests/fixtures/fixture_evaluation.py), by hand, and what is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlsel_train.h"
#include "support.h"

/* --- datasets and models ------------------------------------------------------------------------------------------ */

static double number_or_nan(const cJSON *row, const char *key) {
    const cJSON *value = test_need(row, key);
    return cJSON_IsNumber(value) ? value->valuedouble : (double)NAN;
}

static mlsel_dataset *new_dataset(void) {
    mlsel_dataset *dataset = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    return dataset;
}

static void add(mlsel_dataset *dataset, const mlsel_record *record) {
    mlsel_error err;
    test_ok(mlsel_dataset_add(dataset, record, &err), &err);
}

static mlsel_dataset *read_rows(const cJSON *rows) {
    mlsel_dataset *dataset = new_dataset();
    const cJSON *row;
    cJSON_ArrayForEach (row, rows) {
        mlsel_record record;
        size_t n;
        double *embedding = test_numbers(test_need(row, "embedding"), &n);
        float *values = test_to_floats(embedding, n);
        mlsel_record_init(&record, sizeof record);
        record.query = test_need_string(row, "query");
        record.model = test_need_string(row, "model");
        record.category = test_need_string(row, "category");
        record.task = test_need_string(row, "task");
        record.quality = number_or_nan(row, "quality");
        record.latency_s = number_or_nan(row, "latency_s");
        record.cost = number_or_nan(row, "cost");
        record.embedding = values;
        record.n_embedding = n;
        add(dataset, &record);
        free(embedding);
        free(values);
    }
    return dataset;
}

static mlsel_model *load_text(const char *text) {
    mlsel_model *model = NULL;
    mlsel_error err;
    test_ok(mlsel_model_load_memory(text, strlen(text), NULL, &model, &err), &err);
    return model;
}

static mlsel_model *load_json(const cJSON *artifact) {
    char *text = cJSON_PrintUnformatted(artifact);
    mlsel_model *model = load_text(text);
    free(text);
    return model;
}

/* --- the fixture -------------------------------------------------------------------------------------------------- */

static struct {
    cJSON *json;
    mlsel_dataset *records, *reference;
    mlsel_model *models[2];
    mlsel_contender contenders[2];
} fixture;

static int set_up(void **state) {
    (void)state;
    fixture.json = test_parse_file(FIXTURE("evaluation.json"));
    fixture.records = read_rows(test_need(fixture.json, "records"));
    fixture.reference = read_rows(test_need(fixture.json, "reference"));
    for (int i = 0; i < 2; i++) {
        static const char *const names[] = {"contender 0", "contender 1"};
        fixture.models[i] = load_json(cJSON_GetArrayItem(test_need(fixture.json, "artifacts"), i));
        fixture.contenders[i] = (mlsel_contender){names[i], fixture.models[i]};
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        mlsel_model_release(fixture.models[i]);
    mlsel_dataset_free(fixture.records);
    mlsel_dataset_free(fixture.reference);
    cJSON_Delete(fixture.json);
    return 0;
}

static mlsel_evaluation *evaluate_fixture(uint32_t threads, uint32_t resamples, uint64_t seed) {
    mlsel_evaluate_options options;
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    mlsel_evaluate_options_init(&options, sizeof options);
    options.threads = threads;
    options.resamples = resamples;
    options.seed = seed;
    options.reference = fixture.reference;
    options.quality_weight = test_need_number(fixture.json, "quality_weight");
    options.curve_points = (uint32_t)test_need_number(fixture.json, "curve_points");
    test_ok(mlsel_evaluate(fixture.records, fixture.contenders, 2, &options, &evaluation, &err), &err);
    return evaluation;
}

static mlsel_policy get(const mlsel_evaluation *evaluation, size_t index) {
    mlsel_policy policy;
    mlsel_error err;
    test_ok(mlsel_evaluation_get_policy(evaluation, index, &policy, sizeof policy, &err), &err);
    assert_int_equal(policy.struct_size, sizeof policy);
    return policy;
}

static void check_value(double got, const cJSON *expected, const char *key) {
    const cJSON *value = test_need(expected, key);
    char what[160];
    snprintf(what, sizeof what, "%s: %s", test_need_string(expected, "name"), key);
    if (cJSON_IsNull(value) ? !isnan(got) : isnan(got))
        fail_msg("%s is %g", what, got);
    if (!cJSON_IsNull(value))
        test_close(got, value->valuedouble, 1e-12, what);
}

/* numpy drew other samples: an end may differ by about a thirtieth of the interval's length. */
static void check_interval(double low, double high, const cJSON *expected, const char *key) {
    size_t n;
    double *ends = test_numbers(test_need(expected, key), &n);
    assert_int_equal(n, 2);
    const double tolerance = 0.04 * (ends[1] - ends[0]) + 1e-12;
    if (!(fabs(low - ends[0]) <= tolerance && fabs(high - ends[1]) <= tolerance))
        fail_msg("%s: %s is %g to %g, numpy has %g to %g", test_need_string(expected, "name"), key, low, high, ends[0],
                 ends[1]);
    free(ends);
}

static void check_p(double p, const cJSON *expected) {
    const cJSON *value = test_need(expected, "p_value");
    if (cJSON_IsNull(value)) {
        assert_true(isnan(p));
        return;
    }
    const double q = value->valuedouble;
    const double tolerance = cJSON_IsTrue(test_need(expected, "p_exact")) ? 1e-12 : 5 * sqrt(q * 1.2e-4) + 2e-4;
    if (!(fabs(p - q) <= tolerance))
        fail_msg("%s: p is %g, scipy has %g", test_need_string(expected, "name"), p, q);
}

static void check_curve(const mlsel_evaluation *evaluation, size_t index, const cJSON *expected) {
    size_t n;
    const mlsel_curve_point *curve = mlsel_evaluation_curve(evaluation, index, &n);
    const cJSON *points = cJSON_GetObjectItem(expected, "curve");
    if (points == NULL) {
        assert_true(curve == NULL && n == 0);
        return;
    }
    assert_int_equal(n, cJSON_GetArraySize(points));
    for (size_t i = 0; i < n; i++) {
        const cJSON *point = cJSON_GetArrayItem(points, (int)i);
        const double got[] = {curve[i].quality_weight, curve[i].quality, curve[i].latency_s, curve[i].cost};
        for (int k = 0; k < 4; k++)
            test_close(got[k], cJSON_GetArrayItem(point, k)->valuedouble, 1e-12, "point of a curve");
    }
}

static void check_bins(const mlsel_evaluation *evaluation, size_t index, const cJSON *expected) {
    size_t n;
    const mlsel_reliability *bins = mlsel_evaluation_reliability(evaluation, index, &n);
    const cJSON *points = cJSON_GetObjectItem(expected, "bins");
    if (points == NULL) {
        assert_true(bins == NULL && n == 0);
        return;
    }
    assert_int_equal(n, cJSON_GetArraySize(points));
    for (size_t i = 0; i < n; i++) {
        const cJSON *bin = cJSON_GetArrayItem(points, (int)i);
        test_close(bins[i].confidence, cJSON_GetArrayItem(bin, 0)->valuedouble, 1e-12, "confidence of a bin");
        test_close(bins[i].quality, cJSON_GetArrayItem(bin, 1)->valuedouble, 1e-12, "quality of a bin");
        assert_int_equal(bins[i].n, cJSON_GetArrayItem(bin, 2)->valueint);
    }
}

static void check_selections(const mlsel_evaluation *evaluation, size_t index, const cJSON *expected) {
    const uint64_t *counts = mlsel_evaluation_selections(evaluation, index);
    const uint64_t *by_category = mlsel_evaluation_category_selections(evaluation, index);
    const cJSON *list = test_need(expected, "selections");
    assert_non_null(counts);
    assert_non_null(by_category);
    for (int m = 0; m < 4 && !cJSON_IsNull(list); m++) {
        uint64_t sum = 0;
        assert_int_equal(counts[m], cJSON_GetArrayItem(list, m)->valueint);
        for (size_t c = 0; mlsel_evaluation_category(evaluation, c) != NULL; c++)
            sum += by_category[c * 4 + (size_t)m];
        assert_int_equal(sum, counts[m]);
    }
}

static void agrees_with_numpy(void **state) {
    (void)state;
    mlsel_evaluation *evaluation = evaluate_fixture(2, (uint32_t)test_need_number(fixture.json, "resamples"), 42);
    const cJSON *policies = test_need(fixture.json, "policies");
    const size_t n = mlsel_evaluation_policy_count(evaluation);
    assert_int_equal(n, cJSON_GetArraySize(policies));
    for (size_t i = 0; i < n; i++) {
        const mlsel_policy policy = get(evaluation, i);
        const cJSON *expected = cJSON_GetArrayItem(policies, (int)i);
        assert_string_equal(policy.name, test_need_string(expected, "name"));
        assert_string_equal(mlsel_policy_kind_name(policy.kind), test_need_string(expected, "kind"));
        assert_int_equal(policy.n, (int)test_need_number(expected, "n"));
        assert_int_equal(policy.n_latency, (int)test_need_number(expected, "n_latency"));
        assert_int_equal(policy.is_best_single, cJSON_IsTrue(test_need(expected, "is_best_single")));
        check_value(policy.quality, expected, "quality");
        check_value(policy.latency_s, expected, "latency_s");
        check_value(policy.cost, expected, "cost");
        check_value(policy.best_share, expected, "best_share");
        check_value(policy.regret, expected, "regret");
        check_value(policy.over_random, expected, "over_random");
        check_value(policy.over_best_single, expected, "over_best_single");
        check_value(policy.gap_closed, expected, "gap_closed");
        if (cJSON_GetObjectItem(expected, "area") != NULL)
            check_value(policy.area, expected, "area");
        if (cJSON_GetObjectItem(expected, "brier") != NULL) {
            check_value(policy.brier, expected, "brier");
            check_value(policy.calibration_error, expected, "calibration_error");
        }
        check_interval(policy.quality_low, policy.quality_high, expected, "quality_interval");
        check_interval(policy.gap_closed_low, policy.gap_closed_high, expected, "gap_interval");
        check_p(policy.p_value, expected);
        check_curve(evaluation, i, expected);
        check_bins(evaluation, i, expected);
        check_selections(evaluation, i, expected);
    }
    mlsel_evaluation_free(evaluation);
}

static void threads_change_nothing(void **state) {
    (void)state;
    mlsel_evaluation *one = evaluate_fixture(1, 500, 7), *five = evaluate_fixture(5, 500, 7),
                     *other = evaluate_fixture(1, 500, 8);
    int n_different = 0;
    for (size_t i = 0; i < mlsel_evaluation_policy_count(one); i++) {
        mlsel_policy a = get(one, i), b = get(five, i), c = get(other, i);
        assert_string_equal(a.name, b.name);
        n_different += a.quality_low < c.quality_low || a.quality_low > c.quality_low;
        a.name = b.name = NULL;
        assert_memory_equal(&a, &b, sizeof a);
    }
    assert_true(n_different > 5);
    mlsel_evaluation_free(one);
    mlsel_evaluation_free(five);
    mlsel_evaluation_free(other);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

/* Clusters at -1 and +1 on one axis. */
static const char two_sides[] =
    "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":2,\"centroids\":[[-1],[1]],"
    "\"cluster_models\":[\"a\",\"b\"],\"feature_dim\":1,\"categories\":[]}";

static void add_row(mlsel_dataset *dataset, const char *query, const char *model, float x, double quality) {
    mlsel_record record;
    mlsel_record_init(&record, sizeof record);
    record.query = query;
    record.model = model;
    record.quality = quality;
    record.embedding = &x;
    record.n_embedding = 1;
    add(dataset, &record);
}

/* Four queries, two models: a answers 1 1 0 0, b answers 0 0 1 1 and c is worse than both. */
static mlsel_dataset *four_queries(void) {
    mlsel_dataset *dataset = new_dataset();
    add_row(dataset, "q1", "a", -1, 1);
    add_row(dataset, "q1", "b", -1, 0);
    add_row(dataset, "q2", "a", -2, 1);
    add_row(dataset, "q2", "b", -2, 0.5);
    add_row(dataset, "q3", "a", 1, 0);
    add_row(dataset, "q3", "b", 1, 1);
    add_row(dataset, "q4", "a", -3, 0);
    add_row(dataset, "q4", "b", -3, 0.25);
    return dataset;
}

static mlsel_evaluation *evaluate(const mlsel_dataset *dataset, const mlsel_model *model) {
    const mlsel_contender contender = {NULL, model};
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    test_ok(mlsel_evaluate(dataset, &contender, 1, NULL, &evaluation, &err), &err);
    return evaluation;
}

/*
 * oracle 1 1 1 0.25, kmeans 1 1 1 0, a 1 1 0 0, b 0 0.5 1 0.25 (means 0.8125, 0.75, 0.5, 0.4375), random 0.46875. The
 * best single one is a. One difference that is not 0: p is 1. No latency, so regret is of quality alone.
 */
static void worked_by_hand(void **state) {
    (void)state;
    mlsel_dataset *dataset = four_queries();
    mlsel_model *model = load_text(two_sides);
    mlsel_evaluation *evaluation = evaluate(dataset, model);
    static const struct {
        mlsel_policy_kind kind;
        const char *name;
        double quality, best_share, regret, over_random, gap;
    } expected[] = {
        {MLSEL_POLICY_ORACLE, "oracle", 0.8125, 1, 0, 0.34375 / 0.46875, 1},
        {MLSEL_POLICY_SELECTOR, "kmeans", 0.75, 0.75, 0.0625, 0.28125 / 0.46875, 0.25 / 0.3125},
        {MLSEL_POLICY_CATEGORY, "best per category", 0.5, 0.5, 0.3125, 0.03125 / 0.46875, 0},
        {MLSEL_POLICY_ALWAYS, "a", 0.5, 0.5, 0.3125, 0.03125 / 0.46875, 0},
        {MLSEL_POLICY_ALWAYS, "b", 0.4375, 0.5, 0.375, -0.03125 / 0.46875, -0.0625 / 0.3125},
        {MLSEL_POLICY_RANDOM, "random", 0.46875, 0.5, 0.34375, 0, -0.03125 / 0.3125},
    };
    assert_int_equal(mlsel_evaluation_policy_count(evaluation), TEST_LENGTH(expected)); /* no tasks: none for them */
    for (size_t i = 0; i < TEST_LENGTH(expected); i++) {
        const mlsel_policy policy = get(evaluation, i);
        assert_int_equal(policy.kind, expected[i].kind);
        assert_string_equal(policy.name, expected[i].name);
        assert_int_equal(policy.n, 4);
        test_close(policy.quality, expected[i].quality, 1e-15, policy.name);
        test_close(policy.best_share, expected[i].best_share, 1e-15, policy.name);
        test_close(policy.regret, expected[i].regret, 1e-15, policy.name);
        test_close(policy.over_random, expected[i].over_random, 1e-14, policy.name);
        test_close(policy.gap_closed, expected[i].gap, 1e-14, policy.name);
        assert_true(isnan(policy.latency_s) && isnan(policy.cost) && isnan(policy.area) && isnan(policy.brier));
        assert_int_equal(policy.n_latency, 0);
        assert_null(mlsel_evaluation_curve(evaluation, i, NULL));
    }
    assert_int_equal(get(evaluation, 1).contender, 0);
    test_close(get(evaluation, 1).p_value, 1, 0, "one difference");
    assert_true(isnan(get(evaluation, 3).p_value));
    static const int32_t chosen[] = {0, 0, 1, 0};
    for (size_t q = 0; q < 4; q++)
        assert_int_equal(mlsel_evaluation_choice(evaluation, 1, q), chosen[q]);
    assert_int_equal(mlsel_evaluation_choice(evaluation, 5, 0), -1);
    assert_int_equal(mlsel_evaluation_choice(evaluation, 1, 4), -1);
    assert_int_equal(mlsel_evaluation_selections(evaluation, 1)[0], 3);
    assert_int_equal(mlsel_evaluation_selections(evaluation, 5)[1], 2);
    assert_string_equal(mlsel_evaluation_category(evaluation, 0), "other");
    assert_null(mlsel_evaluation_category(evaluation, 1));
    mlsel_evaluation_free(evaluation);
    mlsel_model_release(model);
    mlsel_dataset_free(dataset);
}

/* What nobody knows is not 0: the query of the selector's unknown choice does not count for it, nor its comparison. */
static void unknown_is_not_zero(void **state) {
    (void)state;
    mlsel_dataset *dataset = four_queries();
    add_row(dataset, "q5", "a", 5, 1); /* the selector takes b */
    add_row(dataset, "q5", "b", 5, (double)NAN);
    add_row(dataset, "q6", "b", 5, (double)NAN);
    mlsel_model *model = load_text(two_sides);
    mlsel_evaluation *evaluation = evaluate(dataset, model);
    assert_int_equal(get(evaluation, 0).n, 5); /* of q6 nothing is known */
    assert_int_equal(get(evaluation, 1).n, 4);
    test_close(get(evaluation, 1).quality, 0.75, 1e-15, "as without");
    test_close(get(evaluation, 1).gap_closed, 0.25 / 0.3125, 1e-14, "over the same queries");
    test_close(get(evaluation, 1).over_best_single, 0.5, 1e-14, "over the same queries");
    test_close(get(evaluation, 3).quality, 0.6, 1e-15, "a");
    assert_int_equal(mlsel_evaluation_selections(evaluation, 1)[1], 3); /* chosen all the same */
    mlsel_evaluation_free(evaluation);
    mlsel_model_release(model);
    mlsel_dataset_free(dataset);
}

/* A model that the artifact does not know cannot be its choice; of a query repeated, the mean counts. */
static void models_by_name(void **state) {
    (void)state;
    mlsel_dataset *dataset = new_dataset();
    add_row(dataset, "q1", "other", 1, 1);
    add_row(dataset, "q1", "a", 1, 0.5);
    add_row(dataset, "q1", "a", 1, 1);
    mlsel_model *model = load_text(two_sides);
    mlsel_evaluation *evaluation = evaluate(dataset, model);
    assert_int_equal(mlsel_evaluation_choice(evaluation, 1, 0), 0);
    test_close(get(evaluation, 1).quality, 0.75, 1e-15, "mean of two");
    mlsel_evaluation_free(evaluation);
    mlsel_model_release(model);
    mlsel_dataset_free(dataset);
}

static void without_contenders(void **state) {
    (void)state;
    mlsel_dataset *dataset = new_dataset();
    mlsel_record record;
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    mlsel_record_init(&record, sizeof record);
    record.query = "no embedding";
    record.model = "m";
    record.quality = 0.5;
    record.task = "t";
    add(dataset, &record);
    test_ok(mlsel_evaluate(dataset, NULL, 0, NULL, &evaluation, &err), &err);
    assert_int_equal(mlsel_evaluation_policy_count(evaluation), 5);
    assert_int_equal(get(evaluation, 2).kind, MLSEL_POLICY_TASK);
    assert_true(isnan(get(evaluation, 0).gap_closed)); /* one model: there is no gap */
    test_close(get(evaluation, 0).over_best_single, 0, 0, "one model");
    mlsel_evaluation_free(evaluation);
    mlsel_dataset_free(dataset);
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

static void refused(const mlsel_dataset *dataset, const mlsel_contender *contenders, size_t n,
                    const mlsel_evaluate_options *options, mlsel_status status, const char *message) {
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    const mlsel_status got = mlsel_evaluate(dataset, contenders, n, options, &evaluation, &err);
    if (got != status || strstr(err.message, message) == NULL)
        fail_msg("%s: %s; expected %s and \"%s\"", mlsel_status_name(got), err.message, mlsel_status_name(status),
                 message);
    assert_null(evaluation);
}

static void bad_options(void **state) {
    (void)state;
    mlsel_dataset *dataset = four_queries();
    mlsel_evaluate_options options;
    static const char *const messages[] = {"confidence is 1", "quality_weight is nan", "resamples", "curve_points is 1",
                                           "threads is 257"};
    for (size_t i = 0; i < TEST_LENGTH(messages); i++) {
        mlsel_evaluate_options_init(&options, sizeof options);
        options.confidence = i == 0 ? 1 : options.confidence;
        options.quality_weight = i == 1 ? (double)NAN : options.quality_weight;
        options.resamples = i == 2 ? 100001 : options.resamples;
        options.curve_points = i == 3 ? 1 : options.curve_points;
        options.threads = i == 4 ? 257 : options.threads;
        refused(dataset, NULL, 0, &options, MLSEL_ERROR_INVALID_ARGUMENT, messages[i]);
    }
    const mlsel_contender nobody = {"x", NULL};
    refused(dataset, &nobody, 1, NULL, MLSEL_ERROR_INVALID_ARGUMENT, "contender 0 has no model");
    refused(NULL, NULL, 0, NULL, MLSEL_ERROR_INVALID_ARGUMENT, "dataset");
    mlsel_dataset_free(dataset);
}

static void bad_data(void **state) {
    (void)state;
    mlsel_dataset *empty = new_dataset(), *unknown = new_dataset(), *dataset = four_queries();
    mlsel_dataset *strangers = new_dataset(), *unembedded = new_dataset();
    mlsel_model *model = load_text(two_sides);
    const mlsel_contender contender = {"mine", model};
    mlsel_evaluate_options options;
    mlsel_record record;
    add_row(unknown, "q", "a", 1, (double)NAN);
    add_row(strangers, "q", "nobody", 1, 1);
    mlsel_record_init(&record, sizeof record);
    record.query = "bare";
    record.model = "a";
    record.quality = 1;
    add(unembedded, &record);
    mlsel_evaluate_options_init(&options, sizeof options);
    options.reference = strangers;
    refused(empty, NULL, 0, NULL, MLSEL_ERROR_NOT_TRAINED, "no outcome to measure");
    refused(unknown, NULL, 0, NULL, MLSEL_ERROR_NOT_TRAINED, "no outcome to measure");
    refused(dataset, NULL, 0, &options, MLSEL_ERROR_NOT_TRAINED, "the reference");
    refused(strangers, &contender, 1, NULL, MLSEL_ERROR_NO_CANDIDATE, "mine: the artifact knows none");
    refused(unembedded, &contender, 1, NULL, MLSEL_ERROR_NOT_FOUND, "mine: 1 of 1 queries have no embedding");
    const mlsel_contender wide = {"wide", fixture.models[0]};
    refused(dataset, &wide, 1, NULL, MLSEL_ERROR_DIMENSION, "wide: the embeddings have 1 value");
    mlsel_model_release(model);
    mlsel_dataset_free(empty);
    mlsel_dataset_free(unknown);
    mlsel_dataset_free(dataset);
    mlsel_dataset_free(strangers);
    mlsel_dataset_free(unembedded);
}

static int32_t stop_at(const mlsel_train_progress *progress, void *user) {
    int *left = user;
    assert_int_equal(progress->algorithm, 0);
    assert_true(progress->fraction >= 0 && progress->fraction <= 1);
    return (*left)-- == 0;
}

/* Wherever it is stopped, it says so and leaves nothing. */
static void cancelled(void **state) {
    (void)state;
    mlsel_evaluate_options options;
    mlsel_evaluate_options_init(&options, sizeof options);
    options.progress = stop_at;
    options.resamples = 20;
    int calls = 0;
    for (;; calls++) {
        mlsel_evaluation *evaluation = NULL;
        mlsel_error err;
        int left = calls;
        options.user = &left;
        const mlsel_status status = mlsel_evaluate(fixture.records, fixture.contenders, 2, &options, &evaluation, &err);
        if (status == MLSEL_OK) {
            mlsel_evaluation_free(evaluation);
            break;
        }
        assert_int_equal(status, MLSEL_ERROR_CANCELLED);
        assert_null(evaluation);
    }
    assert_true(calls > 20);
}

static void nothing_is_nothing(void **state) {
    (void)state;
    mlsel_policy policy;
    mlsel_error err;
    size_t n = 7;
    mlsel_evaluation_free(NULL);
    assert_int_equal(mlsel_evaluation_policy_count(NULL), 0);
    assert_int_equal(mlsel_evaluation_get_policy(NULL, 0, &policy, sizeof policy, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_null(mlsel_evaluation_curve(NULL, 0, &n));
    assert_int_equal(n, 0);
    assert_null(mlsel_evaluation_reliability(NULL, 0, NULL));
    assert_null(mlsel_evaluation_selections(NULL, 0));
    assert_null(mlsel_evaluation_category_selections(NULL, 0));
    assert_null(mlsel_evaluation_category(NULL, 0));
    assert_int_equal(mlsel_evaluation_choice(NULL, 0, 0), -1);
    assert_string_equal(mlsel_policy_kind_name(0), "unknown");
}

/* One past the end of everything. */
static void no_such(void **state) {
    (void)state;
    mlsel_dataset *dataset = four_queries();
    mlsel_policy policy;
    mlsel_evaluation *evaluation = NULL;
    mlsel_error err;
    size_t n = 7;
    test_ok(mlsel_evaluate(dataset, NULL, 0, NULL, &evaluation, &err), &err);
    const size_t count = mlsel_evaluation_policy_count(evaluation);
    assert_int_equal(count, 5); /* the oracle, per category, two models, random */
    assert_int_equal(mlsel_evaluation_get_policy(evaluation, count, &policy, sizeof policy, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "policy 5: there are 5");
    assert_null(mlsel_evaluation_selections(evaluation, count));
    assert_null(mlsel_evaluation_category_selections(evaluation, count));
    assert_int_equal(mlsel_evaluation_choice(evaluation, count, 0), -1);
    assert_int_equal(mlsel_evaluation_choice(evaluation, 0, 4), -1);
    assert_int_not_equal(mlsel_evaluation_choice(evaluation, 0, 3), -1);
    assert_null(mlsel_evaluation_curve(evaluation, count, &n));
    assert_int_equal(n, 0);
    n = 7;
    assert_null(mlsel_evaluation_reliability(evaluation, count, &n));
    assert_int_equal(n, 0);
    mlsel_evaluation_free(evaluation);
    mlsel_dataset_free(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_numpy), cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(worked_by_hand),    cmocka_unit_test(unknown_is_not_zero),
        cmocka_unit_test(models_by_name),    cmocka_unit_test(without_contenders),
        cmocka_unit_test(bad_options),       cmocka_unit_test(bad_data),
        cmocka_unit_test(cancelled),         cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(no_such),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
