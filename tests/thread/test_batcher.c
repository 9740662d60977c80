/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batchers under many threads: every answer equals the plain call's to the last bit, whoever shares the run and on
 * whatever terms; a query that is refused is refused with the plain call's words and harms nobody; closing lets nobody
 * in and loses nobody.
 *
 * Threads report through their own `failure`: CMocka's assertions belong to the main thread.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fixture_cases.h"
#include "gate.h"

enum { N_THREADS = 8, MAX_DOUBLINGS = 12, N_TERMS = 2, N_FAULTS = 6 };

/* What a plain call says, float and double. Bytes that it does not fill stay as they were. */
typedef struct plain_answer {
    mlsel_selection selections[2];
    double scores[2][FIXTURE_MAX_LABELS];
} plain_answer;

typedef struct subject {
    fixture_set set;
    mlsel_model *model;
    plain_answer *expected; /* [set.count][N_TERMS] */
    mlsel_error faults[N_FAULTS];
    mlsel_tradeoff tradeoff;
    float *bad_f32; /* a query with a value that is none, and one value more than the model takes */
    double *bad_f64;
} subject;

typedef struct worker {
    pthread_t thread;
    const subject *subject;
    mlsel_batcher *batcher;
    gate *start;
    size_t number, rounds;
    size_t asked, failed; /* calls, and those of them that were meant to fail */
    bool rounding;        /* scores need only be near */
    char failure[512];
} worker;

/* --- what is asked ------------------------------------------------------------------------------------------------ */

static bool has_terms(const subject *s, size_t terms) {
    return terms == 0 || s->set.info.algorithm == MLSEL_ALGORITHM_KNN;
}

static mlsel_query_options options_of(const subject *s, size_t query, size_t terms) {
    mlsel_query_options options = s->set.queries[query].options;
    options.tradeoff = terms == 1 ? &s->tradeoff : NULL;
    return options;
}

/* The plain calls, or without a batcher those of a batcher. */
static mlsel_status ask(const subject *s, mlsel_batcher *b, size_t query, size_t terms, size_t way, plain_answer *out,
                        mlsel_error *err) {
    const size_t n = s->set.info.n_features, labels = s->set.info.n_labels;
    const fixture_query *q = &s->set.queries[query];
    const mlsel_query_options options = options_of(s, query, terms);
    switch (way) {
    case 0:
        return b == NULL ? mlsel_select(s->model, q->f32, n, &options, &out->selections[0], err)
                         : mlsel_batcher_select(b, q->f32, n, &options, &out->selections[0], err);
    case 1:
        return b == NULL ? mlsel_select_f64(s->model, q->f64, n, &options, &out->selections[1], err)
                         : mlsel_batcher_select_f64(b, q->f64, n, &options, &out->selections[1], err);
    case 2:
        return b == NULL ? mlsel_score(s->model, q->f32, n, &options, out->scores[0], labels, err)
                         : mlsel_batcher_score(b, q->f32, n, &options, out->scores[0], labels, err);
    default:
        return b == NULL ? mlsel_score_f64(s->model, q->f64, n, &options, out->scores[1], labels, err)
                         : mlsel_batcher_score_f64(b, q->f64, n, &options, out->scores[1], labels, err);
    }
}

/* Queries that are refused: a value, the width, an empty list, a label that is none, two ways to say what is eligible,
 * a value in double. */
static mlsel_status ask_wrongly(const subject *s, mlsel_batcher *b, size_t fault, mlsel_selection *out,
                                mlsel_error *err) {
    static const int32_t none = -1;
    static const uint8_t mask[FIXTURE_MAX_LABELS] = {1};
    size_t n = s->set.info.n_features;
    const float *x = s->set.queries[0].f32;
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    memset(err, 0xa5, sizeof *err);
    if (fault == 0)
        x = s->bad_f32;
    if (fault == 1)
        n++, x = s->bad_f32;
    if (fault >= 2 && fault <= 4)
        options.eligible = &none, options.n_eligible = fault == 3;
    if (fault == 4)
        options.eligible_mask = mask, options.eligible_mask_size = s->set.info.n_labels;
    if (fault == 5)
        return b == NULL ? mlsel_select_f64(s->model, s->bad_f64, n, NULL, out, err)
                         : mlsel_batcher_select_f64(b, s->bad_f64, n, NULL, out, err);
    return b == NULL ? mlsel_select(s->model, x, n, &options, out, err)
                     : mlsel_batcher_select(b, x, n, &options, out, err);
}

