/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes, offsets and values of mlsel.h as numbers: a change of the binary interface does not compile. Running it shows
 * that the library at hand was compiled with the same numbers.
 *
 * A struct with struct_size may grow at its end in a new version: then its size changes here and new fields are added.
 * Nothing else may change.
 */
#include "mlsel.h"

#include <stdio.h>

#include "layout.h"

/* --- values */

ENUM_TYPE(mlsel_status);
VALUE(MLSEL_OK, 0);
VALUE(MLSEL_ERROR_INVALID_ARGUMENT, -1);
VALUE(MLSEL_ERROR_NO_MEMORY, -2);
VALUE(MLSEL_ERROR_PARSE, -3);
VALUE(MLSEL_ERROR_SCHEMA, -4);
VALUE(MLSEL_ERROR_VERSION, -5);
VALUE(MLSEL_ERROR_DIMENSION, -6);
VALUE(MLSEL_ERROR_NOT_FOUND, -7);
VALUE(MLSEL_ERROR_UNSUPPORTED, -8);
VALUE(MLSEL_ERROR_DEVICE, -9);
VALUE(MLSEL_ERROR_IO, -10);
VALUE(MLSEL_ERROR_INTERNAL, -11);
VALUE(MLSEL_ERROR_LIMIT, -12);
VALUE(MLSEL_ERROR_NOT_TRAINED, -13);
VALUE(MLSEL_ERROR_NO_CANDIDATE, -14);
VALUE(MLSEL_ERROR_NOT_FINITE, -15);

ENUM_TYPE(mlsel_algorithm);
VALUE(MLSEL_ALGORITHM_KNN, 1);
VALUE(MLSEL_ALGORITHM_KMEANS, 2);
VALUE(MLSEL_ALGORITHM_SVM, 3);
VALUE(MLSEL_ALGORITHM_MLP, 4);

ENUM_TYPE(mlsel_knn_rule);
VALUE(MLSEL_KNN_RULE_COSINE, 0);
VALUE(MLSEL_KNN_RULE_LEGACY, 1);

ENUM_TYPE(mlsel_svm_kernel);
VALUE(MLSEL_SVM_KERNEL_NONE, 0);
VALUE(MLSEL_SVM_KERNEL_LINEAR, 1);
VALUE(MLSEL_SVM_KERNEL_RBF, 2);

ENUM_TYPE(mlsel_svm_form);
VALUE(MLSEL_SVM_FORM_NONE, 0);
VALUE(MLSEL_SVM_FORM_ONE_VS_ONE, 1);
VALUE(MLSEL_SVM_FORM_PER_MODEL, 2);

ENUM_TYPE(mlsel_precision);
VALUE(MLSEL_PRECISION_DEFAULT, 0);
VALUE(MLSEL_PRECISION_F32, 1);
VALUE(MLSEL_PRECISION_F16, 2);
VALUE(MLSEL_PRECISION_BF16, 3);
VALUE(MLSEL_PRECISION_INT8, 4);

ENUM_TYPE(mlsel_category_layout);
VALUE(MLSEL_CATEGORIES_VSR, 0);
VALUE(MLSEL_CATEGORIES_VSR_DOC, 1);
VALUE(MLSEL_CATEGORIES_ARTIFACT, 2);

ENUM_TYPE(mlsel_format);
VALUE(MLSEL_FORMAT_JSON, 1);
VALUE(MLSEL_FORMAT_SAFETENSORS, 2);

ENUM_TYPE(mlsel_layer_type);
VALUE(MLSEL_LAYER_LINEAR, 1);
VALUE(MLSEL_LAYER_RELU, 2);
VALUE(MLSEL_LAYER_BATCH_NORM, 3);
VALUE(MLSEL_LAYER_DROPOUT, 4);

VALUE(MLSEL_SELECTION_SINGLE, 1);
VALUE(MLSEL_SELECTION_TIE, 2);
VALUE(MLSEL_SELECTION_WIDENED, 4);
VALUE(MLSEL_SELECTION_NEXT_CLUSTER, 8);

VALUE(MLSEL_CATEGORY_FELL_BACK, 1);

/* --- structs that are the same everywhere */

SIZE(mlsel_error, 256);
FIELD(mlsel_error, code, 0, 4);
FIELD(mlsel_error, reserved, 4, 4);
FIELD(mlsel_error, detail, 8, 8);
FIELD(mlsel_error, message, 16, 240);

