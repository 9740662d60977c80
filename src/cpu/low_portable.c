/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of low precision in plain C, written so that compilers vectorise them for whatever the baseline is. */
#include <stdbool.h>

#include "low_steps.h"

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The exponent's bias goes from 15 to 127. Denormals have no leading one: it is put there and subtracted again. */
static float from_f16(uint16_t h) {
    const uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    const float normal = from_bits(magnitude + 0x38000000u);
    const float denormal = from_bits((magnitude & 0x7fffffu) | 0x38800000u) - 0x1p-14f;
    const float x = (h & 0x7c00) != 0 ? normal : denormal;
    return from_bits(low_bits(x) | (uint32_t)(h & 0x8000) << 16);
}

static bool is_little_endian(void) {
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void one_bf16(const low_part *p, size_t n_blocks) {
    const float *x = (const float *)(const void *)p->x;
    const size_t low = is_little_endian() ? 0 : 1; /* the input of a pair whose weight is in the low half */
    float sums[LOW_LANES] = {0};
    (void)n_blocks;
    for (size_t s = 0; s < p->n_steps; s++) {
        const uint32_t *w = (const uint32_t *)(const void *)(p->w + s * p->stride);
        const float x_low = x[2 * s + low], x_high = x[2 * s + 1 - low];
        for (size_t o = 0; o < LOW_LANES; o++)
            sums[o] += from_bits(w[o] << 16) * x_low + from_bits(w[o] & 0xffff0000u) * x_high;
    }
    memcpy(p->out, sums, sizeof sums);
}

static void one_f16(const low_part *p, size_t n_blocks) {
    const float *x = (const float *)(const void *)p->x;
    float sums[LOW_LANES] = {0};
    (void)n_blocks;
    for (size_t s = 0; s < p->n_steps; s++) {
        const uint16_t *w = (const uint16_t *)(const void *)(p->w + s * p->stride);
        for (size_t o = 0; o < LOW_LANES; o++)
            sums[o] += from_f16(w[o]) * x[s];
    }
    memcpy(p->out, sums, sizeof sums);
}

/* 32 bits hold the products of so many steps: 4 * 128 * 127 * LOW_LEVELS < 2^31. */
enum { EXACT_STEPS = 128 };

static void one_i8(const low_part *p, size_t n_blocks) {
    const int16_t *x = (const int16_t *)(const void *)p->x;
    int64_t totals[LOW_LANES] = {0};
    (void)n_blocks;
    for (size_t start = 0; start < p->n_steps; start += EXACT_STEPS) {
        const size_t end = p->n_steps - start < EXACT_STEPS ? p->n_steps : start + EXACT_STEPS;
        int32_t sums[LOW_LANES] = {0};
        for (size_t s = start; s < end; s++) {
            const int8_t *w = (const int8_t *)(p->w + s * p->stride);
            for (size_t o = 0; o < LOW_LANES; o++)
                sums[o] += w[4 * o] * x[4 * s] + w[4 * o + 1] * x[4 * s + 1] + w[4 * o + 2] * x[4 * s + 2] +
                           w[4 * o + 3] * x[4 * s + 3];
        }
        for (size_t o = 0; o < LOW_LANES; o++)
            totals[o] += sums[o];
    }
    for (size_t o = 0; o < LOW_LANES; o++)
        p->out[o] = (float)totals[o];
}

static void four(const low_part *p, size_t n_blocks, low_pass one) {
    low_part single = *p;
    for (size_t q = 0; q < LOW_FOUR; q++) {
        one(&single, n_blocks);
        single.x += p->x_stride;
        single.out += p->out_stride;
    }
}

static void four_bf16(const low_part *p, size_t n_blocks) { four(p, n_blocks, one_bf16); }

static void four_f16(const low_part *p, size_t n_blocks) { four(p, n_blocks, one_f16); }

static void four_i8(const low_part *p, size_t n_blocks) { four(p, n_blocks, one_i8); }

LOW_MULTIPLY(bf16)
LOW_MULTIPLY(f16)
LOW_MULTIPLY(i8)

const cpu_low_kernels mlsel_i_cpu_low_portable = {
    .max_group = 1, /* the passes take one block at a time */
    .bf16 = {low_load_bf16_wide, multiply_bf16},
    .f16 = {low_load_float, multiply_f16},
    .i8 = {low_load_i16, multiply_i8},
    .scale = low_scale,
    .relu = low_relu,
};
