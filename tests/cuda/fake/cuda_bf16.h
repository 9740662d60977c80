/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for CUDA's header of this name: the upper half of a float, rounded to nearest even. */
#ifndef FAKE_CUDA_BF16_H
#define FAKE_CUDA_BF16_H

#include <cstdint>
#include <cstring>

struct __nv_bfloat16 {
    uint16_t bits;
};

static inline float __bfloat162float(__nv_bfloat16 h) {
    const uint32_t bits = (uint32_t)h.bits << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    __nv_bfloat16 h;
    h.bits = x != x ? (uint16_t)0x7fff : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    return h;
}

#endif
