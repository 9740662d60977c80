/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pointer to every public function, with the type that it has had since it exists. Another type does not compile, a
 * function that is not exported does not link. Included after mlsel.h, which must need nothing before it.
 */
#ifndef MLSEL_ABI_SIGNATURES_H
#define MLSEL_ABI_SIGNATURES_H

#define FUNCTION(result, name, parameters)                                                                             \
    extern result(*const abi_##name) parameters;                                                                       \
    result(*const abi_##name) parameters = name

FUNCTION(const char *, mlsel_status_name, (mlsel_status));
FUNCTION(uint32_t, mlsel_version, (void));
FUNCTION(const char *, mlsel_version_string, (void));
FUNCTION(const char *, mlsel_build_info, (void));
FUNCTION(mlsel_status, mlsel_device_query, (const char *, mlsel_device_info *, size_t, mlsel_error *));
FUNCTION(const char *, mlsel_algorithm_name, (mlsel_algorithm));
FUNCTION(const char *, mlsel_precision_name, (mlsel_precision));
FUNCTION(void, mlsel_model_options_init, (mlsel_model_options *, size_t));
FUNCTION(mlsel_status, mlsel_model_load, (const char *, const mlsel_model_options *, mlsel_model **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_model_load_memory,
         (const void *, size_t, const mlsel_model_options *, mlsel_model **, mlsel_error *));
FUNCTION(const char *, mlsel_format_name, (mlsel_format));
FUNCTION(void, mlsel_save_options_init, (mlsel_save_options *, size_t));
FUNCTION(mlsel_status, mlsel_model_save,
         (const mlsel_model *, const char *, const mlsel_save_options *, mlsel_error *));
FUNCTION(mlsel_model *, mlsel_model_retain, (mlsel_model *));
FUNCTION(void, mlsel_model_release, (mlsel_model *));
FUNCTION(mlsel_status, mlsel_model_get_info, (const mlsel_model *, mlsel_model_info *, size_t, mlsel_error *));
FUNCTION(const char *, mlsel_layer_type_name, (mlsel_layer_type));
FUNCTION(mlsel_status, mlsel_model_get_layer,
         (const mlsel_model *, uint32_t, mlsel_layer_info *, size_t, mlsel_error *));
FUNCTION(size_t, mlsel_model_label_count, (const mlsel_model *));
FUNCTION(const char *, mlsel_model_label, (const mlsel_model *, int32_t));
FUNCTION(int32_t, mlsel_model_find_label, (const mlsel_model *, const char *));
FUNCTION(int32_t, mlsel_model_class_label, (const mlsel_model *, uint32_t));
FUNCTION(int32_t, mlsel_model_cluster_label, (const mlsel_model *, uint32_t));
FUNCTION(const char *, mlsel_model_category, (const mlsel_model *, int32_t));
FUNCTION(void, mlsel_tradeoff_init, (mlsel_tradeoff *, size_t));
FUNCTION(void, mlsel_query_options_init, (mlsel_query_options *, size_t));
FUNCTION(mlsel_status, mlsel_select,
         (const mlsel_model *, const float *, size_t, const mlsel_query_options *, mlsel_selection *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_select_f64,
         (const mlsel_model *, const double *, size_t, const mlsel_query_options *, mlsel_selection *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_select_batch,
         (const mlsel_model *, const float *, size_t, size_t, size_t, const mlsel_query_options *, mlsel_selection *,
          mlsel_error *));
FUNCTION(mlsel_status, mlsel_select_batch_f64,
         (const mlsel_model *, const double *, size_t, size_t, size_t, const mlsel_query_options *, mlsel_selection *,
          mlsel_error *));
FUNCTION(mlsel_status, mlsel_score,
         (const mlsel_model *, const float *, size_t, const mlsel_query_options *, double *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_score_f64,
         (const mlsel_model *, const double *, size_t, const mlsel_query_options *, double *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_score_batch,
         (const mlsel_model *, const float *, size_t, size_t, size_t, const mlsel_query_options *, double *, size_t,
          mlsel_error *));
FUNCTION(mlsel_status, mlsel_score_batch_f64,
         (const mlsel_model *, const double *, size_t, size_t, size_t, const mlsel_query_options *, double *, size_t,
          mlsel_error *));
FUNCTION(mlsel_status, mlsel_probabilities,
         (const mlsel_model *, const double *, size_t, const mlsel_query_options *, double *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_confidences, (const mlsel_model *, const double *, size_t, double *, mlsel_error *));
FUNCTION(void, mlsel_evidence_init, (mlsel_evidence *, size_t));
FUNCTION(mlsel_status, mlsel_explain,
         (const mlsel_model *, const float *, size_t, const mlsel_query_options *, mlsel_evidence *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_explain_f64,
         (const mlsel_model *, const double *, size_t, const mlsel_query_options *, mlsel_evidence *, mlsel_error *));
FUNCTION(size_t, mlsel_category_count, (mlsel_category_layout));
FUNCTION(const char *, mlsel_category_name, (mlsel_category_layout, int32_t));
FUNCTION(int32_t, mlsel_category_index, (mlsel_category_layout, const char *, uint32_t *));
FUNCTION(void, mlsel_features_options_init, (mlsel_features_options *, size_t));
FUNCTION(mlsel_status, mlsel_features_compose,
         (const mlsel_model *, const mlsel_features_options *, const float *, size_t, const char *, float *, size_t,
          uint32_t *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_features_compose_f64,
         (const mlsel_model *, const mlsel_features_options *, const double *, size_t, const char *, double *, size_t,
          uint32_t *, mlsel_error *));
FUNCTION(void, mlsel_router_options_init, (mlsel_router_options *, size_t));
FUNCTION(mlsel_status, mlsel_router_open, (const char *, const mlsel_router_options *, mlsel_router **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_open_memory,
         (const void *, size_t, const mlsel_router_options *, mlsel_router **, mlsel_error *));
FUNCTION(mlsel_router *, mlsel_router_retain, (mlsel_router *));
FUNCTION(void, mlsel_router_release, (mlsel_router *));
FUNCTION(mlsel_status, mlsel_router_reload, (mlsel_router *, const char *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_reload_memory, (mlsel_router *, const void *, size_t, mlsel_error *));
FUNCTION(void, mlsel_request_init, (mlsel_request *, size_t));
FUNCTION(void, mlsel_route_init, (mlsel_route *, size_t));
FUNCTION(mlsel_status, mlsel_router_route, (const mlsel_router *, const mlsel_request *, mlsel_route *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_route_batch,
         (const mlsel_router *, const mlsel_request *, size_t, mlsel_route *, mlsel_error *, mlsel_error *));
FUNCTION(const char *, mlsel_rule_kind_name, (mlsel_rule_kind));
FUNCTION(void, mlsel_route_explanation_init, (mlsel_route_explanation *, size_t));
FUNCTION(mlsel_status, mlsel_router_explain,
         (const mlsel_router *, const mlsel_request *, mlsel_route *, mlsel_route_explanation *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_info, (const mlsel_router *, mlsel_router_info *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_decision,
         (const mlsel_router *, uint32_t, mlsel_router_decision *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_candidate,
         (const mlsel_router *, uint32_t, uint32_t, mlsel_router_candidate *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_model, (const mlsel_router *, uint32_t, mlsel_model **, mlsel_error *));
FUNCTION(double, mlsel_latency_bound, (uint32_t));
FUNCTION(mlsel_status, mlsel_router_get_metrics, (const mlsel_router *, mlsel_router_metrics *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_decision_metrics,
         (const mlsel_router *, uint32_t, mlsel_decision_metrics *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_router_get_selections,
         (const mlsel_router *, uint32_t, uint32_t, uint64_t *, mlsel_error *));
FUNCTION(const char *, mlsel_severity_name, (mlsel_severity));
FUNCTION(mlsel_status, mlsel_config_validate,
         (const char *, const mlsel_router_options *, uint32_t, mlsel_diagnostics **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_config_validate_memory,
         (const void *, size_t, const char *, const mlsel_router_options *, uint32_t, mlsel_diagnostics **,
          mlsel_error *));
FUNCTION(void, mlsel_diagnostics_release, (mlsel_diagnostics *));
FUNCTION(mlsel_status, mlsel_diagnostics_get_info,
         (const mlsel_diagnostics *, mlsel_diagnostics_info *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_diagnostics_get,
         (const mlsel_diagnostics *, size_t, mlsel_diagnostic *, size_t, mlsel_error *));
FUNCTION(void, mlsel_batcher_options_init, (mlsel_batcher_options *, size_t));
FUNCTION(mlsel_status, mlsel_batcher_create,
         (mlsel_model *, const mlsel_batcher_options *, mlsel_batcher **, mlsel_error *));
FUNCTION(mlsel_status, mlsel_batcher_select,
         (mlsel_batcher *, const float *, size_t, const mlsel_query_options *, mlsel_selection *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_batcher_select_f64,
         (mlsel_batcher *, const double *, size_t, const mlsel_query_options *, mlsel_selection *, mlsel_error *));
FUNCTION(mlsel_status, mlsel_batcher_score,
         (mlsel_batcher *, const float *, size_t, const mlsel_query_options *, double *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_batcher_score_f64,
         (mlsel_batcher *, const double *, size_t, const mlsel_query_options *, double *, size_t, mlsel_error *));
FUNCTION(mlsel_status, mlsel_batcher_get_stats, (const mlsel_batcher *, mlsel_batcher_stats *, size_t, mlsel_error *));
FUNCTION(void, mlsel_batcher_close, (mlsel_batcher *));
FUNCTION(void, mlsel_batcher_release, (mlsel_batcher *));

#endif /* MLSEL_ABI_SIGNATURES_H */
