/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for "cuda" that is compiled with the old backend header in first/core, and fills what that had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugin/fake_arithmetic.h"
#include "sizes.h"

enum { MAX_BATCH = 3 };

static int32_t probe(mlsel_error *err) {
    (void)err;
    return 100;
}

static uint32_t device_count(void) { return 1; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    (void)device;
    (void)err;
    snprintf(out->description, sizeof out->description, "device of an old plugin");
    out->precisions = 1u << MLSEL_PRECISION_F32;
    return MLSEL_OK;
}

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    (void)device;
    (void)view;
    (void)err;
    return precision <= MLSEL_PRECISION_F32 ? MLSEL_OK : MLSEL_ERROR_UNSUPPORTED;
}

/* The state is the view itself, which outlives it. */
static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    (void)device;
    (void)precision;
    (void)err;
    if (view->struct_size < sizeof *view || out->struct_size < sizeof *out)
        return MLSEL_ERROR_INTERNAL;
    out->max_batch = MAX_BATCH;
    out->scratch_bytes = (view->n_features + fake_room(view)) * sizeof(double);
    out->memory_bytes = 1000;
    out->state = (void *)view;
    return MLSEL_OK;
}

static mlsel_status run(void *state, const mlsel_backend_run *run, mlsel_error *err) {
    const mlsel_model_view *view = state;
    double *query = run->scratch;
    (void)err;
    if (run->struct_size < sizeof *run || run->count == 0 || run->count > MAX_BATCH)
        return MLSEL_ERROR_INTERNAL;
    for (uint32_t q = 0; q < run->count; q++) {
        const uint64_t first = q * run->stride;
        for (uint32_t i = 0; i < view->n_features; i++)
            query[i] = run->query_type == MLSEL_QUERY_F32 ? (double)((const float *)run->queries)[first + i]
                                                          : ((const double *)run->queries)[first + i];
        fake_measure(view, query, query + view->n_features, run->k, run->label_mask,
                     run->neighbours == NULL ? NULL : run->neighbours + q * run->neighbour_stride,
                     run->values == NULL ? NULL : run->values + q * run->value_stride);
    }
    return MLSEL_OK;
}

static void release(void *state) { (void)state; }

static const mlsel_backend backend = {
    .struct_size = sizeof(mlsel_backend),
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

__attribute__((visibility("default"))) const mlsel_backend *mlsel_backend_entry(uint32_t api_version) {
    return api_version == MLSEL_BACKEND_API_VERSION ? &backend : NULL;
}
