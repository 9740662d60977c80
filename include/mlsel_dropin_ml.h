/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * mlsel_dropin_ml.h - what libml_semantic_router exports: the symbols by which the Semantic Router's Go code calls its
 * KNN, KMeans and SVM selectors. Link this library instead of the one of that name; the Go code does not change. New
 * programs use mlsel.h, which says what went wrong and has scores, candidates and evidence.
 *
 * - Handles. X_new gives an untrained handle, X_from_json one that selects; both are freed with X_free, once, while no
 *   other call uses them. X_new never returns NULL. All other calls on a handle may run in any number of threads.
 * - Errors. A handle or query that is NULL, one handle for another's, a query of the wrong width or with a value that
 *   is not finite, an artifact that is not JSON, breaks a rule of its format or is of another algorithm, and memory
 *   running out all give NULL, 0 or -1, as said below. Nothing aborts, prints or throws.
 * - Strings are freed with ml_free_string.
 * - Rules. An answer is that of mlsel_select_f64. KNN artifacts vote by today's rule, or, with
 *   MLSEL_DROPIN_RULES=legacy in the environment when the artifact is loaded, as until August 2026 (mlsel_knn_rule in
 *   mlsel.h).
 */
#ifndef MLSEL_DROPIN_ML_H
#define MLSEL_DROPIN_ML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MLSEL_DROPIN_API
#if defined(__GNUC__)
#define MLSEL_DROPIN_API __attribute__((visibility("default")))
#else
#define MLSEL_DROPIN_API
#endif
#endif

/**
 * @defgroup dropin_ml The router's symbols for KNN, KMeans and SVM
 * @{
 */

/** An untrained KNN selector of k neighbours; below 1 counts as 1. What from_json loads brings its own k. */
MLSEL_DROPIN_API void *ml_knn_new(int k);
/** Frees a handle; NULL does nothing. */
MLSEL_DROPIN_API void ml_knn_free(void *h);
/** The name of the chosen model for the query q[n], or NULL. */
MLSEL_DROPIN_API char *ml_knn_select(void *h, double *q, size_t n);
/** 1 if the handle can select, else 0. */
MLSEL_DROPIN_API int ml_knn_is_trained(void *h);
/**
 * The handle as an artifact that from_json reads: of a loaded one the very document, of an untrained one a document
 * that says trained: false. NULL if the handle is or memory runs out.
 */
MLSEL_DROPIN_API char *ml_knn_to_json(void *h);
/**
 * Loads an artifact, zero-terminated. One that says trained: false or holds no data gives an untrained handle; one that
 * cannot be used gives NULL.
 */
MLSEL_DROPIN_API void *ml_knn_from_json(char *json);

/** The same for KMeans. num_clusters is only what to_json says of an untrained handle. */
MLSEL_DROPIN_API void *ml_kmeans_new(int num_clusters);
/** As ml_knn_free. */
MLSEL_DROPIN_API void ml_kmeans_free(void *h);
/** As ml_knn_select. */
MLSEL_DROPIN_API char *ml_kmeans_select(void *h, double *q, size_t n);
/** As ml_knn_is_trained. */
MLSEL_DROPIN_API int ml_kmeans_is_trained(void *h);
/** As ml_knn_to_json. */
MLSEL_DROPIN_API char *ml_kmeans_to_json(void *h);
/** As ml_knn_from_json. */
MLSEL_DROPIN_API void *ml_kmeans_from_json(char *json);
/**
 * Scores the candidates for the query q[n] into scores[m]; m must be their number.
 *
 * A v2 artifact gives the score row of the nearest cluster; one of v1, which has no scores, gives 1 for the model of
 * the nearest cluster and 0 for the others.
 * @return the nearest cluster, or -1; then scores is as it was.
 */
MLSEL_DROPIN_API int ml_kmeans_score(void *h, double *q, size_t n, double *scores, size_t m);
/** The candidates' names as a JSON array, in the order of the scores, which is that of their bytes; "[]" if untrained.
 */
MLSEL_DROPIN_API char *ml_kmeans_candidates(void *h);

/** The same for SVM; an untrained one has the RBF kernel and gamma 1. */
MLSEL_DROPIN_API void *ml_svm_new(void);
/** kernel 0 is linear, any other RBF; a gamma that is not above 0 counts as 1. Only what to_json says. */
MLSEL_DROPIN_API void *ml_svm_new_with_kernel(int kernel, double gamma);
/** As ml_knn_free. */
MLSEL_DROPIN_API void ml_svm_free(void *h);
/** As ml_knn_select. */
MLSEL_DROPIN_API char *ml_svm_select(void *h, double *q, size_t n);
/** As ml_knn_is_trained. */
MLSEL_DROPIN_API int ml_svm_is_trained(void *h);
/** As ml_knn_to_json. */
MLSEL_DROPIN_API char *ml_svm_to_json(void *h);
/** As ml_knn_from_json. */
MLSEL_DROPIN_API void *ml_svm_from_json(char *json);

/** Frees a string that one of the functions above returned; NULL does nothing. */
MLSEL_DROPIN_API void ml_free_string(char *s);

/** @} */

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_DROPIN_ML_H */
