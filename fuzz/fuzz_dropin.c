/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drop-in libraries against the public interface: a text is taken by the selector of its kind, and by no other, if
 * and only if mlsel_model_load_memory takes it; answers are those of mlsel_select_f64. Input as of fuzz_artifact.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "fuzz.h"
#include "input.h"
#include "json_tree.h"
#include "mlsel.h"
#include "mlsel_dropin_ml.h"
#include "mlsel_dropin_mlp.h"

struct kind {
    mlsel_algorithm algorithm;
    void *(*from_json)(char *json);
    void (*free)(void *handle);
    char *(*select)(void *handle, double *query, size_t n);
    int (*is_trained)(void *handle);
    char *(*to_json)(void *handle);
    void (*free_string)(char *string);
};

static const struct kind kinds[] = {
    {MLSEL_ALGORITHM_KNN, ml_knn_from_json, ml_knn_free, ml_knn_select, ml_knn_is_trained, ml_knn_to_json,
     ml_free_string},
    {MLSEL_ALGORITHM_KMEANS, ml_kmeans_from_json, ml_kmeans_free, ml_kmeans_select, ml_kmeans_is_trained,
     ml_kmeans_to_json, ml_free_string},
    {MLSEL_ALGORITHM_SVM, ml_svm_from_json, ml_svm_free, ml_svm_select, ml_svm_is_trained, ml_svm_to_json,
     ml_free_string},
    {MLSEL_ALGORITHM_MLP, candle_mlp_from_json, candle_mlp_free, candle_mlp_select, candle_mlp_is_trained,
     candle_mlp_to_json, candle_mlp_free_string},
};

enum { MAX_FEATURES = 2048, MAX_LABELS = 1024 };

static void check_select(const struct kind *kind, void *handle, const mlsel_model *model, double *query, size_t n) {
    mlsel_selection best;
    char *name = kind->select(handle, query, n);
    const mlsel_status status = mlsel_select_f64(model, query, n, NULL, &best, NULL);
    FUZZ_CHECK((name != NULL) == (status == MLSEL_OK));
    FUZZ_CHECK(name == NULL || strcmp(name, mlsel_model_label(model, best.index)) == 0);
    kind->free_string(name);
}

/* Scores and the names that they belong to; of a v1 artifact in byte order, 1 for the choice and 0 for the others. */
static void check_kmeans(void *handle, const mlsel_model *model, uint32_t format_version, double *query, size_t n) {
    double scores[MAX_LABELS];
    const size_t m = mlsel_model_label_count(model);
    mlsel_selection best;
    if (m > MAX_LABELS)
        return;
    FUZZ_CHECK(ml_kmeans_score(handle, query, n, scores, m + 1) == -1);
    const int cluster = ml_kmeans_score(handle, query, n, scores, m);
    const mlsel_status status = mlsel_select_f64(model, query, n, NULL, &best, NULL);
    FUZZ_CHECK((cluster >= 0) == (status == MLSEL_OK) && (cluster < 0 || cluster == best.cluster));
    char *text = ml_kmeans_candidates(handle);
    cJSON *names = cJSON_Parse(text);
    FUZZ_CHECK(cJSON_IsArray(names) && (size_t)cJSON_GetArraySize(names) == m);
    for (size_t i = 0; i < m; i++) {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(names, (int)i));
        const int32_t label = name == NULL ? -1 : mlsel_model_find_label(model, name);
        FUZZ_CHECK(label >= 0);
        FUZZ_CHECK(i == 0 || format_version != 1 ||
                   strcmp(cJSON_GetArrayItem(names, (int)i - 1)->valuestring, name) < 0);
        if (cluster >= 0 && format_version == 1)
            FUZZ_CHECK(scores[i] >= (label == best.index) && scores[i] <= (label == best.index));
        else if (cluster >= 0)
            FUZZ_CHECK(label != best.index || (scores[i] >= best.score && scores[i] <= best.score));
    }
    cJSON_Delete(names);
    ml_free_string(text);
}

static void check_handle(const struct kind *kind, void *handle, char *json, const mlsel_model *model,
                         struct fuzz_input in) {
    static double query[MAX_FEATURES];
    mlsel_model_info info;
    char *text = kind->to_json(handle);
    FUZZ_CHECK(text != NULL && strcmp(text, json) == 0);
    kind->free_string(text);
    FUZZ_CHECK(kind->is_trained(handle) == (model != NULL));
    for (size_t other = 0; other < sizeof kinds / sizeof *kinds; other++)
        if (&kinds[other] != kind)
            FUZZ_CHECK(kinds[other].to_json(handle) == NULL && kinds[other].is_trained(handle) == 0);
    for (size_t i = 0; i < MAX_FEATURES; i++)
        query[i] = i < 32 ? fuzz_double(&in) : query[i % 32];
    if (model == NULL) {
        FUZZ_CHECK(kind->select(handle, query, 2) == NULL);
        return;
    }
    FUZZ_CHECK(mlsel_model_get_info(model, &info, sizeof info, NULL) == MLSEL_OK);
    if (info.n_features >= MAX_FEATURES)
        return;
    FUZZ_CHECK(kind->select(handle, query, info.n_features + 1) == NULL && kind->select(handle, NULL, 1) == NULL);
    check_select(kind, handle, model, query, info.n_features);
    if (info.algorithm == MLSEL_ALGORITHM_KMEANS)
        check_kmeans(handle, model, info.format_version, query, info.n_features);
    for (size_t i = 0; i < info.n_features; i++)
        query[i] = isfinite(query[i]) && fabs(query[i]) < 1e30 ? query[i] : 1;
    check_select(kind, handle, model, query, info.n_features);
    if (info.algorithm == MLSEL_ALGORITHM_KMEANS)
        check_kmeans(handle, model, info.format_version, query, info.n_features);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    const struct fuzz_input in = fuzz_split_text(data, size, &text_size);
    char *json = malloc(text_size + 1);
    FUZZ_CHECK(json != NULL);
    if (text_size > 0)
        memcpy(json, data, text_size);
    json[text_size] = '\0';
    mlsel_model *model = NULL;
    mlsel_model_info info = {.algorithm = 0};
    const mlsel_status status = mlsel_model_load_memory(json, strlen(json), NULL, &model, NULL);
    if (model != NULL)
        FUZZ_CHECK(mlsel_model_get_info(model, &info, sizeof info, NULL) == MLSEL_OK);
    int taken = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *kind = &kinds[i];
        void *handle = kind->from_json(json);
        if (model != NULL)
            FUZZ_CHECK((handle != NULL) == (info.algorithm == kind->algorithm));
        else
            FUZZ_CHECK(handle == NULL || status == MLSEL_ERROR_NOT_TRAINED);
        if (handle != NULL)
            check_handle(kind, handle, json, model, in);
        taken += handle != NULL;
        kind->free(handle);
    }
    FUZZ_CHECK(taken <= 1);
    mlsel_model_release(model);
    free(json);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_mutate(data, size, max_size, seed);
}
