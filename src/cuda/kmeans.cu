/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KMeans: the rule itself, a sum in double from the first feature to the last without fused multiply-add, one thread
 * for each query and cluster. The chain of additions is what it takes: about 8 cycles a feature.
 */
#include "cuda.h"

typedef struct kmeans_model {
    double *centroids; /* [n_features][n_clusters]: neighbouring threads read neighbours */
    uint32_t n_clusters;
} kmeans_model;

template <typename T>
__global__ void __launch_bounds__(BLOCK)
    distance_kernel(const T *__restrict__ queries, uint64_t count, uint64_t n, const double *__restrict__ centroids,
                    uint32_t n_clusters, double *__restrict__ out) {
    const uint64_t at = (uint64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (at >= count * n_clusters)
        return;
    const T *q = queries + at / n_clusters * n;
    const double *centroid = centroids + at % n_clusters;
    double sum = 0;
#pragma unroll 8
    for (uint64_t i = 0; i < n; i++) {
        const double difference = __dsub_rn((double)q[i], centroid[i * n_clusters]);
        sum = __dadd_rn(sum, __dmul_rn(difference, difference));
    }
    out[at] = sum;
}

static mlsel_status prepare(cuda_state *state, mlsel_error *err) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const uint64_t n = state->view->n_features, n_clusters = kmeans->n_clusters;
    kmeans_model *model = (kmeans_model *)mlsel_i_calloc(1, sizeof *model);
    double *turned = (double *)mlsel_i_alloc((size_t)n_clusters, (size_t)n * sizeof(double));
    state->model = model;
    if (model == NULL || turned == NULL) {
        mlsel_i_free(turned);
        return mlsel_i_no_memory(err);
    }
    for (uint64_t c = 0; c < n_clusters; c++)
        for (uint64_t i = 0; i < n; i++)
            turned[i * n_clusters + c] = kmeans->centroids[c * n + i];
    model->n_clusters = kmeans->n_clusters;
    const mlsel_status status =
        mlsel_i_cuda_upload(&state->memory, turned, n * n_clusters, sizeof(double), (void **)&model->centroids, err);
    mlsel_i_free(turned);
    return status;
}

static void release(cuda_state *state) { (void)state; }

static void lay_out(const cuda_state *state, uint32_t capacity, uint32_t k, slot_layout *out) {
    (void)k;
    out->in = capacity * (uint64_t)state->view->n_features * sizeof(double);
    out->out = capacity * (uint64_t)state->view->kmeans->n_clusters * sizeof(double);
    out->work = 1;
}

static void take(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot) {
    mlsel_i_cuda_copy_queries(run, state->view->n_features, slot->host_in);
}

static mlsel_status enqueue(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const kmeans_model *model = (const kmeans_model *)state->model;
    const uint32_t device = state->device;
    const uint64_t n = state->view->n_features, n_out = (uint64_t)run->count * model->n_clusters;
    TRY(cudaMemcpyAsync(slot->device_in, slot->host_in, (size_t)(run->count * n * query_value_bytes(run->query_type)),
                        cudaMemcpyHostToDevice, slot->stream));
    if (run->query_type == MLSEL_QUERY_F64)
        TRY(LAUNCH(distance_kernel<double>, blocks_for(n_out), BLOCK, 0, slot->stream,
                   (const double *)(void *)slot->device_in, (uint64_t)run->count, n, (const double *)model->centroids,
                   model->n_clusters, (double *)(void *)slot->device_out));
    else
        TRY(LAUNCH(distance_kernel<float>, blocks_for(n_out), BLOCK, 0, slot->stream,
                   (const float *)(void *)slot->device_in, (uint64_t)run->count, n, (const double *)model->centroids,
                   model->n_clusters, (double *)(void *)slot->device_out));
    TRY(cudaMemcpyAsync(slot->host_out, slot->device_out, (size_t)(n_out * sizeof(double)), cudaMemcpyDeviceToHost,
                        slot->stream));
    return MLSEL_OK;
}

static mlsel_status finish(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const uint32_t n_clusters = state->view->kmeans->n_clusters;
    const double *out = (const double *)(void *)slot->host_out;
    (void)err;
    for (uint32_t q = 0; q < run->count; q++)
        for (uint32_t c = 0; c < n_clusters; c++)
            run->values[q * run->value_stride + c] = out[(uint64_t)q * n_clusters + c];
    return MLSEL_OK;
}

static bool is_fixed(const cuda_state *state, const mlsel_backend_run *run) {
    (void)state;
    (void)run;
    return true;
}

extern const cuda_kind mlsel_i_cuda_kmeans = {4096, prepare, release, lay_out, take, enqueue, finish, is_fixed};
