/* SPDX-License-Identifier: Apache-2.0 */
/* Panels with NEON. */
#include <arm_neon.h>
#include <math.h>

#include "panel.h"

/* Counters of unrolled loops are small, and macros take names. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

enum { LANES = 4, COLUMNS = 16, VECTORS = COLUMNS / LANES };

/* Fully unrolled, so that the arrays of a tile become registers. */
#define UNROLL _Pragma("GCC unroll 16")

static float pack(const float *const queries[PANEL_WIDTH], size_t n, float *panel) {
    float32x4_t largest = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < PANEL_WIDTH; j += LANES) {
            const float32x4_t a = vld1q_f32(queries[j] + i), b = vld1q_f32(queries[j + 1] + i);
            const float32x4_t c = vld1q_f32(queries[j + 2] + i), d = vld1q_f32(queries[j + 3] + i);
            const float32x4_t low = vmaxq_f32(vabsq_f32(a), vabsq_f32(b)), high = vmaxq_f32(vabsq_f32(c), vabsq_f32(d));
            largest = vmaxq_f32(largest, vmaxq_f32(low, high));
            const float32x4x2_t ab = vtrnq_f32(a, b), cd = vtrnq_f32(c, d);
            float *to = panel + i * PANEL_WIDTH + j;
            vst1q_f32(to, vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0])));
            vst1q_f32(to + PANEL_WIDTH, vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1])));
            vst1q_f32(to + 2 * PANEL_WIDTH, vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0])));
            vst1q_f32(to + 3 * PANEL_WIDTH, vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1])));
        }
    float result = vmaxvq_f32(largest);
    for (; i < n; i++)
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            const float size = fabsf(queries[j][i]);
            panel[i * PANEL_WIDTH + j] = queries[j][i];
            result = size > result ? size : result;
        }
    return result;
}

/* ROWS rows by 16 queries: 6 by 16 uses 24 of the 32 registers for sums, four for the queries and one for the row. */
#define TILE(NAME, ROWS)                                                                                               \
    static void NAME(const float *rows, size_t stride, const float *panel, size_t n, float *out) {                     \
        for (size_t first = 0; first == 0 || first < n; first += PANEL_CHUNK) {                                        \
            const size_t end = n - first < PANEL_CHUNK ? n : first + PANEL_CHUNK;                                      \
            float32x4_t sums[ROWS][VECTORS];                                                                           \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                    \
                UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = vdupq_n_f32(0);                                  \
            }                                                                                                          \
            for (size_t i = first; i < end; i++) {                                                                     \
                float32x4_t q[VECTORS];                                                                                \
                UNROLL for (int v = 0; v < VECTORS; v++) q[v] = vld1q_f32(panel + i * PANEL_WIDTH + v * LANES);        \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                                \
                    const float32x4_t x = vdupq_n_f32(rows[(size_t)r * stride + i]);                                   \
                    UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = vfmaq_f32(sums[r][v], x, q[v]);              \
                }                                                                                                      \
            }                                                                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                    \
                UNROLL for (int v = 0; v < VECTORS; v++) {                                                             \
                    float *to = out + r * PANEL_WIDTH + v * LANES;                                                     \
                    vst1q_f32(to, first == 0 ? sums[r][v] : vaddq_f32(vld1q_f32(to), sums[r][v]));                     \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

TILE(tile_6, 6)
TILE(tile_1, 1)

static void dots(const float *rows, size_t stride, size_t n_rows, const float *panel, size_t n, size_t width,
                 float *out) {
    for (size_t j = 0; j < width; j += COLUMNS) {
        size_t r = 0;
        for (; r + 6 <= n_rows; r += 6)
            tile_6(rows + r * stride, stride, panel + j, n, out + r * PANEL_WIDTH + j);
        for (; r < n_rows; r++)
            tile_1(rows + r * stride, stride, panel + j, n, out + r * PANEL_WIDTH + j);
    }
}

static void weigh(const double *weights, const float *values, size_t n_rows, double sums[PANEL_WIDTH]) {
    for (size_t j = 0; j < PANEL_WIDTH; j += LANES) {
        float64x2_t low = vld1q_f64(sums + j), high = vld1q_f64(sums + j + 2);
        for (size_t r = 0; r < n_rows; r++) {
            const float32x4_t v = vld1q_f32(values + r * PANEL_WIDTH + j);
            low = vfmaq_n_f64(low, vcvt_f64_f32(vget_low_f32(v)), weights[r]);
            high = vfmaq_n_f64(high, vcvt_high_f64_f32(v), weights[r]);
        }
        vst1q_f64(sums + j, low);
        vst1q_f64(sums + j + 2, high);
    }
}

static void finish(float *values, size_t n_rows, const float *biases, int relu, const float *scales,
                   const float *shifts) {
    for (size_t r = 0; r < n_rows; r++) {
        const float32x4_t bias = vdupq_n_f32(biases == NULL ? 0 : biases[r]), floor = vdupq_n_f32(relu ? 0 : -INFINITY);
        const float32x4_t scale = vdupq_n_f32(scales == NULL ? 1 : scales[r]),
                          shift = vdupq_n_f32(scales == NULL ? 0 : shifts[r]);
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const float32x4_t kept = vmaxq_f32(vaddq_f32(vld1q_f32(to), bias), floor);
            vst1q_f32(to, vfmaq_f32(shift, kept, scale));
        }
    }
}

