/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of the CPU backend: a table of functions per instruction set, chosen once.
 *
 * Two kinds of function. The exact ones are defined to the last bit and every table computes the same bits: where a sum
 * is in eight parts, part p adds the elements p, p + 8, p + 16, ... in this order without fused multiply-add, and the
 * total is ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)). The fast ones may round differently; `dots` within
 * dots_error.
 */
#ifndef MLSEL_CPU_KERNELS_H
#define MLSEL_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "low.h"
#include "panel.h"

/* Rows that first_dots takes. */
enum { FIRST_ROWS = 8 };

/* Of the sum of squares of first_dots_f32: a product and a sum of two in float. */
#define FIRST_SQUARES_ERROR 0x1p-22

typedef struct cpu_kernels {
    const char *isa;
    const cpu_low_kernels *low; /* layers in lower precision */

    /* --- exact --- */

    /* sum of (q[i] - x[i] * scale)^2, in eight parts; x[i] * scale is rounded to double before it is used */
    double (*squared_distance)(const float *x, double scale, const double *q, size_t n);

    /* sum of x[i]^2, in eight parts */
    double (*sum_squares)(const double *x, size_t n);
    double (*sum_squares_f32)(const float *x, size_t n);

    /* whether all values are numbers in the range of float */
    bool (*is_finite_f32)(const float *x, size_t n);
    bool (*is_finite_f64)(const double *x, size_t n);

    /* --- fast; all NULL in the reference table --- */

    /* out[r] = sum of rows[r * stride + i] * q[i], i < n. Rows aligned to 64 bytes are faster. */
    void (*dots)(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out);
    /* In how many parts dots sums, a power of two, whose sums are added in a tree; and how many terms more than its
     * share a part or the end may get. */
    size_t dots_parts, dots_tail;
    /* The same, within the same error, for rows that come from the third-level cache, which it is faster for; slower
     * for rows that are nearer or farther. May be NULL. */
    void (*dots_ahead)(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out);
    /* The same as dots over small integers: exact where the sum fits, as it does up to 65536 values. */
    void (*dots_i8)(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n, int32_t *out);
    /* x[i] = exp(x[i]) for x[i] <= 0, relative error below 3e-7; below -87 the result may be 0 */
    void (*exp_negative)(float *x, size_t n);
    /* sum of a[i] * x[i] in double */
    double (*dot_f64)(const double *a, const float *x, size_t n);
    /* q[i] = (float)(x[i] * scale) */
    void (*narrow)(const double *x, double scale, float *q, size_t n);

    /*
     * One pass over a query as it comes, which may hold anything: its sum of squares in double, in any order, and its
     * dot products with FIRST_ROWS rows, whose values from n up to the next multiple of 16 are 0. The query in float
     * goes to `narrow` unless that is NULL. Of a query in float the sum of squares has a relative error of up to
     * FIRST_SQUARES_ERROR. Both may be NULL in a table: nothing is gained there.
     */
    double (*first_dots_f64)(const double *x, size_t n, const float *rows, size_t stride, float *narrow, float *out);
    double (*first_dots_f32)(const float *x, size_t n, const float *rows, size_t stride, float *out);
    size_t first_dots_parts, first_dots_tail; /* as for dots */
    /* out[i] = base + offsets[i] - 2 * dots[i] in double; returns the least, infinity for n = 0 */
    double (*distances)(double base, const float *offsets, const float *dots, size_t n, double *out);
    /* close[i] = whether any x[j] other than x[i] is within gap of it; returns whether any is, and if none leaves close
     * undefined */
    bool (*mark_close)(const double *x, size_t n, double gap, uint8_t *close);
    /* Sum of exp(x[i] - shift) for x[i] <= shift, minus infinity too; relative error below 1e-14. NULL: nothing is
     * gained over the C library. */
    double (*sum_exp)(const double *x, size_t n, double shift);
    /* sum of (q[i] - x[i])^2, in any order */
    double (*distance_f64)(const double *x, const double *q, size_t n);

    /* several queries at once */
    const cpu_panel_kernels *panel;
} cpu_kernels;

extern const cpu_kernels mlsel_i_cpu_kernels_reference;
extern const cpu_kernels mlsel_i_cpu_kernels_portable;
extern const cpu_kernels mlsel_i_cpu_kernels_avx2;
extern const cpu_kernels mlsel_i_cpu_kernels_avx512;
extern const cpu_kernels mlsel_i_cpu_kernels_avx512vnni;
extern const cpu_kernels mlsel_i_cpu_kernels_avx512bf16;
extern const cpu_kernels mlsel_i_cpu_kernels_neon;
extern const cpu_kernels mlsel_i_cpu_kernels_neondot;
extern const cpu_kernels mlsel_i_cpu_kernels_neonbf16;

/* dots_i8 with the VNNI instructions; the rest of its table is that of AVX-512. */
void mlsel_i_cpu_dots_i8_avx512vnni(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n,
                                    int32_t *out);
/* The same for the dot products of 64-bit Arm. */
void mlsel_i_cpu_dots_i8_neondot(const int8_t *rows, size_t stride, size_t n_rows, const int8_t *q, size_t n,
                                 int32_t *out);

/* The table to use on this machine. MLSEL_ISA can name a lower level than the best one; anything else is ignored. */
const cpu_kernels *mlsel_i_cpu_kernels_pick(void);

/*
 * Bound on |computed - exact| / (|x| |q|) of a dot product of n values summed in `parts`, of which one or the end may
 * get `tail` terms more than its share, and where q was rounded to float from a more exact vector.
 * Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1: a sum of m terms one after the other
 * and a tree over p parts has an error of at most gamma(m + log2 p + 1) times the sum of the absolute products, which
 * Cauchy-Schwarz bounds by |x| |q|. Not for norms so small that products or values of q are subnormal in float, which
 * mlsel_i_cpu_is_tame leaves out.
 */
double mlsel_i_cpu_dots_error(size_t parts, size_t tail, size_t n);

#endif
