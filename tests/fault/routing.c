/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations and routers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"
#include "router/router.h"
#include "router_cases.h"

/* Small artifacts, whose width is not that of the examples. */
#define DECISION(name, priority, algorithm)                                                                            \
    "  - name: " name "\n    priority: " priority "\n"                                                                 \
    "    rules: {operator: AND, conditions: [{type: domain, name: math}]}\n"                                           \
    "    algorithm: {type: " algorithm "}\n    modelRefs: [{model: a}, {model: b}]\n"

static const char first[] =
    ROUTER_HEAD "decisions:\n" DECISION("first", "100", "knn") DECISION("second", "90", "kmeans");
static const char second[] = ROUTER_HEAD "decisions:\n" DECISION("third", "100", "knn, knn: {k: 1}");
#define REST ",0,0,0,0,0,0,0,0,0,0,0,0,0,0]" /* of a row: no category */
static const char knn[] =
    "{\"algorithm\":\"knn\",\"k\":1,\"embeddings\":[[1,2" REST ",[3,4" REST "],\"labels\":[\"a\",\"b\"]}";
static const char kmeans[] = "{\"algorithm\":\"kmeans\",\"trained\":true,\"num_clusters\":2,\"centroids\":[[1,2" REST
                             ",[3,4" REST "],\"cluster_models\":[\"a\",\"b\"]}";

static mlsel_router *router;
static router_context *context;
static const float embedding[2] = {1, 2};

static void write_files(void) {
    if (access(test_path("models"), F_OK) != 0 && mkdir(test_path("models"), 0777) != 0)
        scenario_fail("no folder");
    test_write_text("models/knn_model.json", knn);
    test_write_text("models/kmeans_model.json", kmeans);
    test_write_text("router.yaml", first);
    test_write_text("other.yaml", second);
}

static mlsel_router_options options_of(void) {
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = test_folder();
    options.collect_metrics = 1;
    options.category_layout = MLSEL_CATEGORIES_VSR;
    return options;
}

/* --- validating ----------------------------------------------------------------------------------------------------
 */

static mlsel_status validate(mlsel_error *err) {
    const mlsel_router_options options = options_of();
    return mlsel_config_validate(test_path("router.yaml"), &options, 0,
                                 (mlsel_diagnostics **)&scenario_result.pointers[0], err);
}

static mlsel_status validate_memory(mlsel_error *err) {
    const mlsel_router_options options = options_of();
    return mlsel_config_validate_memory(first, sizeof first - 1, "c", &options, 0,
                                        (mlsel_diagnostics **)&scenario_result.pointers[0], err);
}

/* An artifact that cannot be read is something to tell about. */
static void check_validated(void) {
    mlsel_diagnostics_info info;
    mlsel_error err;
    test_ok(mlsel_diagnostics_get_info(SCENARIO_POINTER(mlsel_diagnostics), &info, sizeof info, &err), &err);
    /* a path that could not be followed once is followed again when the artifact is loaded */
    const bool is_again = strcmp(fault_where()->function, "realpath") == 0 &&
                          strcmp(fault_last()->function, "realpath") == 0 && fault_where()->error == EIO;
    const bool has_reason = scenario_survived && strcmp(fault_where()->function, "close") != 0 &&
                            fault_where()->error != EINTR && fault_where()->error > 0;
    if (is_again)
        return;
    if (has_reason ? info.n_errors == 0 : info.n_errors > 0 && !scenario_survived)
        scenario_fail("%u errors are found", (unsigned)info.n_errors);
}

static void clean_validated(void) {
    mlsel_diagnostics_release(SCENARIO_POINTER(mlsel_diagnostics));
    test_empty(test_folder());
}

static mlsel_router_options below_root(void) {
    mlsel_router_options options = options_of();
    options.models_root = test_folder();
    return options;
}

