/* SPDX-License-Identifier: Apache-2.0 */
/* The story of one request. */
#include <string.h>

#include "router/router.h"

void mlsel_route_explanation_init(mlsel_route_explanation *explanation, size_t size) {
    mlsel_i_options_init(explanation, size);
}

static void tell_rules(const routing *own, const router_decision *decision, const uint8_t *values,
                       mlsel_route_explanation *out) {
    for (uint32_t i = 0; i < decision->n_parts; i++, out->rule_count++) {
        if (out->rules == NULL || out->rule_count >= out->rules_capacity)
            continue;
        const rule_part *part = &own->state->parts[decision->first_part + i];
        out->rules[out->rule_count] = (mlsel_rule_result){
            .decision = decision->index,
            .kind = part->kind,
            .depth = part->depth,
            .holds = values[i],
            .type = part->type,
            .name = part->name,
        };
    }
}

static void tell_decisions(const routing *own, mlsel_route_explanation *out) {
    const router_state *state = own->state;
    uint8_t *values = (uint8_t *)own->scratch + state->scratch.values;
    out->decision_count = state->n_decisions;
    out->rule_count = 0;
    for (uint32_t i = 0; i < state->n_decisions; i++) {
        const router_decision *decision = &state->decisions[state->order[i]];
        mlsel_i_rules_values(state, decision, own->signals, values);
        tell_rules(own, decision, values, out);
        if (out->decisions == NULL || i >= out->decisions_capacity)
            continue;
        out->decisions[i] = (mlsel_decision_result){
            .name = decision->name,
            .index = decision->index,
            .priority = decision->priority,
            .matched = decision->n_parts == 0 || values[0],
            .answered = decision == own->decision,
            .n_rules = decision->n_parts,
        };
    }
}

static void tell_unused_signals(const routing *own, mlsel_route_explanation *out) {
    const mlsel_request *request = &own->request;
    out->unused_signal_count = 0;
    for (size_t i = 0; i < request->n_signals; i++) {
        const mlsel_signal *signal = &request->signals[i];
        const char *name = strcmp(signal->type, "domain") == 0 ? mlsel_i_config_domain(signal->name) : signal->name;
        if (mlsel_i_rules_find_signal(own->state, signal->type, name) >= 0)
            continue;
        if (out->unused_signals != NULL && out->unused_signal_count < out->unused_signals_capacity)
            out->unused_signals[out->unused_signal_count] = signal->name;
        out->unused_signal_count++;
    }
}

static mlsel_status explain(const mlsel_router *router, const router_state *state, const router_context *context,
                            const mlsel_request *request, mlsel_route *route, mlsel_route_explanation *out,
                            mlsel_error *err) {
    routing own;
    mlsel_status status = mlsel_i_route_begin(&own, router, state, context, request, route, err);
    if (status != MLSEL_OK) {
        mlsel_i_route_end(&own, status, route);
        return status;
    }
    status = mlsel_i_route_answer(&own, err);
    if (status == MLSEL_OK && own.scored && out->evidence != NULL)
        status = mlsel_i_route_evidence(&own, out->evidence, err);
    mlsel_i_route_end(&own, status, route);
    tell_decisions(&own, out);
    tell_unused_signals(&own, out);
    return status;
}

mlsel_status mlsel_router_explain(const mlsel_router *router, const mlsel_request *request, mlsel_route *route,
                                  mlsel_route_explanation *explanation, mlsel_error *err) {
    router_state *state = NULL;
    mlsel_route_explanation own = {0};
    if (router == NULL || request == NULL || route == NULL || explanation == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "router, request, route and explanation must not be NULL");
    mlsel_status status = mlsel_i_options_copy(&own, sizeof own, explanation, "mlsel_route_explanation", err);
    router_context *context = NULL;
    if (status == MLSEL_OK && (context = mlsel_i_context_enter(router, false, &state, err)) == NULL)
        status = MLSEL_ERROR_NO_MEMORY;
    if (status != MLSEL_OK) {
        mlsel_i_route_end(NULL, status, route);
        return status;
    }
    status = explain(router, state, context, request, route, &own, err);
    mlsel_i_context_leave(router, context);
    const uint32_t size = explanation->struct_size;
    memcpy(explanation, &own, size < sizeof own ? size : sizeof own);
    explanation->struct_size = size;
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
