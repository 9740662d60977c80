/* SPDX-License-Identifier: Apache-2.0 */
/* The backend's table: which devices there are, models on them, and the way of a run. */
#include <stdio.h>
#include <string.h>

#include "cuda.h"
#include "train.h"

/* --- devices ------------------------------------------------------------------------------------------------------ */

/* Why CUDA cannot be used here. */
static int32_t no_device(mlsel_error *err, cudaError_t code) {
    int driver = 0, made_for = 0;
    (void)cudaGetLastError();
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&made_for);
    if (code == cudaErrorInsufficientDriver && driver == 0)
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "no NVIDIA driver found (libcuda.so.1): install the driver of the card");
    else if (code == cudaErrorInsufficientDriver)
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE,
                     "the NVIDIA driver is too old: it supports CUDA %d.%d, the plugin is made with %d.%d: update it",
                     driver / 1000, driver % 1000 / 10, made_for / 1000, made_for % 1000 / 10);
    else if (code == cudaErrorNoDevice)
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE,
                     "no CUDA device found: there is no card, or CUDA_VISIBLE_DEVICES hides them");
    else
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "%s (%s)", cudaGetErrorString(code), cudaGetErrorName(code));
    return 0;
}

static int32_t probe(mlsel_error *err) {
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    return code == cudaSuccess && count > 0 ? 200 : no_device(err, code == cudaSuccess ? cudaErrorNoDevice : code);
}

static uint32_t device_count(void) {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess && count > 0 ? (uint32_t)count : 0;
}

static mlsel_status device_info(uint32_t device, mlsel_device_info *out, mlsel_error *err) {
    cudaDeviceProp properties;
    TRY(cudaGetDeviceProperties(&properties, (int)device));
    snprintf(out->description, sizeof out->description, "%.90s", properties.name);
    snprintf(out->isa, sizeof out->isa, "sm_%d%d", properties.major, properties.minor);
    out->memory_bytes = properties.totalGlobalMem;
    out->precisions = 1u << MLSEL_PRECISION_F32 | 1u << MLSEL_PRECISION_F16 | 1u << MLSEL_PRECISION_BF16;
    return MLSEL_OK;
}

/* --- models ------------------------------------------------------------------------------------------------------- */

static bool is_f32(mlsel_precision precision) {
    return precision == MLSEL_PRECISION_DEFAULT || precision == MLSEL_PRECISION_F32;
}

/* Rows or columns that the kernels' numbers have room for. */
static const uint64_t max_rows = (uint64_t)1 << 30;

static mlsel_status supports(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                             mlsel_error *err) {
    (void)device;
    if (view->struct_size < sizeof *view)
        return mlsel_i_fail(err, MLSEL_ERROR_VERSION, "device \"cuda\": the plugin is newer than the library");
    if (view->mlp == NULL && !is_f32(precision))
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision %d is not available for this kind of model on device \"cuda\", which has it for "
                            "mlp only: use f32",
                            (int)precision);
    if (precision == MLSEL_PRECISION_INT8)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "precision int8 is not available on device \"cuda\": use f32, f16 or bf16");
    if (view->knn != NULL && view->knn->n_vectors > max_rows)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "device \"cuda\" takes at most %llu vectors, the model has %llu",
                            (unsigned long long)max_rows, (unsigned long long)view->knn->n_vectors);
    return MLSEL_OK;
}

static void release(void *opaque) {
    cuda_state *state = (cuda_state *)opaque;
    {
        device_scope scope(state->device);
        if (state->free_slots != NULL)
            mlsel_i_cuda_slots_free(state);
        if (state->model != NULL)
            state->kind->release(state);
        if (state->lt != NULL)
            (void)cublasLtDestroy(state->lt);
        mlsel_i_cuda_free_all(&state->memory);
    }
    if (state->cpu.state != NULL)
        state->view->cpu->release(state->cpu.state);
    mlsel_i_free(state->model);
    mlsel_i_free(state);
}

mlsel_status mlsel_i_cuda_prepare_cpu(cuda_state *state, mlsel_error *err) {
    state->cpu.struct_size = sizeof state->cpu;
    return state->view->cpu->prepare(0, state->view, MLSEL_PRECISION_F32, &state->cpu, err);
}

/* Neighbours that the first slot has room for, as a plugin does not know what will be asked for. */
static const uint32_t usual_neighbours = 32;

