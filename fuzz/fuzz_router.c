/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers made of configurations, beside four small artifacts in a folder: what opens has no errors in its validation
 * and the other way round, answers requests within its candidates, explains them alike, and answers alike after a
 * reload. Input: the configuration and, behind a 0 byte, the requests.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "input.h"
#include "mlsel.h"

enum { EMBEDDING = 2, WIDTH = EMBEDDING + 14, MAX_CANDIDATES = 32, N_REQUESTS = 6 };

/* --- the artifacts ------------------------------------------------------------------------------------------------ */

#define NAMES "\"model_names\":[\"codellama-7b\",\"llama-3.2-1b\",\"llama-3.2-3b\",\"mistral-7b\"]"

static char folder[] = "/tmp/mlsel-fuzz-router-XXXXXX";
static const char *const kinds[] = {"knn", "kmeans", "svm", "mlp"};

static const char *path_of(const char *kind) {
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/models/%s_model.json", folder, kind);
    return path;
}

static void remove_folder(void) {
    char models[64];
    for (size_t i = 0; i < 4; i++)
        (void)unlink(path_of(kinds[i]));
    (void)snprintf(models, sizeof models, "%s/models", folder);
    (void)rmdir(models);
    (void)rmdir(folder);
}

/* Four rows, each the unit vector of one place or two. */
static void write_rows(FILE *file) {
    for (int r = 0; r < 4; r++)
        for (int i = 0; i < WIDTH; i++)
            fprintf(file, "%s%s%s", i == 0 ? (r == 0 ? "[[" : ",[") : ",", i == r || i == 2 * r + 1 ? "1" : "0.125",
                    i + 1 < WIDTH ? ""
                    : r < 3       ? "]"
                                  : "]]");
}