SIZE(mlsel_device_info, 184);
FIELD(mlsel_device_info, struct_size, 0, 4);
FIELD(mlsel_device_info, index, 4, 4);
FIELD(mlsel_device_info, name, 8, 32);
FIELD(mlsel_device_info, description, 40, 96);
FIELD(mlsel_device_info, isa, 136, 32);
FIELD(mlsel_device_info, memory_bytes, 168, 8);
FIELD(mlsel_device_info, precisions, 176, 4);
FIELD(mlsel_device_info, reserved, 180, 4);

SIZE(mlsel_model_info, 216);
FIELD(mlsel_model_info, struct_size, 0, 4);
FIELD(mlsel_model_info, algorithm, 4, 4);
FIELD(mlsel_model_info, format_version, 8, 4);
FIELD(mlsel_model_info, n_features, 12, 4);
FIELD(mlsel_model_info, n_labels, 16, 4);
FIELD(mlsel_model_info, n_categories, 20, 4);
FIELD(mlsel_model_info, category_layout, 24, 4);
FIELD(mlsel_model_info, precision, 28, 4);
FIELD(mlsel_model_info, category_weight, 32, 8);
FIELD(mlsel_model_info, memory_bytes, 40, 8);
FIELD(mlsel_model_info, n_parameters, 48, 8);
FIELD(mlsel_model_info, content_hash, 56, 40);
FIELD(mlsel_model_info, device, 96, 32);
FIELD(mlsel_model_info, device_fallback, 128, 4);
FIELD(mlsel_model_info, knn_rule, 132, 4);
FIELD(mlsel_model_info, k, 136, 4);
FIELD(mlsel_model_info, reserved, 140, 4);
FIELD(mlsel_model_info, n_samples, 144, 8);
FIELD(mlsel_model_info, n_clusters, 152, 4);
FIELD(mlsel_model_info, svm_form, 156, 4);
FIELD(mlsel_model_info, svm_kernel, 160, 4);
FIELD(mlsel_model_info, n_classes, 164, 4);
FIELD(mlsel_model_info, n_pairs, 168, 4);
FIELD(mlsel_model_info, n_layers, 172, 4);
FIELD(mlsel_model_info, n_support_vectors, 176, 8);
FIELD(mlsel_model_info, gamma, 184, 8);
FIELD(mlsel_model_info, format, 192, 4);
FIELD(mlsel_model_info, is_mapped, 196, 4);
FIELD(mlsel_model_info, has_index, 200, 4);
FIELD(mlsel_model_info, values_known, 204, 4);
FIELD(mlsel_model_info, file_bytes, 208, 8);

SIZE(mlsel_save_options, 16);
FIELD(mlsel_save_options, struct_size, 0, 4);
FIELD(mlsel_save_options, format, 4, 4);
FIELD(mlsel_save_options, replace, 8, 4);
FIELD(mlsel_save_options, without_index, 12, 4);

SIZE(mlsel_layer_info, 32);
FIELD(mlsel_layer_info, struct_size, 0, 4);
FIELD(mlsel_layer_info, type, 4, 4);
FIELD(mlsel_layer_info, in_features, 8, 4);
FIELD(mlsel_layer_info, out_features, 12, 4);
FIELD(mlsel_layer_info, has_bias, 16, 4);
FIELD(mlsel_layer_info, reserved, 20, 4);
FIELD(mlsel_layer_info, parameter, 24, 8);

SIZE(mlsel_selection, 64);
FIELD(mlsel_selection, index, 0, 4);
FIELD(mlsel_selection, runner_up, 4, 4);
FIELD(mlsel_selection, score, 8, 8);
FIELD(mlsel_selection, margin, 16, 8);
FIELD(mlsel_selection, probability, 24, 8);
FIELD(mlsel_selection, cluster, 32, 4);
FIELD(mlsel_selection, flags, 36, 4);
FIELD(mlsel_selection, reserved, 40, 24);

SIZE(mlsel_neighbour, 48);
FIELD(mlsel_neighbour, row, 0, 8);
FIELD(mlsel_neighbour, distance, 8, 8);
FIELD(mlsel_neighbour, vote, 16, 8);
FIELD(mlsel_neighbour, quality, 24, 8);
FIELD(mlsel_neighbour, latency_ns, 32, 8);
FIELD(mlsel_neighbour, label, 40, 4);
FIELD(mlsel_neighbour, reserved, 44, 4);

