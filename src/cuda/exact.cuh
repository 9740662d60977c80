/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference's arithmetic (src/cpu/kernels_reference.c), to the bit: sums in eight parts without fused multiply-add,
 * part p over the elements p, p + 8, ..., added as ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)).
 */
#ifndef MLSEL_CUDA_EXACT_CUH
#define MLSEL_CUDA_EXACT_CUH

#include "cuda.h"

enum { PARTS = 8 };

template <typename T>
__device__ __forceinline__ double part_of_squares(const T *__restrict__ x, uint64_t n, unsigned part) {
    double sum = 0;
#pragma unroll 4
    for (uint64_t i = part; i < n; i += PARTS) {
        const double value = (double)x[i];
        sum = __dadd_rn(sum, __dmul_rn(value, value));
    }
    return sum;
}

__device__ __forceinline__ double part_of_distance(const float *__restrict__ x, double scale,
                                                   const double *__restrict__ q, uint64_t n, unsigned part) {
    double sum = 0;
#pragma unroll 4
    for (uint64_t i = part; i < n; i += PARTS) {
        const double difference = __dsub_rn(q[i], __dmul_rn((double)x[i], scale));
        sum = __dadd_rn(sum, __dmul_rn(difference, difference));
    }
    return sum;
}

/* The total of eight neighbouring lanes, each with its part; all of them get it. Every lane of the warp must be here.
 */
__device__ __forceinline__ double add_parts(double part) {
    part = __dadd_rn(part, __shfl_xor_sync(0xffffffffu, part, 4));
    part = __dadd_rn(part, __shfl_xor_sync(0xffffffffu, part, 2));
    return __dadd_rn(part, __shfl_xor_sync(0xffffffffu, part, 1));
}

#endif
