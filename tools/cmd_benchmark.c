/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "bench.h"
#include "benchmark_summary.h"
#include "code_layers.h"
#include "code_run.h"
#include "commands.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"
#include "tool.h"

/* clang-format off */
const char cmd_benchmark_help[] =
    "Usage: mlsel benchmark --queries FILE --model-config FILE [options]\n"
    "       mlsel benchmark --queries FILE --models LIST [--endpoint URL] [options]\n"
    "\n"
    "Asks language models queries through OpenAI-compatible servers, scores what\n"
    "they answer, and writes the records that `mlsel train` learns from.\n"
    "\n"
    "What to ask:\n"
    "  --queries FILE          JSON lines with \"query\" and, as far as there are any,\n"
    "                          \"category\", \"ground_truth\", \"metric\", \"choices\",\n"
    "                          \"task_name\"; other keys are carried on. Results are\n"
    "                          taken too. `-`: standard input\n"
    "  --limit N               only the first N queries\n"
    "  --shard I/N             only part I of N (1/N to N/N), by a hash of the query;\n"
    "                          `mlsel merge` joins the results\n"
    "  --concise               ask for an answer without an explanation\n"
    "  --max-tokens N          of an answer (default 1024)\n"
    "  --temperature T         (default 0.0)\n"
    "\n"
    "Whom to ask:\n"
    "  --model-config FILE     models.yaml: `models:`, a list of mappings of `name`,\n"
    "                          `endpoint`, `api_key`, `headers`, `max_tokens`,\n"
    "                          `temperature`, `input_price`, `output_price` (for a\n"
    "                          million tokens), `concurrency`. ${NAME} in endpoints,\n"
    "                          keys and headers is the environment's. What it says\n"
    "                          goes before the options here\n"
    "  --models LIST           names with commas between: of the file only these, or\n"
    "                          without a file all there are\n"
    "  --endpoint URL          of models that have none in the file\n"
    "                          (default http://localhost:8000/v1)\n"
    "  --cacert FILE           certificates to trust instead of the system's\n"
    "\n"
    "How:\n"
    "  --output FILE           JSON lines (default benchmark_output.jsonl). If it is\n"
    "                          there, the run goes on: pairs that have an answer are\n"
    "                          not asked again, those that failed are\n"
    "  --resume, --no-resume   the default; or begin anew and empty the file\n"
    "  --concurrency N         requests at a time (default 4)\n"
    "  --per-model-concurrency N\n"
    "                          of one model\n"
    "  --timeout S             seconds for one attempt (default 300)\n"
    "  --connect-timeout S     seconds for the connection (default 10)\n"
    "  --retries N             attempts after the first (default 3), for all that may\n"
    "                          pass; Retry-After is honoured\n"
    "  --retry-wait S          longest wait before the first of them, doubled for\n"
    "                          each further one; the wait is random (default 0.5)\n"
    "  --max-failures N        no longer ask a model when so many of its queries in a\n"
    "                          row have failed (default 100; 0: never)\n"
    "  --seed N                of the random waits (default 42)\n"
    "  --allow-code-execution  run answers of the metric code_eval in limited\n"
    "                          processes; otherwise they are not scored\n"
    "\n"
    "Budgets of this run (once one is used up, what is on its way is still recorded):\n"
    "  --max-requests N        attempts of any kind\n"
    "  --max-tokens-total N    tokens, as far as servers report them; else as many as\n"
    "                          possible\n"
    "  --max-cost X            in the currency of the prices, which all models need\n"
    "\n"
    "  --json                  the summary as a JSON object\n"
    "  -h, --help              this text\n"
    "\n"
    "response_time is measured from sending the request that was answered to the\n"
    "last byte of its answer. What failed for good is a row with \"error\", which\n"
    "training leaves out and the next run asks again. The table counts all that the\n"
    "output has of these queries and models.\n"
    "\n"
    "Exit codes: 0 also if single queries failed or a budget ended the run; 1 if\n"
    "none was answered or a model was given up; 130 after Ctrl-C, which loses none.\n"
    "\n"
    "Examples:\n"
    "  mlsel benchmark --queries queries.jsonl --models llama-3.2-1b,llama-3.2-3b\n"
    "  mlsel benchmark --queries queries.jsonl --model-config models.yaml \\\n"
    "      --concurrency 16 --max-cost 5 --output results.jsonl\n"
    "  mlsel benchmark --queries queries.jsonl --model-config models.yaml \\\n"
    "      --shard 2/4\n";
/* clang-format on */

typedef struct benchmark {
    mlsel_bench_options options;
    bool allow_code, json;
    progress progress;
    double noticed; /* seconds of the run at the last line for a log */
} benchmark;

