/* SPDX-License-Identifier: Apache-2.0 */
/* Exact measurements: eight lanes for a vector, each with one part of the reference's sum. */
#include "exact.cuh"
#include "knn.h"

__global__ void __launch_bounds__(BLOCK)
    norm_kernel(const float *__restrict__ vectors, uint64_t n_vectors, uint64_t stride, uint64_t n, bool normalize,
                double *__restrict__ scales, float *__restrict__ double_scales, float *__restrict__ offsets,
                double *__restrict__ norms) {
    const uint64_t v = ((uint64_t)blockIdx.x * BLOCK + threadIdx.x) / PARTS;
    const unsigned part = threadIdx.x % PARTS;
    const double sum = add_parts(v < n_vectors ? part_of_squares(vectors + v * stride, n, part) : 0);
    if (v >= n_vectors || part != 0)
        return;
    const double norm = sqrt(sum);
    const double scale = !normalize ? 1 : norm > 0 ? 1 / norm : 0;
    scales[v] = scale;
    double_scales[v] = (float)(2 * scale);
    offsets[v] = (float)(!normalize ? sum : norm > 0 ? 1 : 0);
    norms[v] = norm;
}

mlsel_status mlsel_i_cuda_knn_norms(uint32_t device, const knn_model *m, uint64_t n, bool normalize, double *norms,
                                    mlsel_error *err) {
    TRY(LAUNCH(norm_kernel, blocks_for(m->n_vectors * PARTS), BLOCK, 0, (cudaStream_t)NULL, (const float *)m->vectors,
               m->n_vectors, m->stride, n, normalize, m->scales, m->double_scales, m->offsets, norms));
    TRY(cudaStreamSynchronize(NULL));
    return MLSEL_OK;
}

/* ids NULL: the vectors as they come, every one of them. */
__device__ static void measure(const float *__restrict__ vectors, const double *__restrict__ scales, uint64_t stride,
                               uint64_t n, const double *__restrict__ query, const uint32_t *__restrict__ ids,
                               uint64_t n_ids, double *__restrict__ out) {
    const uint64_t at = ((uint64_t)blockIdx.x * BLOCK + threadIdx.x) / PARTS;
    const unsigned part = threadIdx.x % PARTS;
    double sum = 0;
    if (at < n_ids) {
        const uint64_t v = ids == NULL ? at : ids[at];
        sum = part_of_distance(vectors + v * stride, scales[v], query, n, part);
    }
    sum = add_parts(sum);
    if (at < n_ids && part == 0)
        out[at] = sum;
}

__global__ void __launch_bounds__(BLOCK)
    measure_kernel(const float *__restrict__ vectors, const double *__restrict__ scales, uint64_t stride, uint64_t n,
                   const double *__restrict__ queries, char *__restrict__ records, uint32_t max_candidates) {
    const uint64_t query = blockIdx.y;
    const knn_record r = knn_record_at(records, query, max_candidates);
    const uint32_t count = *r.count;
    measure(vectors, scales, stride, n, queries + query * n, r.ids, count <= max_candidates ? count : 0, r.distances);
}

__global__ void __launch_bounds__(BLOCK)
    measure_all_kernel(const float *__restrict__ vectors, const double *__restrict__ scales, uint64_t stride,
                       uint64_t n, const double *__restrict__ query, uint64_t n_vectors, double *__restrict__ out) {
    measure(vectors, scales, stride, n, query, NULL, n_vectors, out);
}

mlsel_status mlsel_i_cuda_knn_measure(uint32_t device, const knn_model *m, uint64_t n, const double *queries,
                                      char *records, uint32_t max_candidates, uint32_t count, cudaStream_t stream,
                                      mlsel_error *err) {
    TRY(LAUNCH(measure_kernel, dim3(blocks_for((uint64_t)max_candidates * PARTS), count), BLOCK, 0, stream,
               (const float *)m->vectors, (const double *)m->scales, m->stride, n, queries, records, max_candidates));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_knn_measure_all(uint32_t device, const knn_model *m, uint64_t n, const double *query,
                                          double *out, cudaStream_t stream, mlsel_error *err) {
    TRY(LAUNCH(measure_all_kernel, blocks_for(m->n_vectors * PARTS), BLOCK, 0, stream, (const float *)m->vectors,
               (const double *)m->scales, m->stride, n, query, m->n_vectors, out));
    return MLSEL_OK;
}
