/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays that are read straight into flat memory: numbers, rows of numbers, strings.
 *
 * The size of a numeric array is measured before it is read, by counting the commas of its first row and the brackets
 * that end its rows. For an array without a defect that is exact, so it is allocated once, and nothing is copied.
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "json_parser.h"

/* Values that an array counts for, besides 1, against the limit: the size of its bookkeeping, in nodes. */
#define FLAT_COST 3

/* --- recognising ------------------------------------------------------------------------------------------------- */

static bool starts_number(char c) { return c == '-' || (c >= '0' && c <= '9') || c == 'N' || c == 'I'; }

enum json_array_kind mlsel_i_json_array_kind(const json_parser *p) {
    const char *at = json_skip_space(p->at + 1, p->end);
    if (at == p->end)
        return JSON_KIND_GENERIC;
    if (*at == '"')
        return JSON_KIND_STRINGS;
    if (starts_number(*at))
        return JSON_KIND_NUMBERS;
    if (*at != '[')
        return JSON_KIND_GENERIC;
    at = json_skip_space(at + 1, p->end);
    return at < p->end && starts_number(*at) ? JSON_KIND_ROWS : JSON_KIND_GENERIC;
}

/* Adds an entry to the document's table and counts it. */
static mlsel_status add_flat(json_parser *p, size_t *index) {
    const mlsel_status status = mlsel_i_json_count(p, FLAT_COST);
    return status != MLSEL_OK ? status : mlsel_i_json_add_flat(p->doc, index, p->err);
}

/* After an element, from p->at: moves behind the comma, or behind the bracket and sets *at_end. */
static mlsel_status next_element(json_parser *p, bool *at_end) {
    p->at = json_skip_space(p->at, p->end);
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    if (*p->at != ',' && *p->at != ']')
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_CONTAINER, "expected ',' or ']' after a value");
    *at_end = *p->at++ == ']';
    return MLSEL_OK;
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

/* A numeric array that is being read. */
typedef struct array_reader {
    json_array *array;
    size_t capacity; /* values that data has room for */
    size_t width;    /* values a row should have; SIZE_MAX while the first is read */
} array_reader;

/* Records the first defect and gives the data up: nobody can ask for it any more. */
static void note_defect(array_reader *r, enum json_defect defect, size_t row, int64_t col, size_t length) {
    json_array *a = r->array;
    if (a->defect != JSON_DEFECT_NONE)
        return;
    a->defect = defect;
    a->row = row;
    a->col = col;
    a->length = length;
    mlsel_i_free(a->data);
    a->data = NULL;
    r->capacity = 0;
}

/* The same for element `index` of row `row`, or of the array if its rank is 1. */
static void note_element(array_reader *r, enum json_defect defect, size_t row, size_t index) {
    if (r->array->rank == 1)
        note_defect(r, defect, index, -1, 0);
    else if (index < r->width) /* else the row is ragged, as its end will say */
        note_defect(r, defect, row, (int64_t)index, 0);
}

static size_t count_commas(const char *text, const char *end) {
    size_t count = 0;
    for (; text < end; text++)
        count += *text == ',';
    return count;
}

static const char *find_bracket(const char *text, const char *end) {
    const char *bracket = memchr(text, ']', (size_t)(end - text));
    return bracket != NULL ? bracket : end;
}

/*
 * Measures the array whose first row starts at `text`: *cols from that row, *rows by hopping from bracket to bracket.
 * Exact for rows of numbers. With other elements the numbers may be wrong, never their bound, and the scan may end too
 * early, but not run past the array: each bracket is looked at, and the last row of a well-formed array is followed by
 * "]" or by an element that is no row. So the time for all arrays together is linear in the text.
 */
static void measure(const char *text, const char *end, int rank, size_t *rows, size_t *cols, size_t *bound) {
    const char *at = find_bracket(text, end);
    *cols = count_commas(text, at) + 1;
    *rows = 1;
    while (rank == 2 && at < end) {
        const char *next = json_skip_space(at + 1, end);
        if (next == end || *next != ',')
            break;
        next = json_skip_space(next + 1, end);
        if (next == end || *next != '[')
            break;
        at = find_bracket(next, end);
        ++*rows;
    }
    *bound = (size_t)(at - text) / 2 + 1; /* a value and its comma are two bytes */
    if (*cols > *bound)
        *cols = *bound; /* commas without values, or in a string */
}

static mlsel_status allocate(json_parser *p, array_reader *r) {
    json_array *a = r->array;
    const char *text = p->at + 1;
    if (a->rank == 2)
        text = json_skip_space(text, p->end) + 1;
    size_t rows, cols, bound;
    measure(text, p->end, a->rank, &rows, &cols, &bound);
    const size_t stride = a->rank == 1 ? cols : json_row_stride(a->dtype, cols);
    bound = bound / cols * stride + stride; /* padding included */
    r->capacity = rows > bound / stride ? bound : rows * stride;
    a->stride = a->rank == 1 ? 1 : stride;
    a->data = mlsel_i_alloc(r->capacity, a->dtype == JSON_F32 ? sizeof(float) : sizeof(double));
    return a->data != NULL ? MLSEL_OK : mlsel_i_no_memory(p->err);
}

