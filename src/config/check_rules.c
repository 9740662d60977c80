/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions that can never answer. Whether there is a request for which some rules hold and others do not is a question
 * of satisfiability: signals are tried true and false, rules are evaluated in three values. Real configurations need a
 * handful of steps; for others there is a budget, after which the question stays open and nothing is reported.
 */
#include <string.h>

#include "config/read.h"

enum { BUDGET = 20 * 1000 * 1000, MAX_DEPTH = 512 };

typedef enum truth { FALSE = 0, TRUE = 1, OPEN = 2 } truth;

/* A rule that is to hold, or not to hold. A NULL rule always holds. */
typedef struct demand {
    const config_rule *rule;
    bool holds;
} demand;

typedef struct solver {
    const config *c;
    unsigned char *values; /* truth of each signal */
    size_t n_domains;      /* domains that are true */
    bool one_domain;       /* not more than one may be */
    demand *demands;
    size_t n_demands;
    size_t budget; /* rules still to be looked at */
} solver;

/* `open` is what an open signal counts as. */
static truth evaluate(solver *s, const config_rule *rule, truth open) {
    if (rule == NULL)
        return TRUE;
    s->budget -= s->budget > 0;
    if (rule->kind == CONFIG_RULE_CONDITION)
        return s->values[rule->signal] == OPEN ? open : (truth)s->values[rule->signal];
    if (rule->kind == CONFIG_RULE_NOT) {
        const truth inner = evaluate(s, &rule->children[0], open);
        return inner == OPEN ? OPEN : inner == TRUE ? FALSE : TRUE;
    }
    const truth decides = rule->kind == CONFIG_RULE_AND ? FALSE : TRUE;
    truth result = rule->kind == CONFIG_RULE_AND ? TRUE : FALSE;
    for (size_t i = 0; i < rule->n_children; i++) {
        const truth value = evaluate(s, &rule->children[i], open);
        if (value == decides)
            return decides;
        if (value == OPEN)
            result = OPEN;
    }
    return result;
}

/* A condition whose signal is open, in a rule that is. */
static const config_rule *find_open(solver *s, const config_rule *rule) {
    if (rule->kind == CONFIG_RULE_CONDITION)
        return s->values[rule->signal] == OPEN ? rule : NULL;
    for (size_t i = 0; i < rule->n_children; i++)
        if (evaluate(s, &rule->children[i], OPEN) == OPEN)
            return find_open(s, &rule->children[i]);
    return NULL;
}

static bool all_met(solver *s, truth open, const demand **unmet) {
    for (size_t i = 0; i < s->n_demands; i++)
        if (evaluate(s, s->demands[i].rule, open) != (truth)s->demands[i].holds) {
            *unmet = &s->demands[i];
            return false;
        }
    return true;
}

static bool is_satisfiable(solver *s, size_t depth);

static bool try_value(solver *s, uint32_t signal, truth value, size_t depth) {
    const bool is_domain = value == TRUE && strcmp(s->c->signals[signal].type, "domain") == 0;
    if (is_domain && s->one_domain && s->n_domains > 0)
        return false;
    s->values[signal] = (unsigned char)value;
    s->n_domains += is_domain;
    const bool found = is_satisfiable(s, depth + 1);
    s->n_domains -= is_domain;
    s->values[signal] = OPEN;
    return found;
}

/* True also when the budget is used up. */
static bool is_satisfiable(solver *s, size_t depth) {
    const demand *unmet = NULL;
    if (s->budget == 0 || depth > MAX_DEPTH || all_met(s, FALSE, &unmet))
        return true;
    /* no signal more does not do: take one that matters to a demand which is open; give up where one cannot be met */
    const demand *chosen = NULL;
    for (size_t i = 0; i < s->n_demands; i++) {
        const truth value = evaluate(s, s->demands[i].rule, OPEN);
        if (value != OPEN && value != (truth)s->demands[i].holds)
            return false;
        if (value == OPEN && chosen == NULL)
            chosen = &s->demands[i];
    }
    const config_rule *const open = chosen == NULL ? NULL : find_open(s, chosen->rule);
    if (open == NULL)
        return true;
    const truth first = chosen->holds ? TRUE : FALSE;
    return try_value(s, open->signal, first, depth) || try_value(s, open->signal, first == TRUE ? FALSE : TRUE, depth);
}

