/* SPDX-License-Identifier: Apache-2.0 */
/* The layers in order, as PyTorch's Linear, ReLU, BatchNorm1d (evaluation mode) and Dropout (no effect) define them. */
#include <math.h>
#include <string.h>

#include "state.h"

static void batch_norm(const mlsel_layer_view *layer, const double *x, double *y) {
    for (uint32_t i = 0; i < layer->in_features; i++) {
        const double mean = layer->running_mean == NULL ? 0 : (double)layer->running_mean[i];
        const double variance = layer->running_var == NULL ? 1 : (double)layer->running_var[i];
        const double weight = layer->weight == NULL ? 1 : (double)layer->weight[i];
        const double bias = layer->bias == NULL ? 0 : (double)layer->bias[i];
        y[i] = (x[i] - mean) / sqrt(variance + layer->eps) * weight + bias;
    }
}

static void relu(const mlsel_layer_view *layer, const double *x, double *y) {
    for (uint32_t i = 0; i < layer->in_features; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void mlsel_i_cpu_mlp(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    double *buffers[2] = {query->extra, query->extra + state->scratch_extra / 2};
    const double *x = query->values;
    size_t next = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++) {
        const mlsel_layer_view *layer = &mlp->layers[l];
        double *y = buffers[next];
        if (layer->type == MLSEL_LAYER_DROPOUT)
            continue;
        if (layer->type == MLSEL_LAYER_LINEAR)
            state->kernels->linear(layer->weight, layer->bias, layer->out_features, layer->in_features, x, y);
        else if (layer->type == MLSEL_LAYER_RELU)
            relu(layer, x, y);
        else
            batch_norm(layer, x, y);
        x = y;
        next = 1 - next;
    }
    memcpy(out, x, mlp->layers[mlp->n_layers - 1].out_features * sizeof *out);
}
