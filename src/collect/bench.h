/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks language models benchmark queries and scores what they answer: queries in, benchmark records out.
 *
 *     mlsel_bench_options options;
 *     mlsel_bench_summary summary;
 *     mlsel_bench_options_init(&options);
 *     options.queries_path = "queries.jsonl";
 *     options.config_path = "models.yaml";
 *     if (mlsel_bench_run(&options, &summary, &err) != MLSEL_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *     mlsel_bench_summary_free(&summary);
 *
 * Requests. Each pair of a query and a model is one OpenAI-compatible POST {endpoint}/chat/completions over HTTP/1.1,
 *   with connections kept open. Queries go in the order of the file; each is asked of all models before the next as far
 *   as the models' speeds allow, so that a run that ends early is worth something. Redirects are not followed.
 * Time. response_time is that of the attempt that was answered, from the moment when its request begins to be sent to
 *   the last byte of its answer. Waiting for a free place, connecting, and attempts that failed do not count.
 * Failures. Transport errors, timeouts, the statuses 408, 425, 429 and 5xx, and answers that make no sense are tried
 *   again after a random time up to a bound that doubles (full jitter), and not before a Retry-After. What fails for
 *   good becomes a row with an "error" and without a response, which training leaves out. It is never an answer.
 * Output. JSON lines, appended one by one, each in one write. A row that is there survives a crash of the process; rows
 *   reach the disk every few seconds. Going on with a file that is there skips the pairs that have an answer and asks
 *   the others again: an older error row stays, superseded by the answer behind it. A last line that was cut off is
 *   removed. Two runs cannot write to one file at once.
 * Secrets. Keys and header values of a configuration appear in no row and no message, also where a server repeats them.
 *
 * The library starts libcurl (curl_global_init) and never ends it. Several runs in one process may go at once.
 */
#ifndef MLSEL_BENCH_H
#define MLSEL_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric.h"
#include "mlsel.h"

/** How far a model has got. Costs and prices have no currency: they are in that of the configuration. */
typedef struct mlsel_bench_model {
    const char *name;
    uint64_t pairs;             /**< queries to be asked in all */
    uint64_t resumed;           /**< of them answered before this run; they count in what follows */
    uint64_t answered;          /**< answers */
    uint64_t failed;            /**< pairs that failed for good in this run */
    uint64_t known;             /**< answers whose performance is known */
    uint64_t requests;          /**< attempts of this run, retries included */
    uint64_t retries;           /**< attempts of this run after a failed one */
    uint64_t in_flight;         /**< requests being answered now */
    uint64_t waiting;           /**< pairs waiting for their next attempt */
    uint64_t prompt_tokens;     /**< as far as reported */
    uint64_t completion_tokens; /**< likewise */
    uint64_t reported;          /**< answers with token counts */
    double performance;         /**< mean of those known; NaN: none is */
    double mean_time;           /**< seconds; NaN: no answer */
    double p95_time;            /**< seconds, nearest rank; NaN: no answer, or the run is still going on */
    double cost;                /**< NaN: no price, or nothing reported */
    bool has_given_up;          /**< too many pairs failed in a row: the rest was not asked */
    char last_error[160];       /**< of the last pair or attempt that failed; "" */
} mlsel_bench_model;

/** Why a run ended. */
typedef int32_t mlsel_bench_end;
enum {
    MLSEL_BENCH_COMPLETE = 1, /**< every pair was asked, but for models that were given up */
    MLSEL_BENCH_CANCELLED = 2,
    MLSEL_BENCH_BUDGET_REQUESTS = 3,
    MLSEL_BENCH_BUDGET_TOKENS = 4,
    MLSEL_BENCH_BUDGET_COST = 5
};

/** How far a run has got. */
typedef struct mlsel_bench_summary {
    uint64_t queries;          /**< of the limit and the shard */
    uint64_t pairs;            /**< queries times models */
    uint64_t done;             /**< answered, now or before, or failed */
    uint64_t resumed;          /**< answered before */
    uint64_t answered;         /**< answers of this run */
    uint64_t failed;           /**< pairs that failed for good in this run */
    uint64_t requests;         /**< of this run */
    uint64_t in_flight;        /**< now */
    uint64_t cut_bytes;        /**< of a last line that was incomplete when the run began, and was removed */
    double seconds;            /**< since the first request could be sent */
    mlsel_bench_end end;       /**< 0 during the run */
    mlsel_bench_model *models; /**< [n_models] */
    size_t n_models;
    void *memory; /**< what the texts live in */
} mlsel_bench_summary;

void mlsel_bench_summary_free(mlsel_bench_summary *summary);

typedef struct mlsel_bench_options {
    const char *queries_path; /**< JSON lines with "query" each, or results, whose distinct queries are taken; "-":
                                   standard input. See docs */
    const char *config_path;  /**< models.yaml; NULL: none */
    const char *models;       /**< names with commas between: of the configuration these alone, or without one all
                                   there are. NULL: all of the configuration */
    const char *endpoint;     /**< of models that the configuration gives none */
    const char *output_path;  /**< a regular file */
    bool fresh;               /**< an output that is there is emptied, not continued */
    uint64_t limit;           /**< first N distinct queries; 0: all */
    uint32_t shard,
        n_shards; /**< from 1: the queries whose hash modulo n_shards is shard - 1; after the limit. 0: all */

    uint64_t max_tokens; /**< of models that the configuration gives no other; likewise the next */
    double temperature;
    bool concise; /**< adds a line to the prompt that asks for a short answer */

    uint32_t concurrency;           /**< requests at a time, 1 to 4096 */
    uint32_t per_model_concurrency; /**< of one model; 0: no other limit. A configuration's `concurrency` goes first */
    double timeout_s, connect_timeout_s; /**< of one attempt */
    uint32_t retries;                    /**< attempts after the first */
    double retry_wait_s;                 /**< upper bound of the wait before the first of them */
    uint32_t max_failures; /**< so many pairs that fail in a row end the requests to their model; 0: never */
    size_t max_response;   /**< bytes of a response; a larger one is a failure */
    const char *ca_path;   /**< certificates to trust instead of the system's; NULL: those */

    uint64_t max_requests; /**< budgets of this run; 0: none. Once one is used up nothing more is sent; what is on */
    uint64_t
        max_total_tokens; /**< its way is still recorded. An answer that reports no tokens counts with as many as */
    double max_cost;      /**< it may have had */

    uint64_t seed;                       /**< of the random waits */
    const mlsel_metric_options *metrics; /**< NULL: no code is run */

    /** Called several times a second on the thread of the call, and at the end; not 0: end the run. Requests on their
     *  way are cut off then and leave no row. NULL: nothing. */
    int32_t (*progress)(const mlsel_bench_summary *summary, void *user);
    /** Told what is remarkable about files, as "models.yaml:3:5: unknown key ...". NULL: nothing. */
    void (*warn)(const char *message, void *user);
    void *user;
} mlsel_bench_options;

/** Sets the defaults of `mlsel benchmark`. */
void mlsel_bench_options_init(mlsel_bench_options *options);

/**
 * Runs a benchmark. A run that was cancelled or used up its budget is no failure: summary->end says so.
 *
 * @param out  to be freed with mlsel_bench_summary_free; on failure filled as far as the run came, or all zero
 * @return MLSEL_OK; MLSEL_ERROR_INVALID_ARGUMENT (an option, a model that is not in the configuration), _NOT_FOUND, _IO
 *         (a file; err->detail is the errno value), _PARSE or _SCHEMA (a line of a file, with its place), _LIMIT,
 *         _NO_MEMORY, _UNSUPPORTED (libcurl lacks something).
 */
mlsel_status mlsel_bench_run(const mlsel_bench_options *options, mlsel_bench_summary *out, mlsel_error *err);

#endif
