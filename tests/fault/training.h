/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TEST_FAULT_TRAINING_H
#define MLSEL_TEST_FAULT_TRAINING_H

#include "mlsel_train.h"
#include "scenario.h"

extern const scenario dataset_scenarios[], cache_scenarios[], trainer_scenarios[];
extern const size_t n_dataset_scenarios, n_cache_scenarios, n_trainer_scenarios;

#endif
