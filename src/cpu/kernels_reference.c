/* SPDX-License-Identifier: Apache-2.0 */
/* The definition: plain C, compiled without contraction to fused multiply-add, so that every compiler gives the same.
 */
#include "kernels_generic.h"

static double squared_distance(const float *x, double scale, const double *q, size_t n) {
    double parts[8] = {0};
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - (double)x[i] * scale;
        parts[i % 8] += difference * difference;
    }
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

static double sum_squares(const double *x, size_t n) {
    double parts[8] = {0};
    for (size_t i = 0; i < n; i++)
        parts[i % 8] += x[i] * x[i];
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

static double sum_squares_f32(const float *x, size_t n) {
    double parts[8] = {0};
    for (size_t i = 0; i < n; i++)
        parts[i % 8] += (double)x[i] * (double)x[i];
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

const cpu_kernels mlsel_i_cpu_kernels_reference = {
    .isa = "reference",
    .squared_distance = squared_distance,
    .sum_squares = sum_squares,
    .sum_squares_f32 = sum_squares_f32,
    .is_finite_f32 = generic_is_finite_f32,
    .is_finite_f64 = generic_is_finite_f64,
};