static void write_artifact(const char *kind) {
    FILE *file = fopen(path_of(kind), "w");
    FUZZ_CHECK(file != NULL);
    fprintf(file, "{\"algorithm\":\"%s\"," NAMES ",", kind);
    if (strcmp(kind, "knn") == 0)
        fprintf(file, "\"k\":2,\"labels\":[\"mistral-7b\",\"codellama-7b\",\"llama-3.2-3b\",\"llama-3.2-1b\"],"
                      "\"qualities\":[0.9,0.5,0.7,0.2],\"latencies\":[900000000,5,0,3000000],\"embeddings\":");
    else if (strcmp(kind, "kmeans") == 0)
        fprintf(file, "\"num_clusters\":4,\"cluster_models\":[\"llama-3.2-1b\",\"mistral-7b\",\"codellama-7b\","
                      "\"llama-3.2-3b\"],\"centroids\":");
    else if (strcmp(kind, "svm") == 0)
        fprintf(file,
                "\"kernel_type\":\"Rbf\",\"gamma\":1,\"classes\":[\"codellama-7b\",\"llama-3.2-1b\","
                "\"llama-3.2-3b\",\"mistral-7b\"],\"n_support\":[1,1,1,1],\"dual_coef\":[[1,-1,-1,-1],[1,1,-1,-1],"
                "[1,1,1,-1]],\"intercept\":[0,0.1,-0.1,0,0.2,0],\"support_vectors\":");
    else
        fprintf(
            file,
            "\"layers\":[{\"type\":\"linear\",\"in_features\":%d,\"out_features\":4,\"bias\":null,\"weight\":", WIDTH);
    write_rows(file);
    fprintf(file, strcmp(kind, "mlp") == 0 ? "}]}" : "}");
    FUZZ_CHECK(fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    char models[64];
    (void)argc, (void)argv;
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(models, sizeof models, "%s/models", folder);
    FUZZ_CHECK(mkdir(models, 0700) == 0);
    for (size_t i = 0; i < 4; i++)
        write_artifact(kinds[i]);
    return atexit(remove_folder);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"math",
                                    "law",
                                    "computer science",
                                    "other",
                                    "llama-3.2-1b",
                                    "mistral-7b",
                                    "codellama-7b",
                                    "llama-3.2-3b",
                                    "math-lora",
                                    "urgent",
                                    "domain",
                                    "keyword",
                                    "a",
                                    "b",
                                    "",
                                    "none"};

static const char *choose_name(struct fuzz_input *in) { return names[fuzz_u8(in) % 16]; }

/* A request with all that it points to. */
struct asking {
    mlsel_request request;
    double embedding[EMBEDDING + 1];
    mlsel_signal signals[2];
    const char *unavailable[2], *allowed[3];
    mlsel_price prices[2];
    mlsel_tradeoff tradeoff;
};

static void make_request(struct asking *a, struct fuzz_input *in) {
    const uint8_t what = fuzz_u8(in);
    mlsel_request_init(&a->request, sizeof a->request);
    mlsel_request *r = &a->request;
    for (size_t i = 0; i < EMBEDDING + 1; i++)
        a->embedding[i] = fuzz_double(in);
    r->embedding_f64 = (what & 3) == 3 ? NULL : a->embedding;
    r->n_embedding = r->embedding_f64 == NULL ? 0 : (what & 0xfc) == 0xfc ? EMBEDDING + 1 : EMBEDDING;
    r->category = choose_name(in);
    for (size_t i = 0; i < 2; i++) {
        a->signals[i] = (mlsel_signal){.type = choose_name(in), .name = choose_name(in)};
        a->unavailable[i] = choose_name(in);
        a->prices[i] = (mlsel_price){.model = choose_name(in), .cost = fabs(fuzz_double(in))};
    }
    for (size_t i = 0; i < 3; i++)
        a->allowed[i] = choose_name(in);
    r->signals = a->signals;
    r->n_signals = (what & 4) != 0 ? 2 : 0;
    r->unavailable = a->unavailable;
    r->n_unavailable = (what & 8) != 0 ? 1 + (what >> 4 & 1) : 0;
    r->allowed = (what & 0x60) == 0x60 ? a->allowed : NULL;
    r->n_allowed = r->allowed == NULL ? 0 : 3;
    r->min_probability = (what & 0x90) == 0x90 ? fabs(fuzz_double(in)) : 0;
    if ((what & 0x81) == 0x81) {
        mlsel_tradeoff_init(&a->tradeoff, sizeof a->tradeoff);
        a->tradeoff.quality_weight = 1;
        a->tradeoff.latency_weight = (double)fuzz_u8(in) / 16;
        a->tradeoff.cost_weight = (double)fuzz_u8(in) / 16;
        r->tradeoff = &a->tradeoff;
        r->prices = a->prices;
        r->n_prices = 2;
    }
}

static bool is_name(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static void check_route(const mlsel_route *route, const mlsel_router_info *info) {
    FUZZ_CHECK(route->status == MLSEL_OK && route->model != NULL && route->served != NULL);
    FUZZ_CHECK(is_name(route->served, route->lora != NULL ? route->lora : route->model));
    FUZZ_CHECK(route->decision_index >= -1 && route->decision_index < (int32_t)info->n_decisions);
    FUZZ_CHECK(route->candidate_index >= -1 && route->candidate_index < (int32_t)route->candidate_count);
    FUZZ_CHECK(route->candidate_count <= info->max_candidates || route->decision_index < 0);
    FUZZ_CHECK((route->decision == NULL) == (route->decision_index < 0));
    FUZZ_CHECK(isfinite(route->score) && route->probability >= 0 && route->probability <= 1 + 1e-9);
}

static void expect_same(const mlsel_route *a, const mlsel_route *b) {
    FUZZ_CHECK(a->status == b->status);
    if (a->status != MLSEL_OK)
        return;
    FUZZ_CHECK(a->flags == b->flags && a->decision_index == b->decision_index && a->algorithm == b->algorithm);
    FUZZ_CHECK(a->candidate_index == b->candidate_index && is_name(a->served, b->served));
    FUZZ_CHECK(memcmp(&a->score, &b->score, sizeof a->score) == 0);
}

/* --- the story ---------------------------------------------------------------------------------------------------- */

/* Whether the tree at *at holds, told from its conditions alone. *at: behind it. */
static bool holds(const mlsel_route_explanation *why, size_t *at) {
    const mlsel_rule_result *rules = why->rules, *whole = &rules[(*at)++];
    bool all = true, any = false;
    while (*at < why->rule_count && rules[*at].decision == whole->decision && rules[*at].depth > whole->depth) {
        const bool part = holds(why, at);
        all = all && part;
        any = any || part;
    }
    const bool expected = whole->kind == MLSEL_RULE_CONDITION ? whole->holds != 0
                          : whole->kind == MLSEL_RULE_AND     ? all
                          : whole->kind == MLSEL_RULE_OR      ? any
                                                              : !any;
    FUZZ_CHECK(expected == (whole->holds != 0));
    return expected;
}

/* What routes runs tests of single signals, what explains computes whole trees: they must find the same decision. */
static void check_story(const mlsel_route *route, const mlsel_route_explanation *why) {
    size_t at = 0, n_answered = 0;
    int32_t first = -1, answered = -1;
    if (why->decision_count > why->decisions_capacity || why->rule_count > why->rules_capacity)
        return;
    for (size_t i = 0; i < why->decision_count; i++) {
        const mlsel_decision_result *d = &why->decisions[i];
        const size_t begin = at;
        FUZZ_CHECK((d->matched != 0) == (d->n_rules == 0 || holds(why, &at)) && at - begin == d->n_rules);
        if (d->matched && first < 0)
            first = d->index;
        if (!d->answered)
            continue;
        answered = d->index;
        n_answered++;
        FUZZ_CHECK(d->matched || (route->flags & MLSEL_ROUTE_DEFAULT) != 0);
    }
    FUZZ_CHECK(at == why->rule_count && n_answered <= 1 && route->decision_index == answered);
    if ((route->flags & MLSEL_ROUTE_DEFAULT) != 0) /* nothing matched, or none of those that did may be asked */
        FUZZ_CHECK(first < 0 || (route->flags & MLSEL_ROUTE_NEXT_DECISION) != 0);
    else if ((route->flags & MLSEL_ROUTE_NEXT_DECISION) != 0)
        FUZZ_CHECK(first >= 0 && answered != first);
    else
        FUZZ_CHECK(answered == first);
}

static void route_one(const mlsel_router *router, const mlsel_router_info *info, const mlsel_request *request,
                      mlsel_route *route) {
    mlsel_route_candidate candidates[MAX_CANDIDATES];
    mlsel_decision_result decisions[MAX_CANDIDATES];
    mlsel_rule_result rules[2 * MAX_CANDIDATES];
    mlsel_route explained;
    mlsel_route_explanation why;
    mlsel_error err;
    mlsel_route_init(route, sizeof *route);
    route->candidates = candidates;
    route->candidates_capacity = MAX_CANDIDATES;
    const mlsel_status status = mlsel_router_route(router, request, route, &err);
    route->candidates = NULL;
    FUZZ_CHECK(status == route->status && status == err.code && status != MLSEL_ERROR_INTERNAL);
    if (status == MLSEL_OK)
        check_route(route, info);
    mlsel_route_init(&explained, sizeof explained);
    mlsel_route_explanation_init(&why, sizeof why);
    why.decisions = decisions;
    why.decisions_capacity = MAX_CANDIDATES;
    why.rules = rules;
    why.rules_capacity = 2 * MAX_CANDIDATES;
    FUZZ_CHECK(mlsel_router_explain(router, request, &explained, &why, &err) == status);
    expect_same(route, &explained);
    if (status != MLSEL_OK)
        return;
    FUZZ_CHECK(why.decision_count == info->n_decisions && why.rule_count == info->n_rules);
    check_story(&explained, &why);
}

static void look_at(const mlsel_router *router, const mlsel_router_info *info) {
    mlsel_error err;
    mlsel_router_decision d;
    mlsel_router_candidate c;
    mlsel_decision_metrics m;
    for (uint32_t i = 0; i < info->n_decisions; i++) {
        FUZZ_CHECK(mlsel_router_get_decision(router, i, &d, sizeof d, &err) == MLSEL_OK && d.name != NULL);
        FUZZ_CHECK(mlsel_router_get_decision_metrics(router, i, &m, sizeof m, &err) == MLSEL_OK);
        for (uint32_t k = 0; k < d.n_candidates; k++)
            FUZZ_CHECK(mlsel_router_get_candidate(router, i, k, &c, sizeof c, &err) == MLSEL_OK && c.served != NULL);
        mlsel_model *model = NULL;
        FUZZ_CHECK(mlsel_router_get_model(router, i, &model, &err) == MLSEL_OK);
        mlsel_model_release(model);
    }
}

static void use(mlsel_router *router, const char *text, size_t size, struct fuzz_input in) {
    static struct asking asking[N_REQUESTS];
    static mlsel_route before[N_REQUESTS], after;
    mlsel_router_info info;
    mlsel_error err;
    FUZZ_CHECK(mlsel_router_get_info(router, &info, sizeof info, &err) == MLSEL_OK && info.generation == 1);
    for (size_t i = 0; i < N_REQUESTS; i++) {
        make_request(&asking[i], &in);
        route_one(router, &info, &asking[i].request, &before[i]);
    }
    FUZZ_CHECK_THAT(mlsel_router_reload_memory(router, text, size, &err) == MLSEL_OK, "%s", err.message);
    FUZZ_CHECK(mlsel_router_get_info(router, &info, sizeof info, &err) == MLSEL_OK && info.generation == 2);
    for (size_t i = 0; i < N_REQUESTS; i++) {
        route_one(router, &info, &asking[i].request, &after);
        expect_same(&before[i], &after);
    }
    look_at(router, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input in = fuzz_split_text(data, size, &text_size);
    const char *text = text_size > 0 ? (const char *)data : "";
    mlsel_error err;
    mlsel_router *router = NULL;
    mlsel_diagnostics *found = NULL;
    mlsel_diagnostics_info info;
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    const uint8_t flags = fuzz_u8(&in);
    options.base_dir = folder;
    options.device = "cpu";
    options.strict = flags & 1;
    options.allow_next_decision = flags & 2;
    options.collect_metrics = flags & 4;
    options.min_probability = (flags & 8) != 0 ? 0.5 : 0;
    options.max_artifact_bytes = 65536;
    const mlsel_status status = mlsel_router_open_memory(text, text_size, &options, &router, &err);
    FUZZ_CHECK(status == err.code && status != MLSEL_ERROR_INTERNAL && status != MLSEL_ERROR_NO_MEMORY);
    FUZZ_CHECK((status == MLSEL_OK) == (router != NULL));
    if (mlsel_config_validate_memory(text, text_size, "router.yaml", &options, 0, &found, &err) == MLSEL_OK) {
        FUZZ_CHECK(mlsel_diagnostics_get_info(found, &info, sizeof info, &err) == MLSEL_OK);
        FUZZ_CHECK((info.n_errors == 0) == (router != NULL));
    }
    mlsel_diagnostics_release(found);
    if (router != NULL)
        use(router, text, text_size, in);
    mlsel_router_release(router);
    return 0;
}
