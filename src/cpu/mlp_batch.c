/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several queries through an MLP: the values between the layers form panels, so that the output of one layer is the
 * packed input of the next.
 */
#include "batch.h"
#include "certain.h"
#include "mlp.h"

/* Where the parts of the scratch are, in values. */
typedef struct batch_layout {
    size_t panel, values[2], end;
} batch_layout;

static batch_layout lay_out(const cpu_state *state) {
    const size_t n = state->view->n_features, widest = mlsel_i_mlp_widest(state->view->mlp);
    batch_layout l = {.panel = PANEL_WIDTH * mlsel_i_padded(n)};
    l.values[0] = l.panel + mlsel_i_panel_size(n);
    l.values[1] = l.values[0] + mlsel_i_panel_size(widest);
    l.end = l.values[1] + mlsel_i_panel_size(widest);
    return l;
}

size_t mlsel_i_cpu_mlp_batch_bytes(const cpu_state *state) {
    return state->fast ? lay_out(state).end * sizeof(float) : 0;
}

/* The layers from `first` on that work on each value for itself, as one step: the ReLU before the batch norm, as much
 * of that as there is. Returns the layer after them. */
static uint32_t finish(const cpu_state *state, uint32_t first, const float *biases, size_t n, float *values) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    const float *scales = NULL, *shifts = NULL;
    int relu = 0;
    uint32_t l = first;
    for (; l < mlp->n_layers && mlp->layers[l].type != MLSEL_LAYER_LINEAR && scales == NULL; l++)
        if (mlp->layers[l].type == MLSEL_LAYER_RELU) {
            relu = 1;
        } else if (mlp->layers[l].type == MLSEL_LAYER_BATCH_NORM) {
            scales = state->norm_scales[l];
            shifts = state->norm_shifts[l];
        }
    if (biases != NULL || relu || scales != NULL)
        state->kernels->panel->finish(values, n, biases, relu, scales, shifts);
    return l;
}

/* The panel after the last layer: x or one of the two blocks of values. */
static const float *run_panel(const cpu_state *state, float *x, size_t width, float *values[2]) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    for (uint32_t l = 0; l < mlp->n_layers;) {
        const mlsel_layer_view *layer = &mlp->layers[l];
        if (layer->type != MLSEL_LAYER_LINEAR) {
            l = finish(state, l, NULL, layer->in_features, x);
            continue;
        }
        float *y = x == values[0] ? values[1] : values[0];
        state->kernels->panel->dots(layer->weight, layer->stride, layer->out_features, x, layer->in_features, width, y);
        l = finish(state, l + 1, layer->bias, layer->out_features, y);
        x = y;
    }
    return x;
}

/* Up to FEW queries, each with values of its own. */
static void run_few(const cpu_state *state, query_group *group, size_t step, float *values[2]) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    size_t next = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++) {
        const mlsel_layer_view *layer = &mlp->layers[l];
        float *y = values[next];
        if (layer->type == MLSEL_LAYER_DROPOUT)
            continue;
        if (layer->type == MLSEL_LAYER_LINEAR) {
            float dots[FEW * GROUP_ROWS];
            group->n = layer->in_features;
            for (size_t first = 0; first < layer->out_features; first += GROUP_ROWS) {
                const size_t left = layer->out_features - first, count = left < GROUP_ROWS ? left : GROUP_ROWS;
                mlsel_i_group_dots(state, group, layer->weight + first * layer->stride, layer->stride, count, dots);
                for (size_t j = 0; j < group->count; j++)
                    for (size_t r = 0; r < count; r++)
                        y[j * step + first + r] =
                            dots[j * GROUP_ROWS + r] + (layer->bias == NULL ? 0 : layer->bias[first + r]);
            }
        } else {
            for (size_t j = 0; j < group->count; j++)
                mlsel_i_mlp_elementwise(state, l, group->queries[j], y + j * step);
        }
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            group->queries[j] = y + (j < group->count ? j : group->count - 1) * step;
        next = 1 - next;
    }
}

static void answer(const cpu_state *state, const mlsel_backend_run *run, size_t first, query_group *group,
                   float *values[2]) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    const uint32_t n = mlp->layers[mlp->n_layers - 1].out_features;
    const float *panel = NULL;
    if (group->panel != NULL)
        panel = run_panel(state, group->panel, group->count, values);
    else
        run_few(state, group, mlsel_i_padded(mlsel_i_mlp_widest(mlp)), values);
    for (size_t j = 0; j < group->count; j++) {
        double *out = run->values + (first + j) * run->value_stride;
        for (size_t i = 0; i < n; i++)
            out[i] = (double)(panel != NULL ? panel[i * PANEL_WIDTH + j] : group->queries[j][i]);
        const bool is_tame = mlsel_i_mlp_is_tame(state, (double)group->largest * (double)group->largest) ||
                             mlsel_i_mlp_is_tame(state, mlsel_i_run_squared(state, run, first + j));
        if (!is_tame || !mlsel_i_logits_are_certain(out, n))
            mlsel_i_cpu_run_one(state, run, first + j);
    }
}

void mlsel_i_cpu_mlp_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch) {
    const batch_layout l = lay_out(state);
    float *base = scratch;
    float *values[2] = {base + l.values[0], base + l.values[1]};
    for (size_t first = 0; first < run->count; first += PANEL_WIDTH) {
        query_group group;
        const size_t left = run->count - first;
        mlsel_i_group_open_run(state, run, first, left < PANEL_WIDTH ? left : PANEL_WIDTH, &group, base,
                               base + l.panel);
        answer(state, run, first, &group, values);
    }
}
