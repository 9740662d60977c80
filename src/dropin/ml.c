/* SPDX-License-Identifier: Apache-2.0 */
/* libml_semantic_router: KNN, KMeans and SVM. */
#include "mlsel_dropin_ml.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"

#ifndef MLSEL_DROPIN_LEGACY
#define MLSEL_DROPIN_LEGACY 0
#endif

void ml_free_string(char *s) { free(s); }

/* --- KNN --------------------------------------------------------------------------------------------------------- */

static mlsel_knn_rule knn_rule(void) {
    const char *rules = getenv("MLSEL_DROPIN_RULES");
    if (rules != NULL && strcmp(rules, "legacy") == 0)
        return MLSEL_KNN_RULE_LEGACY;
    if (rules != NULL && strcmp(rules, "current") == 0)
        return MLSEL_KNN_RULE_COSINE;
    return MLSEL_DROPIN_LEGACY ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE;
}

void *ml_knn_new(int k) { return mlsel_i_dropin_new(MLSEL_ALGORITHM_KNN, k < 1 ? 1 : k, 0); }

void ml_knn_free(void *h) { mlsel_i_dropin_free(MLSEL_ALGORITHM_KNN, h); }

char *ml_knn_select(void *h, double *q, size_t n) { return mlsel_i_dropin_select(MLSEL_ALGORITHM_KNN, h, q, n); }

int ml_knn_is_trained(void *h) { return mlsel_i_dropin_is_trained(MLSEL_ALGORITHM_KNN, h); }

char *ml_knn_to_json(void *h) { return mlsel_i_dropin_to_json(MLSEL_ALGORITHM_KNN, h); }

void *ml_knn_from_json(char *json) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.knn_rule = knn_rule();
    return mlsel_i_dropin_load(MLSEL_ALGORITHM_KNN, json, &options);
}

/* --- KMeans ------------------------------------------------------------------------------------------------------ */

void *ml_kmeans_new(int num_clusters) {
    return mlsel_i_dropin_new(MLSEL_ALGORITHM_KMEANS, num_clusters < 1 ? 1 : num_clusters, 0);
}

void ml_kmeans_free(void *h) { mlsel_i_dropin_free(MLSEL_ALGORITHM_KMEANS, h); }

char *ml_kmeans_select(void *h, double *q, size_t n) { return mlsel_i_dropin_select(MLSEL_ALGORITHM_KMEANS, h, q, n); }

int ml_kmeans_is_trained(void *h) { return mlsel_i_dropin_is_trained(MLSEL_ALGORITHM_KMEANS, h); }

char *ml_kmeans_to_json(void *h) { return mlsel_i_dropin_to_json(MLSEL_ALGORITHM_KMEANS, h); }

void *ml_kmeans_from_json(char *json) { return mlsel_i_dropin_load(MLSEL_ALGORITHM_KMEANS, json, NULL); }

int ml_kmeans_score(void *h, double *q, size_t n, double *scores, size_t m) {
    const dropin_handle *given = mlsel_i_dropin_check(MLSEL_ALGORITHM_KMEANS, h);
    if (given == NULL || given->model == NULL || q == NULL || scores == NULL ||
        m != mlsel_model_label_count(given->model))
        return -1;
    mlsel_evidence evidence;
    mlsel_evidence_init(&evidence, sizeof evidence);
    if (given->candidates == NULL) { /* v2 */
        evidence.scores = scores;
        evidence.scores_capacity = m;
    }
    if (mlsel_explain_f64(given->model, q, n, NULL, &evidence, NULL) != MLSEL_OK)
        return -1;
    for (size_t i = 0; given->candidates != NULL && i < m; i++)
        scores[i] = given->candidates[i].label == evidence.selection.index ? 1 : 0;
    return (int)evidence.selection.cluster;
}

char *ml_kmeans_candidates(void *h) {
    const dropin_handle *given = mlsel_i_dropin_check(MLSEL_ALGORITHM_KMEANS, h);
    return given == NULL ? NULL : mlsel_i_dropin_names(given);
}

/* --- SVM --------------------------------------------------------------------------------------------------------- */

void *ml_svm_new(void) { return ml_svm_new_with_kernel(DROPIN_KERNEL_RBF, 1); }

void *ml_svm_new_with_kernel(int kernel, double gamma) {
    const int known = kernel == DROPIN_KERNEL_LINEAR ? DROPIN_KERNEL_LINEAR : DROPIN_KERNEL_RBF;
    const bool is_usable = known == DROPIN_KERNEL_RBF && gamma > 0 && gamma <= 1e300;
    return mlsel_i_dropin_new(MLSEL_ALGORITHM_SVM, known, is_usable ? gamma : 1);
}

void ml_svm_free(void *h) { mlsel_i_dropin_free(MLSEL_ALGORITHM_SVM, h); }

char *ml_svm_select(void *h, double *q, size_t n) { return mlsel_i_dropin_select(MLSEL_ALGORITHM_SVM, h, q, n); }

int ml_svm_is_trained(void *h) { return mlsel_i_dropin_is_trained(MLSEL_ALGORITHM_SVM, h); }

char *ml_svm_to_json(void *h) { return mlsel_i_dropin_to_json(MLSEL_ALGORITHM_SVM, h); }

void *ml_svm_from_json(char *json) { return mlsel_i_dropin_load(MLSEL_ALGORITHM_SVM, json, NULL); }
