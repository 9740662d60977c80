/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains an MLP on a table that a script has prepared, for comparisons with PyTorch on the same rows:
 *
 *     bench_train_mlp_table TABLE ARTIFACT [option value]...
 *
 * TABLE: three 64-bit counts (queries, models, features), then the features as float, by query, and the qualities as
 * double, by query, NaN where unknown. ARTIFACT receives the JSON artifact; with "-" held-out choices are valued by
 * cross-validation instead. Options: compatible 0|1, hidden A,B,..., epochs, batch, rate, dropout, decay, seed,
 * threads, folds, tune 0|1. One JSON line says how it went.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_write.h"
#include "train/options.h"
#include "train/train.h"

static int fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

static int read_values(FILE *file, train_table *t, train_run *run) {
    uint64_t sizes[3];
    if (fread(sizes, sizeof *sizes, 3, file) != 3)
        return -1;
    t->n_queries = sizes[0];
    t->n_models = sizes[1];
    t->n_features = sizes[2];
    t->stride = (t->n_features + 15) / 16 * 16;
    const size_t cells = t->n_queries * t->n_models;
    t->x = mlsel_i_run_calloc(run, t->n_queries * t->stride, sizeof *t->x);
    t->quality = mlsel_i_run_alloc(run, cells, sizeof *t->quality);
    t->latency_s = mlsel_i_run_alloc(run, cells, sizeof *t->latency_s);
    t->utility = t->quality;
    t->records = mlsel_i_run_alloc(run, cells, sizeof *t->records);
    char(*names)[8] = mlsel_i_run_alloc(run, t->n_models, sizeof *names);
    const char **models = mlsel_i_run_alloc(run, t->n_models, sizeof *models);
    if (t->x == NULL || t->quality == NULL || t->latency_s == NULL || t->records == NULL || names == NULL ||
        models == NULL)
        return -1;
    for (size_t q = 0; q < t->n_queries; q++)
        if (fread(t->x + q * t->stride, sizeof *t->x, t->n_features, file) != t->n_features)
            return -1;
    if (fread(t->quality, sizeof *t->quality, cells, file) != cells)
        return -1;
    for (size_t m = 0; m < t->n_models; m++) {
        snprintf(names[m], sizeof *names, "m%03u", (unsigned)m % 1000);
        models[m] = names[m];
    }
    t->models = models;
    for (size_t i = 0; i < cells; i++) {
        t->latency_s[i] = (double)NAN;
        t->records[t->n_records] = (table_record){
            .query = (uint32_t)(i / t->n_models), .model = (uint32_t)(i % t->n_models), .quality = t->quality[i]};
        t->n_records += isnan(t->quality[i]) ? 0 : 1;
    }
    return 0;
}

static int read_table(const char *path, train_table *t, train_run *run) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    const int result = read_values(file, t, run);
    fclose(file);
    return result;
}

static int read_option(mlsel_train_options *o, const char *name, char *value) {
    const struct {
        const char *name;
        double *real;
        uint32_t *count;
    } known[] = {{"epochs", NULL, &o->mlp_epochs},
                 {"batch", NULL, &o->mlp_batch},
                 {"rate", &o->mlp_learning_rate, NULL},
                 {"dropout", &o->mlp_dropout, NULL},
                 {"decay", &o->mlp_weight_decay, NULL},
                 {"threads", NULL, &o->threads},
                 {"folds", NULL, &o->folds}};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(known); i++) {
        if (strcmp(name, known[i].name) != 0)
            continue;
        if (known[i].real != NULL)
            *known[i].real = strtod(value, NULL);
        else
            *known[i].count = (uint32_t)strtoul(value, NULL, 10);
        return 0;
    }
    if (strcmp(name, "hidden") == 0) {
        char *end = value;
        for (o->n_mlp_hidden = 0; *end != '\0' && o->n_mlp_hidden < MLSEL_TRAIN_MAX_HIDDEN; end += *end == ',')
            o->mlp_hidden[o->n_mlp_hidden++] = (uint32_t)strtoul(end, &end, 10);
    } else if (strcmp(name, "seed") == 0) {
        o->seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "compatible") == 0) {
        o->objective = *value == '1' ? MLSEL_OBJECTIVE_COMPATIBLE : MLSEL_OBJECTIVE_OUTCOME;
    } else if (strcmp(name, "tune") == 0) {
        o->tune = *value == '1';
    } else {
        return -1;
    }
    return 0;
}

static mlsel_status value_choices(const train_table *table, const train_settings *settings, train_run *run) {
    mlsel_training_info info = {0};
    size_t chosen = 0;
    const mlsel_status status = mlsel_i_choose_settings(&mlsel_i_trainer_mlp, table, settings, 1, run, &chosen, &info);
    if (status == MLSEL_OK)
        printf("{\"cv_utility\": %.4f, \"cv_standard_error\": %.4f, \"cv_best_single\": %.4f}\n", info.cv_utility,
               info.cv_standard_error, info.cv_best_single);
    return status;
}

static mlsel_status train(const train_table *table, const train_settings *settings, train_run *run, const char *path) {
    mlsel_training *training = NULL;
    mlsel_training_info info;
    mlsel_save_options save = {.struct_size = sizeof save, .replace = 1};
    mlsel_status status = mlsel_i_train_once(&mlsel_i_trainer_mlp, table, settings, run, &training);
    if (status == MLSEL_OK)
        status = mlsel_training_save(training, path, &save, run->err);
    if (status == MLSEL_OK && mlsel_training_get_info(training, &info, sizeof info, run->err) == MLSEL_OK)
        printf("{\"training_loss\": %.6f, \"validation_loss\": %.6f, \"best_epoch\": %u, \"epochs\": %u, "
               "\"peak_mib\": %.1f}\n",
               info.training_loss, isnan(info.validation_loss) ? -1.0 : info.validation_loss, info.best_epoch,
               info.iterations, (double)run->peak_bytes / 1048576);
    mlsel_training_free(training);
    return status;
}

int main(int argc, char **argv) {
    mlsel_error err = {0};
    train_run run = {.err = &err, .share = 1};
    train_table table = {0};
    train_settings settings = {0};
    mlsel_train_options options;
    mlsel_train_options_init(&options, sizeof options);
    if (argc < 3 || argc % 2 == 0)
        return fail("usage: bench_train_mlp_table TABLE ARTIFACT|- [option value]...");
    for (int i = 3; i + 1 < argc; i += 2)
        if (read_option(&options, argv[i], argv[i + 1]) != 0)
            return fail(argv[i]);
    if (mlsel_i_train_options_read(&settings.options, &options, &err) != MLSEL_OK)
        return fail(err.message);
    if (options.threads > 1 && mlsel_i_team_create(options.threads, &run.team, &err) != MLSEL_OK)
        return fail(err.message);
    if (read_table(argv[1], &table, &run) != 0)
        return fail("the table cannot be read");
    const mlsel_status status =
        strcmp(argv[2], "-") == 0 ? value_choices(&table, &settings, &run) : train(&table, &settings, &run, argv[2]);
    mlsel_i_team_free(run.team);
    return status == MLSEL_OK ? 0 : fail(err.message);
}
