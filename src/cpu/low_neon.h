/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of passes with sums of 4 floats, for the files with NEON. They include <arm_neon.h> before. */
#ifndef MLSEL_CPU_LOW_NEON_H
#define MLSEL_CPU_LOW_NEON_H

#include "low_steps.h"

/* Sums held in registers: of 4 outputs each. */
enum { SUMS = 16, QUARTERS = 4, GROUP = 4, BLOCK_BYTES = 64 };

LOW_SHARED void one_by_one(const low_part *p, size_t n_blocks, low_pass one) {
    low_part single = *p;
    for (size_t q = 0; q < LOW_FOUR; q++) {
        one(&single, n_blocks);
        single.x += p->x_stride;
        single.out += p->out_stride;
    }
}

/*
 * The passes of a format from step_FORMAT(part, step, sums, blocks), which adds one step to the sums. Blocks and ways
 * are constants, so that all sums are registers; small groups take several steps at once, for one sum after the other
 * would wait for the addition before.
 */
#define FLOAT_PASSES(format)                                                                                           \
    LOW_INLINE void blocks_##format(const low_part *p, const int blocks, const int ways) {                             \
        const int all = QUARTERS * blocks;                                                                             \
        float32x4_t sums[SUMS];                                                                                        \
        LOW_UNROLL                                                                                                     \
        for (int i = 0; i < SUMS; i++)                                                                                 \
            sums[i] = vdupq_n_f32(0);                                                                                  \
        size_t s = 0;                                                                                                  \
        for (; s + (size_t)ways <= p->n_steps; s += (size_t)ways)                                                      \
            LOW_UNROLL                                                                                                 \
        for (int w = 0; w < ways; w++)                                                                                 \
            step_##format(p, s + (size_t)w, sums + w * all, blocks);                                                   \
        for (; s < p->n_steps; s++)                                                                                    \
            step_##format(p, s, sums, blocks);                                                                         \
        LOW_UNROLL                                                                                                     \
        for (int w = 1; w < ways; w++)                                                                                 \
            LOW_UNROLL                                                                                                 \
        for (int i = 0; i < all; i++)                                                                                  \
            sums[i] = vaddq_f32(sums[i], sums[w * all + i]);                                                           \
        LOW_UNROLL                                                                                                     \
        for (int i = 0; i < all; i++)                                                                                  \
            vst1q_f32(p->out + 4 * i, sums[i]);                                                                        \
    }                                                                                                                  \
                                                                                                                       \
    static void one_##format(const low_part *p, size_t n_blocks) {                                                     \
        if (n_blocks == GROUP)                                                                                         \
            blocks_##format(p, GROUP, 1);                                                                              \
        else if (n_blocks == 2)                                                                                        \
            blocks_##format(p, 2, 2);                                                                                  \
        else                                                                                                           \
            blocks_##format(p, 1, 4);                                                                                  \
    }                                                                                                                  \
                                                                                                                       \
    static void four_##format(const low_part *p, size_t n_blocks) { one_by_one(p, n_blocks, one_##format); }           \
                                                                                                                       \
    LOW_MULTIPLY(format)

#endif
