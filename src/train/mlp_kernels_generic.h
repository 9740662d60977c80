/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of MLP training over vectors of LANES floats, for each instruction set by inclusion. Before it: LANES;
 * TILE_ROWS and TILE_VECTORS, of the sums held in registers; ROOT(v), the square roots of a vector; ISA, a name; TABLE,
 * the table's. Vectors are those of gcc and clang, so that the same text is compiled for all.
 */
#include <math.h>
#include <string.h>

#include "mlp_kernels.h"

/* Counters of unrolled loops are small. */
/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */

#define UNROLL _Pragma("GCC unroll 32")

enum {
    VECTORS = MLP_BLOCK / LANES,          /* of a row of a block */
    TILE_WIDTH = TILE_VECTORS * LANES,    /* values */
    LINE = 16,                            /* floats of a cache line */
    LINES = TILE_ROWS * MLP_BLOCK / LINE, /* of a tile of whole rows */
    BN_ROWS = 64                          /* summed one after the other before they are added to the rest */
};

typedef int bits __attribute__((vector_size(LANES * sizeof(int))));

static inline vec load(const float *p) { return *(const vec *)p; }
static inline void store(float *p, vec v) { *(vec *)p = v; }

/* --- products ----------------------------------------------------------------------------------------------------- */

/* out[TILE_ROWS][TILE_WIDTH] += x(j, i) * w[i], rows from the one that x and out point to */
static inline void forward_tile(const float *x, size_t x_block, size_t n, const float *w, float *out) {
    vec sums[TILE_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < TILE_ROWS; r++) { UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = (vec){0}; }
    for (size_t first = 0; first < n; first += MLP_BLOCK, x += x_block) {
        const size_t count = n - first < MLP_BLOCK ? n - first : MLP_BLOCK;
        for (size_t i = 0; i < count; i++, w += MLP_BLOCK) {
            vec b[TILE_VECTORS];
            UNROLL for (int v = 0; v < TILE_VECTORS; v++) b[v] = load(w + v * LANES);
            UNROLL for (int r = 0; r < TILE_ROWS; r++) {
                const float a = x[(size_t)r * MLP_BLOCK + i];
                UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] += a * b[v];
            }
        }
    }
    UNROLL for (int r = 0; r < TILE_ROWS; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            float *to = out + r * MLP_BLOCK + v * LANES;
            store(to, load(to) + sums[r][v]);
        }
    }
}

static void forward(const float *x, size_t x_block, size_t n, const float *w, size_t padded_rows, float *out) {
    for (size_t j = 0; j < padded_rows; j += TILE_ROWS)
        for (size_t o = 0; o < MLP_BLOCK; o += TILE_WIDTH)
            forward_tile(x + j * MLP_BLOCK, x_block, n, w + o, out + j * MLP_BLOCK + o);
}

/* out[TILE_ROWS][TILE_WIDTH] = sum over blocks and o of w[i][o] * dt[o][j] */
static inline void backward_tile(const float *w, size_t w_block, const float *dt, size_t dt_block, size_t n_blocks,
                                 float *out) {
    vec sums[TILE_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < TILE_ROWS; r++) { UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = (vec){0}; }
    for (size_t block = 0; block < n_blocks; block++, w += w_block, dt += dt_block)
        for (size_t o = 0; o < MLP_BLOCK; o++) {
            vec b[TILE_VECTORS];
            UNROLL for (int v = 0; v < TILE_VECTORS; v++) b[v] = load(dt + o * MLP_BLOCK + (size_t)v * LANES);
            UNROLL for (int r = 0; r < TILE_ROWS; r++) {
                const float a = w[(size_t)r * MLP_BLOCK + o];
                UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] += a * b[v];
            }
        }
    UNROLL for (int r = 0; r < TILE_ROWS; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) store(out + r * MLP_BLOCK + v * LANES, sums[r][v]);
    }
}

static void backward(const float *w, size_t w_block, const float *dt, size_t dt_block, size_t n_blocks, size_t n,
                     float *out) {
    for (size_t i = 0; i < n; i += TILE_ROWS)
        for (size_t j = 0; j < MLP_BLOCK; j += TILE_WIDTH)
            backward_tile(w + i * MLP_BLOCK, w_block, dt + j, dt_block, n_blocks, out + i * MLP_BLOCK + j);
}

