/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "commands.h"
#include "dataset_args.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"
#include "tool.h"
#include "train_options.h"
#include "train_result.h"

/* clang-format off */
const char cmd_train_help[] =
    "Usage: mlsel train --data-file FILE [options]\n"
    "\n"
    "Makes selectors from benchmark records: knn_model.json, kmeans_model.json,\n"
    "svm_model.json and mlp_model.json, which routers load.\n"
    "\n"
    "Data:\n" DATASET_ARGS_HELP "\n"
    "Output:\n"
    "  --algorithm NAME        all (default), knn, kmeans, svm or mlp; may be\n"
    "                          repeated\n"
    "  --output-dir DIR        where the artifacts go (default models); those there\n"
    "                          are replaced\n"
    "  --safetensors           write a container beside each artifact, for instant\n"
    "                          loading\n"
    "  --holdout SHARE         train on the rest, and evaluate on this share of the\n"
    "                          queries, as in 0.2\n"
    "  --report FILE           with --holdout: write a page with plots\n"
    "  --json                  the summary as a JSON object; with --holdout a second\n"
    "                          line has the evaluation\n"
    "  -h, --help              this text\n"
    "\n" TRAIN_OPTIONS_HELP "\n"
    "Without --embedding-model the cache is asked for embeddings of qwen3.\n"
    "\n"
    "The table says what each selector is worth on queries that were held out in\n"
    "cross-validation, beside the best single model on the same queries; --holdout,\n"
    "or `mlsel evaluate`, measures it on records that were not trained on. Ctrl-C\n"
    "stops; an artifact appears whole or not at all. Exit code 130 says that it was\n"
    "stopped.\n"
    "\n"
    "Examples:\n"
    "  mlsel train --data-file examples/records.jsonl --embedding-model builtin\n"
    "  mlsel train --data-file benchmark.jsonl --embeddings-file embeddings.jsonl \\\n"
    "      --algorithm svm --tune --output-dir models\n"
    "  mlsel train --data-file benchmark.jsonl --embedding-model builtin \\\n"
    "      --quality-weight 0.5 --threads 2 --json\n";
/* clang-format on */

typedef struct training {
    dataset_args data;
    mlsel_train_options options;
    bool algorithms[MLSEL_ALGORITHM_MLP + 1];
    const char *output_dir;
    bool safetensors;
    double holdout; /* share held out; 0: none */
    const char *report;
    bool json;
    progress progress;
    train_result results[MLSEL_ALGORITHM_MLP];
    size_t count;
    failure problem;
} training;

/* --- training ----------------------------------------------------------------------------------------------------- */

static int32_t on_progress(const mlsel_train_progress *p, void *user) {
    training *t = user;
    char text[160], number[TEXT_NUMBER] = "", total[TEXT_NUMBER] = "", loss[TEXT_NUMBER + 16] = "";
    if (p->total > 0) {
        text_count(number, p->done);
        text_count(total, p->total);
    }
    if (!isnan(p->loss)) {
        char value[TEXT_NUMBER];
        snprintf(loss, sizeof loss, ", loss %s", text_number(value, p->loss));
    }
    snprintf(text, sizeof text, "%s: %s%s%s%s%s%s", mlsel_algorithm_name(p->algorithm), p->stage,
             p->total > 0 ? " " : "", number, p->total > 0 ? " of " : "", total, loss);
    progress_stage(&t->progress, text, p->fraction);
    return interrupt_came();
}

static bool fail(training *t, const mlsel_error *err) {
    failure_of(&t->problem, err);
    return false;
}

static char *path_of(const training *t, mlsel_algorithm algorithm, const char *ending) {
    const size_t size = strlen(t->output_dir) + 64;
    char *path = tool_alloc(size, 1);
    const size_t length = strlen(t->output_dir);
    const char *slash = length > 0 && t->output_dir[length - 1] == '/' ? "" : "/";
    snprintf(path, size, "%s%s%s_model.%s", t->output_dir, slash, mlsel_algorithm_name(algorithm), ending);
    return path;
}

static bool save(training *t, const mlsel_training *trained, train_result *r) {
    mlsel_save_options options;
    mlsel_error err;
    mlsel_save_options_init(&options, sizeof options);
    options.replace = 1;
    r->path = path_of(t, r->info.algorithm, "json");
    if (mlsel_training_save(trained, r->path, &options, &err) != MLSEL_OK)
        return fail(t, &err);
    if (!t->safetensors)
        return true;
    r->container = path_of(t, r->info.algorithm, "safetensors");
    return mlsel_training_save(trained, r->container, &options, &err) == MLSEL_OK || fail(t, &err);
}

