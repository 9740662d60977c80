/* SPDX-License-Identifier: Apache-2.0 */
/* Whether sums in float are far enough apart for their order to be that of the exact ones. */
#ifndef MLSEL_CERTAIN_H
#define MLSEL_CERTAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Logits in float are left to the exact path where two are this close, relative to the largest or 1. Measured errors
 * are a hundredth of it. */
#define LOGIT_TOLERANCE 1e-4

/* The same for the two largest of logits in bf16. A trained artifact's change by 0.004 at most, and 1 answer in 300. */
#define BF16_LOGIT_TOLERANCE 1e-2

/* Labels up to which comparing all pairs of logits is cheap beside computing them. */
enum { MAX_FAST_LABELS = 256 };

/* A norm so far from the limits of float that bounds relative to it hold. The prefix is for compilers of GPUs. */
#ifdef __CUDACC__
__host__ __device__
#endif
    static inline bool
    is_tame_norm(double norm) {
    return norm >= 0x1p-40 && norm <= 0x1p40;
}

/* Values between the layers of an MLP that float holds with room to spare. */
#define LARGEST_MLP_VALUE 1e36

#ifdef __cplusplus
extern "C" {
#endif

/* Whether all n values are numbers, and no two within gap of each other. Compares all pairs. */
bool mlsel_i_is_certain(const double *values, uint32_t n, double gap);
/* The same for an MLP's logits, with the gap that LOGIT_TOLERANCE gives. */
bool mlsel_i_logits_are_certain(const double *logits, uint32_t n);
/* Whether of logits in bf16 the largest stands out by BF16_LOGIT_TOLERANCE. */
bool mlsel_i_bf16_leader_is_certain(const double *logits, uint32_t n);

#ifdef __cplusplus
}
#endif
#endif
