/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NULL for each pointer argument of each public function, one at a time. Whether every function is here is checked
 * against the list of exported symbols.
 */
#include "bad_artifact.h"
#include "null_cases.h"

#include <string.h>

#include "mlsel_backend.h"

enum { N = 3 }; /* features of base_knn */

static mlsel_model *model;
static mlsel_router *router;
static mlsel_batcher *batcher;
static mlsel_diagnostics *findings;
static const char routes_all[] = "decisions: [{name: all, modelRefs: [{model: m}]}]\n";
static const float f32[N] = {1, 0, 0};
static const double f64[N] = {1, 0, 0};
static const double votes[2] = {0.5, 0.25};

/* What the calls write, and must not. */
static struct {
    mlsel_model *loaded;
    mlsel_selection selection;
    double scores[2];
    mlsel_evidence evidence;
    mlsel_model_info info;
    mlsel_layer_info layer;
    mlsel_device_info device;
    float features[N + 14];
    double features_f64[N + 14];
    uint32_t flags;
    mlsel_router *opened;
    mlsel_batcher *made;
    const mlsel_backend *backend;
    uint32_t index;
    mlsel_batcher_stats stats;
    mlsel_router_info router_info;
    mlsel_router_decision decision;
    mlsel_router_candidate candidate;
    mlsel_router_metrics router_metrics;
    mlsel_decision_metrics decision_metrics;
    uint64_t selections;
    mlsel_diagnostics *found;
    mlsel_diagnostics_info found_info;
    mlsel_diagnostic diagnostic;
} out;

