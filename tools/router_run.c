/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "router_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "prometheus.h"

/* Requests in a chunk; each is answered and shown before the next chunk is read. */
enum { CHUNK_REQUESTS = 256 };

/* --- options ----------------------------------------------------------------------------------------------------- */

enum option {
    HELP = 1,
    JSON,
    CATEGORY,
    SIGNAL,
    UNAVAILABLE,
    ALLOW,
    FORMAT,
    LIMIT,
    MODELS,
    MODELS_ROOT,
    DEVICE,
    DEVICE_FALLBACK,
    KNN_RULE,
    CATEGORIES,
    MIN_PROBABILITY,
    NEXT_DECISION,
    STRICT,
    WATCH,
    METRICS,
    CONFIG,
    TRADEOFF /* the first of five */
};

#define SHARED_OPTIONS                                                                                                 \
    {"--help", HELP, false}, {"--json", JSON, false}, {"--category", CATEGORY, true}, {"--signal", SIGNAL, true},      \
        {"--unavailable", UNAVAILABLE, true}, {"--allow", ALLOW, true}, {"--format", FORMAT, true},                    \
        {"--limit", LIMIT, true}, {"--models", MODELS, true}, {"--models-root", MODELS_ROOT, true},                    \
        {"--device", DEVICE, true}, {"--device-fallback", DEVICE_FALLBACK, false}, {"--knn-rule", KNN_RULE, true},     \
        {"--categories", CATEGORIES, true}, TEXT_EMBEDDER_OPTIONS, {"--min-probability", MIN_PROBABILITY, true},       \
        {"--next-decision", NEXT_DECISION, false}, TRADEOFF_OPTIONS(TRADEOFF), {                                       \
        "--strict", STRICT, false                                                                                      \
    }

static const args_option route_options[] = {SHARED_OPTIONS, {"--watch", WATCH, false}, {"--metrics", METRICS, true}};
static const args_option explain_options[] = {SHARED_OPTIONS, {"--config", CONFIG, true}};

static bool set_choice(router_run *r, const args *a, int id, const char *value) {
    static const char *const formats[] = {"jsonl", "npy"};
    static const char *const rules[] = {"cosine", "legacy", "outcomes", "vote"};
    static const char *const layouts[] = {"vsr", "vsr-doc"};
    int chosen = -1;
    if (id == FORMAT && (chosen = args_choice(a, "--format", value, formats, TOOL_ARRAY_LENGTH(formats))) >= 0)
        r->format = chosen == 0 ? INPUT_JSONL : INPUT_NPY;
    if (id == KNN_RULE && (chosen = args_choice(a, "--knn-rule", value, rules, TOOL_ARRAY_LENGTH(rules))) >= 0)
        r->options.knn_rule = chosen;
    if (id == CATEGORIES && (chosen = args_choice(a, "--categories", value, layouts, TOOL_ARRAY_LENGTH(layouts))) >= 0)
        r->options.category_layout = chosen;
    return chosen >= 0;
}

static bool set_operand(router_run *r, const args *a, const char *value, bool *requests_given) {
    if (r->config == NULL) {
        r->config = value;
        return true;
    }
    if (*requests_given) {
        tool_error("one file of requests is read, and \"%s\" is a second", value);
        args_help_hint(a->command, NULL);
        return false;
    }
    *requests_given = true;
    r->requests = strcmp(value, "-") == 0 ? NULL : value;
    return true;
}

/* What requests have in common. */
static bool set_request(router_run *r, const args *a, int id, const char *value) {
    switch (id) {
    case CATEGORY:
        r->base.category = value;
        return true;
    case SIGNAL:
        return request_add_signal(&r->base, a, value);
    case UNAVAILABLE:
        request_add_names(&r->base, &r->base.unavailable, value);
        return true;
    default:
        request_add_names(&r->base, &r->base.allowed, value);
        return true;
    }
}

