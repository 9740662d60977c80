/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading containers: safetensors files whose metadata hold the artifact's document and whose tensors are its arrays.
 * The file is mapped and used in place. Whatever the header says is checked before it is believed: sizes, types,
 * shapes, that the tensors fill the file without hole or overlap, and then all that the readers of JSON check.
 */
#include "container.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "artifact_read.h"

/* --- types ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum json_dtype dtype;
    size_t size;
} dtypes[] = {
    {"F64", JSON_F64, 8}, {"F32", JSON_F32, 4}, {"I64", JSON_I64, 8}, {"I32", JSON_I32, 4}, {"I8", JSON_I8, 1}};

const char *mlsel_i_dtype_name(enum json_dtype dtype) { return dtypes[dtype].name; }

size_t mlsel_i_dtype_size(enum json_dtype dtype) { return dtypes[dtype].size; }

enum json_dtype mlsel_i_container_dtype(const char *name) {
    static const struct {
        const char *name;
        enum json_dtype dtype;
    } special[] = {{"vectors", JSON_F32},
                   {"vector_start", JSON_I64},
                   {"vector_rows", JSON_I64},
                   {"row_labels", JSON_I32},
                   {"mlsel_index.double_scales", JSON_F32},
                   {"mlsel_index.offsets", JSON_F32},
                   {"mlsel_index.rows", JSON_I8},
                   {"mlsel_index.vectors", JSON_I32},
                   {"mlsel_index.steps", JSON_F32},
                   {"mlsel_index.row_scales", JSON_F32},
                   {"mlsel_index.row_offsets", JSON_F32},
                   {"mlsel_index.errors", JSON_F32},
                   {"mlsel_index.sizes", JSON_F32},
                   {"mlsel_index.group_start", JSON_I64}};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(special); i++)
        if (strcmp(name, special[i].name) == 0)
            return special[i].dtype;
    const char *dot = strrchr(name, '.');
    const char *key = dot == NULL ? name : dot + 1;
    return mlsel_i_is_float32(key, strlen(key)) ? JSON_F32 : JSON_F64;
}

bool mlsel_i_is_container(const unsigned char *first, size_t size) {
    /* JSON has no zero byte, and no header is so large that it has none here */
    return size > CONTAINER_PREFIX && first[CONTAINER_PREFIX] == '{' && first[6] == 0 && first[7] == 0;
}

/* --- the header -------------------------------------------------------------------------------------------------- */

typedef struct entry {
    const char *name; /* of the header's document */
    enum json_dtype dtype;
    int rank;
    size_t shape[2];
    uint64_t begin, end; /* bytes of the data section */
} entry;

typedef struct container_reader {
    const char *bytes;
    size_t size;
    const char *data; /* the section behind the header */
    uint64_t data_size;
    json_document *header;
    json_document *columns; /* NULL: none are padded */
    entry *entries;
    size_t n_entries;
    const char *text; /* the artifact's document */
    const char *hash; /* 32 digits, or NULL */
    mlsel_error *err;
} container_reader;

static mlsel_status bad(const container_reader *in, const char *what) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_PARSE, "not a sound safetensors file: %s", what);
}

static mlsel_status bad_tensor(const container_reader *in, const char *name, const char *what) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"%s\": %s", name, what);
}

static mlsel_status read_header(container_reader *in) {
    uint64_t length = 0;
    if (in->size < CONTAINER_PREFIX + 2)
        return bad(in, "it is too short for a header");
    for (int i = CONTAINER_PREFIX; i-- > 0;)
        length = length << 8 | (unsigned char)in->bytes[i];
    if (length > CONTAINER_MAX_HEADER)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT,
                            "the safetensors header has %llu bytes, at most %d are accepted",
                            (unsigned long long)length, CONTAINER_MAX_HEADER);
    if (length < 2 || length > in->size - CONTAINER_PREFIX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_PARSE,
                            "not a sound safetensors file: a header of %llu bytes in a file of %zu: is it complete?",
                            (unsigned long long)length, in->size);
    in->data = in->bytes + CONTAINER_PREFIX + length;
    in->data_size = in->size - CONTAINER_PREFIX - length;
    const mlsel_status status = mlsel_i_json_parse(in->bytes + CONTAINER_PREFIX, (size_t)length, NULL,
                                                   mlsel_i_is_float32, &in->header, in->err);
    if (status == MLSEL_OK && !cJSON_IsObject(mlsel_i_json_root(in->header)))
        return bad(in, "its header is no object");
    if (status != MLSEL_OK && status != MLSEL_ERROR_NO_MEMORY)
        mlsel_i_error_prefix(in->err, "safetensors header: ");
    return status;
}

