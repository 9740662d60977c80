/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration to a state that answers: artifacts loaded, names interned, rules compiled. */
#include <stdio.h>
#include <string.h>

#include "config/root.h"
#include "model.h"
#include "router/router.h"

typedef struct builder {
    mlsel_router *router;
    const config *config;
    config_diagnostics *findings;
    router_state *state;
    mlsel_model **loaded; /* [n_artifacts] one model of each artifact that is loaded; borrowed from a decision */
    mlsel_error *err;
} builder;

void mlsel_i_state_free(router_state *state) {
    if (state == NULL)
        return;
    for (uint32_t i = 0; i < state->n_decisions && state->decisions != NULL; i++) {
        mlsel_model_release(state->decisions[i].model);
        mlsel_i_free(state->decisions[i].candidates);
    }
    mlsel_i_free(state->decisions);
    mlsel_i_free(state->order);
    mlsel_i_free(state->first_tests);
    mlsel_i_free(state->tests);
    mlsel_i_free(state->parts);
    mlsel_i_free(state->signals);
    mlsel_i_free(state->signal_slots);
    mlsel_i_free(state);
}

static mlsel_status intern(const builder *b, const char *text, const char **out) {
    return mlsel_i_names_add(&b->router->names, text, out, b->err);
}

/* --- selectors --------------------------------------------------------------------------------------------------- */

static mlsel_model_options model_options(const builder *b, const config_decision *from) {
    const mlsel_router_options *options = &b->router->options;
    return (mlsel_model_options){
        .struct_size = sizeof(mlsel_model_options),
        .knn_rule = options->knn_rule,
        .k = from->k,
        .device = options->device != NULL ? options->device : from->device,
        .allow_device_fallback = options->allow_device_fallback,
        .category_layout = options->category_layout,
        .max_bytes = options->max_artifact_bytes,
    };
}

