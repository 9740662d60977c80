/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch norm, dropout and their derivatives. A block has 32 features, a thread some rows of one of them; sums over rows
 * are in double, of SHARES parts that are added up in their order.
 */
#include <math.h>

#include "train.h"
#include "train/xoshiro.h"

enum { FEATURES = DROPOUT_BLOCK, SHARES = 8 };

/* --- dropout ------------------------------------------------------------------------------------------------------ */

/* A thread draws a block of 32 features of one step, as a word for each row. */
__global__ void __launch_bounds__(BLOCK)
    draw_kernel(const train_step *__restrict__ steps, uint32_t n_steps, uint64_t seed, uint64_t first_step,
                uint32_t layer, uint32_t n_blocks, uint32_t threshold, uint32_t *__restrict__ kept) {
    const uint64_t i = (uint64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= (uint64_t)n_steps * n_blocks)
        return;
    const uint32_t step = (uint32_t)(i / n_blocks), block = (uint32_t)(i % n_blocks);
    uint32_t *out = kept + (uint64_t)steps[step].mask_first * n_blocks + block;
    random_state r;
    mlsel_i_xoshiro_seed(&r, seed, mlsel_i_dropout_stream(first_step + step, layer, block));
    for (uint32_t row = 0; row < steps[step].rows; row++) {
        uint32_t word = 0;
        for (int o = 0; o < FEATURES; o += DROPOUT_VALUES) {
            const uint64_t bits = mlsel_i_xoshiro_next(&r);
            for (int v = 0; v < DROPOUT_VALUES; v++)
                if ((bits >> v * DROPOUT_BITS & ((1 << DROPOUT_BITS) - 1)) >= threshold)
                    word |= (uint32_t)1 << (o + v);
        }
        out[(uint64_t)row * n_blocks] = word;
    }
}

mlsel_status mlsel_i_cuda_train_draw(const cuda_training *t, uint32_t layer, uint64_t first, uint32_t n,
                                     mlsel_error *err) {
    const uint32_t device = t->device;
    const train_layer *l = &t->layers[layer];
    const uint32_t n_blocks = (uint32_t)(l->out_stride / FEATURES);
    TRY(LAUNCH(draw_kernel, blocks_for((uint64_t)n * n_blocks), BLOCK, 0, t->stream, t->steps, n, t->seed, first, layer,
               n_blocks, (uint32_t)mlsel_i_dropout_threshold(t->dropout), l->kept));
    return MLSEL_OK;
}

/* --- batch norm --------------------------------------------------------------------------------------------------- */

/* What the kernels know of a layer. */
typedef struct batch_norm {
    uint32_t n, rows;
    uint64_t stride;
    float *z, *h, *d;
    float *gamma, *beta, *mean, *inv_std, *running_mean, *running_var;
    float *d_gamma, *d_beta, *d_bias;
    const uint32_t *kept;
    float scale; /* of what is kept */
    double momentum, eps;
} batch_norm;

static batch_norm norm_of(const cuda_training *t, uint32_t layer, uint32_t rows) {
    const train_layer *l = &t->layers[layer];
    const train_places *at = &l->at;
    batch_norm n;
    n.n = l->n_out;
    n.rows = rows;
    n.stride = l->out_stride;
    n.z = l->z;
    n.h = l->h;
    n.d = l->d;
    n.gamma = t->values + at->gamma;
    n.beta = t->values + at->beta;
    n.mean = l->batch_mean;
    n.inv_std = l->inv_std;
    n.running_mean = t->values + at->mean;
    n.running_var = t->values + at->var;
    n.d_gamma = t->gradient + at->gamma;
    n.d_beta = t->gradient + at->beta;
    n.d_bias = t->gradient + at->bias;
    n.kept = l->kept;
    n.scale = mlsel_i_dropout_scale(t->dropout);
    n.momentum = t->norm_momentum;
    n.eps = t->norm_eps;
    return n;
}

/* The total of a feature, which all of its threads get. Every thread of the block must be here. */
__device__ __forceinline__ double total_of(double part, double (*parts)[FEATURES]) {
    const unsigned feature = threadIdx.x % FEATURES, share = threadIdx.x / FEATURES;
    __syncthreads(); /* all have read the last one */
    parts[share][feature] = part;
    __syncthreads();
    double total = 0;
    for (int i = 0; i < SHARES; i++)
        total += parts[i][feature];
    return total;
}

/* 0, or what a kept value is multiplied by. */
__device__ __forceinline__ float keep_of(const batch_norm &n, uint64_t mask_first, uint32_t row, uint32_t feature) {
    if (n.kept == NULL)
        return 1;
    const uint64_t word = (mask_first + row) * (n.stride / FEATURES) + feature / FEATURES;
    return (n.kept[word] >> feature % FEATURES & 1) != 0 ? n.scale : 0.0f;
}

