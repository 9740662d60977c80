/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLP: a linear layer is one product with bias and ReLU in its epilogue, by cuBLASLt for batches and by dots.cu for few
 * queries. In float, logits that are too close to call go to the CPU backend, in bf16 only a leader that is; in f16 and
 * bf16 values between the layers are rounded to that format and sums stay in float.
 */
#include <math.h>
#include <string.h>

#include "accel/mlp_steps.h"
#include "cuda.h"
#include "half.cuh"

enum { MAX_BATCH = 4096 };

/* Larger query values are left to the CPU: with these, mlsel_mlp_view.max_value holds. In f16 nothing is above 65504.
 */
static const float largest_value = 0x1p35f, largest_half = 6e4f;
/* The same of what was folded. */
static const double largest_folded = 1e30;

/* A step on the device. */
typedef struct layer {
    gemm_plan plan; /* of a linear one */
    void *weight, *bias;
    float *scale, *shift; /* of the other kind: on the device; NULL of a linear one */
    uint32_t in_features, out_features;
    uint64_t in_stride, out_stride; /* values from one query to the next */
    uint64_t out_offset;            /* of a query's results in a slot's memory, with one query: bytes */
    bool relu, is_last;
} layer;

typedef struct mlp_model {
    layer *layers;
    uint32_t n_layers, n_labels;
    uint64_t query_bytes; /* between the layers, for each query: every layer has a buffer of its own, whose values
                             beyond its width stay 0 */
    cudaDataType_t type;
    size_t value_bytes;
    bool can_run; /* all numbers are in range */
} mlp_model;

/* --- kernels ------------------------------------------------------------------------------------------------------ */