static void open_subject(subject *s, const char *name) {
    mlsel_error err;
    mlsel_selection out;
    memset(s, 0, sizeof *s);
    fixture_set_open(&s->set, name);
    s->model = test_load(s->set.artifact, &s->set.options);
    mlsel_tradeoff_init(&s->tradeoff, sizeof s->tradeoff);
    s->tradeoff.quality_weight = 1;
    s->tradeoff.latency_weight = 0.5;
    s->expected = calloc(s->set.count * N_TERMS, sizeof *s->expected);
    s->bad_f32 = calloc(s->set.info.n_features + 1, sizeof *s->bad_f32);
    s->bad_f64 = calloc(s->set.info.n_features + 1, sizeof *s->bad_f64);
    assert_true(s->expected != NULL && s->bad_f32 != NULL && s->bad_f64 != NULL);
    s->bad_f32[s->set.info.n_features - 1] = NAN;
    s->bad_f64[0] = 1e300;
    for (size_t q = 0; q < s->set.count; q++)
        for (size_t terms = 0; terms < N_TERMS; terms++)
            for (size_t way = 0; way < 4 && has_terms(s, terms); way++)
                test_ok(ask(s, NULL, q, terms, way, &s->expected[q * N_TERMS + terms], &err), &err);
    for (size_t fault = 0; fault < N_FAULTS; fault++)
        assert_int_not_equal(ask_wrongly(s, NULL, fault, &out, &s->faults[fault]), MLSEL_OK);
}

static void close_subject(subject *s) {
    mlsel_model_release(s->model);
    fixture_set_close(&s->set);
    free(s->expected);
    free(s->bad_f32);
    free(s->bad_f64);
}

/* --- the threads -------------------------------------------------------------------------------------------------- */

static bool is_near(double got, double expected, double tolerance) {
    return got == expected || fabs(got - expected) <= tolerance * fmax(1, fabs(expected));
}

static bool is_same(const worker *w, const plain_answer *got, const plain_answer *expected, size_t way) {
    const double tolerance = 1e-4; /* of float */
    if (!w->rounding)
        return way < 2 ? memcmp(&got->selections[way], &expected->selections[way], sizeof *got->selections) == 0
                       : memcmp(got->scores[way - 2], expected->scores[way - 2], sizeof *got->scores) == 0;
    if (way < 2)
        return got->selections[way].index == expected->selections[way].index &&
               is_near(got->selections[way].score, expected->selections[way].score, tolerance);
    for (uint32_t i = 0; i < w->subject->set.info.n_labels; i++)
        if (!is_near(got->scores[way - 2][i], expected->scores[way - 2][i], tolerance))
            return false;
    return true;
}

static bool ask_one(worker *w, size_t query, size_t terms, size_t way) {
    const subject *s = w->subject;
    mlsel_error err;
    plain_answer got = {0};
    w->asked++;
    if (ask(s, w->batcher, query, terms, way, &got, &err) != MLSEL_OK)
        snprintf(w->failure, sizeof w->failure, "%s, query %zu: %s", s->set.name, query, err.message);
    else if (!is_same(w, &got, &s->expected[query * N_TERMS + terms], way))
        snprintf(w->failure, sizeof w->failure, "%s, query %zu, terms %zu, way %zu: not what the plain call says",
                 s->set.name, query, terms, way);
    return w->failure[0] == '\0';
}

