/* SPDX-License-Identifier: Apache-2.0 */
/* The functions as the Go code declares them for cgo, in that order. The tests see no other declaration. */
#ifndef MLSEL_TEST_DROPIN_DECLARATIONS_H
#define MLSEL_TEST_DROPIN_DECLARATIONS_H

#include <stddef.h>

void *ml_knn_new(int k);
void ml_knn_free(void *h);
char *ml_knn_select(void *h, double *q, size_t n);
int ml_knn_is_trained(void *h);
char *ml_knn_to_json(void *h);
void *ml_knn_from_json(char *json);

void *ml_kmeans_new(int num_clusters);
void ml_kmeans_free(void *h);
char *ml_kmeans_select(void *h, double *q, size_t n);
int ml_kmeans_is_trained(void *h);
char *ml_kmeans_to_json(void *h);
void *ml_kmeans_from_json(char *json);

void *ml_svm_new(void);
void *ml_svm_new_with_kernel(int kernel, double gamma);
void ml_svm_free(void *h);
char *ml_svm_select(void *h, double *q, size_t n);
int ml_svm_is_trained(void *h);
char *ml_svm_to_json(void *h);
void *ml_svm_from_json(char *json);

int ml_kmeans_score(void *h, double *q, size_t n, double *scores, size_t m);
char *ml_kmeans_candidates(void *h);
void ml_free_string(char *s);

void *candle_mlp_new(void);
void *candle_mlp_new_with_device(int device);
void *candle_mlp_new_with_device_and_dtype(int device, int dtype);
void candle_mlp_free(void *h);
char *candle_mlp_select(void *h, double *q, size_t n);
int candle_mlp_is_trained(void *h);
char *candle_mlp_to_json(void *h);
void *candle_mlp_from_json(char *json);
void *candle_mlp_from_json_with_device(char *json, int device);
void *candle_mlp_from_json_with_device_and_dtype(char *json, int device, int dtype);
void candle_mlp_free_string(char *s);

#endif
