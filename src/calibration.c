/* SPDX-License-Identifier: Apache-2.0 */
#include "calibration.h"

#include <math.h>

/* Number of knots that are at most score: of equal ones all, so that the last one counts. */
static uint32_t knots_up_to(const double *knots, uint32_t n, double score) {
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (knots[middle] <= score)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double between_knots(const double *x, const double *p, uint32_t n, double score) {
    const uint32_t passed = knots_up_to(x, n, score);
    if (passed == 0)
        return p[0];
    if (passed == n)
        return p[n - 1];
    const uint32_t i = passed - 1;
    const double value = p[i] + (p[passed] - p[i]) * ((score - x[i]) / (x[passed] - x[i]));
    return value < p[passed] ? value : p[passed]; /* rounding must not make it fall at the knot */
}

/* exp is taken of nothing above 0, so that it never overflows */
static double logistic(double z) {
    const double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

double mlsel_i_calibrate(const calibration_view *calibration, uint32_t label, double score) {
    const int32_t row = calibration->rows == NULL ? -1 : calibration->rows[label];
    if (row < 0)
        return (double)NAN;
    if (isinf(score) && score < 0)
        return 0;
    if (calibration->method == CALIBRATION_PLATT)
        return logistic(calibration->slopes[row] * score + calibration->intercepts[row]);
    const size_t first = (size_t)row * calibration->n_knots;
    return between_knots(calibration->scores + first, calibration->probabilities + first, calibration->n_knots, score);
}

void mlsel_i_calibrate_all(const calibration_view *calibration, const double *scores, uint32_t n_labels, double *out) {
    for (uint32_t i = 0; i < n_labels; i++)
        out[i] = mlsel_i_calibrate(calibration, i, scores[i]);
}
