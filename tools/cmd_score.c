/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "code_layers.h"
#include "code_run.h"
#include "commands.h"
#include "interrupt.h"
#include "json_out.h"
#include "progress.h"
#include "rescore.h"
#include "table.h"
#include "text.h"
#include "tool.h"

/* clang-format off */
const char cmd_score_help[] =
    "Usage: mlsel score [options] RESULTS.jsonl\n"
    "\n"
    "Scores the answers in a finished file of benchmark results again, without\n"
    "asking any model: `response` against `ground_truth`, by the line's `metric`, or\n"
    "as multiple choice where it has `choices`, else by CEM. Shows what that changes\n"
    "and, with --output, writes the lines with their new `performance`; all else in\n"
    "them stays as it is. A line without a ground truth gets 0.5 and\n"
    "\"performance_known\": false. Lines with an `error` or without a response are\n"
    "carried through. RESULTS.jsonl may be `-`: standard input.\n"
    "\n"
    "Options:\n"
    "  --output NEW            write the lines to NEW, which appears when it is\n"
    "                          complete; without it nothing is written\n"
    "  --force                 replace NEW if it exists; it may be RESULTS.jsonl\n"
    "  --metric NAME           score all lines by em_mc, GSM8K, MATH, f1_score,\n"
    "                          code_eval, commongen_coverage or CEM\n"
    "  --allow-code-execution  run the code in answers to code_eval, in processes\n"
    "                          with limits and without network; such lines stay as\n"
    "                          they are otherwise\n"
    "  --python PATH           the Python to run code with (default python3)\n"
    "  --code-timeout N        seconds for each assertion (default 10)\n"
    "  --json                  the summary as a JSON object\n"
    "  -h, --help              this text\n"
    "\n"
    "Exit code 130 says that it was stopped by Ctrl-C; then nothing is written.\n"
    "\n"
    "Examples:\n"
    "  mlsel score benchmark_output.jsonl\n"
    "  mlsel score --output rescored.jsonl benchmark_output.jsonl\n"
    "  mlsel score --allow-code-execution --force --output benchmark_output.jsonl \\\n"
    "      benchmark_output.jsonl\n";
/* clang-format on */

typedef struct scoring {
    const char *input, *output;
    bool allows_code, json;
    mlsel_code_options code;
    mlsel_rescore_options options;
    mlsel_code_runner *runner;
    mlsel_rescore_report *report;
    progress progress;
    uint64_t total_bytes; /* 0: not known */
    failure problem;
} scoring;

/* --- output ---------------------------------------------------------------------------------------------------------
 */

static const char *mean_text(char out[TEXT_NUMBER], double sum, uint64_t n) {
    if (n == 0)
        return "-";
    return text_probability(out, sum / (double)n);
}

enum { MODEL, ROWS, BEFORE, AFTER, CHANGED, UNKNOWN, SKIPPED, ERRORS, COLUMNS };

/* One row of the table; without a table its columns are widened instead. */
static void print_sums(table *t, bool is_to_fit, const char *name, const mlsel_rescore_sums *s) {
    char numbers[COLUMNS][TEXT_NUMBER];
    const char *cells[COLUMNS];
    const uint64_t n_unknown = s->n_rows - s->n_errors - s->n_after;
    cells[MODEL] = name[0] == '\0' ? "(no name)" : name;
    cells[ROWS] = text_count(numbers[ROWS], s->n_rows);
    cells[BEFORE] = mean_text(numbers[BEFORE], s->before, s->n_before);
    cells[AFTER] = mean_text(numbers[AFTER], s->after, s->n_after);
    cells[CHANGED] = text_count(numbers[CHANGED], s->n_changed);
    cells[UNKNOWN] = text_count(numbers[UNKNOWN], n_unknown);
    cells[SKIPPED] = text_count(numbers[SKIPPED], s->n_skipped);
    cells[ERRORS] = text_count(numbers[ERRORS], s->n_errors);
    if (!is_to_fit) {
        table_row(t, cells, false);
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++)
        table_fit(&t->columns[i], cells[i]);
}

static void print_table(const scoring *s) {
    table_column columns[COLUMNS] = {{.title = "MODEL"},
                                     {.title = "ROWS", .right = true},
                                     {.title = "BEFORE", .right = true},
                                     {.title = "AFTER", .right = true},
                                     {.title = "CHANGED", .right = true},
                                     {.title = "UNKNOWN", .right = true},
                                     {.title = "NOT SCORED", .right = true},
                                     {.title = "ERRORS", .right = true}};
    table t = {.columns = columns, .count = COLUMNS, .colour = tool_colour(STDOUT_FILENO)};
    const size_t n = mlsel_rescore_model_count(s->report);
    mlsel_rescore_sums sums;
    for (int is_to_fit = 1; is_to_fit >= 0; is_to_fit--) {
        if (is_to_fit == 0)
            table_header(&t);
        for (size_t i = 0; i < n; i++) {
            char *name = text_cleaned(mlsel_rescore_model(s->report, i, &sums));
            print_sums(&t, is_to_fit != 0, name, &sums);
            free(name);
        }
        mlsel_rescore_total(s->report, &sums);
        if (n > 1)
            print_sums(&t, is_to_fit != 0, "all", &sums);
    }
}