static bool is_same(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

/* The model of an earlier decision with the same artifact and parameters, or NULL. */
static mlsel_model *find_equal(const builder *b, uint32_t index) {
    const config_decision *wanted = &b->config->decisions[index];
    for (uint32_t i = 0; i < index; i++) {
        const config_decision *other = &b->config->decisions[i];
        if (other->artifact == wanted->artifact && other->k == wanted->k && is_same(other->device, wanted->device))
            return b->state->decisions[i].model;
    }
    return NULL;
}

/* Puts the place in the file, and which decision it is about, in front of a message about loading. */
static void say_where(const builder *b, const config_decision *from, mlsel_status status) {
    char where[256];
    const config_span at =
        status == MLSEL_ERROR_DEVICE && from->own.device.text != NULL && b->router->options.device == NULL
            ? from->own.device.span
            : b->config->artifacts[from->artifact].span;
    if (b->err == NULL || status == MLSEL_ERROR_NO_MEMORY)
        return;
    if (status == MLSEL_ERROR_DEVICE)
        (void)mlsel_i_fail(b->err, status, "%s: allow the fallback to the cpu, or configure another device",
                           b->err->message);
    (void)snprintf(where, sizeof where, "decision \"%.80s\": ", from->name.text);
    mlsel_i_error_prefix(b->err, where);
    if (at.line > 0) {
        (void)snprintf(where, sizeof where, "%u:%u: ", (unsigned)at.line, (unsigned)at.column);
        mlsel_i_error_prefix(b->err, where);
    }
    if (at.line > 0 || b->config->file_name != NULL) {
        mlsel_i_error_prefix(b->err, ":");
        mlsel_i_error_prefix(b->err, b->config->file_name == NULL ? "configuration" : b->config->file_name);
    }
}

static mlsel_status load_selector(const builder *b, uint32_t index) {
    const config_decision *from = &b->config->decisions[index];
    router_decision *decision = &b->state->decisions[index];
    if (from->artifact < 0)
        return MLSEL_OK;
    mlsel_model *equal = find_equal(b, index), **loaded = &b->loaded[from->artifact];
    const mlsel_model_options options = model_options(b, from);
    mlsel_status status = MLSEL_OK;
    if (equal != NULL)
        decision->model = mlsel_model_retain(equal);
    else if (*loaded != NULL)
        status = mlsel_i_model_view(*loaded, &options, &decision->model, b->err);
    else
        status = mlsel_i_config_load(b->config->artifacts[from->artifact].path, b->router->options.models_root,
                                     &options, &decision->model, b->err);
    if (status != MLSEL_OK) {
        say_where(b, from, status);
        return status;
    }
    *loaded = decision->model;
    decision->algorithm = decision->model->artifact->scalars.algorithm;
    if (equal == NULL) {
        b->state->n_models++;
        b->state->memory_bytes +=
            decision->model->artifact->memory_bytes + decision->model->engine->prepared.memory_bytes;
    }
    return mlsel_i_config_check_model(b->config, from, decision->model, b->findings, b->err);
}

/* --- decisions --------------------------------------------------------------------------------------------------- */

static mlsel_status add_candidates(const builder *b, const config_decision *from, router_decision *decision) {
    decision->candidates = mlsel_i_calloc(from->n_refs, sizeof *decision->candidates);
    if (decision->candidates == NULL)
        return mlsel_i_no_memory(b->err);
    decision->n_candidates = (uint32_t)from->n_refs;
    for (uint32_t i = 0; i < decision->n_candidates; i++) {
        const config_ref *ref = &from->refs[i];
        router_candidate *candidate = &decision->candidates[i];
        mlsel_status status = intern(b, ref->model.text, &candidate->model);
        if (status == MLSEL_OK)
            status = intern(b, ref->lora_name.text, &candidate->lora);
        if (status == MLSEL_OK)
            status = intern(b, ref->served, &candidate->served);
        if (status != MLSEL_OK)
            return status;
        candidate->label = decision->model == NULL ? -1 : mlsel_i_config_ref_label(ref, decision->model);
        if (candidate->label < 0 || !decision->model->choosable[candidate->label])
            continue;
        candidate->flags = MLSEL_CANDIDATE_KNOWN;
        for (uint32_t j = 0; j < i; j++)
            if (decision->candidates[j].label == candidate->label)
                candidate->flags |= MLSEL_CANDIDATE_SHADOWED;
    }
    return MLSEL_OK;
}

static mlsel_status add_decision(const builder *b, uint32_t index) {
    const config_decision *from = &b->config->decisions[index];
    router_decision *decision = &b->state->decisions[index];
    decision->index = (int32_t)index;
    decision->priority = from->priority;
    decision->is_hosts = from->algorithm == CONFIG_ALGORITHM_HOST;
    mlsel_status status = load_selector(b, index);
    if (status == MLSEL_OK)
        status = intern(b, from->name.text, &decision->name);
    if (status == MLSEL_OK)
        status = intern(b, from->description.text == NULL ? "" : from->description.text, &decision->description);
    if (status == MLSEL_OK)
        status = intern(b, from->algorithm_name.text, &decision->algorithm_name);
    if (status == MLSEL_OK && from->artifact >= 0)
        status = intern(b, b->config->artifacts[from->artifact].path, &decision->artifact);
    if (status == MLSEL_OK)
        status = add_candidates(b, from, decision);
    if (status == MLSEL_OK)
        mlsel_i_rules_compile(b->state, from->rules, decision);
    return status;
}

static mlsel_status add_signals(const builder *b) {
    for (uint32_t i = 0; i < b->state->n_signals; i++) {
        mlsel_status status = intern(b, b->config->signals[i].type, &b->state->signals[i].type);
        if (status == MLSEL_OK)
            status = intern(b, b->config->signals[i].name, &b->state->signals[i].name);
        if (status != MLSEL_OK)
            return status;
    }
    mlsel_i_rules_fill_slots(b->state);
    return MLSEL_OK;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

static mlsel_status allocate(const builder *b) {
    const config *c = b->config;
    router_state *state = b->state;
    uint32_t n_tests = 0, n_parts = 0;
    for (size_t i = 0; i < c->n_decisions; i++)
        mlsel_i_rules_count(c->decisions[i].rules, &n_tests, &n_parts);
    state->n_signals = (uint32_t)c->n_signals;
    state->n_signal_slots = 16;
    while (state->n_signal_slots < 2 * state->n_signals)
        state->n_signal_slots *= 2;
    state->decisions = mlsel_i_calloc(c->n_decisions, sizeof *state->decisions);
    state->n_decisions = (uint32_t)c->n_decisions;
    state->order = mlsel_i_alloc(c->n_decisions, sizeof *state->order);
    state->first_tests = mlsel_i_alloc(c->n_decisions, sizeof *state->first_tests);
    state->tests = mlsel_i_alloc(n_tests, sizeof *state->tests);
    state->parts = mlsel_i_alloc(n_parts, sizeof *state->parts);
    state->signals = mlsel_i_alloc(c->n_signals, sizeof *state->signals);
    state->signal_slots = mlsel_i_calloc(state->n_signal_slots, sizeof *state->signal_slots);
    if (state->decisions == NULL || state->order == NULL || state->first_tests == NULL || state->tests == NULL ||
        state->parts == NULL || state->signals == NULL || state->signal_slots == NULL)
        return mlsel_i_no_memory(b->err);
    for (size_t i = 0; i < c->n_decisions; i++)
        state->order[i] = c->order[i];
    return MLSEL_OK;
}

static size_t reserve(size_t *end, size_t count, size_t size) {
    const size_t at = *end;
    *end += (count * size + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    return at;
}

static void lay_out(router_state *state) {
    size_t n_features = 0, n_labels = 0, n_parts = 0;
    for (uint32_t i = 0; i < state->n_decisions; i++) {
        const router_decision *d = &state->decisions[i];
        n_parts = d->n_parts > n_parts ? d->n_parts : n_parts;
        state->max_candidates = d->n_candidates > state->max_candidates ? d->n_candidates : state->max_candidates;
        if (d->model == NULL)
            continue;
        const artifact_scalars *scalars = &d->model->artifact->scalars;
        n_features = scalars->n_features > n_features ? scalars->n_features : n_features;
        n_labels = scalars->n_labels > n_labels ? scalars->n_labels : n_labels;
    }
    scratch_layout *l = &state->scratch;
    l->signals = reserve(&l->end, (state->n_signals + 63) / 64, sizeof(uint64_t));
    l->features = reserve(&l->end, n_features, sizeof(double));
    l->scores = reserve(&l->end, n_labels, sizeof(double));
    l->probabilities = reserve(&l->end, n_labels, sizeof(double));
    l->costs = reserve(&l->end, n_labels, sizeof(double));
    l->mask = reserve(&l->end, n_labels, 1);
    l->eligible = reserve(&l->end, state->max_candidates, 1);
    l->values = reserve(&l->end, n_parts, 1);
    reserve(&l->end, 1, 1); /* so that there is always something */
}

static mlsel_status fill(const builder *b) {
    const config *c = b->config;
    router_state *state = b->state;
    mlsel_status status = allocate(b);
    if (status == MLSEL_OK)
        status = add_signals(b);
    for (uint32_t i = 0; i < state->n_decisions && status == MLSEL_OK; i++)
        status = add_decision(b, i);
    for (uint32_t i = 0; i < state->n_decisions && status == MLSEL_OK; i++)
        state->first_tests[i] = state->decisions[state->order[i]].first_test;
    if (status == MLSEL_OK)
        status = intern(b, c->default_model.text, &state->default_model);
    if (status == MLSEL_OK)
        status = intern(b, c->file_name, &state->path);
    if (status != MLSEL_OK)
        return status;
    state->default_decision = c->default_decision_index;
    state->enabled = c->enabled;
    state->dialect = mlsel_i_config_dialect_name(c->dialect);
    state->n_warnings = (uint32_t)b->findings->n_warnings;
    state->name_bytes = b->router->names.bytes;
    lay_out(state);
    for (uint32_t i = 0; i < state->n_decisions && b->router->metrics != NULL && status == MLSEL_OK; i++)
        status = mlsel_i_metrics_attach(b->router, &state->decisions[i], b->err);
    return status;
}

/* What the reader and the checks found, as far as it stands in the way. */
static mlsel_status judge(const mlsel_router *router, const config_diagnostics *findings, const char *file_name,
                          mlsel_error *err) {
    if (findings->n_errors > 0)
        return mlsel_i_config_diagnostics_fail(findings, file_name, err);
    for (size_t i = 0; i < findings->count && router->options.warnings_are_errors != 0; i++) {
        const config_diagnostic *found = &findings->items[i];
        if (found->severity == CONFIG_WARNING)
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s:%u:%u: %s [%s] (warnings are errors)",
                                file_name == NULL ? "configuration" : file_name, (unsigned)found->span.line,
                                (unsigned)found->span.column, found->message, found->code);
    }
    return MLSEL_OK;
}

static mlsel_status build(builder *b, router_state **out) {
    const size_t n_artifacts = b->config->n_artifacts;
    b->state = mlsel_i_calloc(1, sizeof *b->state);
    b->loaded = mlsel_i_calloc(n_artifacts, sizeof(mlsel_model *));
    mlsel_status status = b->state == NULL || b->loaded == NULL ? mlsel_i_no_memory(b->err) : fill(b);
    if (status == MLSEL_OK)
        status = judge(b->router, b->findings, b->config->file_name, b->err);
    if (status == MLSEL_OK)
        *out = b->state;
    else
        mlsel_i_state_free(b->state);
    mlsel_i_free(b->loaded);
    return status;
}

mlsel_status mlsel_i_state_build(mlsel_router *router, const char *text, size_t size, const char *file_name,
                                 router_state **out, mlsel_error *err) {
    config *c = NULL;
    config_diagnostics findings = {0};
    const config_options options = {.folder = router->options.base_dir,
                                    .models_dir = router->options.models_dir,
                                    .max_bytes = router->options.max_config_bytes};
    mlsel_status status = mlsel_i_config_read(text, size, file_name, &options, &c, &findings, err);
    if (status == MLSEL_OK)
        status = judge(router, &findings, file_name, err);
    if (status == MLSEL_OK) {
        builder b = {.router = router, .config = c, .findings = &findings, .err = err};
        status = build(&b, out);
    }
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&findings);
    return status;
}
