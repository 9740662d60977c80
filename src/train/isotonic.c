/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Isotonic regression by pooling adjacent violators (M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid, E. Silverman, An
 * Empirical Distribution Function for Sampling with Incomplete Information, 1955), and what makes a curve of it.
 */
#include "isotonic.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* By x, then by y, so that sums do not depend on the order of the data. */
static int compare_points(const void *a, const void *b) {
    const isotonic_point *p = a, *q = b;
    if (p->x < q->x || p->x > q->x)
        return p->x < q->x ? -1 : 1;
    return p->y < q->y ? -1 : p->y > q->y;
}

static isotonic_point join(const isotonic_point *a, const isotonic_point *b) {
    const double weight = a->weight + b->weight, share = b->weight / weight;
    return (isotonic_point){a->x + (b->x - a->x) * share, a->y + (b->y - a->y) * share, weight};
}

/* A block while it grows: sums instead of means. */
static isotonic_point sums_of(const isotonic_point *p) {
    return (isotonic_point){p->x * p->weight, p->y * p->weight, p->weight};
}

static void add(isotonic_point *sums, const isotonic_point *more) {
    sums->x += more->x;
    sums->y += more->y;
    sums->weight += more->weight;
}

/* Whether the block before has no lower mean; what rounding may make of equal ones is no difference. */
static bool is_violator(const isotonic_point *before, const isotonic_point *block) {
    const double rounding = 1e-12;
    return before->y * block->weight >= block->y * before->weight * (1 - rounding);
}

size_t mlsel_i_isotonic_pool(isotonic_point *points, size_t n) {
    size_t n_blocks = 0;
    qsort(points, n, sizeof *points, compare_points);
    for (size_t i = 0; i < n;) {
        const double x = points[i].x;
        isotonic_point block = sums_of(&points[i]);
        for (i++; i < n && points[i].x <= x; i++) {
            const isotonic_point more = sums_of(&points[i]);
            add(&block, &more);
        }
        block.x = x * block.weight;
        while (n_blocks > 0 && is_violator(&points[n_blocks - 1], &block))
            add(&block, &points[--n_blocks]);
        points[n_blocks++] = block;
    }
    for (size_t i = 0; i < n_blocks; i++) {
        points[i].x /= points[i].weight;
        points[i].y /= points[i].weight;
    }
    return n_blocks;
}

size_t mlsel_i_isotonic_trim(isotonic_point *blocks, size_t n, double least) {
    size_t first = 0;
    for (; first + 1 < n && blocks[first].weight < least; first++)
        blocks[first + 1] = join(&blocks[first], &blocks[first + 1]);
    n -= first;
    memmove(blocks, blocks + first, n * sizeof *blocks);
    for (; n > 1 && blocks[n - 1].weight < least; n--)
        blocks[n - 2] = join(&blocks[n - 2], &blocks[n - 1]);
    return n;
}

static double distance_from_line(const isotonic_point *a, const isotonic_point *b, const isotonic_point *p) {
    return fabs(a->y + (b->y - a->y) * ((p->x - a->x) / (b->x - a->x)) - p->y);
}

size_t mlsel_i_isotonic_thin(isotonic_point *points, size_t n, size_t most) {
    size_t n_kept = 2;
    if (n <= most)
        return n;
    /* the weights, of no more use, mark what is kept */
    for (size_t i = 0; i < n; i++)
        points[i].weight = i == 0 || i + 1 == n ? 1 : 0;
    for (; n_kept < most; n_kept++) {
        size_t from = 0, farthest = 0;
        double most_distant = -1;
        for (size_t to = 1; to < n; to++) {
            if (points[to].weight <= 0)
                continue;
            for (size_t i = from + 1; i < to; i++) {
                const double distance = distance_from_line(&points[from], &points[to], &points[i]);
                if (distance > most_distant) {
                    most_distant = distance;
                    farthest = i;
                }
            }
            from = to;
        }
        points[farthest].weight = 1;
    }
    size_t place = 0;
    for (size_t i = 0; i < n; i++)
        if (points[i].weight > 0)
            points[place++] = points[i];
    return place;
}
