/* SPDX-License-Identifier: Apache-2.0 */
/* Queries, answered by models and batchers: nothing but memory can fail, and that only where none is left over. */
#include <string.h>

#include "batcher/batcher.h"
#include "library.h"
#include "model.h"

enum { WIDTH = 64, LABELS = 16, COUNT = 3 };

static mlsel_model *model;
static workspace *taken[POOL_SLOTS];
static size_t n_features, n_labels;
static float x[COUNT * WIDTH];
static double x_f64[COUNT * WIDTH];
static mlsel_batcher *batcher;

/* A model as large that its answers need memory from the heap, of which the pool has none. */
static void make(const char *artifact) {
    mlsel_model_info info;
    mlsel_error err;
    for (size_t i = 0; i < TEST_LENGTH(x); i++)
        x_f64[i] = x[i] = (float)(i % 7) - 3;
    model = fault_load(artifact, NULL);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    n_features = info.n_features;
    n_labels = info.n_labels;
    model->layout_of_one.end = SIZE_MAX;
    taken[0] = mlsel_i_workspace_take(model, NULL);
}

static void make_knn(void) { make(FIXTURE("knn_outcomes_timed.json")); }
static void make_svm(void) { make(FIXTURE("svm_rbf_4.json")); }
static void make_calibrated(void) { make(TEST_SOURCE_DIR "/tests/oom/calibrated.json"); }

static void drop(void) {
    mlsel_i_workspace_give(model, taken[0]);
    mlsel_model_release(model);
}

static mlsel_selection *selections(void) { return (mlsel_selection *)(void *)scenario_result.bytes; }

static mlsel_status select_one(mlsel_error *err) { return mlsel_select(model, x, n_features, NULL, selections(), err); }
static mlsel_status select_f64(mlsel_error *err) {
    return mlsel_select_f64(model, x_f64, n_features, NULL, selections(), err);
}
static mlsel_status select_batch(mlsel_error *err) {
    return mlsel_select_batch(model, x, COUNT, WIDTH, n_features, NULL, selections(), err);
}
static mlsel_status select_batch_f64(mlsel_error *err) {
    return mlsel_select_batch_f64(model, x_f64, COUNT, WIDTH, n_features, NULL, selections(), err);
}
static mlsel_status score(mlsel_error *err) {
    return mlsel_score(model, x, n_features, NULL, scenario_result.numbers, n_labels, err);
}
static mlsel_status score_f64(mlsel_error *err) {
    return mlsel_score_f64(model, x_f64, n_features, NULL, scenario_result.numbers, n_labels, err);
}
static mlsel_status score_batch(mlsel_error *err) {
    return mlsel_score_batch(model, x, COUNT, WIDTH, n_features, NULL, scenario_result.numbers, LABELS, err);
}
static mlsel_status score_batch_f64(mlsel_error *err) {
    return mlsel_score_batch_f64(model, x_f64, COUNT, WIDTH, n_features, NULL, scenario_result.numbers, LABELS, err);
}
static mlsel_status probabilities(mlsel_error *err) {
    static const double scores[LABELS] = {1, 2, 3};
    return mlsel_probabilities(model, scores, n_labels, NULL, scenario_result.numbers, err);
}
static mlsel_status confidences(mlsel_error *err) {
    static const double scores[LABELS] = {1, 2, 3};
    return mlsel_confidences(model, scores, n_labels, scenario_result.numbers, err);
}

static mlsel_status explain_with(bool f64, mlsel_error *err) {
    mlsel_evidence evidence;
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.scores = scenario_result.numbers;
    evidence.scores_capacity = LABELS;
    const mlsel_evidence before = evidence;
    const mlsel_status status = f64 ? mlsel_explain_f64(model, x_f64, n_features, NULL, &evidence, err)
                                    : mlsel_explain(model, x, n_features, NULL, &evidence, err);
    if (status != MLSEL_OK && memcmp(&evidence, &before, sizeof before) != 0)
        scenario_fail("the evidence was written");
    return status;
}
static mlsel_status explain(mlsel_error *err) { return explain_with(false, err); }
static mlsel_status explain_f64(mlsel_error *err) { return explain_with(true, err); }

