/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact_read.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const cJSON *mlsel_i_member(json_place place, const char *key) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(place.object, key);
    return cJSON_IsNull(member) ? NULL : member;
}

void mlsel_i_path_index(char *out, size_t size, const char *path, const char *key, size_t index) {
    snprintf(out, size, "%s.%s[%zu]", path, key, index);
}

static mlsel_status missing(const artifact_reader *in, json_place place, const char *key) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s is missing", place.path, key);
}

/* Finds a member; *member is NULL if it is optional and not there. */
static mlsel_status find(const artifact_reader *in, json_place place, const char *key, int required,
                         const cJSON **member) {
    *member = mlsel_i_member(place, key);
    return *member == NULL && required == READ_REQUIRED ? missing(in, place, key) : MLSEL_OK;
}

mlsel_status mlsel_i_read_real(const artifact_reader *in, json_place place, const char *key, int required,
                               double *out) {
    const cJSON *member;
    const mlsel_status status = find(in, place, key, required, &member);
    if (status != MLSEL_OK || member == NULL)
        return status;
    if (!cJSON_IsNumber(member))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be a number", place.path, key);
    if (!(fabs(member->valuedouble) <= FLT_MAX))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s is beyond the range of float32", place.path, key);
    *out = member->valuedouble;
    return MLSEL_OK;
}

mlsel_status mlsel_i_read_count(const artifact_reader *in, json_place place, const char *key, int required,
                                uint32_t min, uint32_t *out) {
    double value = -1;
    const cJSON *member = mlsel_i_member(place, key);
    const mlsel_status status = mlsel_i_read_real(in, place, key, required, &value);
    if (status != MLSEL_OK || member == NULL)
        return status;
    if (!(value >= min && value <= INT32_MAX) || value != floor(value)) {
        const bool is_large = value > INT32_MAX;
        char text[32];
        mlsel_i_format_double(text, sizeof text, value);
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %s, expected a whole number of at %s %u", place.path,
                            key, text, is_large ? "most" : "least", is_large ? INT32_MAX : (unsigned)min);
    }
    *out = (uint32_t)value;
    return MLSEL_OK;
}

mlsel_status mlsel_i_check_count(const artifact_reader *in, json_place place, const char *key, size_t expected,
                                 const char *what) {
    uint32_t value = 0;
    const cJSON *member = mlsel_i_member(place, key);
    const mlsel_status status = mlsel_i_read_count(in, place, key, READ_OPTIONAL, 0, &value);
    if (status != MLSEL_OK || member == NULL || value == expected)
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %u, expected %zu as in %s", place.path, key,
                        (unsigned)value, expected, what);
}

mlsel_status mlsel_i_read_string(const artifact_reader *in, json_place place, const char *key, int required,
                                 const char **out) {
    const cJSON *member;
    const mlsel_status status = find(in, place, key, required, &member);
    if (status != MLSEL_OK || member == NULL)
        return status;
    if (!cJSON_IsString(member))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be a string", place.path, key);
    *out = member->valuestring;
    return MLSEL_OK;
}

/* Turns a recorded defect of an array into the error it is once a rule wants the array. */
static mlsel_status check_defect(const artifact_reader *in, json_place place, const char *key,
                                 const json_array *array) {
    char at[48];
    if (array->col >= 0)
        snprintf(at, sizeof at, "[%zu][%lld]", array->row, (long long)array->col);
    else
        snprintf(at, sizeof at, "[%zu]", array->row);
    switch (array->defect) {
    case JSON_DEFECT_NONE:
        return MLSEL_OK;
    case JSON_DEFECT_RAGGED:
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s%s: %zu values, expected %zu as in the first row",
                            place.path, key, at, array->length, array->cols);
    case JSON_DEFECT_RANGE:
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s%s is beyond the range of float32", place.path, key, at);
    case JSON_DEFECT_MIXED:
        break;
    }
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s%s must be %s", place.path, key, at,
                        array->rank == 2 && array->col < 0 ? "a list of numbers" : "a number");
}

/* Values kept in double obey the range of float32 too: then no score can overflow, whatever the query. */
static mlsel_status check_range(const artifact_reader *in, json_place place, const char *key, json_array *array) {
    if (array->dtype != JSON_F64)
        return MLSEL_OK;
    const double *values = array->data;
    for (size_t i = 0; i < array->rows * array->cols; i++)
        if (!(fabs(values[i]) <= FLT_MAX)) {
            array->defect = JSON_DEFECT_RANGE;
            array->row = i / array->cols;
            array->col = array->rank == 2 ? (int64_t)(i % array->cols) : -1;
            return check_defect(in, place, key, array);
        }
    return MLSEL_OK;
}

