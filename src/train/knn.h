/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of the KNN trainer. */
#ifndef MLSEL_TRAIN_KNN_H
#define MLSEL_TRAIN_KNN_H

#include "train.h"

/* Settings where nothing is left to choose from, or too little to choose by. */
uint32_t mlsel_i_knn_default_k(size_t n_queries);
#define KNN_DEFAULT_BETA 2.0
#define KNN_DEFAULT_SHRINKAGE 3.0

/* trainer.choose: number of neighbours, weighting, shrinkage, and the category weight if that is open. */
mlsel_status mlsel_i_knn_choose(train_table *table, train_settings *settings, train_run *run,
                                mlsel_training_info *info);

#endif
