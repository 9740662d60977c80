/* SPDX-License-Identifier: Apache-2.0 */
/* Where a member of a JSON text's root object is, for changing it and nothing else. */
#ifndef MLSEL_TRAIN_JSON_SPLICE_H
#define MLSEL_TRAIN_JSON_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes [begin, end) of the text are to be replaced by the member, key and value. */
typedef struct json_splice {
    size_t begin, end;
    bool needs_comma; /* before the member */
} json_splice;

/* Finds the member, from its key to the end of its value, or else the place behind the last one. The text must have
 * been checked: a complete JSON value, an object. */
json_splice mlsel_i_json_find_splice(const char *text, size_t size, const char *key);

#endif
