/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The candidates of a query, in two passes over its estimates. The first takes the least estimate of each of many
 * groups of vectors. The k-th smallest of these is not below the k-th smallest of all, as k groups have a vector that
 * is no farther. The second pass keeps what is within that and twice the error: of k neighbours and G groups about k +
 * k^2/2G vectors, instead of a sort of all.
 */
#include <math.h>

#include "knn.h"

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

/* --- estimates ---------------------------------------------------------------------------------------------------- */

__device__ __forceinline__ float estimate(const knn_search &s, uint64_t query, float base, uint64_t v) {
    return base + s.offsets[v] - s.double_scales[v] * s.dots[query * s.room + v];
}

/* As mlsel_i_knn_estimate_error of the CPU backend. */
__device__ __forceinline__ double estimate_error(const knn_search &s, double norm) {
    const double unit = 0x1p-24, reach = s.max_norm + norm;
    return 2 * s.dots_error * s.max_norm * norm + 14 * unit * reach * reach + 1e-12;
}

__global__ void __launch_bounds__(BLOCK) minima_kernel(knn_search s) {
    const uint32_t group = blockIdx.x * BLOCK + threadIdx.x;
    const uint64_t query = blockIdx.y;
    if (group >= s.n_groups)
        return;
    const double norm = s.norms[query];
    const float base = (float)(norm * norm);
    float least = INFINITY;
    for (uint64_t v = group; v < s.n_vectors; v += s.n_groups)
        if (s.takes_part == NULL || s.takes_part[v])
            least = fminf(least, estimate(s, query, base, v));
    s.minima[query * s.n_groups + group] = least;
}

/* --- the k-th smallest minimum ------------------------------------------------------------------------------------ */

/* Numbers in the order of the floats. */
__device__ __forceinline__ uint32_t to_key(float x) {
    const uint32_t bits = __float_as_uint(x);
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float from_key(uint32_t key) {
    return __uint_as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

/* The digit that the rank falls on, given how many keys have each; rank becomes the one among those. A thread for each
 * digit; sums is of DIGITS. */
__device__ static void find_digit(const uint32_t *counts, uint32_t *sums, uint32_t *rank, uint32_t *digit) {
    const uint32_t self = threadIdx.x;
    sums[self] = counts[self];
    __syncthreads();
    for (uint32_t step = 1; step < DIGITS; step *= 2) {
        const uint32_t before = self >= step ? sums[self - step] : 0;
        __syncthreads();
        sums[self] += before;
        __syncthreads();
    }
    const uint32_t wanted = *rank, smaller = sums[self] - counts[self];
    __syncthreads();
    if (smaller <= wanted && wanted < sums[self]) {
        *digit = self;
        *rank = wanted - smaller;
    }
    __syncthreads();
}

/* A block for each query: digit after digit, from the highest. Sets the limit that candidates must not exceed. */
__global__ void __launch_bounds__(DIGITS) limit_kernel(knn_search s) {
    __shared__ uint32_t counts[DIGITS];
    __shared__ uint32_t sums[DIGITS];
    __shared__ uint32_t rank, digit;
    const uint64_t query = blockIdx.x;
    const double norm = s.norms[query];
    const knn_record record = knn_record_at(s.records, query, s.max_candidates);
    if (!is_tame_norm(norm)) { /* the whole block */
        if (threadIdx.x == 0) {
            *record.count = UINT32_MAX;
            s.limits[query] = -INFINITY;
        }
        return;
    }
    if (s.k > s.n_groups) { /* fewer groups than neighbours: every vector is one, and all that take part are near */
        if (threadIdx.x == 0) {
            *record.count = 0;
            s.limits[query] = INFINITY;
        }
        return;
    }
    const float *minima = s.minima + query * s.n_groups;
    uint32_t prefix = 0;
    if (threadIdx.x == 0)
        rank = s.k - 1;
    for (int shift = 32 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        const uint32_t above = shift + DIGIT_BITS == 32 ? 0 : 0xffffffffu << (shift + DIGIT_BITS);
        counts[threadIdx.x] = 0;
        __syncthreads();
        for (uint32_t i = threadIdx.x; i < s.n_groups; i += DIGITS) {
            const uint32_t key = to_key(minima[i]);
            if ((key & above) == prefix)
                atomicAdd(&counts[(key >> shift) % DIGITS], 1u);
        }
        __syncthreads();
        find_digit(counts, sums, &rank, &digit);
        prefix |= digit << shift;
    }
    if (threadIdx.x == 0) {
        const double least = (double)from_key(prefix);
        const double limit = least + 2.0001 * estimate_error(s, norm) + fabs(least) * 0x1p-22;
        *record.count = 0;
        s.limits[query] = (float)limit + fabsf((float)limit) * 0x1p-22f;
    }
}

/* --- candidates --------------------------------------------------------------------------------------------------- */

__global__ void __launch_bounds__(BLOCK) collect_kernel(knn_search s) {
    const uint64_t v = (uint64_t)blockIdx.x * BLOCK + threadIdx.x, query = blockIdx.y;
    const double norm = s.norms[query];
    if (v >= s.n_vectors || !is_tame_norm(norm) || (s.takes_part != NULL && !s.takes_part[v]))
        return;
    if (!(estimate(s, query, (float)(norm * norm), v) <= s.limits[query]))
        return;
    const knn_record record = knn_record_at(s.records, query, s.max_candidates);
    const uint32_t at = atomicAdd(record.count, 1u);
    if (at < s.max_candidates)
        record.ids[at] = (uint32_t)v;
}

mlsel_status mlsel_i_cuda_knn_select(uint32_t device, const knn_search *search, uint32_t count, cudaStream_t stream,
                                     mlsel_error *err) {
    TRY(LAUNCH(minima_kernel, dim3(blocks_for(search->n_groups), count), BLOCK, 0, stream, *search));
    TRY(LAUNCH(limit_kernel, count, DIGITS, 0, stream, *search));
    TRY(LAUNCH(collect_kernel, dim3(blocks_for(search->n_vectors), count), BLOCK, 0, stream, *search));
    return MLSEL_OK;
}
