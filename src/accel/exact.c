/* SPDX-License-Identifier: Apache-2.0 */
#include "exact.h"

#include <string.h>

enum { PARTS = 8 };

static double add_parts(const double s[PARTS]) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

accel_query mlsel_i_accel_query(const mlsel_backend_run *run, uint32_t index) {
    const uint64_t at = index * run->stride;
    if (run->query_type == MLSEL_QUERY_F64)
        return (accel_query){.f64 = (const double *)run->queries + at};
    return (accel_query){.f32 = (const float *)run->queries + at};
}

/* Whole rounds of all parts first, so that compilers vectorise them. */

double mlsel_i_accel_sum_squares_f32(const float *x, size_t n) {
    double sums[PARTS] = {0};
    const size_t whole = n / PARTS * PARTS;
    for (size_t i = 0; i < whole; i += PARTS)
        for (size_t p = 0; p < PARTS; p++)
            sums[p] += (double)x[i + p] * (double)x[i + p];
    for (size_t i = whole; i < n; i++)
        sums[i % PARTS] += (double)x[i] * (double)x[i];
    return add_parts(sums);
}

static double sum_squares_f64(const double *x, size_t n) {
    double sums[PARTS] = {0};
    const size_t whole = n / PARTS * PARTS;
    for (size_t i = 0; i < whole; i += PARTS)
        for (size_t p = 0; p < PARTS; p++)
            sums[p] += x[i + p] * x[i + p];
    for (size_t i = whole; i < n; i++)
        sums[i % PARTS] += x[i] * x[i];
    return add_parts(sums);
}

double mlsel_i_accel_sum_squares(const accel_query *query, size_t n) {
    return query->f64 != NULL ? sum_squares_f64(query->f64, n) : mlsel_i_accel_sum_squares_f32(query->f32, n);
}

double mlsel_i_accel_squared_distance(const float *x, double scale, const double *q, size_t n) {
    double sums[PARTS] = {0};
    const size_t whole = n / PARTS * PARTS;
    for (size_t i = 0; i < whole; i += PARTS)
        for (size_t p = 0; p < PARTS; p++) {
            const double difference = q[i + p] - (double)x[i + p] * scale;
            sums[p] += difference * difference;
        }
    for (size_t i = whole; i < n; i++) {
        const double difference = q[i] - (double)x[i] * scale;
        sums[i % PARTS] += difference * difference;
    }
    return add_parts(sums);
}

double mlsel_i_accel_dot(const double *a, const float *x, size_t n) {
    double sums[PARTS] = {0};
    const size_t whole = n / PARTS * PARTS;
    for (size_t i = 0; i < whole; i += PARTS)
        for (size_t p = 0; p < PARTS; p++)
            sums[p] += a[i + p] * (double)x[i + p];
    for (size_t i = whole; i < n; i++)
        sums[i % PARTS] += a[i] * (double)x[i];
    return add_parts(sums);
}

double mlsel_i_accel_strict_distance(const double *x, const accel_query *query, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = (query->f64 != NULL ? query->f64[i] : (double)query->f32[i]) - x[i];
        sum += difference * difference;
    }
    return sum;
}

void mlsel_i_accel_narrow(const accel_query *query, size_t n, double factor, float *out) {
    if (query->f64 != NULL)
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(query->f64[i] * factor);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (float)((double)query->f32[i] * factor);
}

void mlsel_i_accel_widen(const accel_query *query, size_t n, double factor, double *out) {
    if (query->f64 != NULL)
        for (size_t i = 0; i < n; i++)
            out[i] = query->f64[i] * factor;
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (double)query->f32[i] * factor;
}

uint16_t mlsel_i_accel_half(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u); /* no number */
    if (magnitude >= 0x477ff000u)
        return (uint16_t)(sign | 0x7c00u); /* from 65520 on */
    if (magnitude < 0x33000001u)
        return (uint16_t)sign; /* up to half of the smallest subnormal */
    /* the fraction with its leading bit, of which `drop` bits are lost; subnormals lose more */
    const uint32_t exponent = magnitude >> 23;
    const uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
    const uint32_t drop = exponent < 113 ? 126 - exponent : 13;
    const uint32_t kept = fraction >> drop, lost = fraction & ((1u << drop) - 1), half = 1u << (drop - 1);
    const uint32_t rounded = kept + (lost > half || (lost == half && (kept & 1) != 0));
    /* of a normal number the leading bit counts one up in the exponent's field, as does a carry */
    return (uint16_t)(sign | (exponent < 113 ? rounded : ((exponent - 113) << 10) + rounded));
}
