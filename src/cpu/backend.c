/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU as a backend: always there, one device. */
#include "backend.h"

#include <math.h>
#include <stdio.h>

#include "batch.h"
#include "features.h"

/* --- shared by the algorithms ------------------------------------------------------------------------------------ */

const double *mlsel_i_cpu_wide(const cpu_state *state, const cpu_query *query) {
    if (query->f64 != NULL)
        return query->f64;
    for (size_t i = 0; i < state->view->n_features; i++)
        query->wide[i] = (double)query->f32[i];
    return query->wide;
}

const float *mlsel_i_cpu_narrow(const cpu_state *state, const cpu_query *query) {
    if (query->f32 != NULL)
        return query->f32;
    state->kernels->narrow(query->f64, 1, query->narrow, state->view->n_features);
    return query->narrow;
}

double mlsel_i_cpu_sum_squares(const cpu_state *state, const cpu_query *query) {
    const size_t n = state->view->n_features;
    return query->f32 != NULL ? state->kernels->sum_squares_f32(query->f32, n)
                              : state->kernels->sum_squares(query->f64, n);
}

bool mlsel_i_cpu_is_finite(const cpu_state *state, const cpu_query *query) {
    const size_t n = state->view->n_features;
    return query->f32 != NULL ? state->kernels->is_finite_f32(query->f32, n)
                              : state->kernels->is_finite_f64(query->f64, n);
}

bool mlsel_i_cpu_is_tame(double norm) { return norm >= 0x1p-40 && norm <= 0x1p40; }

void mlsel_i_cpu_choose_dots(cpu_state *state, uint64_t bytes) {
    /* What is read by every query stays in a second-level cache of 1 to 2 MiB up to about the first size; from the
     * second on, it must share the third-level cache with others, or exceeds it. */
    const uint64_t near = (uint64_t)5 << 18, far = (uint64_t)8 << 20;
    const bool is_between = bytes >= near && bytes < far;
    state->dots = is_between && state->kernels->dots_ahead != NULL ? state->kernels->dots_ahead : state->kernels->dots;
}

/* Blocks of a state form a list, so that one function frees whatever an algorithm prepared. */
typedef struct state_block {
    struct state_block *next;
} state_block;

/* The state with what only this file needs. */
typedef struct owned_state {
    cpu_state state;
    state_block *blocks;
} owned_state;

void *mlsel_i_cpu_state_alloc(cpu_state *state, size_t count, size_t size) {
    owned_state *owned = (owned_state *)(void *)state;
    if (size != 0 && count > (SIZE_MAX - MLSEL_ALIGNMENT) / size)
        return NULL;
    /* the link takes one alignment unit, so that what follows stays aligned */
    state_block *block = mlsel_i_calloc(count * size + MLSEL_ALIGNMENT, 1);
    if (block == NULL)
        return NULL;
    block->next = owned->blocks;
    owned->blocks = block;
    state->memory_bytes += count * size;
    return (char *)block + MLSEL_ALIGNMENT;
}

/* --- the backend's slots ----------------------------------------------------------------------------------------- */

static int32_t probe(mlsel_error *err) {
    (void)err;
    return 1;
}

static uint32_t device_count(void) { return 1; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    (void)device;
    mlsel_i_cpu_name(out->description, sizeof out->description);
    snprintf(out->isa, sizeof out->isa, "%s", mlsel_i_cpu_kernels_pick()->isa);
    out->precisions = 1u << MLSEL_PRECISION_F32;
    return mlsel_i_ok(err);
}

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    (void)device, (void)view;
    if (precision == MLSEL_PRECISION_DEFAULT || precision == MLSEL_PRECISION_F32)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "precision %s is not available on device \"cpu\": use f32",
                        mlsel_precision_name(precision));
}

static void release(void *opaque) {
    owned_state *owned = opaque;
    while (owned != NULL && owned->blocks != NULL) {
        state_block *next = owned->blocks->next;
        mlsel_i_free(owned->blocks);
        owned->blocks = next;
    }
    mlsel_i_free(owned);
}

/* Where the parts of a query's scratch are, in bytes; each starts at a multiple of the alignment. */
typedef struct scratch_layout {
    size_t normalized, narrow, extra, batch, end;
} scratch_layout;

