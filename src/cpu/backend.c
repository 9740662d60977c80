/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU as a backend: always there, one device. */
#include "backend.h"

#include <math.h>
#include <stdio.h>

#include "state.h"

double mlsel_i_cpu_norm(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i] * values[i];
    return sqrt(sum);
}

static int32_t probe(mlsel_error *err) {
    (void)err;
    return 1;
}

static uint32_t device_count(void) { return 1; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    (void)device;
    snprintf(out->description, sizeof out->description, "host processor");
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
    cpu_state *state = opaque;
    if (state != NULL)
        mlsel_i_free(state->norms);
    mlsel_i_free(state);
}

static mlsel_status prepare_knn(cpu_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n = state->view->n_features;
    if (!knn->normalize)
        return MLSEL_OK;
    state->norms = mlsel_i_alloc(knn->n_rows, sizeof *state->norms);
    if (state->norms == NULL)
        return mlsel_i_no_memory(err);
    for (uint64_t row = 0; row < knn->n_rows; row++) {
        const float *x = knn->rows + row * n;
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)x[i] * (double)x[i];
        state->norms[row] = sqrt(sum);
    }
    return MLSEL_OK;
}

static size_t widest_layer(const mlsel_mlp_view *mlp) {
    size_t width = 0;
    for (uint32_t l = 0; l < mlp->n_layers; l++)
        if (mlp->layers[l].out_features > width)
            width = mlp->layers[l].out_features;
    return width;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    (void)device, (void)precision;
    cpu_state *state = mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return mlsel_i_no_memory(err);
    state->view = view;
    state->kernels = mlsel_i_cpu_kernels_pick();
    state->scratch_query = 2 * (size_t)view->n_features;
    mlsel_status status = MLSEL_OK;
    if (view->knn != NULL)
        status = prepare_knn(state, err);
    else if (view->svm != NULL)
        state->scratch_extra = view->svm->n_support_vectors;
    else if (view->mlp != NULL)
        state->scratch_extra = 2 * widest_layer(view->mlp);
    if (status != MLSEL_OK) {
        release(state);
        return status;
    }
    out->max_batch = 64;
    out->scratch_bytes = (state->scratch_query + state->scratch_extra) * sizeof(double);
    out->memory_bytes = sizeof *state + (state->norms == NULL ? 0 : view->knn->n_rows * sizeof *state->norms);
    out->state = state;
    return MLSEL_OK;
}

static mlsel_status run(void *opaque, const mlsel_backend_run *run, mlsel_error *err) {
    const cpu_state *state = opaque;
    const mlsel_model_view *view = state->view;
    double *scratch = run->scratch;
    const size_t n = view->n_features;
    (void)err;
    for (uint32_t i = 0; i < run->count; i++) {
        cpu_query query = {.normalized = scratch + n, .extra = scratch + state->scratch_query};
        double *values = run->values + i * run->value_stride;
        if (run->query_type == MLSEL_QUERY_F64) {
            query.values = (const double *)run->queries + i * run->stride;
        } else {
            const float *given = (const float *)run->queries + i * run->stride;
            for (size_t f = 0; f < n; f++)
                scratch[f] = given[f];
            query.values = scratch;
        }
        if (view->knn != NULL)
            mlsel_i_cpu_knn(state, &query, run, run->neighbours + i * run->neighbour_stride);
        else if (view->kmeans != NULL)
            mlsel_i_cpu_kmeans(state, &query, values);
        else if (view->svm != NULL)
            mlsel_i_cpu_svm(state, &query, values);
        else
            mlsel_i_cpu_mlp(state, &query, values);
    }
    return MLSEL_OK;
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