CALL(device_query_device, mlsel_device_query(NULL, &out.device, sizeof out.device, err))
CALL(device_query_out, mlsel_device_query("cpu", NULL, sizeof out.device, err))
CALL(load_path, mlsel_model_load(NULL, NULL, &out.loaded, err))
CALL(load_out, mlsel_model_load(EXAMPLE("models/knn_model.json"), NULL, NULL, err))
CALL(load_memory_data, mlsel_model_load_memory(NULL, 5, NULL, &out.loaded, err))
CALL(load_memory_out, mlsel_model_load_memory(base_knn, strlen(base_knn), NULL, NULL, err))
CALL(save_model, mlsel_model_save(NULL, "null.json", NULL, err))
CALL(save_path, mlsel_model_save(model, NULL, NULL, err))
CALL(get_info_model, mlsel_model_get_info(NULL, &out.info, sizeof out.info, err))
CALL(get_info_out, mlsel_model_get_info(model, NULL, sizeof out.info, err))
CALL(get_layer_model, mlsel_model_get_layer(NULL, 0, &out.layer, sizeof out.layer, err))
CALL(get_layer_out, mlsel_model_get_layer(model, 0, NULL, sizeof out.layer, err))
CALL(select_model, mlsel_select(NULL, f32, N, NULL, &out.selection, err))
CALL(select_features, mlsel_select(model, NULL, N, NULL, &out.selection, err))
CALL(select_out, mlsel_select(model, f32, N, NULL, NULL, err))
CALL(select_f64_model, mlsel_select_f64(NULL, f64, N, NULL, &out.selection, err))
CALL(select_f64_features, mlsel_select_f64(model, NULL, N, NULL, &out.selection, err))
CALL(select_f64_out, mlsel_select_f64(model, f64, N, NULL, NULL, err))
CALL(select_batch_model, mlsel_select_batch(NULL, f32, 1, N, N, NULL, &out.selection, err))
CALL(select_batch_features, mlsel_select_batch(model, NULL, 1, N, N, NULL, &out.selection, err))
CALL(select_batch_out, mlsel_select_batch(model, f32, 1, N, N, NULL, NULL, err))
CALL(select_batch_f64_model, mlsel_select_batch_f64(NULL, f64, 1, N, N, NULL, &out.selection, err))
CALL(select_batch_f64_features, mlsel_select_batch_f64(model, NULL, 1, N, N, NULL, &out.selection, err))
CALL(select_batch_f64_out, mlsel_select_batch_f64(model, f64, 1, N, N, NULL, NULL, err))
CALL(score_model, mlsel_score(NULL, f32, N, NULL, out.scores, 2, err))
CALL(score_features, mlsel_score(model, NULL, N, NULL, out.scores, 2, err))
CALL(score_out, mlsel_score(model, f32, N, NULL, NULL, 2, err))
CALL(score_f64_model, mlsel_score_f64(NULL, f64, N, NULL, out.scores, 2, err))
CALL(score_f64_features, mlsel_score_f64(model, NULL, N, NULL, out.scores, 2, err))
CALL(score_f64_out, mlsel_score_f64(model, f64, N, NULL, NULL, 2, err))
CALL(score_batch_model, mlsel_score_batch(NULL, f32, 1, N, N, NULL, out.scores, 2, err))
CALL(score_batch_features, mlsel_score_batch(model, NULL, 1, N, N, NULL, out.scores, 2, err))
CALL(score_batch_out, mlsel_score_batch(model, f32, 1, N, N, NULL, NULL, 2, err))
CALL(score_batch_f64_model, mlsel_score_batch_f64(NULL, f64, 1, N, N, NULL, out.scores, 2, err))
CALL(score_batch_f64_features, mlsel_score_batch_f64(model, NULL, 1, N, N, NULL, out.scores, 2, err))
CALL(score_batch_f64_out, mlsel_score_batch_f64(model, f64, 1, N, N, NULL, NULL, 2, err))
CALL(no_batch_model, mlsel_select_batch(NULL, NULL, 0, N, N, NULL, NULL, err))
CALL(probabilities_model, mlsel_probabilities(NULL, votes, 2, NULL, out.scores, err))
CALL(probabilities_scores, mlsel_probabilities(model, NULL, 2, NULL, out.scores, err))
CALL(probabilities_out, mlsel_probabilities(model, votes, 2, NULL, NULL, err))
CALL(confidences_model, mlsel_confidences(NULL, votes, 2, out.scores, err))
CALL(confidences_scores, mlsel_confidences(model, NULL, 2, out.scores, err))
CALL(confidences_out, mlsel_confidences(model, votes, 2, NULL, err))
CALL(explain_model, mlsel_explain(NULL, f32, N, NULL, &out.evidence, err))
CALL(explain_evidence, mlsel_explain(model, f32, N, NULL, NULL, err))
CALL(explain_f64_model, mlsel_explain_f64(NULL, f64, N, NULL, &out.evidence, err))
CALL(explain_f64_evidence, mlsel_explain_f64(model, f64, N, NULL, NULL, err))
CALL(compose_embedding, mlsel_features_compose(NULL, NULL, NULL, N, "math", out.features, N + 14, &out.flags, err))
CALL(compose_features, mlsel_features_compose(NULL, NULL, f32, N, "math", NULL, N + 14, &out.flags, err))
CALL(compose_f64_embedding,
     mlsel_features_compose_f64(NULL, NULL, NULL, N, "math", out.features_f64, N + 14, &out.flags, err))
CALL(compose_f64_features, mlsel_features_compose_f64(NULL, NULL, f64, N, "math", NULL, N + 14, &out.flags, err))

CALL(backend_find_out, mlsel_backend_find("cpu", NULL, &out.index, err))
CALL(backend_find_index, mlsel_backend_find("cpu", &out.backend, NULL, err))
CALL(batcher_create_model, mlsel_batcher_create(NULL, NULL, &out.made, err))
CALL(batcher_create_out, mlsel_batcher_create(model, NULL, NULL, err))
CALL(batcher_select_batcher, mlsel_batcher_select(NULL, f32, N, NULL, &out.selection, err))
CALL(batcher_select_features, mlsel_batcher_select(batcher, NULL, N, NULL, &out.selection, err))
CALL(batcher_select_out, mlsel_batcher_select(batcher, f32, N, NULL, NULL, err))
CALL(batcher_select_f64_batcher, mlsel_batcher_select_f64(NULL, f64, N, NULL, &out.selection, err))
CALL(batcher_select_f64_features, mlsel_batcher_select_f64(batcher, NULL, N, NULL, &out.selection, err))
CALL(batcher_select_f64_out, mlsel_batcher_select_f64(batcher, f64, N, NULL, NULL, err))
CALL(batcher_score_batcher, mlsel_batcher_score(NULL, f32, N, NULL, out.scores, 2, err))
CALL(batcher_score_features, mlsel_batcher_score(batcher, NULL, N, NULL, out.scores, 2, err))
CALL(batcher_score_out, mlsel_batcher_score(batcher, f32, N, NULL, NULL, 2, err))
CALL(batcher_score_f64_batcher, mlsel_batcher_score_f64(NULL, f64, N, NULL, out.scores, 2, err))
CALL(batcher_score_f64_features, mlsel_batcher_score_f64(batcher, NULL, N, NULL, out.scores, 2, err))
CALL(batcher_score_f64_out, mlsel_batcher_score_f64(batcher, f64, N, NULL, NULL, 2, err))
CALL(batcher_get_stats_batcher, mlsel_batcher_get_stats(NULL, &out.stats, sizeof out.stats, err))
CALL(batcher_get_stats_out, mlsel_batcher_get_stats(batcher, NULL, sizeof out.stats, err))

