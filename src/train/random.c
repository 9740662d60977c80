/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are the same everywhere. */
#include <math.h>

#include "mix.h"
#include "train.h"

/* SplitMix64. */
static uint64_t split_mix(uint64_t *state) { return mlsel_i_mix(*state += 0x9e3779b97f4a7c15u); }

void mlsel_i_random_seed(random_state *r, uint64_t seed, uint64_t stream) {
    uint64_t mix = stream;
    uint64_t state = seed ^ split_mix(&mix);
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(r->s); i++)
        r->s[i] = split_mix(&state);
}

static uint64_t rotate(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

uint64_t mlsel_i_random_next(random_state *r) {
    uint64_t *s = r->s;
    const uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double mlsel_i_random_unit(random_state *r) { return (double)(mlsel_i_random_next(r) >> 11) * 0x1p-53; }

/* Values of the incomplete last round are drawn again. */
uint64_t mlsel_i_random_below(random_state *r, uint64_t n) {
    const uint64_t first = (UINT64_MAX - n + 1) % n; /* 2^64 mod n */
    uint64_t x = mlsel_i_random_next(r);
    while (x < first)
        x = mlsel_i_random_next(r);
    return x % n;
}

/* The polar method of G. Marsaglia and T. A. Bray, 1964; the second number is not kept. */
double mlsel_i_random_normal(random_state *r) {
    double u, v, square;
    do {
        u = 2 * mlsel_i_random_unit(r) - 1;
        v = 2 * mlsel_i_random_unit(r) - 1;
        square = u * u + v * v;
    } while (square >= 1 || square == 0);
    return u * sqrt(-2 * log(square) / square);
}

void mlsel_i_random_permutation(random_state *r, uint32_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const size_t j = (size_t)mlsel_i_random_below(r, i + 1);
        order[i] = order[j];
        order[j] = (uint32_t)i;
    }
}
