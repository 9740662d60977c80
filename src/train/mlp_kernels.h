/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of MLP training: a table of functions per instruction set, chosen once.
 *
 * Everything is laid out in blocks of 32 features, so that one block of outputs is a part of the work that no other
 * part shares a sum with:
 *   values     [block][row][32]    a batch; rows are padded to a multiple of MLP_ROWS
 *   weights    [block of outputs][input][32 outputs], inputs padded to a multiple of MLP_ROWS with zeros
 *   transposed [block][panel][32 features][32 rows], for the way back
 * A tile of 8 by 32 sums stays in registers while the rows or features pass by, and gradients of weights never leave
 * them: Adam's step is taken from the registers. The reference table is the definition, with sums in double; all
 * others may round differently, within mlsel_i_mlp_sum_error.
 */
#ifndef MLSEL_MLP_KERNELS_H
#define MLSEL_MLP_KERNELS_H

#include <stddef.h>

enum {
    MLP_BLOCK = 32, /* features of a block, and rows of a panel */
    MLP_ROWS = 8    /* what rows of a batch and inputs of a layer are padded to */
};

/* A step of Adam (D. Kingma, J. Ba, 2015): m += (1 - beta1)(g - m), v = beta2 v + (1 - beta2) g^2,
 * w = decay w - rate m / (scale sqrt(v) + eps). Bias corrections are in rate and scale; decay is that of the weights
 * (I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, 2019), 1 for none. */
typedef struct mlp_adam {
    float beta1_rest, beta2, beta2_rest; /* 1 - beta1, beta2, 1 - beta2 */
    float rate, scale, eps, decay;
} mlp_adam;

/* Batch normalisation of one block (S. Ioffe, C. Szegedy, 2015): 32 values each. */
typedef struct mlp_norm {
    const float *gamma, *beta;
    float *mean, *inv_std;             /* of the batch */
    float *running_mean, *running_var; /* moved by `momentum` towards the batch's, the variance without bias */
    float momentum, eps;
} mlp_norm;

typedef struct mlp_kernels {
    const char *isa;

    /* out[j][o] += sum over i < n of x(j, i) * w[i][o] for all padded rows; value i of row j is at
     * x[i / 32 * x_block + j * 32 + i % 32] */
    void (*forward)(const float *x, size_t x_block, size_t n, const float *w, size_t padded_rows, float *out);

    /* out[i][j] = sum over blocks b and o < 32 of w[b * w_block + i * 32 + o] * dt[b * dt_block + o * 32 + j] for i <
     * n, j < 32; n is a multiple of MLP_ROWS */
    void (*backward)(const float *w, size_t w_block, const float *dt, size_t dt_block, size_t n_blocks, size_t n,
                     float *out);

    /* Adam's step with g[i][o] = sum over j < rows of x(j, i) * d[j][o] for i < n, a multiple of MLP_ROWS */
    void (*update)(const float *x, size_t x_block, size_t n, const float *d, size_t rows, float *w, float *m, float *v,
                   const mlp_adam *adam);

    /* The same for n parameters whose gradient is there; n is a multiple of 32. */
    void (*step)(const float *g, size_t n, float *w, float *m, float *v, const mlp_adam *adam);

    /* z becomes max(z, 0) in place; its mean and variance over the rows go to norm and move the running ones; h =
     * ((z - mean) * inv_std * gamma + beta) * keep, keep being NULL for all 1 */
    void (*normalise)(float *z, size_t rows, const mlp_norm *norm, const float *keep, float *h);

    /* The same with the running mean and variance, as in use. */
    void (*infer)(float *z, size_t rows, const mlp_norm *norm, float *h);

    /* From d, the derivative by h, to that by z before the ReLU, in place; and by beta, gamma and the bias. z is what
     * normalise left. */
    void (*normalise_back)(const float *z, size_t rows, const mlp_norm *norm, const float *keep, float *d,
                           float *d_beta, float *d_gamma, float *d_bias);
} mlp_kernels;

extern const mlp_kernels mlsel_i_mlp_kernels_reference;
extern const mlp_kernels mlsel_i_mlp_kernels_portable;
extern const mlp_kernels mlsel_i_mlp_kernels_avx2;
extern const mlp_kernels mlsel_i_mlp_kernels_avx512;
extern const mlp_kernels mlsel_i_mlp_kernels_neon;

/* The best table this machine can run, or a lower one that MLSEL_ISA names. */
const mlp_kernels *mlsel_i_mlp_kernels_pick(void);
/* Those of this build that this machine can run, the reference first; returns how many. */
enum { MLP_MAX_LEVELS = 4 };
size_t mlsel_i_mlp_kernels_all(const mlp_kernels *out[MLP_MAX_LEVELS]);

/* Bound on |computed - exact| of a sum of n products in float, one after the other, relative to the sum of their
 * absolute values (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1). */
double mlsel_i_mlp_sum_error(size_t n);

#endif
