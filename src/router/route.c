/* SPDX-License-Identifier: Apache-2.0 */
/* One request: which decision answers, and which of its candidates. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "latency.h"
#include "model.h"
#include "router/router.h"
#include "tradeoff.h"

/* --- what the caller gave ---------------------------------------------------------------------------------------- */

void mlsel_request_init(mlsel_request *request, size_t size) { mlsel_i_options_init(request, size); }

void mlsel_route_init(mlsel_route *route, size_t size) { mlsel_i_options_init(route, size); }

static mlsel_status check_embedding(const mlsel_request *r, mlsel_error *err) {
    if (r->embedding != NULL && r->embedding_f64 != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "give embedding or embedding_f64, not both");
    const bool is_given = r->embedding != NULL || r->embedding_f64 != NULL;
    if (is_given && r->n_embedding == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the embedding is empty: n_embedding is 0");
    if (!is_given && r->n_embedding > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the embedding is NULL but n_embedding is %zu",
                            r->n_embedding);
    return MLSEL_OK;
}

static mlsel_status check_names(const char *what, const char *const *names, size_t count, mlsel_error *err) {
    if (names == NULL && count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s is NULL but n_%s is %zu", what, what, count);
    for (size_t i = 0; i < count; i++)
        if (names[i] == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s[%zu] is NULL", what, i);
    return MLSEL_OK;
}

static mlsel_status check_prices(const mlsel_request *r, mlsel_error *err) {
    if (r->prices == NULL && r->n_prices > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "prices is NULL but n_prices is %zu", r->n_prices);
    for (size_t i = 0; i < r->n_prices; i++) {
        const double cost = r->prices[i].cost;
        if (r->prices[i].model == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "prices[%zu]: the model is NULL", i);
        if (cost < 0 || cost > DBL_MAX)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "prices[%zu] (\"%s\") is %s: a cost is finite and at least 0, or NaN for not known", i,
                                r->prices[i].model, cost < 0 ? "negative" : "infinite");
    }
    return MLSEL_OK;
}

/* Copies the request's trade-off, with the scale of costs that holds for all decisions. */
static mlsel_status take_tradeoff(routing *own, mlsel_error *err) {
    const mlsel_request *r = &own->request;
    mlsel_tradeoff *t = &own->tradeoff;
    mlsel_status status = check_prices(r, err);
    if (status != MLSEL_OK || r->tradeoff == NULL || (status = mlsel_i_tradeoff_copy(t, r->tradeoff, err)) != MLSEL_OK)
        return status;
    if (t->costs != NULL || t->n_costs > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "mlsel_tradeoff: a request gives costs by name, as prices: costs must be NULL");
    if (t->cost_weight > 0 && r->n_prices == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "mlsel_tradeoff: cost_weight needs prices, and the request has none");
    const bool has_scale = t->cost_scale > 0;
    for (size_t i = 0; !has_scale && i < r->n_prices; i++)
        t->cost_scale = r->prices[i].cost > t->cost_scale ? r->prices[i].cost : t->cost_scale;
    own->request.tradeoff = t;
    return MLSEL_OK;
}

static mlsel_status check_request(const mlsel_request *r, mlsel_error *err) {
    if (r->reserved != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_request: reserved must be 0");
    if (!(r->min_probability >= 0 && r->min_probability <= 1))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_request: min_probability must be from 0 to 1");
    mlsel_status status = check_embedding(r, err);
    if (status == MLSEL_OK)
        status = check_names("unavailable", r->unavailable, r->n_unavailable, err);
    if (status == MLSEL_OK)
        status = check_names("allowed", r->allowed, r->n_allowed, err);
    if (status != MLSEL_OK)
        return status;
    if (r->signals == NULL && r->n_signals > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "signals is NULL but n_signals is %zu", r->n_signals);
    for (size_t i = 0; i < r->n_signals; i++)
        if (r->signals[i].type == NULL || r->signals[i].name == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "signals[%zu]: type and name must not be NULL", i);
    return MLSEL_OK;
}

mlsel_status mlsel_i_route_begin(routing *own, const mlsel_router *router, const router_state *state,
                                 const router_context *context, const mlsel_request *request, const mlsel_route *route,
                                 mlsel_error *err) {
    if (request == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the request is NULL");
    mlsel_status status = mlsel_i_options_copy(&own->request, sizeof own->request, request, "mlsel_request", err);
    if (status == MLSEL_OK)
        status = check_request(&own->request, err);
    if (status == MLSEL_OK)
        status = take_tradeoff(own, err);
    mlsel_route given;
    if (status == MLSEL_OK)
        status = mlsel_i_options_copy(&given, sizeof given, route, "mlsel_route", err);
    if (status != MLSEL_OK)
        return status;
    own->router = router;
    own->state = state;
    own->scratch = context->scratch;
    own->signals = (uint64_t *)(void *)(context->scratch + state->scratch.signals);
    own->eligible = (uint8_t *)context->scratch + state->scratch.eligible;
    own->decision = NULL;
    own->candidate = NULL;
    own->scored = false;
    own->route = (mlsel_route){
        .generation = state->generation,
        .decision_index = -1,
        .candidate_index = -1,
        .runner_up_index = -1,
        .cluster = -1,
        .candidates = given.candidates,
        .candidates_capacity = given.candidates_capacity,
    };
    mlsel_i_rules_read_signals(state, &own->request, own->signals);
    return MLSEL_OK;
}

/* --- eligibility ------------------------------------------------------------------------------------------------- */

static bool is_listed(const char *const *names, size_t count, const char *model, const char *lora) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], model) == 0 || (lora != NULL && strcmp(names[i], lora) == 0))
            return true;
    return false;
}

