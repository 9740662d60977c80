/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soak SECONDS EXAMPLES: one process under mixed load for as long as wanted. Threads ask models of every kind alone,
 * through a batcher and through a router, while others load and release models in both formats and reload the router,
 * at times from a configuration that is wrong. Every answer is compared with what one thread got at first. A line every
 * now and then says what was done and what the process holds; at the end resident memory, file descriptors and threads
 * must be what they were after the first tenth. EXAMPLES is the repository's folder of that name. Linux.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mlsel.h"

enum { N_KINDS = 4, N_QUERIES = 6, N_EMBEDDING = 1024, WIDTH = N_EMBEDDING + 14, N_WORKERS = 9, MAX_PATH = 1024 };

static const char *const kinds[N_KINDS] = {"knn", "kmeans", "svm", "mlp"};
static const char *const categories[N_QUERIES] = {"math", "law", "computer science", "history", "biology", "other"};

static const char *examples;
static char folder[] = "/tmp/mlsel-soak-XXXXXX"; /* of containers that are written and read */
static float embeddings[N_QUERIES][N_EMBEDDING], queries[N_QUERIES][WIDTH];
static mlsel_model *models[N_KINDS];
static int32_t expected[N_KINDS][N_QUERIES];
static char routed[N_QUERIES][64];
static mlsel_batcher *batcher;
static mlsel_router *router;
static atomic_bool is_over;

typedef struct worker {
    const char *role;
    void (*step)(struct worker *w);
    pthread_t thread;
    unsigned number;
    uint64_t random;
    atomic_ullong count;
} worker;

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "soak: %s: %s\n", what, why);
    exit(1);
}

static void check(mlsel_status status, const mlsel_error *err, const char *what) {
    if (status != MLSEL_OK)
        fail(what, err->message);
}

static unsigned below(worker *w, unsigned n) { /* xorshift64* */
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (unsigned)((w->random * 0x2545f4914f6cdd1du >> 33) % n);
}

static void path_of(char out[MAX_PATH], const char *kind) {
    (void)snprintf(out, MAX_PATH, "%s/models/%s_model.json", examples, kind);
}

static void compare(int32_t got, unsigned kind, unsigned query, const char *what) {
    if (got != expected[kind][query])
        fail(what, "another answer than at first");
}

/* --- what threads do ---------------------------------------------------------------------------------------------- */

static void select_one(worker *w) {
    const unsigned kind = w->number % N_KINDS, q = below(w, N_QUERIES);
    mlsel_selection best;
    mlsel_error err;
    check(mlsel_select(models[kind], queries[q], WIDTH, NULL, &best, &err), &err, "mlsel_select");
    compare(best.index, kind, q, kinds[kind]);
}

static void select_in_group(worker *w) {
    const unsigned q = below(w, N_QUERIES);
    mlsel_selection best;
    mlsel_error err;
    check(mlsel_batcher_select(batcher, queries[q], WIDTH, NULL, &best, &err), &err, "mlsel_batcher_select");
    compare(best.index, 0, q, "batcher");
}

static void route_one(worker *w) {
    const unsigned q = below(w, N_QUERIES);
    mlsel_request request;
    mlsel_route route;
    mlsel_error err;
    mlsel_request_init(&request, sizeof request);
    request.embedding = embeddings[q];
    request.n_embedding = N_EMBEDDING;
    request.category = categories[q];
    mlsel_route_init(&route, sizeof route);
    check(mlsel_router_route(router, &request, &route, &err), &err, "mlsel_router_route");
    if (strcmp(route.served, routed[q]) != 0)
        fail("router", "another answer than at first");
}

