/* SPDX-License-Identifier: Apache-2.0 */
/* `mlsel explain --config`: the whole story of a request, from the rules to the rows that voted. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "explain.h"
#include "router_run.h"
#include "table.h"
#include "text.h"

enum { TITLE_WIDTH = 88, INDENT = 4 };

/* What the library tells, with room for it. */
typedef struct story {
    mlsel_route route;
    mlsel_route_explanation told;
    mlsel_error err;
    run_model model; /* the selector; model.model is NULL where nothing was scored */
    explanation evidence;
} story;

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void allocate(story *s, const router_run *r) {
    mlsel_router_info info = {0};
    (void)mlsel_router_get_info(r->router, &info, sizeof info, NULL);
    *s = (story){0};
    mlsel_route_init(&s->route, sizeof s->route);
    s->route.candidates_capacity = info.max_candidates;
    s->route.candidates = tool_alloc(info.max_candidates, sizeof *s->route.candidates);
    mlsel_route_explanation_init(&s->told, sizeof s->told);
    s->told.decisions_capacity = info.n_decisions;
    s->told.decisions = tool_alloc(info.n_decisions, sizeof *s->told.decisions);
    s->told.rules_capacity = info.n_rules;
    s->told.rules = tool_alloc(info.n_rules, sizeof *s->told.rules);
    s->told.unused_signals_capacity = r->request.given.n_signals;
    s->told.unused_signals = tool_alloc(s->told.unused_signals_capacity, sizeof *s->told.unused_signals);
}

static void release(story *s) {
    if (s->model.model != NULL) {
        explanation_free(&s->evidence);
        for (size_t i = 0; i < s->model.info.n_labels; ++i)
            free(s->model.labels[i]);
        free(s->model.labels);
        free(s->model.mask);
        free(s->model.costs);
        free(s->model.name);
        mlsel_model_release(s->model.model);
    }
    free(s->route.candidates);
    free(s->told.decisions);
    free(s->told.rules);
    free(s->told.unused_signals);
}

/* Makes of the decision's selector what the explanation of a model needs. */
static bool open_model(story *s, const router_run *r) {
    mlsel_router_decision decision;
    run_model *m = &s->model;
    if (mlsel_router_get_decision(r->router, (uint32_t)s->route.decision_index, &decision, sizeof decision, &s->err) !=
            MLSEL_OK ||
        mlsel_router_get_model(r->router, (uint32_t)s->route.decision_index, &m->model, &s->err) != MLSEL_OK ||
        m->model == NULL || mlsel_model_get_info(m->model, &m->info, sizeof m->info, &s->err) != MLSEL_OK)
        return false;
    m->path = decision.artifact;
    m->name = text_cleaned(text_base_name(decision.artifact));
    m->labels = tool_alloc(m->info.n_labels, sizeof *m->labels);
    m->mask = tool_alloc(m->info.n_labels, 1);
    for (uint32_t i = 0; i < m->info.n_labels; ++i) {
        m->labels[i] = text_cleaned(mlsel_model_label(m->model, (int32_t)i));
        m->mask[i] = 0;
    }
    for (size_t i = 0; i < s->route.candidate_count; ++i) {
        const mlsel_route_candidate *c = &s->route.candidates[i];
        if ((c->flags & MLSEL_CANDIDATE_ELIGIBLE) != 0 && c->label >= 0)
            m->mask[c->label] = 1;
    }
    if ((s->route.selection_flags & MLSEL_SELECTION_TRADEOFF) != 0) {
        m->tradeoff = *r->request.given.tradeoff;
        m->costs = r->request.given.n_prices > 0 ? tool_alloc(m->info.n_labels, sizeof *m->costs) : NULL;
        m->tradeoff.costs = m->costs; /* that there are any; evidence has what they are */
    }
    explanation_allocate(&s->evidence, m);
    return true;
}

