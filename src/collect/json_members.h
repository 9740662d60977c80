/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a JSON object as they are written, to be carried on byte for byte. */
#ifndef MLSEL_COLLECT_JSON_MEMBERS_H
#define MLSEL_COLLECT_JSON_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct json_member {
    const char *text; /* key, colon and value */
    size_t size;
    const char *key; /* between its quotes; escapes are not decoded */
    size_t key_size;
    const char *value;
    size_t value_size;
} json_member;

/* The next member of an object that is known to be valid JSON (but for NaN and the like as values). *at starts NULL.
 * False: there is none. */
bool mlsel_i_members_next(const char *object, size_t size, const char **at, json_member *member);

#endif
