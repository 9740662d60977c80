/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small datasets of any kind: trained from, calibrated and evaluated. What comes out must be an artifact that loads and
 * scores, and numbers that are what they are said to be. The input is choices throughout.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "mlsel_train.h"
#include "temporary.h"

enum { MAX_QUERIES = 12, MAX_ROWS = 40, MAX_WIDTH = 4, MAX_MODELS = 4 };

typedef struct made {
    mlsel_dataset *dataset;
    size_t width;
    mlsel_dataset_info info;
} made;

static double measure(struct fuzz_input *in) {
    static const double values[] = {0, 1, 0.5, 0.25, NAN, 10, 1e-300, 1e300};
    return values[fuzz_below(in, sizeof values / sizeof *values)];
}

static double quality(struct fuzz_input *in) {
    const uint8_t choice = fuzz_u8(in);
    return choice < 100 ? 0 : choice < 200 ? 1 : choice < 220 ? NAN : (choice - 220) / 35.0;
}

/* Widths agree; an embedding whose length float cannot hold is refused, and no error here. */
static void make(made *m, struct fuzz_input *in) {
    static const char *const categories[] = {"math", "other", "", "computer science", "?"};
    static const char *const models[MAX_MODELS] = {"b", "a", "c\xc3\xa9", "a longer name"};
    static const char *const tasks[] = {"", "t", "u"};
    const size_t rows = 1 + fuzz_below(in, MAX_ROWS), n_models = 1 + fuzz_below(in, MAX_MODELS);
    mlsel_error err;
    m->width = 1 + fuzz_below(in, MAX_WIDTH);
    FUZZ_CHECK(mlsel_dataset_create(&m->dataset, &err) == MLSEL_OK);
    for (size_t i = 0; i < rows; i++) {
        char query[16];
        float embedding[MAX_WIDTH];
        mlsel_record r;
        mlsel_record_init(&r, sizeof r);
        (void)snprintf(query, sizeof query, "q%u", fuzz_below(in, MAX_QUERIES));
        for (size_t j = 0; j < m->width; j++)
            embedding[j] = fuzz_finite_float(in);
        r.query = query;
        r.model = models[fuzz_below(in, (uint32_t)n_models)];
        r.category = categories[fuzz_below(in, 5)];
        r.task = tasks[fuzz_below(in, 3)];
        r.quality = quality(in);
        r.latency_s = measure(in);
        r.cost = measure(in);
        r.embedding = embedding;
        r.n_embedding = m->width;
        r.flags = fuzz_u8(in) > 240 ? MLSEL_RECORD_FAILED : 0;
        FUZZ_CHECK_THAT(mlsel_dataset_add(m->dataset, &r, &err) == MLSEL_OK, "%s", err.message);
    }
    FUZZ_CHECK(mlsel_dataset_get_info(m->dataset, &m->info, sizeof m->info, &err) == MLSEL_OK);
}

static mlsel_train_options options_of(struct fuzz_input *in) {
    mlsel_train_options o;
    mlsel_train_options_init(&o, sizeof o);
    o.objective = fuzz_below(in, 4) == 3 ? MLSEL_OBJECTIVE_COMPATIBLE : MLSEL_OBJECTIVE_OUTCOME;
    o.quality_weight = fuzz_below(in, 5) / 4.0;
    o.without_categories = fuzz_bool(in);
    o.category_layout = fuzz_bool(in) ? MLSEL_CATEGORIES_VSR_DOC : MLSEL_CATEGORIES_VSR;
    o.seed = fuzz_u8(in);
    o.folds = 2 + fuzz_below(in, 3);
    o.calibration = (mlsel_calibration)fuzz_below(in, 3);
    o.format_version = 1 + fuzz_below(in, 2);
    o.embedding_model = fuzz_bool(in) ? "m" : NULL;
    o.knn_k = fuzz_below(in, 8);
    o.kmeans_clusters = 1 + fuzz_below(in, 6);
    o.kmeans_starts = 1 + fuzz_below(in, 2);
    o.kmeans_iterations = 1 + fuzz_below(in, 20);
    o.svm_kernel = (mlsel_svm_kernel)(fuzz_bool(in) ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF);
    o.svm_c = fuzz_bool(in) ? 1 : 0.01;
    o.mlp_hidden[0] = 1 + fuzz_below(in, 4);
    o.n_mlp_hidden = fuzz_below(in, 2);
    o.mlp_epochs = 1 + fuzz_below(in, 3);
    o.mlp_batch = 1 + fuzz_below(in, 8);
    if (o.seed % 4 == 3) /* chosen, which takes its time */
        o.kmeans_clusters = 0;
    if (o.seed % 16 == 7) {
        o.tune = 1;
        o.svm_kernel = MLSEL_SVM_KERNEL_NONE;
        o.svm_c = 0;
        o.mlp_epochs = 1;
    }
    return o;
}

