/* SPDX-License-Identifier: Apache-2.0 */
/* The backend's table: the one device there is, models on it, and the way of a run. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <string.h>

#include "metal.h"

/* --- the device --------------------------------------------------------------------------------------------------- */

/* One for all models, as its shaders take a while to compile; open as long as there is a model. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static metal_device *shared_device;
static uint32_t n_users;

static mlsel_status enter(metal_device **out, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    pthread_mutex_lock(&device_lock);
    if (n_users == 0)
        status = mlsel_i_metal_open(&shared_device, err);
    if (status == MLSEL_OK) {
        n_users++;
        *out = shared_device;
    }
    pthread_mutex_unlock(&device_lock);
    return status;
}

static void leave(void) {
    pthread_mutex_lock(&device_lock);
    if (--n_users == 0) {
        mlsel_i_metal_close(shared_device);
        shared_device = NULL;
    }
    pthread_mutex_unlock(&device_lock);
}

static int32_t probe(mlsel_error *err) {
    char name[sizeof((mlsel_device_info *)NULL)->description];
    return mlsel_i_metal_look(name, sizeof name, err) == MLSEL_OK ? 100 : 0;
}

static uint32_t device_count(void) { return probe(NULL) > 0 ? 1 : 0; }

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    (void)device;
    out->memory_bytes = 0; /* the host's */
    out->precisions = 1u << MLSEL_PRECISION_F32 | 1u << MLSEL_PRECISION_F16;
    return mlsel_i_metal_look(out->description, sizeof out->description, err);
}

/* --- models ------------------------------------------------------------------------------------------------------- */

static bool is_f32(mlsel_precision precision) {
    return precision == MLSEL_PRECISION_DEFAULT || precision == MLSEL_PRECISION_F32;
}

static const uint64_t max_rows = (uint64_t)1 << 30;

/* Rows of the model, and from one to the next; the kernels' numbers have 32 bits. */
static uint64_t most_rows(const mlsel_model_view *view) {
    uint64_t most = view->n_features;
    if (view->knn != NULL)
        most = larger(most, larger(view->knn->n_vectors, view->knn->stride));
    if (view->svm != NULL)
        most = larger(most, larger(view->svm->n_support_vectors, view->svm->stride));
    for (uint32_t c = 0; view->svm != NULL && view->svm->classifiers != NULL && c < view->svm->n_classes; c++)
        most = larger(most, view->svm->classifiers[c].n_vectors);
    return most;
}

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    (void)device;
    if (view->struct_size < sizeof *view)
        return mlsel_i_fail(err, MLSEL_ERROR_VERSION, "device \"metal\": the plugin is newer than the library");
    if (precision == MLSEL_PRECISION_BF16)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision bf16 is not available on device \"metal\", as the shading language of macOS 13 "
                            "lacks it: use f32 or f16");
    if (!is_f32(precision) && precision != MLSEL_PRECISION_F16)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision int8 is not available on device \"metal\": use f32 or f16");
    if (view->mlp == NULL && !is_f32(precision))
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision f16 is not available for this kind of model on device \"metal\", which has it "
                            "for mlp only: use f32");
    if (most_rows(view) > max_rows)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "device \"metal\" takes at most %llu vectors",
                            (unsigned long long)max_rows);
    return MLSEL_OK;
}

static void release(void *opaque) {
    metal_state *state = opaque;
    if (state->free_slots != NULL)
        mlsel_i_metal_slots_free(state);
    if (state->model != NULL)
        state->kind->release(state);
    mlsel_i_free(state->model);
    if (state->cpu.state != NULL)
        state->view->cpu->release(state->cpu.state);
    if (state->device != NULL)
        leave();
    mlsel_i_free(state);
}

mlsel_status mlsel_i_metal_prepare_cpu(metal_state *state, mlsel_error *err) {
    state->cpu.struct_size = sizeof state->cpu;
    return state->view->cpu->prepare(0, state->view, MLSEL_PRECISION_F32, &state->cpu, err);
}

