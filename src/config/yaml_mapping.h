/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a mapping: duplicates and merges. */
#ifndef MLSEL_CONFIG_YAML_MAPPING_H
#define MLSEL_CONFIG_YAML_MAPPING_H

#include "config/yaml.h"

/* Reports duplicate keys and drops the later ones; replaces `<<` by the pairs of the mappings it names, of which the
 * mapping's own and then those of the earlier mapping win. False: out of memory. */
bool mlsel_i_yaml_merge(yaml_node *mapping, config_arena *arena, config_diagnostics *list);

#endif
