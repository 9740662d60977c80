/* SPDX-License-Identifier: Apache-2.0 */
/* What an MLP is trained on: a table's rows with their labels or targets. */
#ifndef MLSEL_MLP_ROWS_H
#define MLSEL_MLP_ROWS_H

#include "mlp_net.h"

typedef struct mlp_rows {
    mlp_examples examples;
    double *prior;   /* outcome: mean utility of each model; NaN: never known */
    uint32_t *order; /* [n] of the examples; the first n_train are for training, the rest for validation */
    size_t n_train, n_validation;
    uint32_t *query, *label;
    float *weight, *target;
} mlp_rows;

/* NOT_TRAINED where there is nothing to learn from. Freed with the same run, after a failure too. */
mlsel_status mlsel_i_mlp_rows_create(const train_table *table, const mlsel_train_options *options, train_run *run,
                                     mlp_rows *out);
void mlsel_i_mlp_rows_free(train_run *run, mlp_rows *rows);

#endif
