/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and saving models. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"

#define KNN FIXTURE("knn_outcomes_timed.json")
#define KMEANS FIXTURE("kmeans_v2.json")
#define SVM FIXTURE("svm_rbf_4.json")
#define MLP FIXTURE("mlp_pytorch.json")

static mlsel_model *model;
static char *text;
static size_t text_size;
static const char *container;

static void release_result(void) { mlsel_model_release(SCENARIO_POINTER(mlsel_model)); }

/* That what was loaded answers. */
static void check_loaded(void) {
    static const float query[64] = {1, 2, 3};
    mlsel_model_info info;
    mlsel_selection selection;
    mlsel_error err;
    mlsel_model *loaded = SCENARIO_POINTER(mlsel_model);
    if (mlsel_model_get_info(loaded, &info, sizeof info, &err) != MLSEL_OK || info.n_features > TEST_LENGTH(query) ||
        mlsel_select(loaded, query, info.n_features, NULL, &selection, &err) != MLSEL_OK)
        scenario_fail("the model does not answer: %s", err.message);
}

static mlsel_status load(const char *path, uint32_t threads, mlsel_error *err) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.threads = threads;
    return mlsel_model_load(path, &options, (mlsel_model **)&scenario_result.pointers[0], err);
}

static mlsel_status load_knn(mlsel_error *err) { return load(KNN, 0, err); }
static mlsel_status load_kmeans(mlsel_error *err) { return load(KMEANS, 0, err); }
static mlsel_status load_svm(mlsel_error *err) { return load(SVM, 0, err); }
static mlsel_status load_mlp(mlsel_error *err) { return load(MLP, 0, err); }
static mlsel_status load_container(mlsel_error *err) { return load(container, 0, err); }
static mlsel_status load_with_threads(mlsel_error *err) { return load(MLP, 4, err); }

static mlsel_status load_memory(mlsel_error *err) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.threads = 3;
    return mlsel_model_load_memory(text, text_size, &options, (mlsel_model **)&scenario_result.pointers[0], err);
}

static void read_text(void) { text = test_need_file(SVM, &text_size); }
static void free_text(void) {
    release_result();
    free(text);
}

/* --- containers and saving ---------------------------------------------------------------------------------------- */

static void save_container_of(const char *artifact) {
    mlsel_save_options options;
    mlsel_error err;
    mlsel_model *made = fault_load(artifact, NULL);
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    container = test_path("model.safetensors");
    if (mlsel_model_save(made, container, &options, &err) != MLSEL_OK)
        scenario_fail("%s", err.message);
    mlsel_model_release(made);
}

static void make_knn(void) { save_container_of(KNN); }
static void make_kmeans(void) { save_container_of(KMEANS); }
static void make_svm(void) { save_container_of(SVM); }
static void make_mlp(void) { save_container_of(MLP); }

static void release_and_remove(void) {
    release_result();
    test_empty(test_folder());
}

static mlsel_status save(const char *name, int32_t replace, mlsel_error *err) {
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = replace;
    return mlsel_model_save(model, test_path(name), &options, err);
}

static mlsel_status save_new(mlsel_error *err) { return save("new.json", 0, err); }
static mlsel_status save_over(mlsel_error *err) { return save("old.json", 1, err); }
static mlsel_status save_container(mlsel_error *err) { return save("old.safetensors", 1, err); }

static void load_and_write(void) {
    model = fault_load(MLP, NULL);
    test_write_text("old.json", "what was there");
    test_write_text("old.safetensors", "what was there");
}

static void check_saved(const char *name) {
    mlsel_model_info saved, given;
    mlsel_error err;
    mlsel_model *again = fault_load(test_path(name), NULL);
    if (mlsel_model_get_info(again, &saved, sizeof saved, &err) != MLSEL_OK ||
        mlsel_model_get_info(model, &given, sizeof given, &err) != MLSEL_OK || saved.n_parameters != given.n_parameters)
        scenario_fail("another model was saved");
    mlsel_model_release(again);
    if (access(test_path(name), R_OK) != 0)
        scenario_fail("it is not there");
}

static void check_new(void) { check_saved("new.json"); }
static void check_over(void) { check_saved("old.json"); }
static void check_container(void) { check_saved("old.safetensors"); }

static void release_and_empty(void) {
    mlsel_model_release(model);
    test_empty(test_folder());
}

/* A file that was read has been read, whatever its end says; folders reach the disk where the system can do that. */
#define LOADS "close"
#define SAVES "open folder,fsync folder,close folder"

#define LOAD(what, needs, prepare, run, clean, optional_allocs)                                                        \
    {                                                                                                                  \
        "mlsel_model_load", what, NEEDS_ALLOC | needs, 0, prepare, run, check_loaded, clean, NULL, LOADS,              \
            optional_allocs, 0                                                                                         \
    }
#define SAVE(what, run, check, path, optional)                                                                         \
    {                                                                                                                  \
        "mlsel_model_save", what, NEEDS_ALLOC | NEEDS_FILE, 0, load_and_write, run, check, release_and_empty, path,    \
            optional, 1, 0                                                                                             \
    }

const scenario model_scenarios[] = {
    LOAD("KNN", NEEDS_FILE, NULL, load_knn, release_result, 2), /* smaller blocks are only a saving */
    LOAD("KMeans", NEEDS_FILE, NULL, load_kmeans, release_result, 0),
    LOAD("SVM", NEEDS_FILE, NULL, load_svm, release_result, 0),
    LOAD("MLP", NEEDS_FILE, NULL, load_mlp, release_result, 0),
    LOAD("threads", NEEDS_FILE | NEEDS_THREAD, NULL, load_with_threads, release_result, 0),
    LOAD("container of KNN", NEEDS_FILE, make_knn, load_container, release_and_remove, 0),
    LOAD("container of KMeans", NEEDS_FILE, make_kmeans, load_container, release_and_remove, 0),
    LOAD("container of SVM", NEEDS_FILE, make_svm, load_container, release_and_remove, 0),
    LOAD("container of MLP", NEEDS_FILE, make_mlp, load_container, release_and_remove, 0),
    {"mlsel_model_load_memory", "", NEEDS_ALLOC | NEEDS_THREAD, 0, read_text, load_memory, check_loaded, free_text,
     NULL, NULL, 0, 0},
    SAVE("a new file", save_new, check_new, "new.json", SAVES ",unlink"), /* a second name of the same file */
    SAVE("over a file", save_over, check_over, "old.json", SAVES),
    SAVE("a container over a file", save_container, check_container, "old.safetensors", SAVES),
};
const size_t n_model_scenarios = TEST_LENGTH(model_scenarios);
