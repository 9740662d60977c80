/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets: queries, models and rows, in memory. */
#include "dataset.h"

mlsel_status mlsel_dataset_create(mlsel_dataset **out, mlsel_error *err) {
    if (out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "out must not be NULL");
    mlsel_dataset *dataset = mlsel_i_calloc(1, sizeof *dataset);
    if (dataset == NULL)
        return mlsel_i_no_memory(err);
    *out = dataset;
    return mlsel_i_ok(err);
}
