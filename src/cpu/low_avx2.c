/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of low precision with AVX2, FMA and F16C. Compiled with these flags alone. */
#include <immintrin.h>

#include "low_steps.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

/* Sums held in registers: of 8 outputs each, for so many blocks, queries and interleaved steps. */
enum { SUMS = 8, GROUP = 4, BLOCK_BYTES = 64, HALF_BYTES = 32 };

LOW_INLINE __m256 broadcast(const char *x) {
    float value;
    memcpy(&value, x, sizeof value);
    return _mm256_set1_ps(value);
}

LOW_INLINE void store_sums(const low_part *p, __m256 sums[SUMS], const int blocks, const int queries, const int ways) {
    const int all = 2 * blocks * queries;
    LOW_UNROLL
    for (int w = 1; w < ways; w++)
        LOW_UNROLL
    for (int i = 0; i < all; i++)
        sums[i] = _mm256_add_ps(sums[i], sums[w * all + i]);
    LOW_UNROLL
    for (int q = 0; q < queries; q++)
        LOW_UNROLL
    for (int b = 0; b < 2 * blocks; b++)
        _mm256_storeu_ps(p->out + (size_t)q * p->out_stride + 8 * b, sums[2 * blocks * q + b]);
}

/* --- bf16: 8 outputs' pairs are a vector; shifted or masked, each half is a float --------------------------------- */

LOW_INLINE void step_bf16(const low_part *p, size_t s, __m256 *sums, const int blocks, const int queries) {
    const __m256i high = _mm256_set1_epi32((int)0xffff0000u);
    const char *w = p->w + s * p->stride, *x = p->x + s * 2 * sizeof(float);
    LOW_UNROLL
    for (int b = 0; b < 2 * blocks; b++) {
        const __m256i pairs = _mm256_load_si256((const __m256i *)(const void *)(w + 32 * b));
        const __m256 first = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
        const __m256 second = _mm256_castsi256_ps(_mm256_and_si256(pairs, high));
        LOW_UNROLL
        for (int q = 0; q < queries; q++) {
            const char *inputs = x + (size_t)q * p->x_stride;
            __m256 *sum = &sums[2 * blocks * q + b];
            *sum = _mm256_fmadd_ps(first, broadcast(inputs), *sum);
            *sum = _mm256_fmadd_ps(second, broadcast(inputs + sizeof(float)), *sum);
        }
    }
}

LOW_INLINE void step_f16(const low_part *p, size_t s, __m256 *sums, const int blocks, const int queries) {
    const char *w = p->w + s * p->stride, *x = p->x + s * sizeof(float);
    LOW_UNROLL
    for (int b = 0; b < 2 * blocks; b++) {
        const __m256 values = _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(const void *)(w + 16 * b)));
        LOW_UNROLL
        for (int q = 0; q < queries; q++)
            sums[2 * blocks * q + b] =
                _mm256_fmadd_ps(values, broadcast(x + (size_t)q * p->x_stride), sums[2 * blocks * q + b]);
    }
}

/* Blocks, queries and ways are constants wherever this is called. */
#define FLOAT_BLOCKS(format)                                                                                           \
    LOW_INLINE void blocks_##format(const low_part *p, const int blocks, const int queries, const int ways) {          \
        const int all = 2 * blocks * queries;                                                                          \
        __m256 sums[SUMS];                                                                                             \
        LOW_UNROLL                                                                                                     \
        for (int i = 0; i < SUMS; i++)                                                                                 \
            sums[i] = _mm256_setzero_ps();                                                                             \
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
        if (n_blocks == GROUP)                                                                                         \
            blocks_##format(p, GROUP, 1, 1);                                                                           \
        else if (n_blocks == 2)                                                                                        \
            blocks_##format(p, 2, 1, 2);                                                                               \
        else                                                                                                           \
            blocks_##format(p, 1, 1, 4);                                                                               \
    }

