/* SPDX-License-Identifier: Apache-2.0 */
/* NEON of 64-bit Arm, which every such processor has. */
#include <arm_neon.h>

#include "kernels_generic.h"

/* --- dots: four rows at a time, far enough apart to be separate streams ------------------------------------------ */

enum { ROWS = 4, VECTORS = 4, LANES = 4, STEP = VECTORS * LANES };

static inline void dots_four(const float *const x[ROWS], const float *q, size_t n, float *const out[ROWS]) {
    float32x4_t sums[ROWS][VECTORS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++)
            sums[r][v] = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + STEP <= n; i += STEP)
        for (int v = 0; v < VECTORS; v++) {
            const float32x4_t values = vld1q_f32(q + i + v * LANES);
            for (int r = 0; r < ROWS; r++)
                sums[r][v] = vfmaq_f32(sums[r][v], values, vld1q_f32(x[r] + i + v * LANES));
        }
    for (int r = 0; r < ROWS; r++) {
        float sum = vaddvq_f32(vaddq_f32(vaddq_f32(sums[r][0], sums[r][1]), vaddq_f32(sums[r][2], sums[r][3])));
        for (size_t j = i; j < n; j++)
            sum += x[r][j] * q[j];
        *out[r] = sum;
    }
}

static inline float dots_one(const float *x, const float *q, size_t n) {
    float32x4_t sums[VECTORS];
    for (int v = 0; v < VECTORS; v++)
        sums[v] = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + STEP <= n; i += STEP)
        for (int v = 0; v < VECTORS; v++)
            sums[v] = vfmaq_f32(sums[v], vld1q_f32(q + i + v * LANES), vld1q_f32(x + i + v * LANES));
    float sum = vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
    for (; i < n; i++)
        sum += x[i] * q[i];
    return sum;
}

static void dots(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out) {
    const size_t quarter = n_rows / ROWS;
    for (size_t r = 0; r < quarter; r++) {
        const float *x0 = rows + r * stride;
        const float *const x[ROWS] = {x0, x0 + quarter * stride, x0 + 2 * quarter * stride, x0 + 3 * quarter * stride};
        float *const to[ROWS] = {out + r, out + r + quarter, out + r + 2 * quarter, out + r + 3 * quarter};
        dots_four(x, q, n, to);
    }
    for (size_t r = ROWS * quarter; r < n_rows; r++)
        out[r] = dots_one(rows + r * stride, q, n);
}

/* --- dots_i8: products of 16 bits added in pairs, exact for all values ------------------------------------------- */

static inline int32x4_t add_products(int32x4_t sum, int8x16_t q, const int8_t *x) {
    const int8x16_t values = vld1q_s8(x);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(values), vget_low_s8(q)));
    return vpadalq_s16(sum, vmull_high_s8(values, q));
}

/* The values from i on, which are fewer than a vector has. */
static inline int32_t dot_tail_i8(const int8_t *x, const int8_t *q, size_t i, size_t n) {
    int32_t sum = 0;
    for (; i < n; i++)
        sum += (int32_t)x[i] * q[i];
    return sum;
}

static void dots_i8(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n, int32_t *out) {
    const size_t quarter = n_rows / ROWS, whole = n / 16 * 16;
    for (size_t r = 0; r < quarter; r++) {
        int32x4_t sums[ROWS];
        for (size_t s = 0; s < ROWS; s++)
            sums[s] = vdupq_n_s32(0);
        for (size_t i = 0; i < whole; i += 16) {
            const int8x16_t values = vld1q_s8(q + i);
            for (size_t s = 0; s < ROWS; s++)
                sums[s] = add_products(sums[s], values, rows + (r + s * quarter) * stride + i);
        }
        for (size_t s = 0; s < ROWS; s++)
            out[r + s * quarter] = vaddvq_s32(sums[s]) + dot_tail_i8(rows + (r + s * quarter) * stride, q, whole, n);
    }
    for (size_t r = ROWS * quarter; r < n_rows; r++) {
        int32x4_t sum = vdupq_n_s32(0);
        for (size_t i = 0; i < whole; i += 16)
            sum = add_products(sum, vld1q_s8(q + i), rows + r * stride + i);
        out[r] = vaddvq_s32(sum) + dot_tail_i8(rows + r * stride, q, whole, n);
    }
}

/* --- the others -------------------------------------------------------------------------------------------------- */

/* The same steps as in kernels_portable.c. */
static inline float32x4_t exp_four(float32x4_t x) {
    x = vmaxq_f32(x, vdupq_n_f32(-87.0f));
    const float32x4_t k = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_n_f32(x, k, 0.693359375f);
    r = vfmaq_n_f32(r, k, 2.12194440e-4f);
    float32x4_t p = vdupq_n_f32(1.0f / 5040);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 720), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 120), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 24), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 6), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.5f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    const int32x4_t exponent = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(k), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(exponent));
}

