/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_COLLECT_JSON_TREE_H
#define MLSEL_COLLECT_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

/* cJSON's tree of a text, which is one value and nothing behind it; to be given to cJSON_Delete. NULL: it is no JSON,
 * or there is no memory, which cJSON does not tell apart: *lacks_memory does. */
cJSON *mlsel_i_json_tree(const char *text, size_t size, bool *lacks_memory);

#endif
