/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random numbers of training (D. Blackman, S. Vigna, xoshiro256**, 2018, seeded by SplitMix64), and which of them
 * decide what dropout drops. Here, so that devices that train draw the very same ones.
 */
#ifndef MLSEL_TRAIN_XOSHIRO_H
#define MLSEL_TRAIN_XOSHIRO_H

#include "mix.h"

/* Streams of different numbers are independent. */
typedef struct random_state {
    uint64_t s[4];
} random_state;

MLSEL_ON_DEVICES static inline uint64_t mlsel_i_xoshiro_split(uint64_t *state) {
    return mlsel_i_mix(*state += 0x9e3779b97f4a7c15u);
}

MLSEL_ON_DEVICES static inline void mlsel_i_xoshiro_seed(random_state *r, uint64_t seed, uint64_t stream) {
    uint64_t mix = stream;
    uint64_t sequence = seed ^ mlsel_i_xoshiro_split(&mix);
    for (int i = 0; i < 4; i++)
        r->s[i] = mlsel_i_xoshiro_split(&sequence);
}

MLSEL_ON_DEVICES static inline uint64_t mlsel_i_xoshiro_rotate(uint64_t x, unsigned bits) {
    return x << bits | x >> (64 - bits);
}

MLSEL_ON_DEVICES static inline uint64_t mlsel_i_xoshiro_next(random_state *r) {
    uint64_t *s = r->s;
    const uint64_t result = mlsel_i_xoshiro_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = mlsel_i_xoshiro_rotate(s[3], 45);
    return result;
}

/* --- dropout ------------------------------------------------------------------------------------------------------ */

/* A step's values behind a layer, in blocks of 32 features, each with a stream of its own: row after row, feature after
 * feature, four from a number, each by 16 bits of it from the lowest on. A value is dropped where these are below the
 * threshold. */
enum { DROPOUT_BLOCK = 32, DROPOUT_BITS = 16, DROPOUT_VALUES = 4, DROPOUT_STREAM = 1 << 20 };

MLSEL_ON_DEVICES static inline uint64_t mlsel_i_dropout_stream(uint64_t step, uint64_t layer, uint64_t block) {
    return (step << 32 | layer << 24 | block) + DROPOUT_STREAM;
}

static inline uint64_t mlsel_i_dropout_threshold(double dropout) {
    return (uint64_t)(dropout * (1 << DROPOUT_BITS) + 0.5);
}

/* What the values kept are multiplied by, so that the expectation stays. */
static inline float mlsel_i_dropout_scale(double dropout) { return (float)(1 / (1 - dropout)); }

#endif