/* --- what was trained --------------------------------------------------------------------------------------------- */

static void check_model(const made *m, const mlsel_model *model) {
    double scores[MAX_MODELS];
    double *const features = calloc(m->width + 64, sizeof *features);
    mlsel_model_info info;
    mlsel_error err;
    FUZZ_CHECK(features != NULL);
    FUZZ_CHECK(mlsel_model_get_info(model, &info, sizeof info, &err) == MLSEL_OK);
    FUZZ_CHECK(info.n_labels > 0 && info.n_labels <= MAX_MODELS && info.n_features <= m->width + 64);
    for (size_t i = 0; i < m->width; i++)
        features[i] = 1;
    const mlsel_status status = mlsel_score_f64(model, features, info.n_features, NULL, scores, info.n_labels, &err);
    FUZZ_CHECK_THAT(status == MLSEL_OK, "%s", err.message);
    for (size_t i = 0; i < info.n_labels; i++)
        FUZZ_CHECK(!isnan(scores[i]));
    free(features);
}

/* Two trainings of the same data are the same to the byte. */
static void check_artifact(const made *m, mlsel_algorithm algorithm, const mlsel_train_options *o,
                           const mlsel_training *training) {
    mlsel_training *again = NULL;
    mlsel_model *model = NULL;
    mlsel_save_options save;
    mlsel_error err;
    size_t size, again_size;
    mlsel_save_options_init(&save, sizeof save);
    save.replace = 1;
    FUZZ_CHECK_THAT(mlsel_training_model(training, NULL, &model, &err) == MLSEL_OK, "%s", err.message);
    check_model(m, model);
    mlsel_model_release(model);
    FUZZ_CHECK(mlsel_train(m->dataset, algorithm, o, &again, &err) == MLSEL_OK);
    const char *const one = fuzz_path("one.json"), *const two = fuzz_path("two.json");
    FUZZ_CHECK(mlsel_training_save(training, one, &save, &err) == MLSEL_OK);
    FUZZ_CHECK(mlsel_training_save(again, two, &save, &err) == MLSEL_OK);
    char *const a = fuzz_read(one, &size), *const b = fuzz_read(two, &again_size);
    FUZZ_CHECK(size == again_size && memcmp(a, b, size) == 0);
    free(a);
    free(b);
    mlsel_training_free(again);
}

static void check_policies(const mlsel_evaluation *e, const made *m) {
    mlsel_policy p;
    mlsel_error err;
    for (size_t i = 0; i < mlsel_evaluation_policy_count(e); i++) {
        size_t n = 0;
        FUZZ_CHECK(mlsel_evaluation_get_policy(e, i, &p, sizeof p, &err) == MLSEL_OK);
        FUZZ_CHECK(isnan(p.quality) || (p.quality >= 0 && p.quality <= 1 && p.n > 0));
        FUZZ_CHECK(isnan(p.quality_low) || (p.quality_low <= p.quality_high && p.quality_low >= 0));
        FUZZ_CHECK(isnan(p.regret) || p.regret >= -1e-12);
        FUZZ_CHECK(isnan(p.best_share) || (p.best_share >= 0 && p.best_share <= 1));
        FUZZ_CHECK(isnan(p.p_value) || (p.p_value >= 0 && p.p_value <= 1));
        FUZZ_CHECK(isnan(p.latency_s) || (p.latency_s >= 0 && !isinf(p.latency_s)));
        FUZZ_CHECK(isnan(p.cost) || (p.cost >= 0 && !isinf(p.cost)));
        FUZZ_CHECK(p.n <= m->info.n_queries);
        const mlsel_curve_point *const curve = mlsel_evaluation_curve(e, i, &n);
        for (size_t k = 0; curve != NULL && k < n; k++)
            FUZZ_CHECK(isnan(curve[k].quality) || (curve[k].quality >= 0 && curve[k].quality <= 1));
        for (size_t q = 0; q < m->info.n_queries; q++)
            FUZZ_CHECK(mlsel_evaluation_choice(e, i, q) < (int32_t)m->info.n_models);
    }
}