static bool may_answer(const mlsel_request *r, const char *model, const char *lora) {
    return !is_listed(r->unavailable, r->n_unavailable, model, lora) &&
           (r->allowed == NULL || is_listed(r->allowed, r->n_allowed, model, lora));
}

/* Makes `decision` the one that is asked; returns how many of its candidates may answer. */
static uint32_t ask(routing *own, const router_decision *decision) {
    uint32_t n = 0;
    own->decision = decision;
    for (uint32_t i = 0; i < decision->n_candidates; i++) {
        const router_candidate *candidate = &decision->candidates[i];
        own->eligible[i] = may_answer(&own->request, candidate->model, candidate->lora);
        n += own->eligible[i];
    }
    return n;
}

static const router_candidate *first_eligible(const routing *own) {
    const router_decision *decision = own->decision;
    for (uint32_t i = 0; i < decision->n_candidates; i++)
        if (own->eligible[i])
            return &decision->candidates[i];
    return NULL;
}

static const router_candidate *first_with_label(const routing *own, int32_t label) {
    const router_decision *decision = own->decision;
    for (uint32_t i = 0; i < decision->n_candidates; i++)
        if (own->eligible[i] && decision->candidates[i].label == label)
            return &decision->candidates[i];
    return NULL;
}

/* --- scoring ----------------------------------------------------------------------------------------------------- */

static uint32_t n_labels_of(const routing *own) { return own->decision->model->artifact->scalars.n_labels; }

static uint8_t *mask_of(const routing *own) { return (uint8_t *)own->scratch + own->state->scratch.mask; }

static double *scores_of(const routing *own) { return (double *)(void *)(own->scratch + own->state->scratch.scores); }

static double *probabilities_of(const routing *own) {
    return (double *)(void *)(own->scratch + own->state->scratch.probabilities);
}

static void *features_of(const routing *own) { return own->scratch + own->state->scratch.features; }

/* The labels of the eligible candidates; false if there is none. */
static bool set_mask(const routing *own) {
    const router_decision *decision = own->decision;
    uint8_t *mask = mask_of(own);
    bool any = false;
    memset(mask, 0, n_labels_of(own));
    for (uint32_t i = 0; i < decision->n_candidates; i++)
        if (own->eligible[i] && (decision->candidates[i].flags & MLSEL_CANDIDATE_KNOWN) != 0) {
            mask[decision->candidates[i].label] = 1;
            any = true;
        }
    return any;
}

static double price_of(const mlsel_request *r, const router_candidate *candidate) {
    double of_model = NAN;
    bool has_model = false;
    for (size_t i = 0; i < r->n_prices; i++) {
        if (strcmp(r->prices[i].model, candidate->served) == 0)
            return r->prices[i].cost;
        if (!has_model && strcmp(r->prices[i].model, candidate->model) == 0) {
            of_model = r->prices[i].cost;
            has_model = true;
        }
    }
    return of_model;
}

