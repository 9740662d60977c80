/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading KNN artifacts from a container, which has them as they are held in memory: distinct vectors, tables of rows,
 * and the CPU's index. Everything that is used as an index is checked here; the vectors and the estimates are not even
 * read. docs/container.md describes the arrays.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "artifact_read.h"

static mlsel_status wrong_shape(const artifact_reader *in, json_place place, const char *key, const json_array *array,
                                size_t rows, size_t cols) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"%s\" in %s: %zu x %zu values, expected %zu x %zu", key,
                        place.path, array->rows, array->cols, rows, cols);
}

/* Points *out at a tensor of a known shape; rank 1 where cols is 0. The type is that of its name, see container.c. */
static mlsel_status find(const artifact_reader *in, json_place place, const char *key, size_t rows, size_t cols,
                         void *out) {
    const json_array *array = mlsel_i_find_tensor(in, place, key);
    if (array == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"%s\" in %s is missing", key, place.path);
    const bool is_vector = cols == 0;
    if (array->rank != (is_vector ? 1 : 2) || array->rows != rows || (!is_vector && array->cols != cols))
        return wrong_shape(in, place, key, array, rows, is_vector ? 1 : cols);
    memcpy(out, &array->data, sizeof array->data);
    return MLSEL_OK;
}

static mlsel_status bad_value(const artifact_reader *in, const char *key, uint64_t index, const char *what) {
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s[%llu] is %s", key, (unsigned long long)index, what);
}

/* 0 = start[0] < start[1] < ... = end */
static mlsel_status check_starts(const artifact_reader *in, const char *key, const uint64_t *start, uint64_t n,
                                 uint64_t end) {
    if (start[0] != 0)
        return bad_value(in, key, 0, "not 0");
    for (uint64_t i = 0; i < n; i++)
        if (start[i + 1] <= start[i] || start[i + 1] > end)
            return bad_value(in, key, i + 1, "not above the one before, or beyond the last row");
    return start[n] == end ? MLSEL_OK : bad_value(in, key, n, "not the number of rows");
}

/* Each of 0 to n-1 once. */
static mlsel_status check_permutation(const artifact_reader *in, const char *key, const uint64_t *rows, uint64_t n) {
    mlsel_status status = MLSEL_OK;
    uint8_t *seen = mlsel_i_calloc((size_t)n, 1);
    if (seen == NULL)
        return mlsel_i_no_memory(in->err);
    for (uint64_t i = 0; i < n && status == MLSEL_OK; i++)
        if (rows[i] >= n || seen[rows[i]]++ != 0)
            status = bad_value(in, key, i, "no row, or listed twice");
    mlsel_i_free(seen);
    return status;
}

static mlsel_status read_columns(const artifact_reader *in, json_place root, size_t n) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_status status = find(in, root, "qualities", n, 0, &artifact->qualities);
    if (status != MLSEL_OK || (status = find(in, root, "latencies", n, 0, &artifact->latencies)) != MLSEL_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        if (!(artifact->qualities[i] >= 0 && artifact->qualities[i] <= 1))
            return bad_value(in, "qualities", i, "not between 0 and 1");
        if (!(artifact->latencies[i] >= 0 && artifact->latencies[i] <= FLT_MAX))
            return bad_value(in, "latencies", i, "not a number of at least 0");
    }
    return MLSEL_OK;
}

static mlsel_status read_labels(const artifact_reader *in, json_place root, size_t n) {
    label_set labels = {0};
    const json_strings *names;
    const int32_t *row_labels = NULL;
    mlsel_status status = mlsel_i_read_names(in, root, "model_names", READ_REQUIRED, ANY_COUNT, &names);
    if (status != MLSEL_OK || (status = find(in, root, "row_labels", n, 0, &row_labels)) != MLSEL_OK)
        return status;
    if (names == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.model_names is empty");
    for (size_t i = 0; i < n; i++)
        if (row_labels[i] < 0 || (size_t)row_labels[i] >= names->count)
            return bad_value(in, "row_labels", i, "none of the labels");
    status = mlsel_i_labels_add_list(in, &labels, names, "$", "model_names");
    if (status == MLSEL_OK)
        status = mlsel_i_knn_count_labels(in, &labels, row_labels, n);
    mlsel_i_labels_free(&labels);
    return status;
}

/* --- the index --------------------------------------------------------------------------------------------------- */

static mlsel_status read_integers(const artifact_reader *in, json_place place, knn_index *index) {
    const mlsel_knn_view *knn = &in->artifact->knn;
    const size_t n = (size_t)knn->n_vectors, width = in->artifact->scalars.n_features;
    const json_array *starts = mlsel_i_find_tensor(in, place, "group_start");
    if (width > KNN_MAX_WIDTH || index->head > width || width - index->head > KNN_MAX_TAIL || n >= UINT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.head: %zu does not fit vectors of %zu columns", place.path,
                            index->head, width);
    if (starts == NULL || starts->rank != 1 || starts->rows < 2 || starts->rows > KNN_MAX_GROUPS + 1)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"group_start\" in %s: 2 to %d values expected",
                            place.path, KNN_MAX_GROUPS + 1);
    index->n_groups = starts->rows - 1;
    index->group_start = starts->data;
    index->stride = (index->head + 63) / 64 * 64;
    mlsel_status status = check_starts(in, "group_start", index->group_start, index->n_groups, n);
    if (status != MLSEL_OK || (status = find(in, place, "rows", n, index->stride, &index->rows)) != MLSEL_OK ||
        (status = find(in, place, "vectors", n, 0, &index->vectors)) != MLSEL_OK ||
        (status = find(in, place, "steps", n, 0, &index->steps)) != MLSEL_OK ||
        (status = find(in, place, "row_scales", n, 0, &index->row_scales)) != MLSEL_OK ||
        (status = find(in, place, "row_offsets", n, 0, &index->row_offsets)) != MLSEL_OK ||
        (status = find(in, place, "errors", n, 0, &index->errors)) != MLSEL_OK ||
        (status = find(in, place, "sizes", n, 0, &index->sizes)) != MLSEL_OK ||
        (status = find(in, place, "group_bounds", index->n_groups, KNN_GROUP_BOUNDS, &index->group_bounds)) != MLSEL_OK)
        return status;
    /* each once: else rows could be missing from the parts that a query is divided into */
    uint8_t *seen = mlsel_i_calloc(n, 1);
    if (seen == NULL)
        return mlsel_i_no_memory(in->err);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        if (index->vectors[i] >= n || seen[index->vectors[i]]++ != 0)
            status = bad_value(in, "mlsel_index.vectors", i, "no vector, or listed twice");
    mlsel_i_free(seen);
    return status;
}