/* The evidence has to be set up, so it is not part of what is filled and compared. */
static mlsel_status explain_features(mlsel_error *err) {
    mlsel_evidence e;
    mlsel_evidence_init(&e, sizeof e);
    const mlsel_evidence before = e;
    const mlsel_status status = mlsel_explain(model, NULL, N, NULL, &e, err);
    return memcmp(&e, &before, sizeof e) == 0 ? status : MLSEL_OK;
}

static mlsel_status explain_f64_features(mlsel_error *err) {
    mlsel_evidence e;
    mlsel_evidence_init(&e, sizeof e);
    const mlsel_evidence before = e;
    const mlsel_status status = mlsel_explain_f64(model, NULL, N, NULL, &e, err);
    return memcmp(&e, &before, sizeof e) == 0 ? status : MLSEL_OK;
}

/* Requests, answers and explanations have to be set up, so they are compared here. */
enum { NO_ROUTER = 1, NO_REQUEST = 2, NO_ROUTE = 4, NO_EXPLANATION = 8 };

static mlsel_status route_with(int missing, bool batch, bool explain, mlsel_error *err) {
    mlsel_request request;
    mlsel_route route;
    mlsel_route_explanation explanation;
    mlsel_request_init(&request, sizeof request);
    mlsel_route_init(&route, sizeof route);
    mlsel_route_explanation_init(&explanation, sizeof explanation);
    const mlsel_route before = route;
    const mlsel_router *r = (missing & NO_ROUTER) != 0 ? NULL : router;
    const mlsel_request *q = (missing & NO_REQUEST) != 0 ? NULL : &request;
    mlsel_route *a = (missing & NO_ROUTE) != 0 ? NULL : &route;
    const mlsel_status status =
        batch     ? mlsel_router_route_batch(r, q, 1, a, NULL, err)
        : explain ? mlsel_router_explain(r, q, a, (missing & NO_EXPLANATION) != 0 ? NULL : &explanation, err)
                  : mlsel_router_route(r, q, a, err);
    return memcmp(&route, &before, sizeof route) == 0 ? status : MLSEL_OK;
}

