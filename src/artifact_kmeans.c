/* SPDX-License-Identifier: Apache-2.0 */
/* Reading KMeans artifacts: v1 (one model per cluster, and from mlsel's own trainer the utilities of all) and v2 (a
 * score per cluster and candidate). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact_read.h"

static mlsel_status read_centroids(const artifact_reader *in, json_place root) {
    mlsel_artifact *artifact = in->artifact;
    json_array centroids;
    mlsel_status status = mlsel_i_take_matrix(in, root, "centroids", READ_REQUIRED, ANY_COUNT, ANY_COUNT, &centroids);
    if (status != MLSEL_OK)
        return status;
    if (centroids.rows == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "$.centroids is empty: the model has no clusters");
    if (centroids.rows > INT32_MAX || centroids.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%zu clusters of %zu features are too many", centroids.rows,
                            centroids.cols);
    if ((status = mlsel_i_check_count(in, root, "num_clusters", centroids.rows, "$.centroids")) != MLSEL_OK ||
        (status = mlsel_i_check_count(in, root, "n_clusters", centroids.rows, "$.centroids")) != MLSEL_OK ||
        (status = mlsel_i_check_count(in, root, "feature_dim", centroids.cols, "$.centroids")) != MLSEL_OK)
        return status;
    artifact->scalars.n_features = (uint32_t)centroids.cols;
    artifact->kmeans = (mlsel_kmeans_view){.centroids = centroids.data, .n_clusters = (uint32_t)centroids.rows};
    return MLSEL_OK;
}

/* --- v1 ---------------------------------------------------------------------------------------------------------- */

/* The cluster models in object form: {"0": "name", "1": ...}, in any order, none missing. */
static mlsel_status read_cluster_object(const artifact_reader *in, const cJSON *object, size_t n, const char **names) {
    const cJSON *member;
    cJSON_ArrayForEach (member, object) {
        char expected[24] = "";
        const unsigned long index = strtoul(member->string, NULL, 10);
        /* written back and compared, so that " 1", "01" and "1x" are no indices */
        if (index < n)
            snprintf(expected, sizeof expected, "%lu", index);
        if (strcmp(expected, member->string) != 0)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                                "$.cluster_models: key \"%s\" is no cluster from \"0\" to \"%zu\"", member->string,
                                n - 1);
        if (!cJSON_IsString(member) || member->valuestring[0] == '\0')
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.cluster_models.%lu must be a model name", index);
        names[index] = member->valuestring;
    }
    for (size_t i = 0; i < n; i++)
        if (names[i] == NULL)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.cluster_models.%zu is missing", i);
    return MLSEL_OK;
}

static mlsel_status read_cluster_names(const artifact_reader *in, json_place root, size_t n, const char **names) {
    const cJSON *member = mlsel_i_member(root, "cluster_models");
    if (cJSON_IsObject(member))
        return read_cluster_object(in, member, n, names);
    const json_strings *list;
    const mlsel_status status = mlsel_i_read_names(in, root, "cluster_models", READ_REQUIRED, n, &list);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        names[i] = list->bytes + list->offsets[i];
    return status;
}

/* What every model is worth in each cluster: a key of mlsel's own trainer, which other readers ignore. They take the
 * cluster's model, so it must be the best one. */
static mlsel_status read_utilities(const artifact_reader *in, json_place root, bool names_all) {
    mlsel_artifact *artifact = in->artifact;
    const size_t n = artifact->kmeans.n_clusters, n_labels = artifact->scalars.n_labels;
    json_array array;
    const mlsel_status status = mlsel_i_take_matrix(in, root, "cluster_utilities", READ_OPTIONAL, n, n_labels, &array);
    if (status != MLSEL_OK || array.data == NULL)
        return status;
    if (!names_all)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "$.cluster_utilities needs $.model_names with every model of $.cluster_models");
    const double *utilities = array.data;
    for (size_t c = 0; c < n; c++) {
        const double *row = utilities + c * n_labels;
        size_t best = 0;
        for (size_t i = 1; i < n_labels; i++)
            best = row[i] > row[best] ? i : best;
        if (best != (size_t)artifact->cluster_labels[c])
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                                "$.cluster_utilities[%zu]: \"%s\" is best, but $.cluster_models says \"%s\"", c,
                                artifact->labels[best], artifact->labels[artifact->cluster_labels[c]]);
    }
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, n_labels, 1, true, in->err);
    if (choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    memset(choosable, 1, n_labels);
    artifact->cluster_scores = utilities;
    artifact->choosable = choosable;
    return MLSEL_OK;
}

