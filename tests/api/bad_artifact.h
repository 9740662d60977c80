/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts with one thing wrong. Each case is a good document with one piece of its text replaced; the runner loads it
 * from memory and from a file, with and without an error struct, and checks all that a failed load promises.
 */
#ifndef MLSEL_TEST_BAD_ARTIFACT_H
#define MLSEL_TEST_BAD_ARTIFACT_H

#include "api_support.h"

typedef struct bad_artifact {
    const char *name;
    const char *base;
    const char *from; /* occurs once in base */
    const char *to;
    mlsel_status status;
    const char *message; /* "@K: ..." stands for "byte N: ..." with N the position of the replaced text plus K */
} bad_artifact;

/* The good documents, one per kind and form. */
extern const char base_knn[];
extern const char base_samples[];
extern const char base_categories[]; /* KNN with categories of its own */
extern const char base_outcomes[];   /* KNN with outcomes of every label */
extern const char base_kmeans[];
extern const char base_kmeans_object[];
extern const char base_kmeans_v2[];
extern const char base_svm[];        /* one-vs-one, three classes, RBF */
extern const char base_svm_v2[];     /* one-vs-one under svc, two classes, linear */
extern const char base_svm_linear[]; /* per-model form */
extern const char base_svm_rbf[];
extern const char base_mlp[];
extern const char *const bases[];
extern const size_t n_bases;

void run_bad_artifacts(const bad_artifact *rows, size_t count);

/* Loads size bytes, which must fail, in each of the ways; *err receives the error of loading from memory. */
void refuse_artifact(const char *name, const void *data, size_t size, const mlsel_model_options *options,
                     mlsel_status status, mlsel_error *err);
/* The same for a text that was put together in the test, and the message. The text is freed. */
void refuse_text(const char *name, char *text, mlsel_status status, uint64_t detail, const char *message);

/* Fails unless all bases load: else a case would fail for another reason than its own. */
void test_bases(void **state);

#endif
