/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "json_out.h"
#include "model_file.h"
#include "text.h"
#include "tool.h"

const char cmd_convert_help[] = "Usage: mlsel convert [options] FILE NEW\n"
                                "\n"
                                "Writes a selector artifact in another format. From JSON to safetensors it\n"
                                "becomes a container that is mapped when it is loaded: at once, whatever its\n"
                                "size, in memory that processes share. Back to JSON nothing of the selector is\n"
                                "lost. Both select the same.\n"
                                "\n"
                                "FILE is an artifact in either format (`-`: standard input). The end of NEW tells\n"
                                "its format: .json or .safetensors. NEW appears only when it is complete, was\n"
                                "loaded again, and gave the same answers as FILE to some queries.\n"
                                "\n"
                                "Options:\n"
                                "  --to FORMAT  json or safetensors, whatever NEW is called\n"
                                "  --force      replace NEW if it exists\n"
                                "  --no-index   leave out what loading would otherwise compute: a smaller\n"
                                "               container, which is read through when it is loaded\n"
                                "  --no-verify  do not load NEW again\n"
                                "  --json       the summary as a JSON object\n"
                                "  -h, --help   this text\n"
                                "\n"
                                "Examples:\n"
                                "  mlsel convert examples/models/knn_model.json knn_model.safetensors\n"
                                "  mlsel convert knn_model.safetensors knn_model.json\n"
                                "  gzip -c examples/models/svm_model.json | zcat |\\\n"
                                "      mlsel convert --force - svm_model.safetensors\n";

enum { VERIFY_QUERIES = 64, SHOWN_FROM = 32 << 20, KEY_WIDTH = 14 };

typedef struct conversion {
    const char *from;
    const char *to;
    char *temporary; /* written first, then renamed */
    mlsel_save_options save;
    bool force;
    bool verify;
    bool json;
    bool shows_stage; /* on a terminal, where it takes a while */
    mlsel_model *model;
    mlsel_model_info info;
    mlsel_model_info result;
    size_t verified;
    failure problem;
} conversion;

static void show_stage(const conversion *c, const char *stage) {
    if (!c->shows_stage)
        return;
    fprintf(stderr, "\r\033[K%s", stage);
    fflush(stderr);
}

/* --- verifying --------------------------------------------------------------------------------------------------- */

/* A number from -1 to 1 (SplitMix64, G. L. Steele, D. Lea, C. H. Flood, 2014). */
static float next_value(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (float)((double)(z >> 40) / 8388608.0 - 1);
}

static bool same_labels(const mlsel_model *a, const mlsel_model *b) {
    size_t count = mlsel_model_label_count(a);
    if (mlsel_model_label_count(b) != count)
        return false;
    for (size_t i = 0; i < count; ++i)
        if (strcmp(mlsel_model_label(a, (int32_t)i), mlsel_model_label(b, (int32_t)i)) != 0)
            return false;
    return true;
}

static bool same_selection(const mlsel_selection *a, const mlsel_selection *b) {
    return a->index == b->index && a->runner_up == b->runner_up && a->score == b->score && a->margin == b->margin &&
           a->probability == b->probability && a->cluster == b->cluster && a->flags == b->flags;
}

static bool same_scores(const double *a, const double *b, size_t count) {
    size_t i = 0;
    while (i < count && a[i] == b[i])
        ++i;
    return i == count;
}

static mlsel_status ask(const mlsel_model *model, const float *query, size_t width, mlsel_selection *selection,
                        double *scores, size_t labels, mlsel_error *err) {
    mlsel_status status = mlsel_select(model, query, width, NULL, selection, err);
    return status == MLSEL_OK ? mlsel_score(model, query, width, NULL, scores, labels, err) : status;
}

/* Asks both the same; *same: whether selection and scores are equal to the last bit. */
static mlsel_status compare_answers(const conversion *c, const mlsel_model *other, float *query, double *scores,
                                    bool *same, mlsel_error *err) {
    size_t width = c->info.n_features, labels = c->info.n_labels;
    uint64_t state = 1;
    mlsel_status status = MLSEL_OK;
    *same = true;
    for (int q = 0; q < VERIFY_QUERIES && *same && status == MLSEL_OK; ++q) {
        mlsel_selection first, second;
        for (size_t i = 0; i < width; ++i)
            query[i] = next_value(&state);
        status = ask(c->model, query, width, &first, scores, labels, err);
        if (status == MLSEL_OK)
            status = ask(other, query, width, &second, scores + labels, labels, err);
        *same = status != MLSEL_OK || (same_selection(&first, &second) && same_scores(scores, scores + labels, labels));
    }
    return status;
}