/* Puts the prices where the selector wants them: by label, that of the candidate that stands for it. */
static void set_costs(routing *own) {
    const router_decision *decision = own->decision;
    double *costs = (double *)(void *)(own->scratch + own->state->scratch.costs);
    for (uint32_t i = 0; i < n_labels_of(own); i++)
        costs[i] = NAN;
    for (uint32_t i = decision->n_candidates; i-- > 0;)
        if (own->eligible[i] && (decision->candidates[i].flags & MLSEL_CANDIDATE_KNOWN) != 0)
            costs[decision->candidates[i].label] = price_of(&own->request, &decision->candidates[i]);
    own->tradeoff.costs = costs;
    own->tradeoff.n_costs = n_labels_of(own);
}

static bool weighs(const routing *own) {
    return own->request.tradeoff != NULL && own->decision->algorithm == MLSEL_ALGORITHM_KNN;
}

static mlsel_query_options query_options(const routing *own) {
    return (mlsel_query_options){.struct_size = sizeof(mlsel_query_options),
                                 .eligible_mask = mask_of(own),
                                 .eligible_mask_size = n_labels_of(own),
                                 .tradeoff = weighs(own) ? &own->tradeoff : NULL};
}

static mlsel_status compose(routing *own, uint32_t *flags, mlsel_error *err) {
    const mlsel_request *r = &own->request;
    const mlsel_model *model = own->decision->model;
    const uint32_t n = model->artifact->scalars.n_features;
    if (r->embedding_f64 != NULL)
        return mlsel_features_compose_f64(model, NULL, r->embedding_f64, r->n_embedding, r->category, features_of(own),
                                          n, flags, err);
    return mlsel_features_compose(model, NULL, r->embedding, r->n_embedding, r->category, features_of(own), n, flags,
                                  err);
}

mlsel_status mlsel_i_route_evidence(const routing *own, mlsel_evidence *evidence, mlsel_error *err) {
    const mlsel_query_options options = query_options(own);
    const mlsel_model *model = own->decision->model;
    const uint32_t n = model->artifact->scalars.n_features;
    if (own->request.embedding_f64 != NULL)
        return mlsel_explain_f64(model, features_of(own), n, &options, evidence, err);
    return mlsel_explain(model, features_of(own), n, &options, evidence, err);
}

static mlsel_status run_selector(const routing *own, mlsel_selection *out, mlsel_error *err) {
    const mlsel_model *model = own->decision->model;
    const uint32_t n = model->artifact->scalars.n_features;
    if (own->route.candidates != NULL && own->route.candidates_capacity > 0) {
        mlsel_evidence evidence = {
            .struct_size = sizeof evidence,
            .scores = scores_of(own),
            .scores_capacity = n_labels_of(own),
            .probabilities = probabilities_of(own),
            .probabilities_capacity = n_labels_of(own),
        };
        const mlsel_status status = mlsel_i_route_evidence(own, &evidence, err);
        *out = evidence.selection;
        return status;
    }
    const mlsel_query_options options = query_options(own);
    if (own->request.embedding_f64 != NULL)
        return mlsel_select_f64(model, features_of(own), n, &options, out, err);
    return mlsel_select(model, features_of(own), n, &options, out, err);
}

static mlsel_status score(routing *own, mlsel_selection *out, mlsel_error *err) {
    const mlsel_request *r = &own->request;
    uint32_t flags = 0;
    if (r->embedding == NULL && r->embedding_f64 == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "its selector scores candidates, but the request has no embedding");
    mlsel_status status = compose(own, &flags, err);
    if ((flags & MLSEL_CATEGORY_FELL_BACK) != 0)
        own->route.flags |= MLSEL_ROUTE_CATEGORY_FELL_BACK;
    if (status == MLSEL_OK)
        status = run_selector(own, out, err);
    own->scored = status == MLSEL_OK;
    return status;
}

/* An embedding of the wrong width or with a NaN would fail every time: it must not pass for an answer. Everything else,
 * and that there is no embedding at all, may be the weather. */
