/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains an SVM on rows of a file, or on synthetic ones, and prints what came of it as a line of JSON. Its times are
 * compared with scikit-learn's by peers/train_svm.py, which writes the file: counts of queries, features, models and
 * records (uint32), features (float), then the records' queries, models (uint32) and qualities (double).
 *
 *     bench_train_svm [--rows FILE | --queries N --features N --models N] [--gamma G] [--c C] [--threads N] [--outcome]
 *                     [--max-memory MIB] [--artifact FILE] [--verbose]
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "train/train.h"

typedef struct rows {
    uint32_t n_queries, n_features, n_models, n_records;
    float *x;
    uint32_t *queries, *models;
    double *qualities;
} rows;

typedef struct settings {
    const char *path, *artifact;
    uint32_t n_queries, n_features, n_models;
    mlsel_train_options options;
} settings;

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "bench_train_svm: %s: %s\n", what, why);
    exit(1);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void *need(size_t count, size_t size) {
    void *block = calloc(count > 0 ? count : 1, size);
    if (block == NULL)
        die("rows", "no memory");
    return block;
}

static void make_room(rows *r) {
    r->x = need((size_t)r->n_queries * r->n_features, sizeof *r->x);
    r->queries = need(r->n_records, sizeof *r->queries);
    r->models = need(r->n_records, sizeof *r->models);
    r->qualities = need(r->n_records, sizeof *r->qualities);
}

static void read_block(FILE *file, void *to, size_t count, size_t size, const char *path) {
    if (fread(to, size, count, file) != count)
        die(path, "it is too short");
}

static rows read_rows(const char *path) {
    rows r = {0};
    uint32_t counts[4];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die(path, "it cannot be opened");
    read_block(file, counts, 4, sizeof counts[0], path);
    r.n_queries = counts[0], r.n_features = counts[1], r.n_models = counts[2], r.n_records = counts[3];
    make_room(&r);
    read_block(file, r.x, (size_t)r.n_queries * r.n_features, sizeof *r.x, path);
    read_block(file, r.queries, r.n_records, sizeof *r.queries, path);
    read_block(file, r.models, r.n_records, sizeof *r.models, path);
    read_block(file, r.qualities, r.n_records, sizeof *r.qualities, path);
    fclose(file);
    return r;
}

static uint64_t state = 88172645463325252u;

/* Uniform in [0, 1). */
static double unit(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

/* Vectors of unit length around 60 centres, each model good at some of them. */
static rows make_rows(const settings *s) {
    enum { CENTRES = 60 };
    rows r = {.n_queries = s->n_queries, .n_features = s->n_features, .n_models = s->n_models};
    r.n_records = r.n_queries * r.n_models;
    make_room(&r);
    float *centres = need((size_t)CENTRES * r.n_features, sizeof *centres);
    double *chances = need((size_t)CENTRES * r.n_models, sizeof *chances);
    for (size_t i = 0; i < (size_t)CENTRES * r.n_features; i++)
        centres[i] = (float)(unit() - 0.5);
    for (size_t i = 0; i < (size_t)CENTRES * r.n_models; i++)
        chances[i] = 0.2 + 0.6 * unit();
    for (uint32_t q = 0; q < r.n_queries; q++) {
        const size_t centre = (size_t)(unit() * CENTRES);
        float *x = r.x + (size_t)q * r.n_features;
        double squared = 0;
        for (size_t i = 0; i < r.n_features; i++) {
            x[i] = centres[centre * r.n_features + i] + 1.5F * (float)(unit() - 0.5);
            squared += (double)x[i] * (double)x[i];
        }
        for (size_t i = 0; i < r.n_features; i++)
            x[i] = (float)((double)x[i] / sqrt(squared));
        for (uint32_t m = 0; m < r.n_models; m++) {
            const size_t at = (size_t)q * r.n_models + m;
            r.queries[at] = q;
            r.models[at] = m;
            r.qualities[at] = unit() < chances[centre * r.n_models + m];
        }
    }
    free(centres);
    free(chances);
    return r;
}

/* The table that mlsel_train makes of a dataset. */
static train_table make_table(const rows *r) {
    const size_t cells = (size_t)r->n_queries * r->n_models, line = 16;
    train_table t = {.n_queries = r->n_queries,
                     .n_models = r->n_models,
                     .n_features = r->n_features,
                     .stride = (r->n_features + line - 1) / line * line,
                     .n_records = r->n_records};
    t.x = need(t.n_queries * t.stride, sizeof *t.x);
    t.utility = need(cells, sizeof *t.utility);
    t.records = need(r->n_records, sizeof *t.records);
    const char **names = need(r->n_models, sizeof *names);
    for (uint32_t m = 0; m < r->n_models; m++) {
        char *name = need(1, 32);
        snprintf(name, 32, "model %04u", (unsigned)m);
        names[m] = name;
    }
    t.models = names;
    t.quality = t.utility; /* without latencies they are the same */
    t.latency_s = t.utility;
    for (size_t i = 0; i < cells; i++)
        t.utility[i] = (double)NAN;
    for (size_t q = 0; q < t.n_queries; q++)
        memcpy(t.x + q * t.stride, r->x + q * t.n_features, t.n_features * sizeof *t.x);
    for (size_t i = 0; i < t.n_records; i++) {
        t.records[i] = (table_record){.query = r->queries[i], .model = r->models[i], .quality = r->qualities[i]};
        t.utility[(size_t)r->queries[i] * t.n_models + r->models[i]] = r->qualities[i];
    }
    return t;
}

static void free_table(train_table *t) {
    for (size_t m = 0; m < t->n_models; m++)
        free((void *)t->models[m]);
    free((void *)t->models);
    free(t->x);
    free(t->utility);
    free(t->records);
}

/* --- measuring ---------------------------------------------------------------------------------------------------- */

static int32_t show(const mlsel_train_progress *progress, void *user) {
    (void)user;
    fprintf(stderr, "%s: %llu of %llu, objective %.6g\n", progress->stage, (unsigned long long)progress->done,
            (unsigned long long)progress->total, progress->loss);
    return 0;
}

static const char *value_of(int argc, char **argv, int *i) {
    if (*i + 1 >= argc)
        die(argv[*i], "it needs a value");
    return argv[++*i];
}

static void read_arguments(int argc, char **argv, settings *s) {
    mlsel_train_options *o = &s->options;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--outcome") == 0) {
            o->objective = MLSEL_OBJECTIVE_OUTCOME;
            continue;
        }
        if (strcmp(name, "--verbose") == 0) {
            o->progress = show;
            continue;
        }
        const char *value = value_of(argc, argv, &i);
        if (strcmp(name, "--rows") == 0)
            s->path = value;
        else if (strcmp(name, "--artifact") == 0)
            s->artifact = value;
        else if (strcmp(name, "--queries") == 0)
            s->n_queries = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--features") == 0)
            s->n_features = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--models") == 0)
            s->n_models = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--threads") == 0)
            o->threads = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--max-memory") == 0)
            o->max_memory_bytes = strtoull(value, NULL, 10) << 20;
        else if (strcmp(name, "--c") == 0)
            o->svm_c = strtod(value, NULL);
        else if (strcmp(name, "--gamma") == 0)
            o->svm_gamma = strtod(value, NULL);
        else
            die(name, "there is no such option");
    }
    if (!(o->svm_gamma > 0)) { /* as peers/train_svm.py says it */
        o->svm_kernel = MLSEL_SVM_KERNEL_LINEAR;
        o->svm_gamma = 1;
    }
}

