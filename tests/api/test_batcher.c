/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batchers in one thread: options, what each call gives and refuses, counts, the life of one. What many threads see is
 * in tests/thread; that a query is refused with the plain call's words is checked by ask.c with every bad query.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api_support.h"
#include "fixture_cases.h"

static mlsel_batcher *create(mlsel_model *model, const mlsel_batcher_options *options) {
    mlsel_batcher *batcher = NULL;
    mlsel_error err = test_unset_error();
    test_ok(mlsel_batcher_create(model, options, &batcher, &err), &err);
    test_no_error(&err, "mlsel_batcher_create");
    return batcher;
}

static mlsel_batcher_stats stats_of(const mlsel_batcher *batcher) {
    mlsel_batcher_stats stats;
    mlsel_error err = test_unset_error();
    test_ok(mlsel_batcher_get_stats(batcher, &stats, sizeof stats, &err), &err);
    test_no_error(&err, "mlsel_batcher_get_stats");
    return stats;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static void refuse_options(mlsel_model *model, const mlsel_batcher_options *options, const char *message) {
    mlsel_batcher *batcher = NULL;
    test_fill(&batcher, sizeof batcher);
    for (int with_error = 0; with_error <= 1; with_error++) {
        mlsel_error err = test_unset_error();
        assert_int_equal(mlsel_batcher_create(model, options, &batcher, with_error ? &err : NULL),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        test_untouched(&batcher, sizeof batcher, message);
        if (with_error)
            test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, message);
    }
}

static void bad_options(void **state) {
    (void)state;
    mlsel_model *model = test_load(FIXTURE("knn_ties.json"), NULL);
    mlsel_batcher_options options;
    memset(&options, 0, sizeof options);
    refuse_options(model, &options, "mlsel_batcher_options: struct_size is not set (use mlsel_batcher_options_init)");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_wait_us = 1000001;
    refuse_options(model, &options, "max_wait_us is 1000001, the most are 1000000");
    options.max_wait_us = MLSEL_BATCHER_NO_WAIT - 1;
    refuse_options(model, &options, "max_wait_us is 4294967294, the most are 1000000");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_batch = 4097;
    refuse_options(model, &options, "max_batch is 4097, the most are 4096");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_running = 65;
    refuse_options(model, &options, "max_running is 65, the most are 64");
    struct {
        mlsel_batcher_options known;
        uint32_t later;
    } longer;
    memset(&longer, 0, sizeof longer);
    longer.known.struct_size = sizeof longer;
    mlsel_batcher_release(create(model, &longer.known));
    longer.later = 1;
    refuse_options(model, &longer.known,
                   "mlsel_batcher_options: a field that this version of the library does not know is set (bytes 24 to "
                   "27)");
    mlsel_model_release(model);
}

static void defaults(void **state) {
    (void)state;
    mlsel_model *model = test_load(FIXTURE("knn_ties.json"), NULL);
    mlsel_batcher_options options;
    test_fill(&options, sizeof options);
    mlsel_batcher_options_init(&options, sizeof options);
    assert_int_equal(options.struct_size, sizeof options);
    assert_int_equal(options.max_wait_us | options.max_batch | options.max_running, 0);
    assert_int_equal(options.allow_rounding | options.always_group, 0);
    for (int given = 0; given <= 1; given++) {
        mlsel_batcher *batcher = create(model, given ? &options : NULL);
        const mlsel_batcher_stats s = stats_of(batcher);
        assert_int_equal(s.struct_size, sizeof s);
        assert_int_equal(s.is_grouping, 1);
        assert_int_equal(s.is_closed, 0);
        assert_int_equal(s.max_wait_us, 100);
        assert_int_equal(s.max_batch, 64);
        assert_in_range(s.max_running, 1, 64);
        assert_true(s.memory_bytes >= s.max_running * 64 * 8);
        assert_int_equal(s.queries + s.batches + s.refused + s.inside + s.queued + s.timeouts, 0);
        mlsel_batcher_release(batcher);
    }
    options.max_wait_us = MLSEL_BATCHER_NO_WAIT;
    options.max_batch = 4096;
    options.max_running = 64;
    mlsel_batcher *batcher = create(model, &options);
    mlsel_batcher_stats s = stats_of(batcher);
    assert_int_equal(s.max_wait_us, 0);
    assert_int_equal(s.max_batch, 128); /* what the engine takes */
    assert_int_equal(s.max_running, 64);
    mlsel_batcher_release(batcher);
    options.max_batch = 1;
    batcher = create(model, &options);
    s = stats_of(batcher);
    assert_int_equal(s.is_grouping, 0);
    assert_int_equal(s.memory_bytes, 0);
    mlsel_batcher_release(batcher);
    mlsel_model_release(model);
}

/* On the CPU only what groups to the last bit, unless rounding is allowed; never what goes one by one in any case. */
static void which_group(void **state) {
    (void)state;
    static const struct {
        const char *path;
        mlsel_precision precision;
        int groups, with_rounding;
    } cases[] = {
        {FIXTURE("knn_cosine.json"), MLSEL_PRECISION_DEFAULT, 1, 1},
        {FIXTURE("knn_outcomes.json"), MLSEL_PRECISION_DEFAULT, 1, 1},
        {FIXTURE("kmeans_v2.json"), MLSEL_PRECISION_DEFAULT, 0, 0},
        {FIXTURE("svm_rbf_4.json"), MLSEL_PRECISION_DEFAULT, 0, 1},
        {FIXTURE("mlp_pytorch.json"), MLSEL_PRECISION_F32, 0, 1},
        {FIXTURE("mlp_pytorch.json"), MLSEL_PRECISION_BF16, 0, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (int rounding = 0; rounding <= 1; rounding++) {
            mlsel_model_options load;
            mlsel_batcher_options options;
            mlsel_model_options_init(&load, sizeof load);
            mlsel_batcher_options_init(&options, sizeof options);
            load.precision = cases[i].precision;
            options.allow_rounding = rounding;
            mlsel_model *model = test_load(cases[i].path, &load);
            mlsel_batcher *batcher = create(model, &options);
            mlsel_model_release(model); /* the batcher has a reference of its own */
            if (stats_of(batcher).is_grouping != (rounding ? cases[i].with_rounding : cases[i].groups))
                fail_msg("%s, precision %d, rounding %d", cases[i].path, (int)cases[i].precision, rounding);
            mlsel_batcher_release(batcher);
        }
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void check_query(const fixture_set *set, const mlsel_model *model, mlsel_batcher *batcher, size_t query) {
    const fixture_query *q = &set->queries[query];
    const size_t n = set->info.n_features, labels = set->info.n_labels;
    mlsel_selection plain, batched;
    double scores[FIXTURE_MAX_LABELS] = {0}, batched_scores[FIXTURE_MAX_LABELS] = {0};
    mlsel_error err = test_unset_error();
    test_ok(mlsel_select(model, q->f32, n, &q->options, &plain, &err), &err);
    test_ok(mlsel_batcher_select(batcher, q->f32, n, &q->options, &batched, &err), &err);
    assert_memory_equal(&plain, &batched, sizeof plain);
    test_ok(mlsel_select_f64(model, q->f64, n, &q->options, &plain, &err), &err);
    test_ok(mlsel_batcher_select_f64(batcher, q->f64, n, &q->options, &batched, &err), &err);
    assert_memory_equal(&plain, &batched, sizeof plain);
    test_ok(mlsel_score(model, q->f32, n, &q->options, scores, labels, &err), &err);
    test_ok(mlsel_batcher_score(batcher, q->f32, n, &q->options, batched_scores, labels, &err), &err);
    assert_memory_equal(scores, batched_scores, sizeof scores);
    test_ok(mlsel_score_f64(model, q->f64, n, &q->options, scores, labels, &err), &err);
    test_ok(mlsel_batcher_score_f64(batcher, q->f64, n, &q->options, batched_scores, labels, &err), &err);
    assert_memory_equal(scores, batched_scores, sizeof scores);
    assert_int_equal(err.code, MLSEL_OK);
    assert_string_equal(err.message, "");
}

static void plain_answers(void **state) {
    (void)state;
    size_t n_sets = 0;
    fixture_set *sets = fixture_open_all(&n_sets);
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_batcher_options options;
        mlsel_batcher_options_init(&options, sizeof options);
        options.always_group = i % 2;
        mlsel_model *model = test_load(sets[i].artifact, &sets[i].options);
        mlsel_batcher *batcher = create(model, &options);
        for (size_t q = 0; q < sets[i].count; q++)
            check_query(&sets[i], model, batcher, q);
        const mlsel_batcher_stats s = stats_of(batcher);
        assert_int_equal(s.queries, 4 * sets[i].count);
        assert_int_equal(s.batches, s.queries);
        assert_int_equal(s.batched, s.queries);
        assert_int_equal(s.sizes[0], s.batches);
        assert_int_equal(s.largest_batch, 1);
        assert_int_equal(s.failed + s.refused + s.inside + s.queued + s.timeouts, 0);
        assert_true(s.latency_ns > 0 && s.longest_latency_ns <= s.latency_ns);
        mlsel_batcher_release(batcher);
        mlsel_model_release(model);
    }
    fixture_close_all(sets, n_sets);
}

/* A batcher may be asked for scores without knowing how many labels there are no more than a model may. */
static void wrong_calls(void **state) {
    (void)state;
    fixture_set set;
    fixture_set_open(&set, "knn_cosine");
    mlsel_model *model = test_load(set.artifact, &set.options);
    mlsel_batcher *batcher = create(model, NULL);
    const size_t n = set.info.n_features, labels = set.info.n_labels;
    double scores[FIXTURE_MAX_LABELS + 1];
    for (size_t given = labels - 1; given <= labels + 1; given += 2) {
        mlsel_error plain = test_unset_error(), batched = test_unset_error();
        test_fill(scores, sizeof scores);
        assert_int_equal(mlsel_score(model, set.f32, n, NULL, scores, given, &plain), MLSEL_ERROR_INVALID_ARGUMENT);
        assert_int_equal(mlsel_batcher_score(batcher, set.f32, n, NULL, scores, given, &batched),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        assert_memory_equal(&plain, &batched, sizeof plain);
        assert_int_equal(mlsel_batcher_score_f64(batcher, set.f64, n, NULL, scores, given, &batched),
                         MLSEL_ERROR_INVALID_ARGUMENT);
        assert_memory_equal(&plain, &batched, sizeof plain);
        test_untouched(scores, sizeof scores, "scores");
    }
    mlsel_batcher_release(batcher);
    mlsel_model_release(model);
    fixture_set_close(&set);
}

/* --- counts and closing ------------------------------------------------------------------------------------------- */

static void counts(void **state) {
    (void)state;
    fixture_set set;
    fixture_set_open(&set, "knn_cosine");
    mlsel_model *model = test_load(set.artifact, &set.options);
    mlsel_batcher *batcher = create(model, NULL);
    mlsel_selection out;
    test_ok(mlsel_batcher_select(batcher, set.f32, set.info.n_features, NULL, &out, NULL), NULL);
    assert_int_equal(mlsel_batcher_select(batcher, set.f32, set.info.n_features + 1, NULL, &out, NULL),
                     MLSEL_ERROR_DIMENSION);
    mlsel_batcher_stats s = stats_of(batcher);
    assert_int_equal(s.queries, 2);
    assert_int_equal(s.failed, 1);
    uint64_t waits = 0, latencies = 0;
    for (size_t i = 0; i < MLSEL_LATENCY_BUCKETS; i++)
        waits += s.waits[i], latencies += s.latencies[i];
    assert_int_equal(waits, s.batched);
    assert_int_equal(latencies, s.queries);
    /* an older caller's struct is filled as far as it goes, and none that is too small */
    test_fill(&s, sizeof s);
    mlsel_error err = test_unset_error();
    test_ok(mlsel_batcher_get_stats(batcher, &s, offsetof(mlsel_batcher_stats, queries), &err), &err);
    assert_int_equal(s.struct_size, offsetof(mlsel_batcher_stats, queries));
    test_untouched(&s.queries, sizeof s - offsetof(mlsel_batcher_stats, queries), "stats");
    assert_int_equal(mlsel_batcher_get_stats(batcher, &s, 3, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_batcher_release(batcher);
    mlsel_model_release(model);
    fixture_set_close(&set);
}

static void closed(void **state) {
    (void)state;
    fixture_set set;
    fixture_set_open(&set, "mlp_pytorch");
    mlsel_model *model = test_load(set.artifact, &set.options);
    mlsel_batcher *batcher = create(model, NULL);
    mlsel_model_release(model);
    mlsel_selection out;
    double scores[FIXTURE_MAX_LABELS];
    test_ok(mlsel_batcher_select(batcher, set.f32, set.info.n_features, NULL, &out, NULL), NULL);
    test_fill(&out, sizeof out);
    test_fill(scores, sizeof scores);
    for (int i = 0; i < 2; i++) {
        mlsel_error errs[4];
        mlsel_batcher_close(batcher);
        const size_t n = set.info.n_features, labels = set.info.n_labels;
        assert_int_equal(mlsel_batcher_select(batcher, set.f32, n, NULL, &out, &errs[0]), MLSEL_ERROR_CLOSED);
        assert_int_equal(mlsel_batcher_select_f64(batcher, set.f64, n, NULL, &out, &errs[1]), MLSEL_ERROR_CLOSED);
        assert_int_equal(mlsel_batcher_score(batcher, set.f32, n, NULL, scores, labels, &errs[2]), MLSEL_ERROR_CLOSED);
        assert_int_equal(mlsel_batcher_score_f64(batcher, set.f64, n, NULL, scores, labels, &errs[3]),
                         MLSEL_ERROR_CLOSED);
        for (size_t e = 0; e < LENGTH(errs); e++)
            test_error(&errs[e], MLSEL_ERROR_CLOSED, 0, "the batcher is closed", "closed");
        assert_int_equal(mlsel_batcher_select(batcher, set.f32, n, NULL, &out, NULL), MLSEL_ERROR_CLOSED);
    }
    test_untouched(&out, sizeof out, "selection");
    test_untouched(scores, sizeof scores, "scores");
    const mlsel_batcher_stats s = stats_of(batcher);
    assert_int_equal(s.is_closed, 1);
    assert_int_equal(s.refused, 10);
    assert_int_equal(s.queries, 1);
    mlsel_batcher_release(batcher);
    fixture_set_close(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options),   cmocka_unit_test(defaults),    cmocka_unit_test(which_group),
        cmocka_unit_test(plain_answers), cmocka_unit_test(wrong_calls), cmocka_unit_test(counts),
        cmocka_unit_test(closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
