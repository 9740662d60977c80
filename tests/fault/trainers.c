/* SPDX-License-Identifier: Apache-2.0 */
/* Training, saving, calibrating, evaluating, with threads. What LIBSVM allocates is out of reach here. */
#include "training.h"

enum { QUERIES = 24, MODELS = 2, WIDTH = 4 };

static mlsel_dataset *dataset;
static mlsel_training *training;
static mlsel_model *model;

/* Two kinds of queries, and a model that is good at each. */
static void make(void) {
    mlsel_error err;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    for (int q = 0; q < QUERIES; q++)
        for (int m = 0; m < MODELS; m++) {
            char query[16];
            mlsel_record record;
            const float embedding[WIDTH] = {q % 2 == 0 ? 1 : -1, (float)(q % 5), (float)(q % 3), 1};
            snprintf(query, sizeof query, "query %d", q);
            mlsel_record_init(&record, sizeof record);
            record.query = query;
            record.model = m == 0 ? "a" : "b";
            record.quality = q % 2 == m ? 1 : 0.25;
            record.latency_s = 1;
            record.embedding = embedding;
            record.n_embedding = WIDTH;
            test_ok(mlsel_dataset_add(dataset, &record, &err), &err);
        }
}

static mlsel_train_options options_of(void) {
    mlsel_train_options options;
    mlsel_train_options_init(&options, sizeof options);
    options.threads = 3;
    options.folds = 2;
    options.knn_k = 3;
    options.kmeans_clusters = 2;
    options.kmeans_starts = 2;
    options.mlp_hidden[0] = 4;
    options.n_mlp_hidden = 1;
    options.mlp_epochs = 2;
    return options;
}

static mlsel_status train(mlsel_algorithm algorithm, mlsel_error *err) {
    const mlsel_train_options options = options_of();
    return mlsel_train(dataset, algorithm, &options, (mlsel_training **)&scenario_result.pointers[0], err);
}
static mlsel_status train_knn(mlsel_error *err) { return train(MLSEL_ALGORITHM_KNN, err); }
static mlsel_status train_kmeans(mlsel_error *err) { return train(MLSEL_ALGORITHM_KMEANS, err); }
#ifdef FAULT_SVM
static mlsel_status train_svm(mlsel_error *err) { return train(MLSEL_ALGORITHM_SVM, err); }
#endif
static mlsel_status train_mlp(mlsel_error *err) { return train(MLSEL_ALGORITHM_MLP, err); }
static void check_trained(void) {
    mlsel_model *loaded = NULL;
    mlsel_error err;
    test_ok(mlsel_training_model(SCENARIO_POINTER(mlsel_training), NULL, &loaded, &err), &err);
    if (mlsel_model_label_count(loaded) != MODELS)
        scenario_fail("%zu labels", mlsel_model_label_count(loaded));
    mlsel_model_release(loaded);
}
static void drop_trained(void) {
    mlsel_training_free(SCENARIO_POINTER(mlsel_training));
    mlsel_dataset_free(dataset);
}

/* --- what comes after --------------------------------------------------------------------------------------------- */

static void make_training(void) {
    const mlsel_train_options options = options_of();
    mlsel_error err;
    make();
    test_ok(mlsel_train(dataset, MLSEL_ALGORITHM_KNN, &options, &training, &err), &err);
    test_write_text("old.json", "what was there");
}
static void drop_training(void) {
    mlsel_training_free(training);
    mlsel_dataset_free(dataset);
    test_empty(test_folder());
}
static mlsel_status save_as(mlsel_format format, mlsel_error *err) {
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    options.format = format;
    return mlsel_training_save(training, test_path("old.json"), &options, err);
}
static mlsel_status save(mlsel_error *err) { return save_as(MLSEL_FORMAT_JSON, err); }
static mlsel_status save_container(mlsel_error *err) { return save_as(MLSEL_FORMAT_SAFETENSORS, err); }
static mlsel_status to_model(mlsel_error *err) {
    return mlsel_training_model(training, NULL, (mlsel_model **)&scenario_result.pointers[0], err);
}
static void drop_model(void) {
    mlsel_model_release(SCENARIO_POINTER(mlsel_model));
    drop_training();
}

