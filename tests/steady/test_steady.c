/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steady state: once a model is warm, no query of any kind allocates, frees, locks, waits or asks the system for
 * anything. The linker counts the calls of all functions that could (counters.c); check_symbols.sh makes sure that the
 * library uses no other such function. The counters work under the sanitizers too.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "counters.h"
#include "fixture_cases.h"
#include "gate.h"

static fixture_set *sets;
static size_t n_sets;

static int open_sets(void **state) {
    (void)state;
    sets = fixture_open_all(&n_sets);
    assert_true(n_sets >= 40);
    return 0;
}

static int close_sets(void **state) {
    (void)state;
    fixture_close_all(sets, n_sets);
    return 0;
}

static mlsel_model *load(const fixture_set *set) { return test_load(set->artifact, &set->options); }

/* --- the counters ------------------------------------------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool woken;

static void *wake(void *unused) {
    pthread_mutex_lock(&mutex);
    woken = true;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void use_locks(void) {
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_spinlock_t spin;
    pthread_t thread;
    assert_int_equal(pthread_rwlock_rdlock(&rwlock), 0);
    pthread_rwlock_unlock(&rwlock);
    assert_int_equal(pthread_rwlock_wrlock(&rwlock), 0);
    pthread_rwlock_unlock(&rwlock);
    assert_int_equal(pthread_mutex_trylock(&mutex), 0);
    pthread_mutex_unlock(&mutex);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    assert_int_equal(pthread_spin_lock(&spin), 0);
    pthread_spin_unlock(&spin);
    pthread_spin_destroy(&spin);
    pthread_rwlock_destroy(&rwlock);
    pthread_mutex_lock(&mutex);
    assert_int_equal(pthread_create(&thread, NULL, wake, NULL), 0);
    while (!woken)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Each of the counters that matter most counts: otherwise the zeros below would mean nothing. */
static void counters_count(void **state) {
    (void)state;
    void *volatile blocks[5] = {NULL}; /* volatile, or a compiler may leave calls out or make others of them */
    counters_reset();
    blocks[0] = malloc(1);
    blocks[1] = calloc(1, 1);
    blocks[2] = realloc(blocks[2], 1);
    blocks[2] = realloc(blocks[2], 100);
    blocks[3] = aligned_alloc(64, 64);
    void *aligned = NULL;
    assert_int_equal(posix_memalign(&aligned, 64, 64), 0);
    blocks[4] = aligned;
    assert_int_equal(counters_live_blocks(), 5);
    for (size_t i = 0; i < 5; i++)
        free(blocks[i]);
    use_locks();
    assert_true(syscall(SYS_getpid) > 0);
    assert_int_equal(counters_of(COUNTED_malloc), 1);
    assert_int_equal(counters_of(COUNTED_calloc), 1);
    assert_int_equal(counters_of(COUNTED_realloc), 2);
    assert_int_equal(counters_of(COUNTED_aligned_alloc), 1);
    assert_int_equal(counters_of(COUNTED_posix_memalign), 1);
    assert_int_equal(counters_of(COUNTED_free), 5);
    assert_int_equal(counters_live_blocks(), 0);
    assert_int_equal(counters_of(COUNTED_pthread_mutex_lock), 2);
    assert_int_equal(counters_of(COUNTED_pthread_mutex_trylock), 1);
    assert_int_equal(counters_of(COUNTED_pthread_rwlock_rdlock), 1);
    assert_int_equal(counters_of(COUNTED_pthread_rwlock_wrlock), 1);
    assert_int_equal(counters_of(COUNTED_pthread_spin_lock), 1);
    assert_int_equal(counters_of(COUNTED_syscall), 1);
    assert_int_equal(counters_sum(ALLOCATES), 6);
    assert_in_range(counters_sum(LOCKS), 6, 100);
}

