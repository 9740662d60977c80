/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cmd_calibrate_measure.h"
#include "commands.h"
#include "dataset_args.h"
#include "json_out.h"
#include "model_file.h"
#include "table.h"
#include "text.h"

const char cmd_calibrate_help[] = "Usage: mlsel calibrate --model FILE --data-file RECORDS --output NEW [options]\n"
                                  "\n"
                                  "Teaches an artifact how probable it is that an answer is good: compares, on\n"
                                  "records that it was not trained on, what it scores with what became of it, and\n"
                                  "writes a copy that has this calibration. Nothing else of the artifact changes.\n"
                                  "`select`, `explain` and `route` then show confidences, and a router's\n"
                                  "--min-probability means what it says.\n"
                                  "\n"
                                  "Without --output nothing is fitted or written: the calibration that the artifact\n"
                                  "has is compared with the records.\n"
                                  "\n"
                                  "Options:\n"
                                  "  --model FILE            the artifact, JSON\n" DATASET_ARGS_HELP
                                  "  --method METHOD         isotonic (default), a rising curve of any shape; or\n"
                                  "                          platt, a logistic one, for few records\n"
                                  "  --output NEW            the copy; the end of its name tells its format: .json\n"
                                  "                          or .safetensors\n"
                                  "  --force                 replace NEW if it exists\n"
                                  "  --share S               also find the floor that keeps this share of the\n"
                                  "                          choices\n"
                                  "  --quality Q             also find the floor above which choices have this mean\n"
                                  "                          quality\n"
                                  "  --json                  the summary as a JSON object\n"
                                  "  -h, --help              this text\n"
                                  "\n"
                                  "The table compares three guesses of what becomes of an answer by their mean\n"
                                  "squared error (Brier score; less is better): always the mean quality, the\n"
                                  "probability among the labels, and the confidence.\n"
                                  "\n"
                                  "Examples:\n"
                                  "  mlsel calibrate --model models/knn_model.json --data-file held_out.jsonl \\\n"
                                  "      --embeddings-file embeddings.jsonl --output models/calibrated.json\n"
                                  "  mlsel calibrate --model models/calibrated.json --data-file other.jsonl \\\n"
                                  "      --embedding-model builtin --share 0.8\n";

typedef struct calibration {
    const char *model_path;
    const char *output; /* NULL: compare only */
    dataset_args data;
    mlsel_calibration method; /* 0: not given */
    double share, quality;    /* negative: not asked for */
    bool force;
    bool json;
    mlsel_dataset *dataset;
    mlsel_model *model; /* the calibrated one */
    mlsel_model_info info;
    reliability found;
    mlsel_floor floor;
    bool has_floor;
    failure problem;
} calibration;

/* --- work --------------------------------------------------------------------------------------------------------- */

static bool fail(calibration *c, const mlsel_error *err) {
    failure_of(&c->problem, err);
    return false;
}

/* Before time is spent. */
static bool check_output(calibration *c) {
    if (c->output == NULL || c->force || access(c->output, F_OK) != 0)
        return true;
    failure_set(&c->problem, EXIT_BAD_INPUT, "%s: exists already", c->output);
    failure_hint(&c->problem, "choose another name, or use --force to replace it");
    return false;
}

static bool write_copy(calibration *c) {
    mlsel_save_options options;
    mlsel_error err;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = c->force;
    const mlsel_calibration method = c->method != 0 ? c->method : MLSEL_CALIBRATION_ISOTONIC;
    if (mlsel_calibrate(c->dataset, c->model_path, method, c->output, &options, &err) == MLSEL_OK)
        return true;
    fail(c, &err);
    if (err.code == MLSEL_ERROR_UNSUPPORTED)
        failure_hint(&c->problem, "`mlsel convert %s NEW.json` makes JSON of it", c->model_path);
    return false;
}

