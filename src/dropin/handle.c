/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"

/* Handed out when memory runs out: X_new never returns NULL. */
static dropin_handle spare[] = {
    {.algorithm = MLSEL_ALGORITHM_KNN, .number = 5},
    {.algorithm = MLSEL_ALGORITHM_KMEANS, .number = 8},
    {.algorithm = MLSEL_ALGORITHM_SVM, .number = DROPIN_KERNEL_RBF, .gamma = 1},
    {.algorithm = MLSEL_ALGORITHM_MLP},
};

static dropin_handle *spare_of(mlsel_algorithm algorithm) {
    size_t i = 0;
    while (spare[i].algorithm != algorithm)
        i++;
    return &spare[i];
}

dropin_handle *mlsel_i_dropin_new(mlsel_algorithm algorithm, int number, double gamma) {
    dropin_handle *handle = malloc(sizeof *handle);
    if (handle == NULL)
        return spare_of(algorithm);
    *handle = (dropin_handle){.algorithm = algorithm, .number = number, .gamma = gamma};
    return handle;
}

static void free_handle(dropin_handle *handle) {
    mlsel_model_release(handle->model);
    mlsel_i_dropin_text_release(handle->text);
    free(handle->candidates);
    free(handle);
}

void mlsel_i_dropin_free(mlsel_algorithm algorithm, void *handle) {
    if (mlsel_i_dropin_check(algorithm, handle) != NULL && handle != spare_of(algorithm))
        free_handle(handle);
}

static int compare_names(const void *a, const void *b) {
    const dropin_candidate *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Candidates of a v1 artifact go by name, as in the library that this one replaces. */
static int sort_candidates(dropin_handle *handle) {
    const size_t n = mlsel_model_label_count(handle->model);
    handle->candidates = calloc(n + 1, sizeof *handle->candidates);
    if (handle->candidates == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        handle->candidates[i] =
            (dropin_candidate){.name = mlsel_model_label(handle->model, (int32_t)i), .label = (int32_t)i};
    qsort(handle->candidates, n, sizeof *handle->candidates, compare_names);
    return 1;
}

/* Fills in what a handle keeps of a document, whose model it has; 0 if that is another algorithm's or memory runs out.
 */
static int keep(dropin_handle *handle, const char *json, size_t size) {
    mlsel_model_info info = {.content_hash = ""};
    if (handle->model != NULL) {
        if (mlsel_model_get_info(handle->model, &info, sizeof info, NULL) != MLSEL_OK ||
            info.algorithm != handle->algorithm)
            return 0;
        if (info.algorithm == MLSEL_ALGORITHM_KMEANS && info.format_version == 1 && !sort_candidates(handle))
            return 0;
    }
    handle->text = mlsel_i_dropin_text_acquire(json, size, info.content_hash);
    return handle->text != NULL;
}

dropin_handle *mlsel_i_dropin_load(mlsel_algorithm algorithm, const char *json, const mlsel_model_options *options) {
    if (json == NULL)
        return NULL;
    const size_t size = strlen(json);
    mlsel_model *model = NULL;
    const mlsel_status status = mlsel_model_load_memory(json, size, options, &model, NULL);
    /* An untrained document is what an untrained handle writes; the library says no more of it than that. */
    if (status != MLSEL_OK &&
        (status != MLSEL_ERROR_NOT_TRAINED || !mlsel_i_dropin_is_document_of(json, mlsel_algorithm_name(algorithm))))
        return NULL;
    dropin_handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL) {
        mlsel_model_release(model);
        return NULL;
    }
    handle->algorithm = algorithm;
    handle->model = model;
    if (!keep(handle, json, size)) {
        free_handle(handle);
        return NULL;
    }
    return handle;
}

const dropin_handle *mlsel_i_dropin_check(mlsel_algorithm algorithm, const void *handle) {
    const dropin_handle *given = handle;
    return given != NULL && given->algorithm == algorithm ? given : NULL;
}

char *mlsel_i_dropin_select(mlsel_algorithm algorithm, const void *handle, const double *query, size_t n) {
    const dropin_handle *given = mlsel_i_dropin_check(algorithm, handle);
    mlsel_selection best;
    if (given == NULL || given->model == NULL || query == NULL ||
        mlsel_select_f64(given->model, query, n, NULL, &best, NULL) != MLSEL_OK)
        return NULL;
    return mlsel_i_dropin_copy(mlsel_model_label(given->model, best.index));
}

int mlsel_i_dropin_is_trained(mlsel_algorithm algorithm, const void *handle) {
    const dropin_handle *given = mlsel_i_dropin_check(algorithm, handle);
    return given != NULL && given->model != NULL;
}

char *mlsel_i_dropin_to_json(mlsel_algorithm algorithm, const void *handle) {
    const dropin_handle *given = mlsel_i_dropin_check(algorithm, handle);
    if (given == NULL)
        return NULL;
    return given->text != NULL ? mlsel_i_dropin_copy(given->text->bytes) : mlsel_i_dropin_untrained(given);
}
