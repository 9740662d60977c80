/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One router in many threads, while others reload it. Every answer must be, whole, one that a single thread gets from
 * one of the configurations, and its names must stay readable. TEST_ROUTES sets the number of requests in all.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gate.h"
#include "support.h"

enum {
    N_CONFIGS = 2,
    N_QUERIES = 16,
    N_CANDIDATES = 6,
    EMBEDDING = 19,
    N_ROUTERS = 16,
    N_RELOADERS = 2,
    N_READERS = 2,
    N_THREADS = N_ROUTERS + N_RELOADERS + N_READERS
};

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifdef THREAD_SANITIZER
enum { DEFAULT_ROUTES = 40000 };
#else
enum { DEFAULT_ROUTES = 600000 };
#endif

#define REFS(a, b, c, d, e, f)                                                                                         \
    "    modelRefs: [{model: " a "}, {model: " b "}, {model: " c "}, {model: " d "}, {model: " e "}, {model: " f "}]"  \
    "\n"
#define KNN(k) "    algorithm: {type: knn, knn: {k: " k ", pretrained_path: knn_cosine.json}}\n"

/* The same artifact with other parameters, names and orders, so that anything taken from the other state shows. */
static const char *const configs[N_CONFIGS] = {
    "decisions:\n  - name: alpha\n" KNN("5")
        REFS("codellama-7b", "llama-3.2-1b", "llama-3.2-3b", "mistral-7b", "phi-3", "qwen-2.5-14b"),
    "decisions:\n"
    "  - {name: never, priority: 9, rules: {operator: AND, conditions: [{type: x, name: y}]}, modelRefs: [{model: "
    "m}]}\n"
    "  - name: beta\n" KNN("3")
        REFS("qwen-2.5-14b", "phi-3", "mistral-7b", "llama-3.2-3b", "llama-3.2-1b", "codellama-7b"),
};
static const char broken[] =
    "decisions:\n  - name: gamma\n    algorithm: {type: knn, knn: {pretrained_path: nowhere.json}}\n"
    "    modelRefs: [{model: a}, {model: b}]\n";

/* What one thread gets: memory that compares. */
typedef struct answer {
    mlsel_route route;
    mlsel_route_candidate candidates[N_CANDIDATES];
} answer;

static float queries[N_QUERIES][EMBEDDING];
static answer expected[N_CONFIGS][N_QUERIES];
static mlsel_router *router;
static gate start = {.n_threads = N_THREADS};
static size_t routes_each;
static atomic_size_t n_routing = N_ROUTERS;
static atomic_size_t n_reloads;

typedef struct worker {
    pthread_t thread;
    size_t number;
    size_t answers[N_CONFIGS];
    char failure[512]; /* "": none; threads do not assert */
} worker;

static mlsel_request request_of(size_t query) {
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.embedding = queries[query];
    request.n_embedding = EMBEDDING;
    request.category = query % 2 == 0 ? "math" : "law";
    return request;
}

static mlsel_status ask(size_t query, answer *out, mlsel_error *err) {
    const mlsel_request request = request_of(query);
    memset(out, 0, sizeof *out);
    mlsel_route_init(&out->route, sizeof out->route);
    out->route.candidates = out->candidates;
    out->route.candidates_capacity = N_CANDIDATES;
    const mlsel_status status = mlsel_router_route(router, &request, &out->route, err);
    out->route.candidates = NULL; /* where it was stored is no part of the answer */
    return status;
}

static bool check(worker *w, size_t query, uint64_t *generation) {
    answer got;
    mlsel_error err;
    if (ask(query, &got, &err) != MLSEL_OK) {
        (void)snprintf(w->failure, sizeof w->failure, "query %zu: %s", query, err.message);
        return false;
    }
    const uint64_t seen = got.route.generation;
    const size_t config = strcmp(got.route.decision, "alpha") == 0 ? 0 : 1;
    got.route.generation = 0;
    if (seen < *generation || memcmp(&got, &expected[config][query], sizeof got) != 0) {
        (void)snprintf(w->failure, sizeof w->failure, "query %zu: torn answer: %s by %s, generation %llu after %llu",
                       query, got.route.served, got.route.decision, (unsigned long long)seen,
                       (unsigned long long)*generation);
        return false;
    }
    *generation = seen;
    w->answers[config]++;
    return true;
}

