/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several queries at once: every row that is read serves all of them.
 *
 * From about eight queries on they are laid side by side in a panel, value i of query j at [i * PANEL_WIDTH + j], and a
 * tile of rows by queries stays in registers while the features pass by (Goto and van de Geijn, Anatomy of
 * High-Performance Matrix Multiplication, 2008; rows need no packing, as each of their values is broadcast). A few
 * queries are not worth the width of a panel: they are taken four at a time as they are.
 */
#ifndef MLSEL_CPU_PANEL_H
#define MLSEL_CPU_PANEL_H

#include <stddef.h>

enum {
    PANEL_WIDTH = 32, /* queries side by side */
    PANEL_CHUNK = 64, /* features summed one after the other before their sum is added to the rest */
    QUAD = 4          /* queries taken as they are */
};

typedef struct cpu_panel_kernels {
    /* Lays queries side by side: panel[i * PANEL_WIDTH + j] = queries[j][i] for i < n and all j. */
    void (*pack)(const float *const queries[PANEL_WIDTH], size_t n, float *panel);

    /* out[r * PANEL_WIDTH + j] = sum over i of rows[r * stride + i] * panel[i * PANEL_WIDTH + j], for j < width; other
     * columns may be written too. Chunks are summed with an error as in mlsel_i_cpu_panel_error. */
    void (*dots)(const float *rows, size_t stride, size_t n_rows, const float *panel, size_t n, size_t width,
                 float *out);

    /* sums[j] += sum over r of weights[r] * values[r * PANEL_WIDTH + j], in double */
    void (*weigh)(const double *weights, const float *values, size_t n_rows, double sums[PANEL_WIDTH]);

    /* Of each value of row r: the bias is added, then what is negative becomes 0 if `relu`, then it is multiplied with
     * the scale and the shift added. NULL leaves a step out; scales and shifts come together. */
    void (*finish)(float *values, size_t n_rows, const float *biases, int relu, const float *scales,
                   const float *shifts);

    /* values[r * PANEL_WIDTH + j] = ((base[j] + offsets[r]) - scales[r] * values[r * PANEL_WIDTH + j]) - errors[j], and
     * hits[r] is not 0 if one of them is at most limits[j] */
    void (*lower)(float *values, size_t n_rows, const float *offsets, const float *scales,
                  const float base[PANEL_WIDTH], const float errors[PANEL_WIDTH], const float limits[PANEL_WIDTH],
                  unsigned char *hits);

    /* out[j * out_stride + r] = sum over i of rows[r * stride + i] * queries[j][i] for j < QUAD, summed in quad_parts
     */
    void (*quad_dots)(const float *rows, size_t stride, size_t n_rows, const float *const queries[QUAD], size_t n,
                      float *out, size_t out_stride);
    size_t quad_parts;
} cpu_panel_kernels;

extern const cpu_panel_kernels mlsel_i_cpu_panel_portable;
extern const cpu_panel_kernels mlsel_i_cpu_panel_avx2;
extern const cpu_panel_kernels mlsel_i_cpu_panel_avx512;
extern const cpu_panel_kernels mlsel_i_cpu_panel_neon;

/* Bound on the error of cpu_panel_kernels.dots, in the terms of mlsel_i_cpu_dots_error. */
double mlsel_i_cpu_panel_error(size_t n);

#endif