static void make_artifact(void) {
    mlsel_error err;
    make_training();
    test_ok(mlsel_training_save(training, test_path("new.json"), NULL, &err), &err);
}
static mlsel_status calibrate_as(mlsel_format format, mlsel_error *err) {
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    options.format = format;
    return mlsel_calibrate(dataset, test_path("new.json"), MLSEL_CALIBRATION_PLATT, test_path("old.json"), &options,
                           err);
}
static mlsel_status calibrate(mlsel_error *err) { return calibrate_as(MLSEL_FORMAT_JSON, err); }
static mlsel_status calibrate_container(mlsel_error *err) { return calibrate_as(MLSEL_FORMAT_SAFETENSORS, err); }

static void make_model(void) {
    mlsel_error err;
    make_training();
    test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
}
static void drop_made_model(void) {
    mlsel_model_release(model);
    drop_training();
}
static mlsel_status find_floor(mlsel_error *err) {
    return mlsel_find_floor(dataset, model, 0.5, -1, (mlsel_floor *)(void *)scenario_result.bytes, err);
}
static mlsel_status evaluate(mlsel_error *err) {
    const mlsel_contender contender = {.name = "knn", .model = model};
    mlsel_evaluate_options options;
    mlsel_evaluate_options_init(&options, sizeof options);
    options.threads = 3;
    options.resamples = 20;
    options.curve_points = 3;
    return mlsel_evaluate(dataset, &contender, 1, &options, (mlsel_evaluation **)&scenario_result.pointers[0], err);
}
static void drop_evaluation(void) {
    mlsel_evaluation_free(SCENARIO_POINTER(mlsel_evaluation));
    drop_made_model();
}

#define SAVES "open folder,fsync folder,close folder"
#define TRAIN(what, needs, run)                                                                                        \
    { "mlsel_train", what, NEEDS_ALLOC | needs, 0, make, run, check_trained, drop_trained, NULL, NULL, 2, 0 }

const scenario trainer_scenarios[] = {
    TRAIN("KNN", 0, train_knn),
    TRAIN("KMeans", NEEDS_THREAD, train_kmeans),
#ifdef FAULT_SVM
    TRAIN("SVM", 0, train_svm),
#endif
    TRAIN("MLP", NEEDS_THREAD, train_mlp),
    {"mlsel_training_save", "", NEEDS_ALLOC | NEEDS_FILE, 0, make_training, save, NULL, drop_training, "old.json",
     SAVES, 1, 0},
    {"mlsel_training_save", "a container", NEEDS_ALLOC | NEEDS_FILE, 0, make_training, save_container, NULL,
     drop_training, "old.json", SAVES, 1, 0},
    {"mlsel_training_model", "", NEEDS_ALLOC, 0, make_training, to_model, NULL, drop_model, NULL, NULL, 2, 0},
    {"mlsel_calibrate", "", NEEDS_ALLOC | NEEDS_FILE, 0, make_artifact, calibrate, NULL, drop_training, NULL,
     SAVES ",close", 3, 0},
    {"mlsel_calibrate", "to a container", NEEDS_ALLOC | NEEDS_FILE, 0, make_artifact, calibrate_container, NULL,
     drop_training, NULL, SAVES ",close", 3, 0},
    {"mlsel_find_floor", "", NEEDS_ALLOC, 0, make_model, find_floor, NULL, drop_made_model, NULL, NULL, 0, 0},
    {"mlsel_evaluate", "", NEEDS_ALLOC | NEEDS_THREAD, 0, make_model, evaluate, NULL, drop_evaluation, NULL, NULL, 0,
     0},
};
const size_t n_trainer_scenarios = TEST_LENGTH(trainer_scenarios);
