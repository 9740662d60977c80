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
VALUE(MLSEL_ERROR_NO_DECISION, -16);
VALUE(MLSEL_ERROR_CANCELLED, -17);
VALUE(MLSEL_ERROR_CLOSED, -18);

ENUM_TYPE(mlsel_algorithm);
VALUE(MLSEL_ALGORITHM_KNN, 1);
VALUE(MLSEL_ALGORITHM_KMEANS, 2);
VALUE(MLSEL_ALGORITHM_SVM, 3);
VALUE(MLSEL_ALGORITHM_MLP, 4);

ENUM_TYPE(mlsel_knn_rule);
VALUE(MLSEL_KNN_RULE_COSINE, 0);
VALUE(MLSEL_KNN_RULE_LEGACY, 1);
VALUE(MLSEL_KNN_RULE_OUTCOMES, 2);
VALUE(MLSEL_KNN_RULE_VOTE, 3);

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
VALUE(MLSEL_SELECTION_TRADEOFF, 16);
VALUE(MLSEL_SELECTION_CALIBRATED, 32);
VALUE(MLSEL_TRADEOFF_TOLERANCE, 1);

VALUE(MLSEL_CATEGORY_FELL_BACK, 1);

ENUM_TYPE(mlsel_rule_kind);
VALUE(MLSEL_ROUTE_SINGLE, 1);
VALUE(MLSEL_ROUTE_DEFAULT, 2);
VALUE(MLSEL_ROUTE_CATEGORY_FELL_BACK, 4);
VALUE(MLSEL_ROUTE_SELECTOR_FAILED, 8);
VALUE(MLSEL_ROUTE_NO_SELECTOR, 16);
VALUE(MLSEL_ROUTE_UNKNOWN_MODELS, 32);
VALUE(MLSEL_ROUTE_LOW_CONFIDENCE, 64);
VALUE(MLSEL_ROUTE_NEXT_DECISION, 128);
VALUE(MLSEL_ROUTE_DEVICE_FALLBACK, 256);
VALUE(MLSEL_ROUTE_RESTRICTED, 512);
VALUE(MLSEL_ROUTE_HOST_ALGORITHM, 1024);
VALUE(MLSEL_ROUTE_TRADEOFF_IGNORED, 2048);
VALUE(MLSEL_CANDIDATE_ELIGIBLE, 1);
VALUE(MLSEL_CANDIDATE_KNOWN, 2);
VALUE(MLSEL_CANDIDATE_SHADOWED, 4);
VALUE(MLSEL_CANDIDATE_CHOSEN, 8);
VALUE(MLSEL_RULE_AND, 1);
VALUE(MLSEL_RULE_OR, 2);
VALUE(MLSEL_RULE_NOT, 3);
VALUE(MLSEL_RULE_CONDITION, 4);

ENUM_TYPE(mlsel_severity);
VALUE(MLSEL_SEVERITY_NOTE, 1);
VALUE(MLSEL_SEVERITY_WARNING, 2);
VALUE(MLSEL_SEVERITY_ERROR, 3);

VALUE(MLSEL_VALIDATE_TEXT_ONLY, 1);

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

SIZE(mlsel_model_info, 488);
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
FIELD(mlsel_model_info, is_calibrated, 216, 4);
FIELD(mlsel_model_info, reserved2, 220, 4);
FIELD(mlsel_model_info, calibration_records, 224, 8);
FIELD(mlsel_model_info, device_reason, 232, 256);

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
FIELD(mlsel_selection, confidence, 40, 8);
FIELD(mlsel_selection, reserved, 48, 16);

SIZE(mlsel_neighbour, 48);
FIELD(mlsel_neighbour, row, 0, 8);
FIELD(mlsel_neighbour, distance, 8, 8);
FIELD(mlsel_neighbour, vote, 16, 8);
FIELD(mlsel_neighbour, quality, 24, 8);
FIELD(mlsel_neighbour, latency_ns, 32, 8);
FIELD(mlsel_neighbour, label, 40, 4);
FIELD(mlsel_neighbour, reserved, 44, 4);

