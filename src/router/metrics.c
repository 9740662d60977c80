/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters. They belong to the router rather than to a state, under the names of decisions and candidates, so that they
 * go on across reloads. Counting is relaxed additions to one of several copies; reading adds the copies up.
 */
#include "latency.h"
#include "router/router.h"

/* --- series ------------------------------------------------------------------------------------------------------ */

mlsel_status mlsel_i_metrics_init(mlsel_router *router, mlsel_error *err) {
    router->metrics = mlsel_i_calloc(METRIC_SHARDS, sizeof *router->metrics);
    return router->metrics == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
}

void mlsel_i_metrics_free(mlsel_router *router) {
    for (decision_series *series = router->series, *next; series != NULL; series = next) {
        next = series->next;
        for (candidate_series *c = series->candidates, *after; c != NULL; c = after) {
            after = c->next;
            mlsel_i_free(c);
        }
        mlsel_i_free(series);
    }
    mlsel_i_free(router->metrics);
}

/* Names are interned, so equal ones have equal addresses. */
static decision_series *find_series(mlsel_router *router, const char *name) {
    decision_series *series = router->series;
    while (series != NULL && series->name != name)
        series = series->next;
    if (series != NULL || (series = mlsel_i_calloc(1, sizeof *series)) == NULL)
        return series;
    series->name = name;
    series->next = router->series;
    router->series = series;
    return series;
}

static candidate_series *find_candidate(decision_series *decision, const char *served) {
    candidate_series *series = decision->candidates;
    while (series != NULL && series->served != served)
        series = series->next;
    if (series != NULL || (series = mlsel_i_calloc(1, sizeof *series)) == NULL)
        return series;
    series->served = served;
    series->next = decision->candidates;
    decision->candidates = series;
    return series;
}

mlsel_status mlsel_i_metrics_attach(mlsel_router *router, router_decision *decision, mlsel_error *err) {
    decision->series = find_series(router, decision->name);
    if (decision->series == NULL)
        return mlsel_i_no_memory(err);
    for (uint32_t i = 0; i < decision->n_candidates; i++) {
        router_candidate *candidate = &decision->candidates[i];
        candidate->series = find_candidate(decision->series, candidate->served);
        if (candidate->series == NULL)
            return mlsel_i_no_memory(err);
    }
    return MLSEL_OK;
}

/* --- counting ---------------------------------------------------------------------------------------------------- */

static void add(_Atomic uint64_t *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_relaxed); }

/* What both a decision and the whole router count. */
static void count_common(metric_shard *shard, mlsel_status status) {
    add(&shard->counts[COUNT_REQUESTS], 1);
    if (status != MLSEL_OK)
        add(&shard->counts[COUNT_ERRORS], 1);
}

static void count_decision(metric_shard *shard, mlsel_status status, uint32_t flags, uint64_t nanoseconds) {
    static const struct {
        uint32_t flag;
        uint32_t counter;
    } counted[] = {{MLSEL_ROUTE_SELECTOR_FAILED, COUNT_SELECTOR_FAILED},
                   {MLSEL_ROUTE_UNKNOWN_MODELS, COUNT_UNKNOWN_MODELS},
                   {MLSEL_ROUTE_LOW_CONFIDENCE, COUNT_LOW_CONFIDENCE},
                   {MLSEL_ROUTE_CATEGORY_FELL_BACK, COUNT_CATEGORY_FELL_BACK}};
    const uint32_t not_scored = MLSEL_ROUTE_SINGLE | MLSEL_ROUTE_SELECTOR_FAILED | MLSEL_ROUTE_NO_SELECTOR |
                                MLSEL_ROUTE_UNKNOWN_MODELS | MLSEL_ROUTE_LOW_CONFIDENCE | MLSEL_ROUTE_HOST_ALGORITHM;
    count_common(shard, status);
    if (status == MLSEL_OK && (flags & not_scored) == 0)
        add(&shard->counts[COUNT_SCORED], 1);
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(counted); i++)
        if ((flags & counted[i].flag) != 0)
            add(&shard->counts[counted[i].counter], 1);
    add(&shard->counts[COUNT_LATENCY_NS], nanoseconds);
    add(&shard->latency[mlsel_i_latency_bucket(nanoseconds)], 1);
}