FLOAT_BLOCKS(bf16)
FLOAT_BLOCKS(f16)

/* One query after the other is faster than reading a weight once: its conversion needs the registers. */
LOW_INLINE void one_by_one(const low_part *p, size_t n_blocks, low_pass one) {
    low_part single = *p;
    for (size_t q = 0; q < LOW_FOUR; q++) {
        one(&single, n_blocks);
        single.x += p->x_stride;
        single.out += p->out_stride;
    }
}

static void four_bf16(const low_part *p, size_t n_blocks) { one_by_one(p, n_blocks, one_bf16); }

static void four_f16(const low_part *p, size_t n_blocks) {
    for (size_t b = 0; b < n_blocks; b++) {
        const low_part piece = low_piece(p, b, HALF_BYTES);
        blocks_f16(&piece, 1, LOW_FOUR, 1);
    }
}

LOW_MULTIPLY(bf16)
LOW_MULTIPLY(f16)

/* --- int8: products of 16 bits added in pairs --------------------------------------------------------------------- */

/* 32 bits hold the products of so many steps: 2 * 256 * 127 * LOW_LEVELS < 2^31. */
enum { EXACT_STEPS = 256, QUARTERS = 4 };

/* Adds what 8 lanes hold, two for each of 4 outputs, in the order 0, 2, 1, 3. */
LOW_INLINE __m256d add_pairs(__m256d totals, __m256i sums) {
    const __m256d low = _mm256_cvtepi32_pd(_mm256_castsi256_si128(sums));
    const __m256d high = _mm256_cvtepi32_pd(_mm256_extracti128_si256(sums, 1));
    return _mm256_add_pd(totals, _mm256_hadd_pd(low, high));
}

/* One block for one query: 4 outputs' 4 values each are a vector. */
LOW_INLINE void block_i8(const low_part *p) {
    __m256d totals[QUARTERS];
    LOW_UNROLL
    for (int i = 0; i < QUARTERS; i++)
        totals[i] = _mm256_setzero_pd();
    for (size_t start = 0; start < p->n_steps; start += EXACT_STEPS) {
        const size_t end = p->n_steps - start < EXACT_STEPS ? p->n_steps : start + EXACT_STEPS;
        __m256i sums[QUARTERS];
        LOW_UNROLL
        for (int i = 0; i < QUARTERS; i++)
            sums[i] = _mm256_setzero_si256();
        for (size_t s = start; s < end; s++) {
            long long four_inputs;
            memcpy(&four_inputs, p->x + s * sizeof four_inputs, sizeof four_inputs);
            const __m256i inputs = _mm256_set1_epi64x(four_inputs);
            LOW_UNROLL
            for (int i = 0; i < QUARTERS; i++) {
                const void *w = p->w + s * p->stride + 16 * i;
                const __m256i products = _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_load_si128(w)), inputs);
                sums[i] = _mm256_add_epi32(sums[i], products);
            }
        }
        LOW_UNROLL
        for (int i = 0; i < QUARTERS; i++)
            totals[i] = add_pairs(totals[i], sums[i]);
    }
    for (int i = 0; i < QUARTERS; i++)
        _mm_storeu_ps(p->out + 4 * i, _mm256_cvtpd_ps(_mm256_permute4x64_pd(totals[i], 0xd8)));
}

static void one_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0; b < n_blocks; b++) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        block_i8(&piece);
    }
}

static void four_i8(const low_part *p, size_t n_blocks) { one_by_one(p, n_blocks, one_i8); }

LOW_MULTIPLY(i8)

const cpu_low_kernels mlsel_i_cpu_low_avx2 = {
    .max_group = GROUP,
    .bf16 = {low_load_bf16_wide, multiply_bf16},
    .f16 = {low_load_float, multiply_f16},
    .i8 = {low_load_i16, multiply_i8},
    .scale = low_scale,
    .relu = low_relu,
};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
