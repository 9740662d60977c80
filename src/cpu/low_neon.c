/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of low precision with the NEON that every 64-bit Arm has. */
#include <arm_neon.h>

#include "low_neon.h"

/* --- bf16: 4 outputs' pairs are a vector; shifted or masked, each half is a float --------------------------------- */

LOW_INLINE void step_bf16(const low_part *p, size_t s, float32x4_t *sums, const int blocks) {
    const uint32x4_t high = vdupq_n_u32(0xffff0000u);
    const float *x = (const float *)(const void *)p->x + 2 * s;
    const uint32_t *w = (const uint32_t *)(const void *)(p->w + s * p->stride);
    const float first = x[0], second = x[1];
    LOW_UNROLL
    for (int b = 0; b < QUARTERS * blocks; b++) {
        const uint32x4_t pairs = vld1q_u32(w + 4 * b);
        sums[b] = vfmaq_n_f32(sums[b], vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16)), first);
        sums[b] = vfmaq_n_f32(sums[b], vreinterpretq_f32_u32(vandq_u32(pairs, high)), second);
    }
}

LOW_INLINE void step_f16(const low_part *p, size_t s, float32x4_t *sums, const int blocks) {
    const float x = ((const float *)(const void *)p->x)[s];
    const uint16_t *w = (const uint16_t *)(const void *)(p->w + s * p->stride);
    LOW_UNROLL
    for (int b = 0; b < QUARTERS * blocks; b++)
        sums[b] = vfmaq_n_f32(sums[b], vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(w + 4 * b))), x);
}

FLOAT_PASSES(bf16)
FLOAT_PASSES(f16)

/* --- int8: products of 16 bits ------------------------------------------------------------------------------------ */

/* 32 bits hold the products of so many steps: 512 * 127 * LOW_LEVELS < 2^31. */
enum { EXACT_STEPS = 512 };

/* Outputs at a time: each has a vector with a sum for every input of a step. */
enum { ROWS = 8 };

/* A piece of a block from output `first` on. */
static void rows_i8(const low_part *p, size_t first) {
    int64_t totals[ROWS] = {0};
    for (size_t start = 0; start < p->n_steps; start += EXACT_STEPS) {
        const size_t end = p->n_steps - start < EXACT_STEPS ? p->n_steps : start + EXACT_STEPS;
        int32x4_t sums[ROWS];
        LOW_UNROLL
        for (int r = 0; r < ROWS; r++)
            sums[r] = vdupq_n_s32(0);
        for (size_t s = start; s < end; s++) {
            const int16x4_t inputs = vld1_s16((const int16_t *)(const void *)p->x + 4 * s);
            const int8_t *w = (const int8_t *)(p->w + s * p->stride) + 4 * first;
            LOW_UNROLL
            for (int r = 0; r < ROWS; r += 2) {
                const int16x8_t values = vmovl_s8(vld1_s8(w + 4 * r));
                sums[r] = vmlal_s16(sums[r], vget_low_s16(values), inputs);
                sums[r + 1] = vmlal_s16(sums[r + 1], vget_high_s16(values), inputs);
            }
        }
        LOW_UNROLL
        for (int r = 0; r < ROWS; r++)
            totals[r] += vaddlvq_s32(sums[r]);
    }
    for (size_t r = 0; r < ROWS; r++)
        p->out[first + r] = (float)totals[r];
}

static void one_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0; b < n_blocks; b++) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        for (size_t first = 0; first < LOW_LANES; first += ROWS)
            rows_i8(&piece, first);
    }
}

static void four_i8(const low_part *p, size_t n_blocks) { one_by_one(p, n_blocks, one_i8); }

LOW_MULTIPLY(i8)

/* What the three tables share; single extensions do the rest better. */
#define COMMON .max_group = GROUP, .f16 = {low_load_float, multiply_f16}, .scale = low_scale, .relu = low_relu

const cpu_low_kernels mlsel_i_cpu_low_neon = {
    .bf16 = {low_load_bf16_wide, multiply_bf16}, .i8 = {low_load_i16, multiply_i8}, COMMON};

const cpu_low_kernels mlsel_i_cpu_low_neondot = {.bf16 = {low_load_bf16_wide, multiply_bf16},
                                                 .i8 = {mlsel_i_cpu_low_load_neondot, mlsel_i_cpu_low_multiply_neondot},
                                                 COMMON};

const cpu_low_kernels mlsel_i_cpu_low_neonbf16 = {
    .bf16 = {mlsel_i_cpu_low_load_neonbf16, mlsel_i_cpu_low_multiply_neonbf16},
    .i8 = {mlsel_i_cpu_low_load_neondot, mlsel_i_cpu_low_multiply_neondot},
    COMMON};
