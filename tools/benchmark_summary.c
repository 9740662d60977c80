/* SPDX-License-Identifier: Apache-2.0 */
#include "benchmark_summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_out.h"
#include "table.h"
#include "text.h"
#include "tool.h"

enum { NAME_WIDTH = 40 };

/* How a run ended. */
static const char *end_name(mlsel_bench_end end) {
    static const char *const names[] = {
        "", "complete", "cancelled", "max_requests", "max_tokens_total", "max_cost",
    };
    const size_t index = end > 0 ? (size_t)end : TOOL_ARRAY_LENGTH(names);
    return index < TOOL_ARRAY_LENGTH(names) ? names[index] : "failed";
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static const char *duration(char out[TEXT_NUMBER], double seconds) {
    return isnan(seconds) ? "-" : text_duration(out, seconds * 1e9);
}

static void print_row(const table *t, const mlsel_bench_model *m) {
    char queries[TEXT_NUMBER], mean[TEXT_NUMBER], p95[TEXT_NUMBER], tokens[TEXT_NUMBER], cost[TEXT_NUMBER];
    char performance[TEXT_NUMBER], success[TEXT_NUMBER] = "-";
    char *name = text_shortened(m->name, NAME_WIDTH);
    const uint64_t asked = m->answered + m->failed;
    if (asked > 0)
        snprintf(success, sizeof success, "%.1f%%", 100 * (double)m->answered / (double)asked);
    const char *cells[] = {
        name,
        text_count(queries, asked),
        isnan(m->performance) ? "-" : text_probability(performance, m->performance),
        duration(mean, m->mean_time),
        duration(p95, m->p95_time),
        success,
        m->reported == 0 ? "-" : text_count(tokens, m->prompt_tokens + m->completion_tokens),
        isnan(m->cost) ? "-" : text_number(cost, m->cost),
    };
    table_row(t, cells, false);
    free(name);
}

void benchmark_print_table(const mlsel_bench_summary *s) {
    table_column columns[] = {{"MODEL", 0, false},    {"QUERIES", 0, true},  {"PERFORMANCE", 0, true},
                              {"MEAN TIME", 0, true}, {"P95 TIME", 9, true}, {"SUCCESS", 0, true},
                              {"TOKENS", 10, true},   {"COST", 9, true}};
    table tab = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns)};
    for (size_t i = 0; i < s->n_models; i++) {
        char *name = text_shortened(s->models[i].name, NAME_WIDTH);
        table_fit(&columns[0], name);
        free(name);
    }
    table_header(&tab);
    for (size_t i = 0; i < s->n_models; i++)
        print_row(&tab, &s->models[i]);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void print_model(json_out *j, const mlsel_bench_model *m) {
    const uint64_t asked = m->answered + m->failed;
    json_open(j, '{');
    json_key(j, "model_name");
    json_string(j, m->name);
    json_pair_unsigned(j, "queries", asked);
    json_pair_unsigned(j, "pairs", m->pairs);
    json_pair_unsigned(j, "resumed", m->resumed);
    json_pair_unsigned(j, "answered", m->answered);
    json_pair_unsigned(j, "failed", m->failed);
    json_pair_unsigned(j, "known", m->known);
    json_pair_unsigned(j, "requests", m->requests);
    json_pair_unsigned(j, "retries", m->retries);
    json_pair_number(j, "performance", m->performance);
    json_pair_number(j, "mean_time", m->mean_time);
    json_pair_number(j, "p95_time", m->p95_time);
    json_pair_number(j, "success", asked > 0 ? (double)m->answered / (double)asked : (double)NAN);
    json_pair_unsigned(j, "reported", m->reported);
    json_pair_unsigned(j, "prompt_tokens", m->prompt_tokens);
    json_pair_unsigned(j, "completion_tokens", m->completion_tokens);
    json_pair_number(j, "cost", m->cost);
    json_key(j, "given_up");
    json_bool(j, m->has_given_up);
    json_key(j, "last_error");
    json_string(j, m->last_error[0] != '\0' ? m->last_error : NULL);
    json_close(j, '}');
}

void benchmark_print_json(const mlsel_bench_summary *s, const char *output) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "output");
    json_string(&j, output);
    json_key(&j, "end");
    json_string(&j, end_name(s->end));
    json_pair_unsigned(&j, "queries", s->queries);
    json_pair_unsigned(&j, "pairs", s->pairs);
    json_pair_unsigned(&j, "done", s->done);
    json_pair_unsigned(&j, "resumed", s->resumed);
    json_pair_unsigned(&j, "answered", s->answered);
    json_pair_unsigned(&j, "failed", s->failed);
    json_pair_unsigned(&j, "requests", s->requests);
    json_pair_number(&j, "seconds", s->seconds);
    json_key(&j, "models");
    json_open(&j, '[');
    for (size_t i = 0; i < s->n_models; i++)
        print_model(&j, &s->models[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end_line(&j);
}
