/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

#include "train.h"

/* --- order -------------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

size_t mlsel_i_sort(double *values, size_t n) {
    if (n > 1)
        qsort(values, n, sizeof *values, compare_numbers);
    while (n > 0 && isnan(values[n - 1]))
        n--;
    return n;
}

double mlsel_i_percentile(const double *sorted, size_t n, double share) {
    if (n == 0)
        return (double)NAN;
    const double position = share * (double)(n - 1);
    const size_t below = (size_t)position;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (position - (double)below) * (sorted[below + 1] - sorted[below]);
}

void mlsel_i_interval(double *values, size_t n, double confidence, double *low, double *high) {
    n = mlsel_i_sort(values, n);
    *low = mlsel_i_percentile(values, n, (1 - confidence) / 2);
    *high = mlsel_i_percentile(values, n, (1 + confidence) / 2);
}

/* --- the bootstrap ------------------------------------------------------------------------------------------------ */

enum { RESAMPLE_STREAM = 0x626f6f74, FLIP_STREAM = 0x666c6970 };

/* Streams of the two uses differ in their upper half. */
static uint64_t stream_of(uint64_t use, uint64_t number) { return use << 32 ^ number; }

void mlsel_i_resample(uint64_t seed, uint64_t resample, double *counts, size_t n) {
    random_state random;
    mlsel_i_random_seed(&random, seed, stream_of(RESAMPLE_STREAM, resample));
    for (size_t i = 0; i < n; i++)
        counts[i] = 0;
    for (size_t i = 0; i < n; i++)
        counts[mlsel_i_random_below(&random, n)]++;
}

/* --- the test ----------------------------------------------------------------------------------------------------- */

/* Random bits, 64 at a time. */
typedef struct bit_source {
    random_state random;
    uint64_t bits;
    unsigned left;
} bit_source;

static unsigned count_ones(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(x * 0x0101010101010101u >> 56);
}

/* How many of n coins show heads. */
static size_t flip_coins(bit_source *source, size_t n) {
    size_t heads = 0;
    while (n > 0) {
        if (source->left == 0) {
            source->bits = mlsel_i_random_next(&source->random);
            source->left = 64;
        }
        const unsigned take = n < source->left ? (unsigned)n : source->left;
        const uint64_t mask = take == 64 ? UINT64_MAX : ((uint64_t)1 << take) - 1;
        heads += count_ones(source->bits & mask);
        source->bits = take == 64 ? 0 : source->bits >> take;
        source->left -= take;
        n -= take;
    }
    return heads;
}

/* Sums over all 2^n signs, of which one half mirrors the other: the first sign is kept. */
static double exact_p(const double *sizes, size_t n, double limit) {
    const uint32_t last = (uint32_t)1 << (n - 1);
    uint32_t extreme = 0;
    for (uint32_t signs = 0; signs < last; signs++) {
        double sum = sizes[0];
        for (size_t i = 1; i < n; i++)
            sum += (signs >> (i - 1) & 1) != 0 ? -sizes[i] : sizes[i];
        extreme += fabs(sum) >= limit;
    }
    return (double)extreme / (double)last;
}

/* The sum of a random flip needs, of the k differences of one size, only how many are positive. */
static double random_p(const double *sizes, size_t n, double limit, bit_source *source) {
    uint32_t extreme = 0;
    for (int flip = 0; flip < MLSEL_I_RANDOM_FLIPS; flip++) {
        double sum = 0;
        for (size_t begin = 0, end; begin < n; begin = end) {
            for (end = begin + 1; end < n && !(sizes[end] > sizes[begin]); end++)
                ;
            const double heads = (double)flip_coins(source, end - begin);
            sum += sizes[begin] * (2 * heads - (double)(end - begin));
        }
        extreme += fabs(sum) >= limit;
    }
    return (extreme + 1.0) / (MLSEL_I_RANDOM_FLIPS + 1.0);
}

