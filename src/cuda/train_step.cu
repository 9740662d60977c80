/* SPDX-License-Identifier: Apache-2.0 */
/* The launches of a step: rows, forward, loss, back, Adam. */
#include <math.h>

#include "train.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

typedef struct alignas(16) four {
    float v[4];
} four;

/* A batch's features; rows beyond it are 0. */
__global__ void __launch_bounds__(BLOCK)
    gather_kernel(train_now now, const uint32_t *__restrict__ order, const uint32_t *__restrict__ query,
                  const float *__restrict__ x, uint64_t stride, float *__restrict__ batch) {
    const train_step step = now.steps[*now.cursor];
    const uint32_t row = blockIdx.x;
    const uint64_t i = (uint64_t)blockIdx.y * BLOCK + threadIdx.x;
    four value = {};
    if (i >= stride / 4)
        return;
    if (row < step.rows) {
        const uint32_t example = order[step.first + row];
        const uint64_t from = query == NULL ? example : query[example];
        value = ((const four *)(const void *)(x + from * stride))[i];
    }
    ((four *)(void *)(batch + row * stride))[i] = value;
}

/* --- loss --------------------------------------------------------------------------------------------------------- */

typedef struct loss_arguments {
    train_now now;
    const uint32_t *order;
    const float *z;
    uint64_t stride;
    uint32_t n_outputs, n_rows; /* of the plan */
    const uint32_t *label;      /* NULL: targets */
    const float *weight, *target;
    float *d; /* NULL: none wanted */
    double *row_loss;
} loss_arguments;