static bool be_refused(worker *w, size_t fault) {
    const subject *s = w->subject;
    mlsel_error err;
    mlsel_selection out, before;
    memset(&out, 0x5a, sizeof out);
    before = out;
    w->asked++, w->failed++;
    const mlsel_status status = ask_wrongly(s, w->batcher, fault, &out, &err);
    if (status != s->faults[fault].code || memcmp(&err, &s->faults[fault], sizeof err) != 0)
        snprintf(w->failure, sizeof w->failure, "%s, fault %zu: %s: %.200s", s->set.name, fault,
                 mlsel_status_name(status), err.message);
    else if (memcmp(&out, &before, sizeof out) != 0)
        snprintf(w->failure, sizeof w->failure, "%s, fault %zu: the output was written", s->set.name, fault);
    return w->failure[0] == '\0';
}

static void *work(void *opaque) {
    worker *w = opaque;
    const subject *s = w->subject;
    gate_pass(w->start);
    for (size_t i = w->number, end = i + w->rounds; i < end; i++) {
        const size_t query = i * 7 % s->set.count, terms = has_terms(s, i % N_TERMS) ? i % N_TERMS : 0;
        for (size_t way = 0; way < 4; way++)
            if (!ask_one(w, query, terms, (way + w->number) % 4))
                return NULL;
        if (i % 3 == 0 && !be_refused(w, (i / 3) % N_FAULTS))
            return NULL;
    }
    return NULL;
}

static mlsel_batcher_stats stats_of(const mlsel_batcher *b) {
    mlsel_batcher_stats stats;
    mlsel_error err;
    test_ok(mlsel_batcher_get_stats(b, &stats, sizeof stats, &err), &err);
    return stats;
}

static uint64_t sum(const uint64_t *counts, size_t n) {
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += counts[i];
    return all;
}

/* What is counted agrees with itself and with what was asked. */
static void check_stats(const char *name, const mlsel_batcher_stats *s, size_t asked, size_t failed) {
    if (s->queries != asked || s->failed != failed)
        fail_msg("%s: %zu queries, %zu failed; asked %zu, to fail %zu", name, (size_t)s->queries, (size_t)s->failed,
                 asked, failed);
    assert_int_equal(s->inside, 0);
    assert_int_equal(s->queued, 0);
    assert_int_equal(s->refused, 0);
    assert_int_equal(sum(s->sizes, MLSEL_BATCH_BUCKETS), s->batches);
    assert_int_equal(sum(s->waits, MLSEL_LATENCY_BUCKETS), s->batched);
    assert_int_equal(sum(s->latencies, MLSEL_LATENCY_BUCKETS), s->queries);
    assert_in_range(s->batched, asked - failed, asked);
    assert_in_range(s->largest_batch, 1, s->max_batch);
    assert_in_range(s->timeouts, 0, s->batches);
    assert_true(s->wait_ns <= s->latency_ns && s->longest_wait_ns <= s->longest_latency_ns);
}

/* --- everything that is asked of a batcher with some settings ----------------------------------------------------- */

static mlsel_batcher *create(const subject *s, const mlsel_batcher_options *options) {
    mlsel_error err;
    mlsel_batcher *b = NULL;
    test_ok(mlsel_batcher_create(s->model, options, &b, &err), &err);
    return b;
}

/* Until the runs of a batcher that groups were shared, which depends on how the threads happen to meet: on a single
 * processor they do only once they have more to ask than fits into the time that it gives to one. */
