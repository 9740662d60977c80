/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multilayer perceptron in training: Linear, ReLU, BatchNorm and Dropout per hidden layer, then a last Linear.
 *
 * A step goes forward through the layers, takes the loss, goes back, and updates all weights, each phase in parts that
 * are blocks of 32 features. The update of the first layer, the largest, at once takes the next batch through it, while
 * its weights are at hand. No sum crosses parts, so results do not depend on who does them.
 */
#ifndef MLSEL_MLP_NET_H
#define MLSEL_MLP_NET_H

#include "mlp_crew.h"
#include "mlp_kernels.h"
#include "train.h"

enum { MLP_MAX_LAYERS = MLSEL_TRAIN_MAX_HIDDEN + 1 };

/* Of batch norms and of Adam, as in PyTorch. */
#define MLP_NORM_EPS 1e-5
#define MLP_NORM_MOMENTUM 0.1
#define MLP_ADAM_BETA1 0.9
#define MLP_ADAM_BETA2 0.999
#define MLP_ADAM_EPS 1e-8

/* What is learned from: rows of features with a label and a weight, or with a target for each output. */
typedef struct mlp_examples {
    size_t n, n_outputs;
    const float *x; /* [queries][stride]; see train_table */
    size_t stride;
    const uint32_t *query; /* [n] row of x; NULL: the example's own number */
    /* cross-entropy of one label times a weight */
    const uint32_t *label;
    const float *weight;
    /* or binary cross-entropy of each output, [n][n_outputs]; NaN: left out */
    const float *target;
} mlp_examples;

/* A sum of losses, and the weight of that sum's terms. */
typedef struct mlp_loss {
    double sum, weight;
} mlp_loss;

/* The loss of a batch by its logits z[block][block_floats], and with d not NULL its derivative by them, for the mean:
 * of cross-entropy over the rows, of binary cross-entropy over the targets known. */
mlp_loss mlsel_i_mlp_loss(const mlp_examples *examples, const uint32_t *rows, size_t n, const float *z,
                          size_t block_floats, float *d);

/* Parameters of one kind of a layer: where they start in net->values, and in the gradient's moments. */
typedef struct mlp_layer {
    size_t n_in, n_out;
    size_t in_rows; /* n_in padded */
    size_t blocks;  /* of outputs */
    float *w, *w_m, *w_v;
    float *bias, *gamma, *beta;        /* [blocks][32] each, gamma and beta of hidden layers */
    float *running_mean, *running_var; /* likewise */
    float *bias_m, *gamma_m, *beta_m;  /* first moments */
    float *bias_v, *gamma_v, *beta_v;  /* second moments */
    float *d_bias, *d_gamma, *d_beta;  /* derivatives */
    float *mean, *inv_std;             /* of the batch */
    float *z, *keep, *h[2], *d, *dt;   /* values and derivatives of a batch, see mlp_kernels.h */
} mlp_layer;

typedef struct mlp_net {
    const mlp_kernels *kernels;
    mlp_crew crew;
    train_run *run;
    size_t n_features, n_layers;
    mlp_layer layers[MLP_MAX_LAYERS];
    size_t max_rows; /* of a batch, padded */
    size_t panels;   /* of 32 rows */
    double dropout;
    uint64_t seed, step; /* steps taken */
    double learning_rate, weight_decay;

    float *memory;   /* all of it; values come first */
    size_t n_values; /* weights, biases, batch norms: what a copy must have */
    float *x[2];     /* the batch and the next one */

    /* the step in progress */
    const mlp_examples *examples;
    const uint32_t *rows, *next_rows;
    size_t n_rows, n_next;
    unsigned current;          /* of x[2] and h[2] */
    bool ahead;                /* the batch is through the first layer */
    bool learning;             /* false: as in use */
    mlp_adam adam, adam_plain; /* of weights, and of all others */
} mlp_net;

/* Widths from the features to the outputs: n_layers + 1 of them. All parameters are 0. */
mlsel_status mlsel_i_mlp_net_create(mlp_net *net, const size_t *widths, size_t n_layers, size_t batch, train_run *run);
/* The same with values alone, to be filled and read: no step can be taken. */
mlsel_status mlsel_i_mlp_net_create_values(mlp_net *net, const size_t *widths, size_t n_layers, train_run *run);
void mlsel_i_mlp_net_free(mlp_net *net);
/* PyTorch's start: weights and biases uniform within 1 / sqrt(inputs), by the seed; batch norms that change nothing. */
void mlsel_i_mlp_net_start(mlp_net *net, uint64_t seed);

/* One step on the examples of these numbers; n is at most the batch plus 1. The next batch (n_next may be 0) must be
 * the next one stepped on. Called by the leader of net->crew. */
mlp_loss mlsel_i_mlp_net_step(mlp_net *net, const mlp_examples *examples, const uint32_t *rows, size_t n,
                              const uint32_t *next_rows, size_t n_next);

/* The loss of examples as in use. choices (may be NULL) receives the largest output of each. Likewise. */
mlp_loss mlsel_i_mlp_net_evaluate(mlp_net *net, const mlp_examples *examples, const uint32_t *rows, size_t n,
                                  uint32_t *choices);

/* Weight from input i to output o. */
static inline size_t mlsel_i_mlp_weight_index(size_t in_rows, size_t o, size_t i) {
    return (o / MLP_BLOCK * in_rows + i) * MLP_BLOCK + o % MLP_BLOCK;
}

#endif
