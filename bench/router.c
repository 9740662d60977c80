/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a router adds to the bare select.
 *
 *     bench_router MODELS                       times, for 1 to 1000 decisions
 *     bench_router MODELS DECISIONS COUNT WHAT  routes (WHAT: route, metrics) or composes and selects (select) COUNT
 *                                               times, for an instruction counter; prints nothing
 *
 * MODELS is a folder with kmeans_model.json, the cheapest to score. The request carries three signals, and of all
 * decisions the one that is asked last matches.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlsel.h"

enum { EMBEDDING = 1024, WIDTH = 1038, DECISION_BYTES = 320, ROUNDS = 15, REQUESTS = 20000 };

typedef struct setting {
    mlsel_router *router;
    mlsel_model *model;
    char last[32];
    float embedding[EMBEDDING];
    mlsel_signal signals[3];
    mlsel_request request;
} setting;

static void check(mlsel_status status, const mlsel_error *err) {
    if (status == MLSEL_OK)
        return;
    fprintf(stderr, "bench_router: %s\n", err->message);
    exit(1);
}

static char *write_configuration(unsigned n) {
    char *text = malloc(n * (size_t)DECISION_BYTES + 64), *at = text;
    if (text == NULL)
        exit(1);
    at += sprintf(at, "model_selection: {ml: {models_path: .}}\ndecisions:\n");
    for (unsigned i = 0; i < n; i++)
        at += sprintf(at,
                      "- name: d%u\n  priority: %u\n  rules: {operator: AND, conditions: [{type: keyword, name: k%u}, "
                      "{operator: NOT, conditions: [{type: language, name: l%u}]}]}\n  algorithm: {type: kmeans}\n"
                      "  modelRefs: [{model: codellama-7b}, {model: llama-3.2-1b}, {model: mistral-7b}]\n",
                      i, n - i, i, i % 10);
    return text;
}

static void open_setting(setting *s, const char *models, unsigned n_decisions, int metrics) {
    mlsel_error err;
    mlsel_router_options options;
    char *text = write_configuration(n_decisions);
    memset(s, 0, sizeof *s);
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = models;
    options.collect_metrics = metrics;
    check(mlsel_router_open_memory(text, strlen(text), &options, &s->router, &err), &err);
    check(mlsel_router_get_model(s->router, n_decisions - 1, &s->model, &err), &err);
    free(text);
    for (int i = 0; i < EMBEDDING; i++)
        s->embedding[i] = (float)(i * 37 % 101 - 50) / 1000;
    snprintf(s->last, sizeof s->last, "k%u", n_decisions - 1);
    s->signals[0] = (mlsel_signal){"keyword", s->last};
    s->signals[1] = (mlsel_signal){"language", "none"};
    s->signals[2] = (mlsel_signal){"keyword", "unheard"};
    mlsel_request_init(&s->request, sizeof s->request);
    s->request.embedding = s->embedding;
    s->request.n_embedding = EMBEDDING;
    s->request.category = "math";
    s->request.signals = s->signals;
    s->request.n_signals = 3;
}

static void close_setting(setting *s) {
    mlsel_model_release(s->model);
    mlsel_router_release(s->router);
}

static void route(const setting *s, unsigned long count) {
    mlsel_error err;
    mlsel_route answer;
    mlsel_route_init(&answer, sizeof answer);
    for (unsigned long i = 0; i < count; i++)
        check(mlsel_router_route(s->router, &s->request, &answer, &err), &err);
}

/* What a host without a router would call. */
static void select_bare(const setting *s, unsigned long count) {
    float features[WIDTH];
    mlsel_error err;
    mlsel_selection best;
    const int32_t eligible[] = {mlsel_model_find_label(s->model, "codellama-7b"),
                                mlsel_model_find_label(s->model, "llama-3.2-1b"),
                                mlsel_model_find_label(s->model, "mistral-7b")};
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = eligible;
    options.n_eligible = 3;
    for (unsigned long i = 0; i < count; i++) {
        check(mlsel_features_compose(s->model, NULL, s->embedding, EMBEDDING, "math", features, WIDTH, NULL, &err),
              &err);
        check(mlsel_select(s->model, features, WIDTH, &options, &best, &err), &err);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The fastest of several rounds: what else the machine does only adds. */
static double fastest(const setting *s, void (*work)(const setting *, unsigned long)) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        work(s, REQUESTS);
        const double each = (now() - start) / REQUESTS;
        best = round == 0 || each < best ? each : best;
    }
    return best;
}

static void print_times(const char *models) {
    static const unsigned sizes[] = {1, 10, 100, 1000};
    printf("%9s  %7s  %16s  %8s  %8s\n", "decisions", "metrics", "compose + select", "route", "adds");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int metrics = 0; metrics <= 1; metrics++) {
            setting s;
            open_setting(&s, models, sizes[i], metrics);
            const double bare = fastest(&s, select_bare), routed = fastest(&s, route);
            printf("%9u  %7s  %13.0f ns  %5.0f ns  %5.0f ns\n", sizes[i], metrics ? "on" : "off", bare, routed,
                   routed - bare);
            close_setting(&s);
        }
}

int main(int argc, char **argv) {
    if (argc == 2) {
        print_times(argv[1]);
        return 0;
    }
    if (argc != 5) {
        fputs("usage: bench_router MODELS [DECISIONS COUNT route|metrics|select]\n", stderr);
        return 2;
    }
    setting s;
    open_setting(&s, argv[1], (unsigned)strtoul(argv[2], NULL, 10), strcmp(argv[4], "metrics") == 0);
    (strcmp(argv[4], "select") == 0 ? select_bare : route)(&s, strtoul(argv[3], NULL, 10));
    close_setting(&s);
    return 0;
}
