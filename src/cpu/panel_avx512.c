/* SPDX-License-Identifier: Apache-2.0 */
/* Panels with AVX-512. Compiled with its flags, so nothing else may be defined here. */
#include <immintrin.h>
#include <math.h>

#include "panel.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

enum { LANES = 16 };

/* Fully unrolled, so that the arrays of a tile become registers. */
#define UNROLL _Pragma("GCC unroll 16")

static __mmask16 mask_of(size_t left) { return (__mmask16)(left >= LANES ? 0xffff : (1u << left) - 1); }

/* --- pack: blocks of 16 queries by 16 features, transposed in registers ------------------------------------------ */

/* Element j of vector i changes places with element i of vector j. */
static inline void transpose(__m512 x[LANES]) {
    __m512 t[LANES];
    UNROLL for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    UNROLL for (int i = 0; i < LANES; i += 4) {
        const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
        const __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
        x[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        x[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        x[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        x[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    /* what is left are 4 by 4 blocks in the right order inside, to be exchanged across the quarters of the vectors */
    UNROLL for (int c = 0; c < 4; c++) {
        const __m512 even = _mm512_shuffle_f32x4(x[c], x[4 + c], 0x88),
                     odd = _mm512_shuffle_f32x4(x[c], x[4 + c], 0xdd);
        const __m512 even2 = _mm512_shuffle_f32x4(x[8 + c], x[12 + c], 0x88);
        const __m512 odd2 = _mm512_shuffle_f32x4(x[8 + c], x[12 + c], 0xdd);
        x[c] = _mm512_shuffle_f32x4(even, even2, 0x88);
        x[4 + c] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
        x[8 + c] = _mm512_shuffle_f32x4(even, even2, 0xdd);
        x[12 + c] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
    }
}

static float pack(const float *const queries[PANEL_WIDTH], size_t n, float *panel) {
    __m512 largest = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < PANEL_WIDTH; j += LANES) {
            const size_t count = n - i < LANES ? n - i : LANES;
            __m512 x[LANES];
            UNROLL for (int v = 0; v < LANES; v++) {
                x[v] = _mm512_maskz_loadu_ps(mask_of(n - i), queries[j + (size_t)v] + i);
                largest = _mm512_max_ps(largest, _mm512_abs_ps(x[v]));
            }
            transpose(x);
            float *to = panel + i * PANEL_WIDTH + j;
            if (count == LANES) {
                UNROLL for (int v = 0; v < LANES; v++) _mm512_storeu_ps(to + v * PANEL_WIDTH, x[v]);
            } else {
                for (size_t v = 0; v < count; v++)
                    _mm512_storeu_ps(to + v * PANEL_WIDTH, x[v]);
            }
        }
    return _mm512_reduce_max_ps(largest);
}

/* --- dots -------------------------------------------------------------------------------------------------------- */

/* A chunk of a row of the next tile, which the processor would not see coming. */
static inline void prefetch(const float *x) {
    UNROLL for (int line = 0; line < PANEL_CHUNK / LANES; line++)
        _mm_prefetch((const char *)(x + line * LANES), _MM_HINT_T1);
}

/*
 * ROWS rows by VECTORS vectors of queries. 14 by 2 uses 28 of the 32 registers for sums, two for the queries and one
 * for the row's value: 28 multiply-adds for 16 loads.
 */
#define TILE(NAME, ROWS, VECTORS)                                                                                      \
    static void NAME(const float *rows, size_t stride, const float *panel, size_t n, float *out) {                     \
        for (size_t first = 0; first == 0 || first < n; first += PANEL_CHUNK) {                                        \
            const size_t end = n - first < PANEL_CHUNK ? n : first + PANEL_CHUNK;                                      \
            __m512 sums[ROWS][VECTORS];                                                                                \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                    \
                UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_setzero_ps();                             \
                prefetch(rows + (size_t)(r + ROWS) * stride + first);                                                  \
            }                                                                                                          \
            for (size_t i = first; i < end; i++) {                                                                     \
                __m512 q[VECTORS];                                                                                     \
                UNROLL for (int v = 0; v < VECTORS; v++) q[v] = _mm512_loadu_ps(panel + i * PANEL_WIDTH + v * LANES);  \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                                \
                    const __m512 x = _mm512_set1_ps(rows[(size_t)r * stride + i]);                                     \
                    UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_fmadd_ps(x, q[v], sums[r][v]);        \
                }                                                                                                      \
            }                                                                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                    \
                UNROLL for (int v = 0; v < VECTORS; v++) {                                                             \
                    float *to = out + r * PANEL_WIDTH + v * LANES;                                                     \
                    const __m512 before = first == 0 ? _mm512_setzero_ps() : _mm512_loadu_ps(to);                      \
                    _mm512_storeu_ps(to, _mm512_add_ps(before, sums[r][v]));                                           \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

TILE(tile_14_2, 14, 2)
TILE(tile_4_2, 4, 2)
TILE(tile_1_2, 1, 2)
TILE(tile_14_1, 14, 1)
TILE(tile_4_1, 4, 1)
TILE(tile_1_1, 1, 1)

typedef void (*tile_fn)(const float *rows, size_t stride, const float *panel, size_t n, float *out);

static void dots(const float *rows, size_t stride, size_t n_rows, const float *panel, size_t n, size_t width,
                 float *out) {
    static const struct {
        size_t rows;
        tile_fn tile[2];
    } sizes[] = {{14, {tile_14_1, tile_14_2}}, {4, {tile_4_1, tile_4_2}}, {1, {tile_1_1, tile_1_2}}};
    size_t r = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (; r + sizes[s].rows <= n_rows; r += sizes[s].rows)
            sizes[s].tile[width > LANES](rows + r * stride, stride, panel, n, out + r * PANEL_WIDTH);
}

/* --- the others -------------------------------------------------------------------------------------------------- */

static void weigh(const double *weights, const float *values, size_t n_rows, double sums[PANEL_WIDTH]) {
    enum { VECTORS = PANEL_WIDTH / 8 };
    __m512d s[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) s[v] = _mm512_loadu_pd(sums + v * 8);
    for (size_t r = 0; r < n_rows; r++, values += PANEL_WIDTH) {
        const __m512d weight = _mm512_set1_pd(weights[r]);
        UNROLL for (int v = 0; v < VECTORS; v++) s[v] =
            _mm512_fmadd_pd(weight, _mm512_cvtps_pd(_mm256_loadu_ps(values + v * 8)), s[v]);
    }
    UNROLL for (int v = 0; v < VECTORS; v++) _mm512_storeu_pd(sums + v * 8, s[v]);
}

static void finish(float *values, size_t n_rows, const float *biases, int relu, const float *scales,
                   const float *shifts) {
    for (size_t r = 0; r < n_rows; r++) {
        const __m512 bias = _mm512_set1_ps(biases == NULL ? 0 : biases[r]),
                     floor = _mm512_set1_ps(relu ? 0 : -INFINITY);
        const __m512 scale = _mm512_set1_ps(scales == NULL ? 1 : scales[r]),
                     shift = _mm512_set1_ps(scales == NULL ? 0 : shifts[r]);
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const __m512 kept = _mm512_max_ps(_mm512_add_ps(_mm512_loadu_ps(to), bias), floor);
            _mm512_storeu_ps(to, _mm512_fmadd_ps(kept, scale, shift));
        }
    }
}

static void lower(float *values, size_t n_rows, const float *offsets, const float *scales,
                  const float base[PANEL_WIDTH], const float errors[PANEL_WIDTH], const float limits[PANEL_WIDTH],
                  unsigned char *hits) {
    for (size_t r = 0; r < n_rows; r++) {
        const __m512 offset = _mm512_set1_ps(offsets[r]), scale = _mm512_set1_ps(scales[r]);
        __mmask16 hit = 0;
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const __m512 terms = _mm512_add_ps(_mm512_loadu_ps(base + j), offset);
            const __m512 distance = _mm512_sub_ps(terms, _mm512_mul_ps(scale, _mm512_loadu_ps(to)));
            const __m512 bound = _mm512_sub_ps(distance, _mm512_loadu_ps(errors + j));
            _mm512_storeu_ps(to, bound);
            hit |= _mm512_cmp_ps_mask(bound, _mm512_loadu_ps(limits + j), _CMP_LE_OQ);
        }
        hits[r] = hit != 0;
    }
}

/* ROWS rows by four queries, each sum in a register of its own. */
#define QUAD_TILE(NAME, ROWS)                                                                                          \
    static void NAME(const float *rows, size_t stride, const float *const queries[QUAD], size_t n, float *out,         \
                     size_t out_stride) {                                                                              \
        __m512 sums[ROWS][QUAD];                                                                                       \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                        \
            UNROLL for (int j = 0; j < QUAD; j++) sums[r][j] = _mm512_setzero_ps();                                    \
        }                                                                                                              \
        for (size_t i = 0; i < n; i += LANES) {                                                                        \
            const __mmask16 mask = mask_of(n - i);                                                                     \
            __m512 x[ROWS];                                                                                            \
            UNROLL for (int r = 0; r < ROWS; r++) x[r] = _mm512_maskz_loadu_ps(mask, rows + (size_t)r * stride + i);   \
            UNROLL for (int j = 0; j < QUAD; j++) {                                                                    \
                const __m512 q = _mm512_maskz_loadu_ps(mask, queries[j] + i);                                          \
                UNROLL for (int r = 0; r < ROWS; r++) sums[r][j] = _mm512_fmadd_ps(x[r], q, sums[r][j]);               \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int j = 0; j < QUAD; j++) {                                                                        \
            UNROLL for (int r = 0; r < ROWS; r++) out[(size_t)j * out_stride + (size_t)r] =                            \
                _mm512_reduce_add_ps(sums[r][j]);                                                                      \
        }                                                                                                              \
    }

QUAD_TILE(quad_4, 4)
QUAD_TILE(quad_1, 1)

static void quad_dots(const float *rows, size_t stride, size_t n_rows, const float *const queries[QUAD], size_t n,
                      float *out, size_t out_stride) {
    size_t r = 0;
    for (; r + 4 <= n_rows; r += 4)
        quad_4(rows + r * stride, stride, queries, n, out + r, out_stride);
    for (; r < n_rows; r++)
        quad_1(rows + r * stride, stride, queries, n, out + r, out_stride);
}

const cpu_panel_kernels mlsel_i_cpu_panel_avx512 = {.pack = pack,
                                                    .dots = dots,
                                                    .weigh = weigh,
                                                    .finish = finish,
                                                    .lower = lower,
                                                    .quad_dots = quad_dots,
                                                    .quad_parts = LANES};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
