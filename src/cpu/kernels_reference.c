/* SPDX-License-Identifier: Apache-2.0 */
/* Obviously right: compiled without contraction to fused multiply-add, so that every compiler gives the same sums. */
#include "kernels.h"

static double dot(const float *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * q[i];
    return sum;
}

static double squared_distance(const float *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - (double)x[i];
        sum += difference * difference;
    }
    return sum;
}

static double squared_distance_normalized(const float *x, double norm, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - (double)x[i] / norm;
        sum += difference * difference;
    }
    return sum;
}

static double squared_distance_strict(const double *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - x[i];
        sum += difference * difference;
    }
    return sum;
}

static void linear(const float *w, const float *bias, size_t n_out, size_t n_in, const double *x, double *y) {
    for (size_t o = 0; o < n_out; o++)
        y[o] = dot(w + o * n_in, x, n_in) + (bias == NULL ? 0 : (double)bias[o]);
}

const cpu_kernels mlsel_i_cpu_kernels_reference = {
    .isa = "reference",
    .dot = dot,
    .squared_distance = squared_distance,
    .squared_distance_normalized = squared_distance_normalized,
    .squared_distance_strict = squared_distance_strict,
    .linear = linear,
};