/* False if the value does not fit. */
static inline bool store_f32(float *data, size_t position, double value) {
    /* Half a step above FLT_MAX; from there on the nearest float would be infinite. */
    const double too_large = 0x1.ffffffp127;
    if (fabs(value) > (double)FLT_MAX) {
        if (fabs(value) >= too_large)
            return false;
        data[position] = value < 0 ? -FLT_MAX : FLT_MAX;
    } else {
        data[position] = (float)value;
    }
    return true;
}

/* Reads the number at p->at as element `index` of `row`, which starts at `position` of the data. */
static inline mlsel_status read_number(json_parser *p, array_reader *r, size_t row, size_t index, size_t position) {
    double value;
    const char *at = p->at;
    const enum json_number_status number = mlsel_i_json_number(&at, p->end, &p->locale, &value);
    if (number != JSON_NUMBER_OK) {
        p->frames[p->depth - 1].index = index;
        return mlsel_i_json_fail_number(p, at, number);
    }
    p->at = at;
    if (index >= r->width || position + index >= r->capacity)
        return MLSEL_OK;
    if (r->array->dtype == JSON_F64)
        ((double *)r->array->data)[position + index] = value;
    else if (!store_f32(r->array->data, position + index, value))
        note_element(r, JSON_DEFECT_RANGE, row, index);
    return MLSEL_OK;
}

/* Reads as many numbers of usual form from p->at on as there are, and returns how many. */
static size_t read_many(json_parser *p, array_reader *r, size_t index, size_t position) {
    const json_array *a = r->array;
    if (a->data == NULL)
        return mlsel_i_json_run(p, a->dtype, NULL, SIZE_MAX);
    if (index >= r->width || position + index >= r->capacity)
        return 0;
    const size_t room = r->capacity - position - index, left = r->width - index;
    const size_t size = a->dtype == JSON_F32 ? sizeof(float) : sizeof(double);
    return mlsel_i_json_run(p, a->dtype, (char *)a->data + (position + index) * size, room < left ? room : left);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

/* Checks the value at p->at as element `index` of the innermost array. */
static mlsel_status skip_element(json_parser *p, size_t index) {
    p->frames[p->depth - 1].index = index;
    p->is_in_flat = true; /* it was not: there are no flat arrays in elements */
    const mlsel_status status = mlsel_i_json_skip_value(p);
    p->is_in_flat = false;
    return status;
}

/* Reads numbers from behind the opening bracket to behind the closing one. */
static mlsel_status read_row(json_parser *p, array_reader *r, size_t row, size_t position, size_t *length) {
    bool at_end = false;
    size_t index = 0;
    for (; !at_end; index++) {
        p->at = json_skip_space(p->at, p->end);
        index += read_many(p, r, index, position);
        mlsel_status status;
        if (p->at < p->end && (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))) {
            status = read_number(p, r, row, index, position);
        } else {
            status = skip_element(p, index);
            note_element(r, JSON_DEFECT_MIXED, row, index);
        }
        if (status != MLSEL_OK)
            return status;
        if (p->at < p->end && *p->at == ',') {
            p->at++;
            continue;
        }
        p->frames[p->depth - 1].index = index;
        status = next_element(p, &at_end);
        if (status != MLSEL_OK)
            return status;
    }
    *length = index;
    return MLSEL_OK;
}

/* Reads the row whose bracket is at p->at. */
static mlsel_status read_inner_row(json_parser *p, array_reader *r, size_t row) {
    json_array *a = r->array;
    size_t length = 0;
    mlsel_status status = mlsel_i_json_push(p, false, NULL);
    if (status != MLSEL_OK)
        return status;
    p->at = json_skip_space(p->at + 1, p->end);
    if (p->at < p->end && *p->at == ']')
        p->at++;
    else
        status = read_row(p, r, row, row * a->stride, &length);
    if (status != MLSEL_OK)
        return status;
    p->depth--;
    if (row == 0) {
        a->cols = length;
        r->width = length;
    } else if (length != a->cols) {
        note_defect(r, JSON_DEFECT_RAGGED, row, -1, length);
    }
    if (a->stride > a->cols && a->data != NULL && (row + 1) * a->stride <= r->capacity)
        memset((float *)a->data + row * a->stride + a->cols, 0, (a->stride - a->cols) * sizeof(float));
    return MLSEL_OK;
}

/* Reads the rows from behind the opening bracket of the array to behind its closing one. */
static mlsel_status read_rows(json_parser *p, array_reader *r) {
    bool at_end = false;
    for (size_t row = 0; !at_end; row++) {
        p->frames[p->depth - 1].index = row;
        p->at = json_skip_space(p->at, p->end);
        mlsel_status status;
        if (p->at < p->end && *p->at == '[') {
            status = read_inner_row(p, r, row);
        } else {
            status = skip_element(p, row);
            note_defect(r, JSON_DEFECT_MIXED, row, -1, 0);
        }
        if (status == MLSEL_OK)
            status = next_element(p, &at_end);
        if (status != MLSEL_OK)
            return status;
        r->array->rows = row + 1;
    }
    return MLSEL_OK;
}

