/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of passes with sums of 16 floats, for the files with AVX-512. */
#ifndef MLSEL_CPU_LOW_AVX512_H
#define MLSEL_CPU_LOW_AVX512_H

#include <immintrin.h>

#include "low_steps.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

/* Sums held in registers: of 16 outputs each, for so many blocks, queries and interleaved steps. */
enum { SUMS = 16, BLOCK_BYTES = 64, HALF_BYTES = 32 };

/* Blocks at a time for four queries. With 4 clang 14 keeps the sums in memory, which takes twice as long; gcc gains a
 * quarter over 2. */
#if defined(__clang__)
enum { FOUR_BLOCKS = 2 };
#else
enum { FOUR_BLOCKS = 4 };
#endif

LOW_INLINE __m512 broadcast(const char *x) {
    float value;
    memcpy(&value, x, sizeof value);
    return _mm512_set1_ps(value);
}

LOW_INLINE void store_sums(const low_part *p, __m512 *sums, const int blocks, const int queries, const int ways) {
    const int all = blocks * queries;
    LOW_UNROLL
    for (int i = all; i < all * ways; i++)
        sums[i % all] = _mm512_add_ps(sums[i % all], sums[i]);
    LOW_UNROLL
    for (int i = 0; i < all; i++)
        _mm512_storeu_ps(p->out + (size_t)(i / blocks) * p->out_stride + LOW_LANES * (i % blocks), sums[i]);
}

/*
 * The passes of a format from step_FORMAT(part, step, sums, blocks, queries), which adds one step to the sums. Blocks,
 * queries and ways are constants, so that all sums are registers; small groups take several steps at once, for one sum
 * after the other would wait for the addition before.
 */
#define FLOAT_PASSES(format, bytes)                                                                                    \
    LOW_INLINE void blocks_##format(const low_part *p, const int blocks, const int queries, const int ways) {          \
        const int all = blocks * queries;                                                                              \
        __m512 sums[SUMS];                                                                                             \
        LOW_UNROLL                                                                                                     \
        for (int i = 0; i < all * ways; i++)                                                                           \
            sums[i] = _mm512_setzero_ps();                                                                             \
        size_t s = 0;                                                                                                  \
        for (; s + (size_t)ways <= p->n_steps; s += (size_t)ways)                                                      \
            LOW_UNROLL                                                                                                 \
        for (int w = 0; w < ways; w++)                                                                                 \
            step_##format(p, s + (size_t)w, sums + w * all, blocks, queries);                                          \
        for (; s < p->n_steps; s++)                                                                                    \
            step_##format(p, s, sums, blocks, queries);                                                                \
        store_sums(p, sums, blocks, queries, ways);                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static void one_##format(const low_part *p, size_t n_blocks) {                                                     \
        if (n_blocks == 8)                                                                                             \
            blocks_##format(p, 8, 1, 1);                                                                               \
        else if (n_blocks == 4)                                                                                        \
            blocks_##format(p, 4, 1, 2);                                                                               \
        else if (n_blocks == 2)                                                                                        \
            blocks_##format(p, 2, 1, 4);                                                                               \
        else                                                                                                           \
            blocks_##format(p, 1, 1, 8);                                                                               \
    }                                                                                                                  \
                                                                                                                       \
    static void four_##format(const low_part *p, size_t n_blocks) {                                                    \
        for (size_t b = 0, step; b < n_blocks; b += step) {                                                            \
            const low_part piece = low_piece(p, b, bytes);                                                             \
            step = n_blocks - b >= FOUR_BLOCKS ? FOUR_BLOCKS : 1;                                                      \
            if (step == FOUR_BLOCKS)                                                                                   \
                blocks_##format(&piece, FOUR_BLOCKS, LOW_FOUR, 1);                                                     \
            else                                                                                                       \
                blocks_##format(&piece, 1, LOW_FOUR, 2);                                                               \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    LOW_MULTIPLY(format)

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

#endif
