/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing by expected outcomes, as mlsel_tradeoff documents. No allocation, no device code. */
#ifndef MLSEL_TRADEOFF_H
#define MLSEL_TRADEOFF_H

#include "rules.h"

/* A trade-off as asked for, checked, with its defaults filled in. */
typedef struct tradeoff_plan {
    double quality_weight, latency_weight, cost_weight; /* they sum to 1 */
    double latency_scale_ns, cost_scale;
    double tolerance;    /* negative: none */
    const double *costs; /* [n_labels] the caller's, or NULL */
} tradeoff_plan;

/* The checks that need no model: struct, flags, numbers. *own becomes a copy. */
mlsel_status mlsel_i_tradeoff_copy(mlsel_tradeoff *own, const mlsel_tradeoff *given, mlsel_error *err);
/* All checks. */
mlsel_status mlsel_i_tradeoff_read(const mlsel_model *model, const mlsel_tradeoff *given, tradeoff_plan *out,
                                   mlsel_error *err);
/* What the highest of the known costs is; 1 if none is above 0. */
double mlsel_i_highest_cost(const double *costs, size_t n);

/* Expected outcomes of all labels into out[n_labels], from a run's neighbours; mask as in that run (NULL: none). */
void mlsel_i_outcomes_gather(const mlsel_model *model, const measurement *m, const uint8_t *mask, const double *costs,
                             mlsel_outcome *out);
/* Whether an eligible label has one. */
bool mlsel_i_outcomes_suffice(const mlsel_model *model, const uint8_t *mask, const mlsel_outcome *outcomes);

/* Utilities of all labels from ws->outcomes, and what decides between the eligible ones. */
void mlsel_i_tradeoff_rank(const mlsel_model *model, const tradeoff_plan *plan, const measurement *m, workspace *ws,
                           double *scores, ranking *out);

#endif
