/* SPDX-License-Identifier: Apache-2.0 */
/* Panels with AVX2 and FMA. Compiled with their flags, so nothing else may be defined here. */
#include <immintrin.h>
#include <math.h>

#include "panel.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

enum { LANES = 8, HALF = 16 /* columns of a tile */ };

/* Fully unrolled, so that the arrays of a tile become registers. */
#define UNROLL _Pragma("GCC unroll 16")

/* all bits set in the first `left` lanes */
static inline __m256i mask_of(size_t left) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left < LANES ? (int)left : LANES), lane);
}

/* --- pack: blocks of 8 queries by 8 features, transposed in registers -------------------------------------------- */

/* Element j of vector i changes places with element i of vector j. */
static inline void transpose(__m256 x[LANES]) {
    __m256 t[LANES], u[LANES];
    UNROLL for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    UNROLL for (int i = 0; i < LANES; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

static float pack(const float *const queries[PANEL_WIDTH], size_t n, float *panel) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 largest = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < PANEL_WIDTH; j += LANES) {
            const size_t count = n - i < LANES ? n - i : LANES;
            const __m256i mask = mask_of(n - i);
            __m256 x[LANES];
            UNROLL for (int v = 0; v < LANES; v++) {
                x[v] = _mm256_maskload_ps(queries[j + (size_t)v] + i, mask);
                largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, x[v]));
            }
            transpose(x);
            float *to = panel + i * PANEL_WIDTH + j;
            if (count == LANES) {
                UNROLL for (int v = 0; v < LANES; v++) _mm256_storeu_ps(to + v * PANEL_WIDTH, x[v]);
            } else {
                for (size_t v = 0; v < count; v++)
                    _mm256_storeu_ps(to + v * PANEL_WIDTH, x[v]);
            }
        }
    float lanes[LANES], result = 0;
    _mm256_storeu_ps(lanes, largest);
    for (int v = 0; v < LANES; v++)
        result = lanes[v] > result ? lanes[v] : result;
    return result;
}

/* --- dots -------------------------------------------------------------------------------------------------------- */

/* ROWS rows by 16 queries. 6 by 16 uses 12 of the 16 registers for sums, two for the queries and one for the row's
 * value. */
#define TILE(NAME, ROWS)                                                                                               \
    static void NAME(const float *rows, size_t stride, const float *panel, size_t n, float *out) {                     \
        for (size_t first = 0; first == 0 || first < n; first += PANEL_CHUNK) {                                        \
            const size_t end = n - first < PANEL_CHUNK ? n : first + PANEL_CHUNK;                                      \
            __m256 a[ROWS], b[ROWS];                                                                                   \
            UNROLL for (int r = 0; r < ROWS; r++) a[r] = b[r] = _mm256_setzero_ps();                                   \
            for (size_t i = first; i < end; i++) {                                                                     \
                const __m256 p = _mm256_loadu_ps(panel + i * PANEL_WIDTH);                                             \
                const __m256 q = _mm256_loadu_ps(panel + i * PANEL_WIDTH + LANES);                                     \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                                \
                    const __m256 x = _mm256_broadcast_ss(rows + (size_t)r * stride + i);                               \
                    a[r] = _mm256_fmadd_ps(x, p, a[r]);                                                                \
                    b[r] = _mm256_fmadd_ps(x, q, b[r]);                                                                \
                }                                                                                                      \
            }                                                                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                    \
                float *to = out + r * PANEL_WIDTH;                                                                     \
                if (first > 0) {                                                                                       \
                    a[r] = _mm256_add_ps(_mm256_loadu_ps(to), a[r]);                                                   \
                    b[r] = _mm256_add_ps(_mm256_loadu_ps(to + LANES), b[r]);                                           \
                }                                                                                                      \
                _mm256_storeu_ps(to, a[r]);                                                                            \
                _mm256_storeu_ps(to + LANES, b[r]);                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

TILE(tile_6, 6)
TILE(tile_1, 1)

static void dots(const float *rows, size_t stride, size_t n_rows, const float *panel, size_t n, size_t width,
                 float *out) {
    for (size_t j = 0; j < width; j += HALF) {
        size_t r = 0;
        for (; r + 6 <= n_rows; r += 6)
            tile_6(rows + r * stride, stride, panel + j, n, out + r * PANEL_WIDTH + j);
        for (; r < n_rows; r++)
            tile_1(rows + r * stride, stride, panel + j, n, out + r * PANEL_WIDTH + j);
    }
}

/* --- the others -------------------------------------------------------------------------------------------------- */

static void weigh(const double *weights, const float *values, size_t n_rows, double sums[PANEL_WIDTH]) {
    enum { VECTORS = PANEL_WIDTH / 4 };
    __m256d s[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) s[v] = _mm256_loadu_pd(sums + v * 4);
    for (size_t r = 0; r < n_rows; r++, values += PANEL_WIDTH) {
        const __m256d weight = _mm256_set1_pd(weights[r]);
        UNROLL for (int v = 0; v < VECTORS; v++) s[v] =
            _mm256_fmadd_pd(weight, _mm256_cvtps_pd(_mm_loadu_ps(values + v * 4)), s[v]);
    }
    UNROLL for (int v = 0; v < VECTORS; v++) _mm256_storeu_pd(sums + v * 4, s[v]);
}

static void finish(float *values, size_t n_rows, const float *biases, int relu, const float *scales,
                   const float *shifts) {
    for (size_t r = 0; r < n_rows; r++) {
        const __m256 bias = _mm256_set1_ps(biases == NULL ? 0 : biases[r]),
                     floor = _mm256_set1_ps(relu ? 0 : -INFINITY);
        const __m256 scale = _mm256_set1_ps(scales == NULL ? 1 : scales[r]),
                     shift = _mm256_set1_ps(scales == NULL ? 0 : shifts[r]);
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const __m256 kept = _mm256_max_ps(_mm256_add_ps(_mm256_loadu_ps(to), bias), floor);
            _mm256_storeu_ps(to, _mm256_fmadd_ps(kept, scale, shift));
        }
    }
}