static void exp_negative(float *x, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vst1q_f32(x + i, exp_four(vld1q_f32(x + i)));
    if (i == n)
        return;
    float last[LANES] = {0};
    for (size_t p = 0; i + p < n; p++)
        last[p] = x[i + p];
    vst1q_f32(last, exp_four(vld1q_f32(last)));
    for (size_t p = 0; i + p < n; p++)
        x[i + p] = last[p];
}

static double dot_f64(const double *a, const float *x, size_t n) {
    float64x2_t low = vdupq_n_f64(0), high = low;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const float32x4_t values = vld1q_f32(x + i);
        low = vfmaq_f64(low, vld1q_f64(a + i), vcvt_f64_f32(vget_low_f32(values)));
        high = vfmaq_f64(high, vld1q_f64(a + i + 2), vcvt_high_f64_f32(values));
    }
    double sum = vaddvq_f64(vaddq_f64(low, high));
    for (; i < n; i++)
        sum += a[i] * (double)x[i];
    return sum;
}

static void narrow(const double *x, double scale, float *q, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const float32x2_t low = vcvt_f32_f64(vmulq_n_f64(vld1q_f64(x + i), scale));
        vst1q_f32(q + i, vcvt_high_f32_f64(low, vmulq_n_f64(vld1q_f64(x + i + 2), scale)));
    }
    for (; i < n; i++)
        q[i] = (float)(x[i] * scale);
}

/* ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) */
static inline double sum_eight(const double parts[8]) {
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

static double sum_squares(const double *x, size_t n) {
    float64x2_t sums[4] = {vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int p = 0; p < 4; p++) {
            const float64x2_t v = vld1q_f64(x + i + 2 * p);
            sums[p] = vaddq_f64(sums[p], vmulq_f64(v, v));
        }
    double parts[8];
    for (int p = 0; p < 4; p++)
        vst1q_f64(parts + 2 * p, sums[p]);
    for (size_t p = 0; i + p < n; p++)
        parts[p] += x[i + p] * x[i + p];
    return sum_eight(parts);
}

static double sum_squares_f32(const float *x, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++)
            parts[p] += (double)x[i + p] * (double)x[i + p];
    for (size_t p = 0; i + p < n; p++)
        parts[p] += (double)x[i + p] * (double)x[i + p];
    return sum_eight(parts);
}

static inline float64x2_t add_square(float64x2_t sum, float64x2_t x, double scale, float64x2_t q) {
    const float64x2_t difference = vsubq_f64(q, vmulq_n_f64(x, scale));
    return vaddq_f64(sum, vmulq_f64(difference, difference));
}

static double squared_distance(const float *x, double scale, const double *q, size_t n) {
    float64x2_t s01 = vdupq_n_f64(0), s23 = s01, s45 = s01, s67 = s01;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const float32x4_t first = vld1q_f32(x + i), second = vld1q_f32(x + i + 4);
        s01 = add_square(s01, vcvt_f64_f32(vget_low_f32(first)), scale, vld1q_f64(q + i));
        s23 = add_square(s23, vcvt_high_f64_f32(first), scale, vld1q_f64(q + i + 2));
        s45 = add_square(s45, vcvt_f64_f32(vget_low_f32(second)), scale, vld1q_f64(q + i + 4));
        s67 = add_square(s67, vcvt_high_f64_f32(second), scale, vld1q_f64(q + i + 6));
    }
    double parts[8];
    vst1q_f64(parts, s01);
    vst1q_f64(parts + 2, s23);
    vst1q_f64(parts + 4, s45);
    vst1q_f64(parts + 6, s67);
    for (size_t p = 0; i + p < n; p++) {
        const double difference = q[i + p] - (double)x[i + p] * scale;
        parts[p] += difference * difference;
    }
    return sum_eight(parts);
}

const cpu_kernels mlsel_i_cpu_kernels_neon = {
    .isa = "neon",
    .squared_distance = squared_distance,
    .sum_squares = sum_squares,
    .sum_squares_f32 = sum_squares_f32,
    .is_finite_f32 = generic_is_finite_f32,
    .is_finite_f64 = generic_is_finite_f64,
    .dots = dots,
    .dots_parts = STEP,
    .dots_tail = STEP,
    .panel = &mlsel_i_cpu_panel_neon,
    .dots_i8 = dots_i8,
    .exp_negative = exp_negative,
    .dot_f64 = dot_f64,
    .narrow = narrow,
    .distances = generic_distances,
    .mark_close = generic_mark_close,
    .distance_f64 = generic_distance_f64,
};