SIZE(mlsel_features_options, 16);
FIELD(mlsel_features_options, struct_size, 0, 4);
FIELD(mlsel_features_options, layout, 4, 4);
FIELD(mlsel_features_options, category_weight, 8, 8);

/* --- structs with pointers or size_t, on 64-bit machines */
#if UINTPTR_MAX == UINT64_MAX

SIZE(mlsel_model_options, 48);
FIELD(mlsel_model_options, struct_size, 0, 4);
FIELD(mlsel_model_options, knn_rule, 4, 4);
FIELD(mlsel_model_options, k, 8, 4);
FIELD(mlsel_model_options, precision, 12, 4);
FIELD(mlsel_model_options, device, 16, 8);
FIELD(mlsel_model_options, allow_device_fallback, 24, 4);
FIELD(mlsel_model_options, category_layout, 28, 4);
FIELD(mlsel_model_options, max_bytes, 32, 8);
FIELD(mlsel_model_options, threads, 40, 4);
FIELD(mlsel_model_options, check_values, 44, 4);

SIZE(mlsel_query_options, 40);
FIELD(mlsel_query_options, struct_size, 0, 4);
FIELD(mlsel_query_options, reserved, 4, 4);
FIELD(mlsel_query_options, eligible_mask, 8, 8);
FIELD(mlsel_query_options, eligible_mask_size, 16, 8);
FIELD(mlsel_query_options, eligible, 24, 8);
FIELD(mlsel_query_options, n_eligible, 32, 8);

SIZE(mlsel_evidence, 200);
FIELD(mlsel_evidence, struct_size, 0, 4);
FIELD(mlsel_evidence, reserved, 4, 4);
FIELD(mlsel_evidence, selection, 8, 64);
FIELD(mlsel_evidence, scores, 72, 8);
FIELD(mlsel_evidence, scores_capacity, 80, 8);
FIELD(mlsel_evidence, probabilities, 88, 8);
FIELD(mlsel_evidence, probabilities_capacity, 96, 8);
FIELD(mlsel_evidence, neighbours, 104, 8);
FIELD(mlsel_evidence, neighbours_capacity, 112, 8);
FIELD(mlsel_evidence, neighbour_count, 120, 8);
FIELD(mlsel_evidence, cluster_distances, 128, 8);
FIELD(mlsel_evidence, cluster_distances_capacity, 136, 8);
FIELD(mlsel_evidence, cluster_count, 144, 8);
FIELD(mlsel_evidence, pair_decisions, 152, 8);
FIELD(mlsel_evidence, pair_decisions_capacity, 160, 8);
FIELD(mlsel_evidence, pair_count, 168, 8);
FIELD(mlsel_evidence, votes, 176, 8);
FIELD(mlsel_evidence, votes_capacity, 184, 8);
FIELD(mlsel_evidence, vote_count, 192, 8);

#endif /* 64-bit */

/* --- the library at hand */

static int failures;

static void expect(int condition, const char *what) {
    if (condition)
        return;
    printf("FAILED: %s\n", what);
    failures++;
}

int main(int argc, char **argv) {
    /* A caller compiled against a later header has larger structs; the library fills the part that it knows. */
    union {
        mlsel_device_info device;
        mlsel_model_info model;
        mlsel_layer_info layer;
        char later_version[4096];
    } out;
    mlsel_error err = {0};
    mlsel_model *model = NULL;
    if (argc != 2 || mlsel_model_load(argv[1], NULL, &model, &err) != MLSEL_OK) {
        printf("FAILED: %s\n", argc == 2 ? err.message : "usage: test_layout MLP_ARTIFACT");
        return 1;
    }
    expect(mlsel_device_query("cpu", &out.device, sizeof out, &err) == MLSEL_OK &&
               out.device.struct_size == sizeof out.device,
           "mlsel_device_info has another size in the library");
    expect(mlsel_model_get_info(model, &out.model, sizeof out, &err) == MLSEL_OK &&
               out.model.struct_size == sizeof out.model,
           "mlsel_model_info has another size in the library");
    expect(mlsel_model_get_layer(model, 0, &out.layer, sizeof out, &err) == MLSEL_OK &&
               out.layer.struct_size == sizeof out.layer,
           "mlsel_layer_info has another size in the library");
    expect(mlsel_version() == MLSEL_VERSION, "mlsel_version() is not MLSEL_VERSION");
    mlsel_model_release(model);
    return failures != 0;
}
