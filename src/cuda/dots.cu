/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of a matrix with few vectors: bound by the bytes of the matrix, so each row is read once for all of them, by
 * one warp, 16 bytes a lane.
 */
#include <math.h>

#include "cuda.h"
#include "half.cuh"

double mlsel_i_cuda_dots_error(uint64_t n) {
    /* terms of a part, the tree over 128 parts, and one rounding each for the query, the product and what is left */
    return 1.01 * (ceil((double)n / 128) + 7 + 3) * 0x1p-24;
}

double mlsel_i_cuda_sum_error(uint64_t n) { return 1.01 * ((double)n + 3) * 0x1p-24; }

template <typename T>
struct alignas(4 * sizeof(T)) quad {
    T v[4];
};

template <typename T, typename O, int N>
__global__ void __launch_bounds__(BLOCK)
    dots_kernel(const T *__restrict__ rows, uint64_t n_rows, uint64_t n, uint64_t stride, const T *__restrict__ queries,
                uint64_t query_stride, const O *__restrict__ bias, bool relu, O *__restrict__ out,
                uint64_t out_stride) {
    const uint64_t row = ((uint64_t)blockIdx.x * BLOCK + threadIdx.x) / WARP;
    const unsigned lane = threadIdx.x % WARP;
    if (row >= n_rows)
        return; /* the whole warp */
    float sums[N][4];
    for (int q = 0; q < N; q++)
        for (int j = 0; j < 4; j++)
            sums[q][j] = 0;
    for (uint64_t i = lane * 4; i < n; i += WARP * 4) {
        const quad<T> x = *(const quad<T> *)(const void *)(rows + row * stride + i);
#pragma unroll
        for (int q = 0; q < N; q++) {
            const quad<T> y = *(const quad<T> *)(const void *)(queries + (uint64_t)q * query_stride + i);
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (i + j < n) /* queries may hold anything from there on */
                    sums[q][j] += to_float(x.v[j]) * to_float(y.v[j]);
        }
    }
#pragma unroll
    for (int q = 0; q < N; q++) {
        float sum = (sums[q][0] + sums[q][1]) + (sums[q][2] + sums[q][3]);
        for (int step = WARP / 2; step > 0; step /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (bias != NULL)
            sum += to_float(bias[row]);
        if (lane == 0)
            out[(uint64_t)q * out_stride + row] = from_float<O>(relu && !(sum > 0) ? 0.0f : sum);
    }
}

template <typename T, typename O, int N>
static cudaError_t launch_for(const gemm_shape *s, const void *rows, const void *queries, void *out,
                              cudaStream_t stream) {
    return LAUNCH((dots_kernel<T, O, N>), blocks_for(s->n_rows * WARP), BLOCK, 0, stream, (const T *)rows, s->n_rows,
                  s->n, s->stride, (const T *)queries, s->query_stride, (const O *)s->bias, s->relu, (O *)out,
                  s->out_stride);
}

/* Any count is the sum of 8, 4, 2 and 1. */
template <typename T, typename O>
static cudaError_t launch(const gemm_shape *s, const void *rows, const void *queries, uint32_t count, void *out,
                          cudaStream_t stream) {
    cudaError_t code = cudaSuccess;
    for (uint32_t done = 0, n; done < count && code == cudaSuccess; done += n) {
        const T *q = (const T *)queries + done * s->query_stride;
        O *o = (O *)out + done * s->out_stride;
        const uint32_t left = count - done;
        n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        code = n == 8   ? launch_for<T, O, 8>(s, rows, q, o, stream)
               : n == 4 ? launch_for<T, O, 4>(s, rows, q, o, stream)
               : n == 2 ? launch_for<T, O, 2>(s, rows, q, o, stream)
                        : launch_for<T, O, 1>(s, rows, q, o, stream);
    }
    return code;
}

mlsel_status mlsel_i_cuda_dots(uint32_t device, const gemm_shape *shape, const void *rows, const void *queries,
                               uint32_t count, void *out, cudaStream_t stream, mlsel_error *err) {
    const bool last = shape->out_type == CUDA_R_32F;
    if (shape->type == CUDA_R_16F && last)
        TRY((launch<__half, float>(shape, rows, queries, count, out, stream)));
    else if (shape->type == CUDA_R_16F)
        TRY((launch<__half, __half>(shape, rows, queries, count, out, stream)));
    else if (shape->type == CUDA_R_16BF && last)
        TRY((launch<__nv_bfloat16, float>(shape, rows, queries, count, out, stream)));
    else if (shape->type == CUDA_R_16BF)
        TRY((launch<__nv_bfloat16, __nv_bfloat16>(shape, rows, queries, count, out, stream)));
    else
        TRY((launch<float, float>(shape, rows, queries, count, out, stream)));
    return MLSEL_OK;
}
