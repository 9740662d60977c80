/* SPDX-License-Identifier: Apache-2.0 */
/* Reading KNN artifacts, in today's form (parallel arrays) and the older one (a list of samples). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "artifact_read.h"
#include "distinct_rows.h"

/* The parallel arrays, from whichever form. Names are borrowed from the document. */
typedef struct knn_data {
    json_array rows;    /* float32 */
    const char **names; /* [n] */
    double *qualities;  /* [n] */
    double *latencies;  /* [n] nanoseconds */
} knn_data;

static const double default_quality = 0.5;

static mlsel_status check_quality(const artifact_reader *in, const char *path, double quality) {
    if (quality >= 0 && quality <= 1)
        return MLSEL_OK;
    char text[32];
    mlsel_i_format_double(text, sizeof text, quality);
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s: quality %s is not between 0 and 1", path, text);
}

static mlsel_status check_latency(const artifact_reader *in, const char *path, double latency, bool whole) {
    if (latency >= 0 && (!whole || latency == floor(latency)))
        return MLSEL_OK;
    char text[32];
    mlsel_i_format_double(text, sizeof text, latency);
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s: latency %s is not a %snumber of at least 0", path, text,
                        whole ? "whole " : "");
}

static mlsel_status alloc_columns(const artifact_reader *in, size_t n, knn_data *data) {
    data->qualities = mlsel_i_artifact_alloc(in->artifact, n, sizeof *data->qualities, true, in->err);
    data->latencies = mlsel_i_artifact_alloc(in->artifact, n, sizeof *data->latencies, true, in->err);
    if (data->qualities == NULL || data->latencies == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    data->names = mlsel_i_alloc(n, sizeof *data->names);
    return data->names == NULL ? mlsel_i_no_memory(in->err) : MLSEL_OK;
}

/* --- today's form ------------------------------------------------------------------------------------------------ */

/* One value per row; a missing or empty list leaves the column as it is. */
static mlsel_status read_column(const artifact_reader *in, json_place root, const char *key, size_t n, double *column) {
    json_array values;
    mlsel_status status = mlsel_i_read_vector(in, root, key, READ_OPTIONAL, ANY_COUNT, &values);
    if (status != MLSEL_OK || values.rows == 0)
        return status;
    if (values.rows != n)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %zu values, expected %zu as in $.embeddings",
                            root.path, key, values.rows, n);
    memcpy(column, values.data, n * sizeof *column);
    return MLSEL_OK;
}

static mlsel_status check_columns(const artifact_reader *in, size_t n, const knn_data *data) {
    char path[64];
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        const double latency = data->latencies[i];
        if (data->qualities[i] >= 0 && data->qualities[i] <= 1 && latency >= 0 && latency == floor(latency))
            continue;
        mlsel_i_path_index(path, sizeof path, "$", "qualities", i);
        if ((status = check_quality(in, path, data->qualities[i])) != MLSEL_OK)
            break;
        mlsel_i_path_index(path, sizeof path, "$", "latencies", i);
        status = check_latency(in, path, data->latencies[i], true);
    }
    return status;
}

/* The rows in memory of their own, since those of a container are constant and need not be aligned. */
static mlsel_status copy_rows(const artifact_reader *in, json_array *rows) {
    mlsel_status status = mlsel_i_check_float32(rows, "embeddings", in->err);
    if (status != MLSEL_OK)
        return status;
    const size_t stride = json_row_stride(JSON_F32, rows->cols);
    float *copy = mlsel_i_artifact_alloc(in->artifact, rows->rows, stride * sizeof *copy, true, in->err);
    if (copy == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < rows->rows; i++)
        memcpy(copy + i * stride, (const float *)rows->data + i * rows->stride, rows->cols * sizeof *copy);
    rows->data = copy;
    rows->stride = stride;
    rows->is_tensor = false;
    return MLSEL_OK;
}

static mlsel_status read_arrays(const artifact_reader *in, json_place root, knn_data *data) {
    mlsel_status status = mlsel_i_take_rows(in, root, "embeddings", &data->rows);
    if (status != MLSEL_OK || (data->rows.is_tensor && (status = copy_rows(in, &data->rows)) != MLSEL_OK))
        return status;
    const size_t n = data->rows.rows;
    if (n == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "$.embeddings is empty: the model has no rows");
    const json_strings *labels;
    if ((status = mlsel_i_read_names(in, root, "labels", READ_REQUIRED, n, &labels)) != MLSEL_OK ||
        (status = alloc_columns(in, n, data)) != MLSEL_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        data->names[i] = labels->bytes + labels->offsets[i];
        data->qualities[i] = default_quality;
    }
    if ((status = read_column(in, root, "qualities", n, data->qualities)) != MLSEL_OK ||
        (status = read_column(in, root, "latencies", n, data->latencies)) != MLSEL_OK)
        return status;
    return check_columns(in, n, data);
}

/* --- the older form ---------------------------------------------------------------------------------------------- */

