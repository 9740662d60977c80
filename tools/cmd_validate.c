/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "json_out.h"
#include "snippet.h"
#include "source.h"
#include "text.h"
#include "tool.h"

const char cmd_validate_help[] = "Usage: mlsel validate [options] CONFIG...\n"
                                 "\n"
                                 "Checks router configurations: the text, what it means, and the artifacts and\n"
                                 "devices it names. What passes will run. CONFIG is a YAML or JSON file in any\n"
                                 "of the dialects in use, or - for standard input. Every finding comes with its\n"
                                 "place and a code that docs/configuration.md explains.\n"
                                 "\n"
                                 "Options:\n"
                                 "  --models DIR          artifacts are DIR/<algorithm>_model.json, whatever the\n"
                                 "                        file says\n"
                                 "  --models-root DIR     artifacts that are not below DIR, all links followed,\n"
                                 "                        are errors\n"
                                 "  --text-only           look at the text alone: no artifacts, no devices\n"
                                 "  --device DEVICE       in place of every device in the file\n"
                                 "  --device-fallback     a device that is missing gives way to the CPU\n"
                                 "  --categories LAYOUT   of artifacts that name none: vsr (default) or vsr-doc\n"
                                 "  --warnings-as-errors  exit code 1 for warnings too; --strict is the same\n"
                                 "  --quiet               one line for each error and warning, nothing else\n"
                                 "  --json                one JSON object per finding, then one for each file\n"
                                 "  -h, --help            this text\n"
                                 "\n"
                                 "Exit codes:\n"
                                 "  0  valid\n"
                                 "  1  errors were found, or a file cannot be read\n"
                                 "  2  bad usage\n"
                                 "  4  nothing is wrong but that a device is not available\n"
                                 "  5  out of memory, or a defect of mlsel\n"
                                 "\n"
                                 "Examples:\n"
                                 "  mlsel validate examples/router.yaml\n"
                                 "  mlsel validate --warnings-as-errors --quiet examples/router.yaml\n"
                                 "  mlsel validate --models examples/models --json examples/router.yaml\n";

/* As mlsel_router_options.max_config_bytes of 0. */
#define MAX_BYTES ((size_t)16 << 20)

typedef struct validate_options {
    mlsel_router_options router;
    uint32_t flags;
    bool strict;
    bool quiet;
    bool json;
} validate_options;

/* --- one finding -------------------------------------------------------------------------------------------------- */

static void print_json(const mlsel_diagnostic *d) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "file");
    json_string(&j, d->file);
    json_key(&j, "line");
    json_unsigned(&j, d->line);
    json_key(&j, "column");
    json_unsigned(&j, d->column);
    json_key(&j, "end_line");
    json_unsigned(&j, d->end_line);
    json_key(&j, "end_column");
    json_unsigned(&j, d->end_column);
    json_key(&j, "severity");
    json_string(&j, mlsel_severity_name(d->severity));
    json_key(&j, "code");
    json_string(&j, d->code);
    json_key(&j, "message");
    json_string(&j, d->message);
    json_key(&j, "suggestion");
    json_string(&j, d->suggestion);
    json_close(&j, '}');
    json_end_line(&j);
}