CALL(router_open_path, mlsel_router_open(NULL, NULL, &out.opened, err))
CALL(router_open_out, mlsel_router_open(EXAMPLE("router.yaml"), NULL, NULL, err))
CALL(router_open_memory_text, mlsel_router_open_memory(NULL, 5, NULL, &out.opened, err))
CALL(router_open_memory_out, mlsel_router_open_memory(routes_all, strlen(routes_all), NULL, NULL, err))
CALL(router_reload_router, mlsel_router_reload(NULL, EXAMPLE("router.yaml"), err))
CALL(router_reload_memory_router, mlsel_router_reload_memory(NULL, routes_all, strlen(routes_all), err))
CALL(router_reload_memory_text, mlsel_router_reload_memory(router, NULL, 5, err))
CALL(router_get_info_router, mlsel_router_get_info(NULL, &out.router_info, sizeof out.router_info, err))
CALL(router_get_info_out, mlsel_router_get_info(router, NULL, sizeof out.router_info, err))
CALL(router_get_decision_router, mlsel_router_get_decision(NULL, 0, &out.decision, sizeof out.decision, err))
CALL(router_get_decision_out, mlsel_router_get_decision(router, 0, NULL, sizeof out.decision, err))
CALL(router_get_candidate_router, mlsel_router_get_candidate(NULL, 0, 0, &out.candidate, sizeof out.candidate, err))
CALL(router_get_candidate_out, mlsel_router_get_candidate(router, 0, 0, NULL, sizeof out.candidate, err))
CALL(router_get_model_router, mlsel_router_get_model(NULL, 0, &out.loaded, err))
CALL(router_get_model_out, mlsel_router_get_model(router, 0, NULL, err))
CALL(router_get_metrics_router, mlsel_router_get_metrics(NULL, &out.router_metrics, sizeof out.router_metrics, err))
CALL(router_get_metrics_out, mlsel_router_get_metrics(router, NULL, sizeof out.router_metrics, err))
CALL(router_get_decision_metrics_router,
     mlsel_router_get_decision_metrics(NULL, 0, &out.decision_metrics, sizeof out.decision_metrics, err))
CALL(router_get_decision_metrics_out,
     mlsel_router_get_decision_metrics(router, 0, NULL, sizeof out.decision_metrics, err))
CALL(router_get_selections_router, mlsel_router_get_selections(NULL, 0, 0, &out.selections, err))
CALL(router_get_selections_selections, mlsel_router_get_selections(router, 0, 0, NULL, err))
CALL(validate_path, mlsel_config_validate(NULL, NULL, 0, &out.found, err))
CALL(validate_out, mlsel_config_validate(EXAMPLE("router.yaml"), NULL, 0, NULL, err))
CALL(validate_memory_text, mlsel_config_validate_memory(NULL, 5, NULL, NULL, 0, &out.found, err))
CALL(validate_memory_out, mlsel_config_validate_memory(routes_all, strlen(routes_all), NULL, NULL, 0, NULL, err))
CALL(findings_info_findings, mlsel_diagnostics_get_info(NULL, &out.found_info, sizeof out.found_info, err))
CALL(findings_info_out, mlsel_diagnostics_get_info(findings, NULL, sizeof out.found_info, err))
CALL(findings_get_findings, mlsel_diagnostics_get(NULL, 0, &out.diagnostic, sizeof out.diagnostic, err))
CALL(findings_get_out, mlsel_diagnostics_get(findings, 0, NULL, sizeof out.diagnostic, err))
CALL(router_route_router, route_with(NO_ROUTER, false, false, err))
CALL(router_route_request, route_with(NO_REQUEST, false, false, err))
CALL(router_route_route, route_with(NO_ROUTE, false, false, err))
CALL(router_route_batch_router, route_with(NO_ROUTER, true, false, err))
CALL(router_route_batch_requests, route_with(NO_REQUEST, true, false, err))
CALL(router_route_batch_routes, route_with(NO_ROUTE, true, false, err))
CALL(router_explain_router, route_with(NO_ROUTER, false, true, err))
CALL(router_explain_request, route_with(NO_REQUEST, false, true, err))
CALL(router_explain_route, route_with(NO_ROUTE, false, true, err))
CALL(router_explain_explanation, route_with(NO_EXPLANATION, false, true, err))

