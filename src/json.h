/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON (RFC 8259) into cJSON nodes, except that the big things go straight into flat arrays:
 *   - an array of numbers, or of arrays of numbers, becomes one json_array (rank 1 or 2);
 *   - an array whose first element is a string becomes one json_strings.
 * In the tree such an array is a node of type cJSON_Raw; mlsel_i_json_array and mlsel_i_json_strings find its data.
 *
 * Checked here, for the whole text: grammar, UTF-8, \u escapes (lone surrogates and NUL refused), duplicate keys,
 * nesting, trailing bytes, numbers that overflow double, and Python's bare NaN and Infinity, which get a message of
 * their own. Not errors here, because an unknown key may hold anything: ragged rows, mixed arrays and values that do
 * not fit float32. They are recorded as the array's defect and become an error when an artifact rule asks for the
 * array.
 */
#ifndef MLSEL_JSON_H
#define MLSEL_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

enum json_dtype {
    JSON_F64,
    JSON_F32,
    JSON_I64, /* this and the following come from containers only */
    JSON_I32,
    JSON_I8
};

enum json_defect {
    JSON_DEFECT_NONE,
    JSON_DEFECT_RAGGED, /* rank 2: row `row` has `length` values, row 0 had `cols` */
    JSON_DEFECT_MIXED,  /* an element that is no number (rank 1: [row]; rank 2: [row], or [row][col] with col >= 0) */
    JSON_DEFECT_RANGE   /* JSON_F32 only: a value beyond FLT_MAX at [row] (rank 1) or [row][col] */
};

/* Values from one row of a rank 2 array to the next. Wide float32 rows are padded so that each is aligned; in narrow
 * ones the padding would outweigh the values. */
static inline size_t json_row_stride(enum json_dtype dtype, size_t cols) {
    const size_t step = 16;
    return dtype == JSON_F32 && cols >= 4 * step ? (cols + step - 1) / step * step : cols;
}

/* After a defect the rest of the array is checked for grammar but not stored, and data is NULL. */
typedef struct json_array {
    enum json_dtype dtype;
    int rank;       /* 1 or 2 */
    size_t rows;    /* rank 1: number of values */
    size_t cols;    /* rank 1: 1 */
    size_t stride;  /* values from one row to the next: cols, or more in wide float32 rows, which start at multiples of
                       64 bytes; what is between is 0 */
    void *data;     /* rows * stride values, 64-byte aligned, owned by the document until taken */
    bool is_tensor; /* data is that of a container instead: constant, not owned, aligned to its values only */
    enum json_defect defect;
    size_t row;    /* where the first defect is */
    int64_t col;   /* -1: the row itself */
    size_t length; /* RAGGED: values in that row */
} json_array;

/* `count` strings; string i is bytes + offsets[i], zero-terminated. A non-string element is a defect: count stays, and
 * `defect` is its index (else -1). */
typedef struct json_strings {
    size_t count;
    int64_t defect;
    size_t *offsets;
    char *bytes;
} json_strings;

typedef struct json_document json_document;

typedef struct json_limits {
    size_t max_depth; /* nested arrays and objects; 0: 64 */
} json_limits;

/*
 * Reads size bytes of text. is_f32 says which arrays are held as float32: it gets the key of the nearest enclosing
 * object member (not terminated, key_size bytes).
 * Errors: PARSE (detail = byte offset), SCHEMA (duplicate key, not finite, NaN token), LIMIT (depth, too many values),
 * NO_MEMORY. Messages carry the place as a path, as in "$.embeddings[12][3]: NaN is not a number JSON allows".
 */
mlsel_status mlsel_i_json_parse(const char *text, size_t size, const json_limits *limits,
                                bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                mlsel_error *err);
/* The same, but members of the root object whose key is_unwanted accepts are checked and not kept: the tree lacks them.
 */
mlsel_status mlsel_i_json_parse_without(const char *text, size_t size,
                                        bool (*is_unwanted)(const char *key, size_t key_size),
                                        bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                        mlsel_error *err);
void mlsel_i_json_free(json_document *doc);

/* Adds an array as a new member at a place like "layers.0.weight". SCHEMA: the tree has no such object, or has the
 * member already. */
mlsel_status mlsel_i_json_graft(json_document *doc, const char *path, const json_array *array, mlsel_error *err);

const cJSON *mlsel_i_json_root(const json_document *doc);

/* The flat array or strings behind a node, or NULL if the node is something else. */
json_array *mlsel_i_json_array(const json_document *doc, const cJSON *node);
json_strings *mlsel_i_json_strings(const json_document *doc, const cJSON *node);

#endif
