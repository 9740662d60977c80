/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shaders. There is no double on these devices, so all of this is estimates within bounds that the host knows; what
 * a bound leaves open is decided there. Compiled without fast math, where a sum is added as it is written; products may
 * be fused with sums, which only makes errors smaller.
 *
 * No function of SIMD groups is used: the virtual devices of CI machines have none, and the rows of weights, which are
 * what is waited for, come no faster with them.
 *
 * The tests compile this file as C++ as well (tests/metal/fake), so it keeps to what both languages have. Buffers of a
 * kernel are numbered from 0 in the order of its parameters, then come the constants, threadgroup memory, the group and
 * the thread.
 */
#include <metal_stdlib>

#include "shared.h"

using namespace metal;

#ifndef GROUP_MEMORY /* the tests' is empty, as C++ sees the word twice */
#define GROUP_MEMORY [[threadgroup(0)]]
#endif

/* --- products ----------------------------------------------------------------------------------------------------- */

static inline float finish_product(float sum, device const float *bias, uint32_t row, constant metal_products &p) {
    const float value = p.has_bias != 0 ? sum + bias[row] : sum;
    return p.relu != 0 && !(value > 0.0f) ? 0.0f : value;
}

/*
 * For few queries: one pass over the rows for up to N of them, bound by the bytes of the rows. Each lane adds every
 * METAL_LANES-th product, then one thread adds the lanes' sums: (n / METAL_LANES + METAL_LANES) terms one after the
 * other.
 */
template <typename W, int N>
static inline void few_products(device const W *rows, device const float *queries, device const float *bias,
                                device float *out, constant metal_products &p, threadgroup float *parts, uint32_t group,
                                uint32_t thread_index) {
    const uint32_t lane = thread_index % METAL_LANES, local = thread_index / METAL_LANES;
    const uint32_t row = group * METAL_DOTS_ROWS + local;
    float sums[N];
    for (int q = 0; q < N; q++)
        sums[q] = 0.0f;
    if (row < p.n_rows) {
        device const W *x = rows + (size_t)row * p.stride;
        for (uint32_t i = lane; i < p.n; i += METAL_LANES) {
            const float value = (float)x[i];
            for (int q = 0; q < N; q++) {
                const uint32_t query = min((uint32_t)q, p.n_queries - 1);
                sums[q] += value * queries[(size_t)query * p.query_stride + i];
            }
        }
    }
    for (int q = 0; q < N; q++)
        parts[(uint32_t)q * METAL_THREADS + thread_index] = sums[q];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const uint32_t query = thread_index / METAL_DOTS_ROWS, mine = thread_index % METAL_DOTS_ROWS;
    const uint32_t out_row = group * METAL_DOTS_ROWS + mine;
    if (query >= (uint32_t)N || query >= p.n_queries || out_row >= p.n_rows)
        return;
    threadgroup const float *lanes = parts + query * METAL_THREADS + mine * METAL_LANES;
    float sum = 0.0f;
    for (uint32_t i = 0; i < METAL_LANES; i++)
        sum += lanes[i];
    out[(size_t)query * p.out_stride + out_row] = finish_product(sum, bias, out_row, p);
}

/*
 * For many: a square of rows and queries for each group, through threadgroup memory in chunks. A chunk's products are
 * added up before they are added to the total, so that no sum is longer than METAL_CHUNK or the number of chunks.
 */
