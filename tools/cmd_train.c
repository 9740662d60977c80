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
#include "table.h"
#include "text.h"
#include "tool.h"
#include "train_options.h"

const char cmd_train_help[] = "Usage: mlsel train --data-file FILE [options]\n"
                              "\n"
                              "Makes selectors from benchmark records: knn_model.json, kmeans_model.json,\n"
                              "svm_model.json and mlp_model.json, which routers load.\n"
                              "\n"
                              "Data:\n" DATASET_ARGS_HELP "\n"
                              "Output:\n"
                              "  --algorithm NAME        all (default), knn, kmeans, svm or mlp; may be repeated\n"
                              "  --output-dir DIR        where the artifacts go (default models); those there\n"
                              "                          are replaced\n"
                              "  --safetensors           write a container beside each artifact, for instant\n"
                              "                          loading\n"
                              "  --json                  the summary as a JSON object\n"
                              "  -h, --help              this text\n"
                              "\n" TRAIN_OPTIONS_HELP "\n"
                              "The table says what each selector is worth on queries that were held out in\n"
                              "cross-validation, beside the best single model on the same queries; `mlsel\n"
                              "evaluate` measures it on records that were not trained on. Ctrl-C stops; an\n"
                              "artifact appears whole or not at all. Exit code 130 says that it was stopped.\n"
                              "\n"
                              "Examples:\n"
                              "  mlsel train --data-file examples/records.jsonl --embedding-model builtin\n"
                              "  mlsel train --data-file benchmark.jsonl --embeddings-file embeddings.jsonl \\\n"
                              "      --algorithm svm --tune --output-dir models\n"
                              "  mlsel train --data-file benchmark.jsonl --embedding-model builtin \\\n"
                              "      --quality-weight 0.5 --threads 2 --json\n";

typedef struct result {
    mlsel_training_info info;
    char *path;
    char *container; /* or NULL */
} result;

typedef struct training {
    dataset_args data;
    mlsel_train_options options;
    bool algorithms[MLSEL_ALGORITHM_MLP + 1];
    const char *output_dir;
    bool safetensors;
    bool json;
    progress progress;
    result results[MLSEL_ALGORITHM_MLP];
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
    const bool cancelled = err->code == MLSEL_ERROR_CANCELLED;
    failure_set(&t->problem, cancelled ? EXIT_INTERRUPTED : tool_exit_code(err->code), "%s",
                cancelled ? "interrupted" : err->message);
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

static bool save(training *t, const mlsel_training *trained, result *r) {
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

static bool train_one(training *t, const mlsel_dataset *dataset, mlsel_algorithm algorithm) {
    mlsel_training *trained = NULL;
    mlsel_error err;
    result *r = &t->results[t->count];
    progress_start_stages(&t->progress);
    const mlsel_status status = mlsel_train(dataset, algorithm, &t->options, &trained, &err);
    bool ok = status == MLSEL_OK || fail(t, &err);
    if (ok) {
        t->count++;
        mlsel_training_get_info(trained, &r->info, sizeof r->info, NULL);
        progress_stage(&t->progress, "writing the artifact", NAN);
        ok = save(t, trained, r);
    }
    progress_clear(&t->progress);
    mlsel_training_free(trained);
    if (!ok && status != MLSEL_ERROR_CANCELLED && t->problem.hint[0] == '\0' && status == MLSEL_ERROR_UNSUPPORTED)
        failure_hint(&t->problem, "--algorithm trains only the kinds named");
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

/* --- the summary -------------------------------------------------------------------------------------------------- */

/* What was chosen or given, in a few words. */
static void settings_text(const mlsel_training_info *info, char *out, size_t size) {
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        if (info->objective == MLSEL_OBJECTIVE_COMPATIBLE)
            snprintf(out, size, "k %u", (unsigned)info->knn_k);
        else
            snprintf(out, size, "k %u, beta %.3g, shrinkage %.3g", (unsigned)info->knn_k, info->knn_beta,
                     info->shrinkage);
        return;
    case MLSEL_ALGORITHM_KMEANS:
        snprintf(out, size, "%u clusters, inertia %s", (unsigned)info->n_clusters, text_number(a, info->inertia));
        return;
    case MLSEL_ALGORITHM_SVM:
        snprintf(out, size, "C %.3g, gamma %.3g, %s support vectors", info->svm_c, info->svm_gamma,
                 text_count(a, info->n_support_vectors));
        return;
    default:
        snprintf(out, size, "epoch %u of %u, loss %s", (unsigned)info->best_epoch, (unsigned)info->iterations,
                 text_number(b, isnan(info->validation_loss) ? info->training_loss : info->validation_loss));
        return;
    }
}

static const char *optional(char out[TEXT_NUMBER], double value) {
    return isnan(value) ? "-" : text_probability(out, value);
}

static void print_table(const training *t) {
    table_column columns[] = {{"ALGORITHM", 0, false},  {"ROWS", 7, true},     {"CV UTILITY", 0, true},
                              {"BEST SINGLE", 0, true}, {"TIME", 9, true},     {"MEMORY", 9, true},
                              {"ARTIFACT", 24, false},  {"SETTINGS", 0, false}};
    table tab = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns)};
    for (size_t i = 0; i < t->count; i++)
        table_fit(&columns[6], t->results[i].path);
    table_header(&tab);
    for (size_t i = 0; i < t->count; i++) {
        const result *r = &t->results[i];
        char rows[TEXT_NUMBER], utility[TEXT_NUMBER], single[TEXT_NUMBER], time[TEXT_NUMBER], memory[TEXT_NUMBER];
        char settings[128];
        settings_text(&r->info, settings, sizeof settings);
        const char *cells[] = {mlsel_algorithm_name(r->info.algorithm),
                               text_count(rows, r->info.n_rows),
                               optional(utility, r->info.cv_utility),
                               optional(single, r->info.cv_best_single),
                               text_duration(time, r->info.seconds * 1e9),
                               text_bytes(memory, r->info.peak_bytes),
                               r->path,
                               settings};
        table_row(&tab, cells, false);
    }
}

