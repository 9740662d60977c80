/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 layers with AVX-512 BF16. Compiled with these flags alone. */
#include <immintrin.h>

#include "low_avx512.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

LOW_INLINE __m512bh as_pairs(__m512i bits) {
    __m512bh pairs;
    memcpy(&pairs, &bits, sizeof pairs);
    return pairs;
}

LOW_INLINE void step_bf16(const low_part *p, size_t s, __m512 *sums, const int blocks, const int queries) {
    const char *w = p->w + s * p->stride, *x = p->x + s * sizeof(int32_t);
    __m512i pairs[LOW_MAX_GROUP];
    LOW_UNROLL
    for (int b = 0; b < blocks; b++)
        pairs[b] = _mm512_load_si512(w + BLOCK_BYTES * b);
    LOW_UNROLL
    for (int q = 0; q < queries; q++) {
        int32_t two_inputs;
        memcpy(&two_inputs, x + (size_t)q * p->x_stride, sizeof two_inputs);
        const __m512bh inputs = as_pairs(_mm512_set1_epi32(two_inputs));
        LOW_UNROLL
        for (int b = 0; b < blocks; b++)
            sums[blocks * q + b] = _mm512_dpbf16_ps(sums[blocks * q + b], as_pairs(pairs[b]), inputs);
    }
}

FLOAT_PASSES(bf16, BLOCK_BYTES)

float mlsel_i_cpu_low_load_avx512bf16(const float *x, size_t n, void *to) { return low_load_bf16(x, n, to); }

void mlsel_i_cpu_low_multiply_avx512bf16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                         float *out, size_t out_stride) {
    multiply_bf16(m, x, x_stride, n_queries, out, out_stride);
}

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
