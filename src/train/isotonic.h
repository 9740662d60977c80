/* SPDX-License-Identifier: Apache-2.0 */
/* Isotonic regression: the rising function that is nearest to the data. */
#ifndef MLSEL_TRAIN_ISOTONIC_H
#define MLSEL_TRAIN_ISOTONIC_H

#include <stddef.h>

/* A point (x, y), x being a score and y what came of it, and how many records it stands for. */
typedef struct isotonic_point {
    double x, y, weight;
} isotonic_point;

/*
 * Sorts the points and pools them in place until y rises strictly from block to block (pool adjacent violators). Each
 * block is then one point: the weighted means of its x and y, and its weight. Returns the number of blocks. Points of
 * equal x are one from the start. n is at least 1.
 */
size_t mlsel_i_isotonic_pool(isotonic_point *points, size_t n);

/* Joins blocks of less weight than `least` at either end with their neighbours: a few records there would otherwise
 * claim to know that an answer is always good, or never. Returns the number of blocks. */
size_t mlsel_i_isotonic_trim(isotonic_point *blocks, size_t n, double least);

/* Keeps at most `most` (2 or more) of the points, in place, so that lines between them stay near the others: from the
 * ends on, always the one that lies farthest from the line so far. Returns how many are left. */
size_t mlsel_i_isotonic_thin(isotonic_point *points, size_t n, size_t most);

#endif
