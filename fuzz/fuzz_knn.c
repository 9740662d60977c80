/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accelerated scans of KNN against plain measuring with the reference kernels: the same rows, in the same order, at
 * the same distances, bit for bit. Vectors are built from each other, so that many are close or equal: copies, copies
 * with one value changed by its last bit, turned, scaled, zero, one-hot, with a category at the end. Several queries at
 * once, in float and double, with labels masked, and divided into parts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cpu/features.h"
#include "cpu/kernels.h"
#include "fuzz.h"
#include "input.h"
#include "json.h"

enum {
    FROM_INPUT = 100,
    MAX_VECTORS = 600,
    MAX_WIDTH = 80,
    MANY_WIDTH = 7,
    MAX_ROWS = 2 * MAX_VECTORS,
    MAX_LABELS = 4,
    MAX_QUERIES = 40
};

struct world {
    size_t n_vectors, width, stride, n_rows, n_queries;
    float *vectors; /* exactly as long as it has to be */
    uint64_t starts[MAX_VECTORS + 1], rows[MAX_ROWS];
    int32_t labels[MAX_ROWS];
    uint8_t mask[MAX_LABELS];
    bool has_mask, normalize, is_f32;
    bool is_wild; /* values of any size; with a very large or small norm there is no estimating */
    double queries[MAX_QUERIES][MAX_WIDTH];
    float narrow[MAX_QUERIES][MAX_WIDTH];
};

/* --- vectors ------------------------------------------------------------------------------------------------------ */

static void fill_cycle(struct fuzz_input *in, float *x, size_t width) {
    float cycle[8];
    const size_t n = 1 + fuzz_below(in, 8);
    for (size_t i = 0; i < n; i++)
        cycle[i] = fuzz_finite_float(in);
    for (size_t i = 0; i < width; i++)
        x[i] = cycle[(i + i / n) % n];
}

/* Vector v from those before it. */
static void make_vector(struct world *w, struct fuzz_input *in, size_t v) {
    float *x = w->vectors + v * w->stride;
    const uint8_t kind = fuzz_u8(in) % 10;
    const float *base = w->vectors + (v == 0 ? 0 : fuzz_below(in, (uint32_t)v)) * w->stride;
    const size_t at = fuzz_u8(in) % w->width;
    if (v == 0 || kind == 0) {
        fill_cycle(in, x, w->width);
        return;
    }
    for (size_t i = 0; i < w->width; i++)
        x[i] = kind == 1 ? base[(i + at) % w->width] : kind == 2 ? 0 : base[i];
    if (kind == 2)
        x[at] = 1;
    else if (kind == 3 || kind == 4)
        x[at] = nextafterf(x[at], kind == 3 ? 1e30f : -1e30f);
    else if (kind == 5)
        x[at] += fuzz_finite_float(in) / 64;
    else if (kind == 6)
        for (size_t i = 0; i < w->width; i++)
            x[i] = ldexpf(x[i], (int)(at % 7) - 3);
    else if (kind == 7 && w->width > 4) { /* a category */
        memset(x + w->width - 4, 0, 4 * sizeof *x);
        x[w->width - 4 + at % 4] = 1;
    } else if (kind == 8)
        x[at] *= 100;
}

static void limit_values(const struct world *w, float *x) {
    const float largest = w->is_wild ? 1e37f : 1e4f, least = w->is_wild ? 0 : 1e-8f;
    for (size_t i = 0; i < w->width; i++)
        x[i] = !(fabsf(x[i]) <= largest) ? 1 : fabsf(x[i]) < least ? 0 : x[i];
}

static void make_queries(struct world *w, struct fuzz_input *in) {
    for (size_t q = 0; q < w->n_queries; q++) {
        const float *base = w->vectors + fuzz_below(in, (uint32_t)w->n_vectors) * w->stride;
        const size_t at = fuzz_u8(in) % w->width;
        const uint8_t kind = fuzz_u8(in) % 8;
        for (size_t i = 0; i < w->width; i++)
            w->queries[q][i] = kind == 7 ? 0 : kind == 1 ? (double)base[i] * 1.7 : (double)base[i];
        if (kind > 2)
            w->queries[q][at] += (double)fuzz_finite_float(in) / (kind > 5 ? 1024 : 4);
        for (size_t i = 0; i < w->width; i++) {
            if (!(fabs(w->queries[q][i]) <= 1e37))
                w->queries[q][i] = 1;
            w->narrow[q][i] = (float)w->queries[q][i];
            if (w->is_f32)
                w->queries[q][i] = (double)w->narrow[q][i];
        }
    }
}