static size_t align(size_t bytes) { return (bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT; }

static scratch_layout lay_out(const cpu_state *state) {
    const size_t n = state->view->n_features;
    scratch_layout l;
    l.normalized = (state->copies & CPU_COPY_WIDE) != 0 ? align(n * sizeof(double)) : 0;
    l.narrow = l.normalized + ((state->copies & CPU_COPY_NORMALIZED) != 0 ? align(n * sizeof(double)) : 0);
    l.extra = l.narrow + ((state->copies & CPU_COPY_NARROW) != 0 ? align(n * sizeof(float)) : 0);
    l.batch = l.extra + align(state->scratch_bytes);
    l.end = l.batch + align(state->batch_bytes);
    return l;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    (void)device, (void)precision;
    owned_state *owned = mlsel_i_calloc(1, sizeof *owned);
    if (owned == NULL)
        return mlsel_i_no_memory(err);
    cpu_state *state = &owned->state;
    state->view = view;
    state->kernels = mlsel_i_cpu_kernels_pick();
    state->copies = CPU_COPY_WIDE | CPU_COPY_NORMALIZED | CPU_COPY_NARROW;
    state->fast = state->kernels->dots != NULL;
    mlsel_i_cpu_choose_dots(state, 0);
    if (state->fast) {
        state->dots_error =
            mlsel_i_cpu_dots_error(state->kernels->dots_parts, state->kernels->dots_tail, view->n_features);
        const size_t quad_parts = state->kernels->panel->quad_parts;
        state->quad_error = mlsel_i_cpu_dots_error(quad_parts, quad_parts, view->n_features);
        state->panel_error = mlsel_i_cpu_panel_error(view->n_features);
    }
    mlsel_status status;
    if (view->knn != NULL)
        status = mlsel_i_cpu_prepare_knn(state, err);
    else if (view->kmeans != NULL)
        status = mlsel_i_cpu_prepare_kmeans(state, err);
    else if (view->svm != NULL)
        status = mlsel_i_cpu_prepare_svm(state, err);
    else
        status = mlsel_i_cpu_prepare_mlp(state, err);
    if (status != MLSEL_OK) {
        release(owned);
        return status;
    }
    if (view->knn != NULL)
        state->batch_bytes = mlsel_i_cpu_knn_batch_bytes(state);
    else if (view->svm != NULL)
        state->batch_bytes = mlsel_i_cpu_svm_batch_bytes(state);
    else if (view->mlp != NULL)
        state->batch_bytes = mlsel_i_cpu_mlp_batch_bytes(state);
    out->max_batch = view->knn != NULL ? MAX_KNN_BATCH : MAX_BATCH;
    out->scratch_bytes = lay_out(state).end;
    out->memory_bytes = sizeof *owned + state->memory_bytes;
    out->state = owned;
    out->checks_queries = view->kmeans != NULL;
    out->max_parts = view->knn != NULL ? mlsel_i_cpu_knn_parts(state) : 1;
    out->runs_in_parallel = 1;
    return MLSEL_OK;
}

bool mlsel_i_cpu_run_one(const cpu_state *state, const mlsel_backend_run *run, size_t index) {
    const mlsel_model_view *view = state->view;
    const scratch_layout l = lay_out(state);
    char *scratch = run->scratch;
    const bool is_f64 = run->query_type == MLSEL_QUERY_F64;
    const cpu_query query = {.f32 = is_f64 ? NULL : (const float *)run->queries + index * run->stride,
                             .f64 = is_f64 ? (const double *)run->queries + index * run->stride : NULL,
                             .wide = (double *)(void *)scratch,
                             .normalized = (double *)(void *)(scratch + l.normalized),
                             .narrow = (float *)(void *)(scratch + l.narrow),
                             .extra = scratch + l.extra};
    if (view->knn != NULL)
        mlsel_i_cpu_knn(state, run, index, &query);
    else if (view->kmeans != NULL)
        return mlsel_i_cpu_kmeans(state, &query, run->values + index * run->value_stride);
    else if (view->svm != NULL)
        mlsel_i_cpu_svm(state, &query, run->values + index * run->value_stride);
    else
        mlsel_i_cpu_mlp(state, &query, run->values + index * run->value_stride);
    return true;
}

static mlsel_status run(void *opaque, const mlsel_backend_run *run, mlsel_error *err) {
    const cpu_state *state = &((const owned_state *)opaque)->state;
    const mlsel_model_view *view = state->view;
    void *batch = (char *)run->scratch + lay_out(state).batch;
    bool is_finite = true;
    if (run->count == 1 || state->batch_bytes == 0)
        for (uint32_t i = 0; i < run->count && is_finite; i++)
            is_finite = mlsel_i_cpu_run_one(state, run, i);
    else if (view->knn != NULL)
        mlsel_i_cpu_knn_batch(state, run, batch);
    else if (view->svm != NULL)
        mlsel_i_cpu_svm_batch(state, run, batch);
    else
        mlsel_i_cpu_mlp_batch(state, run, batch);
    return is_finite ? MLSEL_OK : mlsel_i_fail(err, MLSEL_ERROR_NOT_FINITE, "a value is not a number");
}

const mlsel_backend mlsel_i_cpu_backend = {
    .struct_size = sizeof(mlsel_backend),
    .api_version = MLSEL_BACKEND_API_VERSION,
    .name = "cpu",
    .probe = probe,
    .device_count = device_count,
    .device_info = device_info,
    .supports = supports,
    .prepare = prepare,
    .run = run,
    .release = release,
};