/* Whether for some request rule `yes` holds and `no` does not. */
static bool can_hold(solver *s, const config_rule *yes, const config_rule *no) {
    s->demands[0] = (demand){yes, true};
    s->demands[1] = (demand){no, false};
    s->n_demands = 2;
    return is_satisfiable(s, 0);
}

/* --- findings ---------------------------------------------------------------------------------------------------- */

static bool check_alone(config_builder *b, solver *s, const config_decision *d) {
    quoted q;
    if (d->rules == NULL)
        return true;
    s->demands[0] = (demand){d->rules, true};
    s->n_demands = 1;
    const bool possible = is_satisfiable(s, 0);
    s->one_domain = possible;
    if (!possible)
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "never-matches", d->rules->span, NULL,
                         "decision %s can never match: no signals make its rules hold",
                         mlsel_i_quote(&q, d->name.text));
    else if (!is_satisfiable(s, 0))
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "two-domains", d->rules->span, "join the domains with OR",
                         "decision %s needs two domains at once, and a request has one category",
                         mlsel_i_quote(&q, d->name.text));
    s->one_domain = false;
    return possible;
}

static void report_shadowed(config_builder *b, solver *s, const config_decision *d, const config_decision *by) {
    quoted q, p;
    if (strcmp(d->name.text, by->name.text) == 0)
        return; /* reported as such */
    if (!can_hold(s, by->rules, d->rules))
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "same-rules", d->span,
                         "remove one, or tell them apart by rules",
                         "decision %s cannot be told apart from %s on line %u: they match the same requests, and the "
                         "latter always answers",
                         mlsel_i_quote(&q, d->name.text), mlsel_i_quote(&p, by->name.text), (unsigned)by->span.line);
    else
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "shadowed", d->span,
                         "give it a higher priority than the other",
                         "decision %s never answers: whenever it matches, %s on line %u does too and comes first",
                         mlsel_i_quote(&q, d->name.text), mlsel_i_quote(&p, by->name.text), (unsigned)by->span.line);
}

/* Whether a decision answers any request that none of those before it matches. */
static void check_behind(config_builder *b, solver *s, const config_decision *d, const config_decision **before,
                         size_t n_before) {
    quoted q;
    s->demands[0] = (demand){d->rules, true};
    for (size_t i = 0; i < n_before; i++)
        s->demands[i + 1] = (demand){before[i]->rules, false};
    s->n_demands = n_before + 1;
    if (n_before == 0 || is_satisfiable(s, 0))
        return;
    for (size_t i = 0; i < n_before; i++)
        if (!can_hold(s, d->rules, before[i]->rules)) {
            report_shadowed(b, s, d, before[i]);
            return;
        }
    mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "shadowed", d->span, "give it a higher priority",
                     "decision %s never answers: whenever it matches, one that comes first does too",
                     mlsel_i_quote(&q, d->name.text));
}

void mlsel_i_config_check_rules(config_builder *b) {
    const config *const c = b->out;
    config_arena *const arena = b->reader.arena;
    solver s = {.c = c, .budget = BUDGET};
    s.values = mlsel_i_arena_alloc(arena, c->n_signals, 1);
    s.demands = mlsel_i_arena_alloc(arena, c->n_decisions + 2, sizeof *s.demands);
    const config_decision **before = mlsel_i_arena_alloc(arena, c->n_decisions, sizeof(config_decision *));
    if (s.values == NULL || s.demands == NULL || before == NULL) {
        b->no_memory = true;
        return;
    }
    memset(s.values, OPEN, c->n_signals);
    size_t n_before = 0;
    for (size_t i = 0; i < c->n_decisions && s.budget > 0; i++) {
        const config_decision *const d = &c->decisions[c->order[i]];
        if (b->broken[c->order[i]] || !check_alone(b, &s, d))
            continue;
        check_behind(b, &s, d, before, n_before);
        before[n_before++] = d;
    }
}
