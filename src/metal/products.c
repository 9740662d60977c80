/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "metal.h"

uint32_t mlsel_i_metal_threads(metal_kernel kernel) {
#define THREADS_OF(name, threads) threads,
    static const uint32_t all[METAL_N_KERNELS] = {METAL_KERNELS(THREADS_OF)};
#undef THREADS_OF
    return all[kernel];
}

static uint32_t divide_up(uint32_t n, uint32_t by) { return n / by + (n % by != 0); }

void mlsel_i_metal_each(metal_kernel kernel, uint32_t n_threads, uint32_t count, const metal_span *buffers,
                        uint32_t n_buffers, const void *params, uint32_t params_bytes, metal_dispatch *dispatch) {
    memset(dispatch, 0, sizeof *dispatch);
    dispatch->kernel = kernel;
    dispatch->groups[0] = divide_up(n_threads, mlsel_i_metal_threads(kernel));
    dispatch->groups[1] = count;
    memcpy(dispatch->buffers, buffers, n_buffers * sizeof *buffers);
    dispatch->n_buffers = n_buffers;
    memcpy(dispatch->params, params, params_bytes);
    dispatch->params_bytes = params_bytes;
}

void mlsel_i_metal_products(const metal_matrix *m, metal_span queries, uint32_t query_stride, uint32_t count,
                            metal_span out, uint32_t out_stride, metal_dispatch *dispatch) {
    const bool is_few = count <= METAL_DOTS_QUERIES, is_one = count == 1;
    const metal_products params = {.n_rows = m->n_rows,
                                   .n = m->n,
                                   .n_queries = count,
                                   .stride = m->stride,
                                   .query_stride = query_stride,
                                   .out_stride = out_stride,
                                   .has_bias = m->bias.buffer != NULL,
                                   .relu = m->relu};
    /* something has to be in the place of a bias */
    const metal_span buffers[] = {m->rows, queries, m->bias.buffer != NULL ? m->bias : queries, out};
    const metal_kernel kernels[2][3] = {{METAL_dots_1_f32, METAL_dots_8_f32, METAL_products_f32},
                                        {METAL_dots_1_f16, METAL_dots_8_f16, METAL_products_f16}};
    mlsel_i_metal_each(kernels[m->is_half][is_one   ? 0
                                           : is_few ? 1
                                                    : 2],
                       0, 1, buffers, MLSEL_ARRAY_LENGTH(buffers), &params, sizeof params, dispatch);
    dispatch->groups[0] = divide_up(m->n_rows, is_few ? METAL_DOTS_ROWS : METAL_TILE);
    dispatch->groups[1] = is_few ? 1 : divide_up(count, METAL_TILE);
    const uint32_t n_floats = !is_few  ? 2 * METAL_CHUNK * METAL_TILE_PITCH
                              : is_one ? METAL_THREADS
                                       : METAL_DOTS_QUERIES * METAL_THREADS;
    dispatch->group_bytes = n_floats * (uint32_t)sizeof(float);
}

/*
 * In a sum that is made of sums, a term goes through no more additions than the longest inner sum and the outer one
 * have (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1): n / 32 and 32, either way round.
 * One more rounding each for the query, the product, and what is left.
 */
double mlsel_i_metal_products_error(uint64_t n) {
    return 1.01 * (ceil((double)n / METAL_CHUNK) + METAL_CHUNK + 3) * 0x1p-24;
}

_Static_assert(METAL_CHUNK == METAL_LANES, "one bound for both kinds of products");
_Static_assert(sizeof(metal_products) <= METAL_MAX_PARAMS && sizeof(metal_knn) <= METAL_MAX_PARAMS,
               "constants fit into a dispatch");
