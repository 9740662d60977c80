/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU backend derives from an artifact and containers keep. */
#ifndef MLSEL_CPU_DERIVED_H
#define MLSEL_CPU_DERIVED_H

#include "artifact.h"

/* Of a state prepared for a KNN artifact; borrowed from it. False if there is nothing worth keeping. */
bool mlsel_i_cpu_knn_index(const void *state, knn_index *out);
/* Of an SVM's support vectors. False if they are too large to be kept. */
bool mlsel_i_cpu_squared_norms(const mlsel_svm_view *svm, size_t n_features, double *out);

#endif
