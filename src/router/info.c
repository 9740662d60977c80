/* SPDX-License-Identifier: Apache-2.0 */
/* What a router has configured, for hosts to list. */
#include <string.h>

#include "model.h"
#include "router/router.h"

mlsel_status mlsel_i_state_check(const router_state *state, uint32_t index, mlsel_error *err) {
    if (index < state->n_decisions)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND, "there is no decision %u, the configuration has %u",
                        (unsigned)index, (unsigned)state->n_decisions);
}

mlsel_status mlsel_i_state_check_candidate(const router_state *state, uint32_t decision, uint32_t index,
                                           mlsel_error *err) {
    const mlsel_status status = mlsel_i_state_check(state, decision, err);
    if (status != MLSEL_OK || index < state->decisions[decision].n_candidates)
        return status;
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND, "decision \"%s\" has no candidate %u, it has %u",
                        state->decisions[decision].name, (unsigned)index,
                        (unsigned)state->decisions[decision].n_candidates);
}

static mlsel_status enter(const mlsel_router *router, const void *out, router_context **context, router_state **state,
                          mlsel_error *err) {
    if (router == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "router and out must not be NULL");
    *context = mlsel_i_context_enter(router, true, state, err);
    return *context == NULL ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK;
}

mlsel_status mlsel_router_get_info(const mlsel_router *router, mlsel_router_info *out, size_t size, mlsel_error *err) {
    router_context *context = NULL;
    router_state *state = NULL;
    const mlsel_status status = enter(router, out, &context, &state, err);
    if (status != MLSEL_OK)
        return status;
    const mlsel_router_info own = {
        .n_decisions = state->n_decisions,
        .generation = state->generation,
        .n_models = state->n_models,
        .n_rules = state->n_parts,
        .max_candidates = state->max_candidates,
        .enabled = state->enabled,
        .dialect = state->dialect,
        .path = state->path,
        .default_model = state->default_model,
        .default_decision = state->default_decision,
        .n_warnings = state->n_warnings,
        .memory_bytes = state->memory_bytes,
        .name_bytes = state->name_bytes,
    };
    mlsel_i_context_leave(router, context);
    return mlsel_i_info_copy(out, size, &own, sizeof own, err);
}

mlsel_status mlsel_router_get_decision(const mlsel_router *router, uint32_t index, mlsel_router_decision *out,
                                       size_t size, mlsel_error *err) {
    router_context *context = NULL;
    router_state *state = NULL;
    mlsel_router_decision own = {0};
    mlsel_status status = enter(router, out, &context, &state, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_state_check(state, index, err);
    if (status == MLSEL_OK) {
        const router_decision *decision = &state->decisions[index];
        own = (mlsel_router_decision){
            .priority = decision->priority,
            .generation = state->generation,
            .name = decision->name,
            .description = decision->description,
            .algorithm_name = decision->algorithm_name,
            .artifact = decision->artifact,
            .algorithm = decision->algorithm,
            .n_candidates = decision->n_candidates,
            .n_rules = decision->n_parts,
        };
        if (decision->model != NULL) {
            own.k = decision->model->k;
            memcpy(own.device, decision->model->device, sizeof own.device);
            own.device_fallback = decision->model->device_fallback;
        }
    }
    mlsel_i_context_leave(router, context);
    return status == MLSEL_OK ? mlsel_i_info_copy(out, size, &own, sizeof own, err) : status;
}

mlsel_status mlsel_router_get_candidate(const mlsel_router *router, uint32_t decision, uint32_t index,
                                        mlsel_router_candidate *out, size_t size, mlsel_error *err) {
    router_context *context = NULL;
    router_state *state = NULL;
    mlsel_router_candidate own = {0};
    mlsel_status status = enter(router, out, &context, &state, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_state_check_candidate(state, decision, index, err);
    if (status == MLSEL_OK) {
        const router_candidate *candidate = &state->decisions[decision].candidates[index];
        own = (mlsel_router_candidate){
            .label = candidate->label,
            .generation = state->generation,
            .model = candidate->model,
            .lora = candidate->lora,
            .served = candidate->served,
            .flags = candidate->flags,
        };
    }
    mlsel_i_context_leave(router, context);
    return status == MLSEL_OK ? mlsel_i_info_copy(out, size, &own, sizeof own, err) : status;
}

mlsel_status mlsel_router_get_model(const mlsel_router *router, uint32_t index, mlsel_model **out, mlsel_error *err) {
    router_context *context = NULL;
    router_state *state = NULL;
    mlsel_status status = enter(router, out, &context, &state, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_state_check(state, index, err);
    if (status == MLSEL_OK)
        *out = mlsel_model_retain(state->decisions[index].model);
    mlsel_i_context_leave(router, context);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