double mlsel_i_sign_flip_test(double *differences, size_t n, uint64_t seed, uint64_t stream) {
    double observed = 0, size = 0;
    size_t differing = 0;
    if (n == 0)
        return (double)NAN;
    for (size_t i = 0; i < n; i++) {
        observed += differences[i];
        size += fabs(differences[i]);
        if (differences[i] > 0 || differences[i] < 0)
            differences[differing++] = fabs(differences[i]);
    }
    if (differing == 0)
        return 1;
    /* sums that are equal but for rounding count as equal */
    const double limit = fabs(observed) - 1e-12 * size;
    (void)mlsel_i_sort(differences, differing);
    if (differing <= MLSEL_I_EXACT_FLIPS)
        return exact_p(differences, differing, limit);
    bit_source source = {.left = 0};
    mlsel_i_random_seed(&source.random, seed, stream_of(FLIP_STREAM, stream));
    return random_p(differences, differing, limit, &source);
}

/* --- calibration -------------------------------------------------------------------------------------------------- */

static int compare_pairs(const void *left, const void *right) {
    const confidence_pair *a = left, *b = right;
    const int order = (a->confidence > b->confidence) - (a->confidence < b->confidence);
    return order != 0 ? order : (a->quality > b->quality) - (a->quality < b->quality);
}

/* What has the same confidence gets its mean quality: which of it falls into which bin must not matter. */
static void share_ties(confidence_pair *pairs, size_t n) {
    for (size_t begin = 0, end; begin < n; begin = end) {
        double sum = 0;
        for (end = begin; end < n && !(pairs[end].confidence > pairs[begin].confidence); end++)
            sum += pairs[end].quality;
        for (size_t i = begin; i < end; i++)
            pairs[i].quality = sum / (double)(end - begin);
    }
}

size_t mlsel_i_reliability(confidence_pair *pairs, size_t n, mlsel_reliability *out, size_t n_bins) {
    if (n < n_bins)
        n_bins = n;
    if (n > 1)
        qsort(pairs, n, sizeof *pairs, compare_pairs);
    share_ties(pairs, n);
    for (size_t bin = 0; bin < n_bins; bin++) {
        const size_t begin = bin * n / n_bins, end = (bin + 1) * n / n_bins;
        double confidence = 0, quality = 0;
        for (size_t i = begin; i < end; i++) {
            confidence += pairs[i].confidence;
            quality += pairs[i].quality;
        }
        const double count = (double)(end - begin);
        out[bin] = (mlsel_reliability){.confidence = confidence / count, .quality = quality / count, .n = end - begin};
    }
    return n_bins;
}

double mlsel_i_calibration_error(const mlsel_reliability *bins, size_t n_bins) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < n_bins; i++) {
        sum += (double)bins[i].n * fabs(bins[i].confidence - bins[i].quality);
        n += (double)bins[i].n;
    }
    return n > 0 ? sum / n : (double)NAN;
}

double mlsel_i_brier(const confidence_pair *pairs, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (pairs[i].confidence - pairs[i].quality) * (pairs[i].confidence - pairs[i].quality);
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* --- area --------------------------------------------------------------------------------------------------------- */

static int compare_points(const void *left, const void *right) {
    const curve_xy *a = left, *b = right;
    const int order = (a->x > b->x) - (a->x < b->x);
    return order != 0 ? order : (a->y > b->y) - (a->y < b->y);
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Area under the line from a to b where it is between low and high. */
static double strip(curve_xy a, curve_xy b, double low, double high) {
    const double begin = clamp(a.x, low, high), end = clamp(b.x, low, high);
    if (!(end > begin))
        return 0;
    const double slope = (b.y - a.y) / (b.x - a.x);
    return (end - begin) * (a.y + slope * ((begin + end) / 2 - a.x));
}

double mlsel_i_mean_height(curve_xy *points, size_t n, double low, double high) {
    if (n == 0 || !(high > low))
        return (double)NAN;
    qsort(points, n, sizeof *points, compare_points);
    const curve_xy first = points[0], last = points[n - 1];
    double area = (clamp(first.x, low, high) - low) * first.y + (high - clamp(last.x, low, high)) * last.y;
    for (size_t i = 0; i + 1 < n; i++)
        area += strip(points[i], points[i + 1], low, high);
    return area / (high - low);
}