static void *route(void *opaque) {
    worker *w = opaque;
    uint64_t generation = 0;
    gate_pass(&start);
    for (size_t i = 0; i < routes_each && check(w, (i + w->number) % N_QUERIES, &generation); i++)
        ;
    atomic_fetch_sub(&n_routing, 1);
    mlsel_router_release(router);
    return NULL;
}

static void *reload(void *opaque) {
    worker *w = opaque;
    const struct timespec pause = {.tv_nsec = 2000000};
    gate_pass(&start);
    for (size_t turn = w->number; atomic_load(&n_routing) > 0; turn++) {
        mlsel_error err;
        const char *text = turn % 5 == 4 ? broken : configs[turn % N_CONFIGS];
        const mlsel_status status = mlsel_router_reload_memory(router, text, strlen(text), &err);
        if (status != (text == broken ? MLSEL_ERROR_NOT_FOUND : MLSEL_OK)) {
            (void)snprintf(w->failure, sizeof w->failure, "reload: %s: %s", mlsel_status_name(status), err.message);
            break;
        }
        atomic_fetch_add(&n_reloads, status == MLSEL_OK);
        nanosleep(&pause, NULL);
    }
    mlsel_router_release(router);
    return NULL;
}

/* Reads everything there is to read while states come and go. */
static bool describe(worker *w) {
    mlsel_router_info info;
    mlsel_router_decision decision;
    mlsel_router_metrics metrics;
    mlsel_decision_metrics counts;
    mlsel_model *model = NULL;
    uint64_t selections = 0;
    if (mlsel_router_get_info(router, &info, sizeof info, NULL) != MLSEL_OK ||
        mlsel_router_get_decision(router, 0, &decision, sizeof decision, NULL) != MLSEL_OK ||
        mlsel_router_get_model(router, info.n_decisions - 1, &model, NULL) == MLSEL_ERROR_NO_MEMORY ||
        mlsel_router_get_metrics(router, &metrics, sizeof metrics, NULL) != MLSEL_OK ||
        mlsel_router_get_decision_metrics(router, 0, &counts, sizeof counts, NULL) != MLSEL_OK ||
        mlsel_router_get_selections(router, 0, 0, &selections, NULL) != MLSEL_OK ||
        (strcmp(decision.name, "alpha") != 0 && strcmp(decision.name, "never") != 0)) {
        (void)snprintf(w->failure, sizeof w->failure, "the router described itself differently");
        return false;
    }
    mlsel_model_release(model);
    return true;
}

static void *read_all(void *opaque) {
    worker *w = opaque;
    gate_pass(&start);
    while (atomic_load(&n_routing) > 0 && describe(w))
        ;
    mlsel_router_release(router);
    return NULL;
}

/* --- all together ------------------------------------------------------------------------------------------------ */

static void open_router(void) {
    mlsel_router_options options;
    mlsel_error err;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = TEST_SOURCE_DIR "/tests/fixtures";
    options.collect_metrics = 1;
    test_ok(mlsel_router_open_memory(configs[0], strlen(configs[0]), &options, &router, &err), &err);
    for (size_t q = 0; q < N_QUERIES; q++)
        for (size_t i = 0; i < EMBEDDING; i++)
            queries[q][i] = (float)sin((double)(q * EMBEDDING + i + 1));
    for (size_t c = 0; c < N_CONFIGS; c++) {
        test_ok(mlsel_router_reload_memory(router, configs[c], strlen(configs[c]), &err), &err);
        for (size_t q = 0; q < N_QUERIES; q++) {
            test_ok(ask(q, &expected[c][q], &err), &err);
            expected[c][q].route.generation = 0;
        }
    }
}

