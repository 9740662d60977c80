/* SPDX-License-Identifier: Apache-2.0 */
/* The 8-bit dot products of 64-bit Arm. Compiled with these flags alone, so nothing else may be defined here. */
#include <arm_neon.h>

#include "kernels.h"

enum { ROWS = 4 };

/* The values from i on, which are fewer than a vector has. */
static inline int32_t dot_tail(const int8_t *x, const int8_t *q, size_t i, size_t n) {
    int32_t sum = 0;
    for (; i < n; i++)
        sum += (int32_t)x[i] * q[i];
    return sum;
}

void mlsel_i_cpu_dots_i8_neondot(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n,
                                 int32_t *out) {
    const size_t quarter = n_rows / ROWS, whole = n / 16 * 16;
    for (size_t r = 0; r < quarter; r++) {
        int32x4_t sums[ROWS];
        for (size_t s = 0; s < ROWS; s++)
            sums[s] = vdupq_n_s32(0);
        for (size_t i = 0; i < whole; i += 16) {
            const int8x16_t values = vld1q_s8(q + i);
            for (size_t s = 0; s < ROWS; s++)
                sums[s] = vdotq_s32(sums[s], vld1q_s8(rows + (r + s * quarter) * stride + i), values);
        }
        for (size_t s = 0; s < ROWS; s++)
            out[r + s * quarter] = vaddvq_s32(sums[s]) + dot_tail(rows + (r + s * quarter) * stride, q, whole, n);
    }
    for (size_t r = ROWS * quarter; r < n_rows; r++) {
        int32x4_t sum = vdupq_n_s32(0);
        for (size_t i = 0; i < whole; i += 16)
            sum = vdotq_s32(sum, vld1q_s8(rows + r * stride + i), vld1q_s8(q + i));
        out[r] = vaddvq_s32(sum) + dot_tail(rows + r * stride, q, whole, n);
    }
}