SIZE(mlsel_outcome, 48);
FIELD(mlsel_outcome, quality, 0, 8);
FIELD(mlsel_outcome, latency_ns, 8, 8);
FIELD(mlsel_outcome, cost, 16, 8);
FIELD(mlsel_outcome, samples, 24, 8);
FIELD(mlsel_outcome, latency_samples, 32, 8);
FIELD(mlsel_outcome, reserved, 40, 8);

SIZE(mlsel_features_options, 16);
FIELD(mlsel_features_options, struct_size, 0, 4);
FIELD(mlsel_features_options, layout, 4, 4);
FIELD(mlsel_features_options, category_weight, 8, 8);

SIZE(mlsel_router_metrics, 64);
FIELD(mlsel_router_metrics, struct_size, 0, 4);
FIELD(mlsel_router_metrics, enabled, 4, 4);
FIELD(mlsel_router_metrics, generation, 8, 8);
FIELD(mlsel_router_metrics, requests, 16, 8);
FIELD(mlsel_router_metrics, errors, 24, 8);
FIELD(mlsel_router_metrics, no_decision, 32, 8);
FIELD(mlsel_router_metrics, defaults, 40, 8);
FIELD(mlsel_router_metrics, reloads, 48, 8);
FIELD(mlsel_router_metrics, failed_reloads, 56, 8);

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

SIZE(mlsel_tradeoff, 72);
FIELD(mlsel_tradeoff, struct_size, 0, 4);
FIELD(mlsel_tradeoff, flags, 4, 4);
FIELD(mlsel_tradeoff, quality_weight, 8, 8);
FIELD(mlsel_tradeoff, latency_weight, 16, 8);
FIELD(mlsel_tradeoff, cost_weight, 24, 8);
FIELD(mlsel_tradeoff, latency_scale_ns, 32, 8);
FIELD(mlsel_tradeoff, cost_scale, 40, 8);
FIELD(mlsel_tradeoff, tolerance, 48, 8);
FIELD(mlsel_tradeoff, costs, 56, 8);
FIELD(mlsel_tradeoff, n_costs, 64, 8);

SIZE(mlsel_query_options, 48);
FIELD(mlsel_query_options, struct_size, 0, 4);
FIELD(mlsel_query_options, reserved, 4, 4);
FIELD(mlsel_query_options, eligible_mask, 8, 8);
FIELD(mlsel_query_options, eligible_mask_size, 16, 8);
FIELD(mlsel_query_options, eligible, 24, 8);
FIELD(mlsel_query_options, n_eligible, 32, 8);
FIELD(mlsel_query_options, tradeoff, 40, 8);

SIZE(mlsel_evidence, 248);
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
FIELD(mlsel_evidence, outcomes, 200, 8);
FIELD(mlsel_evidence, outcomes_capacity, 208, 8);
FIELD(mlsel_evidence, outcome_count, 216, 8);
FIELD(mlsel_evidence, confidences, 224, 8);
FIELD(mlsel_evidence, confidences_capacity, 232, 8);
FIELD(mlsel_evidence, confidence_count, 240, 8);

SIZE(mlsel_router_options, 96);
FIELD(mlsel_router_options, struct_size, 0, 4);
FIELD(mlsel_router_options, strict, 4, 4);
FIELD(mlsel_router_options, models_dir, 8, 8);
FIELD(mlsel_router_options, base_dir, 16, 8);
FIELD(mlsel_router_options, device, 24, 8);
FIELD(mlsel_router_options, allow_device_fallback, 32, 4);
FIELD(mlsel_router_options, allow_next_decision, 36, 4);
FIELD(mlsel_router_options, collect_metrics, 40, 4);
FIELD(mlsel_router_options, warnings_are_errors, 44, 4);
FIELD(mlsel_router_options, knn_rule, 48, 4);
FIELD(mlsel_router_options, category_layout, 52, 4);
FIELD(mlsel_router_options, min_probability, 56, 8);
FIELD(mlsel_router_options, max_config_bytes, 64, 8);
FIELD(mlsel_router_options, max_artifact_bytes, 72, 8);
FIELD(mlsel_router_options, max_name_bytes, 80, 8);
FIELD(mlsel_router_options, models_root, 88, 8);

