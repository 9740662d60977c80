/* SPDX-License-Identifier: Apache-2.0 */
/* Tables made by hand for the tests of SVM training, and what is trained from them. */
#ifndef MLSEL_UNIT_SVM_H
#define MLSEL_UNIT_SVM_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_write.h"
#include "support.h"
#include "train/svm_train.h"

static const char *const svm_names[] = {"a-model", "b-model", "c-model", "d-model", "e-model"};

static inline train_table svm_table(size_t n_queries, size_t n_models, size_t n_features, size_t n_records) {
    const size_t cells = n_queries * n_models;
    train_table t = {.n_queries = n_queries,
                     .n_models = n_models,
                     .n_features = n_features,
                     .stride = (n_features + 15) / 16 * 16,
                     .models = svm_names,
                     .n_records = n_records};
    t.x = mlsel_i_calloc(n_queries, t.stride * sizeof *t.x);
    t.quality = mlsel_i_alloc(cells, sizeof *t.quality);
    t.latency_s = mlsel_i_alloc(cells, sizeof *t.latency_s);
    t.utility = mlsel_i_alloc(cells, sizeof *t.utility);
    t.records = mlsel_i_calloc(n_records, sizeof *t.records);
    for (size_t i = 0; i < cells; i++)
        t.quality[i] = t.latency_s[i] = t.utility[i] = (double)NAN;
    return t;
}

static inline void svm_table_free(train_table *t) {
    mlsel_i_free(t->x);
    mlsel_i_free(t->quality);
    mlsel_i_free(t->latency_s);
    mlsel_i_free(t->utility);
    mlsel_i_free(t->records);
}

/* Vectors around as many centres as there are models, each model good at its own; a record for each pair. */
static inline train_table svm_random_table(size_t n_queries, size_t n_models, size_t n_features, uint64_t seed) {
    random_state r;
    train_table t = svm_table(n_queries, n_models, n_features, n_queries * n_models);
    mlsel_i_random_seed(&r, seed, 1);
    for (size_t q = 0; q < n_queries; q++) {
        const size_t centre = mlsel_i_random_below(&r, n_models);
        for (size_t i = 0; i < n_features; i++)
            t.x[q * t.stride + i] =
                (float)((mlsel_i_random_normal(&r) + (i % n_models == centre ? 1.5 : 0)) / sqrt((double)n_features));
        for (size_t m = 0; m < n_models; m++) {
            const double u = mlsel_i_random_unit(&r) < (m == centre ? 0.8 : 0.4);
            t.utility[q * n_models + m] = t.quality[q * n_models + m] = u;
            t.records[q * n_models + m] = (table_record){(uint32_t)q, (uint32_t)m, u, 0};
        }
    }
    return t;
}

static inline train_settings svm_settings(mlsel_objective objective) {
    train_settings s = {0};
    mlsel_train_options_init(&s.options, sizeof s.options);
    s.options.objective = objective;
    s.options.without_categories = 1;
    s.options.category_weight = 0;
    return s;
}

static inline mlsel_training *svm_train_table(const train_table *table, const train_settings *settings,
                                              train_run *run) {
    mlsel_training *training = NULL;
    mlsel_error err = {0};
    train_run own = {.share = 1, .err = &err, .algorithm = MLSEL_ALGORITHM_SVM};
    run = run == NULL ? &own : run;
    test_ok(mlsel_i_train_once(&mlsel_i_trainer_svm, table, settings, run, &training), run->err);
    assert_int_equal(run->bytes, 0);
    return training;
}

/* The artifact's text; freed with mlsel_i_write_free. */
static inline json_writer svm_text(const mlsel_training *training) {
    json_writer w = {0};
    assert_int_equal(mlsel_i_training_write(training, &w), MLSEL_OK);
    return w;
}

static inline cJSON *svm_artifact(const mlsel_training *training) {
    json_writer w = svm_text(training);
    cJSON *artifact = cJSON_ParseWithLength(w.text, w.size);
    assert_non_null(artifact);
    mlsel_i_write_free(&w);
    return artifact;
}

static inline mlsel_model *svm_model(const mlsel_training *training) {
    mlsel_model *model = NULL;
    mlsel_error err = {0};
    test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
    return model;
}

static inline const char *svm_select(const mlsel_model *model, const float *x, size_t n) {
    mlsel_selection best;
    mlsel_error err = {0};
    test_ok(mlsel_select(model, x, n, NULL, &best, &err), &err);
    return mlsel_model_label(model, best.index);
}

#endif
