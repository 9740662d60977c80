/* SPDX-License-Identifier: Apache-2.0 */
/* Training steps that PyTorch recorded (tests/fixtures/fixture_train_mlp.py): reading them, and comparing. */
#ifndef MLSEL_TEST_UNIT_MLP_RECORDED_H
#define MLSEL_TEST_UNIT_MLP_RECORDED_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "train/mlp_net.h"

/* --- networks ----------------------------------------------------------------------------------------------------- */

static size_t read_widths(const cJSON *recorded, size_t widths[MLP_MAX_LAYERS + 1]) {
    size_t n = 0;
    const cJSON *width;
    cJSON_ArrayForEach (width, test_need(recorded, "widths"))
        widths[n++] = (size_t)width->valuedouble;
    return n - 1;
}

static void set_vector(const cJSON *layer, const char *key, float *to) {
    size_t n;
    double *values = test_numbers(test_need(layer, key), &n);
    for (size_t i = 0; i < n; i++)
        to[i] = (float)values[i];
    free(values);
}

static void set_layers(mlp_net *net, const cJSON *recorded) {
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        const cJSON *from = cJSON_GetArrayItem(recorded, (int)i), *row;
        size_t o = 0;
        cJSON_ArrayForEach (row, test_need(from, "weight")) {
            size_t n;
            double *values = test_numbers(row, &n);
            for (size_t in = 0; in < n; in++)
                l->w[mlsel_i_mlp_weight_index(l->in_rows, o, in)] = (float)values[in];
            free(values);
            o++;
        }
        set_vector(from, "bias", l->bias);
        if (i + 1 == net->n_layers)
            continue;
        set_vector(from, "gamma", l->gamma);
        set_vector(from, "beta", l->beta);
        set_vector(from, "running_mean", l->running_mean);
        set_vector(from, "running_var", l->running_var);
    }
}

/* PyTorch sums in another order, and Adam keeps relative errors of gradients: a millionth, of steps of 0.01. */
static const double tolerance = 2e-6;

static void check_vector(const cJSON *layer, const char *key, const float *got) {
    size_t n;
    double *values = test_numbers(test_need(layer, key), &n);
    for (size_t i = 0; i < n; i++)
        test_close((double)got[i], values[i], tolerance, key);
    free(values);
}

static void check_layers(const mlp_net *net, const cJSON *recorded) {
    for (size_t i = 0; i < net->n_layers; i++) {
        const mlp_layer *l = &net->layers[i];
        const cJSON *from = cJSON_GetArrayItem(recorded, (int)i), *row;
        size_t o = 0;
        cJSON_ArrayForEach (row, test_need(from, "weight")) {
            size_t n;
            double *values = test_numbers(row, &n);
            for (size_t in = 0; in < n; in++)
                test_close((double)l->w[mlsel_i_mlp_weight_index(l->in_rows, o, in)], values[in], tolerance, "weight");
            free(values);
            o++;
        }
        check_vector(from, "bias", l->bias);
        if (i + 1 == net->n_layers)
            continue;
        check_vector(from, "gamma", l->gamma);
        check_vector(from, "beta", l->beta);
        check_vector(from, "running_mean", l->running_mean);
        check_vector(from, "running_var", l->running_var);
    }
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

enum { MAX_STEPS = 3 };

/* All batches one after the other. */
typedef struct recorded_rows {
    mlp_examples examples;
    float *x, *target, *weight;
    uint32_t *label, *order;
    size_t sizes[MAX_STEPS], n_steps;
} recorded_rows;

static void read_batch(const cJSON *batch, size_t features, recorded_rows *r, size_t at, size_t n) {
    const cJSON *x = test_need(batch, "x");
    const size_t m = r->examples.n_outputs;
    const bool has_labels = cJSON_HasObjectItem(batch, "label");
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < features; i++)
            r->x[(at + j) * r->examples.stride + i] =
                (float)cJSON_GetArrayItem(cJSON_GetArrayItem(x, (int)j), (int)i)->valuedouble;
        r->order[at + j] = (uint32_t)(at + j);
        if (has_labels) {
            r->label[at + j] = (uint32_t)cJSON_GetArrayItem(test_need(batch, "label"), (int)j)->valuedouble;
            r->weight[at + j] = (float)cJSON_GetArrayItem(test_need(batch, "weight"), (int)j)->valuedouble;
        }
        for (size_t o = 0; !has_labels && o < m; o++) {
            const cJSON *value = cJSON_GetArrayItem(cJSON_GetArrayItem(test_need(batch, "target"), (int)j), (int)o);
            r->target[(at + j) * m + o] = cJSON_IsNull(value) ? NAN : (float)value->valuedouble;
        }
    }
    r->examples.label = has_labels ? r->label : NULL;
    r->examples.weight = has_labels ? r->weight : NULL;
    r->examples.target = has_labels ? NULL : r->target;
}

static void read_rows(const cJSON *recorded, size_t features, size_t outputs, recorded_rows *r) {
    const cJSON *size, *batch;
    size_t n = 0, at = 0;
    memset(r, 0, sizeof *r);
    cJSON_ArrayForEach (size, test_need(recorded, "rows"))
        n += r->sizes[r->n_steps++] = (size_t)size->valuedouble;
    assert_true(n > 0 && r->n_steps <= MAX_STEPS);
    r->examples.n = n;
    r->examples.n_outputs = outputs;
    r->examples.stride = (features + 15) / 16 * 16;
    r->x = calloc(n * r->examples.stride, sizeof *r->x);
    r->target = calloc(n * outputs, sizeof *r->target);
    r->weight = calloc(n, sizeof *r->weight);
    r->label = calloc(n, sizeof *r->label);
    r->order = calloc(n, sizeof *r->order);
    assert_true(r->x != NULL && r->target != NULL && r->weight != NULL && r->label != NULL && r->order != NULL);
    r->examples.x = r->x;
    size_t step = 0;
    cJSON_ArrayForEach (batch, test_need(recorded, "batches")) {
        read_batch(batch, features, r, at, r->sizes[step]);
        at += r->sizes[step++];
    }
}

static void free_rows(recorded_rows *r) {
    free(r->x);
    free(r->target);
    free(r->weight);
    free(r->label);
    free(r->order);
}

#endif
