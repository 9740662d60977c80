/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN: the device estimates distances in float as |q|^2 + |x|^2 - 2 q.x, within a rigorous bound, and finds the vectors
 * that could be among the k nearest; the host, which sees the same memory, measures these in double, to the reference's
 * bits, and puts their rows in order.
 */
#include <math.h>

#include "accel/neighbours.h"
#include "certain.h"
#include "metal.h"

enum { MAX_BATCH = 128 };

/* Values that a slot has for products: with more queries than fit, they take turns. */
static const uint64_t max_products = (uint64_t)16 << 20;

/* Parts of a slot. */
enum { QUERIES, TAKEN, MASK, PRODUCTS, MINIMA, COUNTS, IDS };

typedef struct knn_model {
    metal_buffer vectors;       /* the view's */
    metal_buffer double_scales; /* [n_vectors] 2 / norm, or what the rule has in its place */
    metal_buffer offsets;       /* [n_vectors] squared norm as it takes part */
    double *scales;             /* [n_vectors] on the host, in double */
    double max_norm;            /* of a vector as it takes part */
    bool can_estimate;          /* all norms are far from the limits of float */
    metal_matrix matrix;
    uint32_t products_stride;
    uint32_t slice; /* queries whose products fit at a time */
} knn_model;

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static void measure_norms(const mlsel_knn_view *knn, uint64_t n, knn_model *m) {
    float *double_scales = m->double_scales.contents, *offsets = m->offsets.contents;
    m->can_estimate = true;
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        const double squared = mlsel_i_accel_sum_squares_f32(knn->vectors + v * knn->stride, n);
        const double norm = sqrt(squared);
        m->can_estimate = m->can_estimate && (norm <= 0 || is_tame_norm(norm));
        m->max_norm = fmax(m->max_norm, norm);
        m->scales[v] = !knn->normalize ? 1 : norm > 0 ? 1 / norm : 0;
        double_scales[v] = (float)(2 * m->scales[v]);
        offsets[v] = (float)(!knn->normalize ? squared : norm > 0 ? 1 : 0);
    }
    if (knn->normalize)
        m->max_norm = 1;
}

/* As many queries at a time as there is memory for. */
static uint32_t choose_slice(uint64_t products_stride) {
    uint32_t slice = METAL_DOTS_QUERIES;
    while (slice < MAX_BATCH && (uint64_t)slice * 2 * products_stride <= max_products)
        slice *= 2;
    return slice;
}

static uint64_t max_dispatches(const knn_model *m) { return (uint64_t)4 * (MAX_BATCH / m->slice); }