static mlsel_status validate_below(mlsel_error *err) {
    const mlsel_router_options options = below_root();
    return mlsel_config_validate(test_path("router.yaml"), &options, 0,
                                 (mlsel_diagnostics **)&scenario_result.pointers[0], err);
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static mlsel_request request_of(void) {
    mlsel_request request;
    mlsel_request_init(&request, sizeof request);
    request.embedding = embedding;
    request.n_embedding = 2;
    request.category = "math";
    return request;
}

static void ask(const mlsel_router *asked, const char *decision) {
    const mlsel_request request = request_of();
    mlsel_route route;
    mlsel_error err;
    mlsel_route_init(&route, sizeof route);
    if (mlsel_router_route(asked, &request, &route, &err) != MLSEL_OK || strcmp(route.decision, decision) != 0)
        scenario_fail("the router does not answer: %s", err.message);
}

static mlsel_status open_file(mlsel_error *err) {
    const mlsel_router_options options = options_of();
    return mlsel_router_open(test_path("router.yaml"), &options, (mlsel_router **)&scenario_result.pointers[0], err);
}
static mlsel_status open_below(mlsel_error *err) {
    const mlsel_router_options options = below_root();
    return mlsel_router_open(test_path("router.yaml"), &options, (mlsel_router **)&scenario_result.pointers[0], err);
}
static mlsel_status open_memory(mlsel_error *err) {
    const mlsel_router_options options = options_of();
    return mlsel_router_open_memory(first, sizeof first - 1, &options, (mlsel_router **)&scenario_result.pointers[0],
                                    err);
}

static void check_opened(void) { ask(SCENARIO_POINTER(mlsel_router), "first"); }
static void clean_opened(void) {
    mlsel_router_release(SCENARIO_POINTER(mlsel_router));
    test_empty(test_folder());
}

/* --- a router that is open -----------------------------------------------------------------------------------------
 */

static void open_router(void) {
    mlsel_error err;
    write_files();
    test_ok(open_file(&err), &err);
    router = SCENARIO_POINTER(mlsel_router);
    ask(router, "first");
}

static void close_router(void) {
    mlsel_router_release(router);
    test_empty(test_folder());
}

/* The old state answers until the new one is there. */
static mlsel_status reloaded(mlsel_status status) {
    ask(router, status == MLSEL_OK ? "third" : "first");
    return status;
}
static mlsel_status reload(mlsel_error *err) {
    const mlsel_status status = mlsel_router_reload(router, test_path("other.yaml"), err);
    (void)fault_end();
    return reloaded(status);
}
static mlsel_status reload_memory(mlsel_error *err) {
    const mlsel_status status = mlsel_router_reload_memory(router, second, sizeof second - 1, err);
    (void)fault_end();
    return reloaded(status);
}

/* With the only context taken, a request needs a new one. */
static void open_busy(void) {
    router_state *held = NULL;
    mlsel_error err;
    open_router();
    context = mlsel_i_context_enter(router, false, &held, &err);
}
static void close_busy(void) {
    mlsel_i_context_leave(router, context);
    close_router();
}

static mlsel_status route(mlsel_error *err) {
    const mlsel_request request = request_of();
    mlsel_route answer;
    mlsel_route_init(&answer, sizeof answer);
    const mlsel_status status = mlsel_router_route(router, &request, &answer, err);
    if (answer.status != status)
        scenario_fail("the answer says %s", mlsel_status_name(answer.status));
    return status;
}

static mlsel_status route_batch(mlsel_error *err) {
    const mlsel_request requests[2] = {request_of(), request_of()};
    mlsel_route answers[2];
    mlsel_error errors[2];
    mlsel_route_init(&answers[0], sizeof answers[0]);
    mlsel_route_init(&answers[1], sizeof answers[1]);
    return mlsel_router_route_batch(router, requests, 2, answers, errors, err);
}

static mlsel_status explain(mlsel_error *err) {
    const mlsel_request request = request_of();
    mlsel_route answer;
    mlsel_route_explanation explanation;
    mlsel_evidence evidence;
    mlsel_route_init(&answer, sizeof answer);
    mlsel_route_explanation_init(&explanation, sizeof explanation);
    mlsel_evidence_init(&evidence, sizeof evidence);
    explanation.evidence = &evidence;
    const mlsel_status status = mlsel_router_explain(router, &request, &answer, &explanation, err);
    if (answer.status != status)
        scenario_fail("the answer says %s", mlsel_status_name(answer.status));
    return status;
}

/* What a router tells of itself needs a context as well. */
static mlsel_status get_info(mlsel_error *err) {
    return mlsel_router_get_info(router, (mlsel_router_info *)(void *)&scenario_result, sizeof(mlsel_router_info), err);
}
static mlsel_status get_decision(mlsel_error *err) {
    return mlsel_router_get_decision(router, 0, (mlsel_router_decision *)(void *)&scenario_result,
                                     sizeof(mlsel_router_decision), err);
}
static mlsel_status get_candidate(mlsel_error *err) {
    return mlsel_router_get_candidate(router, 0, 0, (mlsel_router_candidate *)(void *)&scenario_result,
                                      sizeof(mlsel_router_candidate), err);
}
static mlsel_status get_model(mlsel_error *err) {
    return mlsel_router_get_model(router, 0, (mlsel_model **)&scenario_result.pointers[0], err);
}
static void close_with_model(void) {
    mlsel_model_release(SCENARIO_POINTER(mlsel_model));
    close_busy();
}
static mlsel_status get_metrics(mlsel_error *err) {
    return mlsel_router_get_metrics(router, (mlsel_router_metrics *)(void *)&scenario_result,
                                    sizeof(mlsel_router_metrics), err);
}
static mlsel_status get_decision_metrics(mlsel_error *err) {
    return mlsel_router_get_decision_metrics(router, 0, (mlsel_decision_metrics *)(void *)&scenario_result,
                                             sizeof(mlsel_decision_metrics), err);
}
static mlsel_status get_selections(mlsel_error *err) {
    return mlsel_router_get_selections(router, 0, 0, (uint64_t *)(void *)&scenario_result, err);
}

#define BOTH (NEEDS_ALLOC | NEEDS_FILE)
#define BUSY(function, run, close)                                                                                     \
    { function, "", NEEDS_ALLOC, 0, open_busy, run, NULL, close, NULL, NULL, 0, 0 }

const scenario router_scenarios[] = {
    {"mlsel_config_validate", "", BOTH, 0, write_files, validate, check_validated, clean_validated, NULL, "*", 0, 0},
    {"mlsel_config_validate", "below a root", BOTH, 0, write_files, validate_below, check_validated, clean_validated,
     NULL, "*", 0, 0},
    {"mlsel_config_validate_memory", "", BOTH, 0, write_files, validate_memory, check_validated, clean_validated, NULL,
     "*", 0, 0},
    {"mlsel_router_open", "", BOTH | NEEDS_THREAD, 0, write_files, open_file, check_opened, clean_opened, NULL, "close",
     2, 0},
    {"mlsel_router_open", "below a root", BOTH | NEEDS_THREAD, 0, write_files, open_below, check_opened, clean_opened,
     NULL, "close", 2, 0},
    {"mlsel_router_open_memory", "", BOTH | NEEDS_THREAD, 0, write_files, open_memory, check_opened, clean_opened, NULL,
     "close", 2, 0},
    {"mlsel_router_reload", "", BOTH, 0, open_router, reload, NULL, close_router, NULL, "close", 2, 0},
    {"mlsel_router_reload_memory", "", BOTH, 0, open_router, reload_memory, NULL, close_router, NULL, "close", 2, 0},
    BUSY("mlsel_router_route", route, close_busy),
    BUSY("mlsel_router_route_batch", route_batch, close_busy),
    BUSY("mlsel_router_explain", explain, close_busy),
    BUSY("mlsel_router_get_info", get_info, close_busy),
    BUSY("mlsel_router_get_decision", get_decision, close_busy),
    BUSY("mlsel_router_get_candidate", get_candidate, close_busy),
    BUSY("mlsel_router_get_model", get_model, close_with_model),
    BUSY("mlsel_router_get_metrics", get_metrics, close_busy),
    BUSY("mlsel_router_get_decision_metrics", get_decision_metrics, close_busy),
    BUSY("mlsel_router_get_selections", get_selections, close_busy),
};
const size_t n_router_scenarios = TEST_LENGTH(router_scenarios);