static bool is_tolerable(const routing *own, mlsel_status status) {
    if (own->router->options.strict != 0)
        return false;
    const bool is_given = own->request.embedding != NULL || own->request.embedding_f64 != NULL;
    return !is_given || (status != MLSEL_ERROR_DIMENSION && status != MLSEL_ERROR_NOT_FINITE &&
                         status != MLSEL_ERROR_INVALID_ARGUMENT);
}

static void say_decision(const routing *own, mlsel_error *err) {
    char prefix[128];
    (void)snprintf(prefix, sizeof prefix, "decision \"%.100s\": ", own->decision->name);
    mlsel_i_error_prefix(err, prefix);
}

/* Replaces an answer that is less probable than the configuration demands: by the default model if it may answer, which
 * is settled already where it is one of the candidates. */
static void distrust(routing *own) {
    const router_decision *decision = own->decision;
    const char *instead = own->state->default_model;
    bool is_candidate = false;
    own->route.flags |= MLSEL_ROUTE_LOW_CONFIDENCE;
    own->candidate = first_eligible(own);
    if (instead == NULL)
        return;
    for (uint32_t i = 0; i < decision->n_candidates; i++) {
        if (strcmp(decision->candidates[i].served, instead) != 0)
            continue;
        is_candidate = true;
        if (own->eligible[i]) {
            own->candidate = &decision->candidates[i];
            return;
        }
    }
    if (!is_candidate && may_answer(&own->request, instead, NULL))
        own->candidate = NULL;
}

static void take_selection(routing *own, const mlsel_selection *s) {
    const router_candidate *first = own->decision->candidates;
    mlsel_route *route = &own->route;
    route->algorithm = own->decision->algorithm;
    route->score = s->score;
    route->margin = s->margin;
    route->probability = s->probability;
    route->confidence = s->confidence;
    route->cluster = s->cluster;
    route->selection_flags = s->flags;
    own->candidate = first_with_label(own, s->index);
    if (s->runner_up >= 0)
        route->runner_up_index = (int32_t)(first_with_label(own, s->runner_up) - first);
    if (own->decision->model->device_fallback != 0)
        route->flags |= MLSEL_ROUTE_DEVICE_FALLBACK;
    const double asked = own->request.min_probability;
    const bool is_calibrated = (s->flags & MLSEL_SELECTION_CALIBRATED) != 0;
    if ((is_calibrated ? s->confidence : s->probability) < (asked > 0 ? asked : own->router->options.min_probability))
        distrust(own);
}

static mlsel_status choose_by_score(routing *own, mlsel_error *err) {
    mlsel_selection selection;
    if (!set_mask(own)) {
        own->route.flags |= MLSEL_ROUTE_UNKNOWN_MODELS;
        own->candidate = first_eligible(own);
        return MLSEL_OK;
    }
    if (weighs(own) && own->request.n_prices > 0)
        set_costs(own);
    const mlsel_status status = score(own, &selection, err);
    if (status == MLSEL_OK) {
        take_selection(own, &selection);
        return MLSEL_OK;
    }
    if (!is_tolerable(own, status)) {
        say_decision(own, err);
        return status;
    }
    own->route.flags |= MLSEL_ROUTE_SELECTOR_FAILED;
    own->route.selector_status = status;
    own->candidate = first_eligible(own);
    return MLSEL_OK;
}

/* --- the decision ------------------------------------------------------------------------------------------------ */

/* Chooses among the n_eligible candidates of the decision asked. */
static mlsel_status choose(routing *own, uint32_t n_eligible, mlsel_error *err) {
    const router_decision *decision = own->decision;
    if (n_eligible < decision->n_candidates)
        own->route.flags |= MLSEL_ROUTE_RESTRICTED;
    if (n_eligible > 1 && decision->model != NULL)
        return choose_by_score(own, err);
    own->candidate = first_eligible(own);
    own->route.flags |= n_eligible == 1      ? MLSEL_ROUTE_SINGLE
                        : decision->is_hosts ? MLSEL_ROUTE_HOST_ALGORITHM
                                             : MLSEL_ROUTE_NO_SELECTOR;
    return MLSEL_OK;
}

