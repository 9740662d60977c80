/* SPDX-License-Identifier: Apache-2.0 */
/* Panels in plain C, written so that compilers vectorise across the queries. */
#include "panel.h"

#include <string.h>

/* A few features of all queries at a time, so that what is written stays in the first-level cache. */
static void pack(const float *const queries[PANEL_WIDTH], size_t n, float *panel) {
    enum { STEP = 16 };
    for (size_t first = 0; first < n; first += STEP) {
        const size_t end = n - first < STEP ? n : first + STEP;
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            for (size_t i = first; i < end; i++)
                panel[i * PANEL_WIDTH + j] = queries[j][i];
    }
}

static void add_chunk(const float *row, const float *panel, size_t n, float *out) {
    float sums[PANEL_WIDTH] = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            sums[j] += row[i] * panel[i * PANEL_WIDTH + j];
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        out[j] += sums[j];
}

static void dots(const float *rows, size_t stride, size_t n_rows, const float *panel, size_t n, size_t width,
                 float *out) {
    (void)width;
    for (size_t r = 0; r < n_rows; r++, rows += stride, out += PANEL_WIDTH) {
        memset(out, 0, PANEL_WIDTH * sizeof *out);
        for (size_t first = 0; first < n; first += PANEL_CHUNK)
            add_chunk(rows + first, panel + first * PANEL_WIDTH, n - first < PANEL_CHUNK ? n - first : PANEL_CHUNK,
                      out);
    }
}

static void weigh(const double *weights, const float *values, size_t n_rows, double sums[PANEL_WIDTH]) {
    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            sums[j] += weights[r] * (double)values[r * PANEL_WIDTH + j];
}

static void finish(float *values, size_t n_rows, const float *biases, int relu, const float *scales,
                   const float *shifts) {
    for (size_t r = 0; r < n_rows; r++) {
        float *row = values + r * PANEL_WIDTH;
        for (size_t j = 0; biases != NULL && j < PANEL_WIDTH; j++)
            row[j] += biases[r];
        for (size_t j = 0; relu && j < PANEL_WIDTH; j++)
            row[j] = row[j] > 0 ? row[j] : 0;
        for (size_t j = 0; scales != NULL && j < PANEL_WIDTH; j++)
            row[j] = row[j] * scales[r] + shifts[r];
    }
}

static void lower(float *values, size_t n_rows, const float *offsets, const float *scales,
                  const float base[PANEL_WIDTH], const float errors[PANEL_WIDTH], const float limits[PANEL_WIDTH],
                  unsigned char *hits) {
    for (size_t r = 0; r < n_rows; r++) {
        float *row = values + r * PANEL_WIDTH;
        int hit = 0;
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            row[j] = ((base[j] + offsets[r]) - scales[r] * row[j]) - errors[j];
            hit |= row[j] <= limits[j];
        }
        hits[r] = hit != 0;
    }
}

static void quad_dots(const float *rows, size_t stride, size_t n_rows, const float *const queries[QUAD], size_t n,
                      float *out, size_t out_stride) {
    enum { PARTS = 16 };
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = rows + r * stride;
        for (size_t j = 0; j < QUAD; j++) {
            const float *q = queries[j];
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
            out[j * out_stride + r] = parts[0];
        }
    }
}

const cpu_panel_kernels mlsel_i_cpu_panel_portable = {.pack = pack,
                                                      .dots = dots,
                                                      .weigh = weigh,
                                                      .finish = finish,
                                                      .lower = lower,
                                                      .quad_dots = quad_dots,
                                                      .quad_parts = 16};
