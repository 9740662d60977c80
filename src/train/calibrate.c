/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to probabilities of success. */
#include "train.h"

mlsel_status mlsel_i_calibration_fit(mlsel_calibration method, const double *scores, const double *quality,
                                     size_t n_queries, size_t n_models, calibration_map **out, mlsel_error *err) {
    (void)method, (void)scores, (void)quality, (void)n_queries, (void)n_models, (void)err;
    *out = NULL;
    return MLSEL_OK;
}

void mlsel_i_calibration_free(calibration_map *map) { mlsel_i_free(map); }

void mlsel_i_calibration_write(const calibration_map *map, const char *const *models, json_writer *w) {
    (void)map, (void)models, (void)w;
}