/* The same, and whether a trade-off had its part in it. */
static mlsel_status choose_and_note(routing *own, uint32_t n_eligible, mlsel_error *err) {
    const mlsel_status status = choose(own, n_eligible, err);
    if (own->request.tradeoff != NULL && n_eligible > 1 && (own->route.selection_flags & MLSEL_SELECTION_TRADEOFF) == 0)
        own->route.flags |= MLSEL_ROUTE_TRADEOFF_IGNORED;
    return status;
}

static mlsel_status no_candidate(const routing *own, mlsel_error *err) {
    if (own->decision == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE, "the request does not allow the default model \"%s\"",
                            own->state->default_model);
    return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE, "decision \"%s\": the request allows none of its %u models",
                        own->decision->name, (unsigned)own->decision->n_candidates);
}

static mlsel_status no_decision(const routing *own, mlsel_error *err) {
    const mlsel_request *r = &own->request;
    const char *category = r->category == NULL || r->category[0] == '\0' ? "other" : r->category;
    return mlsel_i_fail(err, MLSEL_ERROR_NO_DECISION,
                        "no decision matches category \"%s\" with %zu signal%s: add a decision without rules or a "
                        "default_model to the configuration",
                        category, r->n_signals, r->n_signals == 1 ? "" : "s");
}

static mlsel_status answer_by_default(routing *own, mlsel_error *err) {
    const router_state *state = own->state;
    const router_decision *blocked = own->decision;
    if (state->default_decision >= 0) {
        const uint32_t n = ask(own, &state->decisions[state->default_decision]);
        own->route.flags |= MLSEL_ROUTE_DEFAULT;
        return n > 0 ? choose_and_note(own, n, err) : no_candidate(own, err);
    }
    own->decision = NULL;
    if (state->default_model != NULL && may_answer(&own->request, state->default_model, NULL)) {
        own->route.flags |= MLSEL_ROUTE_DEFAULT;
        return MLSEL_OK;
    }
    if (blocked == NULL && state->default_model == NULL)
        return no_decision(own, err);
    own->decision = blocked;
    return no_candidate(own, err);
}

