/* SPDX-License-Identifier: Apache-2.0 */
/* What an artifact's calibration says: from the score of a label to the probability that its answer is good. */
#ifndef MLSEL_CALIBRATION_H
#define MLSEL_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

/* As in mlsel_model_info.is_calibrated. */
enum { CALIBRATION_NONE = 0, CALIBRATION_ISOTONIC = 1, CALIBRATION_PLATT = 2 };

typedef struct calibration_view {
    const int32_t *rows; /* [n_labels] row of each label in what follows, or -1; NULL without a calibration */
    /* ISOTONIC: [n_models][n_knots], both rising */
    const double *scores;
    const double *probabilities;
    /* PLATT: [n_models] */
    const double *slopes;
    const double *intercepts;
    uint32_t n_models, n_knots;
    int32_t method;
} calibration_view;

/* Probability of a score that is no NaN; NaN if the calibration does not know the label, 0 for -INFINITY. */
double mlsel_i_calibrate(const calibration_view *calibration, uint32_t label, double score);
/* The same for all labels. out may be scores. */
void mlsel_i_calibrate_all(const calibration_view *calibration, const double *scores, uint32_t n_labels, double *out);

#endif