/* --- progress ----------------------------------------------------------------------------------------------------- */

static const double LOG_EVERY = 60, MODEL_SHOWN_FOR = 2;

/* "1,234 of 5,000, 45/s, 3 failed"; pairs of this run. */
static void progress_text(const mlsel_bench_summary *s, char *out, size_t size) {
    char done[TEXT_NUMBER], all[TEXT_NUMBER], failed[TEXT_NUMBER] = "", rate[TEXT_NUMBER];
    const uint64_t now = s->answered + s->failed;
    const double per_second = s->seconds > 0 ? (double)now / s->seconds : 0;
    snprintf(rate, sizeof rate, per_second < 10 ? "%.1f" : "%.0f", per_second);
    if (s->failed > 0)
        text_count(failed, s->failed);
    snprintf(out, size, "%s of %s, %s/s%s%s%s", text_count(done, s->done), text_count(all, s->pairs), rate,
             s->failed > 0 ? ", " : "", failed, s->failed > 0 ? " failed" : "");
}

/* The models take turns. */
static void model_text(const mlsel_bench_summary *s, char *out, size_t size) {
    const size_t turn = (size_t)(s->seconds / MODEL_SHOWN_FOR) % s->n_models;
    const mlsel_bench_model *m = &s->models[turn];
    char *name = text_shortened(m->name, 16);
    char done[TEXT_NUMBER], failed[TEXT_NUMBER], mean[TEXT_NUMBER];
    snprintf(out, size, "; %s: %s%s%s, %s", name, text_count(done, m->answered + m->failed),
             m->failed > 0 ? ", failed " : "", m->failed > 0 ? text_count(failed, m->failed) : "",
             isnan(m->mean_time) ? "-" : text_duration(mean, m->mean_time * 1e9));
    free(name);
}

static int32_t on_progress(const mlsel_bench_summary *s, void *user) {
    benchmark *b = user;
    char text[256];
    progress_text(s, text, sizeof text);
    if (s->end == 0 && !b->progress.enabled && s->seconds - b->noticed >= LOG_EVERY) {
        b->noticed = s->seconds;
        tool_notice("%s", text);
    }
    if (s->end == 0 && s->n_models > 0) {
        const uint64_t all = s->pairs - s->resumed;
        const size_t length = strlen(text);
        model_text(s, text + length, sizeof text - length);
        progress_stage(&b->progress, text, all > 0 ? (double)(s->answered + s->failed) / (double)all : (double)NAN);
    }
    return interrupt_came();
}

