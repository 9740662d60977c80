/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark in progress: bench.c asks, bench_answer.c scores and writes, bench_report.c counts. */
#ifndef MLSEL_COLLECT_BENCH_RUN_H
#define MLSEL_COLLECT_BENCH_RUN_H

#include "bench.h"
#include "chat.h"
#include "client.h"
#include "endpoints.h"
#include "queries.h"
#include "results.h"
#include "schedule.h"
#include "train/train.h"
#include "workers.h"

typedef struct bench_model {
    struct curl_slist *headers;
    float *times; /* [n_queries] seconds of the answers so far */
    size_t n_times;
    double sum_time, sum_performance;
    uint32_t failures; /* pairs that failed for good, one after the other */
} bench_model;

typedef struct bench_run {
    const mlsel_bench_options *options;
    endpoint_list endpoints;
    query_list queries;
    bench_model *models; /* [endpoints.n] */
    schedule schedule;
    client *client;
    workers *workers;
    result_file results;
    random_state random;
    mlsel_bench_summary *summary;
    uint32_t n_places, in_flight;
    size_t n_jobs;   /* with the workers */
    uint64_t tokens; /* that count for the budget, likewise the next */
    double cost;
    double started, reported, synced;
    bool is_syncing, is_closing; /* closing: nothing more is sent */
    bool has_warned_metric;
    mlsel_error *err;
} bench_run;

/* An answer on its way into the file. */
typedef struct bench_answer {
    worker_job job; /* if it is scored by the workers */
    bench_run *run;
    uint32_t query, model, attempts;
    chat_answer chat;
    double time, first_byte;
    mlsel_status status; /* of the scoring */
    mlsel_metric_result score;
    mlsel_error err;
} bench_answer;

/* Milliseconds until something may be sent, if nothing comes before. */
int mlsel_i_bench_wait_ms(const bench_run *run, double now);
void mlsel_i_bench_warn(const bench_run *run, const char *format, ...) MLSEL_PRINTF(2, 3);

/* --- bench_answer.c ----------------------------------------------------------------------------------------------- */

/* Scores an answer and writes its row, or has the workers score it. Takes over chat->content. */
mlsel_status mlsel_i_bench_take_answer(bench_run *run, const schedule_task *task, chat_answer *chat,
                                       const client_result *result);
/* Writes the rows of answers that the workers have scored, and notices that the file is on disk. */
mlsel_status mlsel_i_bench_collect(bench_run *run);
/* Writes the row of a pair that failed for good. */
mlsel_status mlsel_i_bench_write_failure(bench_run *run, const schedule_task *task, long status, const char *error);
/* Has the workers bring the file to disk, if it is time. */
void mlsel_i_bench_sync(bench_run *run, double now);
/* Counts what an answer that cannot be used says that it took. */
void mlsel_i_bench_charge(bench_run *run, const schedule_task *task, const chat_answer *chat,
                          const client_result *result);
/* Ends the workers, if there are any. If all went well so far, what they have scored is still written, and the file is
 * on disk afterwards. */
mlsel_status mlsel_i_bench_stop_workers(bench_run *run, mlsel_status status);

/* --- bench_report.c ----------------------------------------------------------------------------------------------- */

/* Makes the summary and the memory for its numbers. */
mlsel_status mlsel_i_bench_report_create(bench_run *run);
/* Notes a row that the file has already (a result_visitor, whose user is the run). */
mlsel_status mlsel_i_bench_note_row(const result_row *row, void *user, mlsel_error *err);
/* Counts an answer that is written; performance and cost may be NaN. */
void mlsel_i_bench_count_answer(bench_run *run, const bench_answer *answer, double performance, double cost);
/* What an answer costs; NaN: unknown. */
double mlsel_i_bench_cost(const endpoint *endpoint, const chat_answer *chat);
/* Which budget is used up; 0: none. */
mlsel_bench_end mlsel_i_bench_budget(const bench_run *run);
/* Fills what is computed from other numbers; with is_final all of it. */
void mlsel_i_bench_refresh(bench_run *run, bool is_final);

#endif
