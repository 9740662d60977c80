/* SPDX-License-Identifier: Apache-2.0 */
#include "train_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static int bad_value(const args *a, const char *option, const char *value, const char *expected) {
    tool_error("%s cannot be \"%s\": it takes %s", option, value, expected);
    args_help_hint(a->command, NULL);
    return ARGS_BAD;
}

static int take_real(const args *a, const char *option, const char *value, double min, double max, const char *expected,
                     double *out) {
    return args_real(a, option, value, min, max, expected, out) ? 0 : ARGS_BAD;
}

static int take_count(const args *a, const char *option, const char *value, uint64_t max, uint32_t *out) {
    *out = (uint32_t)args_count(a, option, value, max);
    return *out > 0 ? 0 : ARGS_BAD;
}

/* Bytes, or with a letter KiB, MiB, GiB, TiB. */
static int take_memory(const args *a, const char *value, uint64_t *out) {
    static const char expected[] = "a size as in 500M or 4G", units[] = "KMGT";
    static const double max = 1e18; /* fits into the counter with room to spare */
    char *end;
    const double number = strtod(value, &end);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    const double bytes = number * (unit == NULL ? 1 : pow(1024, (double)(unit - units + 1)));
    if (end == value || !(bytes >= 1 && bytes <= max) || (*end != '\0' && (unit == NULL || end[1] != '\0')))
        return bad_value(a, "--max-memory", value, expected);
    *out = (uint64_t)bytes;
    return 0;
}

static int take_hidden(const args *a, const char *value, mlsel_train_options *options) {
    static const char expected[] = "sizes with commas between, as in 512,256, or none";
    options->n_mlp_hidden = 0;
    if (strcmp(value, "none") == 0)
        return 0;
    for (const char *rest = value;;) {
        char *end;
        const unsigned long long size = *rest >= '0' && *rest <= '9' ? strtoull(rest, &end, 10) : 0;
        if (size < 1 || size > 65536 || options->n_mlp_hidden == MLSEL_TRAIN_MAX_HIDDEN ||
            (*end != ',' && *end != '\0'))
            return bad_value(a, "--mlp-hidden-dims", value, expected);
        options->mlp_hidden[options->n_mlp_hidden++] = (uint32_t)size;
        if (*end == '\0')
            return 0;
        rest = end + 1;
    }
}

static int take_categories(const args *a, const char *value, mlsel_train_options *options) {
    static const char *const orders[] = {"vsr", "vsr-doc", "none"};
    const int choice = args_choice(a, "--categories", value, orders, TOOL_ARRAY_LENGTH(orders));
    if (choice < 0)
        return ARGS_BAD;
    options->without_categories = choice == 2;
    options->category_layout = choice == 1 ? MLSEL_CATEGORIES_VSR_DOC : MLSEL_CATEGORIES_VSR;
    return 0;
}

/* The options whose value is one of some names. */
static int take_choice(mlsel_train_options *options, const args *a, int id, const char *value) {
    static const char *const objectives[] = {"outcome", "compatible"};
    static const char *const calibrations[] = {"none", "isotonic", "platt"};
    static const char *const kernels[] = {"linear", "rbf"};
    int choice;
    switch (id) {
    case TRAIN_OBJECTIVE:
        choice = options->objective = args_choice(a, "--objective", value, objectives, 2);
        return choice < 0 ? ARGS_BAD : 0;
    case TRAIN_CALIBRATION:
        choice = options->calibration = args_choice(a, "--calibration", value, calibrations, 3);
        return choice < 0 ? ARGS_BAD : 0;
    case TRAIN_SVM_KERNEL:
        choice = args_choice(a, "--svm-kernel", value, kernels, 2);
        options->svm_kernel = choice == 0 ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
        return choice < 0 ? ARGS_BAD : 0;
    case TRAIN_CATEGORIES:
        return take_categories(a, value, options);
    case TRAIN_DEVICE:
        options->device = value;
        return 0;
    default:
        return 1;
    }
}

static int take_kind(mlsel_train_options *options, const args *a, int id, const char *value) {
    static const char positive[] = "a number above 0";
    switch (id) {
    case TRAIN_KNN_K:
        return take_count(a, "--knn-k", value, 1000000, &options->knn_k);
    case TRAIN_KMEANS_CLUSTERS:
        return take_count(a, "--kmeans-clusters", value, 1000000, &options->kmeans_clusters);
    case TRAIN_SVM_GAMMA:
        return take_real(a, "--svm-gamma", value, 1e-12, 1e12, positive, &options->svm_gamma);
    case TRAIN_SVM_C:
        return take_real(a, "--svm-c", value, 1e-12, 1e12, positive, &options->svm_c);
    case TRAIN_MLP_HIDDEN:
        return take_hidden(a, value, options);
    case TRAIN_MLP_DROPOUT:
        return take_real(a, "--mlp-dropout", value, 0, 0.95, "a number from 0 to 0.95", &options->mlp_dropout);
    case TRAIN_MLP_EPOCHS:
        return take_count(a, "--mlp-epochs", value, 1000000, &options->mlp_epochs);
    case TRAIN_MLP_RATE:
        return take_real(a, "--mlp-lr", value, 1e-12, 1000, positive, &options->mlp_learning_rate);
    case TRAIN_MLP_DECAY:
        return take_real(a, "--mlp-weight-decay", value, 0, 1000, "a number from 0", &options->mlp_weight_decay);
    case TRAIN_BATCH_SIZE:
        return take_count(a, "--batch-size", value, 65536, &options->mlp_batch);
    default:
        return 1;
    }
}

int train_options_take(mlsel_train_options *options, const args *a, int id, const char *value) {
    switch (id) {
    case TRAIN_QUALITY_WEIGHT:
        return take_real(a, "--quality-weight", value, 0, 1, "a number from 0 to 1", &options->quality_weight);
    case TRAIN_CATEGORY_WEIGHT:
        if (strcmp(value, "auto") == 0) {
            options->category_weight = 0;
            return 0;
        }
        return take_real(a, "--category-weight", value, 1e-6, 1e6, "a number above 0, or auto",
                         &options->category_weight);
    case TRAIN_TUNE:
        options->tune = 1;
        return 0;
    case TRAIN_FOLDS:
        return take_count(a, "--folds", value, 20, &options->folds);
    case TRAIN_SEED:
        return args_whole(a, "--seed", value, UINT64_MAX, &options->seed) ? 0 : ARGS_BAD;
    case TRAIN_THREADS:
        return take_count(a, "--threads", value, 256, &options->threads);
    case TRAIN_MAX_MEMORY:
        return take_memory(a, value, &options->max_memory_bytes);
    case TRAIN_FORMAT:
        return take_count(a, "--format", value, 2, &options->format_version);
    default: {
        const int taken = take_choice(options, a, id, value);
        return taken != 1 ? taken : take_kind(options, a, id, value);
    }
    }
}