static void check_setting(const subject *s, const mlsel_batcher_options *options, size_t rounds) {
    static worker workers[N_THREADS];
    mlsel_batcher *b = create(s, options);
    size_t asked = 0, failed = 0;
    mlsel_batcher_stats stats = stats_of(b);
    for (int attempt = 0; attempt < MAX_DOUBLINGS; attempt++, rounds *= 2) {
        gate start = {.n_threads = N_THREADS};
        for (size_t i = 0; i < N_THREADS; i++) {
            workers[i] = (worker){.subject = s, .batcher = b, .start = &start, .number = i, .rounds = rounds};
            workers[i].rounding = options->allow_rounding != 0;
            assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (int i = 0; i < 10; i++)
            assert_in_range(stats_of(b).inside, 0, N_THREADS); /* while they ask */
        for (size_t i = 0; i < N_THREADS; i++) {
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
            asked += workers[i].asked, failed += workers[i].failed;
        }
        for (size_t i = 0; i < N_THREADS; i++)
            if (workers[i].failure[0] != '\0')
                fail_msg("thread %zu: %s", i, workers[i].failure);
        stats = stats_of(b);
        if (!stats.is_grouping || options->always_group == 0 || stats.largest_batch > 1)
            break;
    }
    check_stats(s->set.name, &stats, asked, failed);
    if (stats.is_grouping && options->always_group != 0 && options->max_running == 1 && stats.largest_batch < 2)
        fail_msg("%s: no two queries ever shared a run", s->set.name);
    if (!stats.is_grouping)
        assert_int_equal(stats.largest_batch, 1);
    mlsel_batcher_release(b);
}

static void same_answers(void **state) {
    (void)state;
    static const char *const names[] = {"knn_cosine",   "knn_cosine.legacy", "knn_outcomes", "knn_ties",
                                        "knn_zero_row", "kmeans_v2",         "svm_rbf_4",    "mlp_pytorch"};
    static const struct {
        uint32_t wait_us, max_batch, max_running;
    } settings[] = {
        {0, 0, 0}, {0, 0, 1}, {2000, 3, 1}, {MLSEL_BATCHER_NO_WAIT, 0, 1}, {50, 2, 2}, {MLSEL_BATCHER_NO_WAIT, 5, 3},
    };
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        subject s;
        open_subject(&s, names[i]);
        for (size_t j = 0; j < TEST_LENGTH(settings); j++) {
            mlsel_batcher_options options;
            mlsel_batcher_options_init(&options, sizeof options);
            options.max_wait_us = settings[j].wait_us;
            options.max_batch = settings[j].max_batch;
            options.max_running = settings[j].max_running;
            options.always_group = j > 0;
            check_setting(&s, &options, 40);
        }
        close_subject(&s);
    }
}

/* The kinds that are not grouped on the CPU unless their scores may differ by rounding. */
static void near_answers(void **state) {
    (void)state;
    static const char *const names[] = {"svm_rbf_4", "svm_linear_3", "svm_permodel_rbf", "mlp_pytorch",
                                        "mlp_wide_tail"};
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        subject s;
        mlsel_batcher_options options;
        open_subject(&s, names[i]);
        mlsel_batcher_options_init(&options, sizeof options);
        options.max_running = 1;
        options.allow_rounding = 1;
        options.always_group = 1;
        check_setting(&s, &options, 40);
        close_subject(&s);
    }
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Who comes alone does not wait: with a second for each query this would take minutes. */
static void alone(void **state) {
    (void)state;
    subject s;
    mlsel_batcher_options options;
    open_subject(&s, "knn_cosine");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_wait_us = 1000000;
    options.always_group = 1;
    mlsel_batcher *b = create(&s, &options);
    gate start = {.n_threads = 1};
    worker w = {.subject = &s, .batcher = b, .start = &start, .rounds = 100};
    const double begin = now();
    work(&w);
    assert_string_equal(w.failure, "");
    assert_true(now() - begin < 20);
    const mlsel_batcher_stats stats = stats_of(b);
    assert_int_equal(stats.timeouts, 0);
    assert_int_equal(stats.largest_batch, 1);
    check_stats("alone", &stats, w.asked, w.failed);
    mlsel_batcher_release(b);
    close_subject(&s);
}

