/* SPDX-License-Identifier: Apache-2.0 */
/* An MLP's layers as a device runs them: batch norm folded into a neighbouring linear layer, ReLU part of a step. */
#ifndef MLSEL_ACCEL_MLP_STEPS_H
#define MLSEL_ACCEL_MLP_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "internal.h"
#include "mlsel_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A linear layer, weight * x + shift, or with `weight` NULL scale * x + shift for each value; then ReLU if asked. */
typedef struct accel_step {
    uint32_t in_features, out_features;
    double *weight; /* [out_features][in_features] */
    double *scale;  /* [out_features]; NULL of a linear layer */
    double *shift;  /* [out_features] */
    bool relu;
} accel_step;

typedef struct accel_steps {
    accel_step *steps;
    uint32_t n_steps;
    double largest; /* absolute value of any number of the steps; infinity where one is none */
} accel_steps;

/* MLSEL_ERROR_NO_MEMORY is the only failure. Freed with mlsel_i_accel_steps_free in either case. */
mlsel_status mlsel_i_accel_steps_make(const mlsel_mlp_view *mlp, accel_steps *out, mlsel_error *err);
void mlsel_i_accel_steps_free(accel_steps *steps);

#ifdef __cplusplus
}
#endif
#endif