template <typename W>
static inline void many_products(device const W *rows, device const float *queries, device const float *bias,
                                 device float *out, constant metal_products &p, threadgroup float *tiles, uint3 group,
                                 uint32_t thread_index) {
    threadgroup float *x = tiles;
    threadgroup float *y = tiles + METAL_CHUNK * METAL_TILE_PITCH;
    const uint32_t first_row = group.x * METAL_TILE, first_query = group.y * METAL_TILE;
    const uint32_t column = thread_index % METAL_SIDE, line = thread_index / METAL_SIDE;
    float totals[METAL_EACH][METAL_EACH];
    for (int a = 0; a < METAL_EACH; a++)
        for (int b = 0; b < METAL_EACH; b++)
            totals[a][b] = 0.0f;
    for (uint32_t first = 0; first < p.n; first += METAL_CHUNK) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint32_t e = thread_index; e < METAL_TILE * METAL_CHUNK; e += METAL_FEW_THREADS) {
            const uint32_t at = e / METAL_CHUNK, i = e % METAL_CHUNK;
            const uint32_t row = first_row + at, query = first_query + at;
            const bool is_inside = first + i < p.n;
            x[i * METAL_TILE_PITCH + at] =
                is_inside && row < p.n_rows ? (float)rows[(size_t)row * p.stride + first + i] : 0.0f;
            y[i * METAL_TILE_PITCH + at] =
                is_inside && query < p.n_queries ? queries[(size_t)query * p.query_stride + first + i] : 0.0f;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        float sums[METAL_EACH][METAL_EACH];
        for (int a = 0; a < METAL_EACH; a++)
            for (int b = 0; b < METAL_EACH; b++)
                sums[a][b] = 0.0f;
        for (uint32_t i = 0; i < METAL_CHUNK; i++) {
            threadgroup const float *of_rows = x + i * METAL_TILE_PITCH + column;
            threadgroup const float *of_queries = y + i * METAL_TILE_PITCH + line;
            for (int a = 0; a < METAL_EACH; a++)
                for (int b = 0; b < METAL_EACH; b++)
                    sums[a][b] += of_queries[a * METAL_SIDE] * of_rows[b * METAL_SIDE];
        }
        for (int a = 0; a < METAL_EACH; a++)
            for (int b = 0; b < METAL_EACH; b++)
                totals[a][b] += sums[a][b];
    }
    for (int a = 0; a < METAL_EACH; a++)
        for (int b = 0; b < METAL_EACH; b++) {
            const uint32_t query = first_query + line + (uint32_t)a * METAL_SIDE;
            const uint32_t row = first_row + column + (uint32_t)b * METAL_SIDE;
            if (query < p.n_queries && row < p.n_rows)
                out[(size_t)query * p.out_stride + row] = finish_product(totals[a][b], bias, row, p);
        }
}

kernel void dots_1_f32(device const float *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                       device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                       constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                       uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    few_products<float, 1>(rows, queries, bias, out, p, memory, group.x, thread_index);
}

kernel void dots_8_f32(device const float *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                       device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                       constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                       uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    few_products<float, METAL_DOTS_QUERIES>(rows, queries, bias, out, p, memory, group.x, thread_index);
}

kernel void dots_1_f16(device const half *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                       device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                       constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                       uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    few_products<half, 1>(rows, queries, bias, out, p, memory, group.x, thread_index);
}

kernel void dots_8_f16(device const half *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                       device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                       constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                       uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    few_products<half, METAL_DOTS_QUERIES>(rows, queries, bias, out, p, memory, group.x, thread_index);
}

kernel void products_f32(device const float *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                         device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                         constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                         uint3 group [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_index_in_threadgroup]]) {
    many_products<float>(rows, queries, bias, out, p, memory, group, thread_index);
}

kernel void products_f16(device const half *rows [[buffer(0)]], device const float *queries [[buffer(1)]],
                         device const float *bias [[buffer(2)]], device float *out [[buffer(3)]],
                         constant metal_products &p [[buffer(4)]], threadgroup float *memory GROUP_MEMORY,
                         uint3 group [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_index_in_threadgroup]]) {
    many_products<half>(rows, queries, bias, out, p, memory, group, thread_index);
}

/* --- values one by one -------------------------------------------------------------------------------------------- */

kernel void scale_values(device const float *in [[buffer(0)]], device const float *scale [[buffer(1)]],
                         device const float *shift [[buffer(2)]], device float *out [[buffer(3)]],
                         constant metal_scaling &p [[buffer(4)]], uint3 group [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_index_in_threadgroup]]) {
    const uint32_t i = group.x * METAL_THREADS + thread_index;
    if (i >= p.n)
        return;
    const float value = scale[i] * in[(size_t)group.y * p.in_stride + i] + shift[i];
    out[(size_t)group.y * p.out_stride + i] = p.relu != 0 && !(value > 0.0f) ? 0.0f : value;
}

kernel void rbf_values(device const float *bases [[buffer(0)]], device const float *offsets [[buffer(1)]],
                       device const float *gammas [[buffer(2)]], device float *values [[buffer(3)]],
                       constant metal_rbf &p [[buffer(4)]], uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    const uint32_t v = group.x * METAL_THREADS + thread_index;
    if (v >= p.n_vectors)
        return;
    device float *value = values + (size_t)group.y * p.stride + v;
    const float distance = (bases[group.y] + offsets[v]) - 2.0f * *value;
    *value = exp(-gammas[v] * max(distance, 0.0f));
}