/* Whole numbers of a header's list; -1 if it is something else. */
static int read_list(const container_reader *in, const cJSON *node, uint64_t *out, size_t max) {
    const json_array *array = mlsel_i_json_array(in->header, node);
    if (array == NULL || array->rank != 1 || array->data == NULL || array->dtype != JSON_F64 || array->rows > max)
        return -1;
    const double *values = array->data;
    for (size_t i = 0; i < array->rows; i++) {
        if (!(values[i] >= 0 && values[i] <= 9007199254740992.0) || values[i] > (double)(uint64_t)values[i])
            return -1;
        out[i] = (uint64_t)values[i];
    }
    return (int)array->rows;
}

static mlsel_status read_dtype(const container_reader *in, const cJSON *node, const char *name, enum json_dtype *out) {
    if (!cJSON_IsString(node))
        return bad_tensor(in, name, "dtype is missing");
    const enum json_dtype expected = mlsel_i_container_dtype(name);
    if (strcmp(node->valuestring, mlsel_i_dtype_name(expected)) != 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"%s\": dtype is %s, expected %s", name,
                            node->valuestring, mlsel_i_dtype_name(expected));
    *out = expected;
    return MLSEL_OK;
}

/* Type, shape and place; its neighbours are checked later. */
static mlsel_status read_entry(const container_reader *in, const cJSON *node, entry *out) {
    uint64_t shape[2] = {1, 1}, offsets[2] = {0};
    const char *name = node->string;
    if (!cJSON_IsObject(node) || cJSON_GetArraySize(node) != 3)
        return bad_tensor(in, name, "it must have dtype, shape and data_offsets, and nothing else");
    const mlsel_status status = read_dtype(in, cJSON_GetObjectItemCaseSensitive(node, "dtype"), name, &out->dtype);
    if (status != MLSEL_OK)
        return status;
    out->rank = read_list(in, cJSON_GetObjectItemCaseSensitive(node, "shape"), shape, 2);
    if (out->rank < 1 || shape[0] == 0 || shape[1] == 0)
        return bad_tensor(in, name, "shape must be one or two whole numbers above 0");
    if (read_list(in, cJSON_GetObjectItemCaseSensitive(node, "data_offsets"), offsets, 2) != 2)
        return bad_tensor(in, name, "data_offsets must be two whole numbers");
    const size_t size = mlsel_i_dtype_size(out->dtype);
    if (offsets[0] > offsets[1] || offsets[1] > in->data_size)
        return bad_tensor(in, name, "data_offsets are beyond the end of the file: is it complete?");
    const uint64_t bytes = offsets[1] - offsets[0];
    /* by division, so that nothing overflows */
    if (bytes % size != 0 || (bytes / size) % shape[0] != 0 || bytes / size / shape[0] != shape[1])
        return bad_tensor(in, name, "data_offsets and shape do not agree");
    if (((uintptr_t)in->data + offsets[0]) % size != 0)
        return bad_tensor(in, name, "its data are not aligned to their type: write the file with padding");
    out->name = name;
    out->shape[0] = (size_t)shape[0];
    out->shape[1] = (size_t)shape[1];
    out->begin = offsets[0];
    out->end = offsets[1];
    return MLSEL_OK;
}

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The tensors must fill the section: what lies between them would be hidden from everyone who looks. */
static mlsel_status check_coverage(const container_reader *in) {
    uint64_t at = 0;
    qsort(in->entries, in->n_entries, sizeof *in->entries, compare_entries);
    for (size_t i = 0; i < in->n_entries; i++) {
        if (in->entries[i].begin != at)
            return bad_tensor(in, in->entries[i].name,
                              in->entries[i].begin < at ? "it overlaps the one before it in the file"
                                                        : "there is a gap before it in the file");
        at = in->entries[i].end;
    }
    return at == in->data_size ? MLSEL_OK : bad(in, "something follows the last tensor");
}

static mlsel_status read_entries(container_reader *in) {
    const cJSON *root = mlsel_i_json_root(in->header);
    const size_t most = (size_t)cJSON_GetArraySize(root);
    if (most > CONTAINER_MAX_TENSORS + 1)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu tensors, at most %d are accepted", most - 1,
                            CONTAINER_MAX_TENSORS);
    in->entries = mlsel_i_calloc(most, sizeof *in->entries);
    if (in->entries == NULL)
        return mlsel_i_no_memory(in->err);
    const cJSON *node;
    cJSON_ArrayForEach (node, root) {
        if (strcmp(node->string, "__metadata__") == 0)
            continue;
        const mlsel_status status = read_entry(in, node, &in->entries[in->n_entries++]);
        if (status != MLSEL_OK)
            return status;
    }
    return check_coverage(in);
}

