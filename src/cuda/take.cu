/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cuda.h"
#include "exact.cuh"

enum { TAKERS = 128 };

/* A block for each query. The norm is the reference's to the bit, as a normalised query must be. */
template <typename T>
__global__ void __launch_bounds__(TAKERS)
    take_kernel(const T *__restrict__ given, uint64_t n, uint64_t stride, take_rule rule, double *__restrict__ wide,
                float *__restrict__ narrow, double *__restrict__ norms) {
    __shared__ double squared;
    const uint64_t query = blockIdx.x;
    const T *x = given + query * n;
    if (threadIdx.x < WARP) {
        const double part = threadIdx.x < PARTS ? part_of_squares(x, n, threadIdx.x) : 0;
        const double sum = add_parts(part);
        if (threadIdx.x == 0)
            squared = sum;
    }
    __syncthreads();
    const double norm = sqrt(squared), inverse = norm > 0 ? 1 / norm : 0;
    const bool divides = rule == TAKE_SVM_NORMALIZED && norm > 1e-10;
    for (uint64_t i = threadIdx.x; i < n; i += TAKERS) {
        const double value = (double)x[i];
        const double scaled = rule == TAKE_KNN_NORMALIZED ? __dmul_rn(value, inverse) : divides ? value / norm : value;
        if (wide != NULL)
            wide[query * n + i] = scaled;
        narrow[query * stride + i] = (float)scaled;
    }
    if (threadIdx.x == 0)
        norms[query] = rule == TAKE_KNN_NORMALIZED ? (norm > 0 ? 1 : 0) : divides ? 1 : norm;
}

mlsel_status mlsel_i_cuda_take(uint32_t device, const taken_queries *t, uint32_t count, cudaStream_t stream,
                               mlsel_error *err) {
    if (t->type == MLSEL_QUERY_F64)
        TRY(LAUNCH(take_kernel<double>, count, TAKERS, 0, stream, (const double *)t->given, t->n, t->stride, t->rule,
                   t->wide, t->narrow, t->norms));
    else
        TRY(LAUNCH(take_kernel<float>, count, TAKERS, 0, stream, (const float *)t->given, t->n, t->stride, t->rule,
                   t->wide, t->narrow, t->norms));
    return MLSEL_OK;
}

void mlsel_i_cuda_copy_queries(const mlsel_backend_run *run, uint64_t n, char *out) {
    const uint64_t size = query_value_bytes(run->query_type);
    for (uint32_t q = 0; q < run->count; q++)
        memcpy(out + q * n * size, (const char *)run->queries + q * run->stride * size, (size_t)(n * size));
}