int main(int argc, char **argv) {
    settings s = {.n_queries = 1000, .n_features = 1038, .n_models = 4};
    mlsel_train_options *o = &s.options;
    mlsel_training *training = NULL;
    mlsel_training_info info;
    mlsel_error err;
    struct rusage usage;
    mlsel_train_options_init(o, sizeof *o);
    o->objective = MLSEL_OBJECTIVE_COMPATIBLE;
    o->calibration = MLSEL_CALIBRATION_NONE;
    o->without_categories = 1;
    o->svm_gamma = 1;
    o->svm_c = 1;
    read_arguments(argc, argv, &s);
    const rows r = s.path != NULL ? read_rows(s.path) : make_rows(&s);
    train_table table = make_table(&r);
    const train_settings chosen = {.options = *o};
    train_run run = {.progress = o->progress,
                     .algorithm = MLSEL_ALGORITHM_SVM,
                     .share = 1,
                     .max_bytes = o->max_memory_bytes,
                     .err = &err};
    if (o->threads > 1 && mlsel_i_team_create(o->threads, &run.team, &err) != MLSEL_OK)
        die("threads", err.message);
    const double began = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if (mlsel_i_train_once(&mlsel_i_trainer_svm, &table, &chosen, &run, &training) != MLSEL_OK ||
        mlsel_training_get_info(training, &info, sizeof info, &err) != MLSEL_OK)
        die("training", err.message);
    const double seconds = now(CLOCK_MONOTONIC) - began, cpu_seconds = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    mlsel_save_options save;
    mlsel_save_options_init(&save, sizeof save);
    save.format = MLSEL_FORMAT_JSON;
    save.replace = 1;
    if (s.artifact != NULL && mlsel_training_save(training, s.artifact, &save, &err) != MLSEL_OK)
        die(s.artifact, err.message);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"rows\": %llu, \"queries\": %u, \"features\": %u, \"models\": %u, \"threads\": %u, \"seconds\": %.4f, "
           "\"cpu_seconds\": %.4f, "
           "\"peak_bytes\": %llu, \"rss_kib\": %ld, \"support_vectors\": %llu, \"dual_objective\": %.10g}\n",
           (unsigned long long)info.n_rows, (unsigned)r.n_queries, (unsigned)r.n_features, (unsigned)r.n_models,
           (unsigned)o->threads, seconds, cpu_seconds, (unsigned long long)run.peak_bytes, usage.ru_maxrss,
           (unsigned long long)info.n_support_vectors, info.dual_objective);
    mlsel_training_free(training);
    mlsel_i_team_free(run.team);
    free_table(&table);
    free(r.x);
    free(r.queries);
    free(r.models);
    free(r.qualities);
    return 0;
}
