/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark: every kind of selector at every size, instruction set, precision and batch, beside what the machine
 * can do. See bench --help, and docs/performance.md for how to read the figures.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "card.h"
#include "options.h"
#include "report.h"
#include "subject.h"

typedef struct bench {
    bench_options options;
    bench_report report;
    char levels[BENCH_MAX_LEVELS][32];
    size_t n_levels;
    mlsel_device_info device;
    float *f32; /* queries */
    double *f64;
    size_t width, n_queries;
    mlsel_selection *out; /* [n_queries] */
} bench;

enum { MAX_POINTS = 6 };

/* One measurement: at this level, precision, batch and query type. */
typedef struct point {
    const char *isa;
    mlsel_precision precision;
    size_t batch; /* 0: loading */
    bool is_double;
} point;

/* --- which points are measured ----------------------------------------------------------------------------------- */

static void full_name(const bench_subject *subject, const point *p, char *out, size_t size) {
    if (p->batch == 0)
        snprintf(out, size, "%s/%s", subject->name, p->isa);
    else
        snprintf(out, size, "%s/%s/%s/b%zu%s", subject->name, p->isa, mlsel_precision_name(p->precision), p->batch,
                 p->is_double ? "/double" : "");
}

static bool wants_level(const bench *b, size_t level) {
    const char *name = b->levels[level], *list = b->options.isa;
    if (b->options.device != NULL)
        return true;
    if (list == NULL)
        return strcmp(name, "reference") != 0;
    return bench_list_has(list, "all") || bench_list_has(list, name) ||
           (level == b->n_levels - 1 && bench_list_has(list, "best"));
}

static bool wants_point(const bench *b, const bench_subject *subject, const point *p) {
    char name[256], batch[24];
    full_name(subject, p, name, sizeof name);
    snprintf(batch, sizeof batch, "%zu", p->batch);
    return (b->options.filter == NULL || strstr(name, b->options.filter) != NULL) &&
           (b->options.batches == NULL || p->batch == 0 || bench_list_has(b->options.batches, batch));
}

/* f32 is what the default comes to, so it is measured only when asked for by name. The others are for MLPs. */
static bool wants_precision(const bench *b, const bench_subject *subject, mlsel_precision precision) {
    if (precision > MLSEL_PRECISION_F32 && strcmp(subject->kind, "mlp") != 0)
        return false;
    if (precision != MLSEL_PRECISION_DEFAULT && (b->device.precisions >> precision & 1) == 0)
        return false;
    if (b->options.precisions == NULL)
        return precision != MLSEL_PRECISION_F32;
    return bench_list_has(b->options.precisions, mlsel_precision_name(precision));
}

static size_t list_points(const bench *b, const bench_subject *subject, const char *isa, mlsel_precision precision,
                          point out[MAX_POINTS]) {
    const point all[] = {
        {.isa = isa, .precision = precision, .batch = 0},
        {.isa = isa, .precision = precision, .batch = 1},
        {.isa = isa, .precision = precision, .batch = 1, .is_double = true},
        {.isa = isa, .precision = precision, .batch = 32},
        {.isa = isa, .precision = precision, .batch = 256},
        {.isa = isa, .precision = precision, .batch = BENCH_MAX_BATCH},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const bool is_load = all[i].batch == 0;
        const bool is_large = all[i].batch > BENCH_QUERIES;
        const bool applies = is_load ? (subject->load_only || subject->path != NULL) && subject->device == NULL
                                     : !subject->load_only && (!is_large || subject->device != NULL);
        if (applies && !(is_load && precision != MLSEL_PRECISION_DEFAULT) && wants_point(b, subject, &all[i]))
            out[n++] = all[i];
    }
    return n;
}

/* --- measuring --------------------------------------------------------------------------------------------------- */

/* Bytes of a number as it is scored. */
static double number_bytes(mlsel_precision precision) {
    if (precision == MLSEL_PRECISION_INT8)
        return 1;
    return precision == MLSEL_PRECISION_F16 || precision == MLSEL_PRECISION_BF16 ? 2 : 4;
}

static void measure_load(bench *b, const bench_subject *subject, bench_row *row) {
    bench_subject copy = *subject;
    bench_read read;
    row->bytes = (double)subject->artifact.json.size;
    bench_read_open(&read, subject->artifact.json.size);
    const bench_contender a = {bench_load_run, &copy}, bound = {bench_read_run, &read};
    bench_compare(&a, &bound, b->options.seconds, &row->time);
    row->read_way = bench_read_way(&read);
    const double memory = bench_load_memory(subject);
    row->extra_memory = memory < 0 ? -1 : memory / row->bytes;
    bench_report_row(&b->report, row);
    bench_read_close(&read);
}