/* A model of its own, in one format and then the other. */
static void load_one(worker *w) {
    const unsigned kind = below(w, N_KINDS), q = below(w, N_QUERIES);
    char path[MAX_PATH], container[MAX_PATH];
    mlsel_model *model = NULL;
    mlsel_save_options options;
    mlsel_selection best;
    mlsel_error err;
    path_of(path, kinds[kind]);
    (void)snprintf(container, sizeof container, "%s/%s.safetensors", folder, kinds[kind]);
    mlsel_save_options_init(&options, sizeof options);
    options.format = MLSEL_FORMAT_SAFETENSORS;
    options.replace = 1;
    check(mlsel_model_load(path, NULL, &model, &err), &err, "mlsel_model_load");
    check(mlsel_model_save(model, container, &options, &err), &err, "mlsel_model_save");
    mlsel_model_release(model);
    check(mlsel_model_load(container, NULL, &model, &err), &err, "mlsel_model_load of a container");
    check(mlsel_select(model, queries[q], WIDTH, NULL, &best, &err), &err, "mlsel_select on a container");
    compare(best.index, kind, q, container);
    mlsel_model_release(model);
}

static void reload(worker *w) {
    static const char broken[] = "decisions:\n  - {name: a, algorithm: {type: knn, knn: {pretrained_path: none.json}}, "
                                 "modelRefs: [{model: a}, {model: b}]}\n";
    mlsel_error err;
    if (below(w, 4) == 0) {
        if (mlsel_router_reload_memory(router, broken, sizeof broken - 1, &err) == MLSEL_OK)
            fail("reload", "a configuration that is wrong was taken");
    } else
        check(mlsel_router_reload(router, NULL, &err), &err, "mlsel_router_reload");
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void *work(void *argument) {
    worker *w = argument;
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        w->step(w);
        atomic_fetch_add_explicit(&w->count, 1, memory_order_relaxed);
    }
    return NULL;
}

/* --- what the process holds --------------------------------------------------------------------------------------- */

typedef struct held {
    unsigned long resident; /* KiB */
    unsigned files, threads;
} held;

static unsigned long status_number(const char *key) {
    char line[256];
    unsigned long value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoul(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return value;
}

static held look(void) {
    held now = {.resident = status_number("VmRSS:"), .threads = (unsigned)status_number("Threads:")};
    DIR *files = opendir("/proc/self/fd");
    while (files != NULL && readdir(files) != NULL)
        now.files++;
    if (files != NULL)
        closedir(files);
    return now;
}

/* --- the program -------------------------------------------------------------------------------------------------- */

static void read_queries(void) {
    char path[MAX_PATH];
    (void)snprintf(path, sizeof path, "%s/queries.f32", examples);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(embeddings, sizeof embeddings, 1, file) != 1)
        fail(path, "cannot be read");
    fclose(file);
}

static void open_all(void) {
    char path[MAX_PATH];
    mlsel_error err;
    mlsel_router_options options;
    mlsel_batcher_options grouping;
    if (mkdtemp(folder) == NULL)
        fail(folder, "cannot be made");
    read_queries();
    for (unsigned k = 0; k < N_KINDS; k++) {
        path_of(path, kinds[k]);
        check(mlsel_model_load(path, NULL, &models[k], &err), &err, path);
        for (unsigned q = 0; q < N_QUERIES; q++) {
            mlsel_selection best;
            check(mlsel_features_compose(models[k], NULL, embeddings[q], N_EMBEDDING, categories[q], queries[q], WIDTH,
                                         NULL, &err),
                  &err, "mlsel_features_compose");
            check(mlsel_select(models[k], queries[q], WIDTH, NULL, &best, &err), &err, "mlsel_select");
            expected[k][q] = best.index;
        }
    }
    mlsel_batcher_options_init(&grouping, sizeof grouping);
    grouping.always_group = 1;
    check(mlsel_batcher_create(models[0], &grouping, &batcher, &err), &err, "mlsel_batcher_create");
    mlsel_router_options_init(&options, sizeof options);
    options.collect_metrics = 1;
    (void)snprintf(path, sizeof path, "%s/router.yaml", examples);
    check(mlsel_router_open(path, &options, &router, &err), &err, path);
    for (unsigned q = 0; q < N_QUERIES; q++) {
        mlsel_request request;
        mlsel_route route;
        mlsel_request_init(&request, sizeof request);
        request.embedding = embeddings[q];
        request.n_embedding = N_EMBEDDING;
        request.category = categories[q];
        mlsel_route_init(&route, sizeof route);
        check(mlsel_router_route(router, &request, &route, &err), &err, "mlsel_router_route");
        (void)snprintf(routed[q], sizeof routed[q], "%s", route.served);
    }
}