/* --- metadata ---------------------------------------------------------------------------------------------------- */

/* NULL where there is none. */
static const char *text_of(const cJSON *metadata, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, key));
}

static mlsel_status check_strings(const container_reader *in, const cJSON *metadata) {
    const cJSON *node;
    cJSON_ArrayForEach (node, metadata)
        if (!cJSON_IsString(node))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "metadata: \"%s\" must be a string", node->string);
    return MLSEL_OK;
}

static mlsel_status read_metadata(container_reader *in) {
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(mlsel_i_json_root(in->header), "__metadata__");
    if (metadata != NULL && !cJSON_IsObject(metadata))
        return bad(in, "__metadata__ is no object");
    mlsel_status status = check_strings(in, metadata);
    if (status != MLSEL_OK)
        return status;
    const char *format = text_of(metadata, "mlsel.format");
    const char *columns = text_of(metadata, "mlsel.columns");
    in->text = text_of(metadata, "mlsel.artifact");
    in->hash = text_of(metadata, "mlsel.hash");
    if (format == NULL || in->text == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "a safetensors file, but not of mlsel: its metadata lack \"%s\" (see docs/container.md)",
                            format == NULL ? "mlsel.format" : "mlsel.artifact");
    if (strcmp(format, CONTAINER_FORMAT) != 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_VERSION,
                            "metadata: mlsel.format is \"%s\", this library reads " CONTAINER_FORMAT, format);
    if (in->hash != NULL &&
        (strlen(in->hash) != CONTAINER_HASH_DIGITS || strspn(in->hash, "0123456789abcdef") != CONTAINER_HASH_DIGITS))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "metadata: mlsel.hash must be %d hexadecimal digits",
                            CONTAINER_HASH_DIGITS);
    if (columns == NULL)
        return MLSEL_OK;
    status = mlsel_i_json_parse(columns, strlen(columns), NULL, mlsel_i_is_float32, &in->columns, in->err);
    if (status == MLSEL_OK && !cJSON_IsObject(mlsel_i_json_root(in->columns)))
        status = mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "metadata: mlsel.columns must be an object");
    if (status != MLSEL_OK && status != MLSEL_ERROR_NO_MEMORY)
        mlsel_i_error_prefix(in->err, "mlsel.columns: ");
    return status;
}

/* Columns of a padded tensor; those in mlsel.columns must all be of tensors, which graft_all checks by counting. */
static mlsel_status read_columns(const container_reader *in, const entry *e, size_t *columns, size_t *n_found) {
    const cJSON *node =
        in->columns == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(mlsel_i_json_root(in->columns), e->name);
    *columns = e->rank == 2 ? e->shape[1] : 1;
    if (node == NULL)
        return MLSEL_OK;
    (*n_found)++;
    if (!cJSON_IsNumber(node) || e->rank != 2 || e->dtype != JSON_F32 || !(node->valuedouble >= 1) ||
        !(node->valuedouble <= (double)e->shape[1]) || (double)(size_t)node->valuedouble < node->valuedouble)
        return bad_tensor(in, e->name, "mlsel.columns does not fit its shape");
    *columns = (size_t)node->valuedouble;
    return MLSEL_OK;
}

static mlsel_status graft_all(const container_reader *in, json_document *doc) {
    size_t n_found = 0;
    for (size_t i = 0; i < in->n_entries; i++) {
        const entry *e = &in->entries[i];
        size_t columns;
        mlsel_status status = read_columns(in, e, &columns, &n_found);
        if (status != MLSEL_OK)
            return status;
        const json_array array = {.dtype = e->dtype,
                                  .rank = e->rank,
                                  .rows = e->shape[0],
                                  .cols = columns,
                                  .stride = e->rank == 2 ? e->shape[1] : 1,
                                  .data = (void *)(in->data + e->begin),
                                  .is_tensor = true};
        if ((status = mlsel_i_json_graft(doc, e->name, &array, in->err)) != MLSEL_OK)
            return status;
    }
    if (in->columns != NULL && n_found != (size_t)cJSON_GetArraySize(mlsel_i_json_root(in->columns)))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "metadata: mlsel.columns names a tensor that is not there");
    return MLSEL_OK;
}

/* --- the artifact ------------------------------------------------------------------------------------------------ */

/* Members of the root are searched for every tensor. */
enum { MAX_MEMBERS = 4096 };