static mlsel_status fill(cuda_state *state, mlsel_error *err) {
    const uint32_t device = state->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    state->free_slots = mlsel_i_slots_create(N_SLOTS);
    if (state->free_slots == NULL)
        return mlsel_i_no_memory(err);
    TRY_BLAS(cublasLtCreate(&state->lt));
    mlsel_status status = state->kind->prepare(state, err);
    if (status != MLSEL_OK)
        return status;
    TRY(cudaStreamSynchronize(NULL)); /* uploads go through another stream than all that follows */
    /* a first slot, so that what is wrong shows now, and the first query is as fast as the others */
    cuda_slot *slot = NULL;
    status = mlsel_i_cuda_slot_take(state, 1, usual_neighbours, &slot, err);
    if (status == MLSEL_OK)
        mlsel_i_cuda_slot_give(state, slot);
    return status;
}

static mlsel_status prepare(uint32_t device, const mlsel_model_view *view, mlsel_precision precision,
                            mlsel_prepared *out, mlsel_error *err) {
    cuda_state *state = (cuda_state *)mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return mlsel_i_no_memory(err);
    state->view = view;
    state->device = state->memory.device = device;
    state->precision = precision;
    state->kind = view->knn != NULL      ? &mlsel_i_cuda_knn
                  : view->kmeans != NULL ? &mlsel_i_cuda_kmeans
                  : view->svm != NULL    ? &mlsel_i_cuda_svm
                                         : &mlsel_i_cuda_mlp;
    state->max_batch = state->kind->max_batch;
    const mlsel_status status = fill(state, err);
    if (status != MLSEL_OK) {
        release(state);
        return status;
    }
    out->state = state;
    out->max_batch = state->max_batch;
    out->scratch_bytes = state->scratch_bytes + state->cpu.scratch_bytes;
    out->memory_bytes = sizeof *state + state->memory.bytes + state->slots[0].device_bytes + state->cpu.memory_bytes;
    out->checks_queries = 0;
    out->runs_in_parallel = 1;
    out->max_parts = 1;
    return MLSEL_OK;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_cuda_ask_cpu(const cuda_state *state, const mlsel_backend_run *run, uint32_t query,
                                  mlsel_error *err) {
    mlsel_backend_run one = *run;
    one.count = 1;
    one.queries = (const char *)run->queries + query * run->stride * query_value_bytes(run->query_type);
    one.values = run->values + query * run->value_stride;
    one.scratch = (char *)run->scratch + state->scratch_bytes;
    return state->view->cpu->run(state->cpu.state, &one, err);
}

static mlsel_status run(void *opaque, const mlsel_backend_run *run, mlsel_error *err) {
    cuda_state *state = (cuda_state *)opaque;
    const uint32_t device = state->device;
    cuda_slot *slot = NULL;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    mlsel_status status = mlsel_i_cuda_slot_take(state, run->count, run->k == 0 ? 1 : run->k, &slot, err);
    if (status != MLSEL_OK)
        return status;
    state->kind->take(state, run, slot);
    status = mlsel_i_cuda_slot_launch(state, run, slot, err);
    /* also after a failure: what was started may still use the slot */
    const cudaError_t code = cudaStreamSynchronize(slot->stream);
    if (status == MLSEL_OK && code != cudaSuccess)
        status = mlsel_i_cuda_fail(err, device, "cudaStreamSynchronize", code);
    if (status == MLSEL_OK)
        status = state->kind->finish(state, run, slot, err);
    mlsel_i_cuda_slot_give(state, slot);
    return status;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static const void *extension(const char *name) {
    return strcmp(name, MLSEL_EXTENSION_TRAIN_MLP) == 0 ? &mlsel_i_cuda_train_mlp : NULL;
}

extern "C" MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version);

extern "C" MLSEL_API const mlsel_backend *mlsel_backend_entry(uint32_t api_version) {
    static const mlsel_backend table = {sizeof(mlsel_backend),
                                        MLSEL_BACKEND_API_VERSION,
                                        "cuda",
                                        probe,
                                        device_count,
                                        device_info,
                                        supports,
                                        prepare,
                                        run,
                                        release,
                                        extension};
    return api_version == MLSEL_BACKEND_API_VERSION ? &table : NULL;
}