/* One sample's scalars and where its vector is; all vectors must be as wide as the first. */
static mlsel_status read_sample(const artifact_reader *in, const cJSON *node, size_t i, knn_data *data) {
    char path[64];
    mlsel_i_path_index(path, sizeof path, "$", "samples", i);
    const json_place sample = {node, path};
    if (!cJSON_IsObject(node))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s must be an object", path);
    json_array vector;
    const size_t width = i == 0 ? ANY_COUNT : data->rows.cols;
    mlsel_status status = mlsel_i_read_vector(in, sample, "feature_vector", READ_REQUIRED, width, &vector);
    if (status != MLSEL_OK)
        return status;
    if (vector.rows == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.feature_vector is empty", path);
    data->rows.cols = vector.rows;
    double latency_ms = 0;
    data->qualities[i] = default_quality;
    if ((status = mlsel_i_read_string(in, sample, "model_name", READ_REQUIRED, &data->names[i])) != MLSEL_OK ||
        (status = mlsel_i_read_real(in, sample, "quality", READ_OPTIONAL, &data->qualities[i])) != MLSEL_OK ||
        (status = mlsel_i_read_real(in, sample, "latency_ms", READ_OPTIONAL, &latency_ms)) != MLSEL_OK ||
        (status = check_quality(in, path, data->qualities[i])) != MLSEL_OK ||
        (status = check_latency(in, path, latency_ms, false)) != MLSEL_OK)
        return status;
    if (data->names[i][0] == '\0')
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.model_name is an empty name", path);
    data->latencies[i] = latency_ms * 1e6;
    if (data->latencies[i] > FLT_MAX) /* which no other form of the artifact could hold */
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.latency_ms in nanoseconds is beyond the range of float32",
                            path);
    return MLSEL_OK;
}

/* Gathers the vectors into one matrix, once it is known that there are as many values as it holds. */
static mlsel_status gather_rows(const artifact_reader *in, const cJSON *samples, knn_data *data) {
    const size_t width = data->rows.cols;
    const size_t stride = json_row_stride(JSON_F32, width);
    float *rows = mlsel_i_artifact_alloc(in->artifact, data->rows.rows, stride * sizeof *rows, true, in->err);
    if (rows == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    data->rows.data = rows;
    data->rows.stride = stride;
    const cJSON *sample;
    cJSON_ArrayForEach (sample, samples) {
        const cJSON *vector = cJSON_GetObjectItemCaseSensitive(sample, "feature_vector");
        memcpy(rows, mlsel_i_json_array(in->doc, vector)->data, width * sizeof *rows);
        rows += stride;
    }
    return MLSEL_OK;
}

static mlsel_status read_samples(const artifact_reader *in, json_place root, knn_data *data) {
    const cJSON *samples = mlsel_i_member(root, "samples");
    if (!cJSON_IsArray(samples))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.samples must be a list of objects");
    size_t n = 0;
    const cJSON *sample;
    cJSON_ArrayForEach (sample, samples)
        n++;
    if (n == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "$.samples is empty: the model has no rows");
    data->rows = (json_array){.dtype = JSON_F32, .rank = 2, .rows = n};
    mlsel_status status = alloc_columns(in, n, data);
    size_t i = 0;
    cJSON_ArrayForEach (sample, samples) {
        if (status != MLSEL_OK)
            break;
        status = read_sample(in, sample, i++, data);
    }
    return status == MLSEL_OK ? gather_rows(in, samples, data) : status;
}

/* --- both -------------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_knn_count_labels(const artifact_reader *in, label_set *labels, const int32_t *row_labels,
                                      size_t n) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_status status = mlsel_i_labels_store(in, labels);
    if (status != MLSEL_OK)
        return status;
    uint64_t *label_rows = mlsel_i_artifact_alloc(artifact, labels->count, sizeof *label_rows, true, in->err);
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    int32_t *tie_rank = mlsel_i_artifact_alloc(artifact, labels->count, sizeof *tie_rank, true, in->err);
    if (label_rows == NULL || choosable == NULL || tie_rank == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        label_rows[row_labels[i]]++;
    for (size_t i = 0; i < labels->count; i++)
        choosable[i] = label_rows[i] > 0;
    /* the label's position among all names in byte order breaks ties */
    mlsel_i_labels_sort(labels, 0);
    for (size_t i = 0; i < labels->count; i++)
        tie_rank[i] = mlsel_i_labels_find(labels, artifact->labels[i]);
    artifact->knn.row_labels = row_labels;
    artifact->label_rows = label_rows;
    artifact->choosable = choosable;
    artifact->tie_rank = tie_rank;
    return MLSEL_OK;
}

