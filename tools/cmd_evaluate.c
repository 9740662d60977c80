/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "commands.h"
#include "dataset_args.h"
#include "evaluate.h"
#include "model_file.h"
#include "progress.h"
#include "report_html.h"
#include "text.h"

/* clang-format off */
const char cmd_evaluate_help[] =
    "Usage: mlsel evaluate [options] --data-file RECORDS --model ARTIFACT...\n"
    "\n"
    "Lets selectors choose for benchmark records that they were not trained on, and\n"
    "compares what came of it with the oracle, the best model of each category and\n"
    "task, always one model, and chance: average quality, latency and cost, how often\n"
    "the best model was chosen, the share of the gap from the best single model to\n"
    "the oracle that is closed, regret, intervals (bootstrap over queries) and a\n"
    "paired test against the best single model. What was not measured counts as\n"
    "unknown, never as zero. `validate-models` is the same command.\n"
    "\n"
    "Options:\n"
    "  --model ARTIFACT        a selector; may be repeated\n"
    "  --models-dir DIR        those there are of DIR/knn_model.json,\n"
    "                          kmeans_model.json, svm_model.json and mlp_model.json\n"
    DATASET_ARGS_HELP
    "  --pool LIST             the same as --models\n"
    "  --train-data FILE       records that tell which single model is best, and\n"
    "                          which one of each category and task: those trained on;\n"
    "                          may be repeated. Without it the evaluated ones do,\n"
    "                          which flatters them\n"
    "  --quality-weight W      of quality in the utility that regret is measured in,\n"
    "                          from 0 to 1 (default 0.9); the rest is speed\n"
    "  --confidence C          of the intervals (default 0.95)\n"
    "  --resamples N           of the bootstrap (default 2000); 0: no intervals\n"
    "  --seed N                of resamples and sign flips (default 42)\n"
    "  --threads N             (default 1)\n"
    "  --report FILE           write a page with plots (HTML, needs nothing else)\n"
    "  --json                  one JSON object instead of tables\n"
    "  -h, --help              this text\n"
    "\n"
    "Examples:\n"
    "  mlsel evaluate --data-file examples/records.jsonl --embedding-model builtin \\\n"
    "      --models-dir examples/models\n"
    "  mlsel evaluate --data-file examples/records.jsonl --embedding-model builtin \\\n"
    "      --model examples/models/knn_model.json --json\n";
/* clang-format on */

enum { MAX_FILES = 64 };

typedef struct evaluation {
    dataset_args data;
    const char *model_paths[MAX_FILES];
    size_t model_count;
    const char *train_files[MAX_FILES];
    size_t train_count;
    const char *models_dir;
    char *found[4]; /* paths in models_dir */
    size_t found_count;
    bool json;
    mlsel_evaluate_options options;

    mlsel_model *models[MAX_FILES];
    mlsel_model_info infos[MAX_FILES];
    char *names[MAX_FILES];
    mlsel_dataset *dataset, *reference;
    mlsel_evaluation *result;
    evaluate_results results;
    progress progress;
    failure problem;
} evaluation;

/* --- models ------------------------------------------------------------------------------------------------------- */

static bool find_models(evaluation *e) {
    static const char *const files[] = {"knn_model.json", "kmeans_model.json", "svm_model.json", "mlp_model.json"};
    struct stat about;
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(files) && e->models_dir != NULL; ++i) {
        size_t size = strlen(e->models_dir) + strlen(files[i]) + 2;
        char *path = tool_alloc(size, 1);
        snprintf(path, size, "%s/%s", e->models_dir, files[i]);
        if (stat(path, &about) == 0 && e->model_count < MAX_FILES) {
            e->model_paths[e->model_count++] = path;
            e->found[e->found_count++] = path;
        } else {
            free(path);
        }
    }
    if (e->models_dir != NULL && e->found_count == 0) {
        failure_set(&e->problem, EXIT_BAD_INPUT,
                    "%s: has none of knn_model.json, kmeans_model.json, svm_model.json "
                    "and mlp_model.json",
                    e->models_dir);
        failure_hint(&e->problem, "--model names an artifact by itself");
        return false;
    }
    if (e->model_count > 0)
        return true;
    failure_set(&e->problem, EXIT_USAGE, "no selector to evaluate: --model or --models-dir is missing");
    failure_hint(&e->problem, "`mlsel evaluate --help` shows how it is used");
    return false;
}

