/* SPDX-License-Identifier: Apache-2.0 */
/* What Go calls of the router, for the reasons that bridge.h gives. */
#ifndef MLSEL_GO_BRIDGE_ROUTER_H
#define MLSEL_GO_BRIDGE_ROUTER_H

#include "bridge.h"

typedef uintptr_t go_router;

static inline mlsel_router *go_router_of(go_router router) { return (mlsel_router *)router; }

typedef struct go_opened {
    go_router router;
    go_outcome outcome;
} go_opened;

typedef struct go_routed {
    mlsel_route route;
    go_outcome outcome;
} go_routed;

/*
 * One request but for its strings, which follow each other in one text, each with its zero byte: the category, type and
 * name of each signal, the unavailable models, the allowed ones. A list of allowed models that is not given has the
 * count -1. Embeddings are at an offset, in values, of a text of their own.
 */
typedef struct go_request {
    int64_t strings;
    int64_t embedding;
    int64_t n_embedding;
    int64_t is_f64;
    int64_t n_signals;
    int64_t n_unavailable;
    int64_t n_allowed;
} go_request;

static inline size_t go_request_pointers(const go_request *request) {
    const int64_t n_allowed = request->n_allowed > 0 ? request->n_allowed : 0;
    return (size_t)(2 * request->n_signals + request->n_unavailable + n_allowed);
}

static inline const char *go_next(const char **text) {
    const char *string = *text;
    *text += strlen(string) + 1;
    return string;
}

/* Fills a request; `pointers` has room for go_request_pointers. */
static inline void go_request_build(const go_request *in, const char *strings, const float *f32, const double *f64,
                                    const char **pointers, mlsel_request *out) {
    static const char *const none = "";
    const char *text = strings + in->strings;
    mlsel_signal *signals = (mlsel_signal *)(void *)pointers; /* two pointers each */
    mlsel_request_init(out, sizeof *out);
    if (in->n_embedding > 0 && in->is_f64)
        out->embedding_f64 = f64 + in->embedding;
    else if (in->n_embedding > 0)
        out->embedding = f32 + in->embedding;
    out->n_embedding = (size_t)in->n_embedding;
    out->category = go_next(&text);
    for (int64_t i = 0; i < in->n_signals; i++) {
        signals[i].type = go_next(&text);
        signals[i].name = go_next(&text);
    }
    pointers += 2 * in->n_signals;
    out->signals = in->n_signals > 0 ? signals : NULL;
    out->n_signals = (size_t)in->n_signals;
    out->unavailable = in->n_unavailable > 0 ? pointers : NULL;
    out->n_unavailable = (size_t)in->n_unavailable;
    for (int64_t i = 0; i < in->n_unavailable; i++)
        *pointers++ = go_next(&text);
    if (in->n_allowed >= 0) {
        out->allowed = in->n_allowed > 0 ? pointers : &none;
        out->n_allowed = (size_t)in->n_allowed;
    }
    for (int64_t i = 0; i < in->n_allowed; i++)
        *pointers++ = go_next(&text);
}

enum { GO_POINTERS = 128 }; /* more of them than any usual request has do not go on the stack */

static inline go_outcome go_no_memory(void) {
    const go_outcome outcome = {NULL, MLSEL_ERROR_NO_MEMORY};
    return outcome;
}

static inline go_routed go_route(go_router router, go_request in, const char *strings, const float *f32,
                                 const double *f64, mlsel_route_candidate *candidates, size_t n_candidates) {
    mlsel_error error;
    mlsel_request request;
    go_routed routed;
    const char *few[GO_POINTERS];
    const char **pointers = few;
    const size_t n = go_request_pointers(&in);
    mlsel_route_init(&routed.route, sizeof routed.route);
    if (n > GO_POINTERS)
        pointers = malloc(n * sizeof *pointers);
    if (pointers == NULL) {
        routed.outcome = go_no_memory();
        return routed;
    }
    go_request_build(&in, strings, f32, f64, pointers, &request);
    routed.route.candidates = candidates;
    routed.route.candidates_capacity = n_candidates;
    routed.outcome = go_outcome_of(mlsel_router_route(go_router_of(router), &request, &routed.route, &error), &error);
    routed.route.candidates = NULL; /* Go's own */
    if (pointers != few)
        free(pointers);
    return routed;
}

/* Answers `count` requests. Each has its status in its route, and if that is not MLSEL_OK its error. */
static inline go_outcome go_route_batch(go_router router, const go_request *in, size_t count, const char *strings,
                                        const float *f32, const double *f64, mlsel_route *routes, mlsel_error *errors) {
    mlsel_error error;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += go_request_pointers(&in[i]);
    mlsel_request *requests = malloc(count * sizeof *requests);
    const char **pointers = malloc((n + 1) * sizeof *pointers);
    go_outcome outcome = go_no_memory();
    if (requests != NULL && pointers != NULL) {
        n = 0;
        for (size_t i = 0; i < count; i++) {
            go_request_build(&in[i], strings, f32, f64, pointers + n, &requests[i]);
            n += go_request_pointers(&in[i]);
            mlsel_route_init(&routes[i], sizeof routes[i]);
        }
        outcome = go_outcome_of(mlsel_router_route_batch(go_router_of(router), requests, count, routes, errors, &error),
                                &error);
    }
    free(pointers);
    free(requests);
    return outcome;
}

