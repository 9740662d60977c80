/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_train: from a dataset and options to a training. */
#include <math.h>
#include <string.h>

#include "mlp_device.h"
#include "options.h"
#include "train.h"

static const trainer *find_trainer(mlsel_algorithm algorithm) {
    switch (algorithm) {
    case MLSEL_ALGORITHM_KNN:
        return &mlsel_i_trainer_knn;
    case MLSEL_ALGORITHM_KMEANS:
        return &mlsel_i_trainer_kmeans;
    case MLSEL_ALGORITHM_SVM:
        return &mlsel_i_trainer_svm;
    case MLSEL_ALGORITHM_MLP:
        return &mlsel_i_trainer_mlp;
    default:
        return NULL;
    }
}

static mlsel_status copy_names(mlsel_training *training, const train_table *table, const char *embedding_model) {
    training->models = mlsel_i_calloc(table->n_models, sizeof *training->models);
    if (training->models == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    training->info.n_models = (uint32_t)table->n_models;
    for (size_t m = 0; m < table->n_models; m++)
        if ((training->models[m] = mlsel_i_strndup(table->models[m], strlen(table->models[m]))) == NULL)
            return MLSEL_ERROR_NO_MEMORY;
    if (embedding_model != NULL &&
        (training->embedding_model = mlsel_i_strndup(embedding_model, strlen(embedding_model))) == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    training->options.embedding_model = training->embedding_model;
    return MLSEL_OK;
}

mlsel_status mlsel_i_train_once(const trainer *kind, const train_table *table, const train_settings *settings,
                                train_run *run, mlsel_training **out) {
    mlsel_training *training = mlsel_i_calloc(1, sizeof *training);
    if (training == NULL)
        return mlsel_i_no_memory(run->err);
    mlsel_training_info *info = &training->info;
    training->options = settings->options;
    info->struct_size = sizeof *info;
    info->algorithm = kind->algorithm;
    info->objective = settings->options.objective;
    info->n_queries = table->n_queries;
    info->n_rows = table->n_queries;
    info->n_features = (uint32_t)table->n_features;
    info->category_weight = settings->options.category_weight;
    info->cv_utility = info->cv_standard_error = info->cv_best_single = (double)NAN;
    info->training_loss = info->validation_loss = (double)NAN;
    memcpy(info->device, "cpu", sizeof "cpu");
    mlsel_status status = copy_names(training, table, settings->options.embedding_model);
    if (status != MLSEL_OK)
        status = mlsel_i_no_memory(run->err);
    else
        status = kind->train(table, settings, run, &training->result, info);
    if (status == MLSEL_OK)
        *out = training;
    else
        mlsel_training_free(training);
    return status;
}

/* Held-out scores by cross-validation with the settings chosen, and what they mean. */
static mlsel_status calibrate(const trainer *kind, const train_table *table, const train_settings *settings,
                              train_run *run, mlsel_training *training) {
    double *scores = mlsel_i_run_alloc(run, table->n_queries, table->n_models * sizeof *scores);
    int32_t *choices = mlsel_i_run_alloc(run, table->n_queries, sizeof *choices);
    mlsel_training_info *info = &training->info;
    mlsel_status status = MLSEL_OK;
    if (scores == NULL || choices == NULL)
        status = mlsel_i_run_status(run);
    if (status == MLSEL_OK)
        status = mlsel_i_cross_validate(kind, table, settings, run, scores, choices);
    if (status == MLSEL_OK)
        status = mlsel_i_calibration_fit(settings->options.calibration, scores, table->quality, table->n_queries,
                                         table->n_models, &training->calibration, run->err);
    if (status == MLSEL_OK && isnan(info->cv_utility)) { /* not known from choosing */
        const choice_value value = mlsel_i_value_choices(table, choices);
        info->cv_utility = value.utility;
        info->cv_standard_error = value.standard_error;
        status = mlsel_i_cross_validate_single(table, settings, run, &info->cv_best_single);
    }
    mlsel_i_run_free(run, scores);
    mlsel_i_run_free(run, choices);
    return status;
}

/* Lets the trainer choose. Where a fold has too little to learn from, nobody has chosen. */
static mlsel_status choose(const trainer *kind, train_table *table, train_settings *settings, train_run *run,
                           mlsel_training_info *chosen) {
    static const mlsel_training_info nothing = {
        .cv_utility = (double)NAN, .cv_standard_error = (double)NAN, .cv_best_single = (double)NAN};
    const train_settings given = *settings;
    *chosen = nothing;
    const mlsel_status status = kind->choose(table, settings, run, chosen);
    if (status != MLSEL_ERROR_NOT_TRAINED)
        return status;
    *settings = given;
    *chosen = nothing;
    return MLSEL_OK;
}

/* Shares of the whole, as far as they can be known before: choosing compares many settings, calibrating trains once for
 * each fold. */
static mlsel_status train(const trainer *kind, train_table *table, train_settings *settings, train_run *run,
                          mlsel_training **out) {
    const mlsel_train_options *options = &settings->options;
    const bool is_outcome = options->objective == MLSEL_OBJECTIVE_OUTCOME;
    const bool has_folds = table->n_queries >= 2 * (size_t)options->folds;
    const bool calibrates = is_outcome && options->calibration != MLSEL_CALIBRATION_NONE && has_folds;
    const bool chooses = is_outcome && kind->choose != NULL && has_folds;
    const double choosing = chooses ? 0.5 : 0, training = calibrates ? (1 - choosing) / options->folds : 1 - choosing;
    mlsel_training_info chosen = {
        .cv_utility = (double)NAN, .cv_standard_error = (double)NAN, .cv_best_single = (double)NAN};
    mlsel_status status = MLSEL_OK;
    run->share = choosing;
    if (chooses)
        status = choose(kind, table, settings, run, &chosen);
    if (status != MLSEL_OK)
        return status;
    if (table->n_categories > 0 && !(options->category_weight > 0)) /* left open, and nobody has chosen */
        settings->options.category_weight = 1;
    mlsel_i_table_weigh(table, options->category_weight);
    run->before = choosing;
    run->share = training;
    if ((status = mlsel_i_train_once(kind, table, settings, run, out)) != MLSEL_OK)
        return status;
    (*out)->info.cv_utility = chosen.cv_utility;
    (*out)->info.cv_standard_error = chosen.cv_standard_error;
    (*out)->info.cv_best_single = chosen.cv_best_single;
    (*out)->info.n_candidates = chosen.n_candidates;
    run->before = choosing + training;
    run->share = 1 - run->before;
    if (calibrates)
        status = calibrate(kind, table, settings, run, *out);
    if (calibrates && status == MLSEL_OK)
        (*out)->info.calibration = options->calibration;
    /* where a fold has too little to learn from, the artifact is one without calibration */
    return status == MLSEL_ERROR_NOT_TRAINED ? MLSEL_OK : status;
}

mlsel_status mlsel_train(const mlsel_dataset *dataset, mlsel_algorithm algorithm, const mlsel_train_options *options,
                         mlsel_training **out, mlsel_error *err) {
    const double started = mlsel_i_now();
    const trainer *kind = find_trainer(algorithm);
    train_settings settings = {0};
    train_table *table = NULL;
    mlsel_training *training = NULL;
    if (dataset == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and out must not be NULL");
    if (kind == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "algorithm %d is none", (int)algorithm);
    mlsel_status status = mlsel_i_train_options_read(&settings.options, options, err);
    if (status != MLSEL_OK)
        return status;
    train_run run = {.progress = settings.options.progress,
                     .user = settings.options.user,
                     .algorithm = algorithm,
                     .share = 1,
                     .max_bytes = settings.options.max_memory_bytes,
                     .err = err};
    /* for kinds that have no use for it too: what is wrong shows before time is spent on them */
    status = mlsel_i_train_device_find(settings.options.device, &run.device, err);
    if (status == MLSEL_OK && settings.options.threads > 1)
        status = mlsel_i_team_create(settings.options.threads, &run.team, err);
    if (status == MLSEL_OK)
        status = mlsel_i_table_create(dataset, &settings.options, &table, err);
    if (status == MLSEL_OK && !mlsel_i_run_count(&run, mlsel_i_table_bytes(table, table->n_queries)))
        status = mlsel_i_run_status(&run);
    if (status == MLSEL_OK)
        status = train(kind, table, &settings, &run, &training);
    if (status == MLSEL_OK) {
        run.before = 0;
        run.share = 1;
        status = mlsel_i_run_report(&run, "finished", 1, 1, (double)NAN, (double)NAN);
    }
    mlsel_i_team_free(run.team);
    mlsel_i_table_free(table);
    if (status != MLSEL_OK) {
        mlsel_training_free(training);
        return status;
    }
    training->info.seconds = mlsel_i_now() - started;
    training->info.peak_bytes = run.peak_bytes;
    *out = training;
    return mlsel_i_ok(err);
}
