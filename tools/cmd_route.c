/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "commands.h"
#include "model_file.h"
#include "prometheus.h"
#include "router_run.h"
#include "table.h"
#include "text.h"

const char cmd_route_help[] = "Usage: mlsel route CONFIG [options] [REQUESTS]\n"
                              "\n"
                              "Answers requests as a router with this configuration does: which decision\n"
                              "matches, and which of its models is to be called. CONFIG is a YAML or JSON\n"
                              "file in any of the dialects in use (`mlsel validate` checks it).\n"
                              "\n" ROUTER_HELP_INPUT "Options:\n" ROUTER_HELP_OPTIONS
                              "  --json              one JSON object per request instead of a table\n"
                              "  --watch             take up changes of the configuration and the artifacts\n"
                              "                      while requests come in\n"
                              "  --metrics FILE      write counts and latencies in the text form of Prometheus,\n"
                              "                      every five seconds and at the end; - is standard output,\n"
                              "                      at the end\n"
                              "  -h, --help          this text\n"
                              "\n"
                              "A request without an answer is shown with its error, and the others go on; the\n"
                              "exit code is then that of the first: 3 if no decision matched or no model may\n"
                              "answer, 1 if its embedding does not fit.\n"
                              "\n" TRADEOFF_HELP_MEANING "\n"
                              "Examples:\n"
                              "  mlsel route examples/router.yaml examples/queries.jsonl\n"
                              "  mlsel route examples/router.yaml --category law --signal keyword=urgent\n"
                              "  mlsel route examples/router.yaml --unavailable codellama-7b --json \\\n"
                              "      < examples/queries.jsonl\n"
                              "  mlsel route examples/router.yaml --metrics - --limit 3 examples/queries.jsonl\n";