static bool set_option(router_run *r, const args *a, int id, const char *value, bool *requests_given) {
    switch (id) {
    case ARGS_OPERAND:
        return set_operand(r, a, value, requests_given);
    case CONFIG:
        r->config = value;
        return true;
    case JSON:
        r->json = true;
        return true;
    case CATEGORY:
    case SIGNAL:
    case UNAVAILABLE:
    case ALLOW:
        return set_request(r, a, id, value);
    case LIMIT:
        r->limit = args_count(a, "--limit", value, INT64_MAX);
        return r->limit > 0;
    case MODELS:
        r->options.models_dir = value;
        return true;
    case MODELS_ROOT:
        r->options.models_root = value;
        return true;
    case DEVICE:
        r->options.device = value;
        return true;
    case DEVICE_FALLBACK:
        r->options.allow_device_fallback = 1;
        return true;
    case MIN_PROBABILITY:
        return args_real(a, "--min-probability", value, 0, 1, "a number from 0 to 1", &r->options.min_probability);
    case NEXT_DECISION:
        r->options.allow_next_decision = 1;
        return true;
    case STRICT:
        r->options.strict = 1;
        return true;
    case WATCH:
        r->watches = true;
        return true;
    case METRICS:
        r->metrics = value;
        r->options.collect_metrics = 1;
        return true;
    default:
        if (id >= TEXT_EMBEDDER_FIRST_ID)
            return text_embedder_take(&r->embedder, a, id, value) == 0;
        if (id >= TRADEOFF)
            return tradeoff_option(&r->base.tradeoff, a, id - TRADEOFF, value);
        return id > 0 && set_choice(r, a, id, value);
    }
}

static int usage(const router_run *r, const char *message, const char *hint) {
    tool_error("%s", message);
    tool_hint("%s", hint);
    args_help_hint(r->command, NULL);
    return EXIT_USAGE;
}

static int check_options(router_run *r, bool requests_given) {
    if (r->config == NULL)
        return usage(r, "no configuration", "name a router's YAML file, as in `mlsel route examples/router.yaml`");
    if (strcmp(r->config, "-") == 0)
        return usage(r, "the configuration cannot come from standard input", "name its file");
    r->single = !requests_given && (r->base.category != NULL || r->base.signal_count > 0);
    if (!requests_given && !r->single && isatty(STDIN_FILENO) == 1)
        return usage(r, "no requests: none were named, and standard input is the keyboard",
                     "name a file, pipe requests in, or describe one with --category and --signal");
    return -1;
}

static int parse_arguments(router_run *r, bool explains, char **arguments) {
    args a = {.command = r->command,
              .rest = arguments,
              .options = explains ? explain_options : route_options,
              .option_count = explains ? TOOL_ARRAY_LENGTH(explain_options) : TOOL_ARRAY_LENGTH(route_options)};
    const char *value;
    bool requests_given = false;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(r->help, stdout);
            return EXIT_ANSWER;
        }
        if (id == ARGS_BAD || !set_option(r, &a, id, value, &requests_given))
            return EXIT_USAGE;
    }
    if (!tradeoff_check(&r->base.tradeoff, &a) || !text_embedder_check(&r->embedder, &a))
        return EXIT_USAGE;
    return check_options(r, requests_given);
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

static bool open_router(router_run *r) {
    mlsel_error err;
    mlsel_router_info info;
    const mlsel_status status = mlsel_router_open(r->config, &r->options, &r->router, &err);
    if (status != MLSEL_OK) {
        failure_of(&r->problem, &err);
        if (status == MLSEL_ERROR_DEVICE)
            failure_hint(&r->problem,
                         "`mlsel devices` lists what can be used here; --device-fallback takes the CPU instead");
        else if (status != MLSEL_ERROR_IO && status != MLSEL_ERROR_NO_MEMORY)
            failure_hint(&r->problem, "`mlsel validate %s` shows all that is wrong", r->config);
        return false;
    }
    if (mlsel_router_get_info(r->router, &info, sizeof info, &err) == MLSEL_OK && info.n_warnings > 0)
        tool_warning("%s has %u warning%s; `mlsel validate` shows them", r->config, (unsigned)info.n_warnings,
                     info.n_warnings == 1 ? "" : "s");
    if (r->watches && !watch_start(&r->watch, r->router, r->config))
        tool_warning("the files cannot be watched: no thread is left");
    return true;
}

static bool is_candidate(const mlsel_router *router, const char *name) {
    mlsel_router_candidate c;
    mlsel_router_info info;
    if (mlsel_router_get_info(router, &info, sizeof info, NULL) != MLSEL_OK)
        return false;
    for (uint32_t d = 0; d < info.n_decisions; ++d)
        for (uint32_t i = 0; mlsel_router_get_candidate(router, d, i, &c, sizeof c, NULL) == MLSEL_OK; ++i)
            if (strcmp(c.model, name) == 0 || strcmp(c.served, name) == 0)
                return true;
    return false;
}

