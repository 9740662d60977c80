/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TEST_FAULT_LIBRARY_H
#define MLSEL_TEST_FAULT_LIBRARY_H

#include "scenario.h"

extern const scenario model_scenarios[], answer_scenarios[], router_scenarios[], device_scenarios[];
extern const size_t n_model_scenarios, n_answer_scenarios, n_router_scenarios, n_device_scenarios;

/* A model in memory that mlsel_model_release frees. */
static inline mlsel_model *fault_load(const char *path, const mlsel_model_options *options) {
    mlsel_model *model = NULL;
    mlsel_error err;
    if (mlsel_model_load(path, options, &model, &err) != MLSEL_OK)
        scenario_fail("%s", err.message);
    return model;
}

#endif