static void check_metrics(const worker *workers) {
    mlsel_error err;
    mlsel_router_metrics metrics;
    test_ok(mlsel_router_get_metrics(router, &metrics, sizeof metrics, &err), &err);
    assert_int_equal(metrics.requests, N_ROUTERS * routes_each + N_CONFIGS * N_QUERIES);
    assert_int_equal(metrics.errors, 0);
    assert_int_equal(metrics.reloads, atomic_load(&n_reloads) + N_CONFIGS);
    assert_int_equal(metrics.generation, metrics.reloads + 1);
    /* counts go on across reloads: none is lost, whichever state counted it */
    test_ok(mlsel_router_reload_memory(router, configs[0], strlen(configs[0]), &err), &err);
    size_t answers = N_QUERIES;
    for (size_t i = 0; i < N_ROUTERS; i++)
        answers += workers[i].answers[0];
    mlsel_decision_metrics counts;
    test_ok(mlsel_router_get_decision_metrics(router, 0, &counts, sizeof counts, &err), &err);
    assert_string_equal(counts.name, "alpha");
    assert_int_equal(counts.requests, answers);
    assert_int_equal(counts.scored, answers);
    uint64_t histogram = 0, selections = 0, one = 0;
    for (size_t b = 0; b < MLSEL_LATENCY_BUCKETS; b++)
        histogram += counts.latency[b];
    assert_int_equal(histogram, answers);
    for (uint32_t i = 0; i < N_CANDIDATES; i++) {
        test_ok(mlsel_router_get_selections(router, 0, i, &one, &err), &err);
        selections += one;
    }
    assert_int_equal(selections, answers);
}

static void all_at_once(void **state) {
    (void)state;
    static worker workers[N_THREADS];
    const char *total = getenv("TEST_ROUTES");
    routes_each = (total == NULL ? DEFAULT_ROUTES : strtoull(total, NULL, 10)) / N_ROUTERS;
    open_router();
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i].number = i;
        mlsel_router_retain(router);
        void *(*const body)(void *) = i < N_ROUTERS ? route : i < N_ROUTERS + N_RELOADERS ? reload : read_all;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    size_t answers[N_CONFIGS] = {0};
    for (size_t i = 0; i < N_THREADS; i++) {
        if (workers[i].failure[0] != '\0')
            fail_msg("thread %zu: %s", i, workers[i].failure);
        answers[0] += workers[i].answers[0];
        answers[1] += workers[i].answers[1];
    }
    assert_true(answers[0] > 0 && answers[1] > 0 && atomic_load(&n_reloads) > 2);
    check_metrics(workers);
    print_message("%zu and %zu answers, %zu reloads\n", answers[0], answers[1], atomic_load(&n_reloads));
    mlsel_router_release(router);
}

/* --- more threads than slots ------------------------------------------------------------------------------------- */

enum { N_CROWD = 100, CROWD_ROUNDS = 20 };

static gate crowd = {.n_threads = N_CROWD};

static void *route_in_step(void *opaque) {
    worker *w = opaque;
    uint64_t generation = 0;
    for (size_t i = 0; i < CROWD_ROUNDS; i++) {
        gate_pass(&crowd);
        if (w->number == 0 && mlsel_router_reload_memory(router, configs[i % N_CONFIGS], strlen(configs[i % N_CONFIGS]),
                                                         NULL) != MLSEL_OK)
            (void)snprintf(w->failure, sizeof w->failure, "a reload failed");
        for (size_t q = 0; q < N_QUERIES && w->failure[0] == '\0'; q++)
            (void)check(w, q, &generation);
    }
    return NULL;
}

static void a_crowd(void **state) {
    (void)state;
    static worker workers[N_CROWD];
    open_router();
    for (size_t i = 0; i < N_CROWD; i++) {
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, route_in_step, &workers[i]), 0);
    }
    for (size_t i = 0; i < N_CROWD; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (size_t i = 0; i < N_CROWD; i++)
        if (workers[i].failure[0] != '\0')
            fail_msg("thread %zu: %s", i, workers[i].failure);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once), cmocka_unit_test(a_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
