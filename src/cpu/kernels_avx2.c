/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 and FMA. Compiled with these flags alone, so nothing else may be defined here. */
#include <immintrin.h>

#include "kernels_generic.h"

/* --- dots: four rows at a time, far enough apart to be separate streams ------------------------------------------ */

#define FMA(accumulator, values, pointer) accumulator = _mm256_fmadd_ps(values, _mm256_loadu_ps(pointer), accumulator)

/* all bits set in the first `left` of 8 lanes */
static inline __m256i tail_mask(size_t left) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lane);
}

static inline float sum_lanes(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

static inline void dots_four(const float *const x[4], const float *q, size_t n, float *const out[4]) {
    __m256 a0 = _mm256_setzero_ps(), a1 = a0, a2 = a0, a3 = a0;
    __m256 b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256 v = _mm256_loadu_ps(q + i), w = _mm256_loadu_ps(q + i + 8);
        FMA(a0, v, x[0] + i);
        FMA(a1, v, x[1] + i);
        FMA(a2, v, x[2] + i);
        FMA(a3, v, x[3] + i);
        FMA(b0, w, x[0] + i + 8);
        FMA(b1, w, x[1] + i + 8);
        FMA(b2, w, x[2] + i + 8);
        FMA(b3, w, x[3] + i + 8);
    }
    for (; i < n; i += 8) {
        const __m256i mask = tail_mask(n - i);
        const __m256 v = _mm256_maskload_ps(q + i, mask);
        a0 = _mm256_fmadd_ps(v, _mm256_maskload_ps(x[0] + i, mask), a0);
        a1 = _mm256_fmadd_ps(v, _mm256_maskload_ps(x[1] + i, mask), a1);
        a2 = _mm256_fmadd_ps(v, _mm256_maskload_ps(x[2] + i, mask), a2);
        a3 = _mm256_fmadd_ps(v, _mm256_maskload_ps(x[3] + i, mask), a3);
    }
    *out[0] = sum_lanes(_mm256_add_ps(a0, b0));
    *out[1] = sum_lanes(_mm256_add_ps(a1, b1));
    *out[2] = sum_lanes(_mm256_add_ps(a2, b2));
    *out[3] = sum_lanes(_mm256_add_ps(a3, b3));
}

static inline float dots_one(const float *x, const float *q, size_t n) {
    __m256 a = _mm256_setzero_ps(), b = a;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        FMA(a, _mm256_loadu_ps(q + i), x + i);
        FMA(b, _mm256_loadu_ps(q + i + 8), x + i + 8);
    }
    for (; i < n; i += 8) {
        const __m256i mask = tail_mask(n - i);
        a = _mm256_fmadd_ps(_mm256_maskload_ps(q + i, mask), _mm256_maskload_ps(x + i, mask), a);
    }
    return sum_lanes(_mm256_add_ps(a, b));
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

static inline __m256i load_i8(const int8_t *x) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)x)); }

static inline __m256i add_products(__m256i sum, __m256i q, const int8_t *x) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(q, load_i8(x)));
}