enum { QUERY_WIDTH = 28, MAX_CANDIDATES = 256, METRICS_SECONDS = 5 };

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void print_json(const router_run *r, const query *q, const mlsel_route *route, const mlsel_error *err) {
    json_out j = {0};
    json_open(&j, '{');
    router_request_json(&j, q, r->request.given.category);
    router_answer_json(&j, route, err);
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the table --------------------------------------------------------------------------------------------------- */

enum { QUERY, DECISION, MODEL, ALGORITHM, SCORE, MARGIN, PROBABILITY, CONFIDENCE, NOTES, N_COLUMNS };

typedef struct layout {
    table table;
    table_column columns[N_COLUMNS];
    bool begun;
    bool calibrated; /* a selector is: else there is no column for confidences */
} layout;

static void fit(table_column *column, const char *text) {
    char *clean = text_cleaned(text);
    table_fit(column, clean);
    free(clean);
}

static bool is_calibrated(const mlsel_router *router, uint32_t decision) {
    mlsel_model *model = NULL;
    mlsel_model_info info = {0};
    if (mlsel_router_get_model(router, decision, &model, NULL) == MLSEL_OK && model != NULL)
        model_file_info(model, &info);
    mlsel_model_release(model);
    return info.is_calibrated != 0;
}

/* Without confidences the notes move up. */
static void drop_confidence(layout *l) {
    l->columns[CONFIDENCE] = l->columns[NOTES];
    --l->table.count;
}

static void begin_table(layout *l, const router_run *r) {
    mlsel_router_decision decision;
    mlsel_router_candidate candidate;
    mlsel_router_info info;
    const table_column columns[N_COLUMNS] = {{"REQUEST", 0, false},   {"DECISION", 0, false}, {"MODEL", 0, false},
                                             {"ALGORITHM", 0, false}, {"SCORE", 9, true},     {"MARGIN", 8, true},
                                             {"PROB.", 6, true},      {"CONF.", 6, true},     {"NOTES", 0, false}};
    memcpy(l->columns, columns, sizeof columns);
    l->table = (table){.columns = l->columns, .count = N_COLUMNS, .colour = tool_colour(STDOUT_FILENO)};
    l->table.highlight = MODEL;
    for (size_t i = 0; i < r->chunk.count; ++i) {
        char *name = answer_query_name(&r->chunk.queries[i], QUERY_WIDTH);
        table_fit(&l->columns[QUERY], name);
        free(name);
    }
    for (uint32_t d = 0; mlsel_router_get_decision(r->router, d, &decision, sizeof decision, NULL) == MLSEL_OK; ++d) {
        fit(&l->columns[DECISION], decision.name);
        l->calibrated = l->calibrated || is_calibrated(r->router, d);
        for (uint32_t c = 0;
             mlsel_router_get_candidate(r->router, d, c, &candidate, sizeof candidate, NULL) == MLSEL_OK; ++c)
            fit(&l->columns[MODEL], candidate.served);
    }
    if (mlsel_router_get_info(r->router, &info, sizeof info, NULL) == MLSEL_OK && info.default_model != NULL)
        fit(&l->columns[MODEL], info.default_model);
    if (!l->calibrated)
        drop_confidence(l);
    table_header(&l->table);
    l->begun = true;
}

static void print_row(layout *l, const router_run *r, const query *q, const mlsel_route *route,
                      const mlsel_error *err) {
    char numbers[4][TEXT_NUMBER], note_text[256];
    const char *cells[N_COLUMNS] = {NULL};
    if (!l->begun)
        begin_table(l, r);
    char *name = answer_query_name(q, QUERY_WIDTH), *decision = NULL, *model = NULL;
    cells[QUERY] = name;
    if (route->status != MLSEL_OK) {
        cells[DECISION] = cells[MODEL] = "-";
        text_clean(note_text, sizeof note_text, err->message);
        cells[NOTES] = note_text;
    } else {
        cells[DECISION] = decision = text_cleaned(route->decision != NULL ? route->decision : "-");
        cells[MODEL] = model = text_cleaned(route->served);
        if (route->algorithm != 0) {
            cells[ALGORITHM] = mlsel_algorithm_name(route->algorithm);
            cells[SCORE] = text_number(numbers[0], route->score);
            cells[MARGIN] = text_number(numbers[1], route->margin);
            cells[PROBABILITY] = text_probability(numbers[2], route->probability);
            cells[CONFIDENCE] = answer_confidence(numbers[3], route->selection_flags, route->confidence);
        }
        cells[NOTES] = router_notes(note_text, sizeof note_text, route);
    }
    if (!l->calibrated)
        cells[CONFIDENCE] = cells[NOTES];
    table_row(&l->table, cells, route->status == MLSEL_OK);
    free(name);
    free(decision);
    free(model);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static void answer(router_run *r, layout *l, const query *q) {
    static mlsel_route_candidate candidates[MAX_CANDIDATES];
    mlsel_error err;
    mlsel_route route;
    mlsel_route_init(&route, sizeof route);
    if (r->json) {
        route.candidates = candidates;
        route.candidates_capacity = MAX_CANDIDATES;
    }
    const mlsel_status status = mlsel_router_route(r->router, &r->request.given, &route, &err);
    if (status != MLSEL_OK)
        router_run_failed(r, status);
    if (r->json)
        print_json(r, q, &route, &err);
    else
        print_row(l, r, q, &route, &err);
}

/* For long runs: whoever scrapes the file wants news. */
static void refresh_metrics(router_run *r, time_t *written) {
    const time_t now = time(NULL);
    if (r->metrics == NULL || strcmp(r->metrics, "-") == 0 || now - *written < METRICS_SECONDS)
        return;
    *written = now;
    (void)prometheus_write(r->metrics, r->router, &r->problem);
}

int cmd_route(char **arguments) {
    router_run r;
    layout l = {0};
    int code = router_run_begin(&r, "route", cmd_route_help, false, arguments);
    if (code >= 0)
        return code;
    bool more = true;
    time_t written = time(NULL);
    while (more) {
        more = router_run_next(&r);
        for (size_t i = 0; i < r.chunk.count && router_run_request(&r, i); ++i)
            answer(&r, &l, &r.chunk.queries[i]);
        more = tool_flush() && more && r.problem.exit_code == 0;
        refresh_metrics(&r, &written);
    }
    return router_run_end(&r);
}
