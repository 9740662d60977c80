/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact measurements on the host, for devices without double: the reference's arithmetic (src/cpu/kernels_reference.c)
 * to the bit, and queries in the forms that a device takes.
 */
#ifndef MLSEL_ACCEL_EXACT_H
#define MLSEL_ACCEL_EXACT_H

#include <stddef.h>
#include <stdint.h>

#include "mlsel_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One query of a run, as it came; one of the two is NULL. */
typedef struct accel_query {
    const float *f32;
    const double *f64;
} accel_query;

accel_query mlsel_i_accel_query(const mlsel_backend_run *run, uint32_t index);

/* Sums in eight parts, of which part p has the elements p, p + 8, ... */
double mlsel_i_accel_sum_squares(const accel_query *query, size_t n);
double mlsel_i_accel_sum_squares_f32(const float *x, size_t n);
/* of (q[i] - x[i] * scale)^2 */
double mlsel_i_accel_squared_distance(const float *x, double scale, const double *q, size_t n);
/* of a[i] * x[i] */
double mlsel_i_accel_dot(const double *a, const float *x, size_t n);

/* The sum of (q[i] - x[i])^2 from the first element to the last. */
double mlsel_i_accel_strict_distance(const double *x, const accel_query *query, size_t n);

/* out[i] = q[i] * factor, computed in double. */
void mlsel_i_accel_narrow(const accel_query *query, size_t n, double factor, float *out);
void mlsel_i_accel_widen(const accel_query *query, size_t n, double factor, double *out);

/* The nearest number in IEEE half precision, ties to even; infinity from 65520 on. */
uint16_t mlsel_i_accel_half(float x);

#ifdef __cplusplus
}
#endif
#endif
