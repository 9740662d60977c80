/* SPDX-License-Identifier: Apache-2.0 */
/* Writing containers; docs/container.md describes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "artifact_document.h"
#include "container.h"

/* An array as it will be in the file. */
typedef struct output {
    char name[64];
    json_array array; /* rank 1, or 2 with rows that are `stride` values apart in memory */
    size_t width;     /* values that a row takes in the file */
    uint64_t begin;
} output;

typedef struct container_writer {
    XXH3_state_t hash;
    const mlsel_artifact *artifact;
    output *outputs;
    size_t n_outputs, capacity;
    file_writer *file; /* NULL while the hash is computed */
    mlsel_error *err;
} container_writer;

/* --- what goes in ------------------------------------------------------------------------------------------------ */

static mlsel_status add(container_writer *w, const char *name, const json_array *array) {
    if (w->n_outputs == CONTAINER_MAX_TENSORS)
        return mlsel_i_fail(w->err, MLSEL_ERROR_LIMIT, "the artifact has more than %d arrays", CONTAINER_MAX_TENSORS);
    if (w->n_outputs == w->capacity) {
        const size_t capacity = w->capacity == 0 ? 32 : 2 * w->capacity;
        output *outputs = mlsel_i_resize(w->outputs, w->n_outputs, capacity, sizeof *outputs);
        if (outputs == NULL)
            return mlsel_i_no_memory(w->err);
        w->outputs = outputs;
        w->capacity = capacity;
    }
    output *out = &w->outputs[w->n_outputs++];
    *out = (output){.array = *array, .width = 1};
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    if (array->rank == 2)
        out->width = json_row_stride(array->dtype, array->cols);
    return MLSEL_OK;
}

static mlsel_status add_vector(container_writer *w, const char *name, const void *data, uint64_t n) {
    const json_array array = {.dtype = mlsel_i_container_dtype(name),
                              .rank = 1,
                              .rows = (size_t)n,
                              .cols = 1,
                              .stride = 1,
                              .data = (void *)data};
    return add(w, name, &array);
}

static mlsel_status add_matrix(container_writer *w, const char *name, const void *data, uint64_t n, size_t cols,
                               size_t stride) {
    const json_array array = {.dtype = mlsel_i_container_dtype(name),
                              .rank = 2,
                              .rows = (size_t)n,
                              .cols = cols,
                              .stride = stride,
                              .data = (void *)data};
    return add(w, name, &array);
}

static mlsel_status add_index(container_writer *w, const knn_index *index, uint64_t n) {
    mlsel_status status;
    if ((status = add_vector(w, "mlsel_index.scales", index->scales, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.double_scales", index->double_scales, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.offsets", index->offsets, n)) != MLSEL_OK || index->head == 0)
        return status;
    if ((status = add_matrix(w, "mlsel_index.rows", index->rows, n, index->stride, index->stride)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.vectors", index->vectors, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.steps", index->steps, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.row_scales", index->row_scales, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.row_offsets", index->row_offsets, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.errors", index->errors, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.sizes", index->sizes, n)) != MLSEL_OK ||
        (status = add_vector(w, "mlsel_index.group_start", index->group_start, index->n_groups + 1)) != MLSEL_OK)
        return status;
    return add_matrix(w, "mlsel_index.group_bounds", index->group_bounds, index->n_groups, KNN_GROUP_BOUNDS,
                      KNN_GROUP_BOUNDS);
}

static mlsel_status add_knn(container_writer *w, const knn_index *index) {
    const mlsel_artifact *artifact = w->artifact;
    const mlsel_knn_view *knn = &artifact->knn;
    mlsel_status status =
        add_matrix(w, "vectors", knn->vectors, knn->n_vectors, artifact->scalars.n_features, (size_t)knn->stride);
    if (status != MLSEL_OK ||
        (status = add_vector(w, "vector_start", knn->vector_start, knn->n_vectors + 1)) != MLSEL_OK ||
        (status = add_vector(w, "vector_rows", knn->vector_rows, knn->n_rows)) != MLSEL_OK ||
        (status = add_vector(w, "row_labels", knn->row_labels, knn->n_rows)) != MLSEL_OK ||
        (status = add_vector(w, "qualities", artifact->qualities, knn->n_rows)) != MLSEL_OK ||
        (status = add_vector(w, "latencies", artifact->latencies, knn->n_rows)) != MLSEL_OK || index == NULL)
        return status;
    return add_index(w, index, knn->n_vectors);
}

static size_t output_bytes(const output *out) {
    return out->array.rows * out->width * mlsel_i_dtype_size(out->array.dtype);
}