/* The library ignores names that no candidate has, as a host's list of prices may be long; a person means each. */
static void warn_unknown_prices(const router_run *r) {
    for (size_t i = 0; i < r->base.tradeoff.n_prices; ++i)
        if (!is_candidate(r->router, r->base.tradeoff.prices[i].model))
            tool_warning("--cost: no decision has a model \"%s\"", r->base.tradeoff.prices[i].model);
}

/* Texts become embeddings of the width that the first selector expects; 0: there is none. */
static size_t embedding_width(const router_run *r) {
    mlsel_router_info router;
    mlsel_model_info info;
    size_t width = 0;
    if (mlsel_router_get_info(r->router, &router, sizeof router, NULL) != MLSEL_OK)
        return 0;
    for (uint32_t d = 0; d < router.n_decisions && width == 0; ++d) {
        mlsel_model *model = NULL;
        if (mlsel_router_get_model(r->router, d, &model, NULL) == MLSEL_OK && model != NULL &&
            mlsel_model_get_info(model, &info, sizeof info, NULL) == MLSEL_OK)
            width = info.n_features - info.n_categories;
        mlsel_model_release(model);
    }
    return width;
}

static bool open_requests(router_run *r) {
    if (r->single)
        return true;
    r->opened = input_open(&r->in, r->requests, r->format, 0);
    r->in.limit = r->limit;
    r->in.chunk_queries = CHUNK_REQUESTS;
    r->chunk.embeds_text = r->embedder.model != NULL;
    r->embedder.width = embedding_width(r);
    r->problem = r->in.problem;
    return r->opened;
}

int router_run_begin(router_run *r, const char *command, const char *help, bool explains, char **arguments) {
    *r = (router_run){.command = command, .help = help, .chunk = {.requests = true}};
    mlsel_router_options_init(&r->options, sizeof r->options);
    const int code = parse_arguments(r, explains, arguments);
    if (code < 0 && open_router(r) && open_requests(r)) {
        warn_unknown_prices(r);
        return -1;
    }
    const int failed = router_run_end(r);
    return code >= 0 ? code : failed;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

bool router_run_next(router_run *r) {
    if (r->single) {
        chunk_query(&r->chunk)->number = 1;
        r->in.count = 1;
        return false;
    }
    const bool more = input_read(&r->in, &r->chunk);
    r->problem = r->in.problem;
    (void)text_embedder_chunk(&r->embedder, &r->chunk, &r->problem);
    return more && r->problem.exit_code == 0;
}

bool router_run_request(router_run *r, size_t index) {
    const query *q = &r->chunk.queries[index];
    failure found = {0};
    char place[512];
    if (request_make(&r->request, &r->base, &r->chunk, q, &found))
        return true;
    failure_set(&r->problem, found.exit_code, "%s: %s", input_place(&r->in, q, place, sizeof place), found.message);
    failure_hint(&r->problem, "%s", found.hint);
    return false;
}

void router_run_failed(router_run *r, mlsel_status status) {
    if (r->first_failure == 0) /* what the library calls an argument is input here */
        r->first_failure = status == MLSEL_ERROR_INVALID_ARGUMENT ? EXIT_BAD_INPUT : tool_exit_code(status);
}

int router_run_end(router_run *r) {
    watch_stop(&r->watch);
    if (r->router != NULL && r->metrics != NULL && strcmp(r->metrics, "-") == 0)
        prometheus_print(stdout, r->router);
    else if (r->router != NULL && r->metrics != NULL && r->problem.exit_code == 0)
        prometheus_write(r->metrics, r->router, &r->problem);
    int code = failure_report(&r->problem);
    if (r->opened && code == EXIT_ANSWER && r->in.count == 0)
        tool_warning("%s holds no requests", r->in.name);
    if (code == EXIT_ANSWER)
        code = r->first_failure;
    mlsel_router_release(r->router);
    if (r->opened)
        input_close(&r->in);
    chunk_free(&r->chunk);
    text_embedder_free(&r->embedder);
    request_free(&r->request);
    request_base_free(&r->base);
    return code;
}

/* --- what both commands write ------------------------------------------------------------------------------------ */

static const struct note {
    uint32_t flag;
    const char *code;
    const char *text;
} notes[] =
    {
        {MLSEL_ROUTE_DEFAULT, "default", "default"},
        {MLSEL_ROUTE_NEXT_DECISION, "next_decision", "next decision"},
        {MLSEL_ROUTE_SINGLE, "single", "only choice"},
        {MLSEL_ROUTE_NO_SELECTOR, "no_selector", "first model"},
        {MLSEL_ROUTE_HOST_ALGORITHM, "host_algorithm", "first model, the host's algorithm decides"},
        {MLSEL_ROUTE_SELECTOR_FAILED, "selector_failed", "first model, the selector failed"},
        {MLSEL_ROUTE_UNKNOWN_MODELS, "unknown_models", "first model, the artifact knows none"},
        {MLSEL_ROUTE_LOW_CONFIDENCE, "low_confidence", "low confidence"},
        {MLSEL_ROUTE_RESTRICTED, "restricted", "restricted"},
        {MLSEL_ROUTE_CATEGORY_FELL_BACK, "category_fell_back", "category counted as other"},
        {MLSEL_ROUTE_DEVICE_FALLBACK, "device_fallback", "on the cpu"},
        {MLSEL_ROUTE_TRADEOFF_IGNORED, "tradeoff_ignored", "trade-off not weighed"},
},
  selection_notes[] = {
      {MLSEL_SELECTION_TIE, "tie", "tie"},
      {MLSEL_SELECTION_WIDENED, "widened", "widened"},
      {MLSEL_SELECTION_NEXT_CLUSTER, "next_cluster", "next cluster"},
      {MLSEL_SELECTION_TRADEOFF, "tradeoff", "trade-off"},
};

const char *router_notes(char *out, size_t size, const mlsel_route *route) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(notes) && used < size; ++i)
        if ((route->flags & notes[i].flag) != 0)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", notes[i].text);
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(selection_notes) && used < size; ++i)
        if ((route->selection_flags & selection_notes[i].flag) != 0)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", selection_notes[i].text);
    return out;
}