static mlsel_status answer(routing *own, mlsel_error *err) {
    const router_state *state = own->state;
    for (uint32_t i = 0; (i = mlsel_i_rules_next(state, i, own->signals)) < state->n_decisions; i++) {
        const uint32_t n = ask(own, &state->decisions[state->order[i]]);
        if (n > 0)
            return choose_and_note(own, n, err);
        if (own->router->options.allow_next_decision == 0)
            return no_candidate(own, err);
        own->route.flags |= MLSEL_ROUTE_NEXT_DECISION;
    }
    return answer_by_default(own, err);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static void describe_candidate(const routing *own, uint32_t index, mlsel_route_candidate *out) {
    const router_candidate *candidate = &own->decision->candidates[index];
    const bool is_known = (candidate->flags & MLSEL_CANDIDATE_KNOWN) != 0;
    *out = (mlsel_route_candidate){
        .model = candidate->model,
        .served = candidate->served,
        .score = own->scored && is_known ? scores_of(own)[candidate->label] : -INFINITY,
        .probability = own->scored && is_known && own->eligible[index] ? probabilities_of(own)[candidate->label] : 0,
        .label = candidate->label,
        .flags = candidate->flags,
    };
    if (own->eligible[index])
        out->flags |= MLSEL_CANDIDATE_ELIGIBLE;
    if (candidate == own->candidate)
        out->flags |= MLSEL_CANDIDATE_CHOSEN;
}

static void describe(routing *own) {
    mlsel_route *route = &own->route;
    const router_decision *decision = own->decision;
    const router_candidate *candidate = own->candidate;
    if (candidate != NULL) {
        route->model = candidate->model;
        route->lora = candidate->lora;
        route->served = candidate->served;
    } else {
        route->model = route->served = own->state->default_model;
    }
    if (decision == NULL)
        return;
    if (candidate != NULL)
        route->candidate_index = (int32_t)(candidate - decision->candidates);
    route->decision = decision->name;
    route->decision_index = decision->index;
    route->candidate_count = decision->n_candidates;
    for (uint32_t i = 0; route->candidates != NULL && i < decision->n_candidates && i < route->candidates_capacity; i++)
        describe_candidate(own, i, &route->candidates[i]);
}

mlsel_status mlsel_i_route_answer(routing *own, mlsel_error *err) {
    const mlsel_status status = answer(own, err);
    if (status == MLSEL_OK)
        describe(own);
    return status;
}

static void set_status(mlsel_route *route, mlsel_status status) {
    if (route->struct_size >= offsetof(mlsel_route, status) + sizeof route->status)
        route->status = status;
}

void mlsel_i_route_end(const routing *own, mlsel_status status, mlsel_route *route) {
    const uint32_t size = route->struct_size;
    if (status == MLSEL_OK)
        memcpy(route, &own->route, size < sizeof own->route ? size : sizeof own->route);
    route->struct_size = size;
    set_status(route, status);
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

/* Answers one request in a context. */
static mlsel_status route_one(const mlsel_router *router, const router_state *state, const router_context *context,
                              const mlsel_request *request, mlsel_route *route, mlsel_error *err) {
    routing own;
    const bool counts = router->metrics != NULL;
    const uint64_t start = counts ? mlsel_i_now_ns() : 0;
    mlsel_status status = mlsel_i_route_begin(&own, router, state, context, request, route, err);
    if (status != MLSEL_OK) {
        set_status(route, status);
        if (counts)
            mlsel_i_metrics_count(router, NULL, NULL, status, 0, mlsel_i_now_ns() - start);
        return status;
    }
    status = mlsel_i_route_answer(&own, err);
    mlsel_i_route_end(&own, status, route);
    if (counts)
        mlsel_i_metrics_count(router, own.decision, own.candidate, status, own.route.flags, mlsel_i_now_ns() - start);
    return status;
}

mlsel_status mlsel_router_route(const mlsel_router *router, const mlsel_request *request, mlsel_route *route,
                                mlsel_error *err) {
    router_state *state = NULL;
    if (router == NULL || request == NULL || route == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router, request and route must not be NULL");
    router_context *context = mlsel_i_context_enter(router, false, &state, err);
    if (context == NULL) {
        set_status(route, MLSEL_ERROR_NO_MEMORY);
        return MLSEL_ERROR_NO_MEMORY;
    }
    const mlsel_status status = route_one(router, state, context, request, route, err);
    mlsel_i_context_leave(router, context);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

static mlsel_status check_stride(const char *name, size_t size, size_t min, mlsel_error *err) {
    if (size >= min && size % sizeof(void *) == 0)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                        "%s[0].struct_size is %zu, which cannot be a step (use _init)", name, size);
}

mlsel_status mlsel_router_route_batch(const mlsel_router *router, const mlsel_request *requests, size_t count,
                                      mlsel_route *routes, mlsel_error *errors, mlsel_error *err) {
    router_state *state = NULL;
    mlsel_status first = MLSEL_OK;
    if (router == NULL || ((requests == NULL || routes == NULL) && count > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router, requests and routes must not be NULL");
    if (count == 0)
        return mlsel_i_ok(err);
    const size_t request_step = requests[0].struct_size, route_step = routes[0].struct_size;
    mlsel_status status = check_stride("requests", request_step, 8, err);
    if (status == MLSEL_OK)
        status = check_stride("routes", route_step, offsetof(mlsel_route, flags) + 4, err);
    if (status != MLSEL_OK)
        return status;
    router_context *context = mlsel_i_context_enter(router, false, &state, err);
    if (context == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const mlsel_request *request = (const void *)((const char *)requests + i * request_step);
        mlsel_route *route = (void *)((char *)routes + i * route_step);
        mlsel_error own;
        if (request->struct_size != request_step || route->struct_size != route_step)
            status = mlsel_i_fail(&own, MLSEL_ERROR_INVALID_ARGUMENT, "its struct_size is not that of the first");
        else
            status = route_one(router, state, context, request, route, &own);
        set_status(route, status);
        if (status == MLSEL_OK)
            mlsel_i_ok(&own);
        else if (first == MLSEL_OK)
            first = mlsel_i_fail_detail(err, status, own.detail, "request %zu: %s", i, own.message);
        if (errors != NULL)
            errors[i] = own;
    }
    mlsel_i_context_leave(router, context);
    return first == MLSEL_OK ? mlsel_i_ok(err) : first;
}
