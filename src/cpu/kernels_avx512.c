/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 F, BW, DQ and VL. Compiled with these flags alone, so nothing else may be defined here. */
#include <immintrin.h>

#include "kernels_generic.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

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

/* --- dots_ahead: two rows at a time, fetched 2 kB before they are needed ------------------------------------------ */

/* The chunk of sixteen values from i on, the rest 0; without a load where there are none. */
#define FMA_TAIL(sum, other, at)                                                                                       \
    do {                                                                                                               \
        const size_t first = i + at;                                                                                   \
        const __mmask16 mask = first >= n ? 0 : n - first >= 16 ? 0xffff : tail16(n - first);                          \
        const __m512 v = _mm512_maskz_loadu_ps(mask, q + first);                                                       \
        sum = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, x + first), sum);                                         \
        other = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, y + first), other);                                     \
    } while (0)
#define FMA_AHEAD(sum, other, at)                                                                                      \
    do {                                                                                                               \
        const __m512 v = _mm512_loadu_ps(q + i + at);                                                                  \
        _mm_prefetch((const char *)(x + i + at) + 2048, _MM_HINT_T0);                                                  \
        _mm_prefetch((const char *)(y + i + at) + 2048, _MM_HINT_T0);                                                  \
        FMA(sum, v, x + i + at);                                                                                       \
        FMA(other, v, y + i + at);                                                                                     \
    } while (0)

static inline void dots_two_ahead(const float *x, const float *y, const float *q, size_t n, float *x_out,
                                  float *y_out) {
    __m512 a0 = _mm512_setzero_ps(), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        FMA_AHEAD(a0, b0, 0);
        FMA_AHEAD(a1, b1, 16);
        FMA_AHEAD(a2, b2, 32);
        FMA_AHEAD(a3, b3, 48);
    }
    if (i < n) {
        FMA_TAIL(a0, b0, 0);
        FMA_TAIL(a1, b1, 16);
        FMA_TAIL(a2, b2, 32);
        FMA_TAIL(a3, b3, 48);
    }
    *x_out = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a0, a1), _mm512_add_ps(a2, a3)));
    *y_out = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(b0, b1), _mm512_add_ps(b2, b3)));
}

static void dots_ahead(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out) {
    const size_t half = n_rows / 2;
    for (size_t r = 0; r < half; r++)
        dots_two_ahead(rows + r * stride, rows + (r + half) * stride, q, n, out + r, out + r + half);
    if (n_rows % 2 != 0)
        out[n_rows - 1] = dots_one(rows + (n_rows - 1) * stride, q, n);
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

/* --- KMeans: the query in one pass, and what follows ------------------------------------------------------------- */

static inline __m512 add_pairs(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}

static inline __m512 add_fours(__m512 a, __m512 b) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)), _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
}

/* The sums of eight vectors, from two that hold those of four rows each, spread over their quarters. */
static inline __m256 add_quarters(__m512 a, __m512 b) {
    const __m512 half = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    return _mm512_castps512_ps256(
        _mm512_add_ps(_mm512_shuffle_f32x4(half, half, 0x88), _mm512_shuffle_f32x4(half, half, 0xdd)));
}

/*
 * Both functions are written from these: sums in variables, not an array, which compilers would keep in memory. `low`
 * and `high` are the query's next sixteen values in double, v the same in float; they go to the sums a or b. Queries
 * come from far, and the processor does not fetch ahead enough by itself.
 */
enum { FETCH_AHEAD = 1024 };
#define FIRST_SUMS                                                                                                     \
    const float *const r1 = rows + stride, *const r2 = r1 + stride, *const r3 = r2 + stride, *const r4 = r3 + stride,  \
                       *const r5 = r4 + stride, *const r6 = r5 + stride, *const r7 = r6 + stride;                      \
    __m512 a0 = _mm512_setzero_ps(), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;                    \
    __m512 b0 = a0, b1 = a0, b2 = a0, b3 = a0, b4 = a0, b5 = a0, b6 = a0, b7 = a0;                                     \
    __m512d s0 = _mm512_setzero_pd(), s1 = s0
