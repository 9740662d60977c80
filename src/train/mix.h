/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TRAIN_MIX_H
#define MLSEL_TRAIN_MIX_H

#include <stdint.h>

/* What kernels of a device call too. */
#ifdef __CUDACC__
#define MLSEL_ON_DEVICES __host__ __device__
#else
#define MLSEL_ON_DEVICES
#endif

/* The last step of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, 2014): every bit of z changes all of the result. */
MLSEL_ON_DEVICES static inline uint64_t mlsel_i_mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#endif
