/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact nearest neighbours.
 *
 * The exact path measures every vector. The fast path first estimates all distances, in float or from small integers,
 * each within an interval, keeps the vectors that could be among the k nearest, and measures only those exactly: a
 * vector whose lower bound is above the k-th smallest upper bound is farther than k others for certain. Both return
 * the same bits.
 */
#include <math.h>
#include <string.h>

#include "knn.h"

/* --- preparing --------------------------------------------------------------------------------------------------- */

/* Vectors that may wait to be measured exactly. */
static size_t max_candidates(uint64_t n_vectors) { return n_vectors < 4096 ? (size_t)n_vectors : 4096; }

/* With more neighbours than this share of the vectors, estimating first gains nothing. */
static bool is_worth_estimating(uint64_t n_vectors, uint32_t k) {
    return n_vectors >= 32 && k <= max_candidates(n_vectors) / 4;
}

/* Memory of a scan, a multiple of the alignment. */
static size_t scan_bytes(uint64_t n_vectors) {
    const size_t room = max_candidates(n_vectors), bytes = room * sizeof(candidate) + room / 4 * sizeof(float);
    return (bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
}

static mlsel_status measure_norms(cpu_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n = state->view->n_features;
    double *scales = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *scales);
    float *double_scales = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *double_scales);
    float *offsets = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *offsets);
    if (scales == NULL || double_scales == NULL || offsets == NULL)
        return mlsel_i_no_memory(err);
    state->fast = state->fast && knn->n_vectors < UINT32_MAX;
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        const double squared = state->kernels->sum_squares_f32(knn->vectors + v * knn->stride, n);
        const double norm = sqrt(squared);
        if (norm > 0 && !mlsel_i_cpu_is_tame(norm))
            state->fast = false;
        state->max_norm = fmax(state->max_norm, norm);
        scales[v] = !knn->normalize ? 1 : norm > 0 ? 1 / norm : 0;
        double_scales[v] = (float)(2 * scales[v]);
        offsets[v] = (float)(!knn->normalize ? squared : norm > 0 ? 1 : 0);
    }
    state->scales = scales;
    state->double_scales = double_scales;
    state->offsets = offsets;
    return mlsel_i_knn_prepare_int8(state, err);
}

mlsel_status mlsel_i_cpu_prepare_knn(cpu_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    bool has_index;
    mlsel_i_cpu_choose_dots(state, knn->n_vectors * knn->stride * sizeof(float));
    mlsel_status status = mlsel_i_knn_use_index(state, &has_index, err);
    if (status == MLSEL_OK && !has_index)
        status = measure_norms(state, err);
    state->scratch_bytes = scan_bytes(knn->n_vectors) + mlsel_i_knn_int8_scratch(state->int8);
    return status;
}

/* --- exact ------------------------------------------------------------------------------------------------------- */

void mlsel_i_knn_measure(const cpu_state *state, const double *q, uint64_t v, const uint8_t *label_mask, top_k *top) {
    const mlsel_knn_view *knn = state->view->knn;
    const float *x = knn->vectors + v * knn->stride;
    const double distance = state->kernels->squared_distance(x, state->scales[v], q, state->view->n_features);
    for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++) {
        const uint64_t row = knn->vector_rows[i];
        if (label_mask == NULL || label_mask[knn->row_labels[row]])
            mlsel_i_top_k_push(top, distance, row);
    }
}

bool mlsel_i_knn_takes_part(const mlsel_knn_view *knn, uint64_t v, const uint8_t *label_mask) {
    if (label_mask == NULL)
        return true;
    for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++)
        if (label_mask[knn->row_labels[knn->vector_rows[i]]])
            return true;
    return false;
}

/* Where the run's part of n things begins. */
static uint64_t part_begin(const mlsel_backend_run *run, uint64_t n, uint32_t part) {
    return run->n_parts < 2 ? (part == 0 ? 0 : n) : n / run->n_parts * part + n % run->n_parts * part / run->n_parts;
}

uint32_t mlsel_i_cpu_knn_parts(const cpu_state *state) {
    /* of what is read in a tenth of a millisecond or two, so that waking a thread does not show; most small integers
     * are left out with their group */
    const uint64_t worth = state->int8 != NULL ? (uint64_t)32 << 20 : (uint64_t)2 << 20;
    const uint64_t size = state->int8 != NULL ? sizeof(int8_t) : sizeof(float);
    const uint64_t parts = state->view->knn->n_vectors * state->view->knn->stride * size / worth;
    return parts < 256 ? (uint32_t)parts : 256;
}

static void measure_all(const cpu_state *state, const double *q, uint64_t begin, uint64_t end,
                        const uint8_t *label_mask, top_k *top) {
    for (uint64_t v = begin; v < end; v++)
        if (mlsel_i_knn_takes_part(state->view->knn, v, label_mask))
            mlsel_i_knn_measure(state, q, v, label_mask, top);
}

/* The same in the order that the fast path has. */
static void measure_part(const cpu_state *state, const double *q, uint64_t begin, uint64_t end,
                         const uint8_t *label_mask, top_k *top) {
    if (state->int8 == NULL) {
        measure_all(state, q, begin, end, label_mask, top);
        return;
    }
    for (uint64_t i = begin; i < end; i++)
        mlsel_i_knn_measure(state, q, mlsel_i_knn_int8_vector(state->int8, (size_t)i), label_mask, top);
}