void mlsel_i_metrics_count(const mlsel_router *router, const router_decision *decision,
                           const router_candidate *candidate, mlsel_status status, uint32_t flags,
                           uint64_t nanoseconds) {
    const size_t own = mlsel_i_pool_first_slot() % METRIC_SHARDS;
    count_common(&router->metrics[own], status);
    if (status == MLSEL_ERROR_NO_DECISION)
        add(&router->metrics[own].counts[COUNT_NO_DECISION], 1);
    if (status == MLSEL_OK && (flags & MLSEL_ROUTE_DEFAULT) != 0)
        add(&router->metrics[own].counts[COUNT_DEFAULTS], 1);
    if (decision != NULL)
        count_decision(&decision->series->shards[own], status, flags, nanoseconds);
    if (candidate != NULL && status == MLSEL_OK)
        add(&candidate->series->shards[own].count, 1);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static uint64_t sum(const metric_shard *shards, int counter) {
    uint64_t total = 0;
    for (size_t i = 0; i < METRIC_SHARDS; i++)
        total += atomic_load_explicit(&shards[i].counts[counter], memory_order_relaxed);
    return total;
}

mlsel_status mlsel_router_get_metrics(const mlsel_router *router, mlsel_router_metrics *out, size_t size,
                                      mlsel_error *err) {
    router_state *state = NULL;
    if (router == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router and out must not be NULL");
    router_context *context = mlsel_i_context_enter(router, true, &state, err);
    if (context == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    mlsel_router_metrics own = {
        .enabled = router->metrics != NULL,
        .generation = state->generation,
        .reloads = atomic_load_explicit(&router->reloads, memory_order_relaxed),
        .failed_reloads = atomic_load_explicit(&router->failed_reloads, memory_order_relaxed),
    };
    if (router->metrics != NULL) {
        own.requests = sum(router->metrics, COUNT_REQUESTS);
        own.errors = sum(router->metrics, COUNT_ERRORS);
        own.no_decision = sum(router->metrics, COUNT_NO_DECISION);
        own.defaults = sum(router->metrics, COUNT_DEFAULTS);
    }
    mlsel_i_context_leave(router, context);
    return mlsel_i_info_copy(out, size, &own, sizeof own, err);
}

static void read_series(const decision_series *series, mlsel_decision_metrics *out) {
    const metric_shard *shards = series->shards;
    out->requests = sum(shards, COUNT_REQUESTS);
    out->errors = sum(shards, COUNT_ERRORS);
    out->scored = sum(shards, COUNT_SCORED);
    out->selector_failed = sum(shards, COUNT_SELECTOR_FAILED);
    out->unknown_models = sum(shards, COUNT_UNKNOWN_MODELS);
    out->low_confidence = sum(shards, COUNT_LOW_CONFIDENCE);
    out->category_fell_back = sum(shards, COUNT_CATEGORY_FELL_BACK);
    out->latency_ns = sum(shards, COUNT_LATENCY_NS);
    for (size_t b = 0; b < MLSEL_LATENCY_BUCKETS; b++)
        for (size_t i = 0; i < METRIC_SHARDS; i++)
            out->latency[b] += atomic_load_explicit(&shards[i].latency[b], memory_order_relaxed);
}

mlsel_status mlsel_router_get_decision_metrics(const mlsel_router *router, uint32_t index, mlsel_decision_metrics *out,
                                               size_t size, mlsel_error *err) {
    router_state *state = NULL;
    if (router == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router and out must not be NULL");
    router_context *context = mlsel_i_context_enter(router, true, &state, err);
    if (context == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    mlsel_decision_metrics own = {.generation = state->generation};
    mlsel_status status = mlsel_i_state_check(state, index, err);
    if (status == MLSEL_OK) {
        own.name = state->decisions[index].name;
        if (state->decisions[index].series != NULL)
            read_series(state->decisions[index].series, &own);
    }
    mlsel_i_context_leave(router, context);
    return status == MLSEL_OK ? mlsel_i_info_copy(out, size, &own, sizeof own, err) : status;
}

mlsel_status mlsel_router_get_selections(const mlsel_router *router, uint32_t decision, uint32_t index,
                                         uint64_t *selections, mlsel_error *err) {
    router_state *state = NULL;
    if (router == NULL || selections == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router and selections must not be NULL");
    router_context *context = mlsel_i_context_enter(router, true, &state, err);
    if (context == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    uint64_t total = 0;
    const mlsel_status status = mlsel_i_state_check_candidate(state, decision, index, err);
    if (status == MLSEL_OK && state->decisions[decision].candidates[index].series != NULL)
        for (size_t i = 0; i < METRIC_SHARDS; i++)
            total += atomic_load_explicit(&state->decisions[decision].candidates[index].series->shards[i].count,
                                          memory_order_relaxed);
    mlsel_i_context_leave(router, context);
    if (status != MLSEL_OK)
        return status;
    *selections = total;
    return mlsel_i_ok(err);
}