static void lower(float *values, size_t n_rows, const float *offsets, const float *scales,
                  const float base[PANEL_WIDTH], const float errors[PANEL_WIDTH], const float limits[PANEL_WIDTH],
                  unsigned char *hits) {
    for (size_t r = 0; r < n_rows; r++) {
        uint32x4_t hit = vdupq_n_u32(0);
        UNROLL for (int j = 0; j < PANEL_WIDTH; j += LANES) {
            float *to = values + r * PANEL_WIDTH + j;
            const float32x4_t terms = vaddq_f32(vld1q_f32(base + j), vdupq_n_f32(offsets[r]));
            const float32x4_t distance = vsubq_f32(terms, vmulq_n_f32(vld1q_f32(to), scales[r]));
            const float32x4_t bound = vsubq_f32(distance, vld1q_f32(errors + j));
            vst1q_f32(to, bound);
            hit = vorrq_u32(hit, vcleq_f32(bound, vld1q_f32(limits + j)));
        }
        hits[r] = vmaxvq_u32(hit) != 0;
    }
}

/* ROWS rows by four queries, each sum in a register of its own. */
#define QUAD_TILE(NAME, ROWS)                                                                                          \
    static void NAME(const float *rows, size_t stride, const float *const queries[QUAD], size_t n, float *out,         \
                     size_t out_stride) {                                                                              \
        float32x4_t sums[ROWS][QUAD];                                                                                  \
        UNROLL for (int r = 0; r < ROWS; r++) { UNROLL for (int j = 0; j < QUAD; j++) sums[r][j] = vdupq_n_f32(0); }   \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            float32x4_t x[ROWS];                                                                                       \
            UNROLL for (int r = 0; r < ROWS; r++) x[r] = vld1q_f32(rows + (size_t)r * stride + i);                     \
            UNROLL for (int j = 0; j < QUAD; j++) {                                                                    \
                const float32x4_t q = vld1q_f32(queries[j] + i);                                                       \
                UNROLL for (int r = 0; r < ROWS; r++) sums[r][j] = vfmaq_f32(sums[r][j], x[r], q);                     \
            }                                                                                                          \
        }                                                                                                              \
        for (int r = 0; r < ROWS; r++)                                                                                 \
            for (int j = 0; j < QUAD; j++) {                                                                           \
                float sum = vaddvq_f32(sums[r][j]);                                                                    \
                for (size_t rest = i; rest < n; rest++)                                                                \
                    sum += rows[(size_t)r * stride + rest] * queries[j][rest];                                         \
                out[(size_t)j * out_stride + (size_t)r] = sum;                                                         \
            }                                                                                                          \
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

const cpu_panel_kernels mlsel_i_cpu_panel_neon = {.pack = pack,
                                                  .dots = dots,
                                                  .weigh = weigh,
                                                  .finish = finish,
                                                  .lower = lower,
                                                  .quad_dots = quad_dots,
                                                  .quad_parts = LANES};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