static mlsel_status read_v1(const artifact_reader *in, json_place root, label_set *labels, const char **names) {
    mlsel_artifact *artifact = in->artifact;
    const size_t n = artifact->kmeans.n_clusters;
    const json_strings *named;
    mlsel_status status = read_cluster_names(in, root, n, names);
    if (status != MLSEL_OK ||
        (status = mlsel_i_read_names(in, root, "model_names", READ_OPTIONAL, ANY_COUNT, &named)) != MLSEL_OK)
        return status;
    if (named != NULL && (status = mlsel_i_labels_add_list(in, labels, named, "$", "model_names")) != MLSEL_OK)
        return status;
    const size_t n_named = labels->count;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        status = mlsel_i_labels_add(labels, names[i], NULL, in->err);
    if (status != MLSEL_OK)
        return status;
    mlsel_i_labels_sort(labels, n_named);
    if ((status = mlsel_i_labels_store(in, labels)) != MLSEL_OK)
        return status;
    int32_t *cluster_labels = mlsel_i_artifact_alloc(artifact, n, sizeof *cluster_labels, true, in->err);
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    if (cluster_labels == NULL || choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        cluster_labels[i] = mlsel_i_labels_find(labels, names[i]);
        choosable[cluster_labels[i]] = 1;
    }
    artifact->cluster_labels = cluster_labels;
    artifact->choosable = choosable;
    return read_utilities(in, root, labels->count == n_named);
}

/* --- v2 ---------------------------------------------------------------------------------------------------------- */

/* A string that must have one value where it is present. */
static mlsel_status expect_string(const artifact_reader *in, json_place place, const char *key, const char *expected) {
    const char *value = expected;
    const mlsel_status status = mlsel_i_read_string(in, place, key, READ_OPTIONAL, &value);
    if (status != MLSEL_OK || strcmp(value, expected) == 0)
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED, "%s.%s: \"%s\" is not supported, expected \"%s\"", place.path,
                        key, value, expected);
}

/* An optional object; its place has a NULL object if it is missing, which has no members. */
static mlsel_status find_object(const artifact_reader *in, json_place root, const char *key, const char *path,
                                json_place *out) {
    const cJSON *object = mlsel_i_member(root, key);
    if (object != NULL && !cJSON_IsObject(object))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s must be an object", path);
    *out = (json_place){object, path};
    return MLSEL_OK;
}

static mlsel_status check_contract(const artifact_reader *in, json_place root) {
    json_place feature = {0};
    mlsel_status status = expect_string(in, root, "target_contract", "selector.model-choice/v1");
    if (status != MLSEL_OK || (status = expect_string(in, root, "distance", "squared_l2")) != MLSEL_OK ||
        (status = expect_string(in, root, "tie_break", "lowest_index")) != MLSEL_OK ||
        (status = find_object(in, root, "feature", "$.feature", &feature)) != MLSEL_OK ||
        (status = expect_string(in, feature, "normalization", "none")) != MLSEL_OK)
        return status;
    return mlsel_i_check_count(in, feature, "dim", in->artifact->scalars.n_features, "$.centroids");
}

