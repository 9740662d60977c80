/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 F, BW, DQ and VL. Compiled with these flags alone, so nothing else may be defined here. */
#include <immintrin.h>

#include "kernels.h"

static __mmask16 tail16(size_t left) { return (__mmask16)((1u << left) - 1); }

static __mmask8 tail8(size_t left) { return (__mmask8)((1u << left) - 1); }

/* --- dots: four rows at a time, far enough apart to be separate streams ------------------------------------------ */

#define FMA(accumulator, values, pointer) accumulator = _mm512_fmadd_ps(values, _mm512_loadu_ps(pointer), accumulator)

static inline void dots_four(const float *const x[4], const float *q, size_t n, float *const out[4]) {
    __m512 a0 = _mm512_setzero_ps(), a1 = a0, a2 = a0, a3 = a0;
    __m512 b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m512 v = _mm512_loadu_ps(q + i), w = _mm512_loadu_ps(q + i + 16);
        FMA(a0, v, x[0] + i);
        FMA(a1, v, x[1] + i);
        FMA(a2, v, x[2] + i);
        FMA(a3, v, x[3] + i);
        FMA(b0, w, x[0] + i + 16);
        FMA(b1, w, x[1] + i + 16);
        FMA(b2, w, x[2] + i + 16);
        FMA(b3, w, x[3] + i + 16);
    }
    for (; i < n; i += 16) {
        const __mmask16 mask = n - i >= 16 ? 0xffff : tail16(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(mask, q + i);
        a0 = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, x[0] + i), a0);
        a1 = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, x[1] + i), a1);
        a2 = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, x[2] + i), a2);
        a3 = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, x[3] + i), a3);
    }
    *out[0] = _mm512_reduce_add_ps(_mm512_add_ps(a0, b0));
    *out[1] = _mm512_reduce_add_ps(_mm512_add_ps(a1, b1));
    *out[2] = _mm512_reduce_add_ps(_mm512_add_ps(a2, b2));
    *out[3] = _mm512_reduce_add_ps(_mm512_add_ps(a3, b3));
}

static inline float dots_one(const float *x, const float *q, size_t n) {
    __m512 a = _mm512_setzero_ps(), b = a;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        FMA(a, _mm512_loadu_ps(q + i), x + i);
        FMA(b, _mm512_loadu_ps(q + i + 16), x + i + 16);
    }
    for (; i < n; i += 16) {
        const __mmask16 mask = n - i >= 16 ? 0xffff : tail16(n - i);
        a = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, q + i), _mm512_maskz_loadu_ps(mask, x + i), a);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(a, b));
}

static void dots(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out) {
    const size_t quarter = n_rows / 4;
    for (size_t r = 0; r < quarter; r++) {
        const float *x0 = rows + r * stride;
        const float *const x[4] = {x0, x0 + quarter * stride, x0 + 2 * quarter * stride, x0 + 3 * quarter * stride};
        float *const to[4] = {out + r, out + r + quarter, out + r + 2 * quarter, out + r + 3 * quarter};
        dots_four(x, q, n, to);
    }
    for (size_t r = 4 * quarter; r < n_rows; r++)
        out[r] = dots_one(rows + r * stride, q, n);
}

/* --- dots_i8: products of 16-bit values added in pairs, exact for all values ------------------------------------- */

static inline __m512i load_i8(const int8_t *x, __mmask32 mask) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, x));
}

static inline __m512i add_products(__m512i sum, __m512i q, const int8_t *x, __mmask32 mask) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(q, load_i8(x, mask)));
}

static __mmask32 mask_i8(size_t left) { return left >= 32 ? 0xffffffffu : (__mmask32)((1u << left) - 1); }

static void dots_i8(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n, int32_t *out) {
    const size_t quarter = n_rows / 4;
    for (size_t r = 0; r < quarter; r++) {
        const int8_t *x0 = rows + r * stride, *x1 = x0 + quarter * stride;
        const int8_t *x2 = x1 + quarter * stride, *x3 = x2 + quarter * stride;
        __m512i a0 = _mm512_setzero_si512(), a1 = a0, a2 = a0, a3 = a0;
        for (size_t i = 0; i < n; i += 32) {
            const __mmask32 mask = mask_i8(n - i);
            const __m512i v = load_i8(q + i, mask);
            a0 = add_products(a0, v, x0 + i, mask);
            a1 = add_products(a1, v, x1 + i, mask);
            a2 = add_products(a2, v, x2 + i, mask);
            a3 = add_products(a3, v, x3 + i, mask);
        }
        out[r] = _mm512_reduce_add_epi32(a0);
        out[r + quarter] = _mm512_reduce_add_epi32(a1);
        out[r + 2 * quarter] = _mm512_reduce_add_epi32(a2);
        out[r + 3 * quarter] = _mm512_reduce_add_epi32(a3);
    }
    for (size_t r = 4 * quarter; r < n_rows; r++) {
        __m512i a = _mm512_setzero_si512();
        for (size_t i = 0; i < n; i += 32)
            a = add_products(a, load_i8(q + i, mask_i8(n - i)), rows + r * stride + i, mask_i8(n - i));
        out[r] = _mm512_reduce_add_epi32(a);
    }
}

