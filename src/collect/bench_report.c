/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"

/* --- the summary -------------------------------------------------------------------------------------------------- */

/* The models and their names are one block. */
static mlsel_status create_models(bench_run *run) {
    mlsel_bench_summary *s = run->summary;
    const size_t n = run->endpoints.n;
    size_t bytes = n * sizeof *s->models;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(run->endpoints.items[i].name) + 1;
    s->memory = mlsel_i_calloc(bytes, 1);
    if (s->memory == NULL)
        return mlsel_i_no_memory(run->err);
    s->models = s->memory;
    s->n_models = n;
    char *at = (char *)(s->models + n);
    for (size_t i = 0; i < n; i++) {
        const size_t size = strlen(run->endpoints.items[i].name) + 1;
        memcpy(at, run->endpoints.items[i].name, size);
        s->models[i] = (mlsel_bench_model){.name = at,
                                           .pairs = run->queries.texts.n,
                                           .performance = NAN,
                                           .mean_time = NAN,
                                           .p95_time = NAN,
                                           .cost = NAN};
        at += size;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_bench_report_create(bench_run *run) {
    mlsel_bench_summary *s = run->summary;
    const size_t n = run->queries.texts.n;
    s->queries = n;
    s->pairs = (uint64_t)n * run->endpoints.n;
    const mlsel_status status = create_models(run);
    if (status != MLSEL_OK)
        return status;
    for (size_t i = 0; i < run->endpoints.n; i++) {
        bench_model *m = &run->models[i];
        m->times = mlsel_i_alloc(n, sizeof *m->times);
        if (m->times == NULL)
            return mlsel_i_no_memory(run->err);
        for (size_t j = 0; j < n; j++) /* touched now, so that memory does not grow during the run */
            m->times[j] = NAN;
    }
    return MLSEL_OK;
}

void mlsel_bench_summary_free(mlsel_bench_summary *summary) {
    mlsel_i_free(summary->memory);
    *summary = (mlsel_bench_summary){0};
}

static int compare_times(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void mlsel_i_bench_refresh(bench_run *run, bool is_final) {
    mlsel_bench_summary *s = run->summary;
    if (run->started > 0)
        s->seconds = mlsel_i_now() - run->started;
    s->in_flight = run->in_flight;
    s->resumed = s->answered = s->failed = s->requests = 0;
    for (size_t i = 0; i < s->n_models; i++) {
        mlsel_bench_model *out = &s->models[i];
        bench_model *m = &run->models[i];
        s->resumed += out->resumed;
        s->answered += out->answered - out->resumed;
        s->failed += out->failed;
        s->requests += out->requests;
        if (out->known > 0)
            out->performance = m->sum_performance / (double)out->known;
        if (m->n_times > 0)
            out->mean_time = m->sum_time / (double)m->n_times;
        if (is_final && m->n_times > 0) {
            qsort(m->times, m->n_times, sizeof *m->times, compare_times);
            out->p95_time = m->times[(size_t)ceil(0.95 * (double)m->n_times) - 1];
        }
    }
    s->done = s->resumed + s->answered + s->failed;
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

static void add_answer(bench_run *run, uint32_t model, double performance, double time, double cost) {
    mlsel_bench_model *out = &run->summary->models[model];
    bench_model *m = &run->models[model];
    out->answered++;
    if (!isnan(performance)) {
        out->known++;
        m->sum_performance += performance;
    }
    if (!isnan(time) && m->n_times < run->queries.texts.n) {
        m->sum_time += time;
        m->times[m->n_times++] = (float)time;
    }
    if (!isnan(cost))
        out->cost = isnan(out->cost) ? cost : out->cost + cost;
}

/* Whether a number of a file, or NaN, can be one of tokens. */
static bool is_count(double value) {
    const double most = 9007199254740992.0; /* 2^53 */
    return value >= 0 && value <= most;
}

mlsel_status mlsel_i_bench_note_row(const result_row *row, void *user, mlsel_error *err) {
    bench_run *run = user;
    (void)err;
    const size_t size = strlen(row->query);
    const int64_t query =
        mlsel_i_texts_find(&run->queries.texts, row->query, size, mlsel_i_text_hash(row->query, size));
    size_t model = 0;
    while (model < run->endpoints.n && strcmp(run->endpoints.items[model].name, row->model) != 0)
        model++;
    if (row->is_error || query < 0 || model == run->endpoints.n ||
        mlsel_i_schedule_is_skipped(&run->schedule, (uint32_t)query, (uint32_t)model))
        return MLSEL_OK;
    mlsel_i_schedule_skip(&run->schedule, (uint32_t)query, (uint32_t)model);
    mlsel_bench_model *out = &run->summary->models[model];
    out->resumed++;
    add_answer(run, (uint32_t)model, row->performance, row->response_time, row->cost);
    if (is_count(row->prompt_tokens) && is_count(row->completion_tokens)) {
        out->reported++;
        out->prompt_tokens += (uint64_t)row->prompt_tokens;
        out->completion_tokens += (uint64_t)row->completion_tokens;
    }
    return MLSEL_OK;
}

void mlsel_i_bench_count_answer(bench_run *run, const bench_answer *answer, double performance, double cost) {
    mlsel_bench_model *out = &run->summary->models[answer->model];
    const chat_answer *chat = &answer->chat;
    add_answer(run, answer->model, performance, answer->time, cost);
    if (!chat->has_usage)
        return;
    out->reported++;
    out->prompt_tokens += chat->prompt_tokens;
    out->completion_tokens += chat->completion_tokens;
}

/* --- budgets ------------------------------------------------------------------------------------------------------ */

double mlsel_i_bench_cost(const endpoint *e, const chat_answer *chat) {
    if (!chat->has_usage || isnan(e->input_price) || isnan(e->output_price))
        return NAN;
    return ((double)chat->prompt_tokens * e->input_price + (double)chat->completion_tokens * e->output_price) / 1e6;
}

mlsel_bench_end mlsel_i_bench_budget(const bench_run *run) {
    const mlsel_bench_options *o = run->options;
    uint64_t requests = 0;
    for (size_t i = 0; i < run->summary->n_models && o->max_requests > 0; i++)
        requests += run->summary->models[i].requests;
    if (o->max_requests > 0 && requests >= o->max_requests)
        return MLSEL_BENCH_BUDGET_REQUESTS;
    if (o->max_total_tokens > 0 && run->tokens >= o->max_total_tokens)
        return MLSEL_BENCH_BUDGET_TOKENS;
    return o->max_cost > 0 && run->cost >= o->max_cost ? MLSEL_BENCH_BUDGET_COST : 0;
}
