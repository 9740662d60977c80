/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an epoch of MLP training takes: bench_train_mlp [--rows N] [--features N] [--batch N] [--threads N]
 * [--epochs N] [--hidden A,B,...]. Synthetic rows with labels of four models, as the compatible objective has them; the
 * best epoch counts. One JSON line. peers/train_mlp.py times PyTorch on the same shapes.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "train/mlp_net.h"

enum { MODELS = 4 };

typedef struct shape {
    size_t rows, features, batch, threads, epochs, n_hidden, hidden[MLSEL_TRAIN_MAX_HIDDEN];
} shape;

typedef struct work {
    mlp_net net;
    mlp_examples examples;
    uint32_t *order;
    size_t batch;
    double loss;
} work;

static void epoch(void *argument) {
    work *w = argument;
    const size_t n = w->examples.n;
    w->loss = 0;
    for (size_t first = 0; first < n; first += w->batch) {
        const size_t next = first + w->batch, count = n - first < w->batch ? n - first : w->batch;
        const size_t left = next < n ? n - next : 0;
        const mlp_loss loss = mlsel_i_mlp_net_step(&w->net, &w->examples, w->order + first, count, w->order + next,
                                                   left < w->batch ? left : w->batch);
        w->loss += loss.sum / loss.weight;
    }
}

/* Multiply-adds of an epoch, two operations each: the first layer needs no derivative by its input. */
static double operations(const shape *s) {
    double per_row = 0;
    size_t width = s->features;
    for (size_t i = 0; i <= s->n_hidden; i++) {
        const size_t next = i < s->n_hidden ? s->hidden[i] : MODELS;
        per_row += (double)width * (double)next * (i == 0 ? 2 : 3);
        width = next;
    }
    return 2 * per_row * (double)s->rows;
}

static int read_arguments(int argc, char **argv, shape *s) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        char *end = argv[i + 1];
        const struct {
            const char *name;
            size_t *to;
        } numbers[] = {{"--rows", &s->rows},
                       {"--features", &s->features},
                       {"--batch", &s->batch},
                       {"--threads", &s->threads},
                       {"--epochs", &s->epochs}};
        size_t k = 0;
        while (k < MLSEL_ARRAY_LENGTH(numbers) && strcmp(argv[i], numbers[k].name) != 0)
            k++;
        if (k < MLSEL_ARRAY_LENGTH(numbers)) {
            *numbers[k].to = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--hidden") == 0) {
            for (s->n_hidden = 0; *end != '\0' && s->n_hidden < MLSEL_TRAIN_MAX_HIDDEN; end += *end == ',')
                s->hidden[s->n_hidden++] = strtoul(end, &end, 10);
        } else {
            return -1;
        }
    }
    return s->rows > 1 && s->batch > 1 && s->features > 0 && s->rows % s->batch != 1 ? 0 : -1;
}

static int prepare(const shape *s, work *w, train_run *run) {
    random_state r;
    size_t widths[MLP_MAX_LAYERS + 1] = {s->features};
    const size_t stride = (s->features + 15) / 16 * 16;
    float *x = mlsel_i_run_calloc(run, s->rows * stride, sizeof *x);
    uint32_t *label = mlsel_i_run_alloc(run, s->rows, sizeof *label);
    float *weight = mlsel_i_run_alloc(run, s->rows, sizeof *weight);
    w->order = mlsel_i_run_alloc(run, s->rows, sizeof *w->order);
    if (x == NULL || label == NULL || weight == NULL || w->order == NULL)
        return -1;
    mlsel_i_random_seed(&r, 1, 0);
    for (size_t i = 0; i < s->rows; i++) {
        double length = 0;
        for (size_t f = 0; f < s->features; f++) {
            x[i * stride + f] = (float)mlsel_i_random_normal(&r);
            length += (double)x[i * stride + f] * (double)x[i * stride + f];
        }
        for (size_t f = 0; f < s->features; f++)
            x[i * stride + f] = (float)((double)x[i * stride + f] / sqrt(length));
        label[i] = (uint32_t)mlsel_i_random_below(&r, MODELS);
        weight[i] = (float)(0.1 + 0.9 * mlsel_i_random_unit(&r));
    }
    mlsel_i_random_permutation(&r, w->order, s->rows);
    w->batch = s->batch;
    w->examples =
        (mlp_examples){.n = s->rows, .n_outputs = MODELS, .x = x, .stride = stride, .label = label, .weight = weight};
    memcpy(widths + 1, s->hidden, s->n_hidden * sizeof *widths);
    widths[s->n_hidden + 1] = MODELS;
    if (mlsel_i_mlp_net_create(&w->net, widths, s->n_hidden + 1, s->batch, run) != MLSEL_OK)
        return -1;
    mlsel_i_mlp_net_start(&w->net, 1);
    w->net.dropout = 0.1;
    w->net.learning_rate = 0.001;
    return 0;
}

static void report(const shape *s, const work *w, double seconds, double cpu_seconds) {
    char case_name[128] = "", text[32];
    size_t length = (size_t)snprintf(case_name, sizeof case_name, "mlp_epoch %zux%zu", s->rows, s->features);
    for (size_t i = 0; i < s->n_hidden; i++)
        length += (size_t)snprintf(case_name + length, sizeof case_name - length, "-%zu", s->hidden[i]);
    mlsel_i_format_double(text, sizeof text, w->loss / ceil((double)s->rows / (double)s->batch));
    printf("{\"case\": \"%s\", \"isa\": \"%s\", \"batch\": %zu, \"threads\": %zu, \"seconds_per_epoch\": %.4f, "
           "\"cpu_seconds_per_epoch\": %.4f, "
           "\"gflops\": %.1f, \"loss\": %s}\n",
           case_name, w->net.kernels->isa, s->batch, s->threads, seconds, cpu_seconds, operations(s) / seconds * 1e-9,
           text);
}

int main(int argc, char **argv) {
    shape s = {
        .rows = 22000, .features = 1038, .batch = 32, .threads = 1, .epochs = 3, .n_hidden = 2, .hidden = {512, 256}};
    static work w;
    mlsel_error err = {0};
    train_run run = {.err = &err};
    if (read_arguments(argc, argv, &s) != 0) {
        fprintf(stderr, "usage: %s [--rows N] [--features N] [--batch N] [--threads N] [--epochs N] [--hidden A,B]\n",
                argv[0]);
        return 2;
    }
    if ((s.threads > 1 && mlsel_i_team_create((uint32_t)s.threads, &run.team, &err) != MLSEL_OK) ||
        prepare(&s, &w, &run) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double best = INFINITY, best_cpu = INFINITY;
    for (size_t i = 0; i < s.epochs; i++) {
        const double started = now(CLOCK_MONOTONIC), started_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        mlsel_i_mlp_crew_stretch(&w.net.crew, epoch, &w);
        best = fmin(best, now(CLOCK_MONOTONIC) - started);
        best_cpu = fmin(best_cpu, now(CLOCK_PROCESS_CPUTIME_ID) - started_cpu);
    }
    report(&s, &w, best, best_cpu);
    mlsel_i_team_free(run.team);
    mlsel_i_mlp_net_free(&w.net);
    mlsel_i_run_free(&run, (void *)w.examples.x);
    mlsel_i_run_free(&run, (void *)w.examples.label);
    mlsel_i_run_free(&run, (void *)w.examples.weight);
    mlsel_i_run_free(&run, w.order);
    return 0;
}
