/* SPDX-License-Identifier: Apache-2.0 */
/* Batchers on a device: they group every kind, within what a run takes, and all members hear of a run that fails. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fake_backend.h"
#include "fixture_cases.h"
#include "gate.h"
#include "scenarios.h"

enum { N_THREADS = 6, N_QUERIES = 20, MAX_DOUBLINGS = 14 };

typedef struct asker {
    pthread_t thread;
    const fixture_set *set;
    mlsel_batcher *batcher;
    gate *start;
    size_t n_queries;
    const mlsel_selection *expected; /* [set->count]; NULL: all fail */
    const char *message;             /* with which */
    char failure[512];
} asker;

static void *ask(void *opaque) {
    asker *a = opaque;
    gate_pass(a->start);
    for (size_t i = 0; i < a->n_queries && a->failure[0] == '\0'; i++) {
        const size_t q = i % a->set->count;
        mlsel_error err;
        mlsel_selection out;
        memset(&out, 0, sizeof out);
        const mlsel_status status = mlsel_batcher_select(a->batcher, a->set->queries[q].f32, a->set->info.n_features,
                                                         &a->set->queries[q].options, &out, &err);
        const bool right = a->expected != NULL ? status == MLSEL_OK && memcmp(&out, &a->expected[q], sizeof out) == 0
                                               : status == MLSEL_ERROR_DEVICE && strcmp(err.message, a->message) == 0;
        if (!right)
            snprintf(a->failure, sizeof a->failure, "%s, query %zu: %s %s", a->set->name, q, mlsel_status_name(status),
                     err.message);
    }
    return NULL;
}

/* Rounds until a run was shared, which depends on how the threads happen to meet: on a single processor they do only
 * once they have more to ask than fits into the time that it gives to one. */
static void ask_until_shared(const fixture_set *set, mlsel_model *model, const mlsel_selection *expected,
                             const char *message) {
    mlsel_error err;
    mlsel_batcher_options options;
    mlsel_batcher *batcher = NULL;
    mlsel_batcher_stats stats = {0};
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_running = 1;
    test_ok(mlsel_batcher_create(model, &options, &batcher, &err), &err);
    for (size_t round = 0; round < MAX_DOUBLINGS && stats.largest_batch < 2; round++) {
        asker askers[N_THREADS];
        gate start = {.n_threads = N_THREADS};
        for (size_t i = 0; i < N_THREADS; i++) {
            askers[i] = (asker){.set = set,
                                .batcher = batcher,
                                .start = &start,
                                .n_queries = (size_t)N_QUERIES << round,
                                .expected = expected,
                                .message = message};
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
        }
        for (size_t i = 0; i < N_THREADS; i++)
            assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        for (size_t i = 0; i < N_THREADS; i++)
            if (askers[i].failure[0] != '\0')
                fail_msg("thread %zu: %s", i, askers[i].failure);
        test_ok(mlsel_batcher_get_stats(batcher, &stats, sizeof stats, &err), &err);
    }
    assert_int_equal(stats.is_grouping, 1);
    assert_int_equal(stats.max_batch, FAKE_MAX_BATCH);
    assert_in_range(stats.largest_batch, 2, FAKE_MAX_BATCH);
    assert_int_equal(stats.failed, expected == NULL ? stats.queries : 0);
    mlsel_batcher_release(batcher);
}

static const char *const names[] = {"knn_samples", "kmeans_v2", "svm_rbf_4", "mlp_pytorch"};

static void open_set(fixture_set *set, const char *name, mlsel_model **model) {
    fixture_set_open(set, name);
    set->options.device = "cuda";
    *model = test_load(set->artifact, &set->options);
}

void batcher_answers(const scenario *self) {
    (void)self;
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        fixture_set set;
        mlsel_model *model = NULL;
        mlsel_error err;
        open_set(&set, names[i], &model);
        mlsel_selection *expected = calloc(set.count, sizeof *expected);
        assert_non_null(expected);
        for (size_t q = 0; q < set.count; q++)
            test_ok(mlsel_select(model, set.queries[q].f32, set.info.n_features, &set.queries[q].options, &expected[q],
                                 &err),
                    &err);
        ask_until_shared(&set, model, expected, NULL);
        free(expected);
        mlsel_model_release(model);
        fixture_set_close(&set);
    }
    scenario_check_counts(TEST_LENGTH(names));
}

void batcher_fails(const scenario *self) {
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        fixture_set set;
        mlsel_model *model = NULL;
        open_set(&set, names[i], &model);
        ask_until_shared(&set, model, NULL, self->words[0]);
        mlsel_model_release(model);
        fixture_set_close(&set);
    }
    scenario_check_counts(TEST_LENGTH(names));
}
