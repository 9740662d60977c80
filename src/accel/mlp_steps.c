/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch norm is scale * x + shift for each value, and so is no layer at all (a first ReLU needs one to follow). A chain
 * of these is one; after a linear layer it goes into that layer's rows, before one into its columns, unless a ReLU is
 * between. All in double.
 */
#include "mlp_steps.h"

#include <math.h>
#include <string.h>

static double value_or(const float *values, size_t i, double missing) {
    return values == NULL ? missing : (double)values[i];
}

static void free_step(accel_step *step) {
    mlsel_i_free(step->weight);
    mlsel_i_free(step->scale);
    mlsel_i_free(step->shift);
    memset(step, 0, sizeof *step);
}

/* A step that changes nothing yet, with a matrix if it is to be linear. NULL when out of memory. */
static accel_step *new_step(accel_steps *all, const mlsel_layer_view *layer, bool is_linear) {
    accel_step *step = &all->steps[all->n_steps++];
    step->in_features = layer->in_features;
    step->out_features = is_linear ? layer->out_features : layer->in_features;
    step->shift = mlsel_i_calloc(step->out_features, sizeof *step->shift);
    if (is_linear)
        step->weight = mlsel_i_alloc(step->out_features, step->in_features * sizeof *step->weight);
    else
        step->scale = mlsel_i_alloc(step->out_features, sizeof *step->scale);
    for (size_t i = 0; step->scale != NULL && i < step->out_features; i++)
        step->scale[i] = 1;
    return step->shift != NULL && (step->weight != NULL || step->scale != NULL) ? step : NULL;
}

static accel_step *last_of(const accel_steps *all) { return all->n_steps == 0 ? NULL : &all->steps[all->n_steps - 1]; }

/* Whether what comes next can become part of this step. */
static bool is_open(const accel_step *step) { return step != NULL && !step->relu; }

static void fold_norm(const mlsel_layer_view *norm, accel_step *step) {
    for (size_t o = 0; o < step->out_features; o++) {
        const double scale = value_or(norm->weight, o, 1) / sqrt(value_or(norm->running_var, o, 1) + norm->eps);
        const double shift = value_or(norm->bias, o, 0) - value_or(norm->running_mean, o, 0) * scale;
        double *row = step->weight == NULL ? step->scale + o : step->weight + o * step->in_features;
        const size_t n = step->weight == NULL ? 1 : step->in_features;
        for (size_t i = 0; i < n; i++)
            row[i] *= scale;
        step->shift[o] = step->shift[o] * scale + shift;
    }
}

static void copy_linear(const mlsel_layer_view *layer, accel_step *step) {
    for (size_t o = 0; o < step->out_features; o++) {
        step->shift[o] = value_or(layer->bias, o, 0);
        for (size_t i = 0; i < step->in_features; i++)
            step->weight[o * step->in_features + i] = (double)layer->weight[o * layer->stride + i];
    }
}

/* weight * (scale * x + shift) + bias, where a step that only scales comes before a linear one. */
static void fold_columns(const accel_step *before, accel_step *linear) {
    for (size_t o = 0; o < linear->out_features; o++) {
        double *row = linear->weight + o * linear->in_features, sum = 0;
        for (size_t i = 0; i < linear->in_features; i++) {
            sum += row[i] * before->shift[i];
            row[i] *= before->scale[i];
        }
        linear->shift[o] += sum;
    }
}

static bool add_linear(const mlsel_layer_view *layer, accel_steps *all) {
    accel_step *before = last_of(all), *linear = new_step(all, layer, true);
    if (linear == NULL)
        return false;
    copy_linear(layer, linear);
    if (is_open(before) && before->weight == NULL) {
        fold_columns(before, linear);
        free_step(before);
        *before = *linear;
        memset(linear, 0, sizeof *linear);
        all->n_steps--;
    }
    return true;
}

static bool add_layer(const mlsel_layer_view *layer, accel_steps *all) {
    accel_step *step = last_of(all);
    switch (layer->type) {
    case MLSEL_LAYER_LINEAR:
        return add_linear(layer, all);
    case MLSEL_LAYER_BATCH_NORM:
        if (!is_open(step) && (step = new_step(all, layer, false)) == NULL)
            return false;
        fold_norm(layer, step);
        return true;
    case MLSEL_LAYER_RELU:
        if (step == NULL && (step = new_step(all, layer, false)) == NULL)
            return false;
        step->relu = true;
        return true;
    default: /* dropout */
        return true;
    }
}

static double largest_of(const double *values, size_t n, double largest) {
    for (size_t i = 0; values != NULL && i < n; i++)
        largest = isfinite(values[i]) ? fmax(largest, fabs(values[i])) : INFINITY;
    return largest;
}

mlsel_status mlsel_i_accel_steps_make(const mlsel_mlp_view *mlp, accel_steps *out, mlsel_error *err) {
    memset(out, 0, sizeof *out);
    out->steps = mlsel_i_calloc(mlp->n_layers, sizeof *out->steps);
    bool is_made = out->steps != NULL;
    for (uint32_t l = 0; l < mlp->n_layers && is_made; l++)
        is_made = add_layer(&mlp->layers[l], out);
    if (!is_made)
        return mlsel_i_no_memory(err);
    for (uint32_t i = 0; i < out->n_steps; i++) {
        const accel_step *step = &out->steps[i];
        const size_t n = step->out_features;
        double largest = largest_of(step->weight, n * step->in_features, 0);
        largest = largest_of(step->scale, n, largest);
        largest = largest_of(step->shift, n, largest);
        out->largest = fmax(out->largest, largest);
    }
    return MLSEL_OK;
}

void mlsel_i_accel_steps_free(accel_steps *steps) {
    for (uint32_t i = 0; steps->steps != NULL && i < steps->n_steps; i++)
        free_step(&steps->steps[i]);
    mlsel_i_free(steps->steps);
    memset(steps, 0, sizeof *steps);
}