/* What bounds a call on a card: the longer of copying and multiplying, timed in turns. */
static bench_bound choose_bound(bench_card *card) {
    enum { TRIES = 5 };
    double copy[TRIES], product[TRIES];
    if (card == NULL)
        return BENCH_BOUND_NONE;
    for (int i = -1; i < TRIES; i++) { /* the first of each is not counted */
        const double start = bench_now();
        bench_card_copy_run(card);
        const double between = bench_now();
        bench_card_product_run(card);
        if (i >= 0) {
            copy[i] = between - start;
            product[i] = bench_now() - between;
        }
    }
    return bench_quantile(copy, TRIES, 0.5) > bench_quantile(product, TRIES, 0.5) ? BENCH_BOUND_COPY
                                                                                  : BENCH_BOUND_PRODUCT;
}

/* The row has everything but times and bound. */
static void measure_on_card(bench *b, const bench_contender *a, size_t weights, bench_row *row) {
    const size_t batch = row->batch, number = strcmp(row->query, "double") == 0 ? sizeof(double) : sizeof(float);
    mlsel_precision precision = MLSEL_PRECISION_F32;
    while (strcmp(mlsel_precision_name(precision), row->scored) != 0 && precision < MLSEL_PRECISION_BF16)
        precision++;
    const bench_card_call call = {.rows = (weights + b->width - 1) / b->width,
                                  .width = b->width,
                                  .count = batch,
                                  .bytes_in = batch * b->width * number,
                                  .bytes_out = batch * BENCH_LABELS * sizeof(float),
                                  .precision = precision};
    bench_card *card = bench_card_open(b->options.device, &call, &row->read_way);
    row->bound = choose_bound(card);
    const bench_contender bound = {row->bound == BENCH_BOUND_NONE   ? NULL
                                   : row->bound == BENCH_BOUND_COPY ? bench_card_copy_run
                                                                    : bench_card_product_run,
                                   card};
    bench_compare(a, &bound, b->options.seconds, &row->time);
    bench_report_row(&b->report, row);
    bench_card_close(card);
}