static inline int32_t sum_lanes_i32(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* The values from i on, which are fewer than a vector has. */
static inline int32_t dot_tail_i8(const int8_t *x, const int8_t *q, size_t i, size_t n) {
    int32_t sum = 0;
    for (; i < n; i++)
        sum += (int32_t)x[i] * q[i];
    return sum;
}

static void dots_i8(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n, int32_t *out) {
    const size_t quarter = n_rows / 4, whole = n / 16 * 16;
    for (size_t r = 0; r < quarter; r++) {
        const int8_t *x0 = rows + r * stride, *x1 = x0 + quarter * stride;
        const int8_t *x2 = x1 + quarter * stride, *x3 = x2 + quarter * stride;
        __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0;
        for (size_t i = 0; i < whole; i += 16) {
            const __m256i v = load_i8(q + i);
            a0 = add_products(a0, v, x0 + i);
            a1 = add_products(a1, v, x1 + i);
            a2 = add_products(a2, v, x2 + i);
            a3 = add_products(a3, v, x3 + i);
        }
        out[r] = sum_lanes_i32(a0) + dot_tail_i8(x0, q, whole, n);
        out[r + quarter] = sum_lanes_i32(a1) + dot_tail_i8(x1, q, whole, n);
        out[r + 2 * quarter] = sum_lanes_i32(a2) + dot_tail_i8(x2, q, whole, n);
        out[r + 3 * quarter] = sum_lanes_i32(a3) + dot_tail_i8(x3, q, whole, n);
    }
    for (size_t r = 4 * quarter; r < n_rows; r++) {
        const int8_t *x = rows + r * stride;
        __m256i a = _mm256_setzero_si256();
        for (size_t i = 0; i < whole; i += 16)
            a = add_products(a, load_i8(q + i), x + i);
        out[r] = sum_lanes_i32(a) + dot_tail_i8(x, q, whole, n);
    }
}

/* --- the others -------------------------------------------------------------------------------------------------- */

/* The same steps as in kernels_portable.c. */
static inline __m256 exp_eight(__m256 x) {
    x = _mm256_max_ps(x, _mm256_set1_ps(-87.0f));
    const __m256 k =
        _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fmadd_ps(k, _mm256_set1_ps(2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 5040);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
}

static void exp_negative(float *x, size_t n) {
    for (size_t i = 0; i < n; i += 8) {
        const __m256i mask = tail_mask(n - i);
        _mm256_maskstore_ps(x + i, mask, exp_eight(_mm256_maskload_ps(x + i, mask)));
    }
}

/* ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) */
static inline double sum_eight(__m256d low, __m256d high) {
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

/* The last n % 8 elements, padded with zeros. */
static inline void load_tail(const float *x, const double *q, size_t left, float *x8, double *q8) {
    for (size_t p = 0; p < 8; p++) {
        x8[p] = p < left ? x[p] : 0;
        q8[p] = p < left ? q[p] : 0;
    }
}

static double dot_f64(const double *a, const float *x, size_t n) {
    __m256d low = _mm256_setzero_pd(), high = low;
    for (size_t i = 0; i < n; i += 8) {
        float x8[8];
        double a8[8];
        const float *xs = x + i;
        const double *as = a + i;
        if (n - i < 8) {
            load_tail(xs, as, n - i, x8, a8);
            xs = x8;
            as = a8;
        }
        low = _mm256_fmadd_pd(_mm256_loadu_pd(as), _mm256_cvtps_pd(_mm_loadu_ps(xs)), low);
        high = _mm256_fmadd_pd(_mm256_loadu_pd(as + 4), _mm256_cvtps_pd(_mm_loadu_ps(xs + 4)), high);
    }
    return sum_eight(low, high);
}

static void narrow(const double *x, double scale, float *q, size_t n) {
    const __m256d s = _mm256_set1_pd(scale);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        _mm_storeu_ps(q + i, _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_loadu_pd(x + i), s)));
    for (; i < n; i++)
        q[i] = (float)(x[i] * scale);
}

static inline __m256d add_square(__m256d sum, __m128 x, __m256d scale, __m256d q) {
    const __m256d difference = _mm256_sub_pd(q, _mm256_mul_pd(_mm256_cvtps_pd(x), scale));
    return _mm256_add_pd(sum, _mm256_mul_pd(difference, difference));
}

static double squared_distance(const float *x, double scale, const double *q, size_t n) {
    const __m256d s = _mm256_set1_pd(scale);
    __m256d low = _mm256_setzero_pd(), high = low;
    for (size_t i = 0; i < n; i += 8) {
        float x8[8];
        double q8[8];
        const float *xs = x + i;
        const double *qs = q + i;
        if (n - i < 8) {
            load_tail(xs, qs, n - i, x8, q8);
            xs = x8;
            qs = q8;
        }
        low = add_square(low, _mm_loadu_ps(xs), s, _mm256_loadu_pd(qs));
        high = add_square(high, _mm_loadu_ps(xs + 4), s, _mm256_loadu_pd(qs + 4));
    }
    return sum_eight(low, high);
}

static double sum_squares(const double *x, size_t n) {
    __m256d low = _mm256_setzero_pd(), high = low;
    const float no_floats[8] = {0};
    for (size_t i = 0; i < n; i += 8) {
        float x8[8];
        double q8[8];
        const double *xs = x + i;
        if (n - i < 8) {
            load_tail(no_floats, xs, n - i, x8, q8);
            xs = q8;
        }
        const __m256d first = _mm256_loadu_pd(xs), second = _mm256_loadu_pd(xs + 4);
        low = _mm256_add_pd(low, _mm256_mul_pd(first, first));
        high = _mm256_add_pd(high, _mm256_mul_pd(second, second));
    }
    return sum_eight(low, high);
}

static double sum_squares_f32(const float *x, size_t n) {
    __m256d low = _mm256_setzero_pd(), high = low;
    for (size_t i = 0; i < n; i += 8) {
        const __m256 v = _mm256_maskload_ps(x + i, tail_mask(n - i));
        const __m256d first = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
        const __m256d second = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
        low = _mm256_add_pd(low, _mm256_mul_pd(first, first));
        high = _mm256_add_pd(high, _mm256_mul_pd(second, second));
    }
    return sum_eight(low, high);
}

const cpu_kernels mlsel_i_cpu_kernels_avx2 = {
    .isa = "avx2",
    .squared_distance = squared_distance,
    .sum_squares = sum_squares,
    .sum_squares_f32 = sum_squares_f32,
    .is_finite_f32 = generic_is_finite_f32,
    .is_finite_f64 = generic_is_finite_f64,
    .dots = dots,
    .dots_parts = 16,
    .dots_tail = 1,
    .panel = &mlsel_i_cpu_panel_avx2,
    .dots_i8 = dots_i8,
    .exp_negative = exp_negative,
    .dot_f64 = dot_f64,
    .narrow = narrow,
    .distances = generic_distances,
    .mark_close = generic_mark_close,
    .distance_f64 = generic_distance_f64,
};