/* A query in double comes first in a run's scratch, then the dispatches. */
static uint64_t dispatches_offset(const metal_state *state) {
    const uint64_t bytes = state->view->n_features * sizeof(double);
    return (bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
}

static mlsel_status prepare(metal_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const uint64_t n = state->view->n_features, n_vectors = knn->n_vectors;
    knn_model *m = mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    m->scales = mlsel_i_alloc((size_t)n_vectors, sizeof *m->scales);
    if (m->scales == NULL)
        return mlsel_i_no_memory(err);
    state->memory_bytes += n_vectors * sizeof *m->scales;
    const uint64_t bytes = n_vectors * knn->stride * sizeof(float);
    mlsel_status status = mlsel_i_metal_wrap(state->device, knn->vectors, bytes, &m->vectors, err);
    if (status == MLSEL_OK)
        status = mlsel_i_metal_model_alloc(state, n_vectors, sizeof(float), &m->double_scales, err);
    if (status == MLSEL_OK)
        status = mlsel_i_metal_model_alloc(state, n_vectors, sizeof(float), &m->offsets, err);
    if (status != MLSEL_OK)
        return status;
    measure_norms(knn, n, m);
    m->matrix = (metal_matrix){.rows = span_of(&m->vectors, 0),
                               .n_rows = (uint32_t)n_vectors,
                               .n = (uint32_t)n,
                               .stride = (uint32_t)knn->stride};
    m->products_stride = padded_width(n_vectors);
    m->slice = choose_slice(m->products_stride);
    state->scratch_bytes = dispatches_offset(state) + max_dispatches(m) * sizeof(metal_dispatch);
    return MLSEL_OK;
}

static void release(metal_state *state) {
    knn_model *m = state->model;
    mlsel_i_metal_free(&m->vectors);
    mlsel_i_metal_free(&m->double_scales);
    mlsel_i_metal_free(&m->offsets);
    mlsel_i_free(m->scales);
}

/* --- a slot's memory ---------------------------------------------------------------------------------------------- */

static void lay_out(const metal_state *state, uint32_t capacity, uint32_t k, uint64_t bytes[SLOT_PARTS]) {
    const knn_model *m = state->model;
    const uint64_t at_once = smaller(capacity, m->slice);
    bytes[QUERIES] = (uint64_t)capacity * padded_width(state->view->n_features) * sizeof(float);
    bytes[TAKEN] = capacity * sizeof(metal_knn_query);
    bytes[MASK] = state->view->knn->n_vectors;
    bytes[PRODUCTS] = at_once * m->products_stride * sizeof(float);
    bytes[MINIMA] = at_once * mlsel_i_accel_groups(state->view->knn->n_vectors, k) * sizeof(float);
    bytes[COUNTS] = capacity * sizeof(uint32_t);
    bytes[IDS] = (uint64_t)capacity * mlsel_i_accel_room(state->view->knn->n_vectors, k) * sizeof(uint32_t);
}

/* --- on the device ------------------------------------------------------------------------------------------------ */

/* A query's norm as it takes part, and what its values are multiplied with. */
static double take_norm(const metal_state *state, const accel_query *query, double *factor) {
    const double norm = sqrt(mlsel_i_accel_sum_squares(query, state->view->n_features));
    if (!state->view->knn->normalize) {
        *factor = 1;
        return norm;
    }
    *factor = norm > 0 ? 1 / norm : 0;
    return norm > 0 ? 1 : 0;
}

/* Twice the bound of mlsel_i_knn_estimate_error of the CPU backend, of which the sums of three terms in float leave
 * enough for one sum more, a little rounded up. */
static float estimate_width(const metal_state *state, double norm) {
    const knn_model *m = state->model;
    const double unit = 0x1p-24, x = m->max_norm, dots_error = mlsel_i_metal_products_error(state->view->n_features);
    const double error = 2 * dots_error * x * norm + 14 * unit * (x + norm) * (x + norm) + 1e-12;
    return (float)(2.0001 * error);
}

static void take_queries(const metal_state *state, const mlsel_backend_run *run, const metal_slot *slot) {
    const uint64_t n = state->view->n_features;
    float *narrow = slot->parts[QUERIES].contents;
    metal_knn_query *taken = slot->parts[TAKEN].contents;
    for (uint32_t q = 0; q < run->count; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        double factor;
        const double norm = take_norm(state, &query, &factor);
        mlsel_i_accel_narrow(&query, n, factor, narrow + (uint64_t)q * padded_width(n));
        /* others are not looked at again */
        const bool is_tame = is_tame_norm(norm);
        taken[q].base = is_tame ? (float)(norm * norm) : 0;
        taken[q].width = is_tame ? estimate_width(state, norm) : 0;
    }
}

/* The search for some of the queries, four dispatches. */
static void search(const metal_state *state, const mlsel_backend_run *run, const metal_slot *slot, uint32_t first,
                   uint32_t count, metal_dispatch *out) {
    const knn_model *m = state->model;
    const metal_buffer *parts = slot->parts;
    const uint32_t stride = padded_width(state->view->n_features);
    const metal_knn params = {.n_vectors = m->matrix.n_rows,
                              .stride = m->products_stride,
                              .n_groups = mlsel_i_accel_groups(state->view->knn->n_vectors, run->k),
                              .k = run->k,
                              .room = mlsel_i_accel_room(state->view->knn->n_vectors, run->k),
                              .has_mask = run->label_mask != NULL};
    const metal_span queries = span_of(&parts[QUERIES], (uint64_t)first * stride * sizeof(float));
    const metal_span taken = span_of(&parts[TAKEN], first * sizeof(metal_knn_query));
    const metal_span counts = span_of(&parts[COUNTS], first * sizeof(uint32_t));
    const metal_span ids = span_of(&parts[IDS], (uint64_t)first * params.room * sizeof(uint32_t));
    const metal_span products = span_of(&parts[PRODUCTS], 0), minima = span_of(&parts[MINIMA], 0);
    const metal_span scales = span_of(&m->double_scales, 0), offsets = span_of(&m->offsets, 0);
    const metal_span mask = span_of(&parts[MASK], 0);
    mlsel_i_metal_products(&m->matrix, queries, stride, count, products, params.stride, &out[0]);
    const metal_span first_pass[] = {products, scales, offsets, mask, taken, minima};
    mlsel_i_metal_each(METAL_knn_minima, params.n_groups, count, first_pass, 6, &params, sizeof params, &out[1]);
    const metal_span limits[] = {minima, taken, counts};
    mlsel_i_metal_each(METAL_knn_limits, 1, 1, limits, 3, &params, sizeof params, &out[2]);
    out[2].groups[0] = count;
    out[2].group_bytes = METAL_FEW_THREADS * sizeof(uint32_t);
    const metal_span second_pass[] = {products, scales, offsets, mask, taken, counts, ids};
    mlsel_i_metal_each(METAL_knn_collect, params.n_vectors, count, second_pass, 7, &params, sizeof params, &out[3]);
}

/* --- on the host -------------------------------------------------------------------------------------------------- */

static void measure(const metal_state *state, const mlsel_backend_run *run, uint64_t vector, const double *query,
                    top_k *top) {
    const mlsel_knn_view *knn = state->view->knn;
    const knn_model *m = state->model;
    const double distance = mlsel_i_accel_squared_distance(knn->vectors + vector * knn->stride, m->scales[vector],
                                                           query, state->view->n_features);
    mlsel_i_accel_offer(knn, vector, distance, run->label_mask, top);
}

/* Candidates, or where estimates do not help with a query, as too many vectors are as near or numbers are near the
 * limits of float, all vectors. */
static void finish(const metal_state *state, const mlsel_backend_run *run, const metal_slot *slot, bool has_searched,
                   uint32_t index) {
    const uint32_t room = mlsel_i_accel_room(state->view->knn->n_vectors, run->k);
    const uint32_t count = ((const uint32_t *)slot->parts[COUNTS].contents)[index];
    const uint32_t *ids = (const uint32_t *)slot->parts[IDS].contents + (uint64_t)index * room;
    const uint8_t *mask = slot->parts[MASK].contents;
    const accel_query query = mlsel_i_accel_query(run, index);
    top_k top = {.heap = run->neighbours + index * run->neighbour_stride, .k = run->k};
    double factor, *wide = run->scratch;
    const double norm = take_norm(state, &query, &factor);
    mlsel_i_accel_widen(&query, state->view->n_features, factor, wide);
    if (has_searched && is_tame_norm(norm) && count <= room) {
        for (uint32_t i = 0; i < count; i++)
            measure(state, run, ids[i], wide, &top);
    } else {
        for (uint64_t v = 0; v < state->view->knn->n_vectors; v++)
            if (run->label_mask == NULL || mask[v] != 0)
                measure(state, run, v, wide, &top);
    }
    mlsel_i_accel_finish(&top);
}

static mlsel_status run_knn(const metal_state *state, const mlsel_backend_run *run, metal_slot *slot,
                            mlsel_error *err) {
    const knn_model *m = state->model;
    metal_dispatch *dispatches = (metal_dispatch *)(void *)((char *)run->scratch + dispatches_offset(state));
    uint32_t n_dispatches = 0;
    /* with more neighbours than groups, every vector may have to be one */
    const bool searches =
        m->can_estimate && run->k > 0 && run->k <= mlsel_i_accel_groups(state->view->knn->n_vectors, run->k);
    if (run->label_mask != NULL)
        mlsel_i_accel_mark(state->view->knn, run->label_mask, slot->parts[MASK].contents);
    if (searches) {
        take_queries(state, run, slot);
        for (uint32_t first = 0; first < run->count; first += m->slice, n_dispatches += 4)
            search(state, run, slot, first, (uint32_t)smaller(run->count - first, m->slice), dispatches + n_dispatches);
        const mlsel_status status = mlsel_i_metal_run(state->device, dispatches, n_dispatches, err);
        if (status != MLSEL_OK)
            return status;
    }
    for (uint32_t q = 0; q < run->count; q++)
        finish(state, run, slot, searches, q);
    return MLSEL_OK;
}

const metal_kind mlsel_i_metal_knn = {
    .max_batch = MAX_BATCH, .prepare = prepare, .release = release, .lay_out = lay_out, .run = run_knn};
