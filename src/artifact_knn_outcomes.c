/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a KNN artifact may record besides the ecosystem's arrays: what became of each row with each label. A key of
 * mlsel's own trainer, which other readers ignore. docs/training.md and docs/container.md describe it.
 */
#include <float.h>
#include <stdio.h>

#include "artifact_read.h"

static const double unknown = -1;

static mlsel_status bad_value(const artifact_reader *in, const char *path, double value, double max) {
    char text[32];
    mlsel_i_format_double(text, sizeof text, value);
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s: %s is neither %s nor -1 for unknown", path, text,
                        max > 1 ? "a number of at least 0" : "between 0 and 1");
}

/* A matrix of a row's values by label: from 0 to max, or unknown. *out stays if it is missing. */
static mlsel_status take_matrix(const artifact_reader *in, json_place place, const char *key, int required, double max,
                                const double **out) {
    const size_t n = (size_t)in->artifact->knn.n_rows, n_labels = in->artifact->scalars.n_labels;
    json_array array;
    const mlsel_status status = mlsel_i_take_matrix(in, place, key, required, n, n_labels, &array);
    if (status != MLSEL_OK || array.data == NULL)
        return status;
    const double *values = array.data;
    for (size_t i = 0; i < n * n_labels; i++) {
        char path[64];
        if ((values[i] >= 0 && values[i] <= max) || !(values[i] < unknown || values[i] > unknown))
            continue;
        (void)snprintf(path, sizeof path, "%s.%s[%zu][%zu]", place.path, key, i / n_labels, i % n_labels);
        return bad_value(in, path, values[i], max);
    }
    *out = values;
    return MLSEL_OK;
}

static mlsel_status take_prior(const artifact_reader *in, json_place place, const double **out) {
    const size_t n_labels = in->artifact->scalars.n_labels;
    json_array array;
    const mlsel_status status = mlsel_i_take_vector(in, place, "prior", READ_REQUIRED, n_labels, &array);
    if (status != MLSEL_OK)
        return status;
    const double *values = array.data;
    for (size_t i = 0; i < n_labels; i++) {
        if (values[i] >= 0 && values[i] <= 1)
            continue;
        char text[32];
        mlsel_i_format_double(text, sizeof text, values[i]);
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.prior[%zu]: %s is not between 0 and 1", place.path, i,
                            text);
    }
    *out = values;
    return MLSEL_OK;
}

static mlsel_status read_weight(const artifact_reader *in, json_place place, const char *key, double *out) {
    const mlsel_status status = mlsel_i_read_real(in, place, key, READ_REQUIRED, out);
    if (status != MLSEL_OK || *out >= 0)
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s must be at least 0", place.path, key);
}

/* The columns are those of model_names, so all labels must be there. */
static mlsel_status check_columns(const artifact_reader *in, json_place root) {
    const json_strings *names;
    const mlsel_status status = mlsel_i_read_names(in, root, "model_names", READ_OPTIONAL, ANY_COUNT, &names);
    if (status != MLSEL_OK)
        return status;
    if (names == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "$.model_names is missing: it says what the columns of $.outcomes are");
    if (names->count == in->artifact->scalars.n_labels)
        return MLSEL_OK;
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                        "$.model_names lacks \"%s\", a label of the rows: $.outcomes has a column for each label",
                        in->artifact->labels[names->count]);
}

/* What to expect of each label's quality where nothing near is known: the mean over all rows. */
static mlsel_status find_quality_prior(const artifact_reader *in, knn_outcomes *outcomes) {
    const size_t n = (size_t)in->artifact->knn.n_rows, n_labels = in->artifact->scalars.n_labels;
    double *means = mlsel_i_artifact_alloc(in->artifact, n_labels, sizeof *means, true, in->err);
    if (means == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t j = 0; j < n_labels; j++) {
        double sum = 0;
        size_t known = 0;
        for (size_t i = 0; i < n; i++) {
            const double quality = outcomes->quality[i * n_labels + j];
            sum += quality >= 0 ? quality : 0;
            known += quality >= 0;
        }
        means[j] = known > 0 ? sum / (double)known : outcomes->prior[j];
    }
    outcomes->quality_prior = means;
    return MLSEL_OK;
}

static mlsel_status allow_all(const artifact_reader *in, knn_outcomes *outcomes) {
    const size_t n_labels = in->artifact->scalars.n_labels;
    uint8_t *choosable = mlsel_i_artifact_alloc(in->artifact, n_labels, 1, true, in->err);
    if (choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < n_labels; i++)
        choosable[i] = 1;
    outcomes->choosable = choosable;
    return MLSEL_OK;
}

mlsel_status mlsel_i_read_knn_outcomes(const artifact_reader *in, json_place root) {
    const json_place place = {mlsel_i_member(root, "outcomes"), "$.outcomes"};
    artifact_scalars *scalars = &in->artifact->scalars;
    knn_outcomes outcomes = {0};
    if (place.object == NULL)
        return MLSEL_OK;
    if (!cJSON_IsObject(place.object))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.outcomes must be an object");
    mlsel_status status = check_columns(in, root);
    if (status != MLSEL_OK ||
        (status = take_matrix(in, place, "quality", READ_REQUIRED, 1, &outcomes.quality)) != MLSEL_OK ||
        (status = take_matrix(in, place, "utility", READ_OPTIONAL, 1, &outcomes.utility)) != MLSEL_OK ||
        (status = take_matrix(in, place, "latency_ns", READ_OPTIONAL, FLT_MAX, &outcomes.latency)) != MLSEL_OK ||
        (status = take_prior(in, place, &outcomes.prior)) != MLSEL_OK ||
        (status = read_weight(in, place, "beta", &scalars->knn_beta)) != MLSEL_OK ||
        (status = read_weight(in, place, "shrinkage", &scalars->knn_shrinkage)) != MLSEL_OK)
        return status;
    if (outcomes.utility != NULL) {
        status = find_quality_prior(in, &outcomes);
    } else {
        outcomes.utility = outcomes.quality;
        outcomes.quality_prior = outcomes.prior;
    }
    if (status == MLSEL_OK)
        status = allow_all(in, &outcomes);
    in->artifact->outcomes = outcomes;
    return status;
}