__device__ __forceinline__ double warp_sum(double x) {
    for (int step = WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

__device__ __forceinline__ double warp_largest(double x) {
    for (int step = WARP / 2; step > 0; step /= 2)
        x = fmax(x, __shfl_xor_sync(0xffffffffu, x, step));
    return x;
}

/* -log softmax(z)[label] times the weight. */
__device__ __forceinline__ double label_loss(const loss_arguments &a, const float *z, float *d, uint32_t example,
                                             double share, unsigned lane) {
    double largest = -INFINITY, sum = 0;
    for (uint32_t o = lane; o < a.n_outputs; o += WARP)
        largest = fmax(largest, (double)z[o]);
    largest = warp_largest(largest);
    for (uint32_t o = lane; o < a.n_outputs; o += WARP)
        sum += exp((double)z[o] - largest);
    sum = warp_sum(sum);
    const uint32_t label = a.label[example];
    const double weight = (double)a.weight[example];
    for (uint32_t o = lane; d != NULL && o < a.n_outputs; o += WARP)
        d[o] = (float)(weight * (exp((double)z[o] - largest) / sum - (o == label ? 1 : 0)) * share);
    return weight * (log(sum) + largest - (double)z[label]);
}

/* log(1 + exp(z)) - target z of each output: binary cross-entropy of the logistic function of z. */
__device__ __forceinline__ double target_loss(const loss_arguments &a, const float *z, float *d, uint32_t example,
                                              double share, unsigned lane) {
    const float *targets = a.target + (uint64_t)example * a.n_outputs;
    double sum = 0;
    for (uint32_t o = lane; o < a.n_outputs; o += WARP) {
        const double x = (double)z[o], target = (double)targets[o];
        const bool is_known = isfinite(targets[o]);
        const double small = exp(-fabs(x)); /* at most 1 */
        if (is_known)
            sum += fmax(x, 0.0) + log1p(small) - target * x;
        if (d != NULL)
            d[o] = is_known ? (float)(((x >= 0 ? 1 : small) / (1 + small) - target) * share) : 0.0f;
    }
    return warp_sum(sum);
}

/* A warp for each row: its loss, and the derivative by its logits. */
__global__ void __launch_bounds__(BLOCK) loss_kernel(loss_arguments a) {
    const train_step step = a.now.steps[*a.now.cursor];
    const uint32_t row = (uint32_t)(((uint64_t)blockIdx.x * BLOCK + threadIdx.x) / WARP);
    const unsigned lane = threadIdx.x % WARP;
    if (row >= a.n_rows)
        return; /* the whole warp */
    double loss = 0;
    if (row < step.rows) {
        const uint32_t example = a.order[step.first + row];
        const float *z = a.z + row * a.stride;
        float *d = a.d == NULL ? NULL : a.d + row * a.stride;
        loss = a.label != NULL ? label_loss(a, z, d, example, step.share, lane)
                               : target_loss(a, z, d, example, step.share, lane);
    }
    if (lane == 0)
        a.row_loss[row] = loss;
}

/* Adds what the rows come to, times their share, in one block. */
__global__ void __launch_bounds__(BLOCK)
    add_loss_kernel(train_now now, const double *__restrict__ row_loss, uint32_t n_rows, double *__restrict__ loss) {
    __shared__ double parts[BLOCK];
    double sum = 0;
    for (uint32_t j = threadIdx.x; j < n_rows; j += BLOCK)
        sum += row_loss[j];
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned step = BLOCK / 2; step > 0; step /= 2) {
        if (threadIdx.x < step)
            parts[threadIdx.x] += parts[threadIdx.x + step];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        *loss += parts[0] * now.steps[*now.cursor].share;
}

/* --- Adam --------------------------------------------------------------------------------------------------------- */

typedef struct adam_arguments {
    train_now now;
    float *w, *m, *v;
    const float *g;
    uint64_t n_weights, n;
    float beta1_rest, beta2, beta2_rest, eps;
} adam_arguments;

/* See src/train/mlp_kernels.h. Parameters that are only padding have no gradient, and stay 0. */
__global__ void __launch_bounds__(BLOCK) adam_kernel(adam_arguments a) {
    const uint64_t i = (uint64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= a.n)
        return;
    const train_step *step = &a.now.steps[*a.now.cursor];
    const float g = a.g[i], m = a.m[i] + a.beta1_rest * (g - a.m[i]), v = a.beta2 * a.v[i] + a.beta2_rest * g * g;
    const float decay = i < a.n_weights ? step->decay : 1.0f;
    a.m[i] = m;
    a.v[i] = v;
    a.w[i] = decay * a.w[i] - step->rate * m / (step->scale * sqrtf(v) + a.eps);
}

__global__ void __launch_bounds__(WARP) advance_kernel(train_now now) {
    if (threadIdx.x == 0)
        ++*now.cursor;
}

/* --- a step ------------------------------------------------------------------------------------------------------- */

static const float *input_of(const cuda_training *t, uint32_t layer) {
    return layer == 0 ? t->batch : t->layers[layer - 1].h;
}

static mlsel_status go_forward(const cuda_training *t, const train_plan *plan, mlsel_error *err) {
    const uint32_t device = t->device;
    const uint64_t stride = t->layers[0].in_stride;
    TRY(LAUNCH(gather_kernel, dim3(plan->rows, blocks_for(stride / 4)), BLOCK, 0, t->stream, t->now, t->order, t->query,
               t->x, stride, t->batch));
    mlsel_status status = MLSEL_OK;
    for (uint32_t i = 0; i < t->n_layers && status == MLSEL_OK; i++) {
        const train_layer *l = &t->layers[i];
        status = mlsel_i_cuda_product_run(t->lt, device, &plan->forward[i], t->values + l->at.w, input_of(t, i), l->z,
                                          t->workspace, t->stream, err);
        if (status != MLSEL_OK || i + 1 == t->n_layers)
            break;
        status = plan->learns ? mlsel_i_cuda_train_normalise(t, i, plan->rows, err)
                              : mlsel_i_cuda_train_infer(t, i, plan->rows, err);
    }
    return status;
}

static mlsel_status take_loss(const cuda_training *t, const train_plan *plan, mlsel_error *err) {
    const uint32_t device = t->device;
    const train_layer *last = &t->layers[t->n_layers - 1];
    const loss_arguments a = {t->now,     t->order, last->z,   last->out_stride, last->n_out,
                              plan->rows, t->label, t->weight, t->target,        plan->learns ? last->d : NULL,
                              t->row_loss};
    TRY(LAUNCH(loss_kernel, blocks_for((uint64_t)plan->rows * WARP), BLOCK, 0, t->stream, a));
    TRY(LAUNCH(add_loss_kernel, 1, BLOCK, 0, t->stream, t->now, (const double *)t->row_loss, plan->rows, t->loss));
    return MLSEL_OK;
}

static mlsel_status go_back(const cuda_training *t, const train_plan *plan, mlsel_error *err) {
    mlsel_status status = mlsel_i_cuda_train_bias_back(t, plan->rows, err);
    for (uint32_t i = t->n_layers; i-- > 0 && status == MLSEL_OK;) {
        const train_layer *l = &t->layers[i];
        status = mlsel_i_cuda_product_run(t->lt, t->device, &plan->gradient[i], input_of(t, i), l->d,
                                          t->gradient + l->at.w, t->workspace, t->stream, err);
        if (i == 0 || status != MLSEL_OK)
            break;
        status = mlsel_i_cuda_product_run(t->lt, t->device, &plan->backward[i], t->values + l->at.w, l->d,
                                          t->layers[i - 1].d, t->workspace, t->stream, err);
        if (status == MLSEL_OK)
            status = mlsel_i_cuda_train_normalise_back(t, i - 1, plan->rows, err);
    }
    return status;
}

static mlsel_status update(const cuda_training *t, mlsel_error *err) {
    const uint32_t device = t->device;
    const adam_arguments a = {t->now,
                              t->values,
                              t->m,
                              t->v,
                              t->gradient,
                              t->n_weights,
                              t->n_learned,
                              (float)(1 - t->beta1),
                              (float)t->beta2,
                              (float)(1 - t->beta2),
                              (float)t->adam_eps};
    TRY(LAUNCH(adam_kernel, blocks_for(t->n_learned), BLOCK, 0, t->stream, a));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_train_step(const cuda_training *t, const train_plan *plan, mlsel_error *err) {
    const uint32_t device = t->device;
    mlsel_status status = go_forward(t, plan, err);
    if (status == MLSEL_OK)
        status = take_loss(t, plan, err);
    if (status == MLSEL_OK && plan->learns)
        status = go_back(t, plan, err);
    if (status == MLSEL_OK && plan->learns)
        status = update(t, err);
    if (status != MLSEL_OK)
        return status;
    TRY(LAUNCH(advance_kernel, 1, WARP, 0, t->stream, t->now));
    return MLSEL_OK;
}