static bool is_empty_list(const cJSON *node) { return cJSON_IsArray(node) && node->child == NULL; }

static mlsel_status wrong_length(const artifact_reader *in, json_place place, const char *key, size_t length,
                                 size_t expected) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %zu values, expected %zu", place.path, key, length,
                        expected);
}

/* Finds the array behind a member; *array is NULL for an empty list, *member NULL for an optional one that is missing.
 */
static mlsel_status find_array(const artifact_reader *in, json_place place, const char *key, int required, int rank,
                               const cJSON **member, json_array **array) {
    *array = NULL;
    const mlsel_status status = find(in, place, key, required, member);
    if (status != MLSEL_OK || *member == NULL || is_empty_list(*member))
        return status;
    *array = mlsel_i_json_array(in->doc, *member);
    if (*array == NULL || (*array)->rank != rank)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be a list of %s", place.path, key,
                            rank == 1 ? "numbers" : "rows of numbers");
    const mlsel_status sound = check_defect(in, place, key, *array);
    return sound != MLSEL_OK ? sound : check_range(in, place, key, *array);
}

static mlsel_status find_vector(const artifact_reader *in, json_place place, const char *key, int required,
                                size_t count, const cJSON **member, json_array **array) {
    const mlsel_status status = find_array(in, place, key, required, 1, member, array);
    if (status != MLSEL_OK || *member == NULL)
        return status;
    const size_t length = *array == NULL ? 0 : (*array)->rows;
    return count == ANY_COUNT || length == count ? MLSEL_OK : wrong_length(in, place, key, length, count);
}

static mlsel_status find_matrix(const artifact_reader *in, json_place place, const char *key, int required, size_t rows,
                                size_t cols, const cJSON **member, json_array **array) {
    const mlsel_status status = find_array(in, place, key, required, 2, member, array);
    if (status != MLSEL_OK || *member == NULL)
        return status;
    const size_t n_rows = *array == NULL ? 0 : (*array)->rows;
    if (rows != ANY_COUNT && n_rows != rows)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %zu rows, expected %zu", place.path, key, n_rows,
                            rows);
    if (cols != ANY_COUNT && *array != NULL && (*array)->cols != cols)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s[0]: %zu values, expected %zu", place.path, key,
                            (*array)->cols, cols);
    return MLSEL_OK;
}

mlsel_status mlsel_i_read_vector(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t count, json_array *out) {
    const cJSON *member;
    json_array *array;
    *out = (json_array){0};
    const mlsel_status status = find_vector(in, place, key, required, count, &member, &array);
    if (status == MLSEL_OK && array != NULL)
        *out = *array;
    return status;
}

mlsel_status mlsel_i_read_matrix(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t rows, size_t cols, json_array *out) {
    const cJSON *member;
    json_array *array;
    *out = (json_array){0};
    const mlsel_status status = find_matrix(in, place, key, required, rows, cols, &member, &array);
    if (status == MLSEL_OK && array != NULL)
        *out = *array;
    return status;
}

/* "layers.0.weight" for "$.layers[0]" and "weight" */
static void tensor_name(char *out, size_t size, json_place place, const char *key) {
    size_t used = 0;
    for (const char *c = place.path; *c != '\0' && used + 1 < size; c++)
        if (*c == '[')
            out[used++] = '.';
        else if (*c != '$' && *c != ']' && !(used == 0 && *c == '.'))
            out[used++] = *c;
    (void)snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", key);
}

mlsel_status mlsel_i_record_tensor(const artifact_reader *in, json_place place, const char *key,
                                   const json_array *array) {
    mlsel_artifact *artifact = in->artifact;
    if (artifact->n_tensors == artifact->tensors_capacity) {
        const size_t capacity = artifact->tensors_capacity == 0 ? 16 : 2 * artifact->tensors_capacity;
        artifact_tensor *tensors =
            mlsel_i_resize(artifact->tensors, artifact->n_tensors, capacity, sizeof *artifact->tensors);
        if (tensors == NULL)
            return mlsel_i_no_memory(in->err);
        artifact->tensors = tensors;
        artifact->tensors_capacity = capacity;
    }
    artifact_tensor *tensor = &artifact->tensors[artifact->n_tensors++];
    tensor->array = *array;
    tensor_name(tensor->name, sizeof tensor->name, place, key);
    return MLSEL_OK;
}