/* Leaves the artifact without an index if there is none, or one of another version. */
static mlsel_status read_index(const artifact_reader *in, json_place root) {
    const json_place place = {mlsel_i_member(root, "mlsel_index"), "$.mlsel_index"};
    const size_t n = (size_t)in->artifact->knn.n_vectors;
    uint32_t version = 0, head = 0;
    if (place.object == NULL)
        return MLSEL_OK;
    if (!cJSON_IsObject(place.object))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s must be an object", place.path);
    mlsel_status status = mlsel_i_read_count(in, place, "version", READ_REQUIRED, 1, &version);
    if (status != MLSEL_OK || version != KNN_INDEX_VERSION)
        return status;
    knn_index *index = mlsel_i_artifact_alloc(in->artifact, 1, sizeof *index, false, in->err);
    if (index == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    if ((status = mlsel_i_read_real(in, place, "max_norm", READ_REQUIRED, &index->max_norm)) != MLSEL_OK ||
        (status = mlsel_i_read_count(in, place, "head", READ_REQUIRED, 0, &head)) != MLSEL_OK ||
        (status = find(in, place, "scales", n, 0, &index->scales)) != MLSEL_OK ||
        (status = find(in, place, "double_scales", n, 0, &index->double_scales)) != MLSEL_OK ||
        (status = find(in, place, "offsets", n, 0, &index->offsets)) != MLSEL_OK)
        return status;
    index->head = head;
    if (head > 0 && (status = read_integers(in, place, index)) != MLSEL_OK)
        return status;
    in->artifact->index = index;
    return MLSEL_OK;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_read_knn_container(const artifact_reader *in, json_place root) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_knn_view *knn = &artifact->knn;
    const json_array *columns = mlsel_i_find_tensor(in, root, "qualities");
    json_array vectors;
    mlsel_status status = mlsel_i_take_rows(in, root, "vectors", &vectors);
    if (status != MLSEL_OK)
        return status;
    if (columns == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "tensor \"qualities\" is missing");
    if (vectors.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu features in a row are too many", vectors.cols);
    const size_t n_rows = columns->rows, n_vectors = vectors.rows;
    knn->vectors = vectors.data;
    knn->stride = vectors.stride;
    knn->n_vectors = n_vectors;
    knn->n_rows = n_rows;
    artifact->scalars.n_features = (uint32_t)vectors.cols;
    if ((status = mlsel_i_check_count(in, root, "feature_dim", vectors.cols, "the vectors")) != MLSEL_OK ||
        (status = mlsel_i_check_count(in, root, "num_samples", n_rows, "the rows")) != MLSEL_OK ||
        (status = read_columns(in, root, n_rows)) != MLSEL_OK ||
        (status = find(in, root, "vector_start", n_vectors + 1, 0, &knn->vector_start)) != MLSEL_OK ||
        (status = find(in, root, "vector_rows", n_rows, 0, &knn->vector_rows)) != MLSEL_OK ||
        (status = check_starts(in, "vector_start", knn->vector_start, n_vectors, n_rows)) != MLSEL_OK ||
        (status = check_permutation(in, "vector_rows", knn->vector_rows, n_rows)) != MLSEL_OK ||
        (status = mlsel_i_knn_link_rows(in)) != MLSEL_OK || (status = read_labels(in, root, n_rows)) != MLSEL_OK ||
        (status = read_index(in, root)) != MLSEL_OK)
        return status;
    mlsel_i_knn_latency_range(artifact);
    artifact->unchecked = vectors;
    return mlsel_i_read_knn_outcomes(in, root);
}