/* --- Adam --------------------------------------------------------------------------------------------------------- */

static inline void step_vector(vec g, float *w, float *m, float *v, const mlp_adam *a) {
    const vec old_m = load(m), new_m = old_m + a->beta1_rest * (g - old_m);
    const vec new_v = a->beta2 * load(v) + a->beta2_rest * g * g;
    store(m, new_m);
    store(v, new_v);
    const vec root = a->scale * ROOT(new_v) + a->eps;
    store(w, a->decay * load(w) - a->rate * new_m / root);
}

static void step(const float *g, size_t n, float *w, float *m, float *v, const mlp_adam *adam) {
    for (size_t i = 0; i < n; i += LANES)
        step_vector(load(g + i), w + i, m + i, v + i, adam);
}

/* A line of each array of what the tile after the next will change. */
static inline void fetch(const float *w, const float *m, const float *v) {
    enum { AHEAD = 2 * MLP_ROWS * MLP_BLOCK };
    __builtin_prefetch(w + AHEAD);
    __builtin_prefetch(m + AHEAD);
    __builtin_prefetch(v + AHEAD);
}

static inline void update_tile(const float *x, const float *d, size_t rows, float *w, float *m, float *v,
                               const mlp_adam *adam) {
    vec sums[TILE_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < TILE_ROWS; r++) { UNROLL for (int c = 0; c < TILE_VECTORS; c++) sums[r][c] = (vec){0}; }
    for (size_t j = 0; j < rows; j++) {
        vec b[TILE_VECTORS];
        UNROLL for (int c = 0; c < TILE_VECTORS; c++) b[c] = load(d + j * MLP_BLOCK + (size_t)c * LANES);
        UNROLL for (int r = 0; r < TILE_ROWS; r++) {
            const float a = x[j * MLP_BLOCK + (size_t)r];
            UNROLL for (int c = 0; c < TILE_VECTORS; c++) sums[r][c] += a * b[c];
        }
        if ((size_t)TILE_WIDTH == (size_t)MLP_BLOCK && j < LINES) /* such tiles follow each other */
            fetch(w + j * LINE, m + j * LINE, v + j * LINE);
    }
    UNROLL for (int r = 0; r < TILE_ROWS; r++) {
        UNROLL for (int c = 0; c < TILE_VECTORS; c++) {
            const int at = r * MLP_BLOCK + c * LANES;
            step_vector(sums[r][c], w + at, m + at, v + at, adam);
        }
    }
}

static void update(const float *x, size_t x_block, size_t n, const float *d, size_t rows, float *w, float *m, float *v,
                   const mlp_adam *adam) {
    const mlp_adam own = *adam; /* the compiler need not fear that weights are written over it */
    for (size_t i = 0; i < n; i += TILE_ROWS) {
        const float *from = x + i / MLP_BLOCK * x_block + i % MLP_BLOCK;
        for (size_t o = 0; o < MLP_BLOCK; o += TILE_WIDTH) {
            const size_t at = i * MLP_BLOCK + o;
            update_tile(from, d + o, rows, w + at, m + at, v + at, &own);
        }
    }
}

/* --- batch normalisation ------------------------------------------------------------------------------------------ */

/* y where x is positive, else 0 */
static inline vec where_positive(vec x, vec y) { return (vec)((x > 0) & (bits)y); }

/* One vector of features: sums over the rows, in groups so that their error stays small. */
static inline vec rectify_and_sum(float *z, size_t rows) {
    vec total = {0};
    for (size_t first = 0; first < rows; first += BN_ROWS) {
        const size_t end = rows - first < BN_ROWS ? rows : first + BN_ROWS;
        vec sum = {0};
        for (size_t j = first; j < end; j++) {
            const vec loaded = load(z + j * MLP_BLOCK), x = where_positive(loaded, loaded);
            store(z + j * MLP_BLOCK, x);
            sum += x;
        }
        total += sum;
    }
    return total;
}

