/* SPDX-License-Identifier: Apache-2.0 */
/* The layers in bf16, f16 or int8, as low.h defines them. No two logits are too close to call here: asking for fewer
 * bits is asking for speed. Only what float or the format might not hold is computed in double. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mlp.h"

typedef struct low_layer {
    low_matrix matrix;   /* linear */
    const float *scales; /* linear: of int8's outputs, else NULL; batch norm: x * scale + shift */
    const float *shifts; /* linear: the bias, NULL is 0 */
} low_layer;

struct mlp_low {
    const low_format *format;
    const cpu_low_kernels *kernels;
    low_layer *layers;  /* [n_layers] */
    size_t width;       /* values of a buffer: the widest layer, or the query */
    size_t input_bytes; /* of a query's converted inputs */
};

static size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }

/* --- preparing: weights ------------------------------------------------------------------------------------------- */

/* Where a value of a packed matrix is: the output's block, the block's group, the step in the group. */
typedef struct packing {
    low_matrix *matrix;
    size_t step_inputs;
    size_t value_bytes;
} packing;

static size_t offset_of(const packing *p, size_t group, size_t first_block, size_t output, size_t input) {
    const low_matrix *m = p->matrix;
    const size_t step = input / p->step_inputs, block = output / LOW_LANES - first_block;
    const size_t bytes = (first_block * m->n_steps + step * group + block) * m->block_bytes;
    return bytes + (output % LOW_LANES * p->step_inputs + input % p->step_inputs) * p->value_bytes;
}

/* One weight in the format, its bits in the low bytes. */
static uint16_t encode(mlsel_precision precision, float weight, double factor) {
    if (precision == MLSEL_PRECISION_BF16)
        return mlsel_i_cpu_to_bf16(weight);
    if (precision == MLSEL_PRECISION_F16)
        return mlsel_i_cpu_to_f16(weight);
    const double magic = 0x1.8p52; /* adding it rounds to an integer */
    double value = ((double)weight * factor + magic) - magic;
    value = fmax(fmin(value, LOW_WEIGHT_LEVELS), -LOW_WEIGHT_LEVELS);
    return (uint8_t)(int8_t)value;
}

static void pack_row(const packing *p, char *values, size_t output, const mlsel_layer_view *layer,
                     mlsel_precision precision, double factor) {
    const size_t block = output / LOW_LANES;
    size_t first = 0, group = low_group(p->matrix->n_blocks, p->matrix->max_group);
    while (block >= first + group) {
        first += group;
        group = low_group(p->matrix->n_blocks - first, p->matrix->max_group);
    }
    for (size_t i = 0; i < layer->in_features; i++) {
        const uint16_t bits = encode(precision, layer->weight[output * layer->stride + i], factor);
        const uint8_t byte = (uint8_t)bits;
        char *to = values + offset_of(p, group, first, output, i);
        memcpy(to, p->value_bytes == 1 ? (const void *)&byte : (const void *)&bits, p->value_bytes);
    }
}

static float largest_weight(const mlsel_layer_view *layer, size_t output) {
    float largest = 0;
    for (size_t i = 0; i < layer->in_features; i++)
        largest = fmaxf(largest, fabsf(layer->weight[output * layer->stride + i]));
    return largest;
}

/* int8: the scale of an output, and where the sums of its high digits start. */
static double quantize_row(const mlsel_layer_view *layer, size_t output, float *scale, int32_t *start) {
    const float largest = largest_weight(layer, output);
    const double factor = largest > 0 ? LOW_WEIGHT_LEVELS / (double)largest : 0;
    int32_t sum = 0;
    for (size_t i = 0; i < layer->in_features; i++)
        sum += (int8_t)encode(MLSEL_PRECISION_INT8, layer->weight[output * layer->stride + i], factor);
    *scale = (float)((double)largest / LOW_WEIGHT_LEVELS);
    *start = -128 * sum;
    return factor;
}

static mlsel_status too_large(uint32_t index, mlsel_precision precision, double weight, mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                        "precision %s: $.layers[%u].weight holds a magnitude of %g, beyond the format's range: use %s",
                        mlsel_precision_name(precision), (unsigned)index, weight,
                        precision == MLSEL_PRECISION_F16 ? "bf16 or f32" : "f32");
}

