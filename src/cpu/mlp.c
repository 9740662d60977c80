/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers in order, as PyTorch's Linear, ReLU, BatchNorm1d (evaluation mode) and Dropout (no effect) define them: in
 * double on the exact path, in float on the fast one, which gives way where two logits are too close to call.
 */
#include <math.h>
#include <string.h>

#include "certain.h"
#include "mlp.h"

/* --- preparing --------------------------------------------------------------------------------------------------- */

size_t mlsel_i_mlp_widest(const mlsel_mlp_view *mlp) {
    size_t width = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        if (mlp->layers[l].out_features > width)
            width = mlp->layers[l].out_features;
    const size_t step = MLSEL_ALIGNMENT / sizeof(float);
    return (width + step - 1) / step * step;
}

static double value_or(const float *values, size_t i, double missing) {
    return values == NULL ? missing : (double)values[i];
}

mlsel_status mlsel_i_mlp_fold_norm(cpu_state *state, uint32_t index, folded_norm *out, mlsel_error *err) {
    const mlsel_layer_view *layer = &state->view->mlp->layers[index];
    float *scales = mlsel_i_cpu_state_alloc(state, layer->in_features, sizeof *scales);
    float *shifts = mlsel_i_cpu_state_alloc(state, layer->in_features, sizeof *shifts);
    if (scales == NULL || shifts == NULL)
        return mlsel_i_no_memory(err);
    *out = (folded_norm){.scales = scales, .shifts = shifts, .in_range = true};
    for (size_t i = 0; i < layer->in_features; i++) {
        const double scale = value_or(layer->weight, i, 1) / sqrt(value_or(layer->running_var, i, 1) + layer->eps);
        const double shift = value_or(layer->bias, i, 0) - value_or(layer->running_mean, i, 0) * scale;
        const bool in_range = fabs(scale) < 1e30 && fabs(shift) < 1e30;
        scales[i] = in_range ? (float)scale : NAN;
        shifts[i] = in_range ? (float)shift : NAN;
        out->in_range = out->in_range && in_range;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_cpu_prepare_mlp(cpu_state *state, mlsel_error *err) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    state->scratch_bytes = 2 * mlsel_i_mlp_widest(mlp) * sizeof(double);
    state->fast = state->fast && mlp->layers[mlp->n_layers - 1].out_features <= MAX_FAST_LABELS;
    if (!state->fast)
        return MLSEL_OK;
    state->norm_scales = mlsel_i_cpu_state_alloc(state, mlp->n_layers, sizeof *state->norm_scales);
    state->norm_shifts = mlsel_i_cpu_state_alloc(state, mlp->n_layers, sizeof *state->norm_shifts);
    if (state->norm_scales == NULL || state->norm_shifts == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = MLSEL_OK;
    uint64_t bytes = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        if (mlp->layers[l].type == MLSEL_LAYER_LINEAR)
            bytes += mlp->layers[l].out_features * mlp->layers[l].stride * sizeof(float);
    mlsel_i_cpu_choose_dots(state, bytes);
    for (uint32_t l = 0; l < mlp->n_layers && status == MLSEL_OK; l++)
        if (mlp->layers[l].type == MLSEL_LAYER_BATCH_NORM) {
            folded_norm norm = {0};
            status = mlsel_i_mlp_fold_norm(state, l, &norm, err);
            state->norm_scales[l] = norm.scales;
            state->norm_shifts[l] = norm.shifts;
            state->fast = state->fast && norm.in_range;
        }
    return status;
}

/* --- exact ------------------------------------------------------------------------------------------------------- */

static void linear(const mlsel_layer_view *layer, const double *x, double *y) {
    for (uint32_t o = 0; o < layer->out_features; o++) {
        const float *weight = layer->weight + o * layer->stride;
        double sum = 0;
        for (uint32_t i = 0; i < layer->in_features; i++)
            sum += (double)weight[i] * x[i];
        y[o] = sum + value_or(layer->bias, o, 0);
    }
}

static void batch_norm(const mlsel_layer_view *layer, const double *x, double *y) {
    for (uint32_t i = 0; i < layer->in_features; i++)
        y[i] = (x[i] - value_or(layer->running_mean, i, 0)) / sqrt(value_or(layer->running_var, i, 1) + layer->eps) *
                   value_or(layer->weight, i, 1) +
               value_or(layer->bias, i, 0);
}

static void relu(const mlsel_layer_view *layer, const double *x, double *y) {
    for (uint32_t i = 0; i < layer->in_features; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void mlsel_i_cpu_mlp_exact(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    double *const buffers[2] = {query->extra, (double *)query->extra + mlsel_i_mlp_widest(mlp)};
    const double *x = mlsel_i_cpu_wide(state, query);
    size_t next = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++) {
        const mlsel_layer_view *layer = &mlp->layers[l];
        double *y = buffers[next];
        if (layer->type == MLSEL_LAYER_DROPOUT)
            continue;
        if (layer->type == MLSEL_LAYER_LINEAR)
            linear(layer, x, y);
        else if (layer->type == MLSEL_LAYER_RELU)
            relu(layer, x, y);
        else
            batch_norm(layer, x, y);
        x = y;
        next = 1 - next;
    }
    memcpy(out, x, mlp->layers[mlp->n_layers - 1].out_features * sizeof *out);
}

/* --- fast -------------------------------------------------------------------------------------------------------- */

void mlsel_i_mlp_elementwise(const cpu_state *state, uint32_t index, const float *x, float *y) {
    const mlsel_layer_view *layer = &state->view->mlp->layers[index];
    if (layer->type == MLSEL_LAYER_RELU) {
        for (size_t i = 0; i < layer->in_features; i++)
            y[i] = x[i] > 0 ? x[i] : 0;
    } else {
        const float *scales = state->norm_scales[index], *shifts = state->norm_shifts[index];
        for (size_t i = 0; i < layer->in_features; i++)
            y[i] = x[i] * scales[i] + shifts[i];
    }
}

/* y may be x unless the layer is linear. */
static void run_layer(const cpu_state *state, uint32_t index, const float *x, float *y) {
    const mlsel_layer_view *layer = &state->view->mlp->layers[index];
    if (layer->type != MLSEL_LAYER_LINEAR) {
        mlsel_i_mlp_elementwise(state, index, x, y);
        return;
    }
    state->dots(layer->weight, layer->stride, layer->out_features, x, layer->in_features, y);
    for (size_t o = 0; layer->bias != NULL && o < layer->out_features; o++)
        y[o] += layer->bias[o];
}

bool mlsel_i_mlp_is_tame(const cpu_state *state, double squared) {
    return squared <= 0x1p80 && state->view->mlp->max_value <= LARGEST_MLP_VALUE;
}

static bool run_fast(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    float *const buffers[2] = {query->extra, (float *)query->extra + mlsel_i_mlp_widest(mlp)};
    const float *x = mlsel_i_cpu_narrow(state, query);
    size_t next = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++) {
        if (mlp->layers[l].type == MLSEL_LAYER_DROPOUT)
            continue;
        run_layer(state, l, x, buffers[next]);
        x = buffers[next];
        next = 1 - next;
    }
    const uint32_t n = mlp->layers[mlp->n_layers - 1].out_features;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (double)x[i];
    return mlsel_i_logits_are_certain(out, n);
}

void mlsel_i_cpu_mlp(const cpu_state *state, const cpu_query *query, double *out) {
    if (!state->fast || !mlsel_i_mlp_is_tame(state, mlsel_i_cpu_sum_squares(state, query)) ||
        !run_fast(state, query, out))
        mlsel_i_cpu_mlp_exact(state, query, out);
}