/* --- KNN ---------------------------------------------------------------------------------------------------------- */

/*
 * The candidates of a query, in two passes over its estimates. The first takes the least estimate of each of many
 * groups of vectors. The k-th smallest of these is not below the k-th smallest of all, as k groups have a vector that
 * is no farther. The second pass keeps what is within that and twice the error.
 */

static inline float estimate(device const float *dots, device const float *scales, device const float *offsets,
                             float base, size_t first, uint32_t v) {
    return (base + offsets[v]) - scales[v] * dots[first + v];
}

/* A thread for each group, whose vectors are n_groups apart. */
kernel void knn_minima(device const float *dots [[buffer(0)]], device const float *scales [[buffer(1)]],
                       device const float *offsets [[buffer(2)]], device const uint8_t *mask [[buffer(3)]],
                       device const metal_knn_query *queries [[buffer(4)]], device float *minima [[buffer(5)]],
                       constant metal_knn &p [[buffer(6)]], uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    const uint32_t mine = group.x * METAL_THREADS + thread_index;
    if (mine >= p.n_groups)
        return;
    const float base = queries[group.y].base;
    const size_t first = (size_t)group.y * p.stride;
    float least = INFINITY;
    for (uint32_t v = mine; v < p.n_vectors; v += p.n_groups)
        if (p.has_mask == 0 || mask[v] != 0)
            least = min(least, estimate(dots, scales, offsets, base, first, v));
    minima[(size_t)group.y * p.n_groups + mine] = least;
}

/* Numbers in the order of the floats. */
static inline uint32_t to_key(float x) {
    const uint32_t bits = as_type<uint32_t>(x);
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

static inline float from_key(uint32_t key) {
    return as_type<float>((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

/* A group for each query: the k-th smallest minimum, bit after bit from the highest. A bit is 1 where fewer than k are
 * below what it makes of those above it. */
kernel void knn_limits(device const float *minima [[buffer(0)]], device metal_knn_query *queries [[buffer(1)]],
                       device atomic_uint *counts [[buffer(2)]], constant metal_knn &p [[buffer(3)]],
                       threadgroup uint32_t *below GROUP_MEMORY, uint3 group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]]) {
    device const float *mine = minima + (size_t)group.x * p.n_groups;
    uint32_t found = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        const uint32_t pivot = found | bit;
        uint32_t n_below = 0;
        for (uint32_t i = thread_index; i < p.n_groups; i += METAL_FEW_THREADS)
            n_below += to_key(mine[i]) < pivot ? 1u : 0u;
        below[thread_index] = n_below;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        uint32_t total = 0;
        for (uint32_t i = 0; i < METAL_FEW_THREADS; i++)
            total += below[i];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (total < p.k)
            found = pivot;
    }
    if (thread_index != 0)
        return;
    const float limit = from_key(found) + queries[group.x].width;
    queries[group.x].limit = limit + fabs(limit) * 2.5e-7f;
    atomic_store_explicit(&counts[group.x], 0u, memory_order_relaxed);
}

/* Counts all candidates, keeps as many as there is room for. */
kernel void knn_collect(device const float *dots [[buffer(0)]], device const float *scales [[buffer(1)]],
                        device const float *offsets [[buffer(2)]], device const uint8_t *mask [[buffer(3)]],
                        device const metal_knn_query *queries [[buffer(4)]], device atomic_uint *counts [[buffer(5)]],
                        device uint32_t *ids [[buffer(6)]], constant metal_knn &p [[buffer(7)]],
                        uint3 group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_index_in_threadgroup]]) {
    const uint32_t v = group.x * METAL_THREADS + thread_index;
    if (v >= p.n_vectors || (p.has_mask != 0 && mask[v] == 0))
        return;
    const float base = queries[group.y].base;
    if (!(estimate(dots, scales, offsets, base, (size_t)group.y * p.stride, v) <= queries[group.y].limit))
        return;
    const uint32_t at = atomic_fetch_add_explicit(&counts[group.y], 1u, memory_order_relaxed);
    if (at < p.room)
        ids[(size_t)group.y * p.room + at] = v;
}