static void close_all(void) {
    mlsel_batcher_release(batcher);
    mlsel_router_release(router);
    for (unsigned k = 0; k < N_KINDS; k++) {
        char path[MAX_PATH];
        mlsel_model_release(models[k]);
        (void)snprintf(path, sizeof path, "%s/%s.safetensors", folder, kinds[k]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void print_line(double elapsed, const worker *workers, const held *now) {
    unsigned long long selected = 0, counts[4] = {0};
    for (int i = 0; i < N_WORKERS; i++) {
        const unsigned long long n = atomic_load(&workers[i].count);
        selected += workers[i].step == select_one ? n : 0;
        counts[0] += workers[i].step == select_in_group ? n : 0;
        counts[1] += workers[i].step == route_one ? n : 0;
        counts[2] += workers[i].step == load_one ? n : 0;
        counts[3] += workers[i].step == reload ? n : 0;
    }
    printf("%8.0f %13llu %13llu %13llu %9llu %9llu %10lu %6u %8u\n", elapsed, selected, counts[0], counts[1], counts[2],
           counts[3], now->resident, now->files, now->threads);
    fflush(stdout);
}

/* Until the time is over; what the process held after the first tenth, and at most and at the end after that. */
static int watch(double seconds, const worker *workers) {
    const double start = seconds_now(), interval = seconds / 60 > 0.2 ? seconds / 60 : 0.2;
    held first = {0}, last = {0};
    unsigned long most = 0;
    printf("%8s %13s %13s %13s %9s %9s %10s %6s %8s\n", "SECONDS", "SELECTED", "GROUPED", "ROUTED", "LOADED",
           "RELOADED", "RSS (KiB)", "FILES", "THREADS");
    for (double elapsed = 0; elapsed < seconds;) {
        nanosleep(&(struct timespec){.tv_sec = (time_t)interval,
                                     .tv_nsec = (long)((interval - (double)(time_t)interval) * 1e9)},
                  NULL);
        elapsed = seconds_now() - start;
        last = look();
        print_line(elapsed, workers, &last);
        if (elapsed < seconds / 10 || first.resident == 0)
            first = last;
        else if (last.resident > most)
            most = last.resident;
    }
    const unsigned long room = first.resident / 50 + 4096; /* what allocators keep differs from time to time */
    /* a thread that loads holds up to two files at a moment, and one that reloads */
    const unsigned long files = first.files > last.files ? first.files - last.files : last.files - first.files;
    printf("resident memory after the first tenth %lu KiB, at most %lu KiB since (%lu KiB more are allowed)\n",
           first.resident, most, room);
    if (most > first.resident + room || files > 4 || last.threads != first.threads) {
        printf("FAILED: something grows\n");
        return 1;
    }
    printf("nothing grows\n");
    return 0;
}

int main(int argc, char **argv) {
    const double seconds = argc == 3 ? strtod(argv[1], NULL) : 0;
    if (!(seconds > 0)) {
        fprintf(stderr, "usage: soak SECONDS EXAMPLES\n");
        return 2;
    }
    examples = argv[2];
    open_all();
    static worker workers[N_WORKERS] = {
        {.role = "select", .step = select_one},       {.role = "select", .step = select_one},
        {.role = "select", .step = select_one},       {.role = "select", .step = select_one},
        {.role = "batcher", .step = select_in_group}, {.role = "batcher", .step = select_in_group},
        {.role = "router", .step = route_one},        {.role = "loader", .step = load_one},
        {.role = "reloader", .step = reload},
    };
    for (unsigned i = 0; i < N_WORKERS; i++) {
        workers[i].number = i;
        workers[i].random = i + 1;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            fail(workers[i].role, "no thread");
    }
    const int result = watch(seconds, workers);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < N_WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    close_all();
    return result;
}
