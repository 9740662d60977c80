/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batcher does for threads that ask one model at once, beside the plain calls.
 *
 *     bench_batcher [--seconds S] [--threads N,N...] [--device DEVICE] [--case NAME] [--running N]
 *               [--wait US] [--always 1]
 *
 * Both take turns, and a ratio is the median over the turns. A thread asks the next query as soon as it has its answer.
 * With MLSEL_PLUGIN_PATH at the folder of bench_fixed_device, device "cuda" is one that takes as long for one query as
 * for a batch (see there).
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "measure.h"
#include "mlsel.h"

enum { MAX_THREADS = 256, TURNS = 7, MAX_SAMPLES = 1 << 16 };

typedef struct subject {
    const char *name, *of; /* of: the case of cases.c */
    bench_rows rows;
    int32_t allow_rounding;
} subject;

static const subject subjects[] = {
    {"knn-10k", "knn-10k", BENCH_ROWS_USUAL, 0},
    {"knn-10k-alike", "knn-10k", BENCH_ROWS_ALIKE, 0},
    {"mlp-512-256", "mlp-512-256", BENCH_ROWS_USUAL, 0},
    {"mlp-512-256-rounding", "mlp-512-256", BENCH_ROWS_USUAL, 1},
    {"svm-4000-rounding", "svm-4000", BENCH_ROWS_USUAL, 1},
    {"kmeans-8", "kmeans-8", BENCH_ROWS_USUAL, 0},
};

typedef struct worker {
    pthread_t thread;
    struct setting *setting;
    size_t number;
    double *samples; /* [MAX_SAMPLES] ns, of both sides in turn */
    size_t n_samples;
    size_t n_asked;
} worker;

typedef struct setting {
    mlsel_model *model;
    mlsel_batcher *batcher; /* NULL: the plain calls */
    const float *queries;
    size_t n_threads;
    double seconds;                    /* of a turn */
    uint32_t max_running, max_wait_us; /* of the batcher */
    int32_t always_group;
    atomic_uint arrived;
    atomic_bool stop;
    worker workers[MAX_THREADS];
} setting;

/* One side over all turns. */
typedef struct side {
    mlsel_batcher *batcher;
    double *samples;
    size_t n_samples, capacity;
    double rate; /* queries per second, of the last turn */
    double rates[TURNS];
} side;

static void *ask(void *opaque) {
    worker *w = opaque;
    setting *s = w->setting;
    atomic_fetch_add(&s->arrived, 1);
    while (atomic_load(&s->arrived) < s->n_threads + 1)
        sched_yield();
    for (size_t q = w->number * 37; !atomic_load_explicit(&s->stop, memory_order_relaxed); q++) {
        const float *x = s->queries + q % BENCH_QUERIES * BENCH_WIDTH;
        mlsel_selection best;
        mlsel_error err;
        const double start = bench_now();
        const mlsel_status status = s->batcher != NULL
                                        ? mlsel_batcher_select(s->batcher, x, BENCH_WIDTH, NULL, &best, &err)
                                        : mlsel_select(s->model, x, BENCH_WIDTH, NULL, &best, &err);
        if (status != MLSEL_OK)
            bench_fail("%s", err.message);
        w->samples[w->n_asked++ % MAX_SAMPLES] = bench_now() - start;
    }
    w->n_samples = w->n_asked < MAX_SAMPLES ? w->n_asked : MAX_SAMPLES;
    return NULL;
}