/* An artifact's text with n spaces after it: a content of its own, that no model has been loaded from before. */
static char *read_padded(const fixture_set *set, size_t n, size_t *size) {
    size_t given = 0;
    char *text = test_need_file(set->artifact, &given);
    char *padded = malloc(given + n);
    assert_non_null(padded);
    memcpy(padded, text, given);
    memset(padded + given, ' ', n);
    free(text);
    *size = given + n;
    return padded;
}

/* Loading allocates and locks, the last release frees what was allocated: the library's own calls, seen to count. */
static void loading_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_error err;
        mlsel_model *model = NULL;
        size_t size = 0;
        counters_reset();
        test_ok(mlsel_model_load(sets[i].artifact, &sets[i].options, &model, &err), &err);
        assert_true(counters_of(COUNTED_open) == 1 && counters_of(COUNTED_close) == 1);
        mlsel_model_release(model);
        char *text = read_padded(&sets[i], 1 + i, &size);
        counters_reset();
        test_ok(mlsel_model_load_memory(text, size, &sets[i].options, &model, &err), &err);
        assert_true(counters_of(COUNTED_aligned_alloc) > 5);
        assert_true(counters_sum(LOCKS) > 0);
        assert_true(counters_live_blocks() > 0);
        const size_t locks = counters_sum(LOCKS), frees = counters_of(COUNTED_free);
        mlsel_model_release(model);
        assert_true(counters_sum(LOCKS) > locks);
        assert_true(counters_of(COUNTED_free) > frees);
        if (counters_live_blocks() != 0)
            fail_msg("%s: %td blocks are left after the last release", sets[i].name, counters_live_blocks());
        free(text);
    }
}

/* --- one thread -------------------------------------------------------------------------------------------------- */

static void expect_nothing(const char *what, const char *after) {
    char calls[1024];
    counters_describe(calls, sizeof calls);
    if (calls[0] != '\0')
        fail_msg("%s: %s called %s", what, after, calls);
}

static void ask_all(const fixture_set *set, const char *isa, size_t *n_restricted) {
    static fixture_answer answer;
    mlsel_error err;
    if (isa != NULL)
        setenv("MLSEL_ISA", isa, 1);
    mlsel_model *model = load(set);
    unsetenv("MLSEL_ISA");
    test_ok(fixture_ask(model, set, 0, &answer, &err), &err);
    counters_reset();
    for (size_t q = 0; q < set->count; q++) {
        const mlsel_status status = fixture_ask(model, set, q, &answer, &err);
        expect_nothing(set->name, "a query");
        test_ok(status, &err);
        *n_restricted += set->queries[q].options.eligible != NULL;
    }
    mlsel_model_release(model);
}

/* On the best instruction set of this machine, and the reference. */
static void queries(void **state) {
    (void)state;
    size_t n_restricted = 0;
    for (size_t i = 0; i < n_sets; i++) {
        ask_all(&sets[i], NULL, &n_restricted);
        ask_all(&sets[i], "reference", &n_restricted);
    }
    assert_true(n_restricted > 500);
}

