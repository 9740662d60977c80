/* SPDX-License-Identifier: Apache-2.0 */
#include "top_k.h"

static bool is_farther(const mlsel_backend_neighbour *a, const mlsel_backend_neighbour *b) {
    return a->distance > b->distance || (!(a->distance < b->distance) && a->row > b->row);
}

static void swap(mlsel_backend_neighbour *a, mlsel_backend_neighbour *b) {
    const mlsel_backend_neighbour kept = *a;
    *a = *b;
    *b = kept;
}

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

void mlsel_i_top_k_push(top_k *top, double distance, uint64_t row) {
    const mlsel_backend_neighbour candidate = {.distance = distance, .row = row};
    if (top->count < top->k) {
        top->heap[top->count++] = candidate;
        sift_up(top->heap, top->count - 1);
    } else if (top->k > 0 && is_farther(&top->heap[0], &candidate)) {
        top->heap[0] = candidate;
        sift_down(top->heap, top->k, 0);
    }
}

void mlsel_i_top_k_sort(top_k *top) {
    /* the farthest goes to the end, again and again */
    for (size_t n = top->count; n > 1;) {
        swap(&top->heap[0], &top->heap[--n]);
        sift_down(top->heap, n, 0);
    }
}