/* Chooses the type by the key of the innermost member, and allocates. */
static mlsel_status prepare(json_parser *p, array_reader *r) {
    if (p->is_f32 != NULL) {
        size_t size;
        const char *key = mlsel_i_json_current_key(p, &size);
        if (key == NULL)
            return mlsel_i_no_memory(p->err);
        r->array->dtype = p->is_f32(key, size) ? JSON_F32 : JSON_F64;
    }
    return allocate(p, r);
}

static mlsel_status read_array(json_parser *p, json_array *array, int rank) {
    *array = (json_array){.dtype = JSON_F64, .rank = rank, .cols = rank == 1 ? 1 : 0, .col = -1};
    array_reader reader = {array, 0, SIZE_MAX};
    mlsel_status status = p->is_skipping ? MLSEL_OK : prepare(p, &reader);
    if (status == MLSEL_OK)
        status = mlsel_i_json_push(p, false, NULL);
    if (status != MLSEL_OK)
        return status;
    p->at++;
    status = rank == 1 ? read_row(p, &reader, 0, 0, &array->rows) : read_rows(p, &reader);
    if (status != MLSEL_OK)
        return status;
    p->depth--;
    if (array->defect == JSON_DEFECT_NONE && array->rows * array->stride > reader.capacity)
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_INTERNAL, "an array was measured wrongly");
    return MLSEL_OK;
}

mlsel_status mlsel_i_json_skip_numbers(json_parser *p, enum json_array_kind kind) {
    json_array checked;
    return read_array(p, &checked, kind == JSON_KIND_ROWS ? 2 : 1);
}

/* --- strings ----------------------------------------------------------------------------------------------------- */

/* Checks the strings from behind the opening bracket to behind the closing one; their total size has the terminators.
 */
static mlsel_status check_strings(json_parser *p, json_strings *strings, size_t *total) {
    bool at_end = false;
    for (size_t index = 0; !at_end; index++) {
        p->frames[p->depth - 1].index = index;
        p->at = json_skip_space(p->at, p->end);
        mlsel_status status;
        if (p->at < p->end && *p->at == '"') {
            json_slice string;
            status = mlsel_i_json_string(p, JSON_IN_VALUE, &string);
            if (status == MLSEL_OK && strings->defect < 0) {
                strings->count++;
                *total += string.decoded_size + 1;
            }
        } else {
            if (strings->defect < 0)
                strings->defect = (int64_t)index;
            status = skip_element(p, index);
        }
        if (status == MLSEL_OK)
            status = next_element(p, &at_end);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

/* Decodes the first `count` strings, which have been checked. */
static mlsel_status decode_strings(json_parser *p, json_strings *strings) {
    size_t used = 0;
    for (size_t i = 0; i < strings->count; i++) {
        json_slice string;
        p->at = json_skip_space(p->at, p->end);
        const mlsel_status status = mlsel_i_json_string(p, JSON_IN_VALUE, &string);
        if (status != MLSEL_OK)
            return status;
        strings->offsets[i] = used;
        mlsel_i_json_decode(&string, strings->bytes + used);
        used += string.decoded_size;
        strings->bytes[used++] = '\0';
        p->at = json_skip_space(p->at, p->end) + 1;
    }
    return MLSEL_OK;
}

static mlsel_status read_strings(json_parser *p, json_strings *strings) {
    size_t total = 0;
    strings->defect = -1;
    mlsel_status status = mlsel_i_json_push(p, false, NULL);
    if (status != MLSEL_OK)
        return status;
    const char *const start = ++p->at;
    status = check_strings(p, strings, &total);
    if (status != MLSEL_OK)
        return status;
    const char *const end = p->at;
    strings->offsets = mlsel_i_alloc(strings->count, sizeof *strings->offsets);
    strings->bytes = mlsel_i_alloc(total, 1);
    if (strings->offsets == NULL || strings->bytes == NULL)
        return mlsel_i_no_memory(p->err);
    p->at = start;
    status = decode_strings(p, strings);
    p->at = end;
    p->depth--;
    return status;
}

mlsel_status mlsel_i_json_flat(json_parser *p, enum json_array_kind kind, size_t *index) {
    const mlsel_status status = add_flat(p, index);
    if (status != MLSEL_OK)
        return status;
    json_flat *flat = &p->doc->flats[*index]; /* stays: nothing inside is kept in the table */
    flat->is_strings = kind == JSON_KIND_STRINGS;
    if (flat->is_strings)
        return read_strings(p, &flat->strings);
    return read_array(p, &flat->array, kind == JSON_KIND_ROWS ? 2 : 1);
}