static void evaluate(const made *m, const mlsel_model *model, struct fuzz_input *in) {
    mlsel_evaluate_options o;
    mlsel_evaluation *e = NULL;
    mlsel_error err;
    const mlsel_contender contender = {.model = model};
    mlsel_evaluate_options_init(&o, sizeof o);
    o.resamples = fuzz_below(in, 20);
    o.curve_points = 2 + fuzz_below(in, 4);
    o.quality_weight = fuzz_below(in, 5) / 4.0;
    o.reference = fuzz_bool(in) ? m->dataset : NULL;
    fuzz_fail_begin(in);
    const mlsel_status status = mlsel_evaluate(m->dataset, &contender, model != NULL, &o, &e, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK_THAT(status == MLSEL_OK || refused || status == MLSEL_ERROR_NOT_TRAINED || status == MLSEL_ERROR_LIMIT,
                    "%d %s", (int)status, err.message);
    if (status == MLSEL_OK)
        check_policies(e, m);
    mlsel_evaluation_free(e);
}

/* The copy of an artifact with a calibration loads and gives probabilities. */
static void calibrate(const made *m, struct fuzz_input *in) {
    const mlsel_calibration method = fuzz_bool(in) ? MLSEL_CALIBRATION_PLATT : MLSEL_CALIBRATION_ISOTONIC;
    const char *const from = fuzz_path("one.json"), *const to = fuzz_path("calibrated.json");
    mlsel_save_options save;
    mlsel_floor floor;
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_save_options_init(&save, sizeof save);
    save.replace = 1;
    fuzz_fail_begin(in);
    const mlsel_status status = mlsel_calibrate(m->dataset, from, method, to, &save, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK_THAT(status == MLSEL_OK || refused || status == MLSEL_ERROR_NOT_TRAINED, "%s", err.message);
    if (status != MLSEL_OK)
        return;
    FUZZ_CHECK_THAT(mlsel_model_load(to, NULL, &model, &err) == MLSEL_OK, "%s", err.message);
    check_model(m, model);
    if (mlsel_find_floor(m->dataset, model, fuzz_below(in, 5) / 4.0, -1, &floor, &err) == MLSEL_OK)
        FUZZ_CHECK(floor.share >= 0 && floor.share <= 1 && floor.n <= m->info.n_queries);
    if (mlsel_find_floor(m->dataset, model, -1, fuzz_below(in, 5) / 4.0, &floor, &err) == MLSEL_OK)
        FUZZ_CHECK(floor.share >= 0 && floor.share <= 1 && floor.n <= m->info.n_queries);
    evaluate(m, model, in);
    mlsel_model_release(model);
}

static bool may_fail(mlsel_status status) {
    return status == MLSEL_ERROR_NOT_TRAINED || status == MLSEL_ERROR_NOT_FINITE || status == MLSEL_ERROR_LIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mlsel_algorithm kinds[] = {MLSEL_ALGORITHM_KNN, MLSEL_ALGORITHM_KMEANS, MLSEL_ALGORITHM_SVM,
                                            MLSEL_ALGORITHM_MLP};
    struct fuzz_input in = fuzz_input(data, size);
    const mlsel_algorithm algorithm = kinds[fuzz_below(&in, 4)];
    const mlsel_train_options o = options_of(&in);
    const uint8_t failing = fuzz_u8(&in);
    mlsel_training *training = NULL;
    mlsel_error err;
    made m = {0};
    make(&m, &in);
    /* LIBSVM ends the process where it has no memory */
    struct fuzz_input choice = {&failing, &failing + (algorithm != MLSEL_ALGORITHM_SVM)};
    fuzz_fail_begin(&choice);
    const mlsel_status status = mlsel_train(m.dataset, algorithm, &o, &training, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK((status == MLSEL_OK) == (training != NULL));
    FUZZ_CHECK_THAT(status == MLSEL_OK || refused || may_fail(status), "%d %s", (int)status, err.message);
    if (status == MLSEL_OK && !refused) {
        check_artifact(&m, algorithm, &o, training);
        calibrate(&m, &in);
    } else {
        evaluate(&m, NULL, &in);
    }
    mlsel_training_free(training);
    mlsel_dataset_free(m.dataset);
    return 0;
}
