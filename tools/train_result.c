/* SPDX-License-Identifier: Apache-2.0 */
#include "train_result.h"

#include <math.h>
#include <stdio.h>

#include "dataset_args.h"
#include "json_out.h"
#include "table.h"
#include "text.h"

/* What was chosen or given, in a few words. */
static void kind_text(const mlsel_training_info *info, char *out, size_t size) {
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
        snprintf(out, size, "%u %s, inertia %s", (unsigned)info->n_clusters,
                 info->by_group != 0 ? "tasks or categories" : "clusters", text_number(a, info->inertia));
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

/* With where it was trained, if another device than the CPU was asked for. */
static void settings_text(const mlsel_training_info *info, bool has_device, char *out, size_t size) {
    char kind[96];
    kind_text(info, kind, sizeof kind);
    snprintf(out, size, "%s%s%s", kind, has_device ? ", on " : "", has_device ? info->device : "");
}

static const char *optional(char out[TEXT_NUMBER], double value) {
    return isnan(value) ? "-" : text_probability(out, value);
}

void train_print_table(const train_result *results, size_t count, bool has_device) {
    table_column columns[] = {{"ALGORITHM", 0, false},  {"ROWS", 7, true},     {"CV UTILITY", 0, true},
                              {"BEST SINGLE", 0, true}, {"TIME", 9, true},     {"MEMORY", 9, true},
                              {"ARTIFACT", 24, false},  {"SETTINGS", 0, false}};
    table tab = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns)};
    for (size_t i = 0; i < count; i++)
        table_fit(&columns[6], results[i].path);
    table_header(&tab);
    for (size_t i = 0; i < count; i++) {
        const train_result *r = &results[i];
        char rows[TEXT_NUMBER], utility[TEXT_NUMBER], single[TEXT_NUMBER], time[TEXT_NUMBER], memory[TEXT_NUMBER];
        char settings[160];
        settings_text(&r->info, has_device, settings, sizeof settings);
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

static void json_known(json_out *j, const char *key, double value) {
    if (!isnan(value))
        json_pair_number(j, key, value);
}

static void write_kind(json_out *j, const mlsel_training_info *info) {
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        json_pair_unsigned(j, "k", info->knn_k);
        json_known(j, "beta", info->knn_beta);
        json_known(j, "shrinkage", info->shrinkage);
        return;
    case MLSEL_ALGORITHM_KMEANS:
        json_pair_unsigned(j, "clusters", info->n_clusters);
        json_key(j, "by_group");
        json_bool(j, info->by_group != 0);
        json_pair_unsigned(j, "iterations", info->iterations);
        json_known(j, "inertia", info->inertia);
        json_known(j, "shrinkage", info->shrinkage);
        return;
    case MLSEL_ALGORITHM_SVM:
        json_known(j, "C", info->svm_c);
        json_known(j, "gamma", info->svm_gamma);
        json_pair_unsigned(j, "support_vectors", info->n_support_vectors);
        json_known(j, "dual_objective", info->dual_objective);
        return;
    default:
        json_pair_unsigned(j, "epochs", info->iterations);
        json_pair_unsigned(j, "best_epoch", info->best_epoch);
        json_known(j, "training_loss", info->training_loss);
        json_known(j, "validation_loss", info->validation_loss);
        json_known(j, "dropout", info->mlp_dropout);
        json_known(j, "weight_decay", info->mlp_weight_decay);
        return;
    }
}

void train_print_json(const train_result *results, size_t count, const mlsel_dataset *dataset) {
    json_out j = {0};
    json_open(&j, '{');
    dataset_args_write_json(&j, dataset);
    json_key(&j, "trained");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++) {
        const mlsel_training_info *info = &results[i].info;
        json_open(&j, '{');
        json_key(&j, "algorithm");
        json_string(&j, mlsel_algorithm_name(info->algorithm));
        json_key(&j, "objective");
        json_string(&j, mlsel_objective_name(info->objective));
        json_key(&j, "artifact");
        json_string(&j, results[i].path);
        if (results[i].container != NULL) {
            json_key(&j, "container");
            json_string(&j, results[i].container);
        }
        json_key(&j, "device");
        json_string(&j, info->device);
        json_pair_unsigned(&j, "rows", info->n_rows);
        json_pair_unsigned(&j, "features", info->n_features);
        json_known(&j, "category_weight", info->category_weight);
        json_key(&j, "calibration");
        json_string(&j, mlsel_calibration_name(info->calibration));
        json_known(&j, "cv_utility", info->cv_utility);
        json_known(&j, "cv_standard_error", info->cv_standard_error);
        json_known(&j, "cv_best_single", info->cv_best_single);
        json_pair_unsigned(&j, "settings_compared", info->n_candidates);
        write_kind(&j, info);
        json_known(&j, "seconds", info->seconds);
        json_pair_unsigned(&j, "peak_bytes", info->peak_bytes);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_end_line(&j);
}
