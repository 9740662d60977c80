/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench_run.h"
#include "prompt.h"
#include "retry.h"

enum { MAX_CONCURRENCY = 4096, CODE_THREADS = 4, LONGEST_WAIT_MS = 100, LONGEST_REASON = 400 };

static const double REPORT_EVERY = 0.1;

void mlsel_bench_options_init(mlsel_bench_options *options) {
    *options = (mlsel_bench_options){.endpoint = "http://localhost:8000/v1",
                                     .output_path = "benchmark_output.jsonl",
                                     .max_tokens = 1024,
                                     .concurrency = 4,
                                     .timeout_s = 300,
                                     .connect_timeout_s = 10,
                                     .retries = 3,
                                     .retry_wait_s = 0.5,
                                     .max_failures = 100,
                                     .max_response = (size_t)16 << 20,
                                     .seed = 42};
}

void mlsel_i_bench_warn(const bench_run *run, const char *format, ...) {
    char text[512];
    va_list args;
    if (run->options->warn == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mlsel_i_secrets_scrub(&run->endpoints.secrets, SECRET_MIN_SIZE, text);
    run->options->warn(text, run->options->user);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static mlsel_status send_request(bench_run *run, schedule_task *task) {
    const endpoint *e = &run->endpoints.items[task->model];
    const char *const record = run->queries.records[task->query];
    client_place *place = mlsel_i_client_take(run->client);
    cJSON *root = strstr(record, "\"choices\"") == NULL ? NULL : cJSON_ParseWithLength(record, strlen(record));
    const cJSON *choices = root == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(root, "choices");
    char *prompt = mlsel_i_prompt_make(run->queries.texts.entries[task->query].text, choices, run->options->concise);
    const bool lacks_choices = root == NULL && strstr(record, "\"choices\"") != NULL; /* records are JSON */
    cJSON_Delete(root);
    if (lacks_choices)
        mlsel_i_free(prompt);
    if (prompt == NULL || lacks_choices)
        return mlsel_i_no_memory(run->err);
    const chat_request request = {
        .model = e->name, .prompt = prompt, .max_tokens = e->max_tokens, .temperature = e->temperature};
    mlsel_i_chat_write(&place->body, &request);
    mlsel_i_free(prompt);
    place->user = task;
    const mlsel_status status =
        mlsel_i_client_start(run->client, place, e->url, run->models[task->model].headers, run->err);
    if (status != MLSEL_OK)
        return status;
    mlsel_bench_model *counts = &run->summary->models[task->model];
    task->attempts++;
    counts->requests++;
    counts->retries += task->attempts > 1;
    counts->in_flight++;
    run->in_flight++;
    return MLSEL_OK;
}

/* Whether requests may be sent, as far as places and jobs go. */
static bool has_room(const bench_run *run) {
    return !run->is_closing && run->in_flight < run->n_places && run->n_jobs < run->n_places + CODE_THREADS;
}

/* Starts as many requests as may be. */
static mlsel_status send_requests(bench_run *run, double now) {
    while (has_room(run)) {
        schedule_task *task = mlsel_i_schedule_next(&run->schedule, now);
        if (task == NULL)
            break;
        if (task->attempts > 0)
            run->summary->models[task->model].waiting--;
        if (run->schedule.models[task->model].is_closed) { /* given up while the pair was waiting */
            mlsel_i_schedule_finish(&run->schedule, task);
            continue;
        }
        run->summary->end = mlsel_i_bench_budget(run);
        if (run->summary->end != 0) { /* only where there is something that it keeps back */
            mlsel_i_schedule_finish(&run->schedule, task);
            run->is_closing = true;
            break;
        }
        const mlsel_status status = send_request(run, task);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

/* --- what comes back ---------------------------------------------------------------------------------------------- */

/* Why an attempt failed, and whether another one may fare better. */
static bool explain(const bench_run *run, const client_result *r, char *reason, size_t size) {
    const client_place *p = r->place;
    const secret_list *secrets = &run->endpoints.secrets;
    char said[LONGEST_REASON / 2] = "";
    if (p->is_too_large) {
        (void)snprintf(reason, size, "the answer has more than %zu bytes", run->options->max_response);
        return false;
    }
    if (r->code != CURLE_OK) {
        (void)mlsel_i_secrets_copy(secrets, SECRET_MIN_SIZE,
                                   p->error[0] != '\0' ? p->error : curl_easy_strerror(r->code), reason, size / 2);
        return mlsel_i_retry_transport((int)r->code);
    }
    if (r->status >= 300 && r->status < 400) {
        (void)snprintf(reason, size, "HTTP %ld: a redirect, which is not followed: name its target as the endpoint",
                       r->status);
        return false;
    }
    mlsel_i_chat_explain(p->data == NULL ? "" : p->data, p->size, secrets, said, sizeof said);
    (void)snprintf(reason, size, "HTTP %ld%s%s", r->status, said[0] != '\0' ? ": " : "", said);
    if (!mlsel_i_retry_status(r->status))
        return false;
    if (r->retry_after_s <= RETRY_LONGEST_ASKED)
        return true;
    const size_t length = strlen(reason);
    (void)snprintf(reason + length, size - length, "; the server asks to wait for %.0f seconds", r->retry_after_s);
    return false;
}

static void give_up(bench_run *run, uint32_t model) {
    mlsel_bench_model *counts = &run->summary->models[model];
    counts->has_given_up = true;
    run->schedule.models[model].is_closed = true;
    mlsel_i_bench_warn(run, "%s: %u queries in a row failed, the rest is not asked; the last failure: %s", counts->name,
                       (unsigned)run->options->max_failures, counts->last_error);
}

/* reason: without secrets. */
static mlsel_status take_failure(bench_run *run, schedule_task *task, const client_result *r, bool may_retry,
                                 const char *reason) {
    mlsel_bench_model *counts = &run->summary->models[task->model];
    bench_model *m = &run->models[task->model];
    const mlsel_bench_options *o = run->options;
    (void)snprintf(counts->last_error, sizeof counts->last_error, "%s", reason);
    if (may_retry && task->attempts <= o->retries && !counts->has_given_up) {
        const double now = mlsel_i_now();
        /* beside an answer that makes no sense it says nothing */
        const double asked = r->code == CURLE_OK && mlsel_i_retry_status(r->status) ? r->retry_after_s : 0;
        if (asked > 0 && now + asked > run->schedule.models[task->model].paused_until)
            run->schedule.models[task->model].paused_until = now + asked;
        counts->waiting++;
        mlsel_i_schedule_wait(&run->schedule, task,
                              now + mlsel_i_retry_wait(&run->random, task->attempts, o->retry_wait_s, asked));
        return MLSEL_OK;
    }
    const mlsel_status status = mlsel_i_bench_write_failure(run, task, r->status, reason);
    if (status != MLSEL_OK)
        return status;
    counts->failed++;
    m->failures++;
    if (o->max_failures > 0 && m->failures >= o->max_failures && !counts->has_given_up)
        give_up(run, task->model);
    mlsel_i_schedule_finish(&run->schedule, task);
    return MLSEL_OK;
}

static mlsel_status take_result(bench_run *run, const client_result *r) {
    schedule_task *task = r->place->user;
    char reason[LONGEST_REASON];
    mlsel_error err;
    run->in_flight--;
    run->summary->models[task->model].in_flight--;
    if (r->code == CURLE_OUT_OF_MEMORY || r->place->no_memory)
        return mlsel_i_no_memory(run->err);
    if (r->code != CURLE_OK || r->status < 200 || r->status > 299) {
        const bool may_retry = explain(run, r, reason, sizeof reason);
        return take_failure(run, task, r, may_retry, reason);
    }
    chat_answer chat;
    mlsel_status status = mlsel_i_chat_read(r->place->data == NULL ? "" : r->place->data, r->place->size,
                                            &run->endpoints.secrets, &chat, &err);
    if (status == MLSEL_ERROR_NO_MEMORY)
        return mlsel_i_no_memory(run->err);
    if (status != MLSEL_OK) {
        mlsel_i_bench_charge(run, task, &chat, r);
        (void)snprintf(reason, sizeof reason, "%s", err.message);
        return take_failure(run, task, r, true, reason);
    }
    status = mlsel_i_bench_take_answer(run, task, &chat, r);
    run->models[task->model].failures = 0;
    mlsel_i_schedule_finish(&run->schedule, task);
    return status;
}

static mlsel_status take_results(bench_run *run) {
    client_result result;
    mlsel_status status = MLSEL_OK;
    while (status == MLSEL_OK && mlsel_i_client_next(run->client, &result)) {
        status = take_result(run, &result);
        mlsel_i_client_give_back(run->client, result.place);
    }
    return status == MLSEL_OK ? mlsel_i_bench_collect(run) : status;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static bool is_cancelled(bench_run *run, double now) {
    if (run->options->progress == NULL || now - run->reported < REPORT_EVERY)
        return false;
    run->reported = now;
    mlsel_i_bench_refresh(run, false);
    return run->options->progress(run->summary, run->options->user) != 0;
}

int mlsel_i_bench_wait_ms(const bench_run *run, double now) {
    /* without room nothing that is due can be sent before something comes back, which ends the wait */
    const double due = has_room(run) ? mlsel_i_schedule_due(&run->schedule, now) : INFINITY;
    if (due - now >= LONGEST_WAIT_MS * 1e-3)
        return LONGEST_WAIT_MS;
    return due <= now ? 1 : (int)((due - now) * 1e3) + 1;
}

/* Whether anything is left to be sent or to come. */
static bool has_work(const bench_run *run, double now) {
    return run->in_flight > 0 || run->n_jobs > 0 ||
           (!run->is_closing && !isinf(mlsel_i_schedule_due(&run->schedule, now)));
}

static mlsel_status ask_all(bench_run *run) {
    run->started = run->reported = run->synced = mlsel_i_now();
    for (;;) {
        double now = mlsel_i_now();
        mlsel_status status = send_requests(run, now);
        if (status != MLSEL_OK)
            return status;
        if (!has_work(run, now))
            break;
        status = mlsel_i_client_wait(run->client, mlsel_i_bench_wait_ms(run, now), run->err);
        if (status == MLSEL_OK)
            status = take_results(run);
        if (status != MLSEL_OK)
            return status;
        now = mlsel_i_now();
        mlsel_i_bench_sync(run, now);
        if (is_cancelled(run, now)) {
            run->summary->end = MLSEL_BENCH_CANCELLED;
            break;
        }
    }
    if (run->summary->end == 0)
        run->summary->end = MLSEL_BENCH_COMPLETE;
    return MLSEL_OK;
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static mlsel_status check_options(const mlsel_bench_options *o, mlsel_error *err) {
    const char *wrong = NULL;
    if (o->queries_path == NULL || o->output_path == NULL || o->endpoint == NULL)
        wrong = "queries_path, output_path or endpoint is NULL";
    else if (o->config_path == NULL && o->models == NULL)
        wrong = "there are neither models nor a configuration that has some";
    else if (o->concurrency < 1 || o->concurrency > MAX_CONCURRENCY)
        wrong = "concurrency is not from 1 to 4096";
    else if (o->n_shards > 0 && (o->shard < 1 || o->shard > o->n_shards))
        wrong = "the shard is not from 1 to the number of shards";
    else if (o->max_tokens < 1 || !(o->temperature >= 0) || isinf(o->temperature))
        wrong = "max_tokens or temperature is out of range";
    else if (!(o->timeout_s > 0 && o->timeout_s <= 1e6 && o->connect_timeout_s > 0 && o->connect_timeout_s <= 1e6))
        wrong = "a timeout is out of range";
    else if (!(o->retry_wait_s >= 0) || !(o->max_cost >= 0) || o->retries > 1000 || o->max_response < 1)
        wrong = "retries, retry_wait_s, max_cost or max_response is out of range";
    return wrong == NULL ? MLSEL_OK : mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s", wrong);
}

static mlsel_status read_endpoints(bench_run *run) {
    const mlsel_bench_options *o = run->options;
    const endpoint_defaults defaults = {.url = o->endpoint,
                                        .max_tokens = o->max_tokens,
                                        .temperature = o->temperature,
                                        .warn = o->warn,
                                        .user = o->user};
    mlsel_status status = o->config_path != NULL
                              ? mlsel_i_endpoints_read(o->config_path, o->models, &defaults, &run->endpoints, run->err)
                              : mlsel_i_endpoints_named(o->models, &defaults, &run->endpoints, run->err);
    for (size_t i = 0; status == MLSEL_OK && o->max_cost > 0 && i < run->endpoints.n; i++) {
        const endpoint *e = &run->endpoints.items[i];
        if (isnan(e->input_price) || isnan(e->output_price))
            status = mlsel_i_fail(run->err, MLSEL_ERROR_INVALID_ARGUMENT,
                                  "max_cost needs prices, and \"%s\" has no input_price and output_price", e->name);
    }
    return status;
}

static bool add_header(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static mlsel_status make_headers(bench_run *run, size_t model) {
    const endpoint *e = &run->endpoints.items[model];
    struct curl_slist **list = &run->models[model].headers;
    bool ok = add_header(list, "Content-Type: application/json") && add_header(list, "Accept: application/json") &&
              add_header(list, "Expect:");
    if (ok && e->authorization != NULL) {
        const size_t size = strlen(e->authorization) + 32;
        char *line = mlsel_i_alloc(size, 1);
        if (line != NULL)
            (void)snprintf(line, size, "Authorization: %s", e->authorization);
        ok = line != NULL && add_header(list, line);
        mlsel_i_free(line);
    }
    for (size_t i = 0; ok && i < e->n_headers; i++)
        ok = add_header(list, e->headers[i]);
    return ok ? MLSEL_OK : mlsel_i_no_memory(run->err);
}

static mlsel_status make_models(bench_run *run) {
    const mlsel_bench_options *o = run->options;
    const size_t n = run->endpoints.n;
    uint32_t *limits = mlsel_i_alloc(n, sizeof *limits);
    run->models = mlsel_i_calloc(n, sizeof *run->models);
    mlsel_status status = limits == NULL || run->models == NULL ? mlsel_i_no_memory(run->err) : MLSEL_OK;
    for (size_t i = 0; status == MLSEL_OK && i < n; i++) {
        const endpoint *e = &run->endpoints.items[i];
        const uint32_t own = e->concurrency > 0 ? e->concurrency : o->per_model_concurrency;
        limits[i] = own == 0 || own > o->concurrency ? o->concurrency : own;
        run->n_places = run->n_places + limits[i] > o->concurrency ? o->concurrency : run->n_places + limits[i];
        status = make_headers(run, i);
    }
    if (status == MLSEL_OK)
        status = mlsel_i_schedule_create(&run->schedule, (uint32_t)run->queries.texts.n, (uint32_t)n, limits, run->err);
    mlsel_i_free(limits);
    return status;
}

static void wake(void *user) { mlsel_i_client_wake(user); }

static mlsel_status prepare(bench_run *run) {
    const mlsel_bench_options *o = run->options;
    const query_options wanted = {.limit = o->limit, .shard = o->shard, .n_shards = o->n_shards};
    const client_options http = {.timeout_s = o->timeout_s,
                                 .connect_timeout_s = o->connect_timeout_s,
                                 .max_body = o->max_response,
                                 .ca_path = o->ca_path};
    mlsel_status status = check_options(o, run->err);
    if (status == MLSEL_OK)
        status = read_endpoints(run);
    if (status == MLSEL_OK)
        status = mlsel_i_queries_read(o->queries_path, &wanted, &run->queries, run->err);
    if (status == MLSEL_OK)
        status = make_models(run);
    if (status == MLSEL_OK)
        status = mlsel_i_bench_report_create(run);
    if (status == MLSEL_OK)
        status = mlsel_i_results_open(&run->results, o->output_path, o->fresh, mlsel_i_bench_note_row, run, run->err);
    run->summary->cut_bytes = run->results.cut_bytes;
    if (status == MLSEL_OK) {
        client_options places = http;
        places.places = run->n_places;
        status = mlsel_i_client_create(&places, &run->client, run->err);
    }
    if (status == MLSEL_OK)
        status = mlsel_i_workers_create(CODE_THREADS, wake, run->client, &run->workers, run->err);
    return status;
}

static void dispose(bench_run *run) {
    mlsel_i_client_free(run->client);
    mlsel_i_results_close(&run->results);
    mlsel_i_schedule_free(&run->schedule);
    for (size_t i = 0; run->models != NULL && i < run->endpoints.n; i++) {
        curl_slist_free_all(run->models[i].headers);
        mlsel_i_free(run->models[i].times);
    }
    mlsel_i_free(run->models);
    mlsel_i_queries_free(&run->queries);
    mlsel_i_endpoints_free(&run->endpoints);
}

mlsel_status mlsel_bench_run(const mlsel_bench_options *options, mlsel_bench_summary *out, mlsel_error *err) {
    *out = (mlsel_bench_summary){0};
    bench_run run = {.options = options, .summary = out, .results.fd = -1, .err = err};
    mlsel_i_random_seed(&run.random, options->seed, 0);
    mlsel_status status = prepare(&run);
    if (status == MLSEL_OK)
        status = ask_all(&run);
    status = mlsel_i_bench_stop_workers(&run, status);
    if (out->models != NULL)
        mlsel_i_bench_refresh(&run, true);
    if (status == MLSEL_OK && options->progress != NULL)
        (void)options->progress(out, options->user);
    dispose(&run);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
