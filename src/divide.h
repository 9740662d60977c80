/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_DIVIDE_H
#define MLSEL_DIVIDE_H

#include "model.h"

/* Runs one KNN query on the model's team, each thread over its part of the vectors. `call` says what would be run
 * otherwise. */
mlsel_status mlsel_i_run_divided(const mlsel_model *model, const mlsel_backend_run *call, mlsel_error *err);

#endif