static mlsel_status read_document(const container_reader *in, artifact_reader *out) {
    mlsel_status status = mlsel_i_json_parse(in->text, strlen(in->text), NULL, mlsel_i_is_float32, &out->doc, in->err);
    if (status != MLSEL_OK) {
        if (status != MLSEL_ERROR_NO_MEMORY)
            mlsel_i_error_prefix(in->err, "mlsel.artifact: ");
        return status;
    }
    const cJSON *root = mlsel_i_json_root(out->doc);
    if (!cJSON_IsObject(root))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "metadata: mlsel.artifact must be an object");
    if (cJSON_GetArraySize(root) > MAX_MEMBERS)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "metadata: mlsel.artifact has more than %d members",
                            MAX_MEMBERS);
    if ((status = graft_all(in, out->doc)) != MLSEL_OK)
        return status;
    return mlsel_i_artifact_read(out);
}

static uint64_t from_digits(const char *digits) {
    uint64_t value = 0;
    for (int i = 0; i < CONTAINER_HASH_DIGITS / 2; i++)
        value = value << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    return value;
}

static XXH128_hash_t hash_of(const mlsel_artifact *artifact) {
    const char *end = artifact->content.data + artifact->content.size;
    return XXH3_128bits_withSeed(artifact->section, (size_t)(end - artifact->section), artifact->hash_seed);
}

/* The hash that the writer stored, which mlsel_i_container_check compares; without one, that of the tensors. */
static void set_hash(const container_reader *in, mlsel_artifact *artifact) {
    XXH128_hash_t hash;
    artifact->has_hash = in->hash != NULL;
    artifact->hash_seed = XXH3_64bits(in->text, strlen(in->text));
    if (in->hash != NULL) {
        hash.high64 = from_digits(in->hash);
        hash.low64 = from_digits(in->hash + CONTAINER_HASH_DIGITS / 2);
    } else {
        hash = hash_of(artifact);
    }
    artifact->scalars.hash_low = hash.low64;
    artifact->scalars.hash_high = hash.high64;
}

mlsel_status mlsel_i_container_check(mlsel_artifact *artifact, mlsel_error *err) {
    const json_array *rows = &artifact->unchecked;
    const XXH128_hash_t stored = {.low64 = artifact->scalars.hash_low, .high64 = artifact->scalars.hash_high};
    if (artifact->content.data == NULL || atomic_load_explicit(&artifact->is_checked, memory_order_acquire))
        return MLSEL_OK;
    if (artifact->has_hash && !XXH128_isEqual(hash_of(artifact), stored))
        return mlsel_i_fail(
            err, MLSEL_ERROR_SCHEMA,
            "the tensors are not those that mlsel.hash was made of: the file is damaged or was changed; "
            "convert it again from its source");
    if (rows->data != NULL) {
        const mlsel_status status = mlsel_i_check_float32(
            rows, artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN ? "vectors" : "support_vectors", err);
        if (status != MLSEL_OK)
            return status;
    }
    const mlsel_status status = mlsel_i_container_check_derived(artifact, err);
    if (status == MLSEL_OK)
        atomic_store_explicit(&artifact->is_checked, true, memory_order_release);
    return status;
}

static void free_reader(container_reader *in) {
    mlsel_i_json_free(in->header);
    mlsel_i_json_free(in->columns);
    mlsel_i_free(in->entries);
}

mlsel_status mlsel_i_container_parse(file_content *content, mlsel_artifact **out, mlsel_error *err) {
    container_reader in = {.bytes = content->data, .size = content->size, .err = err};
    artifact_reader reader = {.err = err};
    mlsel_status status;
    if (!CONTAINER_IS_NATIVE)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "safetensors files are little endian, this machine is not");
    if ((status = read_header(&in)) != MLSEL_OK || (status = read_metadata(&in)) != MLSEL_OK ||
        (status = read_entries(&in)) != MLSEL_OK)
        goto out;
    reader.artifact = mlsel_i_calloc(1, sizeof *reader.artifact);
    if (reader.artifact == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    reader.artifact->references = 1;
    reader.artifact->memory_bytes = sizeof *reader.artifact + content->size;
    reader.artifact->scalars.text_bytes = content->size;
    if ((status = read_document(&in, &reader)) != MLSEL_OK)
        goto out;
    reader.artifact->content = *content;
    reader.artifact->section = in.data;
    set_hash(&in, reader.artifact);
    *content = (file_content){0};
    *out = reader.artifact;
    reader.artifact = NULL;
out:
    mlsel_i_artifact_free(reader.artifact);
    mlsel_i_json_free(reader.doc);
    free_reader(&in);
    return status;
}