static bool find_floor(calibration *c) {
    mlsel_error err;
    if (c->share < 0 && c->quality < 0)
        return true;
    c->has_floor = mlsel_find_floor(c->dataset, c->model, c->share, c->quality, &c->floor, &err) == MLSEL_OK;
    return c->has_floor || fail(c, &err);
}

static bool is_calibrated(calibration *c) {
    if (c->info.is_calibrated != 0)
        return true;
    failure_set(&c->problem, EXIT_USAGE, "%s has no calibration: --output is missing", c->model_path);
    failure_hint(&c->problem, "--output NEW.json writes a copy that has one");
    return false;
}

/* The width that embeddings have to have is known before any is read. */
static bool look_at_model(calibration *c) {
    mlsel_model *model = model_file_load(c->model_path, NULL, &c->problem);
    if (model == NULL)
        return false;
    model_file_info(model, &c->info);
    mlsel_model_release(model);
    c->data.embedding_width = c->info.n_features - c->info.n_categories;
    return c->output != NULL || is_calibrated(c);
}

static bool calibrate(calibration *c) {
    mlsel_error err;
    if (!check_output(c) || !look_at_model(c))
        return false;
    c->dataset = dataset_args_read(&c->data, &c->problem);
    if (c->dataset == NULL || (c->output != NULL && !write_copy(c)))
        return false;
    c->model = model_file_load(c->output != NULL ? c->output : c->model_path, NULL, &c->problem);
    if (c->model == NULL)
        return false;
    model_file_info(c->model, &c->info);
    if (reliability_measure(c->dataset, c->model, &c->found, &err) != MLSEL_OK)
        return fail(c, &err);
    return find_floor(c);
}

/* --- for people --------------------------------------------------------------------------------------------------- */

enum { LABEL, RECORDS, QUALITY, CONFIDENCE, OF_MEAN, OF_SHARE, OF_CONFIDENCE, N_COLUMNS };

static const char *measured(char out[TEXT_NUMBER], double value) {
    return isnan(value) ? "-" : text_probability(out, value);
}

static void print_measure(const table *t, const char *label, const measure *m, bool highlighted) {
    char texts[N_COLUMNS][TEXT_NUMBER];
    const char *cells[N_COLUMNS];
    cells[LABEL] = label;
    cells[RECORDS] = text_count(texts[RECORDS], m->n);
    cells[QUALITY] = measured(texts[QUALITY], m->quality);
    cells[CONFIDENCE] = measured(texts[CONFIDENCE], m->confidence);
    cells[OF_MEAN] = measured(texts[OF_MEAN], m->brier_of_mean);
    cells[OF_SHARE] = measured(texts[OF_SHARE], m->brier_of_share);
    cells[OF_CONFIDENCE] = measured(texts[OF_CONFIDENCE], m->brier);
    table_row(t, cells, highlighted);
}

static void print_models(const calibration *c, bool colour) {
    static const char choice[] = "the choice";
    table_column columns[N_COLUMNS] = {{"MODEL", 0, false}, {"RECORDS", 0, true},     {"QUALITY", 0, true},
                                       {"CONF.", 6, true},  {"BRIER: MEAN", 0, true}, {"PROB.", 6, true},
                                       {"CONF.", 6, true}};
    table t = {.columns = columns, .count = N_COLUMNS, .indent = 2, .colour = colour};
    char **names = tool_alloc(c->found.n_labels, sizeof *names);
    table_fit(&columns[LABEL], choice);
    for (size_t i = 0; i < c->found.n_labels; ++i) {
        names[i] = text_cleaned(mlsel_model_label(c->model, (int32_t)i));
        table_fit(&columns[LABEL], names[i]);
    }
    table_header(&t);
    for (size_t i = 0; i < c->found.n_labels; ++i) {
        print_measure(&t, names[i], &c->found.labels[i], false);
        free(names[i]);
    }
    free(names);
    print_measure(&t, choice, &c->found.choice, true);
}