/* "models/knn_model.json" is called "knn". */
static char *short_name(const char *path) {
    static const char *const ends[] = {".safetensors", ".json", "_model"};
    char *name = text_cleaned(text_base_name(path));
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(ends); ++i) {
        size_t length = strlen(name), end = strlen(ends[i]);
        if (length > end && strcmp(name + length - end, ends[i]) == 0)
            name[length - end] = '\0';
    }
    return name;
}

/* Short names where they tell the artifacts apart, else paths. */
static void name_models(evaluation *e) {
    for (size_t i = 0; i < e->model_count; ++i)
        e->names[i] = short_name(e->model_paths[i]);
    for (size_t i = 0; i < e->model_count; ++i) {
        bool is_taken = false;
        for (size_t j = 0; j < e->model_count; ++j) {
            char *other = short_name(e->model_paths[j]);
            is_taken = is_taken || (j != i && strcmp(other, e->names[i]) == 0);
            free(other);
        }
        if (is_taken) {
            free(e->names[i]);
            e->names[i] = text_cleaned(e->model_paths[i]);
        }
    }
}

static bool load_models(evaluation *e) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    name_models(e);
    for (size_t i = 0; i < e->model_count; ++i) {
        e->models[i] = model_file_load(e->model_paths[i], &options, &e->problem);
        if (e->models[i] == NULL)
            return false;
        model_file_info(e->models[i], &e->infos[i]);
    }
    e->data.embedding_width = e->infos[0].n_features - e->infos[0].n_categories;
    return true;
}

/* --- data --------------------------------------------------------------------------------------------------------- */

/* What is only compared with needs no embeddings. */
static bool read_reference(evaluation *e) {
    mlsel_error err;
    if (e->train_count == 0)
        return true;
    bool ok = mlsel_dataset_create(&e->reference, &err) == MLSEL_OK;
    for (size_t i = 0; i < e->train_count && ok; ++i)
        ok = mlsel_dataset_read_records(e->reference, e->train_files[i], NULL, &err) == MLSEL_OK;
    if (!ok)
        failure_of(&e->problem, &err);
    else
        dataset_args_print_findings(e->reference);
    e->options.reference = e->reference;
    return ok;
}

/* --- evaluating --------------------------------------------------------------------------------------------------- */

static bool evaluate(evaluation *e) {
    mlsel_contender contenders[MAX_FILES];
    mlsel_error err;
    for (size_t i = 0; i < e->model_count; ++i)
        contenders[i] = (mlsel_contender){e->names[i], e->models[i]};
    progress_start_stages(&e->progress);
    e->options.progress = progress_evaluation;
    e->options.user = &e->progress;
    mlsel_status status = mlsel_evaluate(e->dataset, contenders, e->model_count, &e->options, &e->result, &err);
    progress_clear(&e->progress);
    if (status == MLSEL_OK)
        return true;
    failure_of(&e->problem, &err);
    if (status == MLSEL_ERROR_NO_CANDIDATE)
        failure_hint(&e->problem, "`mlsel inspect` lists the labels of an artifact");
    return false;
}

static bool show(evaluation *e) {
    evaluate_results *r = &e->results;
    *r = (evaluate_results){.dataset = e->dataset,
                            .evaluation = e->result,
                            .models = e->infos,
                            .paths = e->model_paths,
                            .options = e->options,
                            .embedder = dataset_args_embedder(&e->data),
                            .report = r->report};
    mlsel_dataset_get_info(e->dataset, &r->info, sizeof r->info, NULL);
    if (e->reference != NULL)
        mlsel_dataset_get_info(e->reference, &r->reference, sizeof r->reference, NULL);
    evaluate_results_read(r);
    const bool has_report = r->report == NULL || report_html_write(r->report, r, &e->problem);
    if (!has_report)
        r->report = NULL; /* the numbers are there all the same */
    if (e->json)
        evaluate_print_json(r);
    else
        evaluate_print_table(r);
    if (r->report != NULL && !e->json)
        printf("\n%s has the plots\n", r->report);
    return has_report;
}