__global__ void __launch_bounds__(BLOCK) normalise_kernel(train_now now, batch_norm n) {
    __shared__ double parts[SHARES][FEATURES];
    const uint32_t o = blockIdx.x * FEATURES + threadIdx.x % FEATURES, share = threadIdx.x / FEATURES;
    const bool is_there = o < n.n;
    double sum = 0, squares = 0;
    for (uint32_t j = share; is_there && j < n.rows; j += SHARES)
        sum += (double)n.z[j * n.stride + o];
    const double mean = total_of(sum, parts) / n.rows;
    for (uint32_t j = share; is_there && j < n.rows; j += SHARES) {
        const double x = (double)n.z[j * n.stride + o] - mean;
        squares += x * x;
    }
    squares = total_of(squares, parts);
    if (!is_there)
        return;
    const float mean_f = (float)mean, inv_std = (float)(1 / sqrt(squares / n.rows + n.eps));
    if (share == 0) {
        const double unbiased = squares / (n.rows > 1 ? n.rows - 1 : 1);
        n.mean[o] = mean_f;
        n.inv_std[o] = inv_std;
        n.running_mean[o] = (float)((1 - n.momentum) * (double)n.running_mean[o] + n.momentum * mean);
        n.running_var[o] = (float)((1 - n.momentum) * (double)n.running_var[o] + n.momentum * unbiased);
    }
    const uint64_t mask_first = now.steps[*now.cursor].mask_first;
    for (uint32_t j = share; j < n.rows; j += SHARES) {
        const uint64_t at = j * n.stride + o;
        n.h[at] = ((n.z[at] - mean_f) * inv_std * n.gamma[o] + n.beta[o]) * keep_of(n, mask_first, j, o);
    }
}

__global__ void __launch_bounds__(BLOCK) infer_kernel(batch_norm n) {
    const uint32_t o = blockIdx.y * BLOCK + threadIdx.x;
    const uint64_t at = blockIdx.x * n.stride + o;
    if (o >= n.n)
        return;
    const float inv_std = (float)(1 / sqrt((double)n.running_var[o] + n.eps));
    n.h[at] = (n.z[at] - n.running_mean[o]) * inv_std * n.gamma[o] + n.beta[o];
}

__global__ void __launch_bounds__(BLOCK) normalise_back_kernel(train_now now, batch_norm n) {
    __shared__ double parts[SHARES][FEATURES];
    const uint32_t o = blockIdx.x * FEATURES + threadIdx.x % FEATURES, share = threadIdx.x / FEATURES;
    const uint64_t mask_first = now.steps[*now.cursor].mask_first;
    const bool is_there = o < n.n;
    const double mean = is_there ? (double)n.mean[o] : 0, inv_std = is_there ? (double)n.inv_std[o] : 0;
    double sum = 0, sum_x = 0, bias = 0;
    for (uint32_t j = share; is_there && j < n.rows; j += SHARES) {
        const uint64_t at = j * n.stride + o;
        const double d = (double)(n.d[at] * keep_of(n, mask_first, j, o));
        sum += d;
        sum_x += d * (((double)n.z[at] - mean) * inv_std);
    }
    sum = total_of(sum, parts);
    sum_x = total_of(sum_x, parts);
    const float factor = is_there ? (float)((double)n.gamma[o] * inv_std) : 0.0f;
    const float mean_d = (float)(sum / n.rows), mean_x = (float)(sum_x / n.rows);
    for (uint32_t j = share; is_there && j < n.rows; j += SHARES) {
        const uint64_t at = j * n.stride + o;
        const float x = (n.z[at] - (float)mean) * (float)inv_std;
        const float d = n.d[at] * keep_of(n, mask_first, j, o);
        n.d[at] = n.z[at] > 0 ? factor * (d - mean_d - x * mean_x) : 0.0f;
        bias += (double)n.d[at];
    }
    bias = total_of(bias, parts);
    if (is_there && share == 0) {
        n.d_beta[o] = (float)sum;
        n.d_gamma[o] = (float)sum_x;
        n.d_bias[o] = (float)bias;
    }
}

__global__ void __launch_bounds__(BLOCK) bias_back_kernel(batch_norm n) {
    __shared__ double parts[SHARES][FEATURES];
    const uint32_t o = blockIdx.x * FEATURES + threadIdx.x % FEATURES, share = threadIdx.x / FEATURES;
    double sum = 0;
    for (uint32_t j = share; o < n.n && j < n.rows; j += SHARES)
        sum += (double)n.d[j * n.stride + o];
    sum = total_of(sum, parts);
    if (o < n.n && share == 0)
        n.d_bias[o] = (float)sum;
}

static unsigned feature_blocks(const batch_norm *n) { return (n->n + FEATURES - 1) / FEATURES; }

mlsel_status mlsel_i_cuda_train_normalise(const cuda_training *t, uint32_t layer, uint32_t rows, mlsel_error *err) {
    const uint32_t device = t->device;
    const batch_norm n = norm_of(t, layer, rows);
    TRY(LAUNCH(normalise_kernel, feature_blocks(&n), BLOCK, 0, t->stream, t->now, n));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_train_infer(const cuda_training *t, uint32_t layer, uint32_t rows, mlsel_error *err) {
    const uint32_t device = t->device;
    const batch_norm n = norm_of(t, layer, rows);
    TRY(LAUNCH(infer_kernel, dim3(rows, blocks_for(n.n)), BLOCK, 0, t->stream, n));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_train_normalise_back(const cuda_training *t, uint32_t layer, uint32_t rows,
                                               mlsel_error *err) {
    const uint32_t device = t->device;
    const batch_norm n = norm_of(t, layer, rows);
    TRY(LAUNCH(normalise_back_kernel, feature_blocks(&n), BLOCK, 0, t->stream, t->now, n));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_train_bias_back(const cuda_training *t, uint32_t rows, mlsel_error *err) {
    const uint32_t device = t->device;
    const batch_norm n = norm_of(t, t->n_layers - 1, rows);
    TRY(LAUNCH(bias_back_kernel, feature_blocks(&n), BLOCK, 0, t->stream, n));
    return MLSEL_OK;
}