static void write_mean(json_out *j, const char *key, double sum, uint64_t n) {
    json_key(j, key);
    if (n > 0)
        json_number(j, sum / (double)n);
    else
        json_null(j);
}

static void write_sums(json_out *j, const mlsel_rescore_sums *s) {
    json_pair_unsigned(j, "rows", s->n_rows);
    write_mean(j, "before", s->before, s->n_before);
    write_mean(j, "after", s->after, s->n_after);
    json_pair_unsigned(j, "changed", s->n_changed);
    json_pair_unsigned(j, "unknown", s->n_rows - s->n_errors - s->n_after);
    json_pair_unsigned(j, "not_scored", s->n_skipped);
    json_pair_unsigned(j, "errors", s->n_errors);
}

static void print_json(const scoring *s) {
    json_out j = {0};
    mlsel_rescore_sums sums;
    mlsel_rescore_oddities odd;
    mlsel_rescore_odd(s->report, &odd);
    json_open(&j, '{');
    json_key(&j, "output");
    json_string(&j, s->output);
    json_key(&j, "models");
    json_open(&j, '[');
    for (size_t i = 0; i < mlsel_rescore_model_count(s->report); i++) {
        json_open(&j, '{');
        const char *name = mlsel_rescore_model(s->report, i, &sums);
        json_key(&j, "model_name");
        json_string(&j, name);
        write_sums(&j, &sums);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_key(&j, "all");
    json_open(&j, '{');
    mlsel_rescore_total(s->report, &sums);
    write_sums(&j, &sums);
    json_close(&j, '}');
    json_key(&j, "metrics");
    json_open(&j, '{');
    for (mlsel_metric m = MLSEL_METRIC_CHOICE; m <= MLSEL_METRIC_CEM; m++)
        if (mlsel_rescore_metric_count(s->report, m) > 0)
            json_pair_unsigned(&j, mlsel_metric_name(m), mlsel_rescore_metric_count(s->report, m));
    json_close(&j, '}');
    json_pair_unsigned(&j, "bad_lines", odd.n_bad);
    json_pair_unsigned(&j, "without_response", odd.n_without_response);
    json_pair_unsigned(&j, "code_not_run", odd.n_not_run);
    json_pair_unsigned(&j, "unknown_metrics", odd.n_unknown_metric);
    json_close(&j, '}');
    json_end_line(&j);
}

static const char *lines_text(uint64_t n) { return n == 1 ? "line" : "lines"; }

/* What someone should know, on standard error. */
static void print_oddities(const scoring *s) {
    mlsel_rescore_oddities odd;
    mlsel_rescore_odd(s->report, &odd);
    if (odd.n_bad > 0)
        tool_warning("%" PRIu64 " %s no JSON object with distinct members, the first is line %" PRIu64
                     ": carried through as it is",
                     odd.n_bad, odd.n_bad == 1 ? "line is" : "lines are", odd.first_bad);
    if (odd.n_without_response > 0)
        tool_warning("%" PRIu64 " %s without a response, the first is line %" PRIu64 ": not scored",
                     odd.n_without_response, lines_text(odd.n_without_response), odd.first_without_response);
    if (odd.n_unknown_metric > 0)
        tool_warning("%" PRIu64 " %s an unknown metric, the first is line %" PRIu64
                     ": scored as multiple choice where there are choices, else by CEM",
                     odd.n_unknown_metric, odd.n_unknown_metric == 1 ? "line names" : "lines name",
                     odd.first_unknown_metric);
    if (odd.n_not_run > 0) {
        if (odd.n_not_run == 1)
            tool_notice("1 line of code_eval stays as it is, since its code was not run");
        else
            tool_notice("%" PRIu64 " lines of code_eval stay as they are, since their code was not run", odd.n_not_run);
        tool_hint("--allow-code-execution runs it, in processes with limits and without network");
    }
}

/* --- scoring --------------------------------------------------------------------------------------------------------
 */

static int on_progress(void *user, uint64_t n_lines, uint64_t n_bytes) {
    scoring *s = user;
    char text[128], lines[TEXT_NUMBER];
    snprintf(text, sizeof text, "scoring: %s lines", text_count(lines, n_lines));
    progress_stage(&s->progress, text, s->total_bytes > 0 ? (double)n_bytes / (double)s->total_bytes : 0);
    return interrupt_came();
}

static bool fail(scoring *s, const mlsel_error *err) {
    failure_of(&s->problem, err);
    return false;
}

/* What code is run with, and what of its protection is missing here. */
static bool prepare_code(scoring *s) {
    mlsel_error err;
    if (!s->allows_code)
        return true;
    if (mlsel_code_runner_create(&s->code, &s->runner, &err) != MLSEL_OK)
        return fail(s, &err);
    s->options.scoring = (mlsel_metric_options){.run_code = mlsel_code_run, .user = s->runner};
    code_layers_warn(s->runner);
    return true;
}

static bool check_output(scoring *s) {
    struct stat about;
    if (s->output == NULL || s->options.replace || lstat(s->output, &about) != 0)
        return true;
    failure_set(&s->problem, EXIT_BAD_INPUT, "%s: exists already", s->output);
    failure_hint(&s->problem, "choose another name, or use --force to replace it");
    return false;
}

static int run(scoring *s) {
    struct stat about;
    mlsel_error err;
    bool ok = check_output(s) && prepare_code(s);
    if (strcmp(s->input, "-") != 0 && stat(s->input, &about) == 0 && S_ISREG(about.st_mode))
        s->total_bytes = (uint64_t)about.st_size;
    s->options.progress = on_progress;
    s->options.user = s;
    if (ok) {
        interrupt_watch();
        progress_start_stages(&s->progress);
        ok = mlsel_rescore(s->input, s->output, &s->options, &s->report, &err) == MLSEL_OK || fail(s, &err);
        progress_clear(&s->progress);
    }
    if (ok && s->json)
        print_json(s);
    else if (ok)
        print_table(s);
    if (ok)
        print_oddities(s);
    mlsel_rescore_free(s->report);
    mlsel_code_runner_free(s->runner);
    return ok ? EXIT_ANSWER : failure_report(&s->problem);
}

/* --- the command ----------------------------------------------------------------------------------------------------
 */

static bool take_metric(scoring *s, const args *a, const char *value) {
    const char *names[MLSEL_METRIC_CEM];
    for (mlsel_metric m = MLSEL_METRIC_CHOICE; m <= MLSEL_METRIC_CEM; m++)
        names[m - 1] = mlsel_metric_name(m);
    s->options.metric = mlsel_metric_find(value);
    return s->options.metric != 0 || args_choice(a, "--metric", value, names, TOOL_ARRAY_LENGTH(names)) >= 0;
}

static bool take_timeout(scoring *s, const args *a, const char *value) {
    enum { MOST = 3600, DEFAULT_SECONDS = 10 };
    const uint64_t seconds = args_count(a, "--code-timeout", value, MOST);
    if (seconds == 0)
        return false;
    s->code.wall_seconds = (uint32_t)seconds;
    /* the limit of processor time follows where it would be above, or keep from what was asked for */
    if (s->code.cpu_seconds > s->code.wall_seconds || s->code.wall_seconds > DEFAULT_SECONDS)
        s->code.cpu_seconds = s->code.wall_seconds;
    return true;
}

int cmd_score(char **arguments) {
    enum { HELP = 1, OUTPUT, FORCE, METRIC, ALLOW, PYTHON, TIMEOUT, JSON };
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--output", OUTPUT, true},
                                          {"--force", FORCE, false},
                                          {"--metric", METRIC, true},
                                          {"--allow-code-execution", ALLOW, false},
                                          {"--python", PYTHON, true},
                                          {"--code-timeout", TIMEOUT, true},
                                          {"--json", JSON, false}};
    args a = {.command = "score", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    scoring s = {0};
    const char *value;
    size_t n_operands = 0;
    mlsel_code_options_init(&s.code);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        bool ok = true;
        switch (id) {
        case HELP:
            fputs(cmd_score_help, stdout);
            return EXIT_ANSWER;
        case OUTPUT:
            s.output = value;
            break;
        case METRIC:
            ok = take_metric(&s, &a, value);
            break;
        case PYTHON:
            s.code.python = value;
            break;
        case TIMEOUT:
            ok = take_timeout(&s, &a, value);
            break;
        case ARGS_OPERAND:
            s.input = value;
            n_operands++;
            break;
        case ARGS_BAD:
            ok = false;
            break;
        default:
            s.options.replace = s.options.replace || id == FORCE;
            s.allows_code = s.allows_code || id == ALLOW;
            s.json = s.json || id == JSON;
            break;
        }
        if (!ok)
            return EXIT_USAGE;
    }
    if (n_operands != 1) {
        tool_error(n_operands == 0 ? "no results: name a file" : "too many files: name one");
        args_help_hint("score", NULL);
        return EXIT_USAGE;
    }
    return run(&s);
}