/* Those of whole cache lines first, then by the size of a value: so each starts where its type wants it, the rows at
 * cache lines, without a gap. */
static int compare_outputs(const void *a, const void *b) {
    const output *x = a, *y = b;
    const size_t line = MLSEL_ALIGNMENT;
    const int x_odd = output_bytes(x) % line != 0, y_odd = output_bytes(y) % line != 0;
    const size_t x_size = mlsel_i_dtype_size(x->array.dtype), y_size = mlsel_i_dtype_size(y->array.dtype);
    if (x_odd != y_odd)
        return x_odd - y_odd;
    if (x_size != y_size)
        return x_size > y_size ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void place_all(container_writer *w) {
    uint64_t at = 0;
    if (w->n_outputs > 0)
        qsort(w->outputs, w->n_outputs, sizeof *w->outputs, compare_outputs);
    for (size_t i = 0; i < w->n_outputs; i++) {
        w->outputs[i].begin = at;
        at += output_bytes(&w->outputs[i]);
    }
}

/* --- the data ---------------------------------------------------------------------------------------------------- */

static mlsel_status emit(container_writer *w, const void *data, size_t size) {
    if (w->file != NULL)
        return mlsel_i_file_write(w->file, data, size, w->err);
    (void)XXH3_128bits_update(&w->hash, data, size);
    return MLSEL_OK;
}

/* One row at a time where the file's rows are wider than the memory's, or narrower. */
static mlsel_status emit_rows(container_writer *w, const output *out) {
    const json_array *array = &out->array;
    const size_t size = mlsel_i_dtype_size(array->dtype);
    char *row = mlsel_i_calloc(out->width, size);
    mlsel_status status = row == NULL ? mlsel_i_no_memory(w->err) : MLSEL_OK;
    for (size_t r = 0; r < array->rows && status == MLSEL_OK; r++) {
        memcpy(row, (const char *)array->data + r * array->stride * size, array->cols * size);
        status = emit(w, row, out->width * size);
    }
    mlsel_i_free(row);
    return status;
}

static mlsel_status emit_all(container_writer *w) {
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < w->n_outputs && status == MLSEL_OK; i++) {
        const output *out = &w->outputs[i];
        const bool is_plain = out->array.rank == 1 || out->array.stride == out->width;
        status = is_plain ? emit(w, out->array.data, output_bytes(out)) : emit_rows(w, out);
    }
    return status;
}

/* --- the header -------------------------------------------------------------------------------------------------- */

static void write_text(json_writer *text, const mlsel_artifact *artifact, const knn_index *index, bool has_norms) {
    mlsel_i_write_open(text, '{');
    mlsel_i_write_document(text, artifact, false);
    if (index != NULL || has_norms) {
        mlsel_i_write_key(text, "mlsel_index");
        mlsel_i_write_open(text, '{');
        mlsel_i_write_key(text, "version");
        mlsel_i_write_count(text, KNN_INDEX_VERSION);
        if (index != NULL) {
            mlsel_i_write_key(text, "max_norm");
            mlsel_i_write_f64(text, index->max_norm);
            mlsel_i_write_key(text, "head");
            mlsel_i_write_count(text, index->head);
        }
        mlsel_i_write_close(text, '}');
    }
    mlsel_i_write_close(text, '}');
    mlsel_i_write_raw(text, "", 1);
}

static void write_columns(const container_writer *w, json_writer *text) {
    mlsel_i_write_open(text, '{');
    for (size_t i = 0; i < w->n_outputs; i++)
        if (w->outputs[i].array.rank == 2 && w->outputs[i].width != w->outputs[i].array.cols) {
            mlsel_i_write_key(text, w->outputs[i].name);
            mlsel_i_write_count(text, w->outputs[i].array.cols);
        }
    mlsel_i_write_close(text, '}');
    mlsel_i_write_raw(text, "", 1);
}

static void write_metadata(json_writer *header, const json_writer *text, const json_writer *columns,
                           const XXH128_hash_t *hash) {
    char digits[CONTAINER_HASH_DIGITS + 1];
    (void)snprintf(digits, sizeof digits, "%016llx%016llx", (unsigned long long)hash->high64,
                   (unsigned long long)hash->low64);
    mlsel_i_write_key(header, "__metadata__");
    mlsel_i_write_open(header, '{');
    mlsel_i_write_key(header, "mlsel.format");
    mlsel_i_write_string(header, CONTAINER_FORMAT);
    mlsel_i_write_key(header, "mlsel.artifact");
    mlsel_i_write_string(header, text->text);
    mlsel_i_write_key(header, "mlsel.columns");
    mlsel_i_write_string(header, columns->text);
    mlsel_i_write_key(header, "mlsel.hash");
    mlsel_i_write_string(header, digits);
    mlsel_i_write_close(header, '}');
}