static bool verify(conversion *c) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    mlsel_model *other = model_file_load(c->temporary, &options, &c->problem);
    if (other == NULL)
        return false;
    model_file_info(other, &c->result);
    float *query = tool_alloc(c->info.n_features, sizeof *query);
    double *scores = tool_alloc(2 * (size_t)c->info.n_labels, sizeof *scores);
    mlsel_error err;
    mlsel_status status = MLSEL_OK;
    bool same = c->result.algorithm == c->info.algorithm && c->result.n_features == c->info.n_features &&
                c->result.format_version == c->info.format_version && same_labels(c->model, other);
    if (same)
        status = compare_answers(c, other, query, scores, &same, &err);
    free(query);
    free(scores);
    mlsel_model_release(other);
    c->verified = VERIFY_QUERIES;
    if (status != MLSEL_OK) {
        failure_of(&c->problem, &err);
    } else if (!same) {
        failure_set(&c->problem, EXIT_INTERNAL, "%s: the new file does not answer as the old one", c->to);
        failure_hint(&c->problem, "this is a defect of mlsel, and nothing was written: please report it");
    }
    return same && status == MLSEL_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static void exists(conversion *c) {
    failure_set(&c->problem, EXIT_BAD_INPUT, "%s: exists already", c->to);
    failure_hint(&c->problem, "choose another name, or use --force to replace it");
}

/* Gives the finished file its name. Linking never replaces, but not every file system has it. */
static bool give_name(conversion *c) {
    if (!c->force && link(c->temporary, c->to) == 0) {
        unlink(c->temporary);
        return true;
    }
    struct stat about;
    if (!c->force && (errno == EEXIST || lstat(c->to, &about) == 0)) {
        exists(c);
        return false;
    }
    if ((c->force || errno == ENOENT) && rename(c->temporary, c->to) == 0)
        return true;
    failure_set(&c->problem, EXIT_BAD_INPUT, "%s: %s", c->to, strerror(errno));
    return false;
}

static bool save(conversion *c) {
    mlsel_error err;
    struct stat about;
    mlsel_status status = mlsel_model_save(c->model, c->temporary, &c->save, &err);
    if (status != MLSEL_OK) {
        size_t length = strlen(c->temporary);
        bool named = strncmp(err.message, c->temporary, length) == 0; /* people know the file by its own name */
        failure_set(&c->problem, tool_exit_code(status), "%s%s", named ? c->to : "",
                    err.message + (named ? length : 0));
        return false;
    }
    c->result.format = c->save.format;
    if (stat(c->temporary, &about) == 0)
        c->result.file_bytes = (uint64_t)about.st_size;
    return true;
}

static bool write_new(conversion *c) {
    size_t size = strlen(c->to) + 48;
    c->temporary = tool_alloc(size, 1);
    snprintf(c->temporary, size, "%s.%ld.new", c->to, (long)getpid());
    show_stage(c, "writing ...");
    if (!save(c))
        return false;
    tool_unfinished(c->temporary);
    show_stage(c, "verifying ...");
    bool done = (!c->verify || verify(c)) && give_name(c);
    if (!done)
        unlink(c->temporary);
    tool_finished(c->temporary);
    return done;
}

/* --- the summary ------------------------------------------------------------------------------------------------- */

static void print_line(const char *key, const char *value) { printf("  %-*s%s\n", KEY_WIDTH, key, value); }

static void print_summary(const conversion *c) {
    char line[256], before[TEXT_NUMBER], after[TEXT_NUMBER], count[TEXT_NUMBER];
    bool colour = tool_colour(STDOUT_FILENO);
    char *name = text_cleaned(c->to);
    printf("%s%s%s\n", tool_style(colour, STYLE_BOLD), name, tool_style_end(colour));
    free(name);
    snprintf(line, sizeof line, "%s (%s)", mlsel_algorithm_name(c->info.algorithm),
             model_file_algorithm_text(c->info.algorithm));
    print_line("algorithm", line);
    snprintf(line, sizeof line, "%s, before %s", mlsel_format_name(c->result.format),
             mlsel_format_name(c->info.format));
    print_line("format", line);
    snprintf(line, sizeof line, "%s, before %s", text_bytes(after, c->result.file_bytes),
             text_bytes(before, c->info.file_bytes));
    print_line("size", line);
    print_line("parameters", text_count(count, c->info.n_parameters));
    if (c->verified > 0 && c->result.format == MLSEL_FORMAT_SAFETENSORS)
        print_line("index", c->result.has_index ? "stored: loading reads no row" : "none");
    if (c->verified > 0) {
        snprintf(line, sizeof line, "all values, and %zu queries answered alike", c->verified);
        print_line("verified", line);
    } else {
        print_line("verified", "no");
    }
}

