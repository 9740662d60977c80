/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of low precision with AVX-512 F, BW, DQ and VL. Compiled with these flags alone. */
#include <immintrin.h>

#include "low_avx512.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

/* --- bf16: 16 outputs' pairs are a vector; shifted or masked, each half is a float -------------------------------- */

LOW_INLINE void step_bf16(const low_part *p, size_t s, __m512 *sums, const int blocks, const int queries) {
    const __m512i high = _mm512_set1_epi32((int)0xffff0000u);
    const char *w = p->w + s * p->stride, *x = p->x + s * 2 * sizeof(float);
    LOW_UNROLL
    for (int b = 0; b < blocks; b++) {
        const __m512i pairs = _mm512_load_si512(w + BLOCK_BYTES * b);
        const __m512 first = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
        const __m512 second = _mm512_castsi512_ps(_mm512_and_si512(pairs, high));
        LOW_UNROLL
        for (int q = 0; q < queries; q++) {
            const char *inputs = x + (size_t)q * p->x_stride;
            __m512 *sum = &sums[blocks * q + b];
            *sum = _mm512_fmadd_ps(first, broadcast(inputs), *sum);
            *sum = _mm512_fmadd_ps(second, broadcast(inputs + sizeof(float)), *sum);
        }
    }
}

LOW_INLINE void step_f16(const low_part *p, size_t s, __m512 *sums, const int blocks, const int queries) {
    const char *w = p->w + s * p->stride, *x = p->x + s * sizeof(float);
    LOW_UNROLL
    for (int b = 0; b < blocks; b++) {
        const __m512 values = _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(const void *)(w + HALF_BYTES * b)));
        LOW_UNROLL
        for (int q = 0; q < queries; q++)
            sums[blocks * q + b] =
                _mm512_fmadd_ps(values, broadcast(x + (size_t)q * p->x_stride), sums[blocks * q + b]);
    }
}

FLOAT_PASSES(bf16, BLOCK_BYTES)
FLOAT_PASSES(f16, HALF_BYTES)

/* --- int8: products of 16 bits added in pairs --------------------------------------------------------------------- */

/* 32 bits hold the products of so many steps: 2 * 256 * 127 * LOW_LEVELS < 2^31. */
enum { EXACT_STEPS = 256, HALVES = 2 };

/* Adds what 16 lanes hold, two for each of 8 outputs. */
LOW_INLINE __m512i add_pairs(__m512i totals, __m512i sums) {
    const __m512i even = _mm512_srai_epi64(_mm512_slli_epi64(sums, 32), 32);
    return _mm512_add_epi64(totals, _mm512_add_epi64(even, _mm512_srai_epi64(sums, 32)));
}

/* The sums are of 8 outputs each. */
LOW_INLINE void blocks_i8(const low_part *p, const int blocks, const int queries) {
    const int all = HALVES * blocks * queries;
    __m512i totals[SUMS];
    LOW_UNROLL
    for (int i = 0; i < all; i++)
        totals[i] = _mm512_setzero_si512();
    for (size_t start = 0; start < p->n_steps; start += EXACT_STEPS) {
        const size_t end = p->n_steps - start < EXACT_STEPS ? p->n_steps : start + EXACT_STEPS;
        __m512i sums[SUMS];
        LOW_UNROLL
        for (int i = 0; i < all; i++)
            sums[i] = _mm512_setzero_si512();
        for (size_t s = start; s < end; s++) {
            LOW_UNROLL
            for (int b = 0; b < HALVES * blocks; b++) {
                const void *w = p->w + s * p->stride + HALF_BYTES * b;
                const __m512i values = _mm512_cvtepi8_epi16(_mm256_load_si256(w));
                LOW_UNROLL
                for (int q = 0; q < queries; q++) {
                    long long inputs;
                    memcpy(&inputs, p->x + (size_t)q * p->x_stride + s * sizeof inputs, sizeof inputs);
                    __m512i *sum = &sums[HALVES * blocks * q + b];
                    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(values, _mm512_set1_epi64(inputs)));
                }
            }
        }
        LOW_UNROLL
        for (int i = 0; i < all; i++)
            totals[i] = add_pairs(totals[i], sums[i]);
    }
    LOW_UNROLL
    for (int q = 0; q < queries; q++)
        LOW_UNROLL
    for (int b = 0; b < HALVES * blocks; b++)
        _mm256_storeu_ps(p->out + (size_t)q * p->out_stride + 8 * b,
                         _mm512_cvtepi64_ps(totals[HALVES * blocks * q + b]));
}

static void one_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0, step; b < n_blocks; b += step) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        step = n_blocks - b >= 4 ? 4 : 1;
        if (step == 4)
            blocks_i8(&piece, 4, 1);
        else
            blocks_i8(&piece, 1, 1);
    }
}

static void four_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0; b < n_blocks; b++) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        blocks_i8(&piece, 1, LOW_FOUR);
    }
}

LOW_MULTIPLY(i8)

/* What the three tables share; single extensions do the rest better. */
#define COMMON .max_group = LOW_MAX_GROUP, .f16 = {low_load_float, multiply_f16}, .scale = low_scale, .relu = low_relu

const cpu_low_kernels mlsel_i_cpu_low_avx512 = {
    .bf16 = {low_load_bf16_wide, multiply_bf16}, .i8 = {low_load_i16, multiply_i8}, COMMON};

const cpu_low_kernels mlsel_i_cpu_low_avx512vnni = {
    .bf16 = {low_load_bf16_wide, multiply_bf16},
    .i8 = {mlsel_i_cpu_low_load_avx512vnni, mlsel_i_cpu_low_multiply_avx512vnni},
    COMMON};

const cpu_low_kernels mlsel_i_cpu_low_avx512bf16 = {
    .bf16 = {mlsel_i_cpu_low_load_avx512bf16, mlsel_i_cpu_low_multiply_avx512bf16},
    .i8 = {mlsel_i_cpu_low_load_avx512vnni, mlsel_i_cpu_low_multiply_avx512vnni},
    COMMON};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
