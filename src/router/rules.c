/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules. A request's signals become bits, one for each distinct pair that the configuration asks for. A rule tree
 * becomes tests of single bits, each of which names its successor for either outcome.
 */
#include <string.h>

#include "router/router.h"

/* --- signals ----------------------------------------------------------------------------------------------------- */

static const char *const domain = "domain";

static size_t signal_slot(const router_state *state, const char *type, const char *name) {
    const uint64_t hash = mlsel_i_hash_text(mlsel_i_hash_text(MLSEL_HASH_START, type), name);
    return (size_t)(hash ^ hash >> 32) & (state->n_signal_slots - 1);
}

int32_t mlsel_i_rules_find_signal(const router_state *state, const char *type, const char *name) {
    for (size_t slot = signal_slot(state, type, name); state->signal_slots[slot] != 0;
         slot = (slot + 1) & (state->n_signal_slots - 1)) {
        const uint32_t index = state->signal_slots[slot] - 1;
        if (strcmp(state->signals[index].name, name) == 0 && strcmp(state->signals[index].type, type) == 0)
            return (int32_t)index;
    }
    return -1;
}

void mlsel_i_rules_fill_slots(router_state *state) {
    for (uint32_t i = 0; i < state->n_signals; i++) {
        size_t slot = signal_slot(state, state->signals[i].type, state->signals[i].name);
        while (state->signal_slots[slot] != 0)
            slot = (slot + 1) & (state->n_signal_slots - 1);
        state->signal_slots[slot] = i + 1;
    }
}

static void set_signal(const router_state *state, const char *type, const char *name, uint64_t *signals) {
    const bool is_domain = strcmp(type, domain) == 0;
    const int32_t index = mlsel_i_rules_find_signal(state, type, is_domain ? mlsel_i_config_domain(name) : name);
    if (index >= 0)
        signals[index / 64] |= (uint64_t)1 << index % 64;
}

void mlsel_i_rules_read_signals(const router_state *state, const mlsel_request *request, uint64_t *signals) {
    memset(signals, 0, (state->n_signals + 63) / 64 * sizeof *signals);
    set_signal(state, domain, request->category == NULL ? "" : request->category, signals);
    for (size_t i = 0; i < request->n_signals; i++)
        set_signal(state, request->signals[i].type, request->signals[i].name, signals);
}

static bool has_signal(const uint64_t *signals, uint32_t index) { return (signals[index / 64] >> index % 64 & 1) != 0; }

/* --- compiling --------------------------------------------------------------------------------------------------- */

/* The reader of configurations limits how deep rules are nested, so recursion is safe here. */
void mlsel_i_rules_count(const config_rule *rule, uint32_t *n_tests, uint32_t *n_parts) {
    if (rule == NULL)
        return;
    ++*n_parts;
    if (rule->kind == CONFIG_RULE_CONDITION)
        ++*n_tests;
    for (size_t i = 0; i < rule->n_children; i++)
        mlsel_i_rules_count(&rule->children[i], n_tests, n_parts);
}

/* Emits the tests of a rule and returns the first of them, or where to go if there is none. The last part is emitted
 * first, because a part has to know where its successor begins. */
static uint32_t emit_tests(router_state *state, const config_rule *rule, uint32_t if_true, uint32_t if_false) {
    uint32_t next = rule->kind == CONFIG_RULE_AND ? if_true : if_false;
    switch (rule->kind) {
    case CONFIG_RULE_AND:
        for (size_t i = rule->n_children; i-- > 0;)
            next = emit_tests(state, &rule->children[i], next, if_false);
        return next;
    case CONFIG_RULE_OR:
        for (size_t i = rule->n_children; i-- > 0;)
            next = emit_tests(state, &rule->children[i], if_true, next);
        return next;
    case CONFIG_RULE_NOT:
        return rule->n_children == 0 ? if_true : emit_tests(state, &rule->children[0], if_false, if_true);
    default:
        state->tests[state->n_tests] = (rule_test){rule->signal, if_true, if_false};
        return state->n_tests++;
    }
}

static mlsel_rule_kind kind_of(config_rule_kind kind) {
    switch (kind) {
    case CONFIG_RULE_AND:
        return MLSEL_RULE_AND;
    case CONFIG_RULE_OR:
        return MLSEL_RULE_OR;
    case CONFIG_RULE_NOT:
        return MLSEL_RULE_NOT;
    default:
        return MLSEL_RULE_CONDITION;
    }
}

static void emit_parts(router_state *state, const config_rule *rule, uint32_t first, uint32_t parent, uint32_t depth) {
    const uint32_t own = state->n_parts - first;
    rule_part *part = &state->parts[state->n_parts++];
    *part = (rule_part){.kind = kind_of(rule->kind), .depth = depth, .parent = depth == 0 ? own : parent};
    if (rule->kind == CONFIG_RULE_CONDITION) {
        part->signal = rule->signal;
        part->type = state->signals[rule->signal].type;
        part->name = state->signals[rule->signal].name;
    }
    for (size_t i = 0; i < rule->n_children; i++)
        emit_parts(state, &rule->children[i], first, own, depth + 1);
}

void mlsel_i_rules_compile(router_state *state, const config_rule *rule, router_decision *decision) {
    decision->first_part = state->n_parts;
    decision->first_test = RULE_ACCEPT;
    if (rule == NULL)
        return;
    decision->first_test = emit_tests(state, rule, RULE_ACCEPT, RULE_REJECT);
    emit_parts(state, rule, state->n_parts, 0, 0);
    decision->n_parts = state->n_parts - decision->first_part;
}

/* --- evaluating -------------------------------------------------------------------------------------------------- */

uint32_t mlsel_i_rules_next(const router_state *state, uint32_t from, const uint64_t *signals) {
    const rule_test *tests = state->tests;
    const uint32_t *first_tests = state->first_tests;
    uint32_t i = from;
    for (const uint32_t end = state->n_decisions; i < end; i++) {
        uint32_t at = first_tests[i];
        while (at < RULE_REJECT) {
            const rule_test *test = &tests[at];
            at = has_signal(signals, test->signal) ? test->if_present : test->if_absent;
        }
        if (at == RULE_ACCEPT)
            break;
    }
    return i;
}

void mlsel_i_rules_values(const router_state *state, const router_decision *decision, const uint64_t *signals,
                          uint8_t *values) {
    const rule_part *parts = state->parts + decision->first_part;
    for (uint32_t i = 0; i < decision->n_parts; i++)
        values[i] = parts[i].kind == MLSEL_RULE_AND || parts[i].kind == MLSEL_RULE_NOT;
    /* parts come after their whole: from the end each value is complete when it is handed up */
    for (uint32_t i = decision->n_parts; i-- > 0;) {
        if (parts[i].kind == MLSEL_RULE_CONDITION)
            values[i] = has_signal(signals, parts[i].signal);
        if (i == 0)
            break;
        uint8_t *whole = &values[parts[i].parent];
        switch (parts[parts[i].parent].kind) {
        case MLSEL_RULE_AND:
            *whole = *whole && values[i];
            break;
        case MLSEL_RULE_OR:
            *whole = *whole || values[i];
            break;
        default:
            *whole = !values[i];
            break;
        }
    }
}

const char *mlsel_rule_kind_name(mlsel_rule_kind kind) {
    static const char *const names[] = {"unknown", "AND", "OR", "NOT", "condition"};
    return kind >= MLSEL_RULE_AND && kind <= MLSEL_RULE_CONDITION ? names[kind] : names[0];
}