/* --- the others -------------------------------------------------------------------------------------------------- */

/* The same steps as in kernels_portable.c. */
static inline __m512 exp_sixteen(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-87.0f));
    const __m512 k = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(k, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fmadd_ps(k, _mm512_set1_ps(2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 5040);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, k);
}

static void exp_negative(float *x, size_t n) {
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 mask = n - i >= 16 ? 0xffff : tail16(n - i);
        _mm512_mask_storeu_ps(x + i, mask, exp_sixteen(_mm512_maskz_loadu_ps(mask, x + i)));
    }
}

/* ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) */
static inline double sum_eight(__m512d s) {
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(s), _mm512_extractf64x4_pd(s, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

static double dot_f64(const double *a, const float *x, size_t n) {
    __m512d s = _mm512_setzero_pd(), t = s;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        s = _mm512_fmadd_pd(_mm512_loadu_pd(a + i), _mm512_cvtps_pd(_mm256_loadu_ps(x + i)), s);
        t = _mm512_fmadd_pd(_mm512_loadu_pd(a + i + 8), _mm512_cvtps_pd(_mm256_loadu_ps(x + i + 8)), t);
    }
    for (; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        s = _mm512_fmadd_pd(_mm512_maskz_loadu_pd(mask, a + i), _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, x + i)), s);
    }
    return sum_eight(_mm512_add_pd(s, t));
}

static void narrow(const double *x, double scale, float *q, size_t n) {
    const __m512d s = _mm512_set1_pd(scale);
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        const __m256 narrowed = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_maskz_loadu_pd(mask, x + i), s));
        _mm256_mask_storeu_ps(q + i, mask, narrowed);
    }
}

static double squared_distance(const float *x, double scale, const double *q, size_t n) {
    const __m512d s = _mm512_set1_pd(scale);
    __m512d sum = _mm512_setzero_pd();
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        const __m512d scaled = _mm512_mul_pd(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, x + i)), s);
        const __m512d difference = _mm512_sub_pd(_mm512_maskz_loadu_pd(mask, q + i), scaled);
        sum = _mm512_add_pd(sum, _mm512_mul_pd(difference, difference));
    }
    return sum_eight(sum);
}

static double sum_squares(const double *x, size_t n) {
    __m512d sum = _mm512_setzero_pd();
    for (size_t i = 0; i < n; i += 8) {
        const __m512d v = _mm512_maskz_loadu_pd(n - i >= 8 ? 0xff : tail8(n - i), x + i);
        sum = _mm512_add_pd(sum, _mm512_mul_pd(v, v));
    }
    return sum_eight(sum);
}

static double sum_squares_f32(const float *x, size_t n) {
    __m512d sum = _mm512_setzero_pd();
    for (size_t i = 0; i < n; i += 8) {
        const __m512d v = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(n - i >= 8 ? 0xff : tail8(n - i), x + i));
        sum = _mm512_add_pd(sum, _mm512_mul_pd(v, v));
    }
    return sum_eight(sum);
}

/* What these tables share. */
#define AVX512_KERNELS                                                                                                 \
    .squared_distance = squared_distance, .sum_squares = sum_squares, .sum_squares_f32 = sum_squares_f32,              \
    .dots = dots, .dots_parts = 32, .exp_negative = exp_negative, .dot_f64 = dot_f64, .narrow = narrow,                \
    .panel = &mlsel_i_cpu_panel_avx512

const cpu_kernels mlsel_i_cpu_kernels_avx512 = {
    .isa = "avx512", .low = &mlsel_i_cpu_low_avx512, .dots_i8 = dots_i8, AVX512_KERNELS};

const cpu_kernels mlsel_i_cpu_kernels_avx512vnni = {
    .isa = "avx512vnni", .low = &mlsel_i_cpu_low_avx512vnni, .dots_i8 = mlsel_i_cpu_dots_i8_avx512vnni, AVX512_KERNELS};

const cpu_kernels mlsel_i_cpu_kernels_avx512bf16 = {
    .isa = "avx512bf16", .low = &mlsel_i_cpu_low_avx512bf16, .dots_i8 = mlsel_i_cpu_dots_i8_avx512vnni, AVX512_KERNELS};
