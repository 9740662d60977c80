/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "fake_backend.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_arithmetic.h"

static fake_counts counts;

/* The states are never freed, so that a second release of one is noticed and not a crash. */
enum { MAX_STATES = 4096 };
typedef struct fake_state {
    const mlsel_model_view *view;
    atomic_int is_live;
    uint32_t device;
} fake_state;
static fake_state states[MAX_STATES];

static int behaves(const char *behaviour) {
    const char *wanted = getenv("FAKE_BACKEND");
    return wanted != NULL && strcmp(wanted, behaviour) == 0;
}

static void broken(const char *promise) {
    const char *none = NULL;
    atomic_compare_exchange_strong(&counts.broken, &none, promise);
}

static void promise(int kept, const char *what) {
    if (!kept)
        broken(what);
}

static mlsel_status fail(mlsel_error *err, mlsel_status code, const char *message) {
    if (err == NULL)
        return code;
    memset(err, 0, sizeof *err);
    err->code = code;
    snprintf(err->message, sizeof err->message, "%s", message);
    return code;
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

static int32_t probe(mlsel_error *err) {
    if (behaves("no-driver-silent"))
        return 0;
    if (behaves("no-driver")) {
        fail(err, MLSEL_ERROR_DEVICE, "the driver libfake.so.1 is not installed");
        return -1;
    }
    return 100;
}

static uint32_t device_count(void) { return behaves("no-devices") ? 0 : FAKE_DEVICES; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    promise(device < FAKE_DEVICES, "device_info: no such device");
    if (behaves("device-info"))
        return fail(err, MLSEL_ERROR_DEVICE, "the card fell off the bus");
    snprintf(out->description, sizeof out->description, "fake accelerator %u", (unsigned)device);
    snprintf(out->isa, sizeof out->isa, "fake");
    out->memory_bytes = (uint64_t)1 << 30;
    out->precisions = 1u << MLSEL_PRECISION_F32 | 1u << MLSEL_PRECISION_F16;
    return MLSEL_OK;
}

/* --- models ------------------------------------------------------------------------------------------------------ */

static void check_view(const mlsel_model_view *view) {
    promise(view->struct_size >= sizeof *view, "view: struct_size");
    promise(view->n_features > 0 && view->n_labels > 0, "view: sizes");
    promise((view->knn != NULL) == (view->algorithm == MLSEL_ALGORITHM_KNN), "view: knn");
    promise((view->kmeans != NULL) == (view->algorithm == MLSEL_ALGORITHM_KMEANS), "view: kmeans");
    promise((view->svm != NULL) == (view->algorithm == MLSEL_ALGORITHM_SVM), "view: svm");
    promise((view->mlp != NULL) == (view->algorithm == MLSEL_ALGORITHM_MLP), "view: mlp");
}

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    promise(device < FAKE_DEVICES, "supports: no such device");
    check_view(view);
    if (behaves("unsupported"))
        return fail(err, MLSEL_ERROR_UNSUPPORTED, "the fake device knows no such algorithm");
    if (precision == MLSEL_PRECISION_BF16)
        return fail(err, MLSEL_ERROR_UNSUPPORTED, "the fake device has no bf16");
    return MLSEL_OK;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    (void)precision;
    promise(device < FAKE_DEVICES, "prepare: no such device");
    promise(out->struct_size >= sizeof *out, "prepare: struct_size of mlsel_prepared");
    check_view(view);
    if (behaves("no-memory"))
        return fail(err, MLSEL_ERROR_NO_MEMORY, "the fake device has 0 bytes left");
    if (behaves("no-memory-silent"))
        return MLSEL_ERROR_NO_MEMORY;
    if (behaves("slow")) /* long enough for other threads to prepare the same */
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    if (behaves("prepare-device"))
        return fail(err, MLSEL_ERROR_DEVICE, "the fake device is locked");
    const unsigned number = atomic_fetch_add(&counts.prepared, 1);
    if (number >= MAX_STATES)
        return fail(err, MLSEL_ERROR_INTERNAL, "the test prepares too many models");
    fake_state *state = &states[number];
    state->view = view;
    state->device = device;
    atomic_store(&state->is_live, 1);
    out->max_batch = behaves("zero-batch") ? 0 : FAKE_MAX_BATCH;
    out->scratch_bytes = (view->n_features + fake_room(view)) * sizeof(double);
    out->memory_bytes = FAKE_MEMORY_BYTES;
    out->runs_in_parallel = behaves("parallel");
    out->state = state;
    return MLSEL_OK;
}

static void release(void *opaque) {
    fake_state *state = opaque;
    promise(state >= states && state < states + MAX_STATES, "release: not a state");
    promise(atomic_exchange(&state->is_live, 0) == 1, "release: called twice");
    atomic_fetch_add(&counts.released, 1);
}

