/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the calibration of an artifact: a key of mlsel's own trainer, which other readers ignore. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact_read.h"

static mlsel_status bad_value(const artifact_reader *in, json_place place, const char *key, const json_array *array,
                              size_t index, const char *what) {
    char at[64];
    if (array->rank == 2)
        snprintf(at, sizeof at, "[%zu][%zu]", index / array->cols, index % array->cols);
    else
        snprintf(at, sizeof at, "[%zu]", index);
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s%s %s", place.path, key, at, what);
}

/* Arrays of double have no gaps between their rows. */
static mlsel_status check_rising(const artifact_reader *in, json_place place, const char *key,
                                 const json_array *array) {
    const double *values = array->data;
    for (size_t i = 1; i < array->rows * array->cols; i++)
        if (i % array->cols != 0 && values[i] < values[i - 1])
            return bad_value(in, place, key, array, i, "is less than the value before it");
    return MLSEL_OK;
}

static mlsel_status check_range(const artifact_reader *in, json_place place, const char *key, const json_array *array,
                                double max, const char *what) {
    const double *values = array->data;
    for (size_t i = 0; i < array->rows * array->cols; i++)
        if (!(values[i] >= 0 && values[i] <= max))
            return bad_value(in, place, key, array, i, what);
    return MLSEL_OK;
}

static mlsel_status read_isotonic(const artifact_reader *in, json_place place, size_t n, calibration_view *out) {
    json_array scores, probabilities;
    mlsel_status status = mlsel_i_take_matrix(in, place, "scores", READ_REQUIRED, n, ANY_COUNT, &scores);
    if (status != MLSEL_OK || (status = mlsel_i_take_matrix(in, place, "probabilities", READ_REQUIRED, n, scores.cols,
                                                            &probabilities)) != MLSEL_OK)
        return status;
    if (scores.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%s.scores: %zu knots are too many", place.path, scores.cols);
    if ((status = check_rising(in, place, "scores", &scores)) != MLSEL_OK ||
        (status = check_range(in, place, "probabilities", &probabilities, 1, "must be from 0 to 1")) != MLSEL_OK ||
        (status = check_rising(in, place, "probabilities", &probabilities)) != MLSEL_OK)
        return status;
    out->scores = scores.data;
    out->probabilities = probabilities.data;
    out->n_knots = (uint32_t)scores.cols;
    out->method = CALIBRATION_ISOTONIC;
    return MLSEL_OK;
}

static mlsel_status read_platt(const artifact_reader *in, json_place place, size_t n, calibration_view *out) {
    json_array slopes, intercepts;
    mlsel_status status = mlsel_i_take_vector(in, place, "slope", READ_REQUIRED, n, &slopes);
    if (status != MLSEL_OK ||
        (status = mlsel_i_take_vector(in, place, "intercept", READ_REQUIRED, n, &intercepts)) != MLSEL_OK ||
        (status = check_range(in, place, "slope", &slopes, (double)INFINITY,
                              "must not be negative: a higher score is never less probable")) != MLSEL_OK)
        return status;
    out->slopes = slopes.data;
    out->intercepts = intercepts.data;
    out->method = CALIBRATION_PLATT;
    return MLSEL_OK;
}

/* Which row is whose. Models that the artifact has no label for are left aside: records may know more than it. */
static mlsel_status link_labels(const artifact_reader *in, json_place place, const json_strings *models,
                                calibration_view *out) {
    mlsel_artifact *artifact = in->artifact;
    label_set set = {0};
    mlsel_status status = mlsel_i_labels_add_list(in, &set, models, place.path, "models");
    if (status != MLSEL_OK)
        goto out;
    int32_t *rows = mlsel_i_artifact_alloc(artifact, artifact->scalars.n_labels, sizeof *rows, true, in->err);
    if (rows == NULL) {
        status = MLSEL_ERROR_NO_MEMORY;
        goto out;
    }
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        rows[i] = mlsel_i_labels_find(&set, artifact->labels[i]);
    out->rows = rows;
    out->n_models = (uint32_t)models->count;
out:
    mlsel_i_labels_free(&set);
    return status;
}

mlsel_status mlsel_i_read_calibration(const artifact_reader *in, json_place root) {
    mlsel_artifact *artifact = in->artifact;
    const cJSON *member = mlsel_i_member(root, "calibration");
    const json_place place = {member, "$.calibration"};
    const uint64_t n_parameters = artifact->n_parameters;
    const json_strings *models;
    const char *method = NULL;
    uint32_t records = 0;
    calibration_view view = {0};
    mlsel_status status;
    if (member == NULL)
        return MLSEL_OK;
    if (!cJSON_IsObject(member))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.calibration must be an object");
    if ((status = mlsel_i_read_string(in, place, "method", READ_REQUIRED, &method)) != MLSEL_OK ||
        (status = mlsel_i_read_names(in, place, "models", READ_REQUIRED, ANY_COUNT, &models)) != MLSEL_OK ||
        (status = mlsel_i_read_count(in, place, "records", READ_OPTIONAL, 0, &records)) != MLSEL_OK)
        return status;
    if (models == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.calibration.models is empty");
    if (strcmp(method, "isotonic") == 0)
        status = read_isotonic(in, place, models->count, &view);
    else if (strcmp(method, "platt") == 0)
        status = read_platt(in, place, models->count, &view);
    else
        status = mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED,
                              "$.calibration.method: \"%s\" is not supported, expected isotonic or platt", method);
    if (status == MLSEL_OK)
        status = link_labels(in, place, models, &view);
    if (status != MLSEL_OK)
        return status;
    artifact->n_parameters = n_parameters; /* those of the selector alone */
    artifact->calibration = view;
    artifact->scalars.calibration_method = view.method;
    artifact->scalars.calibration_knots = view.n_knots;
    artifact->scalars.calibration_records = records;
    return MLSEL_OK;
}
