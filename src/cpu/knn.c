/* SPDX-License-Identifier: Apache-2.0 */
/* Exact nearest neighbours: one pass over the rows with a heap of the k best. */
#include <math.h>

#include "state.h"

/* The order of neighbours: by distance, then by row. */
static bool is_farther(const mlsel_backend_neighbour *a, const mlsel_backend_neighbour *b) {
    return a->distance > b->distance || (!(a->distance < b->distance) && a->row > b->row);
}

static void swap(mlsel_backend_neighbour *a, mlsel_backend_neighbour *b) {
    const mlsel_backend_neighbour kept = *a;
    *a = *b;
    *b = kept;
}

/* Restores the heap (the farthest on top) below position i. */
static void sift_down(mlsel_backend_neighbour *heap, size_t n, size_t i) {
    for (;;) {
        size_t farthest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (is_farther(&heap[child], &heap[farthest]))
                farthest = child;
        if (farthest == i)
            return;
        swap(&heap[i], &heap[farthest]);
        i = farthest;
    }
}

static void sift_up(mlsel_backend_neighbour *heap, size_t i) {
    while (i > 0 && is_farther(&heap[i], &heap[(i - 1) / 2])) {
        swap(&heap[i], &heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void keep_nearest(mlsel_backend_neighbour *heap, size_t *count, size_t k, mlsel_backend_neighbour candidate) {
    if (*count < k) {
        heap[(*count)++] = candidate;
        sift_up(heap, *count - 1);
    } else if (is_farther(&heap[0], &candidate)) {
        heap[0] = candidate;
        sift_down(heap, k, 0);
    }
}

/* Heap to ascending order: the farthest goes to the end, again and again. */
static void sort_heap(mlsel_backend_neighbour *heap, size_t n) {
    while (n > 1) {
        swap(&heap[0], &heap[--n]);
        sift_down(heap, n, 0);
    }
}

/* The query as distances want it: normalised where the rule says so; a zero vector stays zero. */
static const double *prepare_query(const cpu_state *state, const cpu_query *query) {
    const size_t n = state->view->n_features;
    if (!state->view->knn->normalize)
        return query->values;
    const double norm = mlsel_i_cpu_norm(query->values, n);
    for (size_t i = 0; i < n; i++)
        query->normalized[i] = norm > 0 ? query->values[i] / norm : 0;
    return query->normalized;
}

void mlsel_i_cpu_knn(const cpu_state *state, const cpu_query *query, const mlsel_backend_run *run,
                     mlsel_backend_neighbour *out) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n = state->view->n_features;
    const double *q = prepare_query(state, query);
    size_t count = 0;
    for (uint64_t row = 0; row < knn->n_rows; row++) {
        if (run->label_mask != NULL && !run->label_mask[knn->row_labels[row]])
            continue;
        const float *x = knn->rows + row * n;
        double distance;
        if (knn->normalize && state->norms[row] > 0)
            distance = state->kernels->squared_distance_normalized(x, state->norms[row], q, n);
        else
            distance = state->kernels->squared_distance(x, q, n);
        keep_nearest(out, &count, run->k, (mlsel_backend_neighbour){.distance = distance, .row = row});
    }
    sort_heap(out, count);
}
