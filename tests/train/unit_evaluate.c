/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations where memory runs out: each allocation fails once, alone or with all that follow. */
#include <math.h>
#include <string.h>

#include "heap_fail.h"
#include "support.h"
#include "train/train.h"

/* Platt-calibrated, so that confidences, bins and curves are made too. */
static const char artifact[] =
    "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":2,\"centroids\":[[-1],[1]],"
    "\"cluster_models\":[\"a\",\"b\"],\"feature_dim\":1,\"categories\":[],"
    "\"calibration\":{\"method\":\"platt\",\"models\":[\"a\",\"b\"],\"slope\":[1,1],\"intercept\":[0,0]}}";

static struct {
    mlsel_dataset *records, *reference;
    mlsel_model *model;
} data;

static mlsel_dataset *make_records(const char *const *tasks) {
    mlsel_dataset *dataset = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    for (int q = 0; q < 12; q++)
        for (int m = 0; m < 2; m++) {
            char query[8];
            const float x = (float)(q % 4) - 1.5F;
            mlsel_record record;
            snprintf(query, sizeof query, "q%d", q);
            mlsel_record_init(&record, sizeof record);
            record.query = query;
            record.model = m == 0 ? "a" : "b";
            record.category = q % 3 == 0 ? "math" : "law";
            record.task = tasks[q % 2];
            record.quality = (q + m) % 3 == 0 ? 1 : 0.25 * m;
            record.latency_s = q % 5 == 0 ? (double)NAN : 1 + m;
            record.embedding = &x;
            record.n_embedding = 1;
            test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
        }
    return dataset;
}

static int set_up(void **state) {
    static const char *const tasks[] = {"t1", "t2"};
    mlsel_error err;
    (void)state;
    data.records = make_records(tasks);
    data.reference = make_records(tasks);
    test_ok(mlsel_model_load_memory(artifact, strlen(artifact), NULL, &data.model, &err), &err);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_dataset_free(data.records);
    mlsel_dataset_free(data.reference);
    mlsel_model_release(data.model);
    return 0;
}

static mlsel_status evaluate(uint32_t threads, mlsel_evaluation **out, mlsel_error *err) {
    const mlsel_contender contenders[] = {{"first", data.model}, {NULL, data.model}};
    mlsel_evaluate_options options;
    mlsel_evaluate_options_init(&options, sizeof options);
    options.resamples = 5;
    options.curve_points = 3;
    options.threads = threads;
    options.reference = data.reference;
    return mlsel_evaluate(data.records, contenders, 2, &options, out, err);
}

/* Returns how many allocations it takes. The sanitizers see what is lost. */
static size_t fail_each(uint32_t threads, bool forever) {
    for (size_t n = 0;; n++) {
        mlsel_evaluation *evaluation = NULL;
        mlsel_error err;
        heap_fail_begin(n, forever);
        const mlsel_status status = evaluate(threads, &evaluation, &err);
        const bool has_failed = heap_fail_end() > 0;
        if (status == MLSEL_OK) {
            assert_false(has_failed);
            assert_int_equal(mlsel_evaluation_policy_count(evaluation), 8);
            assert_non_null(mlsel_evaluation_curve(evaluation, 1, NULL));
            assert_non_null(mlsel_evaluation_reliability(evaluation, 2, NULL));
            mlsel_evaluation_free(evaluation);
            return n;
        }
        assert_true(has_failed);
        if (status != MLSEL_ERROR_NO_MEMORY || strstr(err.message, "out of memory") == NULL)
            fail_msg("allocation %zu: %s: %s", n, mlsel_status_name(status), err.message);
        assert_null(evaluation);
    }
}

static void each_allocation_once(void **state) {
    (void)state;
    assert_true(fail_each(1, false) > 50);
}

static void each_allocation_from_then_on(void **state) {
    (void)state;
    assert_true(fail_each(1, true) > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_once),
        cmocka_unit_test(each_allocation_from_then_on),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
