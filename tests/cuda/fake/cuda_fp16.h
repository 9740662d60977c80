/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for CUDA's header of this name: IEEE half precision, rounded to nearest even. */
#ifndef FAKE_CUDA_FP16_H
#define FAKE_CUDA_FP16_H

#include <cmath>
#include <cstdint>
#include <cstring>

struct __half {
    uint16_t bits;
};

static inline float __half2float(__half h) {
    const int exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
    const float magnitude = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                            : exponent == 0 ? std::ldexp((float)fraction, -24)
                                            : std::ldexp((float)(fraction | 1024), exponent - 25);
    return (h.bits & 0x8000) != 0 ? -magnitude : magnitude;
}

static inline __half __float2half_rn(float x) {
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    const float magnitude = std::fabs(x);
    uint16_t bits;
    if (std::isnan(x)) {
        bits = 0x7e00;
    } else if (magnitude >= 65520) {
        bits = 0x7c00;
    } else {
        int exponent = 0;
        (void)std::frexp(magnitude, &exponent); /* magnitude is below 2^exponent */
        const int step = exponent - 11 < -24 ? -24 : exponent - 11;
        const float units = std::nearbyint(std::ldexp(magnitude, -step)); /* up to 2048 of 2^step, to even */
        /* subnormals count from 0; else the leading bit of 1024 goes into the exponent's field by addition */
        bits = (uint16_t)(units < 1024 ? units : (float)((step + 24) * 1024) + units);
    }
    __half h;
    h.bits = (uint16_t)(sign | bits);
    return h;
}

#endif
