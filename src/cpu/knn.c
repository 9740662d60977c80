/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact nearest neighbours.
 *
 * The exact path measures every vector. The fast path first estimates all distances in float, within an error bound,
 * keeps the vectors that could be among the k nearest, and measures only those exactly: a vector whose estimate is more
 * than twice the bound above the k-th smallest estimate is farther than k others for certain. Both return the same
 * bits.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "state.h"
#include "top_k.h"

/* --- preparing --------------------------------------------------------------------------------------------------- */

/* Vectors that may wait to be measured exactly. */
static size_t max_candidates(uint64_t n_vectors) { return n_vectors < 4096 ? (size_t)n_vectors : 4096; }

/* With more neighbours than this share of the vectors, estimating first gains nothing. */
static bool is_worth_estimating(uint64_t n_vectors, uint32_t k) {
    return n_vectors >= 32 && k <= max_candidates(n_vectors) / 4;
}

typedef struct candidate {
    float estimate;
    uint32_t vector;
} candidate;

mlsel_status mlsel_i_cpu_prepare_knn(cpu_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n = state->view->n_features;
    state->scales = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *state->scales);
    state->double_scales = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *state->double_scales);
    state->offsets = mlsel_i_cpu_state_alloc(state, knn->n_vectors, sizeof *state->offsets);
    if (state->scales == NULL || state->double_scales == NULL || state->offsets == NULL)
        return mlsel_i_no_memory(err);
    state->fast = state->fast && knn->n_vectors < UINT32_MAX;
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        const double squared = state->kernels->sum_squares_f32(knn->vectors + v * knn->stride, n);
        const double norm = sqrt(squared);
        if (norm > 0 && !mlsel_i_cpu_is_tame(norm))
            state->fast = false;
        state->max_norm = fmax(state->max_norm, norm);
        state->scales[v] = !knn->normalize ? 1 : norm > 0 ? 1 / norm : 0;
        state->double_scales[v] = (float)(2 * state->scales[v]);
        state->offsets[v] = (float)(!knn->normalize ? squared : norm > 0 ? 1 : 0);
    }
    const size_t candidates = max_candidates(knn->n_vectors);
    state->scratch_bytes = candidates * sizeof(candidate) + candidates / 4 * sizeof(float);
    return MLSEL_OK;
}

/* --- exact ------------------------------------------------------------------------------------------------------- */

static void measure(const cpu_state *state, const double *q, uint64_t v, const uint8_t *label_mask, top_k *top) {
    const mlsel_knn_view *knn = state->view->knn;
    const float *x = knn->vectors + v * knn->stride;
    const double distance = state->kernels->squared_distance(x, state->scales[v], q, state->view->n_features);
    for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++) {
        const uint64_t row = knn->vector_rows[i];
        if (label_mask == NULL || label_mask[knn->row_labels[row]])
            mlsel_i_top_k_push(top, distance, row);
    }
}

/* Whether a vector has a row that takes part. */
static bool takes_part(const mlsel_knn_view *knn, uint64_t v, const uint8_t *label_mask) {
    if (label_mask == NULL)
        return true;
    for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++)
        if (label_mask[knn->row_labels[knn->vector_rows[i]]])
            return true;
    return false;
}

static void measure_all(const cpu_state *state, const double *q, const uint8_t *label_mask, top_k *top) {
    for (uint64_t v = 0; v < state->view->knn->n_vectors; v++)
        if (takes_part(state->view->knn, v, label_mask))
            measure(state, q, v, label_mask, top);
}

/* --- fast -------------------------------------------------------------------------------------------------------- */

/* The scan over estimates. */
typedef struct scan {
    const cpu_state *state;
    const double *q; /* for exact measurements */
    double error;    /* of an estimate */
    double limit;    /* an estimate above it cannot be among the k nearest */
    float *nearest;  /* heap of the k smallest estimates, the largest on top */
    size_t n_nearest;
    candidate *candidates;
    size_t n_candidates, max_candidates;
    top_k *top;
} scan;

static void sift_estimate(float *heap, size_t n, size_t i) {
    for (;;) {
        size_t largest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (heap[child] > heap[largest])
                largest = child;
        if (largest == i)
            return;
        const float kept = heap[i];
        heap[i] = heap[largest];
        heap[largest] = kept;
        i = largest;
    }
}

