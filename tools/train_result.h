/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `mlsel train` has to show for itself.
 */
#ifndef MLSEL_TOOL_TRAIN_RESULT_H
#define MLSEL_TOOL_TRAIN_RESULT_H

#include "mlsel_train.h"
#include "tool.h"

typedef struct train_result {
    mlsel_training_info info;
    mlsel_model *model; /* with --holdout, else NULL */
    char *path;
    char *container; /* or NULL */
} train_result;

/* One row for each artifact. has_device: it says where each was trained. */
void train_print_table(const train_result *results, size_t count, bool has_device);
/* One object, with what the dataset held. */
void train_print_json(const train_result *results, size_t count, const mlsel_dataset *dataset);

/*
 * Lets the selectors choose for records that were held out, and prints what came of it as `mlsel evaluate` does, after
 * a page with plots at `report` unless that is NULL. On failure false, and `problem` is set.
 */
bool train_print_holdout(const train_result *results, size_t count, const mlsel_dataset *trained_on,
                         const mlsel_dataset *held_out, const mlsel_train_options *options, const char *report,
                         bool json, failure *problem);

#endif