static mlsel_status check_range(const mlsel_layer_view *layer, uint32_t index, mlsel_precision precision,
                                mlsel_error *err) {
    if (precision == MLSEL_PRECISION_INT8)
        return MLSEL_OK;
    const uint16_t infinity = precision == MLSEL_PRECISION_BF16 ? 0x7f80 : 0x7c00;
    for (size_t o = 0; o < layer->out_features; o++) {
        const float largest = largest_weight(layer, o);
        if (encode(precision, largest, 0) >= infinity)
            return too_large(index, precision, (double)largest, err);
    }
    return MLSEL_OK;
}

static mlsel_status pack_linear(cpu_state *state, mlsel_precision precision, uint32_t index, mlsel_error *err) {
    const mlsel_layer_view *layer = &state->view->mlp->layers[index];
    low_layer *low = &state->low->layers[index];
    const bool is_int8 = precision == MLSEL_PRECISION_INT8;
    packing p = {.matrix = &low->matrix,
                 .step_inputs = is_int8                             ? 4
                                : precision == MLSEL_PRECISION_BF16 ? 2
                                                                    : 1,
                 .value_bytes = is_int8 ? 1 : 2};
    low_matrix *m = &low->matrix;
    if (is_int8 && layer->in_features > LOW_MAX_INPUTS)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision int8: $.layers[%u] has %u inputs, more than the %d that its sums hold: use bf16",
                            (unsigned)index, (unsigned)layer->in_features, (int)LOW_MAX_INPUTS);
    mlsel_status status = check_range(layer, index, precision, err);
    if (status != MLSEL_OK)
        return status;
    m->n_blocks = round_up(layer->out_features, LOW_LANES) / LOW_LANES;
    m->n_steps = round_up(layer->in_features, p.step_inputs) / p.step_inputs;
    m->block_bytes = LOW_LANES * p.step_inputs * p.value_bytes;
    m->max_group = state->kernels->low->max_group;
    char *values = mlsel_i_cpu_state_alloc(state, m->n_blocks * m->block_bytes, m->n_steps);
    int32_t *starts = is_int8 ? mlsel_i_cpu_state_alloc(state, m->n_blocks * LOW_LANES, sizeof *starts) : NULL;
    float *scales = is_int8 ? mlsel_i_cpu_state_alloc(state, layer->out_features, sizeof *scales) : NULL;
    if (values == NULL || (is_int8 && (starts == NULL || scales == NULL)))
        return mlsel_i_no_memory(err);
    for (size_t o = 0; o < layer->out_features; o++)
        pack_row(&p, values, o, layer, precision, is_int8 ? quantize_row(layer, o, &scales[o], &starts[o]) : 0);
    m->values = values;
    m->starts = starts;
    low->scales = scales;
    low->shifts = layer->bias;
    return MLSEL_OK;
}

/* --- preparing: the rest ------------------------------------------------------------------------------------------ */

static mlsel_status fold_norm(cpu_state *state, uint32_t index, mlsel_error *err) {
    folded_norm norm = {0};
    const mlsel_status status = mlsel_i_mlp_fold_norm(state, index, &norm, err);
    state->low->layers[index].scales = norm.scales;
    state->low->layers[index].shifts = norm.shifts;
    return status;
}

static const low_format *format_of(const cpu_low_kernels *kernels, mlsel_precision precision) {
    return precision == MLSEL_PRECISION_BF16  ? &kernels->bf16
           : precision == MLSEL_PRECISION_F16 ? &kernels->f16
                                              : &kernels->i8;
}

static size_t bytes_per_query(const mlp_low *low) { return low->width * sizeof(float) + low->input_bytes; }

mlsel_status mlsel_i_cpu_prepare_mlp_low(cpu_state *state, mlsel_precision precision, mlsel_error *err) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    size_t width = state->view->n_features;
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        width = mlp->layers[l].out_features > width ? mlp->layers[l].out_features : width;
    mlp_low *low = mlsel_i_cpu_state_alloc(state, 1, sizeof *low);
    if (low == NULL)
        return mlsel_i_no_memory(err);
    state->low = low;
    low->kernels = state->kernels->low;
    low->format = format_of(low->kernels, precision);
    low->width = round_up(width, LOW_LANES);
    low->input_bytes = low->width * LOW_INPUT_BYTES;
    low->layers = mlsel_i_cpu_state_alloc(state, mlp->n_layers, sizeof *low->layers);
    if (low->layers == NULL)
        return mlsel_i_no_memory(err);
    const size_t exact_bytes = 2 * low->width * sizeof(double), fast_bytes = LOW_BATCH * bytes_per_query(low);
    state->scratch_bytes = fast_bytes > exact_bytes ? fast_bytes : exact_bytes;
    mlsel_status status = MLSEL_OK;
    for (uint32_t l = 0; l < mlp->n_layers && status == MLSEL_OK; l++)
        if (mlp->layers[l].type == MLSEL_LAYER_LINEAR)
            status = pack_linear(state, precision, l, err);
        else if (mlp->layers[l].type == MLSEL_LAYER_BATCH_NORM)
            status = fold_norm(state, l, err);
    return status;
}