static inline vec sum_squares(const float *z, size_t rows, vec mean) {
    vec total = {0};
    for (size_t first = 0; first < rows; first += BN_ROWS) {
        const size_t end = rows - first < BN_ROWS ? rows : first + BN_ROWS;
        vec sum = {0};
        for (size_t j = first; j < end; j++) {
            const vec x = load(z + j * MLP_BLOCK) - mean;
            sum += x * x;
        }
        total += sum;
    }
    return total;
}

static void normalise(float *z, size_t rows, const mlp_norm *norm, const float *keep, float *h) {
    const float n = (float)rows, unbiased = (float)(rows > 1 ? rows - 1 : 1);
    for (size_t o = 0; o < MLP_BLOCK; o += LANES) {
        const vec mean = rectify_and_sum(z + o, rows) / n;
        const vec squares = sum_squares(z + o, rows, mean);
        const vec inv_std = 1 / ROOT(squares / n + norm->eps);
        const vec old_mean = load(norm->running_mean + o), old_var = load(norm->running_var + o);
        store(norm->mean + o, mean);
        store(norm->inv_std + o, inv_std);
        store(norm->running_mean + o, (1 - norm->momentum) * old_mean + norm->momentum * mean);
        store(norm->running_var + o, (1 - norm->momentum) * old_var + norm->momentum * (squares / unbiased));
        const vec gamma = load(norm->gamma + o), beta = load(norm->beta + o);
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            const vec y = (load(z + p) - mean) * inv_std * gamma + beta;
            store(h + p, keep == NULL ? y : (vec)(y * load(keep + p)));
        }
    }
}

static void infer(float *z, size_t rows, const mlp_norm *norm, float *h) {
    for (size_t o = 0; o < MLP_BLOCK; o += LANES) {
        const vec mean = load(norm->running_mean + o);
        const vec inv_std = 1 / ROOT(load(norm->running_var + o) + norm->eps);
        const vec gamma = load(norm->gamma + o), beta = load(norm->beta + o);
        for (size_t p = o; p < rows * MLP_BLOCK; p += MLP_BLOCK) {
            const vec loaded = load(z + p), x = where_positive(loaded, loaded);
            store(z + p, x);
            store(h + p, (x - mean) * inv_std * gamma + beta);
        }
    }
}

static void normalise_back(const float *z, size_t rows, const mlp_norm *norm, const float *keep, float *d,
                           float *d_beta, float *d_gamma, float *d_bias) {
    const float n = (float)rows;
    for (size_t o = 0; o < MLP_BLOCK; o += LANES) {
        const vec mean = load(norm->mean + o), inv_std = load(norm->inv_std + o);
        vec sum = {0}, product = {0}, bias = {0};
        for (size_t first = 0; first < rows; first += BN_ROWS) {
            const size_t end = rows - first < BN_ROWS ? rows : first + BN_ROWS;
            vec part = {0}, part_product = {0};
            for (size_t p = first * MLP_BLOCK + o; p < end * MLP_BLOCK; p += MLP_BLOCK) {
                const vec whole = load(d + p), g = keep == NULL ? whole : (vec)(whole * load(keep + p));
                store(d + p, g);
                part += g;
                part_product += g * ((load(z + p) - mean) * inv_std);
            }
            sum += part;
            product += part_product;
        }
        const vec factor = load(norm->gamma + o) * inv_std, mean_sum = sum / n, mean_product = product / n;
        for (size_t first = 0; first < rows; first += BN_ROWS) {
            const size_t end = rows - first < BN_ROWS ? rows : first + BN_ROWS;
            vec part = {0};
            for (size_t p = first * MLP_BLOCK + o; p < end * MLP_BLOCK; p += MLP_BLOCK) {
                const vec x = load(z + p);
                const vec g = factor * (load(d + p) - mean_sum - (x - mean) * inv_std * mean_product);
                const vec kept = where_positive(x, g);
                store(d + p, kept);
                part += kept;
            }
            bias += part;
        }
        store(d_beta + o, sum);
        store(d_gamma + o, product);
        store(d_bias + o, bias);
    }
}

const mlp_kernels TABLE = {.isa = ISA,
                           .forward = forward,
                           .backward = backward,
                           .update = update,
                           .step = step,
                           .normalise = normalise,
                           .infer = infer,
                           .normalise_back = normalise_back};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result,bugprone-macro-parentheses) */