static const null_case cases[] = {
    {"mlsel_device_query", "device", device_query_device},
    {"mlsel_device_query", "out", device_query_out},
    {"mlsel_model_load", "path", load_path},
    {"mlsel_model_load", "out", load_out},
    {"mlsel_model_load_memory", "data", load_memory_data},
    {"mlsel_model_load_memory", "out", load_memory_out},
    {"mlsel_model_save", "model", save_model},
    {"mlsel_model_save", "path", save_path},
    {"mlsel_model_get_info", "model", get_info_model},
    {"mlsel_model_get_info", "out", get_info_out},
    {"mlsel_model_get_layer", "model", get_layer_model},
    {"mlsel_model_get_layer", "out", get_layer_out},
    {"mlsel_select", "model", select_model},
    {"mlsel_select", "features", select_features},
    {"mlsel_select", "out", select_out},
    {"mlsel_select_f64", "model", select_f64_model},
    {"mlsel_select_f64", "features", select_f64_features},
    {"mlsel_select_f64", "out", select_f64_out},
    {"mlsel_select_batch", "model", select_batch_model},
    {"mlsel_select_batch", "features", select_batch_features},
    {"mlsel_select_batch", "out", select_batch_out},
    {"mlsel_select_batch", "model of no queries", no_batch_model},
    {"mlsel_select_batch_f64", "model", select_batch_f64_model},
    {"mlsel_select_batch_f64", "features", select_batch_f64_features},
    {"mlsel_select_batch_f64", "out", select_batch_f64_out},
    {"mlsel_score", "model", score_model},
    {"mlsel_score", "features", score_features},
    {"mlsel_score", "scores", score_out},
    {"mlsel_score_f64", "model", score_f64_model},
    {"mlsel_score_f64", "features", score_f64_features},
    {"mlsel_score_f64", "scores", score_f64_out},
    {"mlsel_score_batch", "model", score_batch_model},
    {"mlsel_score_batch", "features", score_batch_features},
    {"mlsel_score_batch", "scores", score_batch_out},
    {"mlsel_score_batch_f64", "model", score_batch_f64_model},
    {"mlsel_score_batch_f64", "features", score_batch_f64_features},
    {"mlsel_score_batch_f64", "scores", score_batch_f64_out},
    {"mlsel_probabilities", "model", probabilities_model},
    {"mlsel_probabilities", "scores", probabilities_scores},
    {"mlsel_probabilities", "out", probabilities_out},
    {"mlsel_confidences", "model", confidences_model},
    {"mlsel_confidences", "scores", confidences_scores},
    {"mlsel_confidences", "out", confidences_out},
    {"mlsel_explain", "model", explain_model},
    {"mlsel_explain", "features", explain_features},
    {"mlsel_explain", "evidence", explain_evidence},
    {"mlsel_explain_f64", "model", explain_f64_model},
    {"mlsel_explain_f64", "features", explain_f64_features},
    {"mlsel_explain_f64", "evidence", explain_f64_evidence},
    {"mlsel_features_compose", "embedding", compose_embedding},
    {"mlsel_features_compose", "features", compose_features},
    {"mlsel_features_compose_f64", "embedding", compose_f64_embedding},
    {"mlsel_features_compose_f64", "features", compose_f64_features},
    {"mlsel_config_validate", "path", validate_path},
    {"mlsel_config_validate", "out", validate_out},
    {"mlsel_config_validate_memory", "text", validate_memory_text},
    {"mlsel_config_validate_memory", "out", validate_memory_out},
    {"mlsel_diagnostics_get_info", "diagnostics", findings_info_findings},
    {"mlsel_diagnostics_get_info", "out", findings_info_out},
    {"mlsel_diagnostics_get", "diagnostics", findings_get_findings},
    {"mlsel_diagnostics_get", "out", findings_get_out},
    {"mlsel_router_open", "path", router_open_path},
    {"mlsel_router_open", "out", router_open_out},
    {"mlsel_router_open_memory", "text", router_open_memory_text},
    {"mlsel_router_open_memory", "out", router_open_memory_out},
    {"mlsel_router_reload", "router", router_reload_router},
    {"mlsel_router_reload_memory", "router", router_reload_memory_router},
    {"mlsel_router_reload_memory", "text", router_reload_memory_text},
    {"mlsel_router_get_info", "router", router_get_info_router},
    {"mlsel_router_get_info", "out", router_get_info_out},
    {"mlsel_router_get_decision", "router", router_get_decision_router},
    {"mlsel_router_get_decision", "out", router_get_decision_out},
    {"mlsel_router_get_candidate", "router", router_get_candidate_router},
    {"mlsel_router_get_candidate", "out", router_get_candidate_out},
    {"mlsel_router_get_model", "router", router_get_model_router},
    {"mlsel_router_get_model", "out", router_get_model_out},
    {"mlsel_router_get_metrics", "router", router_get_metrics_router},
    {"mlsel_router_get_metrics", "out", router_get_metrics_out},
    {"mlsel_router_get_decision_metrics", "router", router_get_decision_metrics_router},
    {"mlsel_router_get_decision_metrics", "out", router_get_decision_metrics_out},
    {"mlsel_router_get_selections", "router", router_get_selections_router},
    {"mlsel_router_get_selections", "selections", router_get_selections_selections},
    {"mlsel_router_route", "router", router_route_router},
    {"mlsel_router_route", "request", router_route_request},
    {"mlsel_router_route", "route", router_route_route},
    {"mlsel_router_route_batch", "router", router_route_batch_router},
    {"mlsel_router_route_batch", "requests", router_route_batch_requests},
    {"mlsel_router_route_batch", "routes", router_route_batch_routes},
    {"mlsel_router_explain", "router", router_explain_router},
    {"mlsel_router_explain", "request", router_explain_request},
    {"mlsel_router_explain", "route", router_explain_route},
    {"mlsel_router_explain", "explanation", router_explain_explanation},
    {"mlsel_backend_find", "out", backend_find_out},
    {"mlsel_backend_find", "index", backend_find_index},
    {"mlsel_batcher_create", "model", batcher_create_model},
    {"mlsel_batcher_create", "out", batcher_create_out},
    {"mlsel_batcher_select", "batcher", batcher_select_batcher},
    {"mlsel_batcher_select", "features", batcher_select_features},
    {"mlsel_batcher_select", "out", batcher_select_out},
    {"mlsel_batcher_select_f64", "batcher", batcher_select_f64_batcher},
    {"mlsel_batcher_select_f64", "features", batcher_select_f64_features},
    {"mlsel_batcher_select_f64", "out", batcher_select_f64_out},
    {"mlsel_batcher_score", "batcher", batcher_score_batcher},
    {"mlsel_batcher_score", "features", batcher_score_features},
    {"mlsel_batcher_score", "out", batcher_score_out},
    {"mlsel_batcher_score_f64", "batcher", batcher_score_f64_batcher},
    {"mlsel_batcher_score_f64", "features", batcher_score_f64_features},
    {"mlsel_batcher_score_f64", "out", batcher_score_f64_out},
    {"mlsel_batcher_get_stats", "batcher", batcher_get_stats_batcher},
    {"mlsel_batcher_get_stats", "out", batcher_get_stats_out},
};