SIZE(mlsel_signal, 16);
FIELD(mlsel_signal, type, 0, 8);
FIELD(mlsel_signal, name, 8, 8);

SIZE(mlsel_price, 16);
FIELD(mlsel_price, model, 0, 8);
FIELD(mlsel_price, cost, 8, 8);

SIZE(mlsel_request, 120);
FIELD(mlsel_request, struct_size, 0, 4);
FIELD(mlsel_request, reserved, 4, 4);
FIELD(mlsel_request, embedding, 8, 8);
FIELD(mlsel_request, embedding_f64, 16, 8);
FIELD(mlsel_request, n_embedding, 24, 8);
FIELD(mlsel_request, category, 32, 8);
FIELD(mlsel_request, signals, 40, 8);
FIELD(mlsel_request, n_signals, 48, 8);
FIELD(mlsel_request, unavailable, 56, 8);
FIELD(mlsel_request, n_unavailable, 64, 8);
FIELD(mlsel_request, allowed, 72, 8);
FIELD(mlsel_request, n_allowed, 80, 8);
FIELD(mlsel_request, min_probability, 88, 8);
FIELD(mlsel_request, tradeoff, 96, 8);
FIELD(mlsel_request, prices, 104, 8);
FIELD(mlsel_request, n_prices, 112, 8);

SIZE(mlsel_route_candidate, 48);
FIELD(mlsel_route_candidate, model, 0, 8);
FIELD(mlsel_route_candidate, served, 8, 8);
FIELD(mlsel_route_candidate, score, 16, 8);
FIELD(mlsel_route_candidate, probability, 24, 8);
FIELD(mlsel_route_candidate, label, 32, 4);
FIELD(mlsel_route_candidate, flags, 36, 4);
FIELD(mlsel_route_candidate, reserved, 40, 8);

SIZE(mlsel_route, 136);
FIELD(mlsel_route, struct_size, 0, 4);
FIELD(mlsel_route, status, 4, 4);
FIELD(mlsel_route, flags, 8, 4);
FIELD(mlsel_route, selector_status, 12, 4);
FIELD(mlsel_route, generation, 16, 8);
FIELD(mlsel_route, decision, 24, 8);
FIELD(mlsel_route, model, 32, 8);
FIELD(mlsel_route, lora, 40, 8);
FIELD(mlsel_route, served, 48, 8);
FIELD(mlsel_route, decision_index, 56, 4);
FIELD(mlsel_route, candidate_index, 60, 4);
FIELD(mlsel_route, runner_up_index, 64, 4);
FIELD(mlsel_route, algorithm, 68, 4);
FIELD(mlsel_route, score, 72, 8);
FIELD(mlsel_route, margin, 80, 8);
FIELD(mlsel_route, probability, 88, 8);
FIELD(mlsel_route, cluster, 96, 4);
FIELD(mlsel_route, selection_flags, 100, 4);
FIELD(mlsel_route, candidates, 104, 8);
FIELD(mlsel_route, candidates_capacity, 112, 8);
FIELD(mlsel_route, candidate_count, 120, 8);
FIELD(mlsel_route, confidence, 128, 8);

SIZE(mlsel_rule_result, 32);
FIELD(mlsel_rule_result, decision, 0, 4);
FIELD(mlsel_rule_result, kind, 4, 4);
FIELD(mlsel_rule_result, depth, 8, 4);
FIELD(mlsel_rule_result, holds, 12, 4);
FIELD(mlsel_rule_result, type, 16, 8);
FIELD(mlsel_rule_result, name, 24, 8);

SIZE(mlsel_decision_result, 32);
FIELD(mlsel_decision_result, name, 0, 8);
FIELD(mlsel_decision_result, index, 8, 4);
FIELD(mlsel_decision_result, priority, 12, 4);
FIELD(mlsel_decision_result, matched, 16, 4);
FIELD(mlsel_decision_result, answered, 20, 4);
FIELD(mlsel_decision_result, n_rules, 24, 4);
FIELD(mlsel_decision_result, reserved, 28, 4);

