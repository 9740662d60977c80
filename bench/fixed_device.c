/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that poses as "cuda": a device that does one run after the other (FIXED_RUNS in the environment: as many at
 * once), each of which takes FIXED_US microseconds (30) beside the system's own time to wake a thread and the CPU's to
 * find the answers. So a GPU behaves with models that are small for it.
 */
#define _POSIX_C_SOURCE 200809L
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlsel_backend.h"

typedef struct fixed_state {
    sem_t free;
    const mlsel_backend *cpu;
    void *state; /* the CPU's */
    long nanoseconds;
} fixed_state;

static int32_t probe(mlsel_error *err) {
    (void)err;
    return 10;
}

static uint32_t device_count(void) { return 1; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    (void)device, (void)err;
    snprintf(out->name, sizeof out->name, "cuda:0");
    snprintf(out->description, sizeof out->description, "a device of fixed time per run");
    out->precisions = 1 << MLSEL_PRECISION_F32;
    return MLSEL_OK;
}

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    (void)device, (void)view, (void)precision, (void)err;
    return MLSEL_OK;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    const char *given = getenv("FIXED_US"), *runs = getenv("FIXED_RUNS");
    fixed_state *fixed = malloc(sizeof *fixed);
    if (fixed == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    const mlsel_status status = view->cpu->prepare(device, view, precision, out, err);
    if (status != MLSEL_OK) {
        free(fixed);
        return status;
    }
    *fixed = (fixed_state){.cpu = view->cpu, .state = out->state};
    fixed->nanoseconds = 1000 * (given != NULL ? strtol(given, NULL, 10) : 30);
    sem_init(&fixed->free, 0, runs != NULL ? (unsigned)strtoul(runs, NULL, 10) : 1);
    out->state = fixed;
    out->checks_queries = 0;
    out->runs_in_parallel = 0;
    out->max_parts = 0;
    return MLSEL_OK;
}

static mlsel_status run(void *opaque, const mlsel_backend_run *call, mlsel_error *err) {
    fixed_state *fixed = opaque;
    const struct timespec time = {0, fixed->nanoseconds};
    while (sem_wait(&fixed->free) != 0)
        ;
    nanosleep(&time, NULL);
    const mlsel_status status = fixed->cpu->run(fixed->state, call, err);
    sem_post(&fixed->free);
    return status;
}

static void release(void *opaque) {
    fixed_state *fixed = opaque;
    fixed->cpu->release(fixed->state);
    sem_destroy(&fixed->free);
    free(fixed);
}

static const mlsel_backend backend = {
    .struct_size = sizeof backend,
    .api_version = MLSEL_BACKEND_API_VERSION,
    .name = "cuda",
    .probe = probe,
    .device_count = device_count,
    .device_info = device_info,
    .supports = supports,
    .prepare = prepare,
    .run = run,
    .release = release,
};

__attribute__((visibility("default"))) const mlsel_backend *mlsel_backend_entry(uint32_t api_version);

const mlsel_backend *mlsel_backend_entry(uint32_t api_version) {
    return api_version == MLSEL_BACKEND_API_VERSION ? &backend : NULL;
}
