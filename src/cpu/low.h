/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear layers whose weights are kept in fewer bits: bf16, f16 and int8. What is computed:
 *
 *   bf16  weights and the inputs of the layer rounded to bf16, products summed in float
 *   f16   weights rounded to f16, inputs in float, products summed in float
 *   int8  weights as integers of +-127 with one scale per output, inputs as integers of +-LOW_LEVELS with one scale per
 *         layer and query; the sum of their products is exact and then rounded to float once
 *
 * All rounding is to the nearest, ties to even. What follows a sum (scale, bias, ReLU, batch norm) is in float, one
 * operation at a time. So int8 gives the same bits with every table; the others differ by the order of their sums, and
 * bf16 by what that does to the rounding of a hidden layer's values. The reference table sums in double.
 *
 * Weights are packed. Outputs are in blocks of LOW_LANES, the last one filled up with zeros; blocks are in groups of
 * low_group; in a group all blocks come one after the other for the first few inputs (a step), then for the next:
 *
 *   bf16  step of 2 inputs: [16 outputs][2 inputs], 64 bytes
 *   f16   step of 1 input:  [16 outputs], 32 bytes
 *   int8  step of 4 inputs: [16 outputs][4 inputs], 64 bytes
 *
 * so that a layer is read from the first byte to the last, and sums stay in their lanes.
 */
#ifndef MLSEL_CPU_LOW_H
#define MLSEL_CPU_LOW_H

#include <stddef.h>
#include <stdint.h>

enum {
    LOW_LANES = 16,
    LOW_MAX_GROUP = 8,
    LOW_BATCH = 8,      /* queries that go through the layers together */
    LOW_LEVELS = 32639, /* 127 * 257: two digits of -128 to 127 in base 256 */
    LOW_WEIGHT_LEVELS = 127,
    LOW_MAX_INPUTS = 65536, /* of an int8 layer, so that 32 bits hold the sum of a digit's products */
    LOW_INPUT_BYTES = 4     /* at most, that an input takes once it is converted */
};

typedef struct low_matrix {
    const void *values; /* aligned to 64 bytes */
    size_t n_blocks;
    size_t n_steps;
    size_t block_bytes;    /* of one block's step */
    size_t max_group;      /* blocks in a group: cpu_low_kernels.max_group */
    const int32_t *starts; /* int8: [n_blocks * LOW_LANES] -128 times the sum of an output's weights; else NULL */
} low_matrix;

/* Blocks in the next group, of those left. */
static inline size_t low_group(size_t left, size_t max_group) {
    size_t group = max_group;
    while (group > left)
        group /= 2;
    return group;
}

/* The inputs of a layer in the form that `multiply` of the same table takes, filled up with zeros to a whole step, in
 * at most LOW_INPUT_BYTES times their number rounded up to 4. Returns what to multiply the sums by; NaN if an input of
 * int8 is not finite. */
typedef float (*low_load)(const float *x, size_t n, void *to);

/* out[q * out_stride + o] for all queries and all outputs of all blocks; x_stride is in bytes. */
typedef void (*low_multiply)(const low_matrix *matrix, const void *x, size_t x_stride, size_t n_queries, float *out,
                             size_t out_stride);

typedef struct low_format {
    low_load load;
    low_multiply multiply;
} low_format;

typedef struct cpu_low_kernels {
    size_t max_group; /* 1, 2, 4 or 8: as many blocks as the registers hold sums of */
    low_format bf16, f16, i8;
    /* y[i] = y[i] * (factor * scales[i]) + shifts[i], without the factor and the scale where scales is NULL, without
     * the shift where shifts is NULL */
    void (*scale)(float *y, float factor, const float *scales, const float *shifts, size_t n);
    /* y[i] = y[i] < 0 ? 0 : y[i] */
    void (*relu)(float *y, size_t n);
} cpu_low_kernels;

extern const cpu_low_kernels mlsel_i_cpu_low_reference;
extern const cpu_low_kernels mlsel_i_cpu_low_portable;
extern const cpu_low_kernels mlsel_i_cpu_low_avx2;
extern const cpu_low_kernels mlsel_i_cpu_low_avx512;
extern const cpu_low_kernels mlsel_i_cpu_low_avx512vnni;
extern const cpu_low_kernels mlsel_i_cpu_low_avx512bf16;
extern const cpu_low_kernels mlsel_i_cpu_low_neon;
extern const cpu_low_kernels mlsel_i_cpu_low_neondot;
extern const cpu_low_kernels mlsel_i_cpu_low_neonbf16;

/* What single extensions do better; the rest of their tables is that of the level below. */
float mlsel_i_cpu_low_load_avx512vnni(const float *x, size_t n, void *to);
void mlsel_i_cpu_low_multiply_avx512vnni(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                         float *out, size_t out_stride);
float mlsel_i_cpu_low_load_avx512bf16(const float *x, size_t n, void *to);
void mlsel_i_cpu_low_multiply_avx512bf16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                         float *out, size_t out_stride);
void mlsel_i_cpu_low_multiply_neondot(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                                      size_t out_stride);
float mlsel_i_cpu_low_load_neondot(const float *x, size_t n, void *to);
void mlsel_i_cpu_low_multiply_neonbf16(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries,
                                       float *out, size_t out_stride);
float mlsel_i_cpu_low_load_neonbf16(const float *x, size_t n, void *to);

/* Number formats: to the nearest, ties to even. Beyond the format's range this gives an infinity. */
uint16_t mlsel_i_cpu_to_bf16(float x);
uint16_t mlsel_i_cpu_to_f16(float x);

#endif
