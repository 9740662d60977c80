/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "download.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"
#include "tool.h"

/* clang-format off */
const char cmd_download_help[] =
    "Usage: mlsel download models|data [options]\n"
    "\n"
    "Fetches artifacts (knn_model.json, kmeans_model.json, svm_model.json and\n"
    "mlp_model.json) or benchmark data (.jsonl and .json files) from a repository on\n"
    "the Hugging Face hub. Files that are there already as the hub has them are left\n"
    "alone; what an earlier run left incomplete is gone on with; size and SHA-256 are\n"
    "checked as far as the hub tells them; a file appears whole or not at all.\n"
    "\n"
    "Options:\n"
    "  --repo OWNER/NAME       models: " MLSEL_HUB_MODELS "\n"
    "                          data: " MLSEL_HUB_DATA "\n"
    "  --revision REV          branch, tag or commit (default main)\n"
    "  --file NAME             only this file of the repository; may be repeated\n"
    "  --output-dir DIR        (default models or data)\n"
    "  --mirror URL            instead of " MLSEL_HUB " (default the\n"
    "                          environment's HF_ENDPOINT, if it is set)\n"
    "  --retries N             further attempts that bring nothing (default 5)\n"
    "  --timeout S             seconds without a byte after which an attempt has\n"
    "                          failed (default 60)\n"
    "  --cacert FILE           certificates to trust instead of the system's\n"
    "  -h, --help              this text\n"
    "\n"
    "The environment's HF_TOKEN is the token for repositories that are not public. It\n"
    "goes to the hub or the mirror alone, not to where they redirect to.\n"
    "\n"
    "Examples:\n"
    "  mlsel download models --output-dir models\n"
    "  mlsel download data --file benchmark_training_data.jsonl\n";
/* clang-format on */

enum { MAX_FILES = 256 };

typedef struct download_command {
    mlsel_download_options options;
    const char *files[MAX_FILES];
    progress progress;
    uint64_t bytes; /* fetched now */
    failure problem;
} download_command;

static int32_t on_progress(const mlsel_download_progress *p, void *user) {
    download_command *c = user;
    char done[TEXT_NUMBER], total[TEXT_NUMBER];
    char *name = text_cleaned(p->file);
    if (p->is_complete) {
        progress_clear(&c->progress);
        printf("%s%s%s  %s%s\n", c->options.output_dir,
               c->options.output_dir[strlen(c->options.output_dir) - 1] == '/' ? "" : "/", name,
               text_bytes(done, p->done),
               p->was_complete ? ", was there"
               : p->is_resumed ? ", completed"
                               : "");
        (void)tool_flush();
        progress_start_stages(&c->progress);
    } else {
        char text[256];
        snprintf(text, sizeof text, "%s: %s%s%s", name, text_bytes(done, p->done), p->total > 0 ? " of " : "",
                 p->total > 0 ? text_bytes(total, p->total) : "");
        progress_stage(&c->progress, text, p->total > 0 ? (double)p->done / (double)p->total : (double)NAN);
    }
    free(name);
    return interrupt_came();
}

static void on_retry(const char *message, double wait_s, void *user) {
    download_command *c = user;
    progress_clear(&c->progress);
    tool_notice("%s; trying again in %.1f s", message, wait_s);
}

static void fail(download_command *c, const mlsel_error *err) {
    failure_of(&c->problem, err);
    if (err->code == MLSEL_ERROR_CANCELLED)
        failure_hint(&c->problem, "the same command goes on where this one ended");
    else if (err->detail == 401 && c->options.token == NULL)
        failure_hint(&c->problem, "HF_TOKEN=... mlsel download ...; tokens are made in the hub's settings");
    else if (err->detail == 404)
        failure_hint(&c->problem, "--repo, --revision and --file say what is asked for");
}