static void rest(double seconds) {
    const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static void keep(side *to, const worker *w) {
    if (to->n_samples + w->n_samples > to->capacity) {
        to->capacity = 2 * (to->n_samples + w->n_samples);
        double *larger = bench_alloc(to->capacity, sizeof *larger);
        if (to->n_samples > 0)
            memcpy(larger, to->samples, to->n_samples * sizeof *larger);
        free(to->samples);
        to->samples = larger;
    }
    memcpy(to->samples + to->n_samples, w->samples, w->n_samples * sizeof *to->samples);
    to->n_samples += w->n_samples;
}

static void take_turn(setting *s, side *to, size_t turn, int is_warm) {
    size_t asked = 0;
    s->batcher = to->batcher;
    atomic_store(&s->arrived, 0);
    atomic_store(&s->stop, false);
    for (size_t i = 0; i < s->n_threads; i++) {
        worker *w = &s->workers[i];
        *w = (worker){.setting = s, .number = i, .samples = w->samples};
        if (pthread_create(&w->thread, NULL, ask, w) != 0)
            bench_fail("no thread");
    }
    atomic_fetch_add(&s->arrived, 1);
    const double start = bench_now();
    rest(is_warm ? s->seconds : s->seconds / 4);
    atomic_store(&s->stop, true);
    for (size_t i = 0; i < s->n_threads; i++)
        pthread_join(s->workers[i].thread, NULL);
    const double seconds = (bench_now() - start) / 1e9;
    for (size_t i = 0; i < s->n_threads; i++) {
        asked += s->workers[i].n_asked;
        if (is_warm)
            keep(to, &s->workers[i]);
    }
    if (is_warm)
        to->rates[turn] = (double)asked / seconds;
}

static void print_side(const char *what, side *s) {
    printf("  %s p50 %7.1f p99 %8.1f us", what, bench_quantile(s->samples, s->n_samples, 0.5) / 1e3,
           bench_quantile(s->samples, s->n_samples, 0.99) / 1e3);
    free(s->samples);
}

static void compare(setting *s, const subject *what) {
    mlsel_batcher_options options;
    mlsel_error err;
    mlsel_batcher_options_init(&options, sizeof options);
    options.allow_rounding = what->allow_rounding;
    options.max_running = s->max_running;
    options.max_wait_us = s->max_wait_us;
    options.always_group = s->always_group;
    side plain = {0}, batched = {0};
    if (mlsel_batcher_create(s->model, &options, &batched.batcher, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    take_turn(s, &plain, 0, 0);
    take_turn(s, &batched, 0, 0);
    double ratios[TURNS];
    for (size_t turn = 0; turn < TURNS; turn++) {
        take_turn(s, &plain, turn, 1);
        take_turn(s, &batched, turn, 1);
        ratios[turn] = batched.rates[turn] / plain.rates[turn];
    }
    mlsel_batcher_stats stats;
    if (mlsel_batcher_get_stats(batched.batcher, &stats, sizeof stats, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    printf("%-20s %3zu threads:", what->name, s->n_threads);
    print_side("plain", &plain);
    print_side("batcher", &batched);
    printf("  %7.0f -> %7.0f /s  x %.2f  mean batch %.1f, largest %llu, timeouts %.1f %%\n",
           bench_quantile(plain.rates, TURNS, 0.5), bench_quantile(batched.rates, TURNS, 0.5),
           bench_quantile(ratios, TURNS, 0.5), (double)stats.batched / (double)stats.batches,
           (unsigned long long)stats.largest_batch, 100.0 * (double)stats.timeouts / (double)stats.batches);
    fflush(stdout);
    mlsel_batcher_release(batched.batcher);
}

static void run_subject(setting *s, const subject *what, const char *threads, const char *device) {
    bench_artifact artifact = {0};
    mlsel_model_options options;
    mlsel_error err;
    for (size_t i = 0; i < bench_n_cases; i++)
        if (strcmp(bench_cases[i].name, what->of) == 0)
            bench_make_artifact(&bench_cases[i], what->rows, 1, NULL, &artifact);
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    if (mlsel_model_load_memory(artifact.json.data, artifact.json.size, &options, &s->model, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    bench_text_free(&artifact.json);
    float *queries = bench_make_queries(what->rows);
    s->queries = queries;
    for (const char *at = threads; *at != '\0'; at += strspn(at, ",")) {
        char *end;
        s->n_threads = strtoul(at, &end, 10);
        if (s->n_threads < 1 || s->n_threads > MAX_THREADS || end == at)
            bench_fail("--threads: numbers from 1 to %d, with commas between them", MAX_THREADS);
        at = end;
        compare(s, what);
    }
    free(queries);
    mlsel_model_release(s->model);
}

int main(int argc, char **argv) {
    static setting s;
    const char *threads = "1,2,4,16,64", *device = "cpu", *name = NULL;
    double seconds = 4;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            bench_fail("%s needs a value", argv[i]);
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--threads") == 0)
            threads = argv[i + 1];
        else if (strcmp(argv[i], "--device") == 0)
            device = argv[i + 1];
        else if (strcmp(argv[i], "--case") == 0)
            name = argv[i + 1];
        else if (strcmp(argv[i], "--running") == 0)
            s.max_running = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--always") == 0)
            s.always_group = strcmp(argv[i + 1], "0") != 0;
        else if (strcmp(argv[i], "--wait") == 0)
            s.max_wait_us =
                strcmp(argv[i + 1], "none") == 0 ? MLSEL_BATCHER_NO_WAIT : (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else
            bench_fail("what is %s?", argv[i]);
    }
    s.seconds = seconds / 2 / TURNS;
    for (size_t i = 0; i < MAX_THREADS; i++)
        s.workers[i].samples = bench_alloc(MAX_SAMPLES, sizeof(double));
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (name == NULL || strcmp(name, subjects[i].name) == 0)
            run_subject(&s, &subjects[i], threads, device);
    for (size_t i = 0; i < MAX_THREADS; i++)
        free(s.workers[i].samples);
    return 0;
}
