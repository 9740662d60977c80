/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of batch norm, (x - mean) / sqrt(var + eps) * weight + bias, which is x * scale + shift per feature: into the
 * linear layer before it where nothing is between them, else into the one after it, in double.
 */
#include <math.h>
#include <string.h>

#include "mlp.h"

/* Larger numbers are left to the CPU's exact path. */
static const double largest_folded = 1e30;

static double value_or(const float *values, size_t i, double missing) {
    return values == NULL ? missing : (double)values[i];
}

static double *ones(size_t n, double value) {
    double *out = (double *)mlsel_i_alloc(n, sizeof *out);
    for (size_t i = 0; out != NULL && i < n; i++)
        out[i] = value;
    return out;
}

static bool add_linear(const mlsel_layer_view *layer, mlp_step *step) {
    const size_t n_in = layer->in_features, n_out = layer->out_features;
    step->weight = (double *)mlsel_i_alloc(n_out, n_in * sizeof(double));
    step->bias = ones(n_out, 0);
    if (step->weight == NULL || step->bias == NULL)
        return false;
    for (size_t o = 0; o < n_out; o++) {
        step->bias[o] = value_or(layer->bias, o, 0);
        for (size_t i = 0; i < n_in; i++)
            step->weight[o * n_in + i] = (double)layer->weight[o * layer->stride + i];
    }
    return true;
}

/* x * scale + shift before a linear layer. */
static void fold_before(const mlp_step *affine, mlp_step *linear) {
    const size_t n_in = linear->in_features;
    for (size_t o = 0; o < linear->out_features; o++) {
        double *row = linear->weight + o * n_in, sum = 0;
        for (size_t i = 0; i < n_in; i++) {
            sum += row[i] * affine->shift[i];
            row[i] *= affine->scale[i];
        }
        linear->bias[o] += sum;
    }
}

/* The same after it, or after another one of its own kind. */
static void fold_after(const double *scale, const double *shift, mlp_step *step) {
    for (size_t o = 0; o < step->out_features; o++) {
        double *row = step->weight == NULL ? NULL : step->weight + o * step->in_features;
        for (size_t i = 0; row != NULL && i < step->in_features; i++)
            row[i] *= scale[o];
        double *constant = row == NULL ? step->shift : step->bias;
        constant[o] = constant[o] * scale[o] + shift[o];
        if (row == NULL)
            step->scale[o] *= scale[o];
    }
}

/* A step that takes the batch norm: the last one, if there is no ReLU after it, or a new one. */
static bool add_norm(const mlsel_layer_view *layer, mlp_steps *s) {
    const size_t n = layer->in_features;
    double *scale = ones(n, 1), *shift = ones(n, 0);
    if (scale == NULL || shift == NULL) {
        mlsel_i_free(scale);
        mlsel_i_free(shift);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        scale[i] = value_or(layer->weight, i, 1) / sqrt(value_or(layer->running_var, i, 1) + layer->eps);
        shift[i] = value_or(layer->bias, i, 0) - value_or(layer->running_mean, i, 0) * scale[i];
    }
    mlp_step *last = s->n_steps == 0 ? NULL : &s->steps[s->n_steps - 1];
    if (last != NULL && !last->relu) {
        fold_after(scale, shift, last);
        mlsel_i_free(scale);
        mlsel_i_free(shift);
        return true;
    }
    mlp_step *step = &s->steps[s->n_steps++];
    step->in_features = step->out_features = layer->in_features;
    step->scale = scale;
    step->shift = shift;
    return true;
}

static bool add_layer(const mlsel_layer_view *layer, mlp_steps *s) {
    mlp_step *last = s->n_steps == 0 ? NULL : &s->steps[s->n_steps - 1];
    if (layer->type == MLSEL_LAYER_DROPOUT)
        return true;
    if (layer->type == MLSEL_LAYER_BATCH_NORM)
        return add_norm(layer, s);
    if (layer->type == MLSEL_LAYER_RELU) {
        if (last == NULL) {
            last = &s->steps[s->n_steps++];
            last->in_features = last->out_features = layer->in_features;
            last->scale = ones(layer->in_features, 1);
            last->shift = ones(layer->in_features, 0);
        }
        last->relu = true;
        return last->weight != NULL || (last->scale != NULL && last->shift != NULL);
    }
    mlp_step linear;
    memset(&linear, 0, sizeof linear);
    linear.in_features = layer->in_features;
    linear.out_features = layer->out_features;
    const bool is_made = add_linear(layer, &linear);
    if (is_made && last != NULL && last->weight == NULL && !last->relu) {
        fold_before(last, &linear);
        mlsel_i_free(last->scale);
        mlsel_i_free(last->shift);
        *last = linear;
    } else {
        s->steps[s->n_steps++] = linear;
    }
    return is_made;
}

static bool in_range(const double *values, size_t n) {
    bool all = true;
    for (size_t i = 0; values != NULL && i < n; i++)
        all = all && fabs(values[i]) < largest_folded;
    return all;
}

mlsel_status mlsel_i_mlp_fold(const mlsel_mlp_view *mlp, mlp_steps *out, mlsel_error *err) {
    memset(out, 0, sizeof *out);
    out->steps = (mlp_step *)mlsel_i_calloc(mlp->n_layers, sizeof *out->steps);
    bool is_made = out->steps != NULL;
    for (uint32_t l = 0; l < mlp->n_layers && is_made; l++)
        is_made = add_layer(&mlp->layers[l], out);
    if (!is_made)
        return mlsel_i_no_memory(err);
    out->is_in_range = out->n_steps > 0;
    for (uint32_t i = 0; i < out->n_steps; i++) {
        const mlp_step *s = &out->steps[i];
        const size_t n = s->out_features;
        out->is_in_range = out->is_in_range && in_range(s->weight, n * s->in_features) && in_range(s->bias, n) &&
                           in_range(s->scale, n) && in_range(s->shift, n);
    }
    return MLSEL_OK;
}

void mlsel_i_mlp_steps_free(mlp_steps *steps) {
    for (uint32_t i = 0; i < steps->n_steps; i++) {
        mlsel_i_free(steps->steps[i].weight);
        mlsel_i_free(steps->steps[i].bias);
        mlsel_i_free(steps->steps[i].scale);
        mlsel_i_free(steps->steps[i].shift);
    }
    mlsel_i_free(steps->steps);
    memset(steps, 0, sizeof *steps);
}
