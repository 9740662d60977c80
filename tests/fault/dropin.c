/* SPDX-License-Identifier: Apache-2.0 */
/* The drop-in libraries under fault: no status, so that a NULL or -1 is all they say. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "declarations.h"
#include "kinds.h"
#include "scenario.h"

static void *handle;
static char *json;

/* What the others say with a status. */
static mlsel_status said(bool is_there, mlsel_error *err) {
    const mlsel_status status = is_there ? MLSEL_OK : MLSEL_ERROR_NO_MEMORY;
    *err = (mlsel_error){.code = status};
    snprintf(err->message, sizeof err->message, "%s", is_there ? "" : "out of memory");
    return status;
}

static mlsel_status gave(void *pointer, mlsel_error *err) {
    if (pointer != NULL)
        scenario_result.pointers[0] = pointer;
    return said(pointer != NULL, err);
}

static void copy_json(const dropin_kind *kind) {
    json = malloc(strlen(kind->artifact) + 1);
    if (json == NULL)
        scenario_fail("no memory");
    strcpy(json, kind->artifact);
}

static void make(const dropin_kind *kind) {
    copy_json(kind);
    handle = kind->from_json(json);
}
static void drop_handle(const dropin_kind *kind) {
    kind->free(handle);
    free(json);
}
static void check_answer(const dropin_kind *kind) {
    if (strcmp(scenario_result.pointers[0], kind->answer[0]) != 0)
        scenario_fail("another answer: %s", (const char *)scenario_result.pointers[0]);
}
static void check_handle(const dropin_kind *kind) {
    if (kind->is_trained(scenario_result.pointers[0]) != 1)
        scenario_fail("it is not trained");
}
static void check_json(const dropin_kind *kind) {
    (void)kind;
    if (strcmp(scenario_result.pointers[0], json) != 0)
        scenario_fail("another document");
}

/* The functions of one kind, which have no argument to tell it by. */
#define KIND(name, prefix, index)                                                                                      \
    static mlsel_status name##_load(mlsel_error *err) { return gave(prefix##from_json(json), err); }                   \
    static mlsel_status name##_select(mlsel_error *err) {                                                              \
        double query[QUERY_WIDTH];                                                                                     \
        memcpy(query, kinds[index].query[0], sizeof query);                                                            \
        return gave(prefix##select(handle, query, QUERY_WIDTH), err);                                                  \
    }                                                                                                                  \
    static mlsel_status name##_write(mlsel_error *err) { return gave(prefix##to_json(handle), err); }                  \
    static mlsel_status name##_is_trained(mlsel_error *err) { return said(prefix##is_trained(handle) == 1, err); }     \
    static void name##_copy(void) { copy_json(&kinds[index]); }                                                        \
    static void name##_make(void) { make(&kinds[index]); }                                                             \
    static void name##_drop(void) { drop_handle(&kinds[index]); }                                                      \
    static void name##_drop_text(void) {                                                                               \
        kinds[index].free_string(scenario_result.pointers[0]);                                                         \
        drop_handle(&kinds[index]);                                                                                    \
    }                                                                                                                  \
    static void name##_drop_loaded(void) {                                                                             \
        kinds[index].free(scenario_result.pointers[0]);                                                                \
        free(json);                                                                                                    \
    }                                                                                                                  \
    static void name##_check_handle(void) { check_handle(&kinds[index]); }                                             \
    static void name##_check_answer(void) { check_answer(&kinds[index]); }                                             \
    static void name##_check_json(void) { check_json(&kinds[index]); }

KIND(knn, ml_knn_, KIND_KNN)
KIND(kmeans, ml_kmeans_, KIND_KMEANS)
KIND(svm, ml_svm_, KIND_SVM)
KIND(mlp, candle_mlp_, KIND_MLP)

static mlsel_status kmeans_score(mlsel_error *err) {
    double query[QUERY_WIDTH];
    memcpy(query, kinds[KIND_KMEANS].query[0], sizeof query);
    return said(ml_kmeans_score(handle, query, QUERY_WIDTH, scenario_result.numbers, 4) == 0, err);
}
static mlsel_status kmeans_candidates(mlsel_error *err) { return gave(ml_kmeans_candidates(handle), err); }

/* --- new handles, which are there whatever happens -----------------------------------------------------------------
 */

static mlsel_status new_knn(mlsel_error *err) { return gave(ml_knn_new(3), err); }
static mlsel_status new_kmeans(mlsel_error *err) { return gave(ml_kmeans_new(3), err); }
static mlsel_status new_svm(mlsel_error *err) { return gave(ml_svm_new(), err); }
static mlsel_status new_svm_kernel(mlsel_error *err) { return gave(ml_svm_new_with_kernel(1, 0.5), err); }
static mlsel_status new_mlp(mlsel_error *err) { return gave(candle_mlp_new(), err); }
static mlsel_status new_mlp_device(mlsel_error *err) { return gave(candle_mlp_new_with_device(1), err); }
static mlsel_status new_mlp_both(mlsel_error *err) { return gave(candle_mlp_new_with_device_and_dtype(1, 1), err); }
static void free_knn(void) { ml_knn_free(scenario_result.pointers[0]); }
static void free_kmeans(void) { ml_kmeans_free(scenario_result.pointers[0]); }
static void free_svm(void) { ml_svm_free(scenario_result.pointers[0]); }
static void free_mlp(void) { candle_mlp_free(scenario_result.pointers[0]); }

