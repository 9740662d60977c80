/* SPDX-License-Identifier: Apache-2.0 */
/* What libyaml says, in words that name the cause. */
#ifndef MLSEL_CONFIG_YAML_ERROR_H
#define MLSEL_CONFIG_YAML_ERROR_H

#include <yaml.h>

#include "config/yaml.h"

/* Adds the finding for a parser that failed with anything but YAML_MEMORY_ERROR. */
void mlsel_i_yaml_report(const yaml_parser_t *parser, const line_index *lines, config_diagnostics *list);

#endif
