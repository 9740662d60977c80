/* SPDX-License-Identifier: Apache-2.0 */
/* Fast kernels in plain C, written so that compilers vectorise them for whatever the baseline is. */
#include "kernels_generic.h"

#include <stdint.h>
#include <string.h>

enum { PARTS = 16 };

static void dots(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out) {
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = rows + r * stride;
        float parts[PARTS] = {0};
        size_t i = 0;
        for (; i + PARTS <= n; i += PARTS)
            for (size_t p = 0; p < PARTS; p++)
                parts[p] += x[i + p] * q[i + p];
        for (size_t p = 0; i < n; i++, p++)
            parts[p] += x[i] * q[i];
        for (size_t half = PARTS / 2; half > 0; half /= 2)
            for (size_t p = 0; p < half; p++)
                parts[p] += parts[p + half];
        out[r] = parts[0];
    }
}

static void dots_i8(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n, int32_t *out) {
    for (size_t r = 0; r < n_rows; r++) {
        const int8_t *x = rows + r * stride;
        int32_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (int32_t)x[i] * q[i];
        out[r] = sum;
    }
}

/*
 * exp(x) = 2^k * exp(r), k = round(x / ln 2), |r| <= ln 2 / 2, with ln 2 in two parts (Cody and Waite) and the Taylor
 * polynomial of degree 7 for exp(r), whose own error is below 6e-9.
 */
static float exp_one(float x) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    x = x < -87.0f ? -87.0f : x;
    const float k = (x * 1.44269504f + magic) - magic;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const uint32_t bits = (uint32_t)((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

static void exp_negative(float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] = exp_one(x[i]);
}

/* ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) */
static double sum_eight(const double parts[8]) {
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

static double dot_f64(const double *a, const float *x, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++)
            parts[p] += a[i + p] * (double)x[i + p];
    for (size_t p = 0; i < n; i++, p++)
        parts[p] += a[i] * (double)x[i];
    return sum_eight(parts);
}

static void narrow(const double *x, double scale, float *q, size_t n) {
    for (size_t i = 0; i < n; i++)
        q[i] = (float)(x[i] * scale);
}

static double squared_distance(const float *x, double scale, const double *q, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++) {
            const double difference = q[i + p] - (double)x[i + p] * scale;
            parts[p] += difference * difference;
        }
    for (size_t p = 0; i < n; i++, p++) {
        const double difference = q[i] - (double)x[i] * scale;
        parts[p] += difference * difference;
    }
    return sum_eight(parts);
}

static double sum_squares(const double *x, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++)
            parts[p] += x[i + p] * x[i + p];
    for (size_t p = 0; i < n; i++, p++)
        parts[p] += x[i] * x[i];
    return sum_eight(parts);
}

static double sum_squares_f32(const float *x, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++)
            parts[p] += (double)x[i + p] * (double)x[i + p];
    for (size_t p = 0; i < n; i++, p++)
        parts[p] += (double)x[i] * (double)x[i];
    return sum_eight(parts);
}

const cpu_kernels mlsel_i_cpu_kernels_portable = {
    .isa = "portable",
    .squared_distance = squared_distance,
    .sum_squares = sum_squares,
    .sum_squares_f32 = sum_squares_f32,
    .is_finite_f32 = generic_is_finite_f32,
    .is_finite_f64 = generic_is_finite_f64,
    .dots = dots,
    .dots_parts = PARTS,
    .dots_tail = 1,
    .panel = &mlsel_i_cpu_panel_portable,
    .dots_i8 = dots_i8,
    .exp_negative = exp_negative,
    .dot_f64 = dot_f64,
    .narrow = narrow,
    .distances = generic_distances,
    .mark_close = generic_mark_close,
    .distance_f64 = generic_distance_f64,
};