static void print_text(const mlsel_diagnostic *d, bool brief) {
    bool colour = tool_colour(STDOUT_FILENO);
    int style = d->severity == MLSEL_SEVERITY_ERROR     ? STYLE_BAD
                : d->severity == MLSEL_SEVERITY_WARNING ? STYLE_WARN
                                                        : STYLE_BOLD;
    char *file = text_cleaned(d->file), *message = text_cleaned(d->message);
    printf("%s%s", tool_style(colour, STYLE_BOLD), file);
    if (d->line > 0)
        printf(":%" PRIu32 ":%" PRIu32, d->line, d->column);
    printf(":%s %s%s:%s %s %s[%s]%s\n", tool_style_end(colour), tool_style(colour, style),
           mlsel_severity_name(d->severity), tool_style_end(colour), message, tool_style(colour, STYLE_DIM), d->code,
           tool_style_end(colour));
    free(file);
    free(message);
    if (brief)
        return;
    if (d->source != NULL && d->line > 0)
        snippet_print(d->source, d->line, d->column, d->end_line == d->line ? d->end_column : 0, style, colour);
    if (d->suggestion != NULL) {
        char *suggestion = text_cleaned(d->suggestion);
        printf("%s%s\n", SNIPPET_INDENT "= ", suggestion);
        free(suggestion);
    }
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

static void print_summary_json(const char *name, const mlsel_diagnostics_info *info, bool valid) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "file");
    json_string(&j, name);
    json_key(&j, "valid");
    json_bool(&j, valid);
    json_key(&j, "errors");
    json_unsigned(&j, info->n_errors);
    json_key(&j, "warnings");
    json_unsigned(&j, info->n_warnings);
    json_key(&j, "notes");
    json_unsigned(&j, info->n_notes);
    json_key(&j, "dialect");
    json_string(&j, info->dialect);
    json_key(&j, "decisions");
    json_unsigned(&j, info->n_decisions);
    json_key(&j, "artifacts");
    json_unsigned(&j, info->n_artifacts);
    json_close(&j, '}');
    json_end_line(&j);
}

static void print_count(uint64_t count, const char *noun) {
    char number[TEXT_NUMBER];
    printf("%s %s%s", text_count(number, count), noun, count == 1 ? "" : "s");
}

static void print_summary(const char *given, const mlsel_diagnostics_info *info, const validate_options *options,
                          bool valid) {
    bool colour = tool_colour(STDOUT_FILENO);
    uint64_t found = info->n_errors + info->n_warnings + info->n_notes;
    char *name = text_cleaned(given);
    if (found > info->n_diagnostics) {
        printf("... and ");
        print_count(found - info->n_diagnostics, "more finding");
        printf("\n");
    }
    if (found > 0 && !options->quiet)
        printf("\n");
    printf("%s: %s%s%s", name, tool_style(colour, valid ? STYLE_GOOD : STYLE_BAD), valid ? "valid" : "not valid",
           tool_style_end(colour));
    free(name);
    if (valid) {
        printf(", %s dialect, ", info->dialect);
        print_count(info->n_decisions, "decision");
        if ((options->flags & MLSEL_VALIDATE_TEXT_ONLY) == 0) {
            printf(", ");
            print_count(info->n_artifacts, "artifact");
        }
    }
    if (info->n_errors > 0) {
        printf(", ");
        print_count(info->n_errors, "error");
    }
    if (info->n_warnings > 0) {
        printf(", ");
        print_count(info->n_warnings, "warning");
        if (options->strict)
            printf(" (counting as errors)");
    }
    printf("\n");
}

/* Prints the findings; returns the exit code that they mean. */
static int report(const mlsel_diagnostics *found, const char *name, const validate_options *options) {
    mlsel_diagnostics_info info = {0};
    mlsel_diagnostic d;
    uint64_t missing_devices = 0;
    if (mlsel_diagnostics_get_info(found, &info, sizeof info, NULL) != MLSEL_OK)
        return EXIT_INTERNAL;
    for (size_t i = 0; mlsel_diagnostics_get(found, i, &d, sizeof d, NULL) == MLSEL_OK; ++i) {
        missing_devices += strcmp(d.code, "device-unavailable") == 0;
        if (options->json)
            print_json(&d);
        else if (!options->quiet || d.severity > MLSEL_SEVERITY_NOTE)
            print_text(&d, options->quiet);
    }
    bool warned = options->strict && info.n_warnings > 0;
    bool valid = info.n_errors == 0 && !warned;
    if (options->json)
        print_summary_json(name, &info, valid);
    else if (!options->quiet)
        print_summary(name, &info, options, valid);
    if (valid)
        return EXIT_ANSWER;
    return info.n_errors == missing_devices && !warned ? EXIT_NO_DEVICE : EXIT_BAD_INPUT;
}