static mlsel_status read_labels(const artifact_reader *in, json_place root, const knn_data *data) {
    const size_t n = data->rows.rows;
    label_set labels = {0};
    int32_t *row_labels = mlsel_i_artifact_alloc(in->artifact, n, sizeof *row_labels, true, in->err);
    mlsel_status status = row_labels == NULL ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK;
    const json_strings *named = NULL;
    if (status == MLSEL_OK)
        status = mlsel_i_read_names(in, root, "model_names", READ_OPTIONAL, ANY_COUNT, &named);
    if (status == MLSEL_OK && named != NULL)
        status = mlsel_i_labels_add_list(in, &labels, named, "$", "model_names");
    const size_t n_named = labels.count;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        status = mlsel_i_labels_add(&labels, data->names[i], NULL, in->err);
    if (status != MLSEL_OK)
        goto out;
    mlsel_i_labels_sort(&labels, n_named);
    for (size_t i = 0; i < n; i++)
        row_labels[i] = mlsel_i_labels_find(&labels, data->names[i]);
    status = mlsel_i_knn_count_labels(in, &labels, row_labels, n);
out:
    mlsel_i_labels_free(&labels);
    return status;
}

mlsel_status mlsel_i_knn_link_rows(const artifact_reader *in) {
    const mlsel_knn_view *knn = &in->artifact->knn;
    uint64_t *row_vectors =
        mlsel_i_artifact_alloc(in->artifact, (size_t)knn->n_rows, sizeof *row_vectors, false, in->err);
    if (row_vectors == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (uint64_t v = 0; v < knn->n_vectors; v++)
        for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++)
            row_vectors[knn->vector_rows[i]] = v;
    in->artifact->row_vectors = row_vectors;
    return MLSEL_OK;
}

/* Rows that repeat are kept once: the ecosystem's trainer writes one row for each model that answered a query. */
static mlsel_status store_vectors(const artifact_reader *in, const knn_data *data) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_knn_view *knn = &artifact->knn;
    const size_t n = data->rows.rows;
    const size_t row_bytes = data->rows.stride * sizeof(float);
    uint64_t *vector_rows = mlsel_i_artifact_alloc(artifact, n, sizeof *vector_rows, true, in->err);
    uint64_t *vector_start = mlsel_i_artifact_alloc(artifact, n + 1, sizeof *vector_start, true, in->err);
    if (vector_rows == NULL || vector_start == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    size_t n_vectors = 0;
    const mlsel_status status =
        mlsel_i_distinct_rows(data->rows.data, n, row_bytes, vector_start, vector_rows, &n_vectors, in->err);
    if (status != MLSEL_OK)
        return status;
    knn->vectors = mlsel_i_artifact_shrink(artifact, data->rows.data, n_vectors * row_bytes);
    knn->vector_start = mlsel_i_artifact_shrink(artifact, vector_start, (n_vectors + 1) * sizeof *vector_start);
    knn->vector_rows = vector_rows;
    knn->stride = data->rows.stride;
    knn->n_vectors = n_vectors;
    knn->n_rows = n;
    artifact->n_parameters = (uint64_t)n_vectors * data->rows.cols;
    return mlsel_i_knn_link_rows(in);
}

void mlsel_i_knn_latency_range(mlsel_artifact *artifact) {
    const double *latencies = artifact->latencies;
    double min = latencies[0], max = min;
    for (size_t i = 1; i < artifact->knn.n_rows; i++) {
        min = latencies[i] < min ? latencies[i] : min;
        max = latencies[i] > max ? latencies[i] : max;
    }
    artifact->scalars.knn_latency_min = min;
    artifact->scalars.knn_latency_max = max;
}

static mlsel_status read_knn(const artifact_reader *in, json_place root, knn_data *data) {
    mlsel_artifact *artifact = in->artifact;
    mlsel_status status = mlsel_i_read_count(in, root, "k", READ_REQUIRED, 1, &artifact->scalars.knn_k);
    if (status != MLSEL_OK)
        return status;
    if (mlsel_i_find_tensor(in, root, "vectors") != NULL)
        return mlsel_i_read_knn_container(in, root);
    const bool older = mlsel_i_member(root, "embeddings") == NULL && mlsel_i_member(root, "samples") != NULL;
    if ((status = older ? read_samples(in, root, data) : read_arrays(in, root, data)) != MLSEL_OK)
        return status;
    const size_t n = data->rows.rows;
    if (data->rows.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu features in a row are too many", data->rows.cols);
    if ((status = mlsel_i_check_count(in, root, "feature_dim", data->rows.cols, "the rows")) != MLSEL_OK ||
        (status = mlsel_i_check_count(in, root, "num_samples", n, "the rows")) != MLSEL_OK ||
        (status = read_labels(in, root, data)) != MLSEL_OK)
        return status;
    artifact->scalars.n_features = (uint32_t)data->rows.cols;
    if ((status = store_vectors(in, data)) != MLSEL_OK)
        return status;
    artifact->qualities = data->qualities;
    artifact->latencies = data->latencies;
    mlsel_i_knn_latency_range(artifact);
    return mlsel_i_read_knn_outcomes(in, root);
}

mlsel_status mlsel_i_read_knn(const artifact_reader *in, json_place root) {
    knn_data data = {0};
    const mlsel_status status = read_knn(in, root, &data);
    mlsel_i_free(data.names);
    return status;
}