/* --- queries ----------------------------------------------------------------------------------------------------- */

static void check_run(const mlsel_model_view *view, const mlsel_backend_run *run) {
    promise(run->struct_size >= sizeof *run, "run: struct_size");
    promise(run->query_type == MLSEL_QUERY_F32 || run->query_type == MLSEL_QUERY_F64, "run: query_type");
    promise(run->count >= 1 && run->count <= FAKE_MAX_BATCH, "run: count");
    promise(run->count == 1 || run->stride >= view->n_features, "run: stride");
    promise((uintptr_t)run->scratch % 64 == 0, "run: scratch is not aligned");
    uint64_t rows = 0;
    for (uint64_t r = 0; view->knn != NULL && r < view->knn->n_rows; r++)
        rows += run->label_mask == NULL || run->label_mask[view->knn->row_labels[r]] != 0;
    promise(view->knn == NULL || (run->k >= 1 && run->k <= rows && run->neighbour_stride >= run->k), "run: k");
}

static void read_query(const mlsel_backend_run *run, uint32_t q, uint32_t n, double *out) {
    const uint64_t first = q * run->stride;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = run->query_type == MLSEL_QUERY_F32 ? (double)((const float *)run->queries)[first + i]
                                                    : ((const double *)run->queries)[first + i];
        promise(fabs(out[i]) <= FLT_MAX, "run: a query that is not finite");
    }
}

static mlsel_status run(void *opaque, const mlsel_backend_run *run, mlsel_error *err) {
    const fake_state *state = opaque;
    const mlsel_model_view *view = state->view;
    promise(atomic_load(&state->is_live) == 1, "run: after release");
    check_run(view, run);
    const unsigned number = atomic_fetch_add(&counts.runs, 1);
    atomic_fetch_add(&counts.queries, run->count);
    if (behaves("run") || (behaves("second-run") && number == 1))
        return fail(err, MLSEL_ERROR_DEVICE, "the fake device was unplugged");
    double *query = run->scratch;
    for (uint32_t q = 0; q < run->count; q++) {
        read_query(run, q, view->n_features, query);
        mlsel_backend_neighbour *neighbours = view->knn == NULL ? NULL : run->neighbours + q * run->neighbour_stride;
        double *values = view->knn == NULL ? run->values + q * run->value_stride : NULL;
        fake_measure(view, query, query + view->n_features, run->k, run->label_mask, neighbours, values);
    }
    return MLSEL_OK;
}

/* --- the table --------------------------------------------------------------------------------------------------- */

MLSEL_API fake_counts *fake_backend_counts(void);
MLSEL_API fake_counts *fake_backend_counts(void) { return &counts; }

/* It trains nothing; a table of an older version, or one that lacks a function, is no better than none. */
static const void *extension(const char *name) {
    static mlsel_backend_train_mlp training = {.struct_size = sizeof training};
    const size_t functions = offsetof(mlsel_backend_train_mlp, create);
    promise(strcmp(name, MLSEL_EXTENSION_TRAIN_MLP) == 0, "extension: an unknown name");
    training.struct_size = sizeof training;
    if (behaves("no-training-function"))
        return &training;
    if (!behaves("old-training"))
        return NULL;
    training.struct_size = offsetof(mlsel_backend_train_mlp, release);
    memset((char *)&training + functions, 1, sizeof training - functions); /* whoever calls one crashes */
    return &training;
}

MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version);
MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version) {
    static mlsel_backend table;
    promise(api_version == MLSEL_BACKEND_API_VERSION, "entry: another version");
    atomic_fetch_add(&counts.opened, 1);
    table = (mlsel_backend){
        .struct_size = sizeof table,
        .api_version = MLSEL_BACKEND_API_VERSION,
        .name = "cuda",
        .probe = probe,
        .device_count = device_count,
        .device_info = device_info,
        .supports = supports,
        .prepare = prepare,
        .run = run,
        .release = release,
        .extension = extension,
    };
    if (behaves("no-table"))
        return NULL;
    if (behaves("version"))
        table.api_version = MLSEL_BACKEND_API_VERSION + 1;
    if (behaves("small-table"))
        table.struct_size = offsetof(mlsel_backend, release);
    if (behaves("large-table"))
        table.struct_size += 64;
    if (behaves("other-name"))
        table.name = "metal";
    if (behaves("no-name"))
        table.name = NULL;
    if (behaves("no-function"))
        table.run = NULL;
    if (behaves("no-extension"))
        table.struct_size = offsetof(mlsel_backend, extension);
    return &table;
}
