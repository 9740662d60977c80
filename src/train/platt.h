/* SPDX-License-Identifier: Apache-2.0 */
/* Platt scaling: the logistic curve that is most likely. */
#ifndef MLSEL_TRAIN_PLATT_H
#define MLSEL_TRAIN_PLATT_H

#include <stddef.h>

typedef struct platt_curve {
    double slope, intercept; /* p = 1 / (1 + exp(-(slope * score + intercept))), slope >= 0 */
} platt_curve;

/*
 * Fits the curve to qualities from 0 to 1, drawn towards their mean as in J. Platt, Probabilistic Outputs for Support
 * Vector Machines, 1999: as if there were one record more of either outcome. n is at least 1. Where a higher score does
 * not promise more, the slope is 0.
 */
platt_curve mlsel_i_platt_fit(const double *scores, const double *qualities, size_t n);

#endif