/* Whether another device than the CPU was asked for. */
static bool has_device(const training *t) { return t->options.device != NULL && strcmp(t->options.device, "cpu") != 0; }

static void add_hint(training *t, mlsel_status status) {
    if (t->problem.hint[0] != '\0')
        return;
    if (has_device(t) && (status == MLSEL_ERROR_DEVICE || status == MLSEL_ERROR_VERSION ||
                          status == MLSEL_ERROR_UNSUPPORTED || status == MLSEL_ERROR_NO_MEMORY))
        failure_hint(&t->problem, "without --device the CPU trains");
    else if (status == MLSEL_ERROR_UNSUPPORTED)
        failure_hint(&t->problem, "--algorithm trains only the kinds named");
}

static bool train_one(training *t, const mlsel_dataset *dataset, mlsel_algorithm algorithm) {
    mlsel_training *trained = NULL;
    mlsel_error err;
    train_result *r = &t->results[t->count];
    progress_start_stages(&t->progress);
    const mlsel_status status = mlsel_train(dataset, algorithm, &t->options, &trained, &err);
    bool ok = status == MLSEL_OK || fail(t, &err);
    if (ok) {
        t->count++;
        mlsel_training_get_info(trained, &r->info, sizeof r->info, NULL);
        progress_stage(&t->progress, "writing the artifact", NAN);
        ok = save(t, trained, r);
    }
    if (ok && t->holdout > 0)
        ok = mlsel_training_model(trained, NULL, &r->model, &err) == MLSEL_OK || fail(t, &err);
    progress_clear(&t->progress);
    mlsel_training_free(trained);
    if (!ok)
        add_hint(t, status);
    return ok;
}

/* Whether the folder can be one, before time is spent: nothing that is there may be something else. */
static bool check_folder(training *t) {
    char *path = tool_copy(t->output_dir, strlen(t->output_dir));
    struct stat about;
    while (stat(path, &about) != 0 && strrchr(path, '/') != NULL && strrchr(path, '/') != path)
        *strrchr(path, '/') = '\0';
    const bool ok = stat(path, &about) != 0 || S_ISDIR(about.st_mode);
    if (!ok)
        failure_set(&t->problem, EXIT_BAD_INPUT, "%s: %s", path, strerror(ENOTDIR));
    free(path);
    return ok;
}