mlsel_status mlsel_i_check_float32(const json_array *array, const char *name, mlsel_error *err) {
    const uint32_t exponent = 0x7f800000; /* all its bits are set in infinities and NaN */
    for (size_t r = 0; r < array->rows; r++) {
        const float *row = (const float *)array->data + r * array->stride;
        uint32_t bad = 0;
        for (size_t c = 0; c < array->cols; c++) { /* no branch, so that compilers vectorise it */
            uint32_t bits;
            memcpy(&bits, &row[c], sizeof bits);
            bad |= (uint32_t)((bits & exponent) == exponent);
        }
        for (size_t c = array->cols; c < array->stride; c++)
            bad |= (uint32_t) !(fabsf(row[c]) <= 0) << 1;
        if ((bad & 1) != 0)
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: a value of row %zu is not a finite number", name, r);
        if (bad != 0)
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: row %zu is not 0 beyond its %zu columns", name, r,
                                array->cols);
    }
    return MLSEL_OK;
}

/* Moves an array's data from the document to the artifact; a container's stays where it is. */
static mlsel_status take(const artifact_reader *in, json_array *array, json_array *out) {
    *out = *array;
    in->artifact->n_parameters += (uint64_t)out->rows * out->cols;
    if (array->is_tensor)
        return MLSEL_OK;
    array->data = NULL;
    const size_t size = out->dtype == JSON_F32 ? sizeof(float) : sizeof(double);
    return mlsel_i_artifact_own(in->artifact, out->data, out->rows * out->stride * size, true, in->err);
}

static mlsel_status take_and_record(const artifact_reader *in, json_place place, const char *key, json_array *array,
                                    json_array *out) {
    char name[64];
    if (array == NULL)
        return MLSEL_OK;
    mlsel_status status = take(in, array, out);
    if (status == MLSEL_OK && out->is_tensor && out->dtype == JSON_F32) {
        tensor_name(name, sizeof name, place, key);
        status = mlsel_i_check_float32(out, name, in->err);
    }
    return status == MLSEL_OK ? mlsel_i_record_tensor(in, place, key, out) : status;
}

mlsel_status mlsel_i_take_vector(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t count, json_array *out) {
    const cJSON *member;
    json_array *array;
    *out = (json_array){0};
    const mlsel_status status = find_vector(in, place, key, required, count, &member, &array);
    return status != MLSEL_OK ? status : take_and_record(in, place, key, array, out);
}

mlsel_status mlsel_i_take_matrix(const artifact_reader *in, json_place place, const char *key, int required,
                                 size_t rows, size_t cols, json_array *out) {
    const cJSON *member;
    json_array *array;
    *out = (json_array){0};
    const mlsel_status status = find_matrix(in, place, key, required, rows, cols, &member, &array);
    return status != MLSEL_OK ? status : take_and_record(in, place, key, array, out);
}

mlsel_status mlsel_i_take_rows(const artifact_reader *in, json_place place, const char *key, json_array *out) {
    const cJSON *member;
    json_array *array;
    *out = (json_array){0};
    const mlsel_status status = find_matrix(in, place, key, READ_REQUIRED, ANY_COUNT, ANY_COUNT, &member, &array);
    return status != MLSEL_OK || array == NULL ? status : take(in, array, out);
}

const json_array *mlsel_i_find_tensor(const artifact_reader *in, json_place place, const char *key) {
    const json_array *array = mlsel_i_json_array(in->doc, mlsel_i_member(place, key));
    return array != NULL && array->is_tensor ? array : NULL;
}

mlsel_status mlsel_i_read_names(const artifact_reader *in, json_place place, const char *key, int required,
                                size_t count, const json_strings **out) {
    const cJSON *member;
    *out = NULL;
    const mlsel_status status = find(in, place, key, required, &member);
    if (status != MLSEL_OK || member == NULL)
        return status;
    const json_strings *names = mlsel_i_json_strings(in->doc, member);
    if (names == NULL && !is_empty_list(member))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be a list of names", place.path, key);
    const size_t length = names == NULL ? 0 : names->count;
    if (names != NULL && names->defect >= 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s[%lld] must be a string", place.path, key,
                            (long long)names->defect);
    if (count != ANY_COUNT && length != count)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %zu names, expected %zu", place.path, key, length,
                            count);
    for (size_t i = 0; i < length; i++)
        if (names->bytes[names->offsets[i]] == '\0')
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s[%zu] is an empty name", place.path, key, i);
    if (length > 0)
        *out = names;
    return MLSEL_OK;
}
