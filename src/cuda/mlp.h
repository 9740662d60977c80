/* SPDX-License-Identifier: Apache-2.0 */
/* An MLP's layers as the device runs them: batch norm folded into a neighbouring linear layer, ReLU part of a step. */
#ifndef MLSEL_CUDA_MLP_H
#define MLSEL_CUDA_MLP_H

#include <stdbool.h>
#include <stddef.h>

#include "internal.h"
#include "mlsel_backend.h"

/* A linear layer, or with `weight` NULL x * scale + shift; then ReLU if asked. */
typedef struct mlp_step {
    uint32_t in_features, out_features;
    double *weight; /* [out_features][in_features] */
    double *bias;   /* [out_features]; of a linear layer */
    double *scale;  /* [out_features], NULL is 1; of the other kind */
    double *shift;  /* [out_features], NULL is 0 */
    bool relu;
} mlp_step;

typedef struct mlp_steps {
    mlp_step *steps;
    uint32_t n_steps;
    bool is_in_range; /* what was folded is far from the limits of float */
} mlp_steps;

/* MLSEL_ERROR_NO_MEMORY is the only failure; then `out` can be freed all the same. */
mlsel_status mlsel_i_mlp_fold(const mlsel_mlp_view *mlp, mlp_steps *out, mlsel_error *err);
void mlsel_i_mlp_steps_free(mlp_steps *steps);

#endif
