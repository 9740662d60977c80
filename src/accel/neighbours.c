/* SPDX-License-Identifier: Apache-2.0 */
#include "neighbours.h"

#include <math.h>

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
