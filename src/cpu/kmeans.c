/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

void mlsel_i_cpu_kmeans(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const size_t n = state->view->n_features;
    for (uint32_t c = 0; c < kmeans->n_clusters; c++)
        out[c] = state->kernels->squared_distance_strict(kmeans->centroids + c * n, query->values, n);
}
