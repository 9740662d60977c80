/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training of MLPs on the card: parameters, Adam's moments, examples and a batch are there from create to release.
 *
 * All that differs from one step to the next is read from memory of the device (train_step), so that the launches of a
 * step are always the same ones: they are recorded once for each number of rows. No sum depends on the order in which
 * threads come: sums over rows are in parts that are added up in a fixed order, and products are by algorithms that
 * give the same bits every time.
 */
#ifndef MLSEL_CUDA_TRAIN_H
#define MLSEL_CUDA_TRAIN_H

#include "cuda.h"

enum { MAX_TRAIN_LAYERS = 32 };

/* --- a step ------------------------------------------------------------------------------------------------------- */

/* What a step, or a batch of an evaluation, is about. */
typedef struct train_step {
    uint64_t first;      /* row of the epoch's order that it starts at */
    uint32_t mask_first; /* row of the masks */
    uint32_t rows;
    float rate, scale, decay; /* of Adam: see src/train/mlp_kernels.h */
    float reserved;
    double share; /* of a row or target in the loss */
} train_step;

/* Where the kernels look it up. */
typedef struct train_now {
    const train_step *steps;
    uint32_t *cursor; /* the step in progress */
} train_now;

/* --- parameters --------------------------------------------------------------------------------------------------- */

/* Places in `values`, and as far as they are learned in the gradient and its moments too. */
typedef struct train_places {
    uint64_t w; /* [n_out][in_stride] */
    uint64_t bias, gamma, beta, mean, var;
} train_places;

typedef struct train_layer {
    uint32_t n_in, n_out;
    uint64_t in_stride, out_stride; /* values from one row to the next */
    train_places at;
    float *z, *h, *d; /* [rows][out_stride]: after the ReLU; behind dropout; derivatives. The last has no h */
    float *batch_mean, *inv_std; /* [out_stride] of the batch; NULL in the last layer */
    uint32_t *kept;              /* [mask_rows][out_stride / 32] a bit for each value that is kept; NULL: all are */
} train_layer;

/* --- train_gemm.cu: products -------------------------------------------------------------------------------------- */

/* In the terms of cuBLAS, whose matrices are stored column after column: c[m][n] = a[m][k] b[k][n], each of a and b as
 * it is or transposed. What is a row to us is a column there. */
typedef struct product_shape {
    uint64_t m, n, k;
    bool a_is_transposed, b_is_transposed;
    uint64_t a_stride, b_stride, c_stride;
    const float *bias; /* [m] on the device, or NULL */
    bool relu;
} product_shape;

typedef struct product {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
} product;

mlsel_status mlsel_i_cuda_product_plan(cublasLtHandle_t lt, uint32_t device, const product_shape *shape, product *out,
                                       mlsel_error *err);
void mlsel_i_cuda_product_free(product *p);
mlsel_status mlsel_i_cuda_product_run(cublasLtHandle_t lt, uint32_t device, const product *p, const float *a,
                                      const float *b, float *c, void *workspace, cudaStream_t stream, mlsel_error *err);

/* --- plans -------------------------------------------------------------------------------------------------------- */

/* The products of a number of rows, and of a step the recorded launches. */
typedef struct train_plan {
    uint32_t rows;
    bool learns;
    product forward[MAX_TRAIN_LAYERS], backward[MAX_TRAIN_LAYERS], gradient[MAX_TRAIN_LAYERS];
    cudaGraphExec_t graph;
} train_plan;

enum { N_TRAIN_PLANS = 3 }; /* full steps, the last one of an epoch, evaluation */

typedef struct cuda_training {
    uint32_t device, n_layers;
    train_layer layers[MAX_TRAIN_LAYERS];
    device_memory memory;
    cublasLtHandle_t lt;
    cudaStream_t stream;
    void *workspace;

    /* examples */
    float *x; /* [n_queries][layers[0].in_stride] */
    uint32_t *query, *label;
    float *weight, *target;
    uint32_t *known; /* [n_examples] on the host: targets that are known; NULL with labels */
    uint64_t n_examples;

    /* parameters */
    float *values, *best, *gradient, *m, *v;
    uint64_t n_weights, n_learned, n_values; /* first the weights, then what else is learned, then running values */

    /* a batch, and the epoch */
    float *batch; /* [capacity][layers[0].in_stride] */
    double *row_loss;
    uint32_t *order, *host_order; /* [n_examples + 1] */
    uint64_t n_order, position;   /* rows of the epoch that are done */
    uint64_t n_steps;             /* taken since create */
    uint32_t max_rows, capacity, mask_rows;
    train_now now;
    train_step *steps, *host_steps; /* [MAX_STEPS] on the device, pinned on the host */
    double *loss, *host_loss;       /* one sum */
    train_plan plans[N_TRAIN_PLANS];
    uint32_t next_plan; /* to be given up for another one */

    /* settings */
    double dropout, weight_decay, beta1, beta2, adam_eps, norm_momentum, norm_eps;
    uint64_t seed;
} cuda_training;

/* Steps that are given to the device at a time: it is waited for after so many. */
enum { MAX_STEPS = 256 };

/* The plan for so many rows, made if there is none. */
mlsel_status mlsel_i_cuda_train_plan(cuda_training *t, uint32_t rows, bool learns, train_plan **out, mlsel_error *err);
void mlsel_i_cuda_train_plans_free(cuda_training *t);

/* --- train_step.cu ------------------------------------------------------------------------------------------------ */

/* The launches of a step, or of a batch of an evaluation, on the stream. */
mlsel_status mlsel_i_cuda_train_step(const cuda_training *t, const train_plan *plan, mlsel_error *err);

/* --- train_norm.cu: batch norm and dropout ------------------------------------------------------------------------ */

/* Draws what n steps drop behind a hidden layer, the first of them step number `first` of the training. */
mlsel_status mlsel_i_cuda_train_draw(const cuda_training *t, uint32_t layer, uint64_t first, uint32_t n,
                                     mlsel_error *err);
/* From z to h: by the batch's mean and variance, with dropout; or by the running ones, without. */
mlsel_status mlsel_i_cuda_train_normalise(const cuda_training *t, uint32_t layer, uint32_t rows, mlsel_error *err);
mlsel_status mlsel_i_cuda_train_infer(const cuda_training *t, uint32_t layer, uint32_t rows, mlsel_error *err);
/* d from the derivative by h to that by z before the ReLU, and the gradients of gamma, beta and the bias. */
mlsel_status mlsel_i_cuda_train_normalise_back(const cuda_training *t, uint32_t layer, uint32_t rows, mlsel_error *err);
/* The gradient of the last layer's bias. */
mlsel_status mlsel_i_cuda_train_bias_back(const cuda_training *t, uint32_t rows, mlsel_error *err);

extern const mlsel_backend_train_mlp mlsel_i_cuda_train_mlp;

#endif