static void make_world(struct world *w, struct fuzz_input *in) {
    w->width = 1 + fuzz_below(in, MAX_WIDTH);
    w->n_vectors = 1 + fuzz_below(in, MAX_VECTORS);
    const uint8_t flags = fuzz_u8(in);
    w->normalize = (flags & 1) == 0;
    w->is_f32 = (flags & 2) != 0;
    w->has_mask = (flags & 12) == 12;
    w->is_wild = (flags & 32) != 0;
    w->n_queries = (flags & 0xc0) == 0xc0 ? 1 + fuzz_below(in, MAX_QUERIES) : 1;
    w->stride = json_row_stride(JSON_F32, w->width);
    w->vectors = aligned_alloc(64, (w->n_vectors * w->stride * sizeof(float) + 63) / 64 * 64);
    FUZZ_CHECK(w->vectors != NULL);
    memset(w->vectors, 0, w->n_vectors * w->stride * sizeof(float));
    for (size_t v = 0; v < w->n_vectors; v++) {
        make_vector(w, in, v);
        limit_values(w, w->vectors + v * w->stride);
    }
    const bool repeats = (flags & 16) != 0;
    w->n_rows = 0;
    for (size_t v = 0; v < w->n_vectors; v++) {
        w->starts[v] = w->n_rows;
        w->n_rows += repeats && v % 3 == 0 ? 2 : 1;
    }
    w->starts[w->n_vectors] = w->n_rows;
    /* rows of a vector ascend, but not those of different ones */
    for (size_t i = 0; i < w->n_rows; i++)
        w->rows[i] = w->n_rows - 1 - i;
    for (size_t v = 0; v < w->n_vectors; v++)
        if (w->starts[v + 1] - w->starts[v] == 2) {
            const uint64_t first = w->rows[w->starts[v]];
            w->rows[w->starts[v]] = w->rows[w->starts[v] + 1];
            w->rows[w->starts[v] + 1] = first;
        }
    const uint8_t step = fuzz_u8(in);
    for (size_t i = 0; i < w->n_rows; i++)
        w->labels[i] = (int32_t)((i * (step | 1u)) >> 2) % MAX_LABELS;
    for (size_t i = 0; i < MAX_LABELS; i++)
        w->mask[i] = fuzz_bool(in);
    make_queries(w, in);
}

/* --- measuring them all ------------------------------------------------------------------------------------------- */

