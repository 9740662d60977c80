/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 layers with the bf16 dot products of 64-bit Arm. Compiled with these flags alone. */
#include <arm_neon.h>

#include "low_neon.h"

LOW_INLINE void step_bf16(const low_part *p, size_t s, float32x4_t *sums, const int blocks) {
    const uint32_t *w = (const uint32_t *)(const void *)(p->w + s * p->stride);
    uint32_t pair;
    memcpy(&pair, p->x + s * sizeof pair, sizeof pair);
    const bfloat16x8_t inputs = vreinterpretq_bf16_u32(vdupq_n_u32(pair));
    LOW_UNROLL
    for (int b = 0; b < QUARTERS * blocks; b++)
        sums[b] = vbfdotq_f32(sums[b], vreinterpretq_bf16_u32(vld1q_u32(w + 4 * b)), inputs);
}

FLOAT_PASSES(bf16)

float mlsel_i_cpu_low_load_neonbf16(const float *x, size_t n, void *to) { return low_load_bf16(x, n, to); }

void mlsel_i_cpu_low_multiply_neonbf16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                       float *out, size_t out_stride) {
    multiply_bf16(m, x, x_stride, n_queries, out, out_stride);
}
