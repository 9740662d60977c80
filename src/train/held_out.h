/* SPDX-License-Identifier: Apache-2.0 */
/* What a finished artifact makes of the queries of a dataset, beside what became of them. */
#ifndef MLSEL_TRAIN_HELD_OUT_H
#define MLSEL_TRAIN_HELD_OUT_H

#include "internal.h"
#include "mlsel_train.h"

typedef struct held_out {
    size_t n_queries, n_labels;
    float *x;         /* [n_queries][n_features] */
    double *quality;  /* [n_queries][n_labels] of the pairs; NaN: unknown */
    uint8_t *matched; /* [n_labels] 1: the dataset has the model */
    size_t n_features;
} held_out;

/* Features for the model and qualities in the order of its labels. NOT_FOUND: a query has no embedding; NOT_TRAINED: no
 * query, or no model in common; DIMENSION: embeddings of another width than the artifact was trained on. */
mlsel_status mlsel_i_held_out_create(const mlsel_dataset *dataset, const mlsel_model *model, held_out *out,
                                     mlsel_error *err);
/* Frees what is in it; all 0 is fine. */
void mlsel_i_held_out_free(held_out *h);

#endif
