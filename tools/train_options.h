/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of `mlsel train` that say how to train.
 */
#ifndef MLSEL_TOOL_TRAIN_OPTIONS_H
#define MLSEL_TOOL_TRAIN_OPTIONS_H

#include "args.h"
#include "mlsel_train.h"

enum {
    TRAIN_OPTIONS_FIRST_ID = 500,
    TRAIN_OBJECTIVE = TRAIN_OPTIONS_FIRST_ID,
    TRAIN_QUALITY_WEIGHT,
    TRAIN_CATEGORIES,
    TRAIN_CATEGORY_WEIGHT,
    TRAIN_TUNE,
    TRAIN_FOLDS,
    TRAIN_CALIBRATION,
    TRAIN_SEED,
    TRAIN_THREADS,
    TRAIN_MAX_MEMORY,
    TRAIN_FORMAT,
    TRAIN_DEVICE,
    TRAIN_BATCH_SIZE,
    TRAIN_KNN_K,
    TRAIN_KMEANS_CLUSTERS,
    TRAIN_SVM_KERNEL,
    TRAIN_SVM_GAMMA,
    TRAIN_SVM_C,
    TRAIN_MLP_HIDDEN,
    TRAIN_MLP_DROPOUT,
    TRAIN_MLP_EPOCHS,
    TRAIN_MLP_RATE,
    TRAIN_MLP_DECAY
};

/* clang-format off */
#define TRAIN_OPTIONS                                                                                                  \
    {"--objective", TRAIN_OBJECTIVE, true}, {"--quality-weight", TRAIN_QUALITY_WEIGHT, true},                          \
    {"--categories", TRAIN_CATEGORIES, true}, {"--category-weight", TRAIN_CATEGORY_WEIGHT, true},                      \
    {"--tune", TRAIN_TUNE, false}, {"--folds", TRAIN_FOLDS, true}, {"--calibration", TRAIN_CALIBRATION, true},         \
    {"--seed", TRAIN_SEED, true}, {"--threads", TRAIN_THREADS, true}, {"--max-memory", TRAIN_MAX_MEMORY, true},        \
    {"--format", TRAIN_FORMAT, true}, {"--device", TRAIN_DEVICE, true}, {"--batch-size", TRAIN_BATCH_SIZE, true},      \
    {"--knn-k", TRAIN_KNN_K, true}, {"--kmeans-clusters", TRAIN_KMEANS_CLUSTERS, true},                                \
    {"--svm-kernel", TRAIN_SVM_KERNEL, true}, {"--svm-gamma", TRAIN_SVM_GAMMA, true}, {"--svm-c", TRAIN_SVM_C, true},  \
    {"--mlp-hidden-dims", TRAIN_MLP_HIDDEN, true}, {"--mlp-hidden-sizes", TRAIN_MLP_HIDDEN, true},                     \
    {"--mlp-dropout", TRAIN_MLP_DROPOUT, true}, {"--mlp-epochs", TRAIN_MLP_EPOCHS, true},                              \
    {"--mlp-lr", TRAIN_MLP_RATE, true}, {"--mlp-learning-rate", TRAIN_MLP_RATE, true},                                 \
    {"--mlp-weight-decay", TRAIN_MLP_DECAY, true}
/* clang-format on */

#define TRAIN_OPTIONS_HELP                                                                                             \
    "How to train:\n"                                                                                                  \
    "  --objective WHAT        outcome (default): one row per query with the outcomes\n"                               \
    "                          of all models; compatible: as the ecosystem's trainer\n"                                \
    "                          does, for comparison\n"                                                                 \
    "  --quality-weight W      0 to 1 (default 0.9): quality against speed\n"                                          \
    "  --categories ORDER      category values of the features: vsr (default),\n"                                      \
    "                          vsr-doc or none\n"                                                                      \
    "  --category-weight W     value of a category's one (default 1), or auto, with\n"                                 \
    "                          --tune, to have it chosen\n"                                                            \
    "  --tune                  choose by cross-validation what is not given\n"                                         \
    "  --folds N               for choosing and calibrating (default 5)\n"                                             \
    "  --calibration HOW       isotonic (default), platt or none\n"                                                    \
    "  --format N              of the artifacts: 1 (default) or 2, the versioned form\n"                               \
    "  --seed N                (default 42) the same gives the same artifacts\n"                                       \
    "  --threads N             (default 1)\n"                                                                          \
    "  --max-memory SIZE       refuse to need more, as in 4G\n"                                                        \
    "  --device DEVICE         trains the MLP: cpu (default), cuda, cuda:N or auto\n"                                  \
    "                          (the other kinds are always trained on the CPU)\n"                                      \
    "  --knn-k N               neighbours (default: chosen; compatible: 5)\n"                                          \
    "  --kmeans-clusters N     (default: chosen; compatible: 8)\n"                                                     \
    "  --svm-kernel KERNEL     rbf (compatible: default) or linear (outcome: default)\n"                               \
    "  --svm-gamma G, --svm-c C\n"                                                                                     \
    "                          (default: 1 and 1 for compatible, else fitting ones)\n"                                 \
    "  --mlp-hidden-dims LIST  hidden layers (default 512,256), or none; also\n"                                       \
    "                          --mlp-hidden-sizes\n"                                                                   \
    "  --mlp-dropout P         (default 0.1)\n"                                                                        \
    "  --mlp-epochs N          at most (default 100)\n"                                                                \
    "  --mlp-lr R              (default 0.001) also --mlp-learning-rate\n"                                             \
    "  --mlp-weight-decay D    (default 0.01; compatible: 0)\n"                                                        \
    "  --batch-size N          rows a step of the MLP takes (default 32)\n"

/* Takes an option with one of the ids above. 0: done; ARGS_BAD: the message has been printed; 1: another option. */
int train_options_take(mlsel_train_options *options, const args *a, int id, const char *value);

#endif
