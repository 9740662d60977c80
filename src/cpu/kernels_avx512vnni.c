/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VNNI. Compiled with these flags alone, so nothing else may be defined here. */
#include <immintrin.h>

#include "kernels.h"

/*
 * The instruction multiplies unsigned by signed values. With 128 added to the values of the rows, which is the same as
 * turning their top bit over, a sum comes out too large by 128 times the sum of q. Up to 65536 values nothing
 * overflows, so what is left is exact.
 */
static inline __m512i add_products(__m512i sum, __m512i q, const int8_t *x, __mmask64 mask) {
    const __m512i shifted = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x), _mm512_set1_epi8((char)-128));
    return _mm512_dpbusd_epi32(sum, shifted, q);
}

static inline __m512i add_whole(__m512i sum, __m512i q, const int8_t *x) {
    const __m512i shifted = _mm512_xor_si512(_mm512_loadu_si512(x), _mm512_set1_epi8((char)-128));
    return _mm512_dpbusd_epi32(sum, shifted, q);
}

static __mmask64 tail64(size_t left) { return ((__mmask64)1 << left) - 1; }

static inline int32_t total(__m512i sum, int32_t excess) { return _mm512_reduce_add_epi32(sum) - excess; }

static int32_t sum_of(const int8_t *q, size_t n) {
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 64)
        sum =
            _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(n - i >= 64 ? ~(__mmask64)0 : tail64(n - i), q + i));
    return _mm512_reduce_add_epi32(sum);
}

static inline int32_t dot_one(const int8_t *x, const int8_t *q, size_t n, int32_t excess) {
    __m512i a = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 64) {
        const __mmask64 mask = n - i >= 64 ? ~(__mmask64)0 : tail64(n - i);
        a = add_products(a, _mm512_maskz_loadu_epi8(mask, q + i), x + i, mask);
    }
    return total(a, excess);
}

void mlsel_i_cpu_dots_i8_avx512vnni(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n,
                                    int32_t *out) {
    const size_t quarter = n_rows / 4;
    const int32_t excess = 128 * sum_of(q, n);
    for (size_t r = 0; r < quarter; r++) {
        const int8_t *x0 = rows + r * stride, *x1 = x0 + quarter * stride;
        const int8_t *x2 = x1 + quarter * stride, *x3 = x2 + quarter * stride;
        __m512i a0 = _mm512_setzero_si512(), a1 = a0, a2 = a0, a3 = a0;
        size_t i = 0;
        for (; i + 64 <= n; i += 64) {
            const __m512i v = _mm512_loadu_si512(q + i);
            a0 = add_whole(a0, v, x0 + i);
            a1 = add_whole(a1, v, x1 + i);
            a2 = add_whole(a2, v, x2 + i);
            a3 = add_whole(a3, v, x3 + i);
        }
        if (i < n) {
            const __mmask64 mask = tail64(n - i);
            const __m512i v = _mm512_maskz_loadu_epi8(mask, q + i);
            a0 = add_products(a0, v, x0 + i, mask);
            a1 = add_products(a1, v, x1 + i, mask);
            a2 = add_products(a2, v, x2 + i, mask);
            a3 = add_products(a3, v, x3 + i, mask);
        }
        out[r] = total(a0, excess);
        out[r + quarter] = total(a1, excess);
        out[r + 2 * quarter] = total(a2, excess);
        out[r + 3 * quarter] = total(a3, excess);
    }
    for (size_t r = 4 * quarter; r < n_rows; r++)
        out[r] = dot_one(rows + r * stride, q, n, excess);
}
