/* SPDX-License-Identifier: Apache-2.0 */
/* Options of training: defaults, and what they may be. */
#include "options.h"

#include <math.h>
#include <string.h>

static const mlsel_train_options default_train = {
    .struct_size = sizeof(mlsel_train_options),
    .quality_weight = 0.9,
    .category_weight = 1,
    .seed = 42,
    .threads = 1,
    .folds = 5,
    .calibration = MLSEL_CALIBRATION_ISOTONIC,
    .format_version = 1,
    .kmeans_starts = 10,
    .kmeans_iterations = 300,
    .svm_tolerance = 1e-3,
    .mlp_hidden = {512, 256},
    .n_mlp_hidden = 2,
    .mlp_dropout = -1,
    .mlp_epochs = 100,
    .mlp_batch = 32,
    .mlp_learning_rate = 0.001,
    .mlp_weight_decay = -1,
};

static const mlsel_evaluate_options default_evaluate = {
    .struct_size = sizeof(mlsel_evaluate_options),
    .resamples = 2000,
    .confidence = 0.95,
    .seed = 42,
    .threads = 1,
    .curve_points = 21,
    .quality_weight = 0.9,
};

void mlsel_i_defaults_init(void *options, size_t size, const void *defaults, size_t full_size) {
    mlsel_i_options_init(options, size);
    if (options == NULL || size < sizeof(uint32_t))
        return;
    const size_t filled = size < full_size ? size : full_size;
    memcpy((char *)options + sizeof(uint32_t), (const char *)defaults + sizeof(uint32_t), filled - sizeof(uint32_t));
}

mlsel_status mlsel_i_defaults_copy(void *own, const void *given, const void *defaults, size_t full_size,
                                   const char *name, mlsel_error *err) {
    if (given == NULL) {
        memcpy(own, defaults, full_size);
        return MLSEL_OK;
    }
    const mlsel_status status = mlsel_i_options_copy(own, full_size, given, name, err);
    uint32_t size;
    memcpy(&size, given, sizeof size);
    if (status == MLSEL_OK && size < full_size)
        memcpy((char *)own + size, (const char *)defaults + size, full_size - size);
    return status;
}

void mlsel_train_options_init(mlsel_train_options *options, size_t size) {
    mlsel_i_defaults_init(options, size, &default_train, sizeof default_train);
}

void mlsel_evaluate_options_init(mlsel_evaluate_options *options, size_t size) {
    mlsel_i_defaults_init(options, size, &default_evaluate, sizeof default_evaluate);
}

static const char train_name[] = "mlsel_train_options";

static mlsel_status check_real(const char *field, double value, double min, double max, mlsel_error *err) {
    char text[32], low[32], high[32];
    if (value >= min && value <= max)
        return MLSEL_OK;
    mlsel_i_format_double(text, sizeof text, value);
    mlsel_i_format_double(low, sizeof low, min);
    mlsel_i_format_double(high, sizeof high, max);
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: %s is %s: it must be from %s to %s", train_name, field,
                        text, low, high);
}

static mlsel_status check_count(const char *field, uint64_t value, uint64_t min, uint64_t max, mlsel_error *err) {
    if (value >= min && value <= max)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: %s is %llu: it must be from %llu to %llu", train_name,
                        field, (unsigned long long)value, (unsigned long long)min, (unsigned long long)max);
}

static mlsel_status check_enums(const mlsel_train_options *o, mlsel_error *err) {
    if (o->objective != MLSEL_OBJECTIVE_OUTCOME && o->objective != MLSEL_OBJECTIVE_COMPATIBLE)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: objective %d is none", train_name,
                            (int)o->objective);
    if (o->category_layout != MLSEL_CATEGORIES_VSR && o->category_layout != MLSEL_CATEGORIES_VSR_DOC)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: category_layout %d is none", train_name,
                            (int)o->category_layout);
    if (o->calibration < MLSEL_CALIBRATION_NONE || o->calibration > MLSEL_CALIBRATION_PLATT)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: calibration %d is none", train_name,
                            (int)o->calibration);
    if (o->svm_kernel < MLSEL_SVM_KERNEL_NONE || o->svm_kernel > MLSEL_SVM_KERNEL_RBF)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: svm_kernel %d is none", train_name,
                            (int)o->svm_kernel);
    return MLSEL_OK;
}

