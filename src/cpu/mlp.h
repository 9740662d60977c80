/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways through an MLP share. */
#ifndef MLSEL_CPU_MLP_H
#define MLSEL_CPU_MLP_H

#include "state.h"

/* Values of the widest layer's output, with room for whole vectors. */
size_t mlsel_i_mlp_widest(const mlsel_mlp_view *mlp);

/* A batch norm as one multiplication and addition per value, in memory of the state. What leaves the range of float is
 * NaN, which reaches the logits and sends the query to the exact path. */
typedef struct folded_norm {
    float *scales, *shifts;
    bool in_range; /* none is NaN */
} folded_norm;

mlsel_status mlsel_i_mlp_fold_norm(cpu_state *state, uint32_t index, folded_norm *out, mlsel_error *err);

/* Layer `index`, which is not linear, in float; y may be x. */
void mlsel_i_mlp_elementwise(const cpu_state *state, uint32_t index, const float *x, float *y);

/* Whether float holds all values on the way of a query of this squared norm, or square of its largest value: those that
 * overflow could become 0 in a ReLU and pass for an answer. See mlsel_mlp_view.max_value. */
bool mlsel_i_mlp_is_tame(const cpu_state *state, double squared);

#endif