static int run(evaluation *e) {
    bool ok = find_models(e) && load_models(e);
    if (ok) {
        e->dataset = dataset_args_read(&e->data, &e->problem);
        ok = e->dataset != NULL && read_reference(e) && evaluate(e) && show(e);
    }
    int code = ok ? EXIT_ANSWER : failure_report(&e->problem);
    mlsel_evaluation_free(e->result);
    mlsel_dataset_free(e->dataset);
    mlsel_dataset_free(e->reference);
    free(e->results.policies);
    for (size_t i = 0; i < e->model_count; ++i) {
        mlsel_model_release(e->models[i]);
        free(e->names[i]);
    }
    for (size_t i = 0; i < e->found_count; ++i)
        free(e->found[i]);
    return code;
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

enum { HELP = 1, MODEL, MODELS_DIR, TRAIN_DATA, QUALITY_WEIGHT, CONFIDENCE, RESAMPLES, SEED, THREADS, REPORT, JSON };

static bool add_file(const args *a, const char *option, const char **files, size_t *count, const char *value) {
    if (*count < MAX_FILES) {
        files[(*count)++] = value;
        return true;
    }
    tool_error("%s is given more than %d times", option, (int)MAX_FILES);
    args_help_hint(a->command, NULL);
    return false;
}

static bool read_option(evaluation *e, const args *a, int id, const char *value) {
    uint64_t number = 0;
    bool ok = true;
    switch (id) {
    case MODEL:
        return add_file(a, "--model", e->model_paths, &e->model_count, value);
    case MODELS_DIR:
        e->models_dir = value;
        return true;
    case TRAIN_DATA:
        return add_file(a, "--train-data", e->train_files, &e->train_count, value);
    case QUALITY_WEIGHT:
        return args_real(a, "--quality-weight", value, 0, 1, "a number from 0 to 1", &e->options.quality_weight);
    case CONFIDENCE:
        return args_real(a, "--confidence", value, ARGS_ABOVE_0, ARGS_BELOW_1, "a number above 0 and below 1",
                         &e->options.confidence);
    case RESAMPLES:
        ok = args_whole(a, "--resamples", value, 100000, &number);
        e->options.resamples = (uint32_t)number;
        return ok;
    case SEED:
        return args_whole(a, "--seed", value, UINT64_MAX, &e->options.seed);
    case THREADS:
        e->options.threads = (uint32_t)args_count(a, "--threads", value, 256);
        return e->options.threads > 0;
    case REPORT:
        e->results.report = value;
        return true;
    case JSON:
        e->json = true;
        return true;
    default:
        return dataset_args_take(&e->data, a, id, value) == 0;
    }
}

int cmd_evaluate(char **arguments) {
    static const args_option known[] = {
        {"--help", HELP, false},
        {"--model", MODEL, true},
        {"--models-dir", MODELS_DIR, true},
        {"--pool", DATASET_ARGS_MODELS, true},
        {"--train-data", TRAIN_DATA, true},
        {"--quality-weight", QUALITY_WEIGHT, true},
        {"--confidence", CONFIDENCE, true},
        {"--resamples", RESAMPLES, true},
        {"--seed", SEED, true},
        {"--threads", THREADS, true},
        {"--report", REPORT, true},
        {"--json", JSON, false},
        DATASET_ARGS_OPTIONS,
    };
    args a = {.command = "evaluate", .rest = arguments, .options = known, .option_count = TOOL_ARRAY_LENGTH(known)};
    evaluation *e = tool_alloc(1, sizeof *e);
    const char *value;
    int code = -1;
    mlsel_evaluate_options_init(&e->options, sizeof e->options);
    for (int id; code < 0 && (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(cmd_evaluate_help, stdout);
            code = EXIT_ANSWER;
        } else if (id == ARGS_OPERAND) {
            tool_error("unexpected argument \"%s\": --data-file names the records, --model an artifact", value);
            args_help_hint("evaluate", NULL);
            code = EXIT_USAGE;
        } else if (id == ARGS_BAD || !read_option(e, &a, id, value)) {
            code = EXIT_USAGE;
        }
    }
    if (code < 0)
        code = run(e);
    free(e);
    return code;
}