/* Adds an estimate to the k smallest, which may lower the limit. */
static void note_estimate(scan *s, float estimate) {
    const size_t k = s->top->k;
    if (s->n_nearest < k) {
        s->nearest[s->n_nearest++] = estimate;
        if (s->n_nearest < k)
            return;
        for (size_t i = k / 2; i-- > 0;)
            sift_estimate(s->nearest, k, i);
    } else if (estimate < s->nearest[0]) {
        s->nearest[0] = estimate;
        sift_estimate(s->nearest, k, 0);
    } else {
        return;
    }
    s->limit = fmin(s->limit, (double)s->nearest[0] + 2 * s->error);
}

static void measure_candidates(scan *s) {
    for (size_t i = 0; i < s->n_candidates; i++)
        if ((double)s->candidates[i].estimate <= s->limit)
            measure(s->state, s->q, s->candidates[i].vector, NULL, s->top);
    s->n_candidates = 0;
    s->limit = fmin(s->limit, top_k_limit(s->top, INFINITY) + s->error);
}

/* Drops candidates that the limit has left behind; if too many stay, as with many equal distances, measures them. */
static void make_room(scan *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        if ((double)s->candidates[i].estimate <= s->limit)
            s->candidates[kept++] = s->candidates[i];
    s->n_candidates = kept;
    if (kept > s->max_candidates / 2)
        measure_candidates(s);
}

static void add_candidate(scan *s, float estimate, uint32_t vector) {
    if (s->n_candidates == s->max_candidates)
        make_room(s);
    if (!((double)estimate <= s->limit))
        return;
    s->candidates[s->n_candidates++] = (candidate){.estimate = estimate, .vector = vector};
    note_estimate(s, estimate);
}

static void scan_vectors(scan *s, const float *q, double squared_norm) {
    const cpu_state *state = s->state;
    const mlsel_knn_view *knn = state->view->knn;
    const float base = (float)squared_norm;
    float estimates[DOTS_BLOCK];
    for (uint64_t first = 0; first < knn->n_vectors; first += DOTS_BLOCK) {
        const uint64_t left = knn->n_vectors - first;
        const size_t count = left < DOTS_BLOCK ? (size_t)left : DOTS_BLOCK;
        state->kernels->dots(knn->vectors + first * knn->stride, knn->stride, count, q, state->view->n_features,
                             estimates);
        const float *offsets = state->offsets + first, *scales = state->double_scales + first;
        for (size_t i = 0; i < count; i++)
            estimates[i] = (base + offsets[i]) - scales[i] * estimates[i];
        for (size_t i = 0; i < count; i++)
            if ((double)estimates[i] <= s->limit)
                add_candidate(s, estimates[i], (uint32_t)(first + i));
    }
    measure_candidates(s);
}

/*
 * Bound on |estimate - exact|. The dot product enters twice, over |x| |q| (1 when normalised); the sum of the three
 * terms, the stored offset and scale are rounded to float; the exact distance itself is rounded in double, far below.
 */
static double estimate_error(const cpu_state *state, double norm) {
    const double unit = 0x1p-24;
    const double x = state->view->knn->normalize ? 1 : state->max_norm;
    return 2 * state->dots_error * x * norm + 8 * unit * (x + norm) * (x + norm) + 1e-12;
}

void mlsel_i_cpu_knn(const cpu_state *state, const cpu_query *query, const mlsel_backend_run *run,
                     mlsel_backend_neighbour *out) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n = state->view->n_features;
    const double *q = mlsel_i_cpu_wide(state, query);
    const double norm = sqrt(state->kernels->sum_squares(q, n));
    const double scale = !knn->normalize ? 1 : norm > 0 ? 1 / norm : 0;
    top_k top = {.heap = out, .k = run->k};
    if (knn->normalize) {
        for (size_t i = 0; i < n; i++)
            query->normalized[i] = q[i] * scale;
        q = query->normalized;
    }
    const double norm_used = knn->normalize ? (norm > 0 ? 1 : 0) : norm;
    if (state->fast && run->label_mask == NULL && is_worth_estimating(knn->n_vectors, run->k) &&
        mlsel_i_cpu_is_tame(norm_used)) {
        const size_t room = max_candidates(knn->n_vectors);
        candidate *candidates = query->extra;
        scan s = {.state = state,
                  .q = q,
                  .error = estimate_error(state, norm_used),
                  .limit = INFINITY,
                  .nearest = (float *)(void *)(candidates + room),
                  .candidates = candidates,
                  .max_candidates = room,
                  .top = &top};
        state->kernels->narrow(q, 1, query->narrow, n);
        scan_vectors(&s, query->narrow, norm_used * norm_used);
    } else {
        measure_all(state, q, run->label_mask, &top);
    }
    mlsel_i_top_k_sort(&top);
}