/* Larger than what is measured in one go. */
static void large_batches(void **state) {
    (void)state;
    enum { COUNT = 200 };
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_error err;
        const size_t n = sets[i].info.n_features, n_labels = sets[i].info.n_labels;
        mlsel_model *model = load(&sets[i]);
        double *f64 = calloc(COUNT * n, sizeof *f64);
        double *scores = calloc(COUNT * n_labels, sizeof *scores);
        mlsel_selection *out = calloc(COUNT, sizeof *out);
        assert_true(f64 != NULL && scores != NULL && out != NULL);
        for (size_t q = 0; q < COUNT; q++)
            memcpy(f64 + q * n, sets[i].queries[q % sets[i].count].f64, n * sizeof *f64);
        const mlsel_tradeoff tradeoff = {.struct_size = sizeof tradeoff, .quality_weight = 1, .latency_weight = 1};
        mlsel_query_options weighing = sets[i].queries[sets[i].count - 1].options;
        const mlsel_query_options *options = &sets[i].queries[sets[i].count - 1].options;
        weighing.tradeoff = &tradeoff;
        test_ok(mlsel_select_f64(model, f64, n, NULL, out, &err), &err);
        counters_reset();
        const mlsel_status selected = mlsel_select_batch_f64(model, f64, COUNT, n, n, options, out, &err);
        const mlsel_status scored = mlsel_score_batch_f64(model, f64, COUNT, n, n, options, scores, n_labels, &err);
        const mlsel_status weighed = mlsel_select_batch_f64(model, f64, COUNT, n, n, &weighing, out, &err);
        const mlsel_status one = mlsel_select_f64(model, f64, n, &weighing, out, &err);
        expect_nothing(sets[i].name, "a batch");
        assert_int_equal(selected, MLSEL_OK);
        assert_int_equal(scored, MLSEL_OK);
        const bool can_weigh = sets[i].info.algorithm == MLSEL_ALGORITHM_KNN;
        assert_int_equal(weighed, can_weigh ? MLSEL_OK : MLSEL_ERROR_UNSUPPORTED);
        assert_int_equal(one, weighed);
        free(f64), free(scores), free(out);
        mlsel_model_release(model);
    }
}

/* A query that is refused costs no more than one that is answered. */
static void refused_queries(void **state) {
    (void)state;
    for (size_t i = 0; i < n_sets; i++) {
        mlsel_error err;
        mlsel_selection out;
        const int32_t none = 0;
        const size_t n = sets[i].info.n_features;
        double *bad = calloc(n + 1, sizeof *bad);
        assert_non_null(bad);
        bad[n - 1] = NAN;
        mlsel_query_options options;
        mlsel_query_options_init(&options, sizeof options);
        options.eligible = &none;
        mlsel_model *model = load(&sets[i]);
        test_ok(mlsel_select_f64(model, sets[i].queries[0].f64, n, NULL, &out, &err), &err);
        counters_reset();
        const mlsel_status width = mlsel_select_f64(model, bad, n + 1, NULL, &out, &err);
        const mlsel_status finite = mlsel_select_f64(model, bad, n, NULL, &out, &err);
        const mlsel_status candidate = mlsel_select_f64(model, sets[i].queries[0].f64, n, &options, &out, &err);
        expect_nothing(sets[i].name, "a bad query");
        assert_int_equal(width, MLSEL_ERROR_DIMENSION);
        assert_int_equal(finite, MLSEL_ERROR_NOT_FINITE);
        assert_int_equal(candidate, MLSEL_ERROR_NO_CANDIDATE);
        free(bad);
        mlsel_model_release(model);
    }
}

/* --- several threads --------------------------------------------------------------------------------------------- */

enum { N_THREADS = 8, MAX_ROUNDS = 200, MAX_WORKSPACES = 64 };

typedef struct asker {
    pthread_t thread;
    mlsel_model *const *models; /* [n_sets] */
    gate *begin, *end;
    const atomic_bool *stop;
    mlsel_status status;
} asker;

static void *ask_rounds(void *opaque) {
    asker *a = opaque;
    fixture_answer answer;
    for (;;) {
        gate_pass(a->begin);
        if (atomic_load(a->stop))
            return NULL;
        for (size_t i = 0; i < n_sets && a->status == MLSEL_OK; i += 3)
            for (size_t q = 0; q < sets[i].count && a->status == MLSEL_OK; q += 5)
                a->status = fixture_ask(a->models[i], &sets[i], q, &answer, NULL);
        gate_pass(a->end);
    }
}

/*
 * Threads that ask at once need a workspace each. When a model has as many as threads were ever inside it together,
 * nothing is allocated any more; which round that is depends on how the threads happen to meet, so rounds are run until
 * one is without, and what was allocated until then is bounded. A lock is never taken.
 */
