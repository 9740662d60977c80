/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fast kernels in plain C for the tables that have no better ones. Each instruction set's file compiles its own copy
 * with its own flags.
 */
#ifndef MLSEL_CPU_KERNELS_GENERIC_H
#define MLSEL_CPU_KERNELS_GENERIC_H

#include <math.h>
#include <string.h>

#include "kernels.h"

/* No branch in the loops, so that compilers vectorise them. */
static inline bool generic_is_finite_f32(const float *x, size_t n) {
    const uint32_t exponent = 0x7f800000; /* all its bits are set in infinities and NaN */
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (uint32_t)((bits & exponent) == exponent);
    }
    return bad == 0;
}

static inline bool generic_is_finite_f64(const double *x, size_t n) {
    const uint64_t magnitude = 0x7fffffffffffffff, limit = 0x47efffffe0000000; /* FLT_MAX */
    uint64_t bad = 0; /* its top bit: some magnitude, which orders like the number, was above the limit */
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= limit - (bits & magnitude);
    }
    return bad >> 63 == 0;
}

static inline double generic_distances(double base, const float *offsets, const float *dots, size_t n, double *out) {
    double least = INFINITY;
    for (size_t i = 0; i < n; i++)
        out[i] = base + (double)offsets[i] - 2 * (double)dots[i];
    for (size_t i = 0; i < n; i++)
        least = out[i] < least ? out[i] : least;
    return least;
}

static inline bool generic_mark_close(const double *x, size_t n, double gap, uint8_t *close) {
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        int any = 0; /* no branch in the loop, so that compilers vectorise it */
        for (size_t j = 0; j < i; j++)
            any |= fabs(x[i] - x[j]) <= gap;
        close[i] = (uint8_t)any;
        found = found || any != 0;
        for (size_t j = 0; any != 0 && j < i; j++)
            if (fabs(x[i] - x[j]) <= gap)
                close[j] = 1;
    }
    return found;
}

static inline double generic_distance_f64(const double *x, const double *q, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t p = 0; p < 8; p++) {
            const double difference = q[i + p] - x[i + p];
            parts[p] += difference * difference;
        }
    for (size_t p = 0; i < n; i++, p++)
        parts[p] += (q[i] - x[i]) * (q[i] - x[i]);
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

#endif
