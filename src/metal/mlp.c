/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLP: a linear layer is one product with its bias and ReLU. In float, logits that are too close to call go to the CPU
 * backend. In f16 the weights are in half precision, which is half the bytes; values between the layers and sums stay
 * in float, as nothing would be gained by rounding them.
 */
#include <math.h>
#include <string.h>

#include "accel/mlp_steps.h"
#include "certain.h"
#include "metal.h"

enum { MAX_BATCH = 1024 };

/* Parts of a slot; the layers between the first and the last write to the two buffers in turn. */
enum { QUERIES, EVEN, ODD, LOGITS };

/* Larger numbers are left to the CPU's exact path. */
static const double largest_folded = 1e30, largest_half = 6e4;

/* A step on the device: a product, or with `scale` values one by one. */
typedef struct layer {
    metal_buffer weight, scale, shift;
    metal_matrix matrix;
    uint32_t in_features, out_features;
    bool is_linear, relu;
} layer;

typedef struct mlp_model {
    layer *layers;
    uint32_t n_layers, n_labels;
    uint32_t widest; /* values of a query between the layers */
    bool is_half;
    bool can_run; /* all numbers are in range, and labels few enough */
} mlp_model;

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static mlsel_status upload_floats(metal_state *state, const double *values, uint32_t n, metal_buffer *out,
                                  mlsel_error *err) {
    const mlsel_status status = mlsel_i_metal_model_alloc(state, n, sizeof(float), out, err);
    float *to = out->contents;
    for (uint32_t i = 0; status == MLSEL_OK && i < n; i++)
        to[i] = (float)values[i];
    return status;
}

static mlsel_status upload_weight(metal_state *state, const mlp_model *m, const accel_step *step, layer *l,
                                  mlsel_error *err) {
    const uint32_t n = step->in_features, stride = padded_width(n);
    const size_t row_bytes = stride * (m->is_half ? sizeof(uint16_t) : sizeof(float));
    const mlsel_status status = mlsel_i_metal_model_alloc(state, step->out_features, row_bytes, &l->weight, err);
    if (status != MLSEL_OK)
        return status;
    for (uint64_t r = 0; r < step->out_features; r++)
        for (uint64_t i = 0; i < n; i++) {
            const float value = (float)step->weight[r * n + i];
            if (m->is_half)
                ((uint16_t *)l->weight.contents)[r * stride + i] = mlsel_i_accel_half(value);
            else
                ((float *)l->weight.contents)[r * stride + i] = value;
        }
    l->matrix = (metal_matrix){.rows = span_of(&l->weight, 0),
                               .bias = span_of(&l->shift, 0),
                               .n_rows = step->out_features,
                               .n = n,
                               .stride = stride,
                               .is_half = m->is_half,
                               .relu = step->relu};
    return MLSEL_OK;
}

static mlsel_status make_layers(metal_state *state, mlp_model *m, const accel_steps *steps, mlsel_error *err) {
    m->layers = mlsel_i_calloc(steps->n_steps, sizeof *m->layers);
    if (m->layers == NULL)
        return mlsel_i_no_memory(err);
    m->n_layers = steps->n_steps;
    mlsel_status status = MLSEL_OK;
    for (uint32_t i = 0; i < steps->n_steps && status == MLSEL_OK; i++) {
        const accel_step *step = &steps->steps[i];
        layer *l = &m->layers[i];
        l->in_features = step->in_features;
        l->out_features = step->out_features;
        l->is_linear = step->weight != NULL;
        l->relu = step->relu;
        m->widest = (uint32_t)larger(m->widest, padded_width(step->out_features));
        status = upload_floats(state, step->shift, step->out_features, &l->shift, err);
        if (status == MLSEL_OK)
            status = step->weight != NULL ? upload_weight(state, m, step, l, err)
                                          : upload_floats(state, step->scale, step->out_features, &l->scale, err);
    }
    return status;
}

static mlsel_status prepare(metal_state *state, mlsel_error *err) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    accel_steps steps;
    mlp_model *m = mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    m->is_half = state->precision == MLSEL_PRECISION_F16;
    m->n_labels = mlp->layers[mlp->n_layers - 1].out_features;
    mlsel_status status = mlsel_i_accel_steps_make(mlp, &steps, err);
    if (status == MLSEL_OK) {
        m->can_run = steps.n_steps > 0 && steps.largest <= (m->is_half ? largest_half : largest_folded) &&
                     mlp->max_value <= LARGEST_MLP_VALUE && (m->is_half || m->n_labels <= MAX_FAST_LABELS);
        state->scratch_bytes = steps.n_steps * sizeof(metal_dispatch);
        if (m->can_run)
            status = make_layers(state, m, &steps, err);
    }
    mlsel_i_accel_steps_free(&steps);
    return status == MLSEL_OK ? mlsel_i_metal_prepare_cpu(state, err) : status;
}