#define FIRST_FETCH(pointer) _mm_prefetch((const char *)(pointer) + FETCH_AHEAD, _MM_HINT_T0)
#define FIRST_ROWS_ADD(to, v, at)                                                                                      \
    FMA(to##0, v, rows + at);                                                                                          \
    FMA(to##1, v, r1 + at);                                                                                            \
    FMA(to##2, v, r2 + at);                                                                                            \
    FMA(to##3, v, r3 + at);                                                                                            \
    FMA(to##4, v, r4 + at);                                                                                            \
    FMA(to##5, v, r5 + at);                                                                                            \
    FMA(to##6, v, r6 + at);                                                                                            \
    FMA(to##7, v, r7 + at)
#define FIRST_ADD(to, low, high, v, at)                                                                                \
    s0 = _mm512_fmadd_pd(low, low, s0);                                                                                \
    s1 = _mm512_fmadd_pd(high, high, s1);                                                                              \
    FIRST_ROWS_ADD(to, v, at)
#define FIRST_PAIR(r, s) add_pairs(_mm512_add_ps(a##r, b##r), _mm512_add_ps(a##s, b##s))
#define FIRST_FINISH                                                                                                   \
    _mm256_storeu_ps(out, add_quarters(add_fours(FIRST_PAIR(0, 1), FIRST_PAIR(2, 3)),                                  \
                                       add_fours(FIRST_PAIR(4, 5), FIRST_PAIR(6, 7))));                                \
    return _mm512_reduce_add_pd(_mm512_add_pd(s0, s1))

static inline __m512 narrow_two(__m512d low, __m512d high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}

/* Sixteen values from x + at on. Loads are what this loop waits for: the compiler must not load these twice. */
#define FIRST_WHOLE_F64(to, at)                                                                                        \
    do {                                                                                                               \
        FIRST_FETCH(x + at);                                                                                           \
        FIRST_FETCH(x + at + 8);                                                                                       \
        __m512d low = _mm512_loadu_pd(x + at), high = _mm512_loadu_pd(x + at + 8);                                     \
        __asm__("" : "+v"(low), "+v"(high));                                                                           \
        const __m512 v = narrow_two(low, high);                                                                        \
        if (keeps)                                                                                                     \
            _mm512_storeu_ps(narrowed + at, v);                                                                        \
        FIRST_ADD(to, low, high, v, at);                                                                               \
    } while (0)

/* keeps: whether the query in float is stored */
static inline __attribute__((always_inline)) double first_f64(const double *x, size_t n, const float *rows,
                                                              size_t stride, bool keeps, float *narrowed, float *out) {
    FIRST_SUMS;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        FIRST_WHOLE_F64(a, i);
        FIRST_WHOLE_F64(b, i + 16);
    }
    for (; i < n; i += 16) {
        const __mmask16 mask = n - i >= 16 ? 0xffff : tail16(n - i);
        const __m512d low = _mm512_maskz_loadu_pd((__mmask8)mask, x + i);
        const __m512d high = _mm512_maskz_loadu_pd((__mmask8)(mask >> 8), x + i + 8);
        const __m512 v = narrow_two(low, high);
        if (keeps)
            _mm512_mask_storeu_ps(narrowed + i, mask, v);
        FIRST_ADD(a, low, high, v, i);
    }
    FIRST_FINISH;
}

static double first_dots_f64(const double *x, size_t n, const float *rows, size_t stride, float *narrowed, float *out) {
    return narrowed == NULL ? first_f64(x, n, rows, stride, false, NULL, out)
                            : first_f64(x, n, rows, stride, true, narrowed, out);
}

static double first_dots_f32(const float *x, size_t n, const float *rows, size_t stride, float *out) {
    FIRST_SUMS;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        FIRST_FETCH(x + i);
        FIRST_FETCH(x + i + 16);
        __m512 v = _mm512_loadu_ps(x + i), w = _mm512_loadu_ps(x + i + 16);
        __asm__("" : "+v"(v), "+v"(w));
        /* two squares in float, as multiplying in double would take as long as two of the rows */
        const __m512 squares = _mm512_fmadd_ps(v, v, _mm512_mul_ps(w, w));
        s0 = _mm512_add_pd(s0, _mm512_cvtps_pd(_mm512_castps512_ps256(squares)));
        s1 = _mm512_add_pd(s1, _mm512_cvtps_pd(_mm512_extractf32x8_ps(squares, 1)));
        FIRST_ROWS_ADD(a, v, i);
        FIRST_ROWS_ADD(b, w, i + 16);
    }
    for (; i < n; i += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(n - i >= 16 ? 0xffff : tail16(n - i), x + i);
        const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
        const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
        FIRST_ADD(a, low, high, v, i);
    }
    FIRST_FINISH;
}

static double distances(double base, const float *offsets, const float *products, size_t n, double *out) {
    __m512d least = _mm512_set1_pd(INFINITY);
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        const __m512d offset = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, offsets + i));
        const __m512d product = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, products + i));
        const __m512d distance =
            _mm512_fnmadd_pd(_mm512_set1_pd(2), product, _mm512_add_pd(_mm512_set1_pd(base), offset));
        _mm512_mask_storeu_pd(out + i, mask, distance);
        least = _mm512_mask_min_pd(least, mask, least, distance);
    }
    return _mm512_reduce_min_pd(least);
}

/* Which of eight values are within gap of those that rotating puts in their place. */
static inline __mmask8 close_pairs(__m512d own, __m512d gap, __m512d rotated) {
    return _mm512_cmp_pd_mask(_mm512_abs_pd(_mm512_sub_pd(own, rotated)), gap, _CMP_LE_OQ);
}

static inline __m512d nearer(__m512d nearest, __m512d x, __m512d other) {
    return _mm512_min_pd(_mm512_abs_pd(_mm512_sub_pd(x, other)), nearest);
}

#define ROTATE(x, lanes) _mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(x), _mm512_castpd_si512(x), lanes))

/* Whether any two of eight values are within gap: four rotations meet every pair. Infinity less infinity is NaN, which
 * is not. */
static inline bool has_close(__m512d x, double gap) {
    const __m512d limit = _mm512_set1_pd(gap);
    const __mmask8 near = close_pairs(x, limit, ROTATE(x, 1)) | close_pairs(x, limit, ROTATE(x, 2));
    const __mmask8 far = close_pairs(x, limit, ROTATE(x, 3)) | close_pairs(x, limit, ROTATE(x, 4));
    return (near | far) != 0;
}

static bool mark_close(const double *x, size_t n, double gap, uint8_t *close) {
    const __m512d infinity = _mm512_set1_pd(INFINITY);
    if (n <= 8 && !has_close(_mm512_mask_loadu_pd(infinity, tail8(n), x), gap))
        return false;
    __mmask8 found = 0;
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        const __m512d own = _mm512_mask_loadu_pd(infinity, mask, x + i);
        /* infinity less infinity is NaN, for which the second operand of the minimum stands */
        __m512d a = nearer(infinity, own, ROTATE(own, 1)), b = nearer(infinity, own, ROTATE(own, 2));
        a = nearer(a, own, ROTATE(own, 3));
        b = nearer(b, own, ROTATE(own, 4));
        a = nearer(a, own, ROTATE(own, 5));
        b = nearer(b, own, ROTATE(own, 6));
        a = nearer(a, own, ROTATE(own, 7));
        for (size_t k = 0; k < i; k += 2) {
            a = nearer(a, own, _mm512_set1_pd(x[k]));
            b = nearer(b, own, _mm512_set1_pd(x[k + 1]));
        }
        size_t j = i + 8;
        for (; j + 2 <= n; j += 2) {
            a = nearer(a, own, _mm512_set1_pd(x[j]));
            b = nearer(b, own, _mm512_set1_pd(x[j + 1]));
        }
        if (j < n)
            a = nearer(a, own, _mm512_set1_pd(x[j]));
        const __mmask8 is_close = _mm512_mask_cmp_pd_mask(mask, _mm512_min_pd(a, b), _mm512_set1_pd(gap), _CMP_LE_OQ);
        _mm_mask_storeu_epi8(close + i, mask, _mm_maskz_set1_epi8(is_close, 1));
        found |= is_close;
    }
    return found != 0;
}

