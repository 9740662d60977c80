/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to standard output, written as it comes: one value a line, no blanks to save room, valid UTF-8 whatever comes
 * in.
 */
#ifndef MLSEL_TOOL_JSON_OUT_H
#define MLSEL_TOOL_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct json_out {
    bool comma; /* whether the next value needs one before it */
} json_out;

/* '{', '}', '[' or ']'. */
void json_open(json_out *j, char bracket);
void json_close(json_out *j, char bracket);
void json_key(json_out *j, const char *key);
void json_string(json_out *j, const char *text); /* NULL writes null */
void json_number(json_out *j, double value);     /* the fewest digits that give the value back; infinite: null */
void json_integer(json_out *j, int64_t value);
void json_unsigned(json_out *j, uint64_t value);
void json_bool(json_out *j, bool value);
/* A key with its value. */
void json_pair_number(json_out *j, const char *key, double value);
void json_pair_unsigned(json_out *j, const char *key, uint64_t value);
void json_null(json_out *j);
/* Text that is a JSON value already. */
void json_raw(json_out *j, const char *text);
/* Ends the line after a complete value. */
void json_end_line(json_out *j);

#endif