static void measure_queries(bench *b, const bench_subject *subject, const point *p, const mlsel_model *model,
                            bench_row *row) {
    mlsel_model_info info;
    mlsel_error err;
    if (mlsel_model_get_info(model, &info, sizeof info, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    bench_queries queries = {.model = model,
                             .f32 = b->f32,
                             .f64 = b->f64,
                             .width = b->width,
                             .count = b->n_queries,
                             .batch = p->batch,
                             .out = b->out};
    bench_read read = {0};
    row->scored = mlsel_precision_name(info.precision);
    row->query = p->is_double ? "double" : "float";
    row->bytes = subject->artifact.weights * number_bytes(info.precision) +
                 (double)(p->batch * b->width * (p->is_double ? sizeof(double) : sizeof(float)));
    row->flops = subject->artifact.flops * (double)p->batch;
    row->read_way = "";
    const bench_contender a = {p->batch > 1   ? bench_select_batch_run
                               : p->is_double ? bench_select_f64_run
                                              : bench_select_run,
                               &queries};
    if (b->options.device != NULL) {
        measure_on_card(b, &a, (size_t)subject->artifact.weights, row);
        return;
    }
    row->bound = p->batch == 1 ? BENCH_BOUND_READ : BENCH_BOUND_FMA;
    bench_contender bound = {bench_fma_run, NULL};
    if (row->bound == BENCH_BOUND_READ) {
        bench_read_open(&read, (size_t)row->bytes);
        row->read_way = bench_read_way(&read);
        bound = (bench_contender){bench_read_run, &read};
    }
    bench_compare(&a, &bound, b->options.seconds, &row->time);
    bench_report_row(&b->report, row);
    bench_read_close(&read);
}

static void measure_level(bench *b, const bench_subject *subject, const char *isa, mlsel_precision precision) {
    point points[MAX_POINTS];
    const size_t n = list_points(b, subject, isa, precision, points);
    mlsel_model *model = NULL;
    if (subject->device == NULL)
        bench_isa_set(isa);
    for (size_t i = 0; i < n; i++) {
        bench_row row = {.name = subject->name,
                         .kind = subject->kind,
                         .isa = isa,
                         .precision = mlsel_precision_name(precision),
                         .scored = "",
                         .query = "",
                         .batch = points[i].batch,
                         .threads = 1,
                         .fma_flops = bench_fma_flops(),
                         .extra_memory = -1};
        if (points[i].batch == 0) {
            measure_load(b, subject, &row);
            continue;
        }
        if (model == NULL)
            model = bench_subject_load(subject, precision);
        measure_queries(b, subject, &points[i], model, &row);
    }
    mlsel_model_release(model); /* before the next level: two loads of one content share what was prepared */
}

/* Calls measure_level, or prints the names, for all that is wanted of a subject. Returns the number of points. */
static size_t each_level(bench *b, const bench_subject *subject, bool measure) {
    size_t count = 0;
    for (size_t level = 0; level < b->n_levels; level++) {
        for (mlsel_precision precision = MLSEL_PRECISION_DEFAULT; precision <= MLSEL_PRECISION_INT8; precision++) {
            point points[MAX_POINTS];
            if (!wants_level(b, level) || !wants_precision(b, subject, precision))
                continue;
            const size_t n = list_points(b, subject, b->levels[level], precision, points);
            for (size_t i = 0; i < n && b->options.list; i++) {
                char name[256];
                full_name(subject, &points[i], name, sizeof name);
                puts(name);
            }
            if (n > 0 && measure)
                measure_level(b, subject, b->levels[level], precision);
            count += n;
        }
    }
    return count;
}

/* --- subjects ---------------------------------------------------------------------------------------------------- */

static void write_files(const bench *b, const bench_case *c, bench_subject *subject) {
    char path[4096];
    FILE *matrix = NULL;
    if (c->kind != BENCH_MLP) {
        snprintf(path, sizeof path, "%s/%s.f32", b->options.write_to, subject->name);
        matrix = fopen(path, "wb");
        if (matrix == NULL)
            bench_fail("cannot write %s", path);
    }
    bench_make_artifact(c, b->options.rows, b->options.repeat, matrix, &subject->artifact);
    if (matrix != NULL && fclose(matrix) != 0)
        bench_fail("cannot write %s", path);
    snprintf(path, sizeof path, "%s/%s.json", b->options.write_to, subject->name);
    FILE *json = fopen(path, "wb");
    const bench_text *text = &subject->artifact.json;
    if (json == NULL || fwrite(text->data, 1, text->size, json) != text->size || fclose(json) != 0)
        bench_fail("cannot write %s", path);
    bench_text_free(&subject->artifact.json);
}

static void write_queries(const bench *b) {
    char path[4096];
    const bool is_usual = b->options.rows == BENCH_ROWS_USUAL;
    snprintf(path, sizeof path, "%s/queries%s%s.f32", b->options.write_to, is_usual ? "" : "-",
             is_usual ? "" : bench_rows_name(b->options.rows));
    FILE *file = fopen(path, "wb");
    const size_t count = (size_t)BENCH_QUERIES * BENCH_WIDTH;
    if (file == NULL || fwrite(b->f32, sizeof *b->f32, count, file) != count || fclose(file) != 0)
        bench_fail("cannot write %s", path);
}

static size_t file_size(const char *path) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (file != NULL)
        fclose(file);
    if (size <= 0)
        bench_fail("cannot read %s", path);
    return (size_t)size;
}

/* Puts a file in the place of the subject's text; path is where. */
static void make_container(bench_subject *subject, char *path, size_t size) {
    mlsel_save_options options;
    mlsel_error err;
    mlsel_save_options_init(&options, sizeof options);
    options.format = MLSEL_FORMAT_SAFETENSORS;
    options.replace = 1;
    snprintf(path, size, "/tmp/mlsel-bench-XXXXXX");
    const int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0)
        bench_fail("cannot write %s", path);
    mlsel_model *model = bench_subject_load(subject, MLSEL_PRECISION_DEFAULT);
    if (mlsel_model_save(model, path, &options, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    mlsel_model_release(model);
    bench_text_free(&subject->artifact.json);
    subject->artifact.json.size = file_size(path);
    subject->path = path;
}

static void run_case(bench *b, const bench_case *c) {
    bench_subject subject = {.kind = bench_kind_name(c->kind),
                             .load_only = c->kind == BENCH_LOAD,
                             .threads = b->options.threads,
                             .device = b->options.device};
    char repeat[16] = "", threads[24] = "";
    if (b->options.threads > 1)
        snprintf(threads, sizeof threads, "-%u-threads", b->options.threads);
    if (c->kind == BENCH_KNN && b->options.repeat > 1)
        snprintf(repeat, sizeof repeat, "-x%u", b->options.repeat);
    const bool is_usual = b->options.rows == BENCH_ROWS_USUAL || c->kind == BENCH_MLP;
    snprintf(subject.name, sizeof subject.name, "%s%s%s%s%s", c->name, is_usual ? "" : "-",
             is_usual ? "" : bench_rows_name(b->options.rows), repeat, threads);
    if ((b->options.kinds != NULL && !bench_list_has(b->options.kinds, subject.kind)) ||
        (b->options.quick && c->rows > 1000) || each_level(b, &subject, false) == 0 || b->options.list)
        return;
    if (b->options.write_to != NULL) {
        if (!c->is_container) /* which no peer reads */
            write_files(b, c, &subject);
        return;
    }
    bench_make_artifact(c, b->options.rows, b->options.repeat, NULL, &subject.artifact);
    char path[64] = "";
    if (c->is_container)
        make_container(&subject, path, sizeof path);
    each_level(b, &subject, true);
    if (c->is_container)
        unlink(path);
    bench_text_free(&subject.artifact.json);
}

/* Queries as wide as the model: unit vectors, with a category where the width has room for one. Beyond BENCH_QUERIES
 * they repeat. */
static void make_queries(bench *b, size_t width) {
    float *usual = bench_make_queries(b->options.rows);
    b->width = width;
    b->f32 = bench_alloc(b->n_queries * width, sizeof *b->f32);
    b->f64 = bench_alloc(b->n_queries * width, sizeof *b->f64);
    for (size_t q = 0; q < b->n_queries; q++)
        for (size_t i = 0; i < width; i++) {
            b->f32[q * width + i] = usual[q % BENCH_QUERIES * BENCH_WIDTH + i % BENCH_WIDTH];
            b->f64[q * width + i] = (double)b->f32[q * width + i];
        }
    free(usual);
}

static void run_file(bench *b) {
    bench_subject subject = {.path = b->options.artifact, .threads = b->options.threads, .device = b->options.device};
    const char *slash = strrchr(subject.path, '/');
    snprintf(subject.name, sizeof subject.name, "%s", slash == NULL ? subject.path : slash + 1);
    mlsel_model *model = bench_subject_load(&subject, MLSEL_PRECISION_DEFAULT);
    mlsel_model_info info;
    mlsel_error err;
    if (mlsel_model_get_info(model, &info, sizeof info, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    mlsel_model_release(model);
    subject.kind = mlsel_algorithm_name(info.algorithm);
    subject.artifact.weights = (double)info.n_parameters;
    subject.artifact.flops = 2 * (double)info.n_parameters;
    subject.artifact.json.size = file_size(subject.path);
    make_queries(b, info.n_features);
    each_level(b, &subject, !b->options.list);
}

/* --- the program ------------------------------------------------------------------------------------------------- */

static void open_device(bench *b) {
    mlsel_error err;
    const char *name = b->options.device == NULL ? "cpu" : b->options.device;
    if (mlsel_device_query(name, &b->device, sizeof b->device, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    b->n_queries = b->options.device == NULL ? BENCH_QUERIES : BENCH_MAX_BATCH;
    if (b->options.device == NULL)
        return;
    b->n_levels = 1;
    snprintf(b->levels[0], sizeof b->levels[0], "%s", b->device.name);
    bench_measure_wall(); /* waiting for the device counts */
}

static void open_levels(bench *b) {
    b->n_levels = bench_isa_levels(b->levels);
    size_t wanted = 0;
    for (size_t i = 0; i < b->n_levels; i++)
        wanted += wants_level(b, i);
    if (wanted == 0)
        bench_fail("--isa: this machine has none of \"%s\"; its best is %s", b->options.isa,
                   b->levels[b->n_levels - 1]);
}

static void open_report(bench *b) {
    b->report.table = b->options.json ? NULL : stdout;
    b->report.json = b->options.json ? stdout : NULL;
    if (b->options.json_file != NULL && (b->report.json = fopen(b->options.json_file, "w")) == NULL)
        bench_fail("cannot write %s", b->options.json_file);
    bench_machine machine;
    bench_machine_describe(&machine);
    bench_report_machine(&b->report, &machine, bench_bounds_name(), b->options.device == NULL ? NULL : &b->device);
}

int main(int argc, char **argv) {
    static bench b;
    bench_options_read(&b.options, argc, argv);
    if (b.options.threads > 1)
        bench_measure_wall();
    open_device(&b);
    if (b.options.device == NULL)
        open_levels(&b);
    b.out = bench_alloc(b.n_queries, sizeof *b.out);
    if (!b.options.list && b.options.write_to == NULL)
        open_report(&b);
    if (b.options.artifact != NULL) {
        run_file(&b);
    } else {
        make_queries(&b, BENCH_WIDTH);
        for (size_t c = 0; c < bench_n_cases; c++)
            run_case(&b, &bench_cases[c]);
        if (b.options.write_to != NULL)
            write_queries(&b);
    }
    if (b.options.json_file != NULL && b.report.json != NULL && fclose(b.report.json) != 0)
        bench_fail("cannot write %s", b.options.json_file);
    free(b.out);
    free(b.f32);
    free(b.f64);
    return 0;
}
