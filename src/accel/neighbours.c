/* SPDX-License-Identifier: Apache-2.0 */
#include "neighbours.h"

#include <math.h>

enum { MIN_GROUPS = 1024, MAX_GROUPS = 8192, GROUPS_PER_NEIGHBOUR = 8, VECTORS_PER_GROUP = 16 };

uint32_t mlsel_i_accel_groups(uint64_t n_vectors, uint32_t k) {
    uint64_t groups = n_vectors / VECTORS_PER_GROUP;
    groups = groups > MAX_GROUPS ? MAX_GROUPS : groups;
    groups = groups < MIN_GROUPS ? MIN_GROUPS : groups;
    const uint64_t for_k = GROUPS_PER_NEIGHBOUR * (uint64_t)k;
    groups = groups < for_k ? for_k : groups;
    return (uint32_t)(groups < n_vectors ? groups : n_vectors);
}

uint32_t mlsel_i_accel_room(uint64_t n_vectors, uint32_t k) {
    const uint64_t room = 2 * (uint64_t)k + 32;
    return (uint32_t)(room < n_vectors ? room : n_vectors);
}

void mlsel_i_accel_offer(const mlsel_knn_view *knn, uint64_t vector, double distance, const uint8_t *label_mask,
                         top_k *top) {
    for (uint64_t i = knn->vector_start[vector]; i < knn->vector_start[vector + 1]; i++) {
        const uint64_t row = knn->vector_rows[i];
        if (label_mask == NULL || label_mask[knn->row_labels[row]])
            mlsel_i_top_k_push(top, distance, row);
    }
}

void mlsel_i_accel_finish(top_k *top) {
    const size_t found = top->count;
    mlsel_i_top_k_sort(top);
    for (size_t i = found; i < top->k; i++)
        top->heap[i] = (mlsel_backend_neighbour){.distance = INFINITY, .row = UINT64_MAX};
}

void mlsel_i_accel_mark(const mlsel_knn_view *knn, const uint8_t *label_mask, uint8_t *out) {
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        out[v] = 0;
        for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++)
            out[v] |= label_mask[knn->row_labels[knn->vector_rows[i]]] != 0;
    }
}