static int compare_neighbours(const void *a, const void *b) {
    const mlsel_backend_neighbour *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

/* All rows that take part, nearest first; how many. */
static size_t measure(const struct world *w, const double *query, mlsel_backend_neighbour out[MAX_ROWS]) {
    const cpu_kernels *ref = &mlsel_i_cpu_kernels_reference;
    double q[MAX_WIDTH];
    size_t n = 0;
    const double norm = sqrt(ref->sum_squares(query, w->width)), scale = norm > 0 ? 1 / norm : 0;
    for (size_t i = 0; i < w->width; i++)
        q[i] = w->normalize ? query[i] * scale : query[i];
    for (size_t v = 0; v < w->n_vectors; v++) {
        const float *x = w->vectors + v * w->stride;
        const double length = sqrt(ref->sum_squares_f32(x, w->width));
        const double x_scale = !w->normalize ? 1 : length > 0 ? 1 / length : 0;
        const double distance = ref->squared_distance(x, x_scale, q, w->width);
        for (uint64_t i = w->starts[v]; i < w->starts[v + 1]; i++)
            if (!w->has_mask || w->mask[w->labels[w->rows[i]]])
                out[n++] = (mlsel_backend_neighbour){.distance = distance, .row = w->rows[i]};
    }
    qsort(out, n, sizeof *out, compare_neighbours);
    return n;
}

/* --- asking the backend ------------------------------------------------------------------------------------------- */

static const char *choose_isa(struct fuzz_input *in) {
    const char *names[4] = {"portable"};
    uint32_t n = 1;
#if defined(__x86_64__)
    const cpu_features features = mlsel_i_cpu_features();
    if (features.avx2)
        names[n++] = "avx2";
    if (features.avx512)
        names[n++] = "avx512";
    if (features.avx512vnni)
        names[n++] = "avx512vnni";
#elif defined(__aarch64__)
    names[n++] = "neon";
    if (mlsel_i_cpu_features().neondot)
        names[n++] = "neondot";
#endif
    return names[fuzz_below(in, n)];
}

/* The k nearest of all parts, of which each gives its own k. */
static void run_parts(const struct world *w, const mlsel_prepared *prepared, mlsel_backend_run *run, uint32_t n_parts,
                      mlsel_backend_neighbour *found) {
    mlsel_error err;
    mlsel_backend_neighbour all[4 * MAX_ROWS];
    FUZZ_CHECK(w->n_queries == 1 && n_parts <= 4);
    mlsel_backend_neighbour *const out = run->neighbours;
    run->n_parts = n_parts;
    for (run->part = 0; run->part < n_parts; run->part++) {
        run->neighbours = all + run->part * run->k;
        FUZZ_CHECK(mlsel_i_cpu_backend.run(prepared->state, run, &err) == MLSEL_OK);
    }
    qsort(all, n_parts * run->k, sizeof *all, compare_neighbours);
    run->neighbours = out;
    memcpy(found, all, run->k * sizeof *found);
}

static void compare(const struct world *w, const mlsel_prepared *prepared, uint32_t k, uint32_t n_parts,
                    const char *isa) {
    static mlsel_backend_neighbour found[MAX_QUERIES * MAX_ROWS], expected[MAX_ROWS];
    mlsel_error err;
    void *scratch = aligned_alloc(64, (prepared->scratch_bytes + 64) / 64 * 64);
    FUZZ_CHECK(scratch != NULL);
    mlsel_backend_run run = {.struct_size = sizeof run,
                             .query_type = w->is_f32 ? MLSEL_QUERY_F32 : MLSEL_QUERY_F64,
                             .queries = w->is_f32 ? (const void *)w->narrow : (const void *)w->queries,
                             .stride = MAX_WIDTH,
                             .count = (uint32_t)w->n_queries,
                             .k = k,
                             .label_mask = w->has_mask ? w->mask : NULL,
                             .scratch = scratch,
                             .neighbours = found,
                             .neighbour_stride = MAX_ROWS};
    if (n_parts > 1 && w->n_queries == 1)
        run_parts(w, prepared, &run, n_parts, found);
    else
        FUZZ_CHECK(mlsel_i_cpu_backend.run(prepared->state, &run, &err) == MLSEL_OK);
    for (size_t q = 0; q < w->n_queries; q++) {
        (void)measure(w, w->queries[q], expected);
        for (size_t i = 0; i < k; i++) {
            const mlsel_backend_neighbour *got = &found[q * MAX_ROWS + i];
            FUZZ_CHECK_THAT(got->row == expected[i].row &&
                                memcmp(&got->distance, &expected[i].distance, sizeof got->distance) == 0,
                            "%s, %zu vectors of %zu, query %zu of %zu, k %u, neighbour %zu: row %llu at %.17g, "
                            "expected %llu at %.17g",
                            isa, w->n_vectors, w->width, q, w->n_queries, (unsigned)k, i, (unsigned long long)got->row,
                            got->distance, (unsigned long long)expected[i].row, expected[i].distance);
        }
    }
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world w;
    static mlsel_backend_neighbour all[MAX_ROWS];
    struct fuzz_input in = fuzz_input(data, size);
    mlsel_error err;
    const char *isa = choose_isa(&in);
    const uint32_t wanted = 1 + fuzz_below(&in, 48), n_parts = 1 + fuzz_below(&in, 4);
    make_world(&w, &in);
    const size_t there = measure(&w, w.queries[0], all);
    const uint32_t k = wanted < there ? wanted : (uint32_t)there;
    const mlsel_knn_view knn = {.vectors = w.vectors,
                                .stride = w.stride,
                                .n_vectors = w.n_vectors,
                                .n_rows = w.n_rows,
                                .vector_start = w.starts,
                                .vector_rows = w.rows,
                                .row_labels = w.labels,
                                .normalize = w.normalize};
    const mlsel_model_view view = {.struct_size = sizeof view,
                                   .algorithm = MLSEL_ALGORITHM_KNN,
                                   .n_features = (uint32_t)w.width,
                                   .n_labels = MAX_LABELS,
                                   .knn = &knn,
                                   .cpu = &mlsel_i_cpu_backend};
    mlsel_prepared prepared = {.struct_size = sizeof prepared};
    FUZZ_CHECK(setenv("MLSEL_ISA", isa, 1) == 0);
    FUZZ_CHECK(mlsel_i_cpu_backend.prepare(0, &view, MLSEL_PRECISION_F32, &prepared, &err) == MLSEL_OK);
    if (w.n_queries > prepared.max_batch)
        w.n_queries = prepared.max_batch;
    if (k > 0)
        compare(&w, &prepared, k, n_parts, isa);
    mlsel_i_cpu_backend.release(prepared.state);
    free(w.vectors);
    return 0;
}
