/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading an artifact from any path a shell can give: a file, a pipe, standard input.
 */
#ifndef MLSEL_TOOL_MODEL_FILE_H
#define MLSEL_TOOL_MODEL_FILE_H

#include "tool.h"

/* NULL after a failure, which `problem` then describes. "-" is standard input. */
mlsel_model *model_file_load(const char *path, const mlsel_model_options *options, failure *problem);

/* A model's info; it cannot fail for a model that was loaded. */
void model_file_info(const mlsel_model *model, mlsel_model_info *info);

/* Names for the messages of a model's load options. */
const char *model_file_algorithm_text(mlsel_algorithm algorithm);
const char *model_file_layout_name(mlsel_category_layout layout);
const char *model_file_rule_name(mlsel_knn_rule rule);
/* Of mlsel_model_info.is_calibrated. */
const char *model_file_calibration_name(int32_t calibration);

/* Labels as "a, b, c", as many as fit. Returns out. */
const char *model_file_label_list(const mlsel_model *model, char *out, size_t size);

#endif
