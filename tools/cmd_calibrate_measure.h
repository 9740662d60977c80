/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the confidences of a calibrated artifact are worth on records.
 */
#ifndef MLSEL_TOOL_CMD_CALIBRATE_MEASURE_H
#define MLSEL_TOOL_CMD_CALIBRATE_MEASURE_H

#include "mlsel_train.h"

/* Means over n records; NaN where there is none, or no confidence. */
typedef struct measure {
    uint64_t n;
    double quality;
    double confidence;
    double brier;          /* mean squared error of the confidence */
    double brier_of_share; /* that of the probability among the labels */
    double brier_of_mean;  /* that of the mean quality */
} measure;

typedef struct reliability {
    measure *labels; /* [n_labels] all records of a label's model */
    size_t n_labels;
    measure choice;          /* records of the models chosen, among those that the records have */
    mlsel_reliability *bins; /* [n_bins] of the choices, by rising confidence and of equal count */
    size_t n_bins;
} reliability;

/* Measures a calibrated model. Free what is in *out, which begins as zeros, whatever it returns. */
mlsel_status reliability_measure(const mlsel_dataset *dataset, const mlsel_model *model, reliability *out,
                                 mlsel_error *err);
void reliability_free(reliability *r);

#endif
