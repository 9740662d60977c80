/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances to the centroids. The exact path is the format's rule: a sum in double from the first feature to the last,
 * without fused multiply-add. The fast path's estimates stand as long as their order is certain.
 */
#include <float.h>
#include <math.h>

#include "state.h"

/* Centroids up to which comparing all pairs of distances is cheap beside computing them. */
enum { MAX_FAST_CLUSTERS = 256 };

/* Estimates must be this good, relative to a distance of at least 1, to be reported as distances. */
static const double tolerance = 1e-4;

mlsel_status mlsel_i_cpu_prepare_kmeans(cpu_state *state, mlsel_error *err) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const size_t n = state->view->n_features;
    state->scratch_bytes = MAX_FAST_CLUSTERS * sizeof(float);
    state->fast = state->fast && kmeans->n_clusters <= MAX_FAST_CLUSTERS;
    if (!state->fast)
        return MLSEL_OK;
    const size_t step = MLSEL_ALIGNMENT / sizeof(float);
    state->stride = (n + step - 1) / step * step;
    state->centroids = mlsel_i_cpu_state_alloc(state, kmeans->n_clusters, state->stride * sizeof *state->centroids);
    state->offsets = mlsel_i_cpu_state_alloc(state, kmeans->n_clusters, sizeof *state->offsets);
    if (state->centroids == NULL || state->offsets == NULL)
        return mlsel_i_no_memory(err);
    for (uint32_t c = 0; c < kmeans->n_clusters; c++) {
        const double *centroid = kmeans->centroids + c * n;
        const double squared = state->kernels->sum_squares(centroid, n);
        if (squared > 0 && !mlsel_i_cpu_is_tame(sqrt(squared)))
            state->fast = false;
        state->max_norm = fmax(state->max_norm, sqrt(squared));
        state->offsets[c] = (float)fmin(squared, FLT_MAX);
        state->kernels->narrow(centroid, 1, state->centroids + c * state->stride, n);
    }
    return MLSEL_OK;
}

static double strict_distance(const double *x, const double *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = q[i] - x[i];
        sum += difference * difference;
    }
    return sum;
}

static void measure_all(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const size_t n = state->view->n_features;
    const double *q = mlsel_i_cpu_wide(state, query);
    for (uint32_t c = 0; c < kmeans->n_clusters; c++)
        out[c] = strict_distance(kmeans->centroids + c * n, q, n);
}

/* Whether any two distances are so close that their order is open. */
static bool has_close_pair(const double *distances, uint32_t n, double gap) {
    bool close = false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            close = close || fabs(distances[i] - distances[j]) <= gap;
    return close;
}

/* False if the estimates are not certain enough. */
static bool estimate_all(const cpu_state *state, const cpu_query *query, double *out) {
    const uint32_t n_clusters = state->view->kmeans->n_clusters;
    const size_t n = state->view->n_features;
    const double unit = 0x1p-24;
    const double squared = mlsel_i_cpu_sum_squares(state, query), norm = sqrt(squared);
    if (!mlsel_i_cpu_is_tame(norm))
        return false;
    /* the centroids are rounded to float too, hence one more rounding in the dot product */
    const double error = 2 * (state->dots_error + unit) * state->max_norm * norm +
                         2 * unit * state->max_norm * state->max_norm + 1e-12 * (squared + 1);
    float *dots = query->extra;
    double least = INFINITY;
    state->kernels->dots(state->centroids, state->stride, n_clusters, mlsel_i_cpu_narrow(state, query), n, dots);
    for (uint32_t c = 0; c < n_clusters; c++) {
        out[c] = squared + (double)state->offsets[c] - 2 * (double)dots[c];
        least = out[c] < least ? out[c] : least;
    }
    return error <= tolerance * fmax(1, least) && least > error && !has_close_pair(out, n_clusters, 2 * error);
}

void mlsel_i_cpu_kmeans(const cpu_state *state, const cpu_query *query, double *out) {
    if (!state->fast || !estimate_all(state, query, out))
        measure_all(state, query, out);
}
