/* SPDX-License-Identifier: Apache-2.0 */
/* The definition of low.h: weights one at a time, sums in double or in whole numbers. */
#include "low_steps.h"

/* --- number formats ----------------------------------------------------------------------------------------------- */

uint16_t mlsel_i_cpu_to_bf16(float x) { return (uint16_t)(low_round_bf16(x) >> 16); }

uint16_t mlsel_i_cpu_to_f16(float x) {
    const uint32_t bits = low_bits(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000u) /* 2^16 and above */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000u) { /* below 2^-14: multiples of 2^-24, which the addition rounds to */
        float small;
        memcpy(&small, &magnitude, sizeof small);
        return (uint16_t)(sign | (low_bits(small + 0.5f) - 0x3f000000u));
    }
    /* the exponent's bias goes from 127 to 15; a carry out of the significand is right, up to infinity */
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

static double from_bf16(uint16_t h) {
    const uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double from_f16(uint16_t h) {
    const int exponent = (h >> 10 & 31) == 0 ? 1 : h >> 10 & 31;
    const double significand = (h & 0x3ff) + ((h >> 10 & 31) == 0 ? 0 : 1024);
    const uint64_t bits = (uint64_t)(exponent - 25 + 1023) << 52; /* of 2^(exponent - 25) */
    double power;
    memcpy(&power, &bits, sizeof power);
    return (h & 0x8000 ? -significand : significand) * power;
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

/* An output's weights: where those of its first step are, and how far it is to the next. */
typedef struct row {
    const char *first;
    size_t stride;
} row;

static row row_of(const low_matrix *m, size_t output, size_t value_bytes) {
    const size_t block = output / LOW_LANES, per_step = m->block_bytes / (LOW_LANES * value_bytes);
    size_t first = 0, group = low_group(m->n_blocks, m->max_group);
    while (block >= first + group) {
        first += group;
        group = low_group(m->n_blocks - first, m->max_group);
    }
    return (row){(const char *)m->values + (first * m->n_steps + (block - first)) * m->block_bytes +
                     output % LOW_LANES * per_step * value_bytes,
                 group * m->block_bytes};
}

typedef float (*sum_of)(const low_matrix *m, size_t output, const char *x);

static float sum_bf16(const low_matrix *m, size_t output, const char *x) {
    const uint16_t *inputs = (const uint16_t *)(const void *)x;
    uint16_t w[2];
    const row r = row_of(m, output, sizeof *w);
    double sum = 0;
    for (size_t s = 0; s < m->n_steps; s++) {
        memcpy(w, r.first + s * r.stride, sizeof w);
        sum += from_bf16(w[0]) * from_bf16(inputs[2 * s]) + from_bf16(w[1]) * from_bf16(inputs[2 * s + 1]);
    }
    return (float)sum;
}

static float sum_f16(const low_matrix *m, size_t output, const char *x) {
    const float *inputs = (const float *)(const void *)x;
    uint16_t w;
    const row r = row_of(m, output, sizeof w);
    double sum = 0;
    for (size_t s = 0; s < m->n_steps; s++) {
        memcpy(&w, r.first + s * r.stride, sizeof w);
        sum += from_f16(w) * (double)inputs[s];
    }
    return (float)sum;
}

static float sum_i8(const low_matrix *m, size_t output, const char *x) {
    const int16_t *inputs = (const int16_t *)(const void *)x;
    int8_t w[4];
    const row r = row_of(m, output, sizeof *w);
    int64_t sum = 0;
    for (size_t s = 0; s < m->n_steps; s++) {
        memcpy(w, r.first + s * r.stride, sizeof w);
        for (size_t i = 0; i < 4; i++)
            sum += (int64_t)w[i] * inputs[4 * s + i];
    }
    return (float)sum;
}

static void multiply(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                     size_t out_stride, sum_of sum) {
    for (size_t q = 0; q < n_queries; q++)
        for (size_t o = 0; o < m->n_blocks * LOW_LANES; o++)
            out[q * out_stride + o] = sum(m, o, (const char *)x + q * x_stride);
}

static void multiply_bf16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                          size_t out_stride) {
    multiply(m, x, x_stride, n_queries, out, out_stride, sum_bf16);
}

static void multiply_f16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                         size_t out_stride) {
    multiply(m, x, x_stride, n_queries, out, out_stride, sum_f16);
}

static void multiply_i8(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                        size_t out_stride) {
    multiply(m, x, x_stride, n_queries, out, out_stride, sum_i8);
}

const cpu_low_kernels mlsel_i_cpu_low_reference = {
    .max_group = 1,
    .bf16 = {low_load_bf16, multiply_bf16},
    .f16 = {low_load_float, multiply_f16},
    .i8 = {low_load_i16, multiply_i8},
    .scale = low_scale,
    .relu = low_relu,
};