static mlsel_status check_common(const mlsel_train_options *o, mlsel_error *err) {
    const double least_weight = o->tune != 0 ? 0 : 1e-6;
    mlsel_status status = check_real("quality_weight", o->quality_weight, 0, 1, err);
    if (status == MLSEL_OK && o->without_categories == 0)
        status = check_real("category_weight", o->category_weight, least_weight, 1e6, err);
    if (status == MLSEL_OK)
        status = check_count("threads", o->threads, 0, 256, err);
    if (status == MLSEL_OK)
        status = check_count("folds", o->folds, 2, 20, err);
    if (status == MLSEL_OK)
        status = check_count("format_version", o->format_version, 1, 2, err);
    return status;
}

static mlsel_status check_kinds(const mlsel_train_options *o, mlsel_error *err) {
    mlsel_status status = check_count("kmeans_starts", o->kmeans_starts, 1, 10000, err);
    if (status == MLSEL_OK) /* more than artifacts may have */
        status = check_count("knn_k", o->knn_k, 0, INT32_MAX, err);
    if (status == MLSEL_OK)
        status = check_count("kmeans_iterations", o->kmeans_iterations, 1, 1000000, err);
    if (status == MLSEL_OK)
        status = check_real("svm_gamma", o->svm_gamma, 0, 1e12, err);
    if (status == MLSEL_OK)
        status = check_real("svm_c", o->svm_c, 0, 1e12, err);
    if (status == MLSEL_OK)
        status = check_real("svm_tolerance", o->svm_tolerance, 1e-12, 1, err);
    if (status == MLSEL_OK)
        status = check_count("n_mlp_hidden", o->n_mlp_hidden, 0, MLSEL_TRAIN_MAX_HIDDEN, err);
    for (uint32_t i = 0; i < o->n_mlp_hidden && status == MLSEL_OK; i++)
        status = check_count("mlp_hidden", o->mlp_hidden[i], 1, 65536, err);
    if (status == MLSEL_OK && !(o->mlp_dropout < 0))
        status = check_real("mlp_dropout", o->mlp_dropout, 0, 0.95, err);
    if (status == MLSEL_OK)
        status = check_count("mlp_epochs", o->mlp_epochs, 1, 1000000, err);
    if (status == MLSEL_OK)
        status = check_count("mlp_batch", o->mlp_batch, 1, 65536, err);
    if (status == MLSEL_OK)
        status = check_real("mlp_learning_rate", o->mlp_learning_rate, 1e-12, 1000, err);
    if (status == MLSEL_OK && !(o->mlp_weight_decay < 0))
        status = check_real("mlp_weight_decay", o->mlp_weight_decay, 0, 1000, err);
    return status;
}

mlsel_status mlsel_i_train_options_read(mlsel_train_options *own, const mlsel_train_options *given, mlsel_error *err) {
    mlsel_status status = mlsel_i_defaults_copy(own, given, &default_train, sizeof *own, train_name, err);
    if (status == MLSEL_OK)
        status = check_enums(own, err);
    if (status == MLSEL_OK)
        status = check_common(own, err);
    if (status == MLSEL_OK)
        status = check_kinds(own, err);
    if (status == MLSEL_OK && own->without_categories != 0)
        own->category_weight = 0;
    return status;
}

mlsel_status mlsel_i_evaluate_options_read(mlsel_evaluate_options *own, const mlsel_evaluate_options *given,
                                           mlsel_error *err) {
    return mlsel_i_defaults_copy(own, given, &default_evaluate, sizeof *own, "mlsel_evaluate_options", err);
}

const char *mlsel_objective_name(mlsel_objective objective) {
    switch (objective) {
    case MLSEL_OBJECTIVE_OUTCOME:
        return "outcome";
    case MLSEL_OBJECTIVE_COMPATIBLE:
        return "compatible";
    default:
        return "unknown";
    }
}

const char *mlsel_calibration_name(mlsel_calibration calibration) {
    switch (calibration) {
    case MLSEL_CALIBRATION_NONE:
        return "none";
    case MLSEL_CALIBRATION_ISOTONIC:
        return "isotonic";
    case MLSEL_CALIBRATION_PLATT:
        return "platt";
    default:
        return "unknown";
    }
}