static void print_bins(const calibration *c, bool colour) {
    table_column columns[] = {{"CONFIDENCE", 0, true}, {"QUALITY", 0, true}, {"CHOICES", 0, true}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .indent = 2, .colour = colour, .highlight = 99};
    if (c->found.n_bins == 0)
        return;
    printf("\nChoices by confidence:\n");
    table_header(&t);
    for (size_t i = 0; i < c->found.n_bins; ++i) {
        const mlsel_reliability *bin = &c->found.bins[i];
        char confidence[TEXT_NUMBER], quality[TEXT_NUMBER], n[TEXT_NUMBER];
        const char *cells[] = {text_probability(confidence, bin->confidence), text_probability(quality, bin->quality),
                               text_count(n, bin->n)};
        table_row(&t, cells, false);
    }
}

/* The fewest digits that give the floor back, so that the command below keeps what is said here. */
static const char *exact(char out[TEXT_NUMBER], double value) {
    for (int digits = 1; digits <= 17; ++digits) {
        snprintf(out, TEXT_NUMBER, "%.*g", digits, value);
        const double back = strtod(out, NULL);
        if (back >= value && back <= value)
            break;
    }
    return out;
}

static void print_floor(const calibration *c) {
    const mlsel_floor *f = &c->floor;
    char confidence[TEXT_NUMBER], quality[TEXT_NUMBER], below[TEXT_NUMBER];
    if (!c->has_floor)
        return;
    exact(confidence, f->confidence);
    printf("\nA floor of %s keeps %.1f %% of the choices, with a mean quality of %s", confidence, 100 * f->share,
           measured(quality, f->quality));
    if (!isnan(f->below))
        printf(" (that of the others: %s)", measured(below, f->below));
    printf(".\nUse it as `mlsel route CONFIG --min-probability %s`, min_probability of a request,\n"
           "or mlsel_router_options.min_probability.\n",
           confidence);
}

