/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* setenv, fork */
#include "subject.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "machine.h"

/* --- levels ------------------------------------------------------------------------------------------------------ */

static void current_isa(char *out, size_t size) {
    mlsel_device_info info;
    mlsel_error err;
    if (mlsel_device_query("cpu", &info, sizeof info, &err) != MLSEL_OK)
        bench_fail("%s", err.message);
    snprintf(out, size, "%s", info.isa);
}

void bench_isa_set(const char *level) {
    if (level == NULL ? unsetenv("MLSEL_ISA") : setenv("MLSEL_ISA", level, 1))
        bench_fail("cannot change MLSEL_ISA");
}

size_t bench_isa_levels(char levels[BENCH_MAX_LEVELS][32]) {
    static const char *const known[] = {"reference", "portable", "neon",       "neondot",   "neonbf16",
                                        "avx2",      "avx512",   "avx512vnni", "avx512bf16"};
    const char *given = getenv("MLSEL_ISA");
    char *before = given == NULL ? NULL : strcpy(bench_alloc(strlen(given) + 1, 1), given);
    char best[32], got[32];
    size_t n = 0;
    bench_isa_set(NULL);
    current_isa(best, sizeof best);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bench_isa_set(known[i]);
        current_isa(got, sizeof got);
        if (strcmp(got, known[i]) == 0 && strcmp(got, best) != 0)
            snprintf(levels[n++], sizeof levels[0], "%s", got);
    }
    snprintf(levels[n++], sizeof levels[0], "%s", best);
    bench_isa_set(before);
    free(before);
    return n;
}

/* --- loading ----------------------------------------------------------------------------------------------------- */

mlsel_model *bench_subject_load(const bench_subject *subject, mlsel_precision precision) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = precision;
    options.threads = subject->threads;
    options.device = subject->device;
    mlsel_model *model = NULL;
    mlsel_error err;
    const bench_text *json = &subject->artifact.json;
    const mlsel_status status = subject->path != NULL
                                    ? mlsel_model_load(subject->path, &options, &model, &err)
                                    : mlsel_model_load_memory(json->data, json->size, &options, &model, &err);
    if (status != MLSEL_OK)
        bench_fail("%s: %s", subject->name, err.message);
    return model;
}

void bench_load_run(void *context) { mlsel_model_release(bench_subject_load(context, MLSEL_PRECISION_DEFAULT)); }

static double measure_load_memory(const bench_subject *subject) {
#if defined(__GLIBC__)
    malloc_trim(0); /* what lies free on the heap would hide what loading takes */
#endif
    bench_peak_reset();
    const size_t before = bench_resident();
    mlsel_model *model = bench_subject_load(subject, MLSEL_PRECISION_DEFAULT);
    const size_t peak = bench_peak_resident();
    mlsel_model_release(model);
    return before == 0 || peak < before ? -1 : (double)(peak - before);
}

double bench_load_memory(const bench_subject *subject) {
    int ends[2];
    double bytes = -1;
    fflush(NULL);
    if (pipe(ends) != 0)
        return -1;
    const pid_t child = fork();
    if (child == 0) {
        bytes = measure_load_memory(subject);
        _exit(write(ends[1], &bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        bytes = -1;
    close(ends[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    return bytes;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static size_t next_query(bench_queries *queries) {
    const size_t first = queries->next;
    queries->next = first + 2 * queries->batch <= queries->count ? first + queries->batch : 0;
    return first * queries->width;
}

static void check(mlsel_status status, const mlsel_error *err) {
    if (status != MLSEL_OK)
        bench_fail("%s", err->message);
}

void bench_select_run(void *context) {
    bench_queries *queries = context;
    mlsel_error err;
    check(mlsel_select(queries->model, queries->f32 + next_query(queries), queries->width, NULL, queries->out, &err),
          &err);
}

void bench_select_f64_run(void *context) {
    bench_queries *queries = context;
    mlsel_error err;
    check(
        mlsel_select_f64(queries->model, queries->f64 + next_query(queries), queries->width, NULL, queries->out, &err),
        &err);
}

void bench_select_batch_run(void *context) {
    bench_queries *queries = context;
    mlsel_error err;
    check(mlsel_select_batch(queries->model, queries->f32 + next_query(queries), queries->batch, queries->width,
                             queries->width, NULL, queries->out, &err),
          &err);
}