/* The candidates are the labels, in their own (sorted) order; model_names may repeat them in another. */
static mlsel_status read_candidates(const artifact_reader *in, json_place root, label_set *labels) {
    json_place candidate_set = {0};
    const json_strings *models = NULL, *named;
    mlsel_status status = find_object(in, root, "candidate_set", "$.candidate_set", &candidate_set);
    if (status != MLSEL_OK ||
        (status = mlsel_i_read_names(in, candidate_set, "models", READ_OPTIONAL, ANY_COUNT, &models)) != MLSEL_OK)
        return status;
    const int required = models == NULL ? READ_REQUIRED : READ_OPTIONAL;
    const size_t count = models == NULL ? ANY_COUNT : models->count;
    if ((status = mlsel_i_read_names(in, root, "model_names", required, count, &named)) != MLSEL_OK)
        return status;
    if (models == NULL && named == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "$.model_names is empty: there are no candidates");
    if (models == NULL)
        return mlsel_i_labels_add_list(in, labels, named, "$", "model_names");
    if ((status = mlsel_i_labels_add_list(in, labels, models, "$.candidate_set", "models")) != MLSEL_OK)
        return status;
    for (size_t i = 1; i < labels->count; i++)
        if (strcmp(labels->names[i - 1], labels->names[i]) > 0)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.candidate_set.models[%zu]: \"%s\" is not in order", i,
                                labels->names[i]);
    for (size_t i = 0; named != NULL && i < named->count; i++)
        if (mlsel_i_labels_find(labels, named->bytes + named->offsets[i]) < 0)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.model_names[%zu]: \"%s\" is no candidate", i,
                                named->bytes + named->offsets[i]);
    return MLSEL_OK;
}

/* What selecting does not use must still fit the rest. */
static mlsel_status check_unused(const artifact_reader *in, json_place root, const label_set *labels) {
    const size_t k = in->artifact->kmeans.n_clusters;
    json_array array;
    json_place fallback = {0}, clustering = {0};
    const json_strings *names;
    mlsel_status status = mlsel_i_read_matrix(in, root, "support", READ_OPTIONAL, k, labels->count, &array);
    if (status != MLSEL_OK ||
        (status = mlsel_i_read_vector(in, root, "cluster_sizes", READ_OPTIONAL, k, &array)) != MLSEL_OK ||
        (status = find_object(in, root, "fallback", "$.fallback", &fallback)) != MLSEL_OK ||
        (status = mlsel_i_read_vector(in, fallback, "global_scores", READ_OPTIONAL, labels->count, &array)) !=
            MLSEL_OK ||
        (status = mlsel_i_read_vector(in, fallback, "global_support", READ_OPTIONAL, labels->count, &array)) !=
            MLSEL_OK ||
        (status = find_object(in, root, "clustering", "$.clustering", &clustering)) != MLSEL_OK ||
        (status = mlsel_i_check_count(in, clustering, "effective_k", k, "$.centroids")) != MLSEL_OK ||
        (status = mlsel_i_read_names(in, root, "cluster_models", READ_OPTIONAL, k, &names)) != MLSEL_OK)
        return status;
    for (size_t i = 0; names != NULL && i < k; i++)
        if (mlsel_i_labels_find(labels, names->bytes + names->offsets[i]) < 0)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.cluster_models[%zu]: \"%s\" is no candidate", i,
                                names->bytes + names->offsets[i]);
    return MLSEL_OK;
}

static mlsel_status read_v2(const artifact_reader *in, json_place root, label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    json_array scores;
    mlsel_status status = check_contract(in, root);
    if (status != MLSEL_OK || (status = read_candidates(in, root, labels)) != MLSEL_OK ||
        (status = mlsel_i_take_matrix(in, root, "scores", READ_REQUIRED, artifact->kmeans.n_clusters, labels->count,
                                      &scores)) != MLSEL_OK ||
        (status = check_unused(in, root, labels)) != MLSEL_OK ||
        (status = mlsel_i_labels_store(in, labels)) != MLSEL_OK)
        return status;
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    if (choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    memset(choosable, 1, labels->count);
    artifact->cluster_scores = scores.data;
    artifact->choosable = choosable;
    return MLSEL_OK;
}

mlsel_status mlsel_i_read_kmeans(const artifact_reader *in, json_place root) {
    label_set labels = {0};
    const char **names = NULL;
    mlsel_status status = read_centroids(in, root);
    if (status != MLSEL_OK)
        return status;
    if (in->artifact->scalars.format_version == 2) {
        status = read_v2(in, root, &labels);
    } else {
        names = mlsel_i_calloc(in->artifact->kmeans.n_clusters, sizeof *names);
        status = names == NULL ? mlsel_i_no_memory(in->err) : read_v1(in, root, &labels, names);
    }
    mlsel_i_free(names);
    mlsel_i_labels_free(&labels);
    return status;
}