static void on_warning(const char *message, void *user) {
    benchmark *b = user;
    progress_clear(&b->progress);
    tool_warning("%s", message);
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

/* What the table does not say. */
static void print_notices(const benchmark *b, const mlsel_bench_summary *s) {
    char n[TEXT_NUMBER];
    if (s->cut_bytes > 0)
        tool_notice("%s ended in an incomplete line, which was removed", b->options.output_path);
    if (s->resumed > 0)
        tool_notice("%s answers were in %s already", text_count(n, s->resumed), b->options.output_path);
    if (s->end >= MLSEL_BENCH_BUDGET_REQUESTS)
        tool_notice("--%s is used up after %s of %" PRIu64 " pairs; the same command goes on",
                    s->end == MLSEL_BENCH_BUDGET_REQUESTS ? "max-requests"
                    : s->end == MLSEL_BENCH_BUDGET_TOKENS ? "max-tokens-total"
                                                          : "max-cost",
                    text_count(n, s->done), s->pairs);
    if (s->end == MLSEL_BENCH_CANCELLED)
        tool_notice("interrupted after %s of %" PRIu64 " pairs; the same command goes on", text_count(n, s->done),
                    s->pairs);
    for (size_t i = 0; i < s->n_models; i++)
        if (s->models[i].failed > 0)
            tool_warning("%s: %s queries failed, the last with: %s", s->models[i].name,
                         text_count(n, s->models[i].failed), s->models[i].last_error);
}

static int exit_code(const mlsel_bench_summary *s) {
    uint64_t answered = 0;
    bool given_up = false;
    for (size_t i = 0; i < s->n_models; i++) {
        answered += s->models[i].answered;
        given_up = given_up || s->models[i].has_given_up;
    }
    if (s->end == MLSEL_BENCH_CANCELLED)
        return EXIT_INTERRUPTED;
    return given_up || (answered == 0 && s->failed > 0) ? EXIT_BAD_INPUT : EXIT_ANSWER;
}

static int run(benchmark *b) {
    mlsel_bench_summary summary;
    mlsel_error err;
    mlsel_code_runner *runner = NULL;
    mlsel_metric_options metrics = {0};
    int code = EXIT_ANSWER;
    if (b->allow_code) {
        const mlsel_status status = mlsel_code_runner_create(NULL, &runner, &err);
        if (status != MLSEL_OK) {
            tool_error("--allow-code-execution: %s", err.message);
            return tool_exit_code(status);
        }
        code_layers_warn(runner);
        metrics = (mlsel_metric_options){.run_code = mlsel_code_run, .user = runner};
        b->options.metrics = &metrics;
    }
    b->options.progress = on_progress;
    b->options.warn = on_warning;
    b->options.user = b;
    progress_start_stages(&b->progress);
    interrupt_watch();
    const mlsel_status status = mlsel_bench_run(&b->options, &summary, &err);
    progress_clear(&b->progress);
    if (status != MLSEL_OK) {
        tool_error("%s", err.message);
        code = tool_exit_code(status);
    }
    if (summary.n_models > 0 && (status == MLSEL_OK || summary.requests > 0)) {
        if (b->json)
            benchmark_print_json(&summary, b->options.output_path);
        else
            benchmark_print_table(&summary);
        print_notices(b, &summary);
    }
    if (status == MLSEL_OK)
        code = exit_code(&summary);
    mlsel_bench_summary_free(&summary);
    mlsel_code_runner_free(runner);
    return code;
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

enum {
    HELP = 1,
    QUERIES,
    CONFIG,
    MODELS,
    ENDPOINT,
    OUTPUT,
    CONCURRENCY,
    LIMIT,
    MAX_TOKENS,
    TEMPERATURE,
    CONCISE,
    PER_MODEL,
    TIMEOUT,
    CONNECT_TIMEOUT,
    RETRIES,
    RETRY_WAIT,
    MAX_FAILURES,
    MAX_REQUESTS,
    MAX_TOKENS_TOTAL,
    MAX_COST,
    RESUME,
    NO_RESUME,
    SHARD,
    ALLOW_CODE,
    CACERT,
    SEED,
    JSON
};

static const args_option benchmark_options[] = {{"--help", HELP, false},
                                                {"--queries", QUERIES, true},
                                                {"--model-config", CONFIG, true},
                                                {"--models", MODELS, true},
                                                {"--endpoint", ENDPOINT, true},
                                                {"--output", OUTPUT, true},
                                                {"--concurrency", CONCURRENCY, true},
                                                {"--limit", LIMIT, true},
                                                {"--max-tokens", MAX_TOKENS, true},
                                                {"--temperature", TEMPERATURE, true},
                                                {"--concise", CONCISE, false},
                                                {"--per-model-concurrency", PER_MODEL, true},
                                                {"--timeout", TIMEOUT, true},
                                                {"--connect-timeout", CONNECT_TIMEOUT, true},
                                                {"--retries", RETRIES, true},
                                                {"--retry-wait", RETRY_WAIT, true},
                                                {"--max-failures", MAX_FAILURES, true},
                                                {"--max-requests", MAX_REQUESTS, true},
                                                {"--max-tokens-total", MAX_TOKENS_TOTAL, true},
                                                {"--max-cost", MAX_COST, true},
                                                {"--resume", RESUME, false},
                                                {"--no-resume", NO_RESUME, false},
                                                {"--shard", SHARD, true},
                                                {"--allow-code-execution", ALLOW_CODE, false},
                                                {"--cacert", CACERT, true},
                                                {"--seed", SEED, true},
                                                {"--json", JSON, false}};

static bool refuse(const args *a, const char *option, const char *value, const char *expected) {
    tool_error("%s \"%s\": expected %s", option, value, expected);
    args_help_hint(a->command, NULL);
    return false;
}

static bool take_small(const args *a, const char *option, const char *value, uint32_t min, uint32_t max,
                       uint32_t *out) {
    uint64_t count = 0;
    if (min == 0 ? !args_whole(a, option, value, max, &count) : (count = args_count(a, option, value, max)) == 0)
        return false;
    *out = (uint32_t)count;
    return true;
}

static bool take_number(const args *a, const char *option, const char *value, bool may_be_zero, double *out) {
    static const double max = 1e6;
    return may_be_zero ? args_real(a, option, value, 0, max, "a number from 0 to 1000000", out)
                       : args_real(a, option, value, ARGS_ABOVE_0, max, "a number above 0, up to 1000000", out);
}

static bool take_shard(const args *a, const char *value, mlsel_bench_options *o) {
    unsigned long shard = 0, n = 0;
    char *end = NULL;
    if (*value >= '0' && *value <= '9')
        shard = strtoul(value, &end, 10);
    if (end != NULL && *end == '/' && end[1] >= '0' && end[1] <= '9')
        n = strtoul(end + 1, &end, 10);
    if (end == NULL || *end != '\0' || shard < 1 || shard > n || n > 100000)
        return refuse(a, "--shard", value, "I/N with I from 1 to N, as in 1/4");
    o->shard = (uint32_t)shard;
    o->n_shards = (uint32_t)n;
    return true;
}

static bool take_text(const args *a, const char *option, const char *value, const char **out) {
    *out = value;
    return *value != '\0' || refuse(a, option, value, "a text");
}

/* The options that are numbers. */
static bool take_numeric(mlsel_bench_options *o, const args *a, int id, const char *value) {
    switch (id) {
    case CONCURRENCY:
        return take_small(a, "--concurrency", value, 1, 4096, &o->concurrency);
    case PER_MODEL:
        return take_small(a, "--per-model-concurrency", value, 1, 4096, &o->per_model_concurrency);
    case LIMIT:
        return (o->limit = args_count(a, "--limit", value, UINT64_MAX)) > 0;
    case MAX_TOKENS:
        return (o->max_tokens = args_count(a, "--max-tokens", value, INT32_MAX)) > 0;
    case TEMPERATURE:
        return take_number(a, "--temperature", value, true, &o->temperature);
    case TIMEOUT:
        return take_number(a, "--timeout", value, false, &o->timeout_s);
    case CONNECT_TIMEOUT:
        return take_number(a, "--connect-timeout", value, false, &o->connect_timeout_s);
    case RETRIES:
        return take_small(a, "--retries", value, 0, 1000, &o->retries);
    case RETRY_WAIT:
        return take_number(a, "--retry-wait", value, true, &o->retry_wait_s);
    case MAX_FAILURES:
        return take_small(a, "--max-failures", value, 0, UINT32_MAX, &o->max_failures);
    case MAX_REQUESTS:
        return (o->max_requests = args_count(a, "--max-requests", value, UINT64_MAX)) > 0;
    case MAX_TOKENS_TOTAL:
        return (o->max_total_tokens = args_count(a, "--max-tokens-total", value, UINT64_MAX)) > 0;
    case MAX_COST:
        return take_number(a, "--max-cost", value, false, &o->max_cost);
    case SEED:
        return args_whole(a, "--seed", value, UINT64_MAX, &o->seed);
    default:
        return take_shard(a, value, o);
    }
}

static bool take(benchmark *b, const args *a, int id, const char *value) {
    mlsel_bench_options *o = &b->options;
    switch (id) {
    case QUERIES:
        return take_text(a, "--queries", value, &o->queries_path);
    case CONFIG:
        return take_text(a, "--model-config", value, &o->config_path);
    case MODELS:
        return take_text(a, "--models", value, &o->models);
    case ENDPOINT:
        return take_text(a, "--endpoint", value, &o->endpoint);
    case OUTPUT:
        return take_text(a, "--output", value, &o->output_path);
    case CACERT:
        return take_text(a, "--cacert", value, &o->ca_path);
    case CONCISE:
        return o->concise = true;
    case RESUME:
        o->fresh = false;
        return true;
    case NO_RESUME:
        return o->fresh = true;
    case ALLOW_CODE:
        return b->allow_code = true;
    case JSON:
        return b->json = true;
    default:
        return take_numeric(o, a, id, value);
    }
}

int cmd_benchmark(char **arguments) {
    args a = {.command = "benchmark",
              .rest = arguments,
              .options = benchmark_options,
              .option_count = TOOL_ARRAY_LENGTH(benchmark_options)};
    benchmark b = {0};
    const char *value;
    mlsel_bench_options_init(&b.options);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == ARGS_BAD)
            return EXIT_USAGE;
        if (id == ARGS_OPERAND) {
            tool_error("unexpected argument \"%s\"", a.rest[-1]);
            args_help_hint("benchmark", NULL);
            return EXIT_USAGE;
        }
        if (id == HELP) {
            fputs(cmd_benchmark_help, stdout);
            return EXIT_ANSWER;
        }
        if (!take(&b, &a, id, value))
            return EXIT_USAGE;
    }
    if (b.options.queries_path == NULL || (b.options.config_path == NULL && b.options.models == NULL)) {
        tool_error("%s", b.options.queries_path == NULL ? "--queries is missing"
                                                        : "--model-config or --models has to say whom to ask");
        args_help_hint("benchmark", NULL);
        return EXIT_USAGE;
    }
    return run(&b);
}