static void router_notes_json(json_out *j, const mlsel_route *route) {
    json_key(j, "notes");
    json_open(j, '[');
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(notes); ++i)
        if ((route->flags & notes[i].flag) != 0)
            json_string(j, notes[i].code);
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(selection_notes); ++i)
        if ((route->selection_flags & selection_notes[i].flag) != 0)
            json_string(j, selection_notes[i].code);
    json_close(j, ']');
}

void router_request_json(json_out *j, const query *q, const char *category) {
    answer_json_query(j, "request", q, category);
}

static void json_candidates(json_out *j, const mlsel_route *route) {
    json_key(j, "candidates");
    json_open(j, '[');
    for (size_t i = 0; i < route->candidate_count && i < route->candidates_capacity; ++i) {
        const mlsel_route_candidate *c = &route->candidates[i];
        json_open(j, '{');
        json_key(j, "model");
        json_string(j, c->served);
        json_key(j, "eligible");
        json_bool(j, (c->flags & MLSEL_CANDIDATE_ELIGIBLE) != 0);
        json_key(j, "known");
        json_bool(j, (c->flags & MLSEL_CANDIDATE_KNOWN) != 0);
        json_key(j, "score");
        json_number(j, c->score);
        json_key(j, "probability");
        json_number(j, c->probability);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_scores(json_out *j, const mlsel_route *route) {
    json_key(j, "algorithm");
    json_string(j, mlsel_algorithm_name(route->algorithm));
    json_key(j, "score");
    json_number(j, route->score);
    json_key(j, "margin");
    json_number(j, route->margin);
    json_key(j, "probability");
    json_number(j, route->probability);
    if ((route->selection_flags & MLSEL_SELECTION_CALIBRATED) != 0) {
        json_key(j, "confidence");
        json_number(j, route->confidence);
    }
    if (route->cluster >= 0) {
        json_key(j, "cluster");
        json_integer(j, route->cluster);
    }
}

void router_answer_json(json_out *j, const mlsel_route *route, const mlsel_error *err) {
    if (route->status != MLSEL_OK) {
        json_key(j, "error");
        json_string(j, err->message);
        json_key(j, "status");
        json_string(j, mlsel_status_name(route->status));
        return;
    }
    json_key(j, "decision");
    json_string(j, route->decision);
    json_key(j, "choice");
    json_string(j, route->served);
    if (route->lora != NULL) {
        json_key(j, "base_model");
        json_string(j, route->model);
    }
    if (route->algorithm != 0)
        json_scores(j, route);
    if (route->selector_status != MLSEL_OK) {
        json_key(j, "selector_status");
        json_string(j, mlsel_status_name(route->selector_status));
    }
    router_notes_json(j, route);
    json_candidates(j, route);
    json_key(j, "generation");
    json_unsigned(j, route->generation);
}