static int run(download_command *c) {
    mlsel_error err;
    interrupt_watch();
    c->options.files = c->files;
    c->options.progress = on_progress;
    c->options.on_retry = on_retry;
    c->options.is_cancelled = interrupt_stops;
    c->options.user = c;
    progress_start_stages(&c->progress);
    const mlsel_status status = mlsel_download(&c->options, NULL, &err);
    progress_clear(&c->progress);
    if (status != MLSEL_OK)
        fail(c, &err);
    return failure_report(&c->problem);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

enum { HELP = 1, REPO, REVISION, FILE_NAME, OUTPUT_DIR, MIRROR, RETRIES, TIMEOUT, CA_FILE };

static bool take_file(download_command *c, const args *a, const char *value) {
    if (c->options.n_files == MAX_FILES) {
        tool_error("--file is given more than %d times", (int)MAX_FILES);
        args_help_hint(a->command, NULL);
        return false;
    }
    c->files[c->options.n_files++] = value;
    return true;
}

static bool take(download_command *c, const args *a, int id, const char *value) {
    mlsel_download_options *o = &c->options;
    uint64_t number = 0;
    bool ok;
    switch (id) {
    case REPO:
        o->repository = value;
        return true;
    case REVISION:
        o->revision = value;
        return true;
    case FILE_NAME:
        return take_file(c, a, value);
    case OUTPUT_DIR:
        o->output_dir = *value == '\0' ? "." : value;
        return true;
    case MIRROR:
        o->hub = value;
        return true;
    case RETRIES:
        ok = args_whole(a, "--retries", value, 100, &number);
        o->retries = (uint32_t)number;
        return ok;
    case TIMEOUT:
        return args_real(a, "--timeout", value, ARGS_ABOVE_0, 1e6, "seconds, as in 30", &o->stall_s);
    case CA_FILE:
        o->ca_path = value;
        return true;
    default:
        tool_error("unexpected argument \"%s\"", value);
        args_help_hint(a->command, NULL);
        return false;
    }
}

/* The kind comes first, as it decides the defaults. */
static bool take_kind(download_command *c, char **arguments, char ***rest) {
    static const char *const kinds[] = {"models", "data"};
    const args a = {.command = "download"};
    if (arguments[0] == NULL || arguments[0][0] == '-') {
        tool_error("what is to be fetched: models or data?");
        args_help_hint("download", NULL);
        return false;
    }
    const int kind = args_choice(&a, "what is fetched", arguments[0], kinds, TOOL_ARRAY_LENGTH(kinds));
    if (kind < 0)
        return false;
    mlsel_download_options_init(&c->options, kind == 0 ? MLSEL_DOWNLOAD_MODELS : MLSEL_DOWNLOAD_DATA);
    *rest = arguments + 1;
    return true;
}

int cmd_download(char **arguments) {
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--repo", REPO, true},
                                          {"--revision", REVISION, true},
                                          {"--file", FILE_NAME, true},
                                          {"--output-dir", OUTPUT_DIR, true},
                                          {"--mirror", MIRROR, true},
                                          {"--retries", RETRIES, true},
                                          {"--timeout", TIMEOUT, true},
                                          {"--cacert", CA_FILE, true}};
    download_command c = {0};
    char **rest = arguments;
    if (arguments[0] != NULL && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        fputs(cmd_download_help, stdout);
        return EXIT_ANSWER;
    }
    if (!take_kind(&c, arguments, &rest))
        return EXIT_USAGE;
    const char *mirror = getenv("HF_ENDPOINT"), *token = getenv("HF_TOKEN");
    if (mirror != NULL && mirror[0] != '\0')
        c.options.hub = mirror;
    if (token != NULL && token[0] != '\0')
        c.options.token = token;
    args a = {.command = "download", .rest = rest, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    const char *value;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(cmd_download_help, stdout);
            return EXIT_ANSWER;
        }
        if (id == ARGS_BAD || !take(&c, &a, id, value))
            return EXIT_USAGE;
    }
    return run(&c);
}
