/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 layers with the 8-bit dot products of 64-bit Arm. Compiled with these flags alone.
 *
 * An input of 16 bits is two signed digits, input = 256 high + low, each of -128 to 127.
 */
#include <arm_neon.h>

#include "low_neon.h"

/* For each step, 4 high digits and 4 low ones. */
float mlsel_i_cpu_low_load_neondot(const float *x, size_t n, void *to) {
    const float scale = low_load_i16(x, n, to);
    int8_t *out = to;
    const size_t bytes = (n + 3) / 4 * 8;
    for (size_t i = 0; i < bytes; i += 8) {
        int16_t inputs[4];
        memcpy(inputs, out + i, sizeof inputs);
        for (size_t k = 0; k < 4; k++) {
            const int low = ((inputs[k] + 128) & 255) - 128;
            out[i + k] = (int8_t)((inputs[k] - low) / 256);
            out[i + 4 + k] = (int8_t)low;
        }
    }
    return scale;
}

/* 256 high + low, exact in 64 bits, rounded to float once. */
LOW_INLINE void store_combined(float *out, int32x4_t high, int32x4_t low) {
    int32_t h[4], l[4];
    vst1q_s32(h, high);
    vst1q_s32(l, low);
    for (size_t i = 0; i < 4; i++)
        out[i] = (float)((int64_t)h[i] * 256 + l[i]);
}

LOW_INLINE void blocks_i8(const low_part *p, const int blocks) {
    int32x4_t high[SUMS / 2], low[SUMS / 2];
    LOW_UNROLL
    for (int i = 0; i < QUARTERS * blocks; i++)
        high[i] = low[i] = vdupq_n_s32(0);
    for (size_t s = 0; s < p->n_steps; s++) {
        int32_t digits[2];
        memcpy(digits, p->x + s * sizeof digits, sizeof digits);
        const int8x16_t first = vreinterpretq_s8_s32(vdupq_n_s32(digits[0]));
        const int8x16_t second = vreinterpretq_s8_s32(vdupq_n_s32(digits[1]));
        const int8_t *w = (const int8_t *)(p->w + s * p->stride);
        LOW_UNROLL
        for (int i = 0; i < QUARTERS * blocks; i++) {
            const int8x16_t values = vld1q_s8(w + 16 * i);
            high[i] = vdotq_s32(high[i], values, first);
            low[i] = vdotq_s32(low[i], values, second);
        }
    }
    for (int i = 0; i < QUARTERS * blocks; i++)
        store_combined(p->out + 4 * i, high[i], low[i]);
}

static void one_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0, step; b < n_blocks; b += step) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        step = n_blocks - b >= 2 ? 2 : 1;
        if (step == 2)
            blocks_i8(&piece, 2);
        else
            blocks_i8(&piece, 1);
    }
}

static void four_i8(const low_part *p, size_t n_blocks) { one_by_one(p, n_blocks, one_i8); }

LOW_MULTIPLY(i8)

void mlsel_i_cpu_low_multiply_neondot(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                                      size_t out_stride) {
    multiply_i8(m, x, x_stride, n_queries, out, out_stride);
}