/* As exp_sixteen, in double: the polynomial has degree 12, an error of its own below 2e-16. */
static inline __m512d exp_eight(__m512d x) {
    x = _mm512_max_pd(x, _mm512_set1_pd(-708));
    const __m512d k =
        _mm512_roundscale_pd(_mm512_mul_pd(x, _mm512_set1_pd(0x1.71547652b82fep+0)), _MM_FROUND_TO_NEAREST_INT);
    __m512d r = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.62e42fefa39efp-1), x);
    r = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.abc9e3b39803fp-56), r);
    /* 1/n! up to n = 12, in a tree, as all that follows waits for it */
    const __m512d r2 = _mm512_mul_pd(r, r);
    const __m512d p01 = _mm512_add_pd(r, _mm512_set1_pd(1));
    const __m512d p23 = _mm512_fmadd_pd(r, _mm512_set1_pd(1.0 / 6), _mm512_set1_pd(1.0 / 2));
    const __m512d p45 = _mm512_fmadd_pd(r, _mm512_set1_pd(1.0 / 120), _mm512_set1_pd(1.0 / 24));
    const __m512d p67 = _mm512_fmadd_pd(r, _mm512_set1_pd(1.0 / 5040), _mm512_set1_pd(1.0 / 720));
    const __m512d p89 = _mm512_fmadd_pd(r, _mm512_set1_pd(1.0 / 362880), _mm512_set1_pd(1.0 / 40320));
    const __m512d p1011 = _mm512_fmadd_pd(r, _mm512_set1_pd(1.0 / 39916800), _mm512_set1_pd(1.0 / 3628800));
    const __m512d r4 = _mm512_mul_pd(r2, r2);
    const __m512d p03 = _mm512_fmadd_pd(p23, r2, p01), p47 = _mm512_fmadd_pd(p67, r2, p45);
    const __m512d p811 = _mm512_fmadd_pd(p1011, r2, p89), r8 = _mm512_mul_pd(r4, r4);
    const __m512d p07 = _mm512_fmadd_pd(p47, r4, p03);
    const __m512d p812 = _mm512_fmadd_pd(r4, _mm512_set1_pd(1.0 / 479001600), p811);
    return _mm512_scalef_pd(_mm512_fmadd_pd(p812, r8, p07), k);
}