/* --- scoring ------------------------------------------------------------------------------------------------------ */

/* The queries on their way: each in its own buffer, or still where it came from. */
typedef struct journey {
    const mlp_low *low;
    size_t count;
    const float *x[LOW_BATCH];
    float *buffers; /* [count][width] */
    char *inputs;   /* [count][input_bytes] */
} journey;

static float *buffer_of(const journey *j, size_t q) { return j->buffers + q * j->low->width; }

static void begin(const cpu_state *state, const cpu_query *queries, size_t count, journey *j) {
    const size_t n = state->view->n_features;
    j->low = state->low;
    j->count = count;
    j->buffers = queries[0].extra;
    j->inputs = (char *)(j->buffers + LOW_BATCH * j->low->width);
    for (size_t q = 0; q < count; q++) {
        float *buffer = buffer_of(j, q);
        j->x[q] = queries[q].f32 != NULL ? queries[q].f32 : buffer;
        if (queries[q].f32 != NULL)
            continue;
        if (state->kernels->narrow != NULL)
            state->kernels->narrow(queries[q].f64, 1, buffer, n);
        else
            for (size_t i = 0; i < n; i++)
                buffer[i] = (float)queries[q].f64[i];
    }
}

static void run_linear(journey *j, const mlsel_layer_view *layer, const low_layer *low) {
    const low_format *format = j->low->format;
    float factors[LOW_BATCH];
    for (size_t q = 0; q < j->count; q++)
        factors[q] = format->load(j->x[q], layer->in_features, j->inputs + q * j->low->input_bytes);
    format->multiply(&low->matrix, j->inputs, j->low->input_bytes, j->count, j->buffers, j->low->width);
    for (size_t q = 0; q < j->count; q++) {
        j->x[q] = buffer_of(j, q);
        j->low->kernels->scale(buffer_of(j, q), factors[q], low->scales, low->shifts, layer->out_features);
    }
}

static void run_other(journey *j, const mlsel_layer_view *layer, const low_layer *low) {
    for (size_t q = 0; q < j->count; q++) {
        float *buffer = buffer_of(j, q);
        if (j->x[q] != buffer)
            memcpy(buffer, j->x[q], layer->in_features * sizeof *buffer);
        j->x[q] = buffer;
        if (layer->type == MLSEL_LAYER_RELU)
            j->low->kernels->relu(buffer, layer->in_features);
        else
            j->low->kernels->scale(buffer, 1, low->scales, low->shifts, layer->in_features);
    }
}

void mlsel_i_cpu_mlp_low(const cpu_state *state, const cpu_query *queries, size_t count, double *out,
                         size_t out_stride) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    const size_t n_out = mlp->layers[mlp->n_layers - 1].out_features;
    journey j;
    begin(state, queries, count, &j);
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        if (mlp->layers[l].type == MLSEL_LAYER_LINEAR)
            run_linear(&j, &mlp->layers[l], &state->low->layers[l]);
        else if (mlp->layers[l].type != MLSEL_LAYER_DROPOUT)
            run_other(&j, &mlp->layers[l], &state->low->layers[l]);
    bool finite[LOW_BATCH];
    for (size_t q = 0; q < count; q++) {
        finite[q] = mlsel_i_mlp_is_tame(state, mlsel_i_cpu_sum_squares(state, &queries[q]));
        for (size_t i = 0; i < n_out; i++) {
            out[q * out_stride + i] = (double)j.x[q][i];
            finite[q] = finite[q] && isfinite(j.x[q][i]);
        }
    }
    /* its scratch is the others' buffers, so it comes last */
    for (size_t q = 0; q < count; q++)
        if (!finite[q])
            mlsel_i_cpu_mlp_exact(state, &queries[q], out + q * out_stride);
}