static void print_json(const conversion *c) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "file");
    json_string(&j, c->from);
    json_key(&j, "new");
    json_string(&j, c->to);
    json_key(&j, "algorithm");
    json_string(&j, mlsel_algorithm_name(c->info.algorithm));
    json_key(&j, "from");
    json_string(&j, mlsel_format_name(c->info.format));
    json_key(&j, "to");
    json_string(&j, mlsel_format_name(c->result.format));
    json_key(&j, "file_bytes");
    json_unsigned(&j, c->info.file_bytes);
    json_key(&j, "new_bytes");
    json_unsigned(&j, c->result.file_bytes);
    json_key(&j, "has_index");
    if (c->verified > 0)
        json_bool(&j, c->result.has_index != 0);
    else
        json_null(&j);
    json_key(&j, "verified_queries");
    json_unsigned(&j, c->verified);
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix) {
    size_t length = strlen(path), n = strlen(suffix);
    return length > n && strcmp(path + length - n, suffix) == 0;
}

static int usage_error(const char *message, const char *hint) {
    tool_error("%s", message);
    tool_hint("%s", hint);
    args_help_hint("convert", NULL);
    return EXIT_USAGE;
}

/* What the arguments leave open. -1 to go on. */
static int complete(conversion *c, size_t n_operands) {
    if (n_operands != 2)
        return usage_error(n_operands < 2 ? "two files are needed: the artifact and the new file" : "too many files",
                           "as in `mlsel convert knn_model.json knn_model.safetensors`");
    if (c->save.format == 0 && ends_in(c->to, ".safetensors"))
        c->save.format = MLSEL_FORMAT_SAFETENSORS;
    else if (c->save.format == 0 && ends_in(c->to, ".json"))
        c->save.format = MLSEL_FORMAT_JSON;
    else if (c->save.format == 0)
        return usage_error("the name of the new file ends in neither .json nor .safetensors",
                           "add one of them, or say --to json or --to safetensors");
    return -1;
}

static int convert(conversion *c) {
    struct stat about;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    bool is_large = strcmp(c->from, "-") == 0 || (stat(c->from, &about) == 0 && about.st_size >= SHOWN_FROM);
    const char *term = getenv("TERM");
    c->shows_stage = is_large && isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
    if (!c->force && lstat(c->to, &about) == 0) {
        exists(c);
        return failure_report(&c->problem);
    }
    show_stage(c, "loading ...");
    c->model = model_file_load(c->from, &options, &c->problem);
    bool done = c->model != NULL;
    if (done) {
        model_file_info(c->model, &c->info);
        done = write_new(c);
    }
    show_stage(c, "");
    if (!done)
        failure_report(&c->problem);
    else if (c->json)
        print_json(c);
    else
        print_summary(c);
    mlsel_model_release(c->model);
    free(c->temporary);
    return done ? EXIT_ANSWER : c->problem.exit_code;
}

int cmd_convert(char **arguments) {
    enum { HELP = 1, TO, FORCE, NO_INDEX, NO_VERIFY, JSON };
    static const args_option options[] = {{"--help", HELP, false},           {"--to", TO, true},
                                          {"--force", FORCE, false},         {"--no-index", NO_INDEX, false},
                                          {"--no-verify", NO_VERIFY, false}, {"--json", JSON, false}};
    static const char *const formats[] = {"json", "safetensors"};
    args a = {.command = "convert", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    conversion c = {.verify = true};
    const char *value;
    size_t count = 0;
    mlsel_save_options_init(&c.save, sizeof c.save);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        int format = -1;
        switch (id) {
        case ARGS_BAD:
            return EXIT_USAGE;
        case HELP:
            fputs(cmd_convert_help, stdout);
            return EXIT_ANSWER;
        case TO:
            format = args_choice(&a, "--to", value, formats, TOOL_ARRAY_LENGTH(formats));
            if (format < 0)
                return EXIT_USAGE;
            c.save.format = format == 0 ? MLSEL_FORMAT_JSON : MLSEL_FORMAT_SAFETENSORS;
            break;
        case ARGS_OPERAND:
            c.from = count == 0 ? a.rest[-1] : c.from;
            c.to = count == 1 ? a.rest[-1] : c.to;
            count++;
            break;
        default:
            c.force = c.force || id == FORCE;
            c.save.without_index = c.save.without_index || id == NO_INDEX;
            c.verify = c.verify && id != NO_VERIFY;
            c.json = c.json || id == JSON;
            break;
        }
    }
    int code = complete(&c, count);
    return code >= 0 ? code : convert(&c);
}