/* Functions without a status: what NULL gives is checked in without_status. */
static const char *const others[] = {
    "mlsel_diagnostics_release",   "mlsel_category_index",         "mlsel_evidence_init",
    "mlsel_features_options_init", "mlsel_model_category",         "mlsel_model_class_label",
    "mlsel_model_cluster_label",   "mlsel_model_find_label",       "mlsel_model_label",
    "mlsel_model_label_count",     "mlsel_model_options_init",     "mlsel_model_release",
    "mlsel_model_retain",          "mlsel_query_options_init",     "mlsel_tradeoff_init",
    "mlsel_request_init",          "mlsel_route_explanation_init", "mlsel_route_init",
    "mlsel_router_options_init",   "mlsel_router_release",         "mlsel_router_retain",
    "mlsel_save_options_init",     "mlsel_batcher_options_init",   "mlsel_batcher_close",
    "mlsel_batcher_release",
};

static const char *const without_pointers[] = {
    "mlsel_format_name",    "mlsel_severity_name", "mlsel_algorithm_name",  "mlsel_build_info",
    "mlsel_category_count", "mlsel_category_name", "mlsel_layer_type_name", "mlsel_precision_name",
    "mlsel_status_name",    "mlsel_version",       "mlsel_version_string",  "mlsel_latency_bound",
    "mlsel_rule_kind_name",
};

static const null_cases all = {cases,          LENGTH(cases),    others,
                               LENGTH(others), without_pointers, LENGTH(without_pointers)};

static void null_arguments(void **state) {
    (void)state;
    test_null_refused(&all, &out, sizeof out);
}