static void json_real(json_out *j, const char *key, double value) {
    if (isnan(value))
        return;
    json_key(j, key);
    json_number(j, value);
}

static void json_count(json_out *j, const char *key, uint64_t value) {
    json_key(j, key);
    json_unsigned(j, value);
}

static void write_kind(json_out *j, const mlsel_training_info *info) {
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        json_count(j, "k", info->knn_k);
        json_real(j, "beta", info->knn_beta);
        json_real(j, "shrinkage", info->shrinkage);
        return;
    case MLSEL_ALGORITHM_KMEANS:
        json_count(j, "clusters", info->n_clusters);
        json_count(j, "iterations", info->iterations);
        json_real(j, "inertia", info->inertia);
        json_real(j, "shrinkage", info->shrinkage);
        return;
    case MLSEL_ALGORITHM_SVM:
        json_real(j, "C", info->svm_c);
        json_real(j, "gamma", info->svm_gamma);
        json_count(j, "support_vectors", info->n_support_vectors);
        json_real(j, "dual_objective", info->dual_objective);
        return;
    default:
        json_count(j, "epochs", info->iterations);
        json_count(j, "best_epoch", info->best_epoch);
        json_real(j, "training_loss", info->training_loss);
        json_real(j, "validation_loss", info->validation_loss);
        json_real(j, "dropout", info->mlp_dropout);
        json_real(j, "weight_decay", info->mlp_weight_decay);
        return;
    }
}

static void print_json(const training *t, const mlsel_dataset *dataset) {
    json_out j = {0};
    json_open(&j, '{');
    dataset_args_write_json(&j, dataset);
    json_key(&j, "trained");
    json_open(&j, '[');
    for (size_t i = 0; i < t->count; i++) {
        const mlsel_training_info *info = &t->results[i].info;
        json_open(&j, '{');
        json_key(&j, "algorithm");
        json_string(&j, mlsel_algorithm_name(info->algorithm));
        json_key(&j, "objective");
        json_string(&j, mlsel_objective_name(info->objective));
        json_key(&j, "artifact");
        json_string(&j, t->results[i].path);
        if (t->results[i].container != NULL) {
            json_key(&j, "container");
            json_string(&j, t->results[i].container);
        }
        json_count(&j, "rows", info->n_rows);
        json_count(&j, "features", info->n_features);
        json_real(&j, "category_weight", info->category_weight);
        json_key(&j, "calibration");
        json_string(&j, mlsel_calibration_name(info->calibration));
        json_real(&j, "cv_utility", info->cv_utility);
        json_real(&j, "cv_standard_error", info->cv_standard_error);
        json_real(&j, "cv_best_single", info->cv_best_single);
        json_count(&j, "settings_compared", info->n_candidates);
        write_kind(&j, info);
        json_real(&j, "seconds", info->seconds);
        json_count(&j, "peak_bytes", info->peak_bytes);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static int run(training *t) {
    mlsel_dataset *dataset = dataset_args_read(&t->data, &t->problem);
    bool ok = dataset != NULL && make_folder(t);
    t->options.progress = on_progress;
    t->options.user = t;
    interrupt_watch();
    for (mlsel_algorithm a = MLSEL_ALGORITHM_KNN; ok && a <= MLSEL_ALGORITHM_MLP; a++)
        ok = !t->algorithms[a] || train_one(t, dataset, a);
    if (t->json && dataset != NULL && ok)
        print_json(t, dataset);
    else if (t->count > 0)
        print_table(t);
    mlsel_dataset_free(dataset);
    for (size_t i = 0; i < t->count; i++) {
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

int cmd_train(char **arguments) {
    enum { HELP = 1, ALGORITHM, OUTPUT_DIR, SAFETENSORS, JSON };
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--algorithm", ALGORITHM, true},
                                          {"--output-dir", OUTPUT_DIR, true},
                                          {"--safetensors", SAFETENSORS, false},
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
    t.options.embedding_model = dataset_args_embedder(&t.data);
    if (t.data.embedding_model == NULL)
        t.data.embedding_model = "qwen3"; /* what the cache is asked for; artifacts record only what was said */
    return run(&t);
}
