/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the JSON reader share: json.c (values and the tree), json_array.c (flat arrays), json_string.c
 * (strings and keys), json_error.c (places and messages).
 */
#ifndef MLSEL_JSON_PARSER_H
#define MLSEL_JSON_PARSER_H

#include "internal.h"
#include "json.h"
#include "json_number.h"

/* A string as written, without its quotes. Escapes make the decoded form shorter, so equal sizes mean there are none.
 */
typedef struct json_slice {
    const char *text;
    size_t size;
    size_t decoded_size;
} json_slice;

/* An array or object that is being read. */
typedef struct json_frame {
    cJSON *node; /* NULL if not kept */
    bool is_object;
    json_slice key;   /* object: of the current member */
    size_t first_key; /* object: where its keys start in json_parser.keys */
    size_t index;     /* array: of the current element */
} json_frame;

/* What a node of type cJSON_Raw stands for. */
typedef struct json_flat {
    bool is_strings;
    union {
        json_array array;
        json_strings strings;
    };
} json_flat;

struct json_document {
    cJSON *root;
    json_flat *flats;
    size_t n_flats;
    size_t flats_capacity;
};

typedef struct json_parser {
    const char *text;
    const char *at;
    const char *end;
    bool (*is_f32)(const char *key, size_t key_size);
    bool (*is_unwanted)(const char *key, size_t key_size); /* may be NULL */
    mlsel_error *err;
    json_document *doc;
    json_frame *frames; /* from the root inwards */
    size_t depth;
    size_t frames_capacity;
    size_t max_depth;
    json_slice *keys; /* of all open objects, to find duplicates */
    size_t n_keys;
    size_t keys_capacity;
    char *scratch;
    size_t scratch_capacity;
    size_t max_values;
    size_t n_values;
    void *locale;
    bool is_skipping; /* check, keep nothing */
    bool is_in_flat;  /* the value is in an element of a flat array */
} json_parser;

enum json_place {
    JSON_IN_CONTAINER, /* the innermost open array or object */
    JSON_IN_VALUE      /* its current member or element */
};

static inline bool json_is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static inline const char *json_skip_space(const char *at, const char *end) {
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

/* --- json.c ------------------------------------------------------------------------------------------------------ */

/* A new, zeroed entry of the document's table. */
mlsel_status mlsel_i_json_add_flat(json_document *doc, size_t *index, mlsel_error *err);
/* The node that stands for an entry of the table; NULL if there is no memory. */
cJSON *mlsel_i_json_flat_node(size_t index);
/* Opens an array or object at p->at, which stays. */
mlsel_status mlsel_i_json_push(json_parser *p, bool is_object, cJSON *node);
/* Counts `cost` values against the limit. */
mlsel_status mlsel_i_json_count(json_parser *p, size_t cost);
/* Checks the value at p->at, which is behind white space, and moves behind it; nothing of it is kept. */
mlsel_status mlsel_i_json_skip_value(json_parser *p);
/* Key of the innermost member, decoded and not terminated; NULL if there is no memory. "" outside of objects. */
const char *mlsel_i_json_current_key(json_parser *p, size_t *size);

/* --- json_array.c ------------------------------------------------------------------------------------------------ */

enum json_array_kind { JSON_KIND_GENERIC, JSON_KIND_NUMBERS, JSON_KIND_ROWS, JSON_KIND_STRINGS };

/* What the array that starts at p->at will become. */
enum json_array_kind mlsel_i_json_array_kind(const json_parser *p);
/* Reads the array at p->at, of a kind that is not generic, into a new entry of the document's table. */
mlsel_status mlsel_i_json_flat(json_parser *p, enum json_array_kind kind, size_t *index);
/* Checks the array at p->at, of numbers or rows, and moves behind it. */
mlsel_status mlsel_i_json_skip_numbers(json_parser *p, enum json_array_kind kind);

/* --- json_run.c -------------------------------------------------------------------------------------------------- */

/*
 * Reads up to `max` elements of an array from p->at on as long as they have the form -d.ddd, and leaves p->at at the
 * first that has not. Returns how many they are. They go to `out` if it is not NULL.
 */
size_t mlsel_i_json_run(json_parser *p, enum json_dtype dtype, void *out, size_t max);

/* --- json_string.c ----------------------------------------------------------------------------------------------- */

/* Checks the string whose opening quote is at p->at and moves behind it. */
mlsel_status mlsel_i_json_string(json_parser *p, enum json_place place, json_slice *out);
/* Writes the decoded_size bytes of a checked string to out. */
void mlsel_i_json_decode(const json_slice *string, char *out);
/* The same with a terminator, in p->scratch; NULL if there is no memory. */
const char *mlsel_i_json_decode_scratch(json_parser *p, const json_slice *string);
/* Adds the current key of the innermost object to p->keys, and refuses a duplicate while there are few. */
mlsel_status mlsel_i_json_add_key(json_parser *p);
/* Refuses duplicates among the keys of the innermost object, which has ended, and removes them from p->keys. */
mlsel_status mlsel_i_json_end_keys(json_parser *p);

/* --- json_error.c ------------------------------------------------------------------------------------------------ */

/* PARSE "byte N: WHAT, in PATH". */
mlsel_status mlsel_i_json_fail_at(const json_parser *p, const char *at, enum json_place place, const char *what);
/* PARSE: the text ends too early. */
mlsel_status mlsel_i_json_fail_end(const json_parser *p, enum json_place place);
/* "PATH: ..." with the path of the current value. */
mlsel_status mlsel_i_json_fail_value(const json_parser *p, mlsel_status code, const char *format, ...)
    MLSEL_PRINTF(3, 4);
/* What is wrong with the number at p->at, for which mlsel_i_json_number returned status and stopped at `stop`. */
mlsel_status mlsel_i_json_fail_number(const json_parser *p, const char *stop, enum json_number_status status);
/* What is wrong where a value should start, at p->at. */
mlsel_status mlsel_i_json_fail_no_value(const json_parser *p);

#endif
