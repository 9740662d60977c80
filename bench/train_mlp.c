/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an epoch of MLP training takes: bench_train_mlp [--rows N] [--features N] [--batch N] [--threads N]
 * [--epochs N] [--hidden A,B,...] [--device DEVICE]. Synthetic rows with labels of four models, as the compatible
 * objective has them; the best epoch counts. One JSON line. peers/train_mlp.py times PyTorch on the same shapes.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "train/mlp_device.h"

enum { MODELS = 4 };

typedef struct shape {
    size_t rows, features, batch, threads, epochs, n_hidden, hidden[MLSEL_TRAIN_MAX_HIDDEN];
    const char *device;
} shape;

typedef struct work {
    mlp_net net;
    mlp_device device; /* state NULL: the CPU */
    mlp_examples examples;
    uint32_t *order, *steps;
    size_t batch, n_steps;
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

/* The same on a device, which is given all steps at once. */
static mlsel_status device_epoch(work *w) {
    const mlsel_status status = mlsel_i_mlp_device_begin(&w->device, w->order, w->examples.n);
    if (status != MLSEL_OK)
        return status;
    return mlsel_i_mlp_device_steps(&w->device, w->steps, w->n_steps, w->net.learning_rate, &w->loss);
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
        } else if (strcmp(argv[i], "--device") == 0) {
            s->device = value;
        } else if (strcmp(argv[i], "--hidden") == 0) {
            for (s->n_hidden = 0; *end != '\0' && s->n_hidden < MLSEL_TRAIN_MAX_HIDDEN; end += *end == ',')
                s->hidden[s->n_hidden++] = strtoul(end, &end, 10);
        } else {
            return -1;
        }
    }
    return s->rows > 1 && s->batch > 1 && s->features > 0 && s->rows % s->batch != 1 ? 0 : -1;
}

static mlsel_status prepare_net(const shape *s, work *w, train_run *run) {
    size_t widths[MLP_MAX_LAYERS + 1] = {s->features};
    memcpy(widths + 1, s->hidden, s->n_hidden * sizeof *widths);
    widths[s->n_hidden + 1] = MODELS;
    mlsel_status status = mlsel_i_train_device_find(s->device, &run->device, run->err);
    if (status != MLSEL_OK)
        return status;
    status = run->device.mlp == NULL ? mlsel_i_mlp_net_create(&w->net, widths, s->n_hidden + 1, s->batch, run)
                                     : mlsel_i_mlp_net_create_values(&w->net, widths, s->n_hidden + 1, run);
    if (status != MLSEL_OK)
        return status;
    mlsel_i_mlp_net_start(&w->net, 1);
    w->net.dropout = 0.1;
    w->net.learning_rate = 0.001;
    if (run->device.mlp == NULL)
        return MLSEL_OK;
    return mlsel_i_mlp_device_create(&w->device, &w->net, &w->examples, s->rows, s->batch, run);
}

static int prepare(const shape *s, work *w, train_run *run) {
    random_state r;
    const size_t stride = (s->features + 15) / 16 * 16;
    float *x = mlsel_i_run_calloc(run, s->rows * stride, sizeof *x);
    uint32_t *label = mlsel_i_run_alloc(run, s->rows, sizeof *label);
    float *weight = mlsel_i_run_alloc(run, s->rows, sizeof *weight);
    w->order = mlsel_i_run_alloc(run, s->rows, sizeof *w->order);
    w->steps = mlsel_i_run_alloc(run, s->rows, sizeof *w->steps);
    if (x == NULL || label == NULL || weight == NULL || w->order == NULL || w->steps == NULL)
        return -1;
    for (size_t first = 0; first < s->rows; first += s->batch)
        w->steps[w->n_steps++] = (uint32_t)(s->rows - first < s->batch ? s->rows - first : s->batch);
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
    return prepare_net(s, w, run) == MLSEL_OK ? 0 : -1;
}

static void report(const shape *s, const work *w, const train_run *run, double seconds, double cpu_seconds) {
    char case_name[128] = "", text[32];
    size_t length = (size_t)snprintf(case_name, sizeof case_name, "mlp_epoch %zux%zu", s->rows, s->features);
    for (size_t i = 0; i < s->n_hidden; i++)
        length += (size_t)snprintf(case_name + length, sizeof case_name - length, "-%zu", s->hidden[i]);
    mlsel_i_format_double(text, sizeof text, w->loss / ceil((double)s->rows / (double)s->batch));
    printf("{\"case\": \"%s\", \"device\": \"%s\", \"isa\": \"%s\", \"batch\": %zu, \"threads\": %zu, "
           "\"seconds_per_epoch\": %.4f, \"cpu_seconds_per_epoch\": %.4f, \"rows_per_second\": %.0f, "
           "\"gflops\": %.1f, \"loss\": %s}\n",
           case_name, run->device.name, w->net.kernels->isa, s->batch, s->threads, seconds, cpu_seconds,
           (double)s->rows / seconds, operations(s) / seconds * 1e-9, text);
}

int main(int argc, char **argv) {
    shape s = {
        .rows = 22000, .features = 1038, .batch = 32, .threads = 1, .epochs = 3, .n_hidden = 2, .hidden = {512, 256}};
    static work w;
    mlsel_error err = {0};
    train_run run = {.err = &err};
    if (read_arguments(argc, argv, &s) != 0) {
        fprintf(stderr,
                "usage: %s [--rows N] [--features N] [--batch N] [--threads N] [--epochs N] [--hidden A,B] "
                "[--device DEVICE]\n",
                argv[0]);
        return 2;
    }
    if ((s.threads > 1 && mlsel_i_team_create((uint32_t)s.threads, &run.team, &err) != MLSEL_OK) ||
        prepare(&s, &w, &run) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double best = INFINITY, best_cpu = INFINITY;
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < s.epochs && status == MLSEL_OK; i++) {
        const double started = now(CLOCK_MONOTONIC), started_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        if (w.device.state != NULL)
            status = device_epoch(&w);
        else
            mlsel_i_mlp_crew_stretch(&w.net.crew, epoch, &w);
        best = fmin(best, now(CLOCK_MONOTONIC) - started);
        best_cpu = fmin(best_cpu, now(CLOCK_PROCESS_CPUTIME_ID) - started_cpu);
    }
    if (status == MLSEL_OK)
        report(&s, &w, &run, best, best_cpu);
    else
        fprintf(stderr, "%s\n", err.message);
    mlsel_i_mlp_device_free(&w.device);
    mlsel_i_team_free(run.team);
    mlsel_i_mlp_net_free(&w.net);
    mlsel_i_run_free(&run, (void *)w.examples.x);
    mlsel_i_run_free(&run, (void *)w.examples.label);
    mlsel_i_run_free(&run, (void *)w.examples.weight);
    mlsel_i_run_free(&run, w.order);
    mlsel_i_run_free(&run, w.steps);
    return status == MLSEL_OK ? 0 : 1;
}