SIZE(mlsel_route_explanation, 88);
FIELD(mlsel_route_explanation, struct_size, 0, 4);
FIELD(mlsel_route_explanation, reserved, 4, 4);
FIELD(mlsel_route_explanation, decisions, 8, 8);
FIELD(mlsel_route_explanation, decisions_capacity, 16, 8);
FIELD(mlsel_route_explanation, decision_count, 24, 8);
FIELD(mlsel_route_explanation, rules, 32, 8);
FIELD(mlsel_route_explanation, rules_capacity, 40, 8);
FIELD(mlsel_route_explanation, rule_count, 48, 8);
FIELD(mlsel_route_explanation, unused_signals, 56, 8);
FIELD(mlsel_route_explanation, unused_signals_capacity, 64, 8);
FIELD(mlsel_route_explanation, unused_signal_count, 72, 8);
FIELD(mlsel_route_explanation, evidence, 80, 8);

SIZE(mlsel_router_info, 80);
FIELD(mlsel_router_info, struct_size, 0, 4);
FIELD(mlsel_router_info, n_decisions, 4, 4);
FIELD(mlsel_router_info, generation, 8, 8);
FIELD(mlsel_router_info, n_models, 16, 4);
FIELD(mlsel_router_info, n_rules, 20, 4);
FIELD(mlsel_router_info, max_candidates, 24, 4);
FIELD(mlsel_router_info, enabled, 28, 4);
FIELD(mlsel_router_info, dialect, 32, 8);
FIELD(mlsel_router_info, path, 40, 8);
FIELD(mlsel_router_info, default_model, 48, 8);
FIELD(mlsel_router_info, default_decision, 56, 4);
FIELD(mlsel_router_info, n_warnings, 60, 4);
FIELD(mlsel_router_info, memory_bytes, 64, 8);
FIELD(mlsel_router_info, name_bytes, 72, 8);

SIZE(mlsel_router_decision, 104);
FIELD(mlsel_router_decision, struct_size, 0, 4);
FIELD(mlsel_router_decision, priority, 4, 4);
FIELD(mlsel_router_decision, generation, 8, 8);
FIELD(mlsel_router_decision, name, 16, 8);
FIELD(mlsel_router_decision, description, 24, 8);
FIELD(mlsel_router_decision, algorithm_name, 32, 8);
FIELD(mlsel_router_decision, artifact, 40, 8);
FIELD(mlsel_router_decision, algorithm, 48, 4);
FIELD(mlsel_router_decision, n_candidates, 52, 4);
FIELD(mlsel_router_decision, n_rules, 56, 4);
FIELD(mlsel_router_decision, k, 60, 4);
FIELD(mlsel_router_decision, device, 64, 32);
FIELD(mlsel_router_decision, device_fallback, 96, 4);
FIELD(mlsel_router_decision, reserved, 100, 4);

SIZE(mlsel_router_candidate, 48);
FIELD(mlsel_router_candidate, struct_size, 0, 4);
FIELD(mlsel_router_candidate, label, 4, 4);
FIELD(mlsel_router_candidate, generation, 8, 8);
FIELD(mlsel_router_candidate, model, 16, 8);
FIELD(mlsel_router_candidate, lora, 24, 8);
FIELD(mlsel_router_candidate, served, 32, 8);
FIELD(mlsel_router_candidate, flags, 40, 4);
FIELD(mlsel_router_candidate, reserved, 44, 4);

SIZE(mlsel_decision_metrics, 248);
FIELD(mlsel_decision_metrics, struct_size, 0, 4);
FIELD(mlsel_decision_metrics, reserved, 4, 4);
FIELD(mlsel_decision_metrics, generation, 8, 8);
FIELD(mlsel_decision_metrics, name, 16, 8);
FIELD(mlsel_decision_metrics, requests, 24, 8);
FIELD(mlsel_decision_metrics, errors, 32, 8);
FIELD(mlsel_decision_metrics, scored, 40, 8);
FIELD(mlsel_decision_metrics, selector_failed, 48, 8);
FIELD(mlsel_decision_metrics, unknown_models, 56, 8);
FIELD(mlsel_decision_metrics, low_confidence, 64, 8);
FIELD(mlsel_decision_metrics, category_fell_back, 72, 8);
FIELD(mlsel_decision_metrics, latency_ns, 80, 8);
FIELD(mlsel_decision_metrics, latency, 88, 160);

