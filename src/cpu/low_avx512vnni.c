/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 layers with AVX-512 VNNI. Compiled with these flags alone.
 *
 * The instruction multiplies unsigned by signed values of 8 bits, so an input of 16 bits is two unsigned digits:
 * input = 256 (high - 128) + low. The sums of the high digit start at -128 times the sum of the weights.
 */
#include <immintrin.h>

#include "low_avx512.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

/* For each step, 4 high digits and 4 low ones. */
float mlsel_i_cpu_low_load_avx512vnni(const float *x, size_t n, void *to) {
    float scale = low_load_i16(x, n, to);
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 3, 5, 7, 0, 2, 4, 6, 9, 11, 13, 15, 8, 10, 12, 14));
    const __m512i offset = _mm512_set1_epi64(0x80808080);
    char *out = to;
    const size_t bytes = (n + 3) / 4 * 8;
    for (size_t i = 0; i < bytes; i += 64) {
        const __mmask64 mask = bytes - i >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (bytes - i)) - 1;
        const __m512i digits = _mm512_shuffle_epi8(_mm512_maskz_loadu_epi8(mask, out + i), order);
        _mm512_mask_storeu_epi8(out + i, mask, _mm512_xor_si512(digits, offset));
    }
    return scale;
}

/* 256 high + low, exact in double, rounded once. */
LOW_INLINE __m256 combine(__m256i high, __m256i low) {
    return _mm512_cvtpd_ps(_mm512_fmadd_pd(_mm512_cvtepi32_pd(high), _mm512_set1_pd(256), _mm512_cvtepi32_pd(low)));
}

LOW_INLINE void step_i8(const low_part *p, size_t s, __m512i *high, __m512i *low, const int blocks, const int queries) {
    LOW_UNROLL
    for (int q = 0; q < queries; q++) {
        int32_t digits[2];
        memcpy(digits, p->x + (size_t)q * p->x_stride + s * sizeof digits, sizeof digits);
        const __m512i first = _mm512_set1_epi32(digits[0]), second = _mm512_set1_epi32(digits[1]);
        LOW_UNROLL
        for (int b = 0; b < blocks; b++) {
            const __m512i values = _mm512_load_si512(p->w + s * p->stride + BLOCK_BYTES * b);
            high[blocks * q + b] = _mm512_dpbusd_epi32(high[blocks * q + b], first, values);
            low[blocks * q + b] = _mm512_dpbusd_epi32(low[blocks * q + b], second, values);
        }
    }
}

LOW_INLINE void blocks_i8(const low_part *p, const int blocks, const int queries, const int ways) {
    const int all = blocks * queries;
    __m512i high[SUMS], low[SUMS];
    if (p->starts == NULL) /* which only matrices of other formats lack */
        return;
    LOW_UNROLL
    for (int i = 0; i < all * ways; i++) {
        high[i] = i < all ? _mm512_loadu_si512(p->starts + LOW_LANES * (i % blocks)) : _mm512_setzero_si512();
        low[i] = _mm512_setzero_si512();
    }
    size_t s = 0;
    for (; s + (size_t)ways <= p->n_steps; s += (size_t)ways)
        LOW_UNROLL
    for (int w = 0; w < ways; w++)
        step_i8(p, s + (size_t)w, high + w * all, low + w * all, blocks, queries);
    for (; s < p->n_steps; s++)
        step_i8(p, s, high, low, blocks, queries);
    LOW_UNROLL
    for (int i = 0; i < all; i++) {
        LOW_UNROLL
        for (int w = 1; w < ways; w++) {
            high[i] = _mm512_add_epi32(high[i], high[w * all + i]);
            low[i] = _mm512_add_epi32(low[i], low[w * all + i]);
        }
        float *out = p->out + (size_t)(i / blocks) * p->out_stride + LOW_LANES * (i % blocks);
        _mm256_storeu_ps(out, combine(_mm512_castsi512_si256(high[i]), _mm512_castsi512_si256(low[i])));
        _mm256_storeu_ps(out + 8, combine(_mm512_extracti64x4_epi64(high[i], 1), _mm512_extracti64x4_epi64(low[i], 1)));
    }
}

static void one_i8(const low_part *p, size_t n_blocks) {
    if (n_blocks == 8)
        blocks_i8(p, 8, 1, 1);
    else if (n_blocks == 4)
        blocks_i8(p, 4, 1, 1);
    else if (n_blocks == 2)
        blocks_i8(p, 2, 1, 2);
    else
        blocks_i8(p, 1, 1, 4);
}

static void four_i8(const low_part *p, size_t n_blocks) {
    for (size_t b = 0, step; b < n_blocks; b += step) {
        const low_part piece = low_piece(p, b, BLOCK_BYTES);
        step = n_blocks - b >= 2 ? 2 : 1;
        if (step == 2)
            blocks_i8(&piece, 2, LOW_FOUR, 1);
        else
            blocks_i8(&piece, 1, LOW_FOUR, 1);
    }
}

LOW_MULTIPLY(i8)

void mlsel_i_cpu_low_multiply_avx512vnni(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                         float *out, size_t out_stride) {
    multiply_i8(m, x, x_stride, n_queries, out, out_stride);
}

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