/* The library reads regular files only; a pipe is read here. */
static bool is_stream(const char *path) {
    struct stat info;
    return strcmp(path, "-") == 0 || (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

static mlsel_diagnostics *validate_stream(const char *path, const char *name, const validate_options *options,
                                          failure *problem) {
    mlsel_diagnostics *found = NULL;
    mlsel_error err;
    source s;
    if (!source_open(&s, strcmp(path, "-") == 0 ? NULL : path, problem))
        return NULL;
    size_t size = source_peek(&s, MAX_BYTES + 1);
    if (s.error != 0)
        failure_set(problem, EXIT_BAD_INPUT, "%s: %s", name, strerror(s.error));
    else if (mlsel_config_validate_memory(size > 0 ? (const void *)source_bytes(&s) : "", size, name, &options->router,
                                          options->flags, &found, &err) != MLSEL_OK)
        failure_set(problem, tool_exit_code(err.code), "%s: %s", name, err.message);
    source_close(&s);
    return found;
}

static int validate(const char *path, const validate_options *options) {
    mlsel_diagnostics *found = NULL;
    mlsel_error err;
    failure problem = {0};
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (is_stream(path)) {
        found = validate_stream(path, name, options, &problem);
    } else if (mlsel_config_validate(path, &options->router, options->flags, &found, &err) != MLSEL_OK) {
        failure_of(&problem, &err);
        if (err.code == MLSEL_ERROR_INVALID_ARGUMENT)
            failure_hint(&problem, "`mlsel validate --help` shows how it is used");
    }
    if (found == NULL)
        return failure_report(&problem);
    int code = report(found, name, options);
    mlsel_diagnostics_release(found);
    return code;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

enum { HELP = 1, MODELS, MODELS_ROOT, TEXT_ONLY, DEVICE, FALLBACK, CATEGORIES, STRICT, QUIET, JSON };

/* False after a message. */
static bool read_option(const args *a, int id, const char *value, validate_options *options) {
    static const char *const layouts[] = {"vsr", "vsr-doc"};
    switch (id) {
    case MODELS:
        options->router.models_dir = value;
        break;
    case MODELS_ROOT:
        options->router.models_root = value;
        break;
    case TEXT_ONLY:
        options->flags |= MLSEL_VALIDATE_TEXT_ONLY;
        break;
    case DEVICE:
        options->router.device = value;
        break;
    case FALLBACK:
        options->router.allow_device_fallback = 1;
        break;
    case CATEGORIES: {
        int choice = args_choice(a, "--categories", value, layouts, TOOL_ARRAY_LENGTH(layouts));
        options->router.category_layout = choice > 0 ? MLSEL_CATEGORIES_VSR_DOC : MLSEL_CATEGORIES_VSR;
        return choice >= 0;
    }
    case STRICT:
        options->strict = true;
        break;
    case QUIET:
        options->quiet = true;
        break;
    default:
        options->json = true;
        break;
    }
    return true;
}

int cmd_validate(char **arguments) {
    static const args_option known[] = {
        {"--help", HELP, false},
        {"--models", MODELS, true},
        {"--models-root", MODELS_ROOT, true},
        {"--text-only", TEXT_ONLY, false},
        {"--device", DEVICE, true},
        {"--device-fallback", FALLBACK, false},
        {"--categories", CATEGORIES, true},
        {"--warnings-as-errors", STRICT, false},
        {"--strict", STRICT, false},
        {"--quiet", QUIET, false},
        {"--json", JSON, false},
    };
    args a = {.command = "validate", .rest = arguments, .options = known, .option_count = TOOL_ARRAY_LENGTH(known)};
    validate_options options = {0};
    const char *value;
    size_t count = 0;
    mlsel_router_options_init(&options.router, sizeof options.router);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(cmd_validate_help, stdout);
            return EXIT_ANSWER;
        }
        if (id == ARGS_BAD || (id != ARGS_OPERAND && !read_option(&a, id, value, &options)))
            return EXIT_USAGE;
        if (id == ARGS_OPERAND)
            arguments[count++] = a.rest[-1];
    }
    if (count == 0) {
        tool_error("no configuration to validate");
        args_help_hint("validate", NULL);
        return EXIT_USAGE;
    }
    int code = EXIT_ANSWER;
    for (size_t i = 0; i < count && tool_flush(); ++i) {
        int found = validate(arguments[i], &options);
        if (code == EXIT_ANSWER || (code == EXIT_NO_DEVICE && found != EXIT_ANSWER))
            code = found;
    }
    return code;
}