static double sum_exp(const double *x, size_t n, double shift) {
    __m512d sum = _mm512_setzero_pd();
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 mask = n - i >= 8 ? 0xff : tail8(n - i);
        const __m512d t = _mm512_sub_pd(_mm512_maskz_loadu_pd(mask, x + i), _mm512_set1_pd(shift));
        sum = _mm512_mask_add_pd(sum, mask, sum, exp_eight(t));
    }
    return _mm512_reduce_add_pd(sum);
}

/* What these tables share. */
#define AVX512_KERNELS                                                                                                 \
    .squared_distance = squared_distance, .sum_squares = sum_squares, .sum_squares_f32 = sum_squares_f32,              \
    .is_finite_f32 = generic_is_finite_f32, .is_finite_f64 = generic_is_finite_f64, .dots = dots,                      \
    .dots_ahead = dots_ahead, .dots_parts = 32, .dots_tail = 1, .exp_negative = exp_negative, .dot_f64 = dot_f64,      \
    .narrow = narrow, .first_dots_f64 = first_dots_f64, .first_dots_f32 = first_dots_f32, .first_dots_parts = 32,      \
    .first_dots_tail = 1, .distances = distances, .mark_close = mark_close, .sum_exp = sum_exp,                        \
    .distance_f64 = generic_distance_f64, .panel = &mlsel_i_cpu_panel_avx512

const cpu_kernels mlsel_i_cpu_kernels_avx512 = {
    .isa = "avx512", .low = &mlsel_i_cpu_low_avx512, .dots_i8 = dots_i8, AVX512_KERNELS};

const cpu_kernels mlsel_i_cpu_kernels_avx512vnni = {
    .isa = "avx512vnni", .low = &mlsel_i_cpu_low_avx512vnni, .dots_i8 = mlsel_i_cpu_dots_i8_avx512vnni, AVX512_KERNELS};

const cpu_kernels mlsel_i_cpu_kernels_avx512bf16 = {
    .isa = "avx512bf16", .low = &mlsel_i_cpu_low_avx512bf16, .dots_i8 = mlsel_i_cpu_dots_i8_avx512vnni, AVX512_KERNELS};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