/* Makes the folder, with those above it. */
static bool make_folder(training *t) {
    char *path = tool_copy(t->output_dir, strlen(t->output_dir));
    bool ok = true;
    for (char *c = path + 1; ok && path[0] != '\0'; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        const char end = *c;
        *c = '\0';
        ok = mkdir(path, 0777) == 0 || errno == EEXIST;
        if (!ok)
            failure_set(&t->problem, EXIT_BAD_INPUT, "%s: %s", path, strerror(errno));
        *c = end;
        if (end == '\0')
            break;
    }
    free(path);
    return ok;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

/* With --holdout the part to train on takes the place of *dataset, and *held_out is the other. */
static bool split(training *t, mlsel_dataset **dataset, mlsel_dataset **held_out) {
    mlsel_dataset *part = NULL;
    mlsel_error err;
    if (t->holdout == 0)
        return true;
    if (mlsel_dataset_split(*dataset, t->holdout, t->options.seed, &part, held_out, &err) != MLSEL_OK)
        return fail(t, &err);
    mlsel_dataset_free(*dataset);
    *dataset = part;
    return true;
}

static bool show(training *t, const mlsel_dataset *dataset, const mlsel_dataset *held_out) {
    if (t->json)
        train_print_json(t->results, t->count, dataset);
    else
        train_print_table(t->results, t->count, has_device(t));
    return held_out == NULL ||
           train_print_holdout(t->results, t->count, dataset, held_out, &t->options, t->report, t->json, &t->problem);
}

static int run(training *t) {
    mlsel_dataset *dataset = check_folder(t) ? dataset_args_read(&t->data, &t->problem) : NULL, *held_out = NULL;
    bool ok = dataset != NULL && make_folder(t) && split(t, &dataset, &held_out);
    t->options.progress = on_progress;
    t->options.user = t;
    interrupt_watch();
    for (mlsel_algorithm a = MLSEL_ALGORITHM_KNN; ok && a <= MLSEL_ALGORITHM_MLP; a++)
        ok = !t->algorithms[a] || train_one(t, dataset, a);
    if (ok)
        ok = show(t, dataset, held_out);
    else if (t->count > 0 && !t->json)
        train_print_table(t->results, t->count, has_device(t));
    mlsel_dataset_free(dataset);
    mlsel_dataset_free(held_out);
    for (size_t i = 0; i < t->count; i++) {
        mlsel_model_release(t->results[i].model);
        free(t->results[i].path);
        free(t->results[i].container);
    }
    return ok ? EXIT_ANSWER : failure_report(&t->problem);
}

/* Which algorithms; "all" or nothing stands for each. */
static bool take_algorithm(training *t, const args *a, const char *value) {
    static const char *const names[] = {"all", "knn", "kmeans", "svm", "mlp"};
    const int choice = args_choice(a, "--algorithm", value, names, TOOL_ARRAY_LENGTH(names));
    for (int i = MLSEL_ALGORITHM_KNN; i <= MLSEL_ALGORITHM_MLP; i++)
        t->algorithms[i] = t->algorithms[i] || choice == 0 || choice == i;
    return choice >= 0;
}

/* Whether no option needs another one that is not there. */
static bool fit_together(const training *t) {
    const bool has_holdout = t->report == NULL || t->holdout > 0;
    const bool has_mlp = !has_device(t) || t->algorithms[MLSEL_ALGORITHM_MLP];
    if (!has_holdout)
        tool_error("--report needs --holdout: it is about records that were not trained on");
    else if (!has_mlp)
        tool_error("--device %s is for training an MLP, which --algorithm leaves out", t->options.device);
    if (!has_holdout || !has_mlp)
        args_help_hint("train", NULL);
    return has_holdout && has_mlp;
}

int cmd_train(char **arguments) {
    enum { HELP = 1, ALGORITHM, OUTPUT_DIR, SAFETENSORS, HOLDOUT, REPORT, JSON };
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--algorithm", ALGORITHM, true},
                                          {"--output-dir", OUTPUT_DIR, true},
                                          {"--safetensors", SAFETENSORS, false},
                                          {"--holdout", HOLDOUT, true},
                                          {"--report", REPORT, true},
                                          {"--json", JSON, false},
                                          DATASET_ARGS_OPTIONS,
                                          TRAIN_OPTIONS};
    args a = {.command = "train", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    training t = {.output_dir = "models"};
    bool named = false;
    const char *value;
    mlsel_train_options_init(&t.options, sizeof t.options);
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        int taken = 0;
        switch (id) {
        case ARGS_BAD:
            return EXIT_USAGE;
        case ARGS_OPERAND:
            tool_error("unexpected argument \"%s\"", a.rest[-1]);
            args_help_hint("train", NULL);
            return EXIT_USAGE;
        case HELP:
            fputs(cmd_train_help, stdout);
            return EXIT_ANSWER;
        case ALGORITHM:
            named = true;
            taken = take_algorithm(&t, &a, value) ? 0 : ARGS_BAD;
            break;
        case OUTPUT_DIR:
            t.output_dir = *value == '\0' ? "." : value;
            break;
        case SAFETENSORS:
            t.safetensors = true;
            break;
        case HOLDOUT:
            if (!args_real(&a, "--holdout", value, ARGS_ABOVE_0, ARGS_BELOW_1, "a share above 0 and below 1, as in 0.2",
                           &t.holdout))
                return EXIT_USAGE;
            break;
        case REPORT:
            t.report = value;
            break;
        case JSON:
            t.json = true;
            break;
        default:
            taken = dataset_args_take(&t.data, &a, id, value);
            if (taken == 1)
                taken = train_options_take(&t.options, &a, id, value);
            break;
        }
        if (taken == ARGS_BAD)
            return EXIT_USAGE;
    }
    if (!named)
        (void)take_algorithm(&t, &a, "all");
    if (!fit_together(&t))
        return EXIT_USAGE;
    if (t.data.embedding.endpoint != NULL && t.data.embedding_model == NULL)
        t.data.embedding_model = "qwen3";
    t.options.embedding_model = dataset_args_embedder(&t.data);
    if (t.data.embedding_model == NULL)
        t.data.embedding_model = "qwen3"; /* what the cache is asked for; artifacts record only what was said */
    return run(&t);
}