static void lower(float *values, size_t n_rows, const float *offsets, const float *scales,
                  const float base[PANEL_WIDTH], const float errors[PANEL_WIDTH], const float limits[PANEL_WIDTH],
                  unsigned char *hits) {
    for (size_t r = 0; r < n_rows; r++) {
        const __m256 offset = _mm256_set1_ps(offsets[r]), scale = _mm256_set1_ps(scales[r]);
        __m256 hit = _mm256_setzero_ps();
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const __m256 terms = _mm256_add_ps(_mm256_loadu_ps(base + j), offset);
            const __m256 distance = _mm256_sub_ps(terms, _mm256_mul_ps(scale, _mm256_loadu_ps(to)));
            const __m256 bound = _mm256_sub_ps(distance, _mm256_loadu_ps(errors + j));
            _mm256_storeu_ps(to, bound);
            hit = _mm256_or_ps(hit, _mm256_cmp_ps(bound, _mm256_loadu_ps(limits + j), _CMP_LE_OQ));
        }
        hits[r] = _mm256_movemask_ps(hit) != 0;
    }
}

static inline float sum_lanes(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* ROWS rows by four queries, each sum in a register of its own. */
#define QUAD_TILE(NAME, ROWS)                                                                                          \
    static void NAME(const float *rows, size_t stride, const float *const queries[QUAD], size_t n, float *out,         \
                     size_t out_stride) {                                                                              \
        __m256 sums[ROWS][QUAD];                                                                                       \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                        \
            UNROLL for (int j = 0; j < QUAD; j++) sums[r][j] = _mm256_setzero_ps();                                    \
        }                                                                                                              \
        for (size_t i = 0; i < n; i += LANES) {                                                                        \
            const __m256i mask = mask_of(n - i);                                                                       \
            __m256 x[ROWS];                                                                                            \
            UNROLL for (int r = 0; r < ROWS; r++) x[r] = _mm256_maskload_ps(rows + (size_t)r * stride + i, mask);      \
            UNROLL for (int j = 0; j < QUAD; j++) {                                                                    \
                const __m256 q = _mm256_maskload_ps(queries[j] + i, mask);                                             \
                UNROLL for (int r = 0; r < ROWS; r++) sums[r][j] = _mm256_fmadd_ps(x[r], q, sums[r][j]);               \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int j = 0; j < QUAD; j++) {                                                                        \
            UNROLL for (int r = 0; r < ROWS; r++) out[(size_t)j * out_stride + (size_t)r] = sum_lanes(sums[r][j]);     \
        }                                                                                                              \
    }

QUAD_TILE(quad_2, 2)
QUAD_TILE(quad_1, 1)

static void quad_dots(const float *rows, size_t stride, size_t n_rows, const float *const queries[QUAD], size_t n,
                      float *out, size_t out_stride) {
    size_t r = 0;
    for (; r + 2 <= n_rows; r += 2)
        quad_2(rows + r * stride, stride, queries, n, out + r, out_stride);
    for (; r < n_rows; r++)
        quad_1(rows + r * stride, stride, queries, n, out + r, out_stride);
}

const cpu_panel_kernels mlsel_i_cpu_panel_avx2 = {.pack = pack,
                                                  .dots = dots,
                                                  .weigh = weigh,
                                                  .finish = finish,
                                                  .lower = lower,
                                                  .quad_dots = quad_dots,
                                                  .quad_parts = LANES};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