/* out = ReLU?(x * scale + shift); also what turns the queries into another format (scale NULL). */
template <typename I, typename O>
__global__ void __launch_bounds__(BLOCK)
    elementwise_kernel(const I *__restrict__ x, uint64_t in_stride, const float *__restrict__ scale,
                       const float *__restrict__ shift, uint32_t n, bool relu, O *__restrict__ out,
                       uint64_t out_stride) {
    const uint32_t i = blockIdx.x * BLOCK + threadIdx.x;
    const uint64_t query = blockIdx.y;
    if (i >= n)
        return;
    float value = to_float(x[query * in_stride + i]);
    if (scale != NULL)
        value = value * scale[i] + shift[i];
    out[query * out_stride + i] = from_float<O>(relu && !(value > 0) ? 0.0f : value);
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static uint16_t to_half_bits(cudaDataType_t type, float x) {
    uint16_t bits;
    if (type == CUDA_R_16F) {
        const __half h = __float2half_rn(x);
        memcpy(&bits, &h, sizeof bits);
    } else {
        const __nv_bfloat16 h = __float2bfloat16_rn(x);
        memcpy(&bits, &h, sizeof bits);
    }
    return bits;
}

/* Rows of doubles to the device, in a format and with a stride there. */
static mlsel_status upload_as(device_memory *memory, cudaDataType_t type, const double *values, uint64_t n_rows,
                              uint64_t n, uint64_t stride, void **out, mlsel_error *err) {
    const size_t size = type == CUDA_R_32F ? sizeof(float) : sizeof(uint16_t);
    char *room = (char *)mlsel_i_calloc((size_t)n_rows, (size_t)stride * size);
    if (room == NULL)
        return mlsel_i_no_memory(err);
    for (uint64_t r = 0; r < n_rows; r++)
        for (uint64_t i = 0; i < n; i++) {
            const float value = (float)values[r * n + i];
            const uint16_t bits = type == CUDA_R_32F ? 0 : to_half_bits(type, value);
            char *at = room + (r * stride + i) * size;
            memcpy(at, type == CUDA_R_32F ? (const void *)&value : (const void *)&bits, size);
        }
    const mlsel_status status = mlsel_i_cuda_upload(memory, room, n_rows * stride, size, out, err);
    mlsel_i_free(room);
    return status;
}

static mlsel_status make_linear(cuda_state *state, const mlp_model *m, const accel_step *step, layer *l,
                                mlsel_error *err) {
    device_memory *memory = &state->memory;
    gemm_shape shape = {};
    shape.n_rows = step->out_features;
    shape.stride = padded_width(step->in_features);
    /* tensor cores take short formats eight at a time; what is beyond the width is 0 on both sides */
    shape.n = m->type == CUDA_R_32F ? step->in_features : ((uint64_t)step->in_features + 7) / 8 * 8;
    shape.query_stride = l->in_stride;
    shape.out_stride = l->out_stride;
    shape.type = m->type;
    shape.out_type = l->is_last ? CUDA_R_32F : m->type;
    shape.relu = step->relu;
    mlsel_status status =
        upload_as(memory, m->type, step->weight, step->out_features, step->in_features, shape.stride, &l->weight, err);
    if (status == MLSEL_OK)
        status =
            upload_as(memory, shape.out_type, step->shift, 1, step->out_features, step->out_features, &l->bias, err);
    if (status != MLSEL_OK)
        return status;
    shape.bias = l->bias;
    return mlsel_i_cuda_gemm_plan(state->lt, state->device, &shape, MAX_BATCH, &l->plan, err);
}

static mlsel_status make_layer(cuda_state *state, const mlp_model *m, const accel_step *step, layer *l,
                               mlsel_error *err) {
    device_memory *memory = &state->memory;
    l->in_features = step->in_features;
    l->out_features = step->out_features;
    l->relu = step->relu;
    if (step->weight != NULL)
        return make_linear(state, m, step, l, err);
    const uint64_t n = step->out_features;
    const mlsel_status status = upload_as(memory, CUDA_R_32F, step->scale, 1, n, n, (void **)&l->scale, err);
    return status == MLSEL_OK ? upload_as(memory, CUDA_R_32F, step->shift, 1, n, n, (void **)&l->shift, err) : status;
}

static mlsel_status make_layers(cuda_state *state, mlp_model *m, const accel_steps *steps, mlsel_error *err) {
    m->layers = (layer *)mlsel_i_calloc(steps->n_steps, sizeof *m->layers);
    if (m->layers == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = MLSEL_OK;
    for (uint32_t i = 0; i < steps->n_steps && status == MLSEL_OK; i++) {
        layer *l = &m->layers[i];
        l->is_last = i + 1 == steps->n_steps;
        l->in_stride = padded_width(steps->steps[i].in_features);
        l->out_stride = padded_width(steps->steps[i].out_features);
        l->out_offset = m->query_bytes;
        m->query_bytes += l->out_stride * sizeof(float);
        m->n_layers = i + 1;
        status = make_layer(state, m, &steps->steps[i], l, err);
    }
    return status;
}

static mlsel_status prepare(cuda_state *state, mlsel_error *err) {
    const mlsel_mlp_view *mlp = state->view->mlp;
    mlp_model *m = (mlp_model *)mlsel_i_calloc(1, sizeof *m);
    accel_steps steps;
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = mlsel_i_accel_steps_make(mlp, &steps, err);
    if (status == MLSEL_OK) {
        m->type = state->precision == MLSEL_PRECISION_F16    ? CUDA_R_16F
                  : state->precision == MLSEL_PRECISION_BF16 ? CUDA_R_16BF
                                                             : CUDA_R_32F;
        m->value_bytes = m->type == CUDA_R_32F ? sizeof(float) : sizeof(uint16_t);
        m->n_labels = mlp->layers[mlp->n_layers - 1].out_features;
        m->query_bytes = m->type == CUDA_R_32F ? 0 : padded_width(state->view->n_features) * sizeof(float);
        m->can_run = steps.n_steps > 0 && steps.largest <= largest_folded && mlp->max_value <= LARGEST_MLP_VALUE &&
                     m->n_labels <= MAX_FAST_LABELS;
        if (m->can_run)
            status = make_layers(state, m, &steps, err);
    }
    mlsel_i_accel_steps_free(&steps);
    return status == MLSEL_OK ? mlsel_i_cuda_prepare_cpu(state, err) : status;
}

static void release(cuda_state *state) {
    mlp_model *m = (mlp_model *)state->model;
    for (uint32_t i = 0; m->layers != NULL && i < m->n_layers; i++)
        mlsel_i_cuda_gemm_free(&m->layers[i].plan);
    mlsel_i_free(m->layers);
    m->layers = NULL;
}

/* --- a slot's memory ---------------------------------------------------------------------------------------------- */

typedef struct mlp_work {
    char *values; /* [query_bytes][rows]: a buffer after the other */
    uint64_t rows;
    char *gemm;
    uint64_t bytes;
} mlp_work;

static uint64_t in_stride(const cuda_state *state) { return padded_width(state->view->n_features); }

static mlp_work work_of(const mlp_model *m, uint32_t capacity, char *base) {
    carver c = {base, 0};
    mlp_work w;
    w.rows = mlsel_i_cuda_gemm_count(capacity);
    w.values = carve<char>(&c, w.rows * m->query_bytes);
    w.gemm = capacity > MAX_FEW ? carve<char>(&c, GEMM_WORKSPACE) : NULL;
    w.bytes = c.used;
    return w;
}

/* Queries, then the largest absolute value of each, which stays on the host. */
static uint64_t largest_offset(const cuda_state *state, uint32_t capacity) {
    return mlsel_i_cuda_gemm_count(capacity) * in_stride(state) * sizeof(float);
}

static void lay_out(const cuda_state *state, uint32_t capacity, uint32_t k, slot_layout *out) {
    const mlp_model *m = (const mlp_model *)state->model;
    (void)k;
    out->in = largest_offset(state, capacity) + capacity * sizeof(uint32_t);
    out->out = mlsel_i_cuda_gemm_count(capacity) * padded_width(m->n_labels) * sizeof(float);
    out->work = work_of(m, capacity, NULL).bytes;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

/* The query in float and what follows it; returns the bits of its largest absolute value, whose order is theirs. */
static uint32_t take_query(const mlsel_backend_run *run, uint32_t q, uint64_t n, uint64_t stride, float *out) {
    uint32_t largest = 0;
    if (run->query_type == MLSEL_QUERY_F64) {
        const double *x = (const double *)run->queries + q * run->stride;
        for (uint64_t i = 0; i < n; i++)
            out[i] = (float)x[i];
    } else {
        memcpy(out, (const float *)run->queries + q * run->stride, (size_t)n * sizeof *out);
    }
    for (uint64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &out[i], sizeof bits);
        bits &= 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    for (uint64_t i = n; i < stride; i++)
        out[i] = 0;
    return largest;
}

static void take(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot) {
    const uint64_t n = state->view->n_features, stride = in_stride(state);
    float *rows = (float *)(void *)slot->host_in;
    uint32_t *largest = (uint32_t *)(void *)(slot->host_in + largest_offset(state, slot->capacity));
    for (uint32_t q = 0; q < run->count; q++)
        largest[q] = take_query(run, q, n, stride, rows + q * stride);
}

/* Elementwise, from and to any format; from_type and to_type are CUDA_R_32F or the model's. */
static cudaError_t launch_elementwise(const mlp_model *m, const layer *l, uint32_t n, cudaDataType_t from_type,
                                      cudaDataType_t to_type, const void *x, uint64_t stride, void *out,
                                      uint64_t out_stride, uint32_t count, cudaStream_t stream) {
    const dim3 grid(blocks_for(n), count);
    const float *scale = l == NULL ? NULL : l->scale, *shift = l == NULL ? NULL : l->shift;
    const bool relu = l != NULL && l->relu, from_f32 = from_type == CUDA_R_32F, to_f32 = to_type == CUDA_R_32F;
#define ELEMENTWISE(I, O)                                                                                              \
    LAUNCH((elementwise_kernel<I, O>), grid, BLOCK, 0, stream, (const I *)x, stride, scale, shift, n, relu, (O *)out,  \
           out_stride)
    if (from_f32 && to_f32)
        return ELEMENTWISE(float, float);
    if (m->type == CUDA_R_16F)
        return from_f32 ? ELEMENTWISE(float, __half)
               : to_f32 ? ELEMENTWISE(__half, float)
                        : ELEMENTWISE(__half, __half);
    return from_f32 ? ELEMENTWISE(float, __nv_bfloat16)
           : to_f32 ? ELEMENTWISE(__nv_bfloat16, float)
                    : ELEMENTWISE(__nv_bfloat16, __nv_bfloat16);
#undef ELEMENTWISE
}

static mlsel_status run_layer(const cuda_state *state, const mlp_model *m, const layer *l, const void *x, void *out,
                              uint32_t count, cudaStream_t stream, void *workspace, mlsel_error *err) {
    const uint32_t device = state->device;
    if (l->scale != NULL) {
        TRY(launch_elementwise(m, l, l->out_features, m->type, l->is_last ? CUDA_R_32F : m->type, x, l->in_stride, out,
                               l->out_stride, count, stream));
        return MLSEL_OK;
    }
    if (count <= MAX_FEW)
        return mlsel_i_cuda_dots(device, &l->plan.shape, l->weight, x, count, out, stream, err);
    return mlsel_i_cuda_gemm(state->lt, device, &l->plan, l->weight, x, count, out, workspace, stream, err);
}

static mlsel_status enqueue(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const mlp_model *m = (const mlp_model *)state->model;
    const uint32_t device = state->device, count = run->count;
    const mlp_work w = work_of(m, slot->capacity, slot->work);
    const uint64_t stride = in_stride(state);
    if (!m->can_run)
        return MLSEL_OK;
    TRY(cudaMemcpyAsync(slot->device_in, slot->host_in, (size_t)(count * stride * sizeof(float)),
                        cudaMemcpyHostToDevice, slot->stream));
    const void *x = slot->device_in;
    if (m->type != CUDA_R_32F) {
        TRY(launch_elementwise(m, NULL, state->view->n_features, CUDA_R_32F, m->type, x, stride, w.values, stride,
                               count, slot->stream));
        x = w.values;
    }
    for (uint32_t i = 0; i < m->n_layers; i++) {
        const layer *l = &m->layers[i];
        void *out = l->is_last ? slot->device_out : w.values + w.rows * l->out_offset;
        const mlsel_status status = run_layer(state, m, l, x, out, count, slot->stream, w.gemm, err);
        if (status != MLSEL_OK)
            return status;
        x = out;
    }
    const uint64_t bytes = m->n_labels * sizeof(float), from = padded_width(m->n_labels) * sizeof(float);
    TRY(cudaMemcpy2DAsync(slot->host_out, (size_t)bytes, slot->device_out, (size_t)from, (size_t)bytes, count,
                          cudaMemcpyDeviceToHost, slot->stream));
    return MLSEL_OK;
}

/* Whether the order of the logits can be left as it is. In f16 it is, as the stated tolerance is that of a choice too.
 */
static bool is_certain(const mlp_model *m, const double *logits) {
    if (m->type == CUDA_R_32F)
        return mlsel_i_logits_are_certain(logits, m->n_labels);
    return m->type == CUDA_R_16F || mlsel_i_bf16_leader_is_certain(logits, m->n_labels);
}

static mlsel_status finish(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const mlp_model *m = (const mlp_model *)state->model;
    const float *logits = (const float *)(void *)slot->host_out;
    const char *largest = slot->host_in + largest_offset(state, slot->capacity);
    const float limit = m->type == CUDA_R_16F ? largest_half : largest_value;
    mlsel_status status = MLSEL_OK;
    for (uint32_t q = 0; q < run->count && status == MLSEL_OK; q++) {
        double *out = run->values + q * run->value_stride;
        float value;
        memcpy(&value, largest + q * sizeof value, sizeof value);
        bool is_good = m->can_run && value <= limit;
        for (uint32_t i = 0; is_good && i < m->n_labels; i++) {
            out[i] = (double)logits[(uint64_t)q * m->n_labels + i];
            is_good = isfinite(out[i]);
        }
        if (!is_good || !is_certain(m, out))
            status = mlsel_i_cuda_ask_cpu(state, run, q, err);
    }
    return status;
}

static bool is_fixed(const cuda_state *state, const mlsel_backend_run *run) {
    (void)run;
    return ((const mlp_model *)state->model)->can_run; /* else there is nothing to record */
}

extern const cuda_kind mlsel_i_cuda_mlp = {MAX_BATCH, prepare, release, lay_out, take, enqueue, finish, is_fixed};
