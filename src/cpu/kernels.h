/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of the CPU backend, one table per instruction set. The reference table is the definition: plain C,
 * double accumulation from the first element to the last. Every other table is judged against it.
 */
#ifndef MLSEL_CPU_KERNELS_H
#define MLSEL_CPU_KERNELS_H

#include <stddef.h>

typedef struct cpu_kernels {
    const char *isa;
    /* sum of x[i] * q[i] */
    double (*dot)(const float *x, const double *q, size_t n);
    /* sum of (q[i] - x[i])^2 */
    double (*squared_distance)(const float *x, const double *q, size_t n);
    /* sum of (q[i] - x[i] / norm)^2; norm is above 0 */
    double (*squared_distance_normalized)(const float *x, double norm, const double *q, size_t n);
    /* sum of (q[i] - x[i])^2 in double, strictly from first to last and without fused multiply-add: the rule of KMeans
     * v2 */
    double (*squared_distance_strict)(const double *x, const double *q, size_t n);
    /* y[o] = bias[o] + sum of w[o][i] * x[i]; bias may be NULL */
    void (*linear)(const float *w, const float *bias, size_t n_out, size_t n_in, const double *x, double *y);
} cpu_kernels;

extern const cpu_kernels mlsel_i_cpu_kernels_reference;

/* The table to use on this machine. MLSEL_ISA can name a lower level than the best one; anything else is ignored. */
const cpu_kernels *mlsel_i_cpu_kernels_pick(void);

#endif