static mlsel_status compose(mlsel_error *err) {
    return mlsel_features_compose(NULL, NULL, x, 8, "math", (float *)(void *)scenario_result.bytes, 22, NULL, err);
}
static mlsel_status compose_f64(mlsel_error *err) {
    return mlsel_features_compose_f64(NULL, NULL, x_f64, 8, "math", scenario_result.numbers, 22, NULL, err);
}

/* --- batchers ------------------------------------------------------------------------------------------------------
 */

static mlsel_batcher_options options_of(void) {
    mlsel_batcher_options options;
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_running = 1;
    options.max_wait_us = 1;
    options.allow_rounding = options.always_group = 1;
    return options;
}

static mlsel_status create(mlsel_error *err) {
    const mlsel_batcher_options options = options_of();
    return mlsel_batcher_create(model, &options, (mlsel_batcher **)&scenario_result.pointers[0], err);
}

static void drop_created(void) {
    mlsel_batcher_release(SCENARIO_POINTER(mlsel_batcher));
    drop();
}

static void make_batcher(void) {
    const mlsel_batcher_options options = options_of();
    mlsel_error err;
    make_svm();
    test_ok(mlsel_batcher_create(model, &options, &batcher, &err), &err);
}

static void drop_batcher(void) {
    mlsel_batcher_release(batcher);
    drop();
}

/* A query that expects company leads a group, which runs in a workspace. */
static mlsel_status batcher_select(mlsel_error *err) {
    batcher->expected = 2;
    return mlsel_batcher_select(batcher, x, n_features, NULL, selections(), err);
}
static mlsel_status batcher_select_f64(mlsel_error *err) {
    batcher->expected = 2;
    return mlsel_batcher_select_f64(batcher, x_f64, n_features, NULL, selections(), err);
}
static mlsel_status batcher_score(mlsel_error *err) {
    batcher->expected = 2;
    return mlsel_batcher_score(batcher, x, n_features, NULL, scenario_result.numbers, n_labels, err);
}
static mlsel_status batcher_score_f64(mlsel_error *err) {
    batcher->expected = 2;
    return mlsel_batcher_score_f64(batcher, x_f64, n_features, NULL, scenario_result.numbers, n_labels, err);
}

#define ANSWER(function, run)                                                                                          \
    { function, "", NEEDS_ALLOC, 0, make_svm, run, NULL, drop, NULL, NULL, 0, 0 }
#define GROUPED(function, run)                                                                                         \
    { function, "in a group", NEEDS_ALLOC, 0, make_batcher, run, NULL, drop_batcher, NULL, NULL, 0, 0 }

const scenario answer_scenarios[] = {
    ANSWER("mlsel_select", select_one),
    ANSWER("mlsel_select_f64", select_f64),
    ANSWER("mlsel_select_batch", select_batch),
    ANSWER("mlsel_select_batch_f64", select_batch_f64),
    ANSWER("mlsel_score", score),
    ANSWER("mlsel_score_f64", score_f64),
    ANSWER("mlsel_score_batch", score_batch),
    ANSWER("mlsel_score_batch_f64", score_batch_f64),
    ANSWER("mlsel_probabilities", probabilities),
    {"mlsel_confidences", "", 0, 0, make_calibrated, confidences, NULL, drop, NULL, NULL, 0, 0},
    ANSWER("mlsel_explain", explain),
    {"mlsel_explain_f64", "", NEEDS_ALLOC, 0, make_knn, explain_f64, NULL, drop, NULL, NULL, 0, 0},
    {"mlsel_features_compose", "", 0, 0, NULL, compose, NULL, NULL, NULL, NULL, 0, 0},
    {"mlsel_features_compose_f64", "", 0, 0, NULL, compose_f64, NULL, NULL, NULL, NULL, 0, 0},
    {"mlsel_batcher_create", "", NEEDS_ALLOC | NEEDS_THREAD, 0, make_svm, create, NULL, drop_created, NULL, NULL, 0, 0},
    GROUPED("mlsel_batcher_select", batcher_select),
    GROUPED("mlsel_batcher_select_f64", batcher_select_f64),
    GROUPED("mlsel_batcher_score", batcher_score),
    GROUPED("mlsel_batcher_score_f64", batcher_score_f64),
};
const size_t n_answer_scenarios = TEST_LENGTH(answer_scenarios);
