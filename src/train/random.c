/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are the same everywhere. */
#include <math.h>

#include "train.h"

void mlsel_i_random_seed(random_state *r, uint64_t seed, uint64_t stream) { mlsel_i_xoshiro_seed(r, seed, stream); }

uint64_t mlsel_i_random_next(random_state *r) { return mlsel_i_xoshiro_next(r); }

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
