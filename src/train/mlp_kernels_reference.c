/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training as it is defined: plain loops, sums in double, parameters and activations in float. */
#include <math.h>

#include "mlp_kernels.h"

static float at(const float *x, size_t x_block, size_t j, size_t i) {
    return x[i / MLP_BLOCK * x_block + j * MLP_BLOCK + i % MLP_BLOCK];
}

static void forward(const float *x, size_t x_block, size_t n, const float *w, size_t padded_rows, float *out) {
    for (size_t j = 0; j < padded_rows; j++)
        for (size_t o = 0; o < MLP_BLOCK; o++) {
            double sum = (double)out[j * MLP_BLOCK + o];
            for (size_t i = 0; i < n; i++)
                sum += (double)at(x, x_block, j, i) * (double)w[i * MLP_BLOCK + o];
            out[j * MLP_BLOCK + o] = (float)sum;
        }
}

static void backward(const float *w, size_t w_block, const float *dt, size_t dt_block, size_t n_blocks, size_t n,
                     float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < MLP_BLOCK; j++) {
            double sum = 0;
            for (size_t b = 0; b < n_blocks; b++)
                for (size_t o = 0; o < MLP_BLOCK; o++)
                    sum += (double)w[b * w_block + i * MLP_BLOCK + o] * (double)dt[b * dt_block + o * MLP_BLOCK + j];
            out[i * MLP_BLOCK + j] = (float)sum;
        }
}

static void take_step(double g, float *w, float *m, float *v, const mlp_adam *a) {
    *m = (float)((double)*m + (double)a->beta1_rest * (g - (double)*m));
    *v = (float)((double)a->beta2 * (double)*v + (double)a->beta2_rest * g * g);
    const double root = (double)a->scale * sqrt((double)*v) + (double)a->eps;
    *w = (float)((double)a->decay * (double)*w - (double)a->rate * (double)*m / root);
}

static void update(const float *x, size_t x_block, size_t n, const float *d, size_t rows, float *w, float *m, float *v,
                   const mlp_adam *adam) {
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < MLP_BLOCK; o++) {
            const size_t p = i * MLP_BLOCK + o;
            double g = 0;
            for (size_t j = 0; j < rows; j++)
                g += (double)at(x, x_block, j, i) * (double)d[j * MLP_BLOCK + o];
            take_step(g, &w[p], &m[p], &v[p], adam);
        }
}

static void step(const float *g, size_t n, float *w, float *m, float *v, const mlp_adam *adam) {
    for (size_t i = 0; i < n; i++)
        take_step((double)g[i], &w[i], &m[i], &v[i], adam);
}

static void normalise(float *z, size_t rows, const mlp_norm *norm, const float *keep, float *h) {
    for (size_t o = 0; o < MLP_BLOCK; o++) {
        double mean = 0, squares = 0;
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            z[p] = z[p] > 0 ? z[p] : 0;
            mean += (double)z[p];
        }
        mean /= (double)rows;
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK)
            squares += ((double)z[p] - mean) * ((double)z[p] - mean);
        const double momentum = (double)norm->momentum;
        const double unbiased = squares / (double)(rows > 1 ? rows - 1 : 1);
        norm->mean[o] = (float)mean;
        norm->inv_std[o] = (float)(1 / sqrt(squares / (double)rows + (double)norm->eps));
        norm->running_mean[o] = (float)((1 - momentum) * (double)norm->running_mean[o] + momentum * mean);
        norm->running_var[o] = (float)((1 - momentum) * (double)norm->running_var[o] + momentum * unbiased);
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            const double x = ((double)z[p] - (double)norm->mean[o]) * (double)norm->inv_std[o];
            const double y = x * (double)norm->gamma[o] + (double)norm->beta[o];
            h[p] = (float)(keep == NULL ? y : y * (double)keep[p]);
        }
    }
}

static void infer(float *z, size_t rows, const mlp_norm *norm, float *h) {
    for (size_t p = 0; p < rows * MLP_BLOCK; p++) {
        const size_t o = p % MLP_BLOCK;
        z[p] = z[p] > 0 ? z[p] : 0;
        const double inv_std = 1 / sqrt((double)norm->running_var[o] + (double)norm->eps);
        h[p] = (float)(((double)z[p] - (double)norm->running_mean[o]) * inv_std * (double)norm->gamma[o] +
                       (double)norm->beta[o]);
    }
}

static void normalise_back(const float *z, size_t rows, const mlp_norm *norm, const float *keep, float *d,
                           float *d_beta, float *d_gamma, float *d_bias) {
    for (size_t o = 0; o < MLP_BLOCK; o++) {
        const double mean = (double)norm->mean[o], inv_std = (double)norm->inv_std[o];
        double sum = 0, product = 0, bias = 0;
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            d[p] = keep == NULL ? d[p] : d[p] * keep[p];
            sum += (double)d[p];
            product += (double)d[p] * ((double)z[p] - mean) * inv_std;
        }
        const double factor = (double)norm->gamma[o] * inv_std, n = (double)rows;
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            const double x = ((double)z[p] - mean) * inv_std;
            d[p] = z[p] > 0 ? (float)(factor * ((double)d[p] - sum / n - x * product / n)) : 0;
            bias += (double)d[p];
        }
        d_beta[o] = (float)sum;
        d_gamma[o] = (float)product;
        d_bias[o] = (float)bias;
    }
}

const mlp_kernels mlsel_i_mlp_kernels_reference = {.isa = "reference",
                                                   .forward = forward,
                                                   .backward = backward,
                                                   .update = update,
                                                   .step = step,
                                                   .normalise = normalise,
                                                   .infer = infer,
                                                   .normalise_back = normalise_back};
