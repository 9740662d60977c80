/* SPDX-License-Identifier: Apache-2.0 */
/* When the learning rate falls and when training stops. */
#ifndef MLSEL_MLP_SCHEDULE_H
#define MLSEL_MLP_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* As PyTorch's ReduceLROnPlateau with its defaults: a loss is better if it is lower by a share of 1e-4; after more than
 * `patience` epochs that are not, the rate is halved, unless that changes it by 1e-8 or less. */
typedef struct mlp_plateau {
    double best;
    uint32_t bad, patience;
} mlp_plateau;

/* The next epoch's rate. */
double mlsel_i_mlp_plateau_step(mlp_plateau *plateau, double loss, double learning_rate);

/* Epochs without any gain after which training stops. */
typedef struct mlp_stopping {
    double best;
    uint32_t waited, patience;
} mlp_stopping;

/* Whether this loss is the best so far. */
bool mlsel_i_mlp_stopping_step(mlp_stopping *stopping, double loss);

#endif