typedef struct go_router_explained {
    mlsel_route route;
    mlsel_route_explanation explanation;
    go_explained evidence;
    go_outcome outcome;
} go_router_explained;

/* Explains one request. All memory is C's: what is found points into the strings. */
static inline void go_router_explain(go_router router, const go_request *in, const char *strings, const float *f32,
                                     const double *f64, mlsel_evidence *evidence, mlsel_route_candidate *candidates,
                                     size_t n_candidates, go_router_explained *out) {
    mlsel_error error;
    mlsel_request request;
    const char **pointers = malloc((go_request_pointers(in) + 1) * sizeof *pointers);
    mlsel_route_init(&out->route, sizeof out->route);
    out->outcome = go_no_memory();
    if (pointers == NULL)
        return;
    go_request_build(in, strings, f32, f64, pointers, &request);
    out->route.candidates = candidates;
    out->route.candidates_capacity = n_candidates;
    out->explanation.evidence = evidence;
    out->outcome = go_outcome_of(
        mlsel_router_explain(go_router_of(router), &request, &out->route, &out->explanation, &error), &error);
    free(pointers);
}

static inline go_opened go_open(const char *path, const char *text, size_t size, const mlsel_router_options *options) {
    mlsel_error error;
    mlsel_router *router = NULL;
    const mlsel_status status = path != NULL ? mlsel_router_open(path, options, &router, &error)
                                             : mlsel_router_open_memory(text, size, options, &router, &error);
    const go_opened opened = {(go_router)router, go_outcome_of(status, &error)};
    return opened;
}

static inline go_outcome go_reload(go_router router, const char *path, const char *text, size_t size) {
    mlsel_error error;
    const mlsel_status status = text == NULL ? mlsel_router_reload(go_router_of(router), path, &error)
                                             : mlsel_router_reload_memory(go_router_of(router), text, size, &error);
    return go_outcome_of(status, &error);
}

/* GO_DESCRIBES(NAME, TYPE, (PARAMETERS), CALL): a description by value; `error` and `out` are CALL's to use. */
#define GO_DESCRIBES(name, type, parameters, call)                                                                     \
    typedef struct go_##name {                                                                                         \
        type of;                                                                                                       \
        go_outcome outcome;                                                                                            \
    } go_##name;                                                                                                       \
    static inline go_##name go_get_##name parameters {                                                                 \
        mlsel_error error;                                                                                             \
        go_##name out;                                                                                                 \
        memset(&out, 0, sizeof out);                                                                                   \
        out.outcome = go_outcome_of(call, &error);                                                                     \
        return out;                                                                                                    \
    }

GO_DESCRIBES(info, mlsel_router_info, (go_router router),
             mlsel_router_get_info(go_router_of(router), &out.of, sizeof out.of, &error))
GO_DESCRIBES(decision, mlsel_router_decision, (go_router router, uint32_t index),
             mlsel_router_get_decision(go_router_of(router), index, &out.of, sizeof out.of, &error))
GO_DESCRIBES(candidate, mlsel_router_candidate, (go_router router, uint32_t decision, uint32_t index),
             mlsel_router_get_candidate(go_router_of(router), decision, index, &out.of, sizeof out.of, &error))
GO_DESCRIBES(metrics, mlsel_router_metrics, (go_router router),
             mlsel_router_get_metrics(go_router_of(router), &out.of, sizeof out.of, &error))
GO_DESCRIBES(decision_metrics, mlsel_decision_metrics, (go_router router, uint32_t index),
             mlsel_router_get_decision_metrics(go_router_of(router), index, &out.of, sizeof out.of, &error))
GO_DESCRIBES(selections, uint64_t, (go_router router, uint32_t decision, uint32_t index),
             mlsel_router_get_selections(go_router_of(router), decision, index, &out.of, &error))
GO_DESCRIBES(diagnostic, mlsel_diagnostic, (const mlsel_diagnostics *found, size_t index),
             mlsel_diagnostics_get(found, index, &out.of, sizeof out.of, &error))

static inline go_loaded go_router_model(go_router router, uint32_t index) {
    mlsel_error error;
    mlsel_model *model = NULL;
    const mlsel_status status = mlsel_router_get_model(go_router_of(router), index, &model, &error);
    const go_loaded loaded = {(go_model)model, go_outcome_of(status, &error)};
    return loaded;
}

#endif