static void without_status(void **state) {
    (void)state;
    mlsel_model_release(NULL);
    assert_null(mlsel_model_retain(NULL));
    assert_int_equal(mlsel_model_label_count(NULL), 0);
    assert_null(mlsel_model_label(NULL, 0));
    assert_null(mlsel_model_category(NULL, 0));
    assert_int_equal(mlsel_model_class_label(NULL, 0), -1);
    assert_int_equal(mlsel_model_cluster_label(NULL, 0), -1);
    assert_int_equal(mlsel_model_find_label(NULL, "a"), -1);
    assert_int_equal(mlsel_model_find_label(model, NULL), -1);
    assert_int_equal(mlsel_category_index(MLSEL_CATEGORIES_VSR, NULL, NULL), 12);
    mlsel_model_options_init(NULL, sizeof(mlsel_model_options));
    mlsel_query_options_init(NULL, sizeof(mlsel_query_options));
    mlsel_tradeoff_init(NULL, sizeof(mlsel_tradeoff));
    mlsel_save_options_init(NULL, sizeof(mlsel_save_options));
    mlsel_batcher_options_init(NULL, sizeof(mlsel_batcher_options));
    mlsel_batcher_close(NULL);
    mlsel_batcher_release(NULL);
    mlsel_features_options_init(NULL, sizeof(mlsel_features_options));
    mlsel_evidence_init(NULL, sizeof(mlsel_evidence));
    mlsel_diagnostics_release(NULL);
    mlsel_router_release(NULL);
    assert_null(mlsel_router_retain(NULL));
    mlsel_router_options_init(NULL, sizeof(mlsel_router_options));
    mlsel_request_init(NULL, sizeof(mlsel_request));
    mlsel_route_init(NULL, sizeof(mlsel_route));
    mlsel_route_explanation_init(NULL, sizeof(mlsel_route_explanation));
}

/* Where NULL means something: no options, no error, no flags, no category. */
static void null_allowed(void **state) {
    (void)state;
    assert_int_equal(mlsel_device_query("cpu", &out.device, sizeof out.device, NULL), MLSEL_OK);
    assert_int_equal(mlsel_model_get_info(model, &out.info, sizeof out.info, NULL), MLSEL_OK);
    assert_int_equal(mlsel_select(model, f32, N, NULL, &out.selection, NULL), MLSEL_OK);
    assert_int_equal(mlsel_select_batch_f64(model, f64, 1, N, N, NULL, &out.selection, NULL), MLSEL_OK);
    assert_int_equal(mlsel_score(model, f32, N, NULL, out.scores, 2, NULL), MLSEL_OK);
    assert_int_equal(mlsel_probabilities(model, votes, 2, NULL, out.scores, NULL), MLSEL_OK);
    mlsel_evidence_init(&out.evidence, sizeof out.evidence);
    assert_int_equal(mlsel_explain(model, f32, N, NULL, &out.evidence, NULL), MLSEL_OK);
    assert_int_equal(mlsel_features_compose(NULL, NULL, f32, N, NULL, out.features, N + 14, NULL, NULL), MLSEL_OK);
    assert_int_equal(mlsel_config_validate_memory(NULL, 0, NULL, NULL, 0, &out.found, NULL), MLSEL_OK);
    assert_int_equal(mlsel_diagnostics_get(out.found, 0, &out.diagnostic, sizeof out.diagnostic, NULL), MLSEL_OK);
    mlsel_diagnostics_release(out.found);
}

static void every_function(void **state) {
    (void)state;
    test_null_complete(&all, TEST_SOURCE_DIR "/abi/symbols-in-versions", 38);
}

static int set_up(void **state) {
    (void)state;
    model = test_load_text(base_knn, NULL);
    assert_int_equal(mlsel_router_open_memory(routes_all, strlen(routes_all), NULL, &router, NULL), MLSEL_OK);
    assert_int_equal(mlsel_batcher_create(model, NULL, &batcher, NULL), MLSEL_OK);
    assert_int_equal(mlsel_config_validate_memory("", 0, NULL, NULL, 0, &findings, NULL), MLSEL_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mlsel_model_release(model);
    mlsel_batcher_release(batcher);
    mlsel_router_release(router);
    mlsel_diagnostics_release(findings);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_arguments),
        cmocka_unit_test(without_status),
        cmocka_unit_test(null_allowed),
        cmocka_unit_test(every_function),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