static void threads(void **state) {
    (void)state;
    asker askers[N_THREADS];
    gate begin = {.n_threads = N_THREADS + 1}, end = {.n_threads = N_THREADS + 1};
    atomic_bool stop = false;
    mlsel_model **models = calloc(n_sets, sizeof *models);
    assert_non_null(models);
    for (size_t i = 0; i < n_sets; i++)
        models[i] = load(&sets[i]);
    for (size_t i = 0; i < N_THREADS; i++) {
        askers[i] = (asker){.models = models, .begin = &begin, .end = &end, .stop = &stop};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_rounds, &askers[i]), 0);
    }
    size_t n_rounds = 0, n_allocated = 0, n_locks = 0, last = 1;
    for (; n_rounds < MAX_ROUNDS && (last > 0 || n_rounds < 20); n_rounds++) {
        counters_reset();
        gate_pass(&begin);
        gate_pass(&end);
        /* the gates yield, which is counted as well */
        last = counters_sum(ALLOCATES) + counters_sum(FREES);
        n_allocated += last;
        n_locks += counters_sum(LOCKS) + counters_of(COUNTED_syscall);
    }
    atomic_store(&stop, true);
    gate_pass(&begin);
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].status, MLSEL_OK);
    }
    print_message("%d threads, %zu rounds: %zu workspaces made\n", N_THREADS, n_rounds, n_allocated);
    assert_int_equal(last, 0);
    assert_int_equal(n_locks, 0);
    assert_in_range(n_allocated, 0, n_sets * (MAX_WORKSPACES - 1));
    for (size_t i = 0; i < n_sets; i++)
        mlsel_model_release(models[i]);
    free(models);
}

/* --- loading in several threads ---------------------------------------------------------------------------------- */

typedef struct loader {
    pthread_t thread;
    gate *begin;
    char *const *texts; /* [n_sets] */
    const size_t *sizes;
    mlsel_status status;
} loader;

static void *load_and_release(void *opaque) {
    loader *l = opaque;
    gate_pass(l->begin);
    for (size_t i = 0; i < n_sets && l->status == MLSEL_OK; i++) {
        mlsel_model *model = NULL;
        l->status = mlsel_model_load_memory(l->texts[i], l->sizes[i], &sets[i].options, &model, NULL);
        mlsel_model_release(model);
    }
    return NULL;
}

/* The registry keeps nothing: a block that only it knows would be no leak to a sanitizer, but it shows here. */
static void nothing_is_left(void **state) {
    (void)state;
    enum { N_LOADERS = 4 };
    loader loaders[N_LOADERS];
    gate begin = {.n_threads = N_LOADERS};
    char **texts = calloc(n_sets, sizeof *texts);
    size_t *sizes = calloc(n_sets, sizeof *sizes);
    assert_true(texts != NULL && sizes != NULL);
    for (size_t i = 0; i < n_sets; i++)
        texts[i] = read_padded(&sets[i], 1000, &sizes[i]);
    counters_reset();
    for (size_t i = 0; i < N_LOADERS; i++) {
        loaders[i] = (loader){.begin = &begin, .texts = texts, .sizes = sizes};
        assert_int_equal(pthread_create(&loaders[i].thread, NULL, load_and_release, &loaders[i]), 0);
    }
    for (size_t i = 0; i < N_LOADERS; i++) {
        assert_int_equal(pthread_join(loaders[i].thread, NULL), 0);
        assert_int_equal(loaders[i].status, MLSEL_OK);
    }
    assert_true(counters_sum(ALLOCATES) > 0);
    assert_int_equal(counters_live_blocks(), 0);
    for (size_t i = 0; i < n_sets; i++)
        free(texts[i]);
    free(texts);
    free(sizes);
}

int main(void) {
#ifdef NO_LINKER_WRAP
    printf("skipped: the linker of this system cannot send calls elsewhere (--wrap)\n");
    return 0;
#else
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count),  cmocka_unit_test(loading_counts),  cmocka_unit_test(queries),
        cmocka_unit_test(large_batches),   cmocka_unit_test(refused_queries), cmocka_unit_test(threads),
        cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, open_sets, close_sets);
#endif
}
