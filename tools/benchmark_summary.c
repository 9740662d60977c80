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

const char *benchmark_end_name(mlsel_bench_end end) {
    static const char *const names[] = {
        "", "complete", "cancelled", "max_requests", "max_tokens_total", "max_cost",
    };
    return end > 0 && (size_t)end < TOOL_ARRAY_LENGTH(names) ? names[end] : "failed";
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

static void count(json_out *j, const char *key, uint64_t value) {
    json_key(j, key);
    json_unsigned(j, value);
}

/* null where it is not known */
static void number(json_out *j, const char *key, double value) {
    json_key(j, key);
    if (isnan(value))
        json_null(j);
    else
        json_number(j, value);
}

static void print_model(json_out *j, const mlsel_bench_model *m) {
    const uint64_t asked = m->answered + m->failed;
    json_open(j, '{');
    json_key(j, "model_name");
    json_string(j, m->name);
    count(j, "queries", asked);
    count(j, "pairs", m->pairs);
    count(j, "resumed", m->resumed);
    count(j, "answered", m->answered);
    count(j, "failed", m->failed);
    count(j, "known", m->known);
    count(j, "requests", m->requests);
    count(j, "retries", m->retries);
    number(j, "performance", m->performance);
    number(j, "mean_time", m->mean_time);
    number(j, "p95_time", m->p95_time);
    number(j, "success", asked > 0 ? (double)m->answered / (double)asked : (double)NAN);
    count(j, "reported", m->reported);
    count(j, "prompt_tokens", m->prompt_tokens);
    count(j, "completion_tokens", m->completion_tokens);
    number(j, "cost", m->cost);
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
    json_string(&j, benchmark_end_name(s->end));
    count(&j, "queries", s->queries);
    count(&j, "pairs", s->pairs);
    count(&j, "done", s->done);
    count(&j, "resumed", s->resumed);
    count(&j, "answered", s->answered);
    count(&j, "failed", s->failed);
    count(&j, "requests", s->requests);
    number(&j, "seconds", s->seconds);
    json_key(&j, "models");
    json_open(&j, '[');
    for (size_t i = 0; i < s->n_models; i++)
        print_model(&j, &s->models[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end_line(&j);
}