/* --- fast -------------------------------------------------------------------------------------------------------- */

/*
 * Bound on |estimate - exact|. The dot product enters twice, over |x| |q| (1 when normalised); the sum of the three
 * terms, the stored offset and scale and the interval's ends are rounded to float; the exact distance itself is rounded
 * in double, far below.
 */
float mlsel_i_knn_estimate_error(const cpu_state *state, double dots_error, double norm) {
    const double unit = 0x1p-24;
    const double x = state->view->knn->normalize ? 1 : state->max_norm;
    return (float)(2 * dots_error * x * norm + 14 * unit * (x + norm) * (x + norm) + 1e-12);
}

void mlsel_i_knn_estimate(const cpu_state *state, const float *q, double norm, uint64_t first, size_t count,
                          float *lower) {
    const mlsel_knn_view *knn = state->view->knn;
    const float base = (float)(norm * norm), error = mlsel_i_knn_estimate_error(state, state->dots_error, norm);
    const float *offsets = state->offsets + first, *scales = state->double_scales + first;
    state->dots(knn->vectors + first * knn->stride, knn->stride, count, q, state->view->n_features, lower);
    for (size_t i = 0; i < count; i++)
        lower[i] = ((base + offsets[i]) - scales[i] * lower[i]) - error;
}

static void scan_vectors(scan *s) {
    const float width = 2 * mlsel_i_knn_estimate_error(s->state, s->state->dots_error, s->norm);
    float lower[DOTS_BLOCK];
    for (uint64_t first = s->begin; first < s->end; first += DOTS_BLOCK) {
        const uint64_t left = s->end - first;
        const size_t count = left < DOTS_BLOCK ? (size_t)left : DOTS_BLOCK;
        mlsel_i_knn_estimate(s->state, s->narrow, s->norm, first, count, lower);
        for (size_t i = 0; i < count; i++)
            if ((double)lower[i] <= s->limit)
                mlsel_i_scan_add(s, lower[i], lower[i] + width, (uint32_t)(first + i));
    }
}

double mlsel_i_knn_take_query(const cpu_state *state, const mlsel_backend_run *run, size_t index, double *q) {
    const size_t n = state->view->n_features, at = index * run->stride;
    const bool normalize = state->view->knn->normalize;
    if (run->query_type == MLSEL_QUERY_F64)
        memcpy(q, (const double *)run->queries + at, n * sizeof *q);
    for (size_t i = 0; run->query_type != MLSEL_QUERY_F64 && i < n; i++)
        q[i] = (double)((const float *)run->queries)[at + i];
    const double norm = sqrt(state->kernels->sum_squares(q, n)), scale = norm > 0 ? 1 / norm : 0;
    for (size_t i = 0; normalize && i < n; i++)
        q[i] *= scale;
    return normalize ? (norm > 0 ? 1 : 0) : norm;
}

void mlsel_i_cpu_knn(const cpu_state *state, const mlsel_backend_run *run, size_t index, const cpu_query *query) {
    const mlsel_knn_view *knn = state->view->knn;
    top_k top = {.heap = run->neighbours + index * run->neighbour_stride, .k = run->k};
    const double norm = mlsel_i_knn_take_query(state, run, index, query->wide);
    const uint64_t begin = part_begin(run, knn->n_vectors, run->part);
    const uint64_t end = part_begin(run, knn->n_vectors, run->part + 1);
    if (state->fast && is_worth_estimating(knn->n_vectors, run->k) && mlsel_i_cpu_is_tame(norm)) {
        const size_t room = max_candidates(knn->n_vectors);
        candidate *candidates = query->extra;
        scan s = {.state = state,
                  .run = run,
                  .index = index,
                  .begin = begin,
                  .end = end,
                  .q = query->wide,
                  .has_q = true,
                  .narrow = query->narrow,
                  .norm = norm,
                  .limit = INFINITY,
                  .nearest = (float *)(void *)(candidates + room),
                  .candidates = candidates,
                  .max_candidates = room,
                  .refines = state->int8 != NULL,
                  .top = &top};
        state->kernels->narrow(query->wide, 1, query->narrow, state->view->n_features);
        if (state->int8 != NULL)
            mlsel_i_knn_scan_int8(&s, (char *)query->extra + scan_bytes(knn->n_vectors));
        else
            scan_vectors(&s);
        mlsel_i_scan_measure(&s);
        if (top.count < run->k) { /* a small part, or values of a container that nobody has looked at are no numbers */
            top.count = 0;
            measure_part(state, query->wide, begin, end, run->label_mask, &top);
        }
    } else { /* the parts of a query must share one order: all come here, or all go the fast way */
        measure_all(state, query->wide, begin, end, run->label_mask, &top);
    }
    const size_t found = top.count;
    mlsel_i_top_k_sort(&top);
    for (size_t i = found; i < run->k; i++) /* a part need not have k of them */
        top.heap[i] = (mlsel_backend_neighbour){.distance = INFINITY, .row = UINT64_MAX};
}