/* Those who met in company and then come alone wait once in vain, and no more. */
static void company_leaves(void **state) {
    (void)state;
    subject s;
    mlsel_batcher_options options;
    open_subject(&s, "knn_cosine");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_wait_us = 20000;
    options.always_group = 1;
    options.max_running = 1;
    mlsel_batcher *b = create(&s, &options);
    worker workers[N_THREADS];
    gate start = {.n_threads = N_THREADS};
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i] = (worker){.subject = &s, .batcher = b, .start = &start, .number = i, .rounds = 20};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    const uint64_t before = stats_of(b).timeouts;
    gate own = {.n_threads = 1};
    worker w = {.subject = &s, .batcher = b, .start = &own, .rounds = 50};
    work(&w);
    assert_string_equal(w.failure, "");
    assert_in_range(stats_of(b).timeouts - before, 0, 1);
    mlsel_batcher_release(b);
    close_subject(&s);
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* Asks until it is told that the batcher is closed. */
static void *ask_until_closed(void *opaque) {
    worker *w = opaque;
    gate_pass(w->start);
    for (size_t i = w->number;; i++) {
        mlsel_error err;
        plain_answer got = {0};
        const size_t query = i % w->subject->set.count, way = i % 4;
        const mlsel_status status = ask(w->subject, w->batcher, query, 0, way, &got, &err);
        if (status == MLSEL_ERROR_CLOSED && err.code == status && strcmp(err.message, "the batcher is closed") == 0) {
            w->failed++;
            return NULL;
        }
        w->asked++;
        if (status != MLSEL_OK || !is_same(w, &got, &w->subject->expected[query * N_TERMS], way)) {
            snprintf(w->failure, sizeof w->failure, "query %zu: %s", query, err.message);
            return NULL;
        }
    }
}

static void *close_it(void *opaque) {
    worker *w = opaque;
    gate_pass(w->start);
    mlsel_batcher_close(w->batcher);
    const mlsel_batcher_stats stats = stats_of(w->batcher);
    if (stats.inside != 0 || !stats.is_closed)
        snprintf(w->failure, sizeof w->failure, "%zu callers inside a closed batcher", (size_t)stats.inside);
    return NULL;
}

/* Two close it at once while others ask; with a wait of a second, which closing must cut short. */
static void closing(void **state) {
    (void)state;
    enum { N_CLOSERS = 2, N_TURNS = 20 };
    static worker workers[N_THREADS + N_CLOSERS];
    subject s;
    mlsel_batcher_options options;
    open_subject(&s, "knn_samples");
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_running = 1;
    options.always_group = 1;
    for (size_t turn = 0; turn < N_TURNS; turn++) {
        gate start = {.n_threads = N_THREADS}, end = {.n_threads = N_CLOSERS + 1};
        options.max_wait_us = turn % 2 == 0 ? 1000000 : 0;
        mlsel_batcher *b = create(&s, &options);
        for (size_t i = 0; i < N_THREADS + N_CLOSERS; i++) {
            const bool asks = i < N_THREADS;
            workers[i] = (worker){.subject = &s, .batcher = b, .start = asks ? &start : &end, .number = i};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, asks ? ask_until_closed : close_it, &workers[i]),
                             0);
        }
        nanosleep(&(struct timespec){.tv_nsec = (long)turn * 1000000}, NULL);
        gate_pass(&end);
        size_t asked = 0;
        for (size_t i = 0; i < N_THREADS + N_CLOSERS; i++) {
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
            asked += workers[i].asked;
        }
        for (size_t i = 0; i < N_THREADS + N_CLOSERS; i++)
            if (workers[i].failure[0] != '\0')
                fail_msg("thread %zu: %s", i, workers[i].failure);
        const mlsel_batcher_stats stats = stats_of(b);
        assert_int_equal(stats.refused, N_THREADS);
        assert_int_equal(stats.queries, asked);
        mlsel_batcher_close(b);
        mlsel_batcher_release(b);
    }
    close_subject(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_answers),   cmocka_unit_test(near_answers), cmocka_unit_test(alone),
        cmocka_unit_test(company_leaves), cmocka_unit_test(closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