static void print_text(const calibration *c) {
    const bool colour = tool_colour(STDOUT_FILENO);
    char count[TEXT_NUMBER];
    char *name = text_cleaned(c->output != NULL ? c->output : c->model_path);
    printf("%s%s%s: %s calibration", tool_style(colour, STYLE_BOLD), name, tool_style_end(colour),
           model_file_calibration_name(c->info.is_calibrated));
    free(name);
    if (c->info.calibration_records > 0)
        printf(", fitted to %s records%s", text_count(count, c->info.calibration_records),
               c->output != NULL ? ", which the following is measured on" : "");
    printf("\n\n");
    print_models(c, colour);
    print_bins(c, colour);
    print_floor(c);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void json_measure(json_out *j, const measure *m) {
    json_open(j, '{');
    json_pair_unsigned(j, "records", m->n);
    json_pair_number(j, "quality", m->quality);
    json_pair_number(j, "confidence", m->confidence);
    json_pair_number(j, "brier_of_mean", m->brier_of_mean);
    json_pair_number(j, "brier_of_probability", m->brier_of_share);
    json_pair_number(j, "brier_of_confidence", m->brier);
    json_close(j, '}');
}

static void json_floor(json_out *j, const mlsel_floor *f) {
    json_key(j, "floor");
    json_open(j, '{');
    json_pair_number(j, "min_probability", f->confidence);
    json_pair_number(j, "share", f->share);
    json_pair_number(j, "quality", f->quality);
    json_pair_number(j, "quality_below", f->below);
    json_pair_unsigned(j, "choices", f->n);
    json_close(j, '}');
}

static void json_bins(json_out *j, const reliability *found) {
    json_key(j, "reliability");
    json_open(j, '[');
    for (size_t i = 0; i < found->n_bins; ++i) {
        json_open(j, '{');
        json_pair_number(j, "confidence", found->bins[i].confidence);
        json_pair_number(j, "quality", found->bins[i].quality);
        json_pair_unsigned(j, "choices", found->bins[i].n);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_json(const calibration *c) {
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "model");
    json_string(&j, c->model_path);
    json_key(&j, "output");
    json_string(&j, c->output);
    json_key(&j, "method");
    json_string(&j, model_file_calibration_name(c->info.is_calibrated));
    json_pair_unsigned(&j, "records", c->info.calibration_records);
    json_key(&j, "models");
    json_open(&j, '{');
    for (size_t i = 0; i < c->found.n_labels; ++i) {
        json_key(&j, mlsel_model_label(c->model, (int32_t)i));
        json_measure(&j, &c->found.labels[i]);
    }
    json_close(&j, '}');
    json_key(&j, "choice");
    json_measure(&j, &c->found.choice);
    json_bins(&j, &c->found);
    if (c->has_floor)
        json_floor(&j, &c->floor);
    dataset_args_write_json(&j, c->dataset);
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static int usage_error(const char *message) {
    tool_error("%s", message);
    args_help_hint("calibrate", NULL);
    return EXIT_USAGE;
}

static int check_arguments(const calibration *c) {
    if (c->model_path == NULL)
        return usage_error("no artifact: --model is missing");
    if (strcmp(c->model_path, "-") == 0)
        return usage_error("--model must be a file");
    if (c->data.data_file_count == 0)
        return usage_error("no records: --data-file is missing");
    if (c->share >= 0 && c->quality >= 0)
        return usage_error("give --share or --quality, not both");
    if (c->output == NULL && (c->method != 0 || c->force))
        return usage_error("--method and --force are about a copy: --output is missing");
    return -1;
}

static int finish(calibration *c) {
    const bool done = calibrate(c);
    if (!done)
        failure_report(&c->problem);
    else if (c->json)
        print_json(c);
    else
        print_text(c);
    reliability_free(&c->found);
    mlsel_model_release(c->model);
    mlsel_dataset_free(c->dataset);
    return done ? EXIT_ANSWER : c->problem.exit_code;
}

int cmd_calibrate(char **arguments) {
    enum { HELP = 1, MODEL, METHOD, OUTPUT, FORCE, SHARE, QUALITY_OPTION, JSON };
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--model", MODEL, true},
                                          {"--method", METHOD, true},
                                          {"--output", OUTPUT, true},
                                          {"--force", FORCE, false},
                                          {"--share", SHARE, true},
                                          {"--quality", QUALITY_OPTION, true},
                                          {"--json", JSON, false},
                                          DATASET_ARGS_OPTIONS};
    static const char *const methods[] = {"isotonic", "platt"};
    args a = {
        .command = "calibrate", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    calibration c = {.share = -1, .quality = -1};
    const char *value;
    int index;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        switch (id) {
        case ARGS_BAD:
            return EXIT_USAGE;
        case HELP:
            fputs(cmd_calibrate_help, stdout);
            return EXIT_ANSWER;
        case ARGS_OPERAND:
            tool_error("unexpected argument \"%s\"", value);
            args_help_hint("calibrate", NULL);
            return EXIT_USAGE;
        case MODEL:
            c.model_path = value;
            break;
        case METHOD:
            if ((index = args_choice(&a, "--method", value, methods, TOOL_ARRAY_LENGTH(methods))) < 0)
                return EXIT_USAGE;
            c.method = index == 0 ? MLSEL_CALIBRATION_ISOTONIC : MLSEL_CALIBRATION_PLATT;
            break;
        case OUTPUT:
            c.output = value;
            break;
        case SHARE:
        case QUALITY_OPTION:
            if (!args_real(&a, id == SHARE ? "--share" : "--quality", value, 0, 1, "a number from 0 to 1",
                           id == SHARE ? &c.share : &c.quality))
                return EXIT_USAGE;
            break;
        default:
            c.force = c.force || id == FORCE;
            c.json = c.json || id == JSON;
            if (dataset_args_take(&c.data, &a, id, value) == ARGS_BAD)
                return EXIT_USAGE;
            break;
        }
    }
    const int code = check_arguments(&c);
    return code >= 0 ? code : finish(&c);
}