static void write_tensors(const container_writer *w, json_writer *header) {
    for (size_t i = 0; i < w->n_outputs; i++) {
        const output *out = &w->outputs[i];
        mlsel_i_write_key(header, out->name);
        mlsel_i_write_open(header, '{');
        mlsel_i_write_key(header, "dtype");
        mlsel_i_write_string(header, mlsel_i_dtype_name(out->array.dtype));
        mlsel_i_write_key(header, "shape");
        mlsel_i_write_open(header, '[');
        mlsel_i_write_count(header, out->array.rows);
        if (out->array.rank == 2)
            mlsel_i_write_count(header, out->width);
        mlsel_i_write_close(header, ']');
        mlsel_i_write_key(header, "data_offsets");
        mlsel_i_write_open(header, '[');
        mlsel_i_write_count(header, out->begin);
        mlsel_i_write_count(header, out->begin + output_bytes(out));
        mlsel_i_write_close(header, ']');
        mlsel_i_write_close(header, '}');
    }
}

/* Its size, and blanks up to where the data can begin at a cache line. */
static mlsel_status emit_header(container_writer *w, json_writer *header) {
    unsigned char prefix[CONTAINER_PREFIX];
    while (header->status == MLSEL_OK && (header->size + CONTAINER_PREFIX) % MLSEL_ALIGNMENT != 0)
        mlsel_i_write_raw(header, " ", 1);
    if (header->status != MLSEL_OK)
        return header->status;
    if (header->size > CONTAINER_MAX_HEADER)
        return mlsel_i_fail(w->err, MLSEL_ERROR_LIMIT, "what is not in arrays takes %zu bytes, at most %d fit",
                            header->size, CONTAINER_MAX_HEADER);
    for (int i = 0; i < CONTAINER_PREFIX; i++)
        prefix[i] = (unsigned char)((uint64_t)header->size >> (8 * i));
    const mlsel_status status = emit(w, prefix, sizeof prefix);
    return status == MLSEL_OK ? emit(w, header->text, header->size) : status;
}

static mlsel_status write_all(container_writer *w, const knn_index *index, const double *squared_norms,
                              file_writer *file) {
    json_writer text = {.err = w->err}, columns = {.err = w->err}, header = {.err = w->err};
    write_text(&text, w->artifact, index, squared_norms != NULL);
    write_columns(w, &columns);
    mlsel_status status = text.status != MLSEL_OK ? text.status : columns.status;
    if (status != MLSEL_OK)
        goto out;
    (void)XXH3_128bits_reset_withSeed(&w->hash, XXH3_64bits(text.text, strlen(text.text)));
    if ((status = emit_all(w)) != MLSEL_OK)
        goto out;
    const XXH128_hash_t hash = XXH3_128bits_digest(&w->hash);
    mlsel_i_write_open(&header, '{');
    write_metadata(&header, &text, &columns, &hash);
    write_tensors(w, &header);
    mlsel_i_write_close(&header, '}');
    w->file = file;
    if ((status = emit_header(w, &header)) == MLSEL_OK)
        status = emit_all(w);
out:
    mlsel_i_write_free(&text);
    mlsel_i_write_free(&columns);
    mlsel_i_write_free(&header);
    return status;
}

mlsel_status mlsel_i_artifact_write_container(const mlsel_artifact *artifact, const knn_index *index,
                                              const double *squared_norms, file_writer *file, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    if (!CONTAINER_IS_NATIVE)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "safetensors files are little endian, this machine is not");
    container_writer *w = mlsel_i_calloc(1, sizeof *w);
    if (w == NULL)
        return mlsel_i_no_memory(err);
    w->artifact = artifact;
    w->err = err;
    for (size_t i = 0; i < artifact->n_tensors && status == MLSEL_OK; i++)
        status = add(w, artifact->tensors[i].name, &artifact->tensors[i].array);
    if (status == MLSEL_OK && artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN)
        status = add_knn(w, index);
    if (status == MLSEL_OK && squared_norms != NULL)
        status = add_vector(w, "mlsel_index.squared_norms", squared_norms, artifact->svm.n_support_vectors);
    if (status == MLSEL_OK) {
        place_all(w);
        status = write_all(w, index, squared_norms, file);
    }
    mlsel_i_free(w->outputs);
    mlsel_i_free(w);
    return status;
}
