/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How sure a mean is: percentiles, the bootstrap over queries, the sign-flip test, calibration, area under a curve.
 * Nothing here allocates; the same seed gives the same numbers whatever the number of threads.
 */
#ifndef MLSEL_TRAIN_STATISTICS_H
#define MLSEL_TRAIN_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel_train.h"

/* Puts numbers in rising order, NaN last; returns how many are no NaN. */
size_t mlsel_i_sort(double *values, size_t n);
/* The share-th part (0 to 1) of n sorted numbers, interpolated linearly: position share * (n - 1). NaN for none. */
double mlsel_i_percentile(const double *sorted, size_t n, double share);
/* The central interval of that confidence over what is no NaN in values[n], which is sorted in place. */
void mlsel_i_interval(double *values, size_t n, double confidence, double *low, double *high);

/* How often a bootstrap sample of n out of n draws each, into counts[n]: sample number `resample` of the seed. */
void mlsel_i_resample(uint64_t seed, uint64_t resample, double *counts, size_t n);

/*
 * Two-sided p-value of the sum of paired differences when their signs are as good as random (R. A. Fisher's
 * permutation test for pairs, 1935): exact over all signs where at most MLSEL_I_EXACT_FLIPS differences are not 0, else
 * by MLSEL_I_RANDOM_FLIPS random ones as (b + 1) / (flips + 1) (B. Phipson, G. K. Smyth, 2010). 1 if all are 0, NaN
 * for n 0. differences[n] is overwritten.
 */
enum { MLSEL_I_EXACT_FLIPS = 16, MLSEL_I_RANDOM_FLIPS = 9999 };
double mlsel_i_sign_flip_test(double *differences, size_t n, uint64_t seed, uint64_t stream);

/* A confidence and what came of it. */
typedef struct confidence_pair {
    double confidence, quality;
} confidence_pair;

/* Bins of equal count, as far as n allows, by rising confidence, into out[n_bins]; returns how many there are. Where
 * a bin ends amid equal confidences, both sides get their mean quality. pairs[n] is sorted in place, and that mean
 * written into it. */
size_t mlsel_i_reliability(confidence_pair *pairs, size_t n, mlsel_reliability *out, size_t n_bins);
/* Expected calibration error: mean of |confidence - quality| of the bins, by their counts. NaN for no bin. */
double mlsel_i_calibration_error(const mlsel_reliability *bins, size_t n_bins);
/* Mean squared difference. NaN for n 0. */
double mlsel_i_brier(const confidence_pair *pairs, size_t n);

/* A point of a curve. */
typedef struct curve_xy {
    double x, y;
} curve_xy;
/* Mean height of the polygon through the points between low and high (trapezoids); before its first point and after its
 * last one it goes on level. NaN if high is not above low or there is no point. points[n] is sorted in place. */
double mlsel_i_mean_height(curve_xy *points, size_t n, double low, double high);

#endif
