/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "bench_run.h"

static const double SYNC_EVERY = 5;

/* --- scoring ------------------------------------------------------------------------------------------------------ */

/* Scores an answer; may run on a thread of the workers. */
static void score(bench_answer *a) {
    const bench_run *run = a->run;
    const char *const record = run->queries.records[a->query];
    cJSON *root = cJSON_ParseWithLength(record, strlen(record));
    mlsel_metric_task_texts texts;
    a->status = root == NULL ? mlsel_i_no_memory(&a->err) : mlsel_metric_task_read(root, &texts, &a->err);
    if (a->status == MLSEL_OK) {
        a->status = mlsel_metric_score(&texts.task, a->chat.content, run->options->metrics, &a->score, &a->err);
        mlsel_metric_task_free(&texts);
    }
    cJSON_Delete(root);
}

static void run_job(worker_job *job) { score((bench_answer *)(void *)job); }

/* Whether scoring may take long: code is run. */
static bool is_slow(const bench_run *run, uint32_t query) {
    const mlsel_metric_options *metrics = run->options->metrics;
    return metrics != NULL && metrics->run_code != NULL && strstr(run->queries.records[query], "\"metric\"") != NULL;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static double in_microseconds(double seconds) { return round(seconds * 1e6) / 1e6; }

/* The record without its end, to be continued. */
static json_writer *begin_row(bench_run *run, uint32_t query, uint32_t model) {
    json_writer *w = &run->results.line;
    const char *const record = run->queries.records[query];
    w->size = 0;
    mlsel_i_write_raw(w, record, strlen(record) - 1);
    w->needs_comma = true;
    mlsel_i_write_key(w, "model_name");
    mlsel_i_write_string(w, run->endpoints.items[model].name);
    return w;
}

static mlsel_status end_row(bench_run *run) {
    mlsel_i_write_close(&run->results.line, '}');
    return mlsel_i_results_append(&run->results, run->err);
}

/* What an answer takes from the budgets. */
static void charge(bench_run *run, uint32_t model, const chat_answer *chat, const client_result *result) {
    const endpoint *e = &run->endpoints.items[model];
    chat_answer most = *chat;
    if (!most.has_usage) { /* a token has at least one byte, and the request has all of the prompt's */
        most.has_usage = true;
        most.prompt_tokens = result->place->body.size;
        most.completion_tokens = e->max_tokens;
    }
    const double cost = mlsel_i_bench_cost(e, &most);
    run->tokens += most.prompt_tokens + most.completion_tokens;
    run->cost += isnan(cost) ? 0 : cost;
}

void mlsel_i_bench_charge(bench_run *run, const schedule_task *task, const chat_answer *chat,
                          const client_result *result) {
    if (chat->has_usage)
        charge(run, task->model, chat, result);
}

static mlsel_status write_answer(bench_run *run, bench_answer *a) {
    const chat_answer *chat = &a->chat;
    const double cost = mlsel_i_bench_cost(&run->endpoints.items[a->model], chat);
    if (a->status == MLSEL_ERROR_NO_MEMORY)
        return mlsel_i_no_memory(run->err);
    if (a->status != MLSEL_OK) {
        if (!run->has_warned_metric)
            mlsel_i_bench_warn(run, "an answer cannot be scored, its performance is left unknown: %s", a->err.message);
        run->has_warned_metric = true;
        a->score = (mlsel_metric_result){.performance = 0.5};
    }
    mlsel_i_secrets_scrub(&run->endpoints.secrets, SECRET_MIN_SIZE_IN_ANSWERS, chat->content);
    json_writer *w = begin_row(run, a->query, a->model);
    mlsel_i_write_key(w, "response");
    mlsel_i_write_string(w, chat->content);
    mlsel_i_write_key(w, "performance");
    mlsel_i_write_f64(w, a->score.performance);
    if (!a->score.is_known) {
        mlsel_i_write_key(w, "performance_known");
        mlsel_i_write_bool(w, false);
    }
    mlsel_i_write_key(w, "response_time");
    mlsel_i_write_f64(w, in_microseconds(a->time));
    mlsel_i_write_key(w, "time_to_first_byte");
    mlsel_i_write_f64(w, in_microseconds(a->first_byte));
    mlsel_i_write_key(w, "attempts");
    mlsel_i_write_count(w, a->attempts);
    if (chat->finish_reason[0] != '\0') {
        mlsel_i_write_key(w, "finish_reason");
        mlsel_i_write_string(w, chat->finish_reason);
    }
    if (chat->has_usage) {
        mlsel_i_write_key(w, "prompt_tokens");
        mlsel_i_write_count(w, chat->prompt_tokens);
        mlsel_i_write_key(w, "completion_tokens");
        mlsel_i_write_count(w, chat->completion_tokens);
    }
    if (!isnan(cost)) {
        mlsel_i_write_key(w, "cost");
        mlsel_i_write_f64(w, cost);
    }
    const mlsel_status status = end_row(run);
    if (status == MLSEL_OK)
        mlsel_i_bench_count_answer(run, a, a->score.is_known ? a->score.performance : NAN, cost);
    return status;
}

mlsel_status mlsel_i_bench_write_failure(bench_run *run, const schedule_task *task, long status, const char *error) {
    json_writer *w = begin_row(run, task->query, task->model);
    mlsel_i_write_key(w, "error");
    mlsel_i_write_string(w, error);
    if (status > 0) {
        mlsel_i_write_key(w, "status");
        mlsel_i_write_count(w, (uint64_t)status);
    }
    mlsel_i_write_key(w, "attempts");
    mlsel_i_write_count(w, task->attempts);
    return end_row(run);
}

mlsel_status mlsel_i_bench_take_answer(bench_run *run, const schedule_task *task, chat_answer *chat,
                                       const client_result *result) {
    bench_answer one = {.run = run,
                        .query = task->query,
                        .model = task->model,
                        .attempts = task->attempts,
                        .chat = *chat,
                        .time = result->total_s,
                        .first_byte = result->first_byte_s};
    chat->content = NULL;
    charge(run, task->model, chat, result);
    bench_answer *kept = is_slow(run, task->query) ? mlsel_i_alloc(1, sizeof *kept) : NULL;
    if (kept != NULL) {
        *kept = one;
        kept->job.run = run_job;
        run->n_jobs++;
        mlsel_i_workers_submit(run->workers, &kept->job);
        return MLSEL_OK;
    }
    score(&one);
    const mlsel_status status = write_answer(run, &one);
    mlsel_i_free(one.chat.content);
    return status;
}

/* --- what the workers do ------------------------------------------------------------------------------------------ */

typedef struct sync_job {
    worker_job job;
    bench_run *run;
    mlsel_status status;
    mlsel_error err;
} sync_job;

static void run_sync(worker_job *job) {
    sync_job *s = (sync_job *)(void *)job;
    s->status = mlsel_i_results_sync_now(&s->run->results, &s->err);
}

void mlsel_i_bench_sync(bench_run *run, double now) {
    if (run->is_syncing || !run->results.is_dirty || now - run->synced < SYNC_EVERY)
        return;
    sync_job *s = mlsel_i_alloc(1, sizeof *s);
    if (s == NULL) /* later, then */
        return;
    *s = (sync_job){.job.run = run_sync, .run = run};
    run->results.is_dirty = false;
    run->is_syncing = true;
    run->synced = now;
    run->n_jobs++;
    mlsel_i_workers_submit(run->workers, &s->job);
}

static mlsel_status end_sync(bench_run *run, sync_job *s) {
    const mlsel_status status = s->status;
    run->is_syncing = false;
    if (status != MLSEL_OK && run->err != NULL)
        *run->err = s->err;
    mlsel_i_free(s);
    return status;
}

static mlsel_status end_answer(bench_run *run, bench_answer *a) {
    const mlsel_status status = write_answer(run, a);
    mlsel_i_free(a->chat.content);
    mlsel_i_free(a);
    return status;
}

mlsel_status mlsel_i_bench_collect(bench_run *run) {
    mlsel_status status = MLSEL_OK;
    for (worker_job *job; status == MLSEL_OK && (job = mlsel_i_workers_take(run->workers)) != NULL; run->n_jobs--)
        status = job->run == run_sync ? end_sync(run, (sync_job *)(void *)job)
                                      : end_answer(run, (bench_answer *)(void *)job);
    return status;
}

/* Frees jobs that nobody will see again. */
static void drop_jobs(worker_job *list) {
    while (list != NULL) {
        worker_job *const next = list->next;
        if (list->run == run_job)
            mlsel_i_free(((bench_answer *)(void *)list)->chat.content);
        mlsel_i_free(list);
        list = next;
    }
}

mlsel_status mlsel_i_bench_stop_workers(bench_run *run, mlsel_status status) {
    if (run->workers == NULL)
        return status;
    drop_jobs(mlsel_i_workers_stop(run->workers));
    if (status == MLSEL_OK)
        status = mlsel_i_bench_collect(run);
    for (worker_job *job; (job = mlsel_i_workers_take(run->workers)) != NULL;) {
        job->next = NULL;
        drop_jobs(job);
    }
    mlsel_i_workers_free(run->workers);
    /* a sync that was dropped with the jobs has taken the mark with it */
    if (status == MLSEL_OK && (run->results.is_dirty || run->is_syncing))
        status = mlsel_i_results_sync_now(&run->results, run->err);
    return status;
}