static mlsel_status ask(story *s, const router_run *r) {
    const mlsel_request *given = &r->request.given;
    mlsel_status status = mlsel_router_explain(r->router, given, &s->route, &s->told, &s->err);
    if (status == MLSEL_OK && s->route.algorithm != 0 && open_model(s, r)) {
        s->told.evidence = &s->evidence.evidence;
        status = mlsel_router_explain(r->router, given, &s->route, &s->told, &s->err);
    }
    return status;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void json_rule(json_out *j, const mlsel_rule_result *rule) {
    json_open(j, '{');
    json_key(j, "depth");
    json_unsigned(j, rule->depth);
    json_key(j, "kind");
    json_string(j, mlsel_rule_kind_name(rule->kind));
    if (rule->kind == MLSEL_RULE_CONDITION) {
        json_key(j, "type");
        json_string(j, rule->type);
        json_key(j, "name");
        json_string(j, rule->name);
    }
    json_key(j, "holds");
    json_bool(j, rule->holds != 0);
    json_close(j, '}');
}

static void json_decisions(json_out *j, const story *s) {
    const mlsel_rule_result *rule = s->told.rules;
    json_key(j, "decisions");
    json_open(j, '[');
    for (size_t i = 0; i < s->told.decision_count; ++i) {
        const mlsel_decision_result *d = &s->told.decisions[i];
        json_open(j, '{');
        json_key(j, "name");
        json_string(j, d->name);
        json_key(j, "priority");
        json_integer(j, d->priority);
        json_key(j, "matched");
        json_bool(j, d->matched != 0);
        json_key(j, "answered");
        json_bool(j, d->answered != 0);
        json_key(j, "rules");
        json_open(j, '[');
        for (uint32_t k = 0; k < d->n_rules; ++k, ++rule)
            json_rule(j, rule);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "unused_signals");
    json_open(j, '[');
    for (size_t i = 0; i < s->told.unused_signal_count; ++i)
        json_string(j, s->told.unused_signals[i]);
    json_close(j, ']');
}

static void print_json(const router_run *r, const story *s, const query *q) {
    json_out j = {0};
    json_open(&j, '{');
    router_request_json(&j, q, r->request.given.category);
    router_answer_json(&j, &s->route, &s->err);
    json_decisions(&j, s);
    if (s->model.model != NULL) {
        json_key(&j, "artifact");
        json_string(&j, s->model.path);
        explanation_json(&j, &s->evidence, &s->model);
    }
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the request ------------------------------------------------------------------------------------------------- */

static void print_line(const char *what, const char *text) {
    char *clean = text_shortened(text, TITLE_WIDTH);
    printf("  %-11s %s\n", what, clean);
    free(clean);
}

static void print_names(const char *what, const char *const *names, size_t count) {
    printf("  %-11s ", what);
    for (size_t i = 0; i < count; ++i) {
        char *clean = text_cleaned(names[i]);
        printf("%s%s", i > 0 ? ", " : "", clean);
        free(clean);
    }
    printf("%s\n", count == 0 ? "none" : "");
}

static void print_request(const router_run *r, const query *q, bool colour) {
    const mlsel_request *given = &r->request.given;
    char *id = q->id != NULL ? text_shortened(q->id, TITLE_WIDTH) : NULL;
    printf("%s%sRequest %" PRIu64 "%s%s%s%s\n", q->number > 1 ? "\n" : "", tool_style(colour, STYLE_BOLD), q->number,
           id != NULL ? " (" : "", id != NULL ? id : "", id != NULL ? ")" : "", tool_style_end(colour));
    free(id);
    if (q->text != NULL)
        print_line("text", q->text);
    print_line("category", given->category != NULL && given->category[0] != '\0' ? given->category
                                                                                 : "none, which counts as \"other\"");
    for (size_t i = 0; i < given->n_signals; ++i) {
        char pair[256];
        snprintf(pair, sizeof pair, "%s \"%s\"", given->signals[i].type, given->signals[i].name);
        print_line(i == 0 ? "signals" : "", pair);
    }
    if (given->n_embedding > 0)
        printf("  %-11s %zu values\n", "embedding", given->n_embedding);
    else
        print_line("embedding", "none");
    if (given->n_unavailable > 0)
        print_names("unavailable", given->unavailable, given->n_unavailable);
    if (given->allowed != NULL)
        print_names("allowed", given->allowed, given->n_allowed);
}

/* --- the decisions ----------------------------------------------------------------------------------------------- */

static void print_rule(const mlsel_rule_result *rule, bool colour) {
    static const char *const meaning[] = {
        [MLSEL_RULE_AND] = "all of", [MLSEL_RULE_OR] = "one of", [MLSEL_RULE_NOT] = "not"};
    const char *mark = rule->holds ? "yes" : "no ";
    printf("%*s%s%s%s  %*s", INDENT + 6, "", tool_style(colour, rule->holds ? STYLE_GOOD : STYLE_DIM), mark,
           tool_style_end(colour), (int)(2 * rule->depth), "");
    if (rule->kind != MLSEL_RULE_CONDITION) {
        printf("%s\n", meaning[rule->kind]);
        return;
    }
    char *type = text_cleaned(rule->type), *name = text_cleaned(rule->name);
    printf("%s \"%s\"\n", type, name);
    free(type);
    free(name);
}

/* Whether a decision was looked at: those after the one that answers are not. */
static size_t count_asked(const story *s) {
    for (size_t i = 0; i < s->told.decision_count; ++i)
        if (s->told.decisions[i].answered && (s->route.flags & MLSEL_ROUTE_DEFAULT) == 0)
            return i + 1;
    return s->told.decision_count;
}

static void print_decisions(const story *s, bool colour) {
    const mlsel_rule_result *rule = s->told.rules;
    const size_t asked = count_asked(s);
    printf("\n  %sDecisions%s, in the order in which they are asked\n", tool_style(colour, STYLE_BOLD),
           tool_style_end(colour));
    for (size_t i = 0; i < s->told.decision_count; ++i) {
        const mlsel_decision_result *d = &s->told.decisions[i];
        char *name = text_cleaned(d->name);
        const bool answers = d->answered && d->matched && i < asked;
        printf("%*s%6" PRId32 "  %s%s%s: ", INDENT - 2, "", d->priority, answers ? tool_style(colour, STYLE_GOOD) : "",
               name, answers ? tool_style_end(colour) : "");
        free(name);
        if (i >= asked)
            printf("%s\n", d->matched ? "would match too, but comes later" : "does not match");
        else if (d->n_rules == 0)
            printf("has no rules, so it matches%s\n", answers ? " and is asked" : "");
        else
            printf("%s\n", answers ? "matches and is asked" : d->matched ? "matches" : "does not match");
        for (uint32_t k = 0; k < d->n_rules; ++k, ++rule)
            if (i < asked)
                print_rule(rule, colour);
    }
    for (size_t i = 0; i < s->told.unused_signal_count; ++i) {
        char *name = text_cleaned(s->told.unused_signals[i]);
        printf("%*sNo rule asks for the signal \"%s\".\n", INDENT, "", name);
        free(name);
    }
}

/* --- the candidates ---------------------------------------------------------------------------------------------- */

static const char *candidate_note(const mlsel_route_candidate *c, bool scored) {
    if ((c->flags & MLSEL_CANDIDATE_CHOSEN) != 0)
        return "chosen";
    if ((c->flags & MLSEL_CANDIDATE_ELIGIBLE) == 0)
        return "may not answer";
    if ((c->flags & MLSEL_CANDIDATE_KNOWN) == 0)
        return scored ? "not known to the artifact" : "";
    return (c->flags & MLSEL_CANDIDATE_SHADOWED) != 0 ? "scored like an earlier one" : "";
}

static void print_candidates(const story *s, bool colour) {
    const mlsel_route *route = &s->route;
    table_column columns[] = {
        {"MODEL", 0, false}, {"BASE", 0, false}, {"SCORE", 9, true}, {"PROB.", 6, true}, {"", 0, false}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .indent = INDENT, .colour = colour};
    const bool scored = route->algorithm != 0;
    char **names = tool_alloc(2 * route->candidate_count, sizeof *names);
    for (size_t i = 0; i < route->candidate_count; ++i) {
        const mlsel_route_candidate *c = &route->candidates[i];
        names[2 * i] = text_cleaned(c->served);
        names[2 * i + 1] = text_cleaned(c->model == c->served ? "" : c->model);
        table_fit(&columns[0], names[2 * i]);
        table_fit(&columns[1], names[2 * i + 1]);
    }
    printf("\n  %sModels%s of the decision\n", tool_style(colour, STYLE_BOLD), tool_style_end(colour));
    table_header(&t);
    for (size_t i = 0; i < route->candidate_count; ++i) {
        const mlsel_route_candidate *c = &route->candidates[i];
        char score[TEXT_NUMBER], probability[TEXT_NUMBER];
        const bool shown = scored && (c->flags & MLSEL_CANDIDATE_KNOWN) != 0;
        const char *cells[] = {names[2 * i], names[2 * i + 1], shown ? text_number(score, c->score) : "-",
                               shown ? text_probability(probability, c->probability) : "-", candidate_note(c, scored)};
        table_row(&t, cells, (c->flags & MLSEL_CANDIDATE_CHOSEN) != 0);
        free(names[2 * i]);
        free(names[2 * i + 1]);
    }
    free(names);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static const struct reason {
    uint32_t flag;
    const char *text;
} reasons[] = {
    {MLSEL_ROUTE_NEXT_DECISION, "A decision of higher rank matches, but none of its models may answer."},
    {MLSEL_ROUTE_DEFAULT, "No decision matches, so the configured default answers."},
    {MLSEL_ROUTE_SINGLE, "Only one model may answer, so nothing is scored."},
    {MLSEL_ROUTE_NO_SELECTOR, "The decision has no selector in use, so its first model that may answer does."},
    {MLSEL_ROUTE_HOST_ALGORITHM,
     "The decision's algorithm is the host's to carry out; its first model stands in for the choice."},
    {MLSEL_ROUTE_SELECTOR_FAILED, "The selector could not be used, so the first model that may answer does."},
    {MLSEL_ROUTE_UNKNOWN_MODELS, "The artifact knows none of the models that may answer; the first one does."},
    {MLSEL_ROUTE_LOW_CONFIDENCE, "The selector's choice does not reach min_probability, and is replaced."},
    {MLSEL_ROUTE_TRADEOFF_IGNORED,
     "The trade-off asked for is not weighed: what chooses here knows no outcomes, which only a knn artifact does."},
    {MLSEL_ROUTE_DEVICE_FALLBACK, "The selector runs on the CPU, because its device is not available."},
    {MLSEL_ROUTE_CATEGORY_FELL_BACK, "The selector does not know the category and scores it as \"other\"."},
};

static void print_answer(const router_run *r, const story *s, bool colour) {
    const mlsel_route *route = &s->route;
    char *served = text_cleaned(route->served), *model = text_cleaned(route->model);
    printf("\n  %sAnswer%s: %s%s%s", tool_style(colour, STYLE_BOLD), tool_style_end(colour),
           tool_style(colour, STYLE_GOOD), served, tool_style_end(colour));
    if (route->lora != NULL)
        printf(", a LoRA of %s", model);
    free(served);
    free(model);
    if (route->decision != NULL) {
        char *name = text_cleaned(route->decision);
        printf(", for %s", name);
        free(name);
    }
    printf("\n");
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(reasons); ++i)
        if ((route->flags & reasons[i].flag) != 0)
            printf("%*s%s\n", INDENT, "", reasons[i].text);
    if (route->selector_status != MLSEL_OK && r->request.given.n_embedding == 0)
        printf("%*sThe request has no embedding to score.\n", INDENT, "");
    else if (route->selector_status != MLSEL_OK)
        printf("%*sIts error was %s.\n", INDENT, "", mlsel_status_name(route->selector_status));
}

static void print_text(const router_run *r, const story *s, const query *q, bool colour) {
    print_request(r, q, colour);
    print_decisions(s, colour);
    if (s->route.status != MLSEL_OK) {
        char message[sizeof s->err.message];
        text_clean(message, sizeof message, s->err.message);
        printf("\n  %sNo answer%s: %s\n", tool_style(colour, STYLE_BAD), tool_style_end(colour), message);
        return;
    }
    print_answer(r, s, colour);
    if (s->route.candidate_count > 0)
        print_candidates(s, colour);
    if (s->model.model != NULL) {
        printf("\n  %sThe selector%s\n", tool_style(colour, STYLE_BOLD), tool_style_end(colour));
        explanation_print(&s->evidence, &s->model, 0, colour);
    }
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static void explain(router_run *r, const query *q, bool colour) {
    story s;
    allocate(&s, r);
    const mlsel_status status = ask(&s, r);
    s.route.status = status;
    if (status != MLSEL_OK)
        router_run_failed(r, status);
    if (r->json)
        print_json(r, &s, q);
    else
        print_text(r, &s, q, colour);
    release(&s);
}

int router_explain(char **arguments) {
    router_run r;
    int code = router_run_begin(&r, "explain", cmd_explain_help, true, arguments);
    if (code >= 0)
        return code;
    const bool colour = tool_colour(STDOUT_FILENO);
    bool more = true;
    while (more) {
        more = router_run_next(&r);
        for (size_t i = 0; i < r.chunk.count && router_run_request(&r, i); ++i)
            explain(&r, &r.chunk.queries[i], colour);
        more = tool_flush() && more && r.problem.exit_code == 0;
    }
    return router_run_end(&r);
}
