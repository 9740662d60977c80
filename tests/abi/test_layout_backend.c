/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same for mlsel_backend.h, which may change with MLSEL_BACKEND_API_VERSION, in a new minor version: then a plugin
 * compiled earlier is refused, and the numbers here change too.
 */
#include "mlsel_backend.h"

#include "layout.h"

VALUE(MLSEL_BACKEND_API_VERSION, 1u);

/* --- values */

ENUM_TYPE(mlsel_query_type);
VALUE(MLSEL_QUERY_F32, 1);
VALUE(MLSEL_QUERY_F64, 2);

/* --- structs, on 64-bit machines */
#if UINTPTR_MAX == UINT64_MAX

SIZE(mlsel_knn_view, 72);
FIELD(mlsel_knn_view, vectors, 0, 8);
FIELD(mlsel_knn_view, stride, 8, 8);
FIELD(mlsel_knn_view, n_vectors, 16, 8);
FIELD(mlsel_knn_view, n_rows, 24, 8);
FIELD(mlsel_knn_view, vector_start, 32, 8);
FIELD(mlsel_knn_view, vector_rows, 40, 8);
FIELD(mlsel_knn_view, row_labels, 48, 8);
FIELD(mlsel_knn_view, normalize, 56, 4);
FIELD(mlsel_knn_view, reserved, 60, 4);
FIELD(mlsel_knn_view, index, 64, 8);

SIZE(mlsel_kmeans_view, 16);
FIELD(mlsel_kmeans_view, centroids, 0, 8);
FIELD(mlsel_kmeans_view, n_clusters, 8, 4);
FIELD(mlsel_kmeans_view, reserved, 12, 4);

SIZE(mlsel_svm_classifier, 48);
FIELD(mlsel_svm_classifier, vectors, 0, 8);
FIELD(mlsel_svm_classifier, stride, 8, 8);
FIELD(mlsel_svm_classifier, alpha, 16, 8);
FIELD(mlsel_svm_classifier, n_vectors, 24, 8);
FIELD(mlsel_svm_classifier, rho, 32, 8);
FIELD(mlsel_svm_classifier, gamma, 40, 8);

SIZE(mlsel_svm_view, 88);
FIELD(mlsel_svm_view, form, 0, 4);
FIELD(mlsel_svm_view, kernel, 4, 4);
FIELD(mlsel_svm_view, n_classes, 8, 4);
FIELD(mlsel_svm_view, reserved, 12, 4);
FIELD(mlsel_svm_view, support_vectors, 16, 8);
FIELD(mlsel_svm_view, stride, 24, 8);
FIELD(mlsel_svm_view, class_start, 32, 8);
FIELD(mlsel_svm_view, dual_coef, 40, 8);
FIELD(mlsel_svm_view, intercept, 48, 8);
FIELD(mlsel_svm_view, n_support_vectors, 56, 8);
FIELD(mlsel_svm_view, gamma, 64, 8);
FIELD(mlsel_svm_view, classifiers, 72, 8);
FIELD(mlsel_svm_view, squared_norms, 80, 8);

SIZE(mlsel_layer_view, 64);
FIELD(mlsel_layer_view, type, 0, 4);
FIELD(mlsel_layer_view, in_features, 4, 4);
FIELD(mlsel_layer_view, out_features, 8, 4);
FIELD(mlsel_layer_view, reserved, 12, 4);
FIELD(mlsel_layer_view, weight, 16, 8);
FIELD(mlsel_layer_view, stride, 24, 8);
FIELD(mlsel_layer_view, bias, 32, 8);
FIELD(mlsel_layer_view, running_mean, 40, 8);
FIELD(mlsel_layer_view, running_var, 48, 8);
FIELD(mlsel_layer_view, eps, 56, 8);

SIZE(mlsel_mlp_view, 24);
FIELD(mlsel_mlp_view, layers, 0, 8);
FIELD(mlsel_mlp_view, n_layers, 8, 4);
FIELD(mlsel_mlp_view, reserved, 12, 4);
FIELD(mlsel_mlp_view, max_value, 16, 8);

SIZE(mlsel_model_view, 56);
FIELD(mlsel_model_view, struct_size, 0, 4);
FIELD(mlsel_model_view, algorithm, 4, 4);
FIELD(mlsel_model_view, n_features, 8, 4);
FIELD(mlsel_model_view, n_labels, 12, 4);
FIELD(mlsel_model_view, knn, 16, 8);
FIELD(mlsel_model_view, kmeans, 24, 8);
FIELD(mlsel_model_view, svm, 32, 8);
FIELD(mlsel_model_view, mlp, 40, 8);
FIELD(mlsel_model_view, cpu, 48, 8);

SIZE(mlsel_backend_neighbour, 16);
FIELD(mlsel_backend_neighbour, distance, 0, 8);
FIELD(mlsel_backend_neighbour, row, 8, 8);

