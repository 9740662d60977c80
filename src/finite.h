/* SPDX-License-Identifier: Apache-2.0 */
/* Whether query values are numbers that a float can hold, without a branch in the loop, so that compilers vectorise it.
 */
#ifndef MLSEL_FINITE_H
#define MLSEL_FINITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool mlsel_i_has_bad_f32(const float *x, size_t n) {
    const uint32_t exponent = 0x7f800000; /* all its bits are set in infinities and NaN */
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (uint32_t)((bits & exponent) == exponent);
    }
    return bad != 0;
}

static inline bool mlsel_i_has_bad_f64(const double *x, size_t n) {
    const uint64_t magnitude = 0x7fffffffffffffff, limit = 0x47efffffe0000000; /* FLT_MAX */
    uint64_t bad = 0; /* its top bit: some magnitude, which orders like the number, was above the limit */
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= limit - (bits & magnitude);
    }
    return bad >> 63 != 0;
}

#endif
