/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "knn.h"

/* --- two heaps --------------------------------------------------------------------------------------------------- */

/* The largest on top. */
static void sift_bound(float *heap, size_t n, size_t i) {
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

/* The most promising on top. */
static void sift_candidate(candidate *heap, size_t n, size_t i) {
    for (;;) {
        size_t smallest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (heap[child].lower < heap[smallest].lower)
                smallest = child;
        if (smallest == i)
            return;
        const candidate kept = heap[i];
        heap[i] = heap[smallest];
        heap[smallest] = kept;
        i = smallest;
    }
}

/* --- the scan ---------------------------------------------------------------------------------------------------- */

/* Adds an upper bound to the k smallest, which may lower the limit. */
static void note_upper(scan *s, float upper) {
    const size_t k = s->top->k;
    if (s->n_nearest < k) {
        s->nearest[s->n_nearest++] = upper;
        if (s->n_nearest < k)
            return;
        for (size_t i = k / 2; i-- > 0;)
            sift_bound(s->nearest, k, i);
    } else if (upper < s->nearest[0]) {
        s->nearest[0] = upper;
        sift_bound(s->nearest, k, 0);
    } else {
        return;
    }
    s->limit = fmin(s->limit, (double)s->nearest[0]);
}

/* Whether an estimate in float already shows that a vector is too far. */
static bool is_ruled_out(const scan *s, uint32_t vector) {
    if (!s->refines)
        return false;
    float lower;
    mlsel_i_knn_estimate(s->state, s->narrow, s->norm, vector, 1, &lower);
    return (double)lower > s->limit;
}

/* In ascending order of the lower bounds, so that the limit falls as early as it can. */
void mlsel_i_scan_measure(scan *s) {
    candidate *heap = s->candidates;
    size_t n = s->n_candidates;
    if (!s->has_q)
        mlsel_i_knn_take_query(s->state, s->run, s->index, s->q);
    for (size_t i = n / 2; i-- > 0;)
        sift_candidate(heap, n, i);
    while (n > 0 && (double)heap[0].lower <= s->limit) {
        const uint32_t vector = heap[0].vector;
        heap[0] = heap[--n];
        sift_candidate(heap, n, 0);
        if (is_ruled_out(s, vector))
            continue;
        mlsel_i_knn_measure(s->state, s->q, vector, s->run->label_mask, s->top);
        s->limit = fmin(s->limit, top_k_limit(s->top, INFINITY));
    }
    s->n_candidates = 0;
}

/* Drops candidates that the limit has left behind; if too many stay, as with many equal distances, measures them. */
static void make_room(scan *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        if ((double)s->candidates[i].lower <= s->limit)
            s->candidates[kept++] = s->candidates[i];
    s->n_candidates = kept;
    if (kept > s->max_candidates / 2)
        mlsel_i_scan_measure(s);
}

void mlsel_i_scan_add(scan *s, float lower, float upper, uint32_t vector) {
    if (s->n_candidates == s->max_candidates)
        make_room(s);
    if (!((double)lower <= s->limit) || !mlsel_i_knn_takes_part(s->state->view->knn, vector, s->run->label_mask))
        return;
    s->candidates[s->n_candidates++] = (candidate){.lower = lower, .vector = vector};
    note_upper(s, upper);
}