/* --- devices, whose plugin stays open ------------------------------------------------------------------------------
 */

enum { DEVICE_CUDA = 1 };

static void copy_for_device(void) {
    setenv("MLSEL_PLUGIN_PATH", FAULT_PLUGIN_FOLDER, 1);
    copy_json(&kinds[KIND_MLP]);
}
static mlsel_status load_on_device(mlsel_error *err) {
    return gave(candle_mlp_from_json_with_device(json, DEVICE_CUDA), err);
}
static mlsel_status load_with_dtype(mlsel_error *err) {
    return gave(candle_mlp_from_json_with_device_and_dtype(json, DEVICE_CUDA, 0), err);
}

#define OF_KIND(name, prefix)                                                                                          \
    {prefix "from_json",                                                                                               \
     "",                                                                                                               \
     NEEDS_ALLOC,                                                                                                      \
     0,                                                                                                                \
     name##_copy,                                                                                                      \
     name##_load,                                                                                                      \
     name##_check_handle,                                                                                              \
     name##_drop_loaded,                                                                                               \
     NULL,                                                                                                             \
     NULL,                                                                                                             \
     2,                                                                                                                \
     0},                                                                                                               \
        {prefix "select",                                                                                              \
         "",                                                                                                           \
         NEEDS_ALLOC,                                                                                                  \
         0,                                                                                                            \
         name##_make,                                                                                                  \
         name##_select,                                                                                                \
         name##_check_answer,                                                                                          \
         name##_drop_text,                                                                                             \
         NULL,                                                                                                         \
         NULL,                                                                                                         \
         0,                                                                                                            \
         0},                                                                                                           \
        {prefix "to_json",                                                                                             \
         "",                                                                                                           \
         NEEDS_ALLOC,                                                                                                  \
         0,                                                                                                            \
         name##_make,                                                                                                  \
         name##_write,                                                                                                 \
         name##_check_json,                                                                                            \
         name##_drop_text,                                                                                             \
         NULL,                                                                                                         \
         NULL,                                                                                                         \
         0,                                                                                                            \
         0},                                                                                                           \
    {                                                                                                                  \
        prefix "is_trained", "", 0, 0, name##_make, name##_is_trained, NULL, name##_drop, NULL, NULL, 0, 0             \
    }
#define NEW(function, run, clean)                                                                                      \
    { function, "", 0, 0, NULL, run, NULL, clean, NULL, NULL, 9, 0 }
#define ON_DEVICE(function, run)                                                                                       \
    {                                                                                                                  \
        function, "", NEEDS_ALLOC | NEEDS_FILE | NEEDS_PLUGIN, SCENARIO_IN_CHILD, copy_for_device, run,                \
            mlp_check_handle, mlp_drop_loaded, NULL, "access,dlopen,dlsym", 4, 0                                       \
    }

static const scenario dropin_scenarios[] = {
    OF_KIND(knn, "ml_knn_"),
    OF_KIND(kmeans, "ml_kmeans_"),
    OF_KIND(svm, "ml_svm_"),
    OF_KIND(mlp, "candle_mlp_"),
    {"ml_kmeans_score", "", 0, 0, kmeans_make, kmeans_score, NULL, kmeans_drop, NULL, NULL, 0, 0},
    {"ml_kmeans_candidates", "", NEEDS_ALLOC, 0, kmeans_make, kmeans_candidates, NULL, kmeans_drop_text, NULL, NULL, 0,
     0},
    NEW("ml_knn_new", new_knn, free_knn),
    NEW("ml_kmeans_new", new_kmeans, free_kmeans),
    NEW("ml_svm_new", new_svm, free_svm),
    NEW("ml_svm_new_with_kernel", new_svm_kernel, free_svm),
    NEW("candle_mlp_new", new_mlp, free_mlp),
    NEW("candle_mlp_new_with_device", new_mlp_device, free_mlp),
    NEW("candle_mlp_new_with_device_and_dtype", new_mlp_both, free_mlp),
    ON_DEVICE("candle_mlp_from_json_with_device", load_on_device),
    ON_DEVICE("candle_mlp_from_json_with_device_and_dtype", load_with_dtype),
};

int main(int argc, char **argv) {
    const scenario *const lists[] = {dropin_scenarios};
    const size_t sizes[] = {TEST_LENGTH(dropin_scenarios)};
    setenv("MLSEL_DROPIN_RULES", "current", 1); /* however the library was built */
    return scenario_main(argc, argv, lists, sizes, 1);
}