SIZE(mlsel_backend_run, 88);
FIELD(mlsel_backend_run, struct_size, 0, 4);
FIELD(mlsel_backend_run, query_type, 4, 4);
FIELD(mlsel_backend_run, queries, 8, 8);
FIELD(mlsel_backend_run, stride, 16, 8);
FIELD(mlsel_backend_run, count, 24, 4);
FIELD(mlsel_backend_run, k, 28, 4);
FIELD(mlsel_backend_run, label_mask, 32, 8);
FIELD(mlsel_backend_run, scratch, 40, 8);
FIELD(mlsel_backend_run, neighbours, 48, 8);
FIELD(mlsel_backend_run, neighbour_stride, 56, 8);
FIELD(mlsel_backend_run, values, 64, 8);
FIELD(mlsel_backend_run, value_stride, 72, 8);
FIELD(mlsel_backend_run, part, 80, 4);
FIELD(mlsel_backend_run, n_parts, 84, 4);

SIZE(mlsel_prepared, 48);
FIELD(mlsel_prepared, struct_size, 0, 4);
FIELD(mlsel_prepared, max_batch, 4, 4);
FIELD(mlsel_prepared, scratch_bytes, 8, 8);
FIELD(mlsel_prepared, memory_bytes, 16, 8);
FIELD(mlsel_prepared, state, 24, 8);
FIELD(mlsel_prepared, checks_queries, 32, 4);
FIELD(mlsel_prepared, runs_in_parallel, 36, 4);
FIELD(mlsel_prepared, max_parts, 40, 4);
FIELD(mlsel_prepared, reserved, 44, 4);

SIZE(mlsel_train_layer, 56);
FIELD(mlsel_train_layer, in_features, 0, 4);
FIELD(mlsel_train_layer, out_features, 4, 4);
FIELD(mlsel_train_layer, weight, 8, 8);
FIELD(mlsel_train_layer, bias, 16, 8);
FIELD(mlsel_train_layer, norm_weight, 24, 8);
FIELD(mlsel_train_layer, norm_bias, 32, 8);
FIELD(mlsel_train_layer, running_mean, 40, 8);
FIELD(mlsel_train_layer, running_var, 48, 8);

SIZE(mlsel_train_mlp_view, 152);
FIELD(mlsel_train_mlp_view, struct_size, 0, 4);
FIELD(mlsel_train_mlp_view, n_layers, 4, 4);
FIELD(mlsel_train_mlp_view, layers, 8, 8);
FIELD(mlsel_train_mlp_view, x, 16, 8);
FIELD(mlsel_train_mlp_view, stride, 24, 8);
FIELD(mlsel_train_mlp_view, n_queries, 32, 8);
FIELD(mlsel_train_mlp_view, n_examples, 40, 8);
FIELD(mlsel_train_mlp_view, query, 48, 8);
FIELD(mlsel_train_mlp_view, label, 56, 8);
FIELD(mlsel_train_mlp_view, weight, 64, 8);
FIELD(mlsel_train_mlp_view, target, 72, 8);
FIELD(mlsel_train_mlp_view, max_rows, 80, 4);
FIELD(mlsel_train_mlp_view, reserved, 84, 4);
FIELD(mlsel_train_mlp_view, dropout, 88, 8);
FIELD(mlsel_train_mlp_view, seed, 96, 8);
FIELD(mlsel_train_mlp_view, weight_decay, 104, 8);
FIELD(mlsel_train_mlp_view, beta1, 112, 8);
FIELD(mlsel_train_mlp_view, beta2, 120, 8);
FIELD(mlsel_train_mlp_view, adam_eps, 128, 8);
FIELD(mlsel_train_mlp_view, norm_momentum, 136, 8);
FIELD(mlsel_train_mlp_view, norm_eps, 144, 8);

SIZE(mlsel_backend_train_mlp, 64);
FIELD(mlsel_backend_train_mlp, struct_size, 0, 4);
FIELD(mlsel_backend_train_mlp, reserved, 4, 4);
FIELD(mlsel_backend_train_mlp, create, 8, 8);
FIELD(mlsel_backend_train_mlp, begin, 16, 8);
FIELD(mlsel_backend_train_mlp, steps, 24, 8);
FIELD(mlsel_backend_train_mlp, evaluate, 32, 8);
FIELD(mlsel_backend_train_mlp, keep, 40, 8);
FIELD(mlsel_backend_train_mlp, read, 48, 8);
FIELD(mlsel_backend_train_mlp, release, 56, 8);

SIZE(mlsel_backend, 80);
FIELD(mlsel_backend, struct_size, 0, 4);
FIELD(mlsel_backend, api_version, 4, 4);
FIELD(mlsel_backend, name, 8, 8);
FIELD(mlsel_backend, probe, 16, 8);
FIELD(mlsel_backend, device_count, 24, 8);
FIELD(mlsel_backend, device_info, 32, 8);
FIELD(mlsel_backend, supports, 40, 8);
FIELD(mlsel_backend, prepare, 48, 8);
FIELD(mlsel_backend, run, 56, 8);
FIELD(mlsel_backend, release, 64, 8);
FIELD(mlsel_backend, extension, 72, 8);

#endif /* 64-bit */
