/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steady state of a batcher: once as many threads as ever were inside, no call allocates or frees, whether it is
 * answered in a group or by itself, after a wait or without. Locks it takes, as it says.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "batcher/batcher.h"
#include "counters.h"
#include "fixture_cases.h"
#include "gate.h"

static const char *const names[] = {"knn_cosine", "knn_outcomes", "kmeans_v2", "svm_rbf_4", "mlp_pytorch"};

static mlsel_batcher *create(const fixture_set *set, uint32_t max_wait_us) {
    mlsel_error err;
    mlsel_batcher_options options;
    mlsel_batcher *batcher = NULL;
    mlsel_model *model = test_load(set->artifact, &set->options);
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_wait_us = max_wait_us;
    options.max_running = 1;
    options.allow_rounding = options.always_group = 1;
    test_ok(mlsel_batcher_create(model, &options, &batcher, &err), &err);
    mlsel_model_release(model);
    return batcher;
}

static mlsel_status ask(const fixture_set *set, mlsel_batcher *batcher, size_t query) {
    const fixture_query *q = &set->queries[query % set->count];
    const size_t n = set->info.n_features, labels = set->info.n_labels;
    mlsel_selection out;
    double scores[FIXTURE_MAX_LABELS];
    mlsel_error err;
    mlsel_status status = mlsel_batcher_select(batcher, q->f32, n, &q->options, &out, &err);
    if (status == MLSEL_OK)
        status = mlsel_batcher_select_f64(batcher, q->f64, n, &q->options, &out, &err);
    if (status == MLSEL_OK)
        status = mlsel_batcher_score(batcher, q->f32, n, &q->options, scores, labels, &err);
    return status;
}

static void expect_no_allocation(const char *name) {
    char calls[1024];
    const size_t allocated = counters_sum(ALLOCATES) + counters_sum(FREES);
    counters_describe(calls, sizeof calls);
    if (allocated > 0)
        fail_msg("%s: a query called %s", name, calls);
}

/* By itself, and as the only member of a group that expects another one. */
static void one_thread(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        fixture_set set;
        fixture_set_open(&set, names[i]);
        mlsel_batcher *batcher = create(&set, 1);
        const bool groups = batcher->settings.is_grouping;
        assert_int_equal(ask(&set, batcher, 0), MLSEL_OK);
        for (size_t q = 0; q < 20; q++) {
            counters_reset();
            batcher->expected = q % 2 == 0 ? 2 : 1; /* is there another? */
            const mlsel_status status = ask(&set, batcher, q);
            expect_no_allocation(names[i]);
            assert_int_equal(status, MLSEL_OK);
            assert_true(counters_sum(LOCKS) > 0);
        }
        assert_int_equal(batcher->counts.timeouts > 0, groups);
        assert_int_equal(batcher->counts.largest_batch, 1);
        mlsel_batcher_release(batcher);
        fixture_set_close(&set);
    }
}

enum { N_THREADS = 8, MAX_ROUNDS = 200 };

typedef struct asker {
    pthread_t thread;
    const fixture_set *set;
    mlsel_batcher *batcher;
    gate *begin, *end;
    const atomic_bool *stop;
    mlsel_status status;
} asker;

static void *ask_rounds(void *opaque) {
    asker *a = opaque;
    for (;;) {
        gate_pass(a->begin);
        if (atomic_load(a->stop))
            return NULL;
        for (size_t q = 0; q < 10 && a->status == MLSEL_OK; q++)
            a->status = ask(a->set, a->batcher, q);
        gate_pass(a->end);
    }
}

/* Rounds are run until one is without, as in test_steady.c. */
static void threads(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        fixture_set set;
        asker askers[N_THREADS];
        gate begin = {.n_threads = N_THREADS + 1}, end = {.n_threads = N_THREADS + 1};
        atomic_bool stop = false;
        fixture_set_open(&set, names[i]);
        mlsel_batcher *batcher = create(&set, 0);
        for (size_t t = 0; t < N_THREADS; t++) {
            askers[t] = (asker){.set = &set, .batcher = batcher, .begin = &begin, .end = &end, .stop = &stop};
            assert_int_equal(pthread_create(&askers[t].thread, NULL, ask_rounds, &askers[t]), 0);
        }
        size_t n_rounds = 0, last = 1;
        for (; n_rounds < MAX_ROUNDS && (last > 0 || n_rounds < 20); n_rounds++) {
            counters_reset();
            gate_pass(&begin);
            gate_pass(&end);
            last = counters_sum(ALLOCATES) + counters_sum(FREES);
        }
        atomic_store(&stop, true);
        gate_pass(&begin);
        for (size_t t = 0; t < N_THREADS; t++) {
            assert_int_equal(pthread_join(askers[t].thread, NULL), 0);
            assert_int_equal(askers[t].status, MLSEL_OK);
        }
        print_message("%s: %zu rounds, runs of up to %zu\n", names[i], n_rounds, (size_t)batcher->counts.largest_batch);
        assert_int_equal(last, 0);
        mlsel_batcher_release(batcher);
        fixture_set_close(&set);
    }
}

/* What making one takes is given back. */
static void nothing_is_left(void **state) {
    (void)state;
    fixture_set set;
    fixture_set_open(&set, names[0]);
    mlsel_model *model = test_load(set.artifact, &set.options);
    mlsel_batcher *batcher = NULL;
    mlsel_error err;
    counters_reset();
    test_ok(mlsel_batcher_create(model, NULL, &batcher, &err), &err);
    assert_true(counters_live_blocks() > 1);
    mlsel_batcher_release(batcher);
    assert_int_equal(counters_live_blocks(), 0);
    mlsel_model_release(model);
    fixture_set_close(&set);
}

int main(void) {
#ifdef NO_LINKER_WRAP
    printf("skipped: the linker of this system cannot send calls elsewhere (--wrap)\n");
    return 0;
#else
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_thread), cmocka_unit_test(threads),
                                       cmocka_unit_test(nothing_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