static void release(metal_state *state) {
    mlp_model *m = state->model;
    for (uint32_t i = 0; m->layers != NULL && i < m->n_layers; i++) {
        mlsel_i_metal_free(&m->layers[i].weight);
        mlsel_i_metal_free(&m->layers[i].scale);
        mlsel_i_metal_free(&m->layers[i].shift);
    }
    mlsel_i_free(m->layers);
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void lay_out(const metal_state *state, uint32_t capacity, uint32_t k, uint64_t bytes[SLOT_PARTS]) {
    const mlp_model *m = state->model;
    (void)k;
    bytes[QUERIES] = (uint64_t)capacity * padded_width(state->view->n_features) * sizeof(float);
    bytes[EVEN] = m->n_layers > 1 ? (uint64_t)capacity * m->widest * sizeof(float) : 0;
    bytes[ODD] = m->n_layers > 2 ? bytes[EVEN] : 0;
    bytes[LOGITS] = (uint64_t)capacity * padded_width(m->n_labels) * sizeof(float);
}

static void add_layer(const layer *l, metal_span in, metal_span out, uint32_t count, metal_dispatch *dispatch) {
    const uint32_t in_stride = padded_width(l->in_features), out_stride = padded_width(l->out_features);
    if (l->is_linear) {
        mlsel_i_metal_products(&l->matrix, in, in_stride, count, out, out_stride, dispatch);
        return;
    }
    const metal_span buffers[] = {in, span_of(&l->scale, 0), span_of(&l->shift, 0), out};
    const metal_scaling params = {
        .n = l->out_features, .in_stride = in_stride, .out_stride = out_stride, .relu = l->relu};
    mlsel_i_metal_each(METAL_scale_values, l->out_features, count, buffers, 4, &params, sizeof params, dispatch);
}

static mlsel_status run_layers(const metal_state *state, const mlsel_backend_run *run, const metal_slot *slot,
                               mlsel_error *err) {
    const mlp_model *m = state->model;
    const uint32_t n = state->view->n_features, stride = padded_width(n);
    metal_dispatch *dispatches = run->scratch;
    float *narrow = slot->parts[QUERIES].contents;
    for (uint32_t q = 0; q < run->count; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        mlsel_i_accel_narrow(&query, n, 1, narrow + (uint64_t)q * stride);
    }
    metal_span in = span_of(&slot->parts[QUERIES], 0);
    for (uint32_t i = 0; i < m->n_layers; i++) {
        const bool is_last = i + 1 == m->n_layers;
        const metal_span out = span_of(&slot->parts[is_last ? LOGITS : i % 2 == 0 ? EVEN : ODD], 0);
        add_layer(&m->layers[i], in, out, run->count, &dispatches[i]);
        in = out;
    }
    return mlsel_i_metal_run(state->device, dispatches, m->n_layers, err);
}

/* The logits of a query; false where they are none, or in float too close to call. */
static bool take_logits(const mlp_model *m, const metal_slot *slot, uint32_t query, double *out) {
    const float *logits = (const float *)slot->parts[LOGITS].contents + (uint64_t)query * padded_width(m->n_labels);
    bool is_good = true;
    for (uint32_t i = 0; i < m->n_labels; i++) {
        out[i] = (double)logits[i];
        is_good = is_good && isfinite(out[i]);
    }
    return is_good && (m->is_half || mlsel_i_logits_are_certain(out, m->n_labels));
}

static mlsel_status run_mlp(const metal_state *state, const mlsel_backend_run *run, metal_slot *slot,
                            mlsel_error *err) {
    const mlp_model *m = state->model;
    mlsel_status status = m->can_run ? run_layers(state, run, slot, err) : MLSEL_OK;
    for (uint32_t q = 0; q < run->count && status == MLSEL_OK; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        /* up to this length, mlsel_mlp_view.max_value holds */
        const bool is_tame = mlsel_i_accel_sum_squares(&query, state->view->n_features) <= 0x1p80;
        if (!m->can_run || !is_tame || !take_logits(m, slot, q, run->values + q * run->value_stride))
            status = mlsel_i_metal_ask_cpu(state, run, q, err);
    }
    return status;
}

const metal_kind mlsel_i_metal_mlp = {
    .max_batch = MAX_BATCH, .prepare = prepare, .release = release, .lay_out = lay_out, .run = run_mlp};