mlsel_status mlsel_i_metal_model_alloc(metal_state *state, uint64_t count, size_t size, metal_buffer *out,
                                       mlsel_error *err) {
    if (count > SIZE_MAX / 2 / size)
        return mlsel_i_no_memory(err);
    const mlsel_status status = mlsel_i_metal_alloc(state->device, count == 0 ? size : count * size, out, err);
    if (status == MLSEL_OK) {
        memset(out->contents, 0, (size_t)out->bytes);
        state->memory_bytes += out->bytes;
    }
    return status;
}

/* Neighbours that the first slot has room for, as a plugin does not know what will be asked for. */
static const uint32_t usual_neighbours = 32;

static mlsel_status fill(metal_state *state, mlsel_error *err) {
    state->free_slots = mlsel_i_slots_create(N_SLOTS);
    if (state->free_slots == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = enter(&state->device, err);
    if (status == MLSEL_OK)
        status = state->kind->prepare(state, err);
    if (status != MLSEL_OK)
        return status;
    /* a first slot, so that what is wrong shows now, and the first query is as fast as the others */
    metal_slot *slot = NULL;
    status = mlsel_i_metal_slot_take(state, 1, usual_neighbours, &slot, err);
    if (status != MLSEL_OK)
        return status;
    for (int i = 0; i < SLOT_PARTS; i++)
        state->memory_bytes += slot->parts[i].bytes;
    mlsel_i_metal_slot_give(state, slot);
    return MLSEL_OK;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    (void)device;
    metal_state *state = mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return mlsel_i_no_memory(err);
    state->view = view;
    state->precision = precision;
    state->kind = view->knn != NULL      ? &mlsel_i_metal_knn
                  : view->kmeans != NULL ? &mlsel_i_metal_kmeans
                  : view->svm != NULL    ? &mlsel_i_metal_svm
                                         : &mlsel_i_metal_mlp;
    const mlsel_status status = fill(state, err);
    if (status != MLSEL_OK) {
        release(state);
        return status;
    }
    state->scratch_bytes = (state->scratch_bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    out->state = state;
    out->max_batch = state->kind->max_batch;
    out->scratch_bytes = state->scratch_bytes + state->cpu.scratch_bytes;
    out->memory_bytes = sizeof *state + state->memory_bytes + state->cpu.memory_bytes;
    out->checks_queries = 0;
    out->runs_in_parallel = 1;
    out->max_parts = 1;
    return MLSEL_OK;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_metal_ask_cpu(const metal_state *state, const mlsel_backend_run *run, uint32_t query,
                                   mlsel_error *err) {
    const size_t size = run->query_type == MLSEL_QUERY_F64 ? sizeof(double) : sizeof(float);
    mlsel_backend_run one = *run;
    one.count = 1;
    one.queries = (const char *)run->queries + query * run->stride * size;
    one.values = run->values + query * run->value_stride;
    one.scratch = (char *)run->scratch + state->scratch_bytes;
    return state->view->cpu->run(state->cpu.state, &one, err);
}

static mlsel_status run(void *opaque, const mlsel_backend_run *run, mlsel_error *err) {
    metal_state *state = opaque;
    metal_slot *slot = NULL;
    mlsel_status status = mlsel_i_metal_slot_take(state, run->count, run->k == 0 ? 1 : run->k, &slot, err);
    if (status != MLSEL_OK)
        return status;
    status = state->kind->run(state, run, slot, err);
    mlsel_i_metal_slot_give(state, slot);
    return status;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version);

MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version) {
    static const mlsel_backend table = {.struct_size = sizeof table,
                                        .api_version = MLSEL_BACKEND_API_VERSION,
                                        .name = "metal",
                                        .probe = probe,
                                        .device_count = device_count,
                                        .device_info = device_info,
                                        .supports = supports,
                                        .prepare = prepare,
                                        .run = run,
                                        .release = release};
    return api_version == MLSEL_BACKEND_API_VERSION ? &table : NULL;
}