SIZE(mlsel_diagnostics_info, 48);
FIELD(mlsel_diagnostics_info, struct_size, 0, 4);
FIELD(mlsel_diagnostics_info, n_diagnostics, 4, 4);
FIELD(mlsel_diagnostics_info, n_errors, 8, 8);
FIELD(mlsel_diagnostics_info, n_warnings, 16, 8);
FIELD(mlsel_diagnostics_info, n_notes, 24, 8);
FIELD(mlsel_diagnostics_info, dialect, 32, 8);
FIELD(mlsel_diagnostics_info, n_decisions, 40, 4);
FIELD(mlsel_diagnostics_info, n_artifacts, 44, 4);

SIZE(mlsel_diagnostic, 64);
FIELD(mlsel_diagnostic, struct_size, 0, 4);
FIELD(mlsel_diagnostic, severity, 4, 4);
FIELD(mlsel_diagnostic, code, 8, 8);
FIELD(mlsel_diagnostic, message, 16, 8);
FIELD(mlsel_diagnostic, suggestion, 24, 8);
FIELD(mlsel_diagnostic, file, 32, 8);
FIELD(mlsel_diagnostic, source, 40, 8);
FIELD(mlsel_diagnostic, line, 48, 4);
FIELD(mlsel_diagnostic, column, 52, 4);
FIELD(mlsel_diagnostic, end_line, 56, 4);
FIELD(mlsel_diagnostic, end_column, 60, 4);

SIZE(mlsel_batcher_options, 24);
FIELD(mlsel_batcher_options, struct_size, 0, 4);
FIELD(mlsel_batcher_options, max_wait_us, 4, 4);
FIELD(mlsel_batcher_options, max_batch, 8, 4);
FIELD(mlsel_batcher_options, max_running, 12, 4);
FIELD(mlsel_batcher_options, allow_rounding, 16, 4);
FIELD(mlsel_batcher_options, always_group, 20, 4);

SIZE(mlsel_batcher_stats, 560);
FIELD(mlsel_batcher_stats, struct_size, 0, 4);
FIELD(mlsel_batcher_stats, is_grouping, 4, 4);
FIELD(mlsel_batcher_stats, is_closed, 8, 4);
FIELD(mlsel_batcher_stats, max_wait_us, 12, 4);
FIELD(mlsel_batcher_stats, max_batch, 16, 4);
FIELD(mlsel_batcher_stats, max_running, 20, 4);
FIELD(mlsel_batcher_stats, memory_bytes, 24, 8);
FIELD(mlsel_batcher_stats, inside, 32, 8);
FIELD(mlsel_batcher_stats, queued, 40, 8);
FIELD(mlsel_batcher_stats, queries, 48, 8);
FIELD(mlsel_batcher_stats, failed, 56, 8);
FIELD(mlsel_batcher_stats, refused, 64, 8);
FIELD(mlsel_batcher_stats, batches, 72, 8);
FIELD(mlsel_batcher_stats, batched, 80, 8);
FIELD(mlsel_batcher_stats, largest_batch, 88, 8);
FIELD(mlsel_batcher_stats, timeouts, 96, 8);
FIELD(mlsel_batcher_stats, wait_ns, 104, 8);
FIELD(mlsel_batcher_stats, longest_wait_ns, 112, 8);
FIELD(mlsel_batcher_stats, latency_ns, 120, 8);
FIELD(mlsel_batcher_stats, longest_latency_ns, 128, 8);
FIELD(mlsel_batcher_stats, sizes, 136, 104);
FIELD(mlsel_batcher_stats, waits, 240, 160);
FIELD(mlsel_batcher_stats, latencies, 400, 160);

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
