/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KMeans: the device multiplies queries and centroids in float; the host makes distances of the products, and measures
 * strictly, as the format's rule says, those whose place in the order the bound leaves open.
 */
#include <math.h>

#include "certain.h"
#include "metal.h"

enum { MAX_BATCH = 1024 };

/* Clusters up to which comparing all pairs of distances is cheap beside computing them; with more, all are measured on
 * the host, as by the CPU backend. */
enum { MAX_FAST_CLUSTERS = 1024 };

/* Estimates must be this good, relative to a distance of at least 1, to be reported as distances. */
static const double tolerance = 1e-4;

/* Parts of a slot. */
enum { QUERIES, PRODUCTS };

typedef struct kmeans_model {
    metal_buffer centroids; /* [n_clusters][stride] in float */
    double *offsets;        /* [n_clusters] squared norms */
    double max_norm;
    bool can_estimate; /* all norms are far from the limits of float */
    metal_matrix matrix;
} kmeans_model;

static uint32_t query_stride(const metal_state *state) { return padded_width(state->view->n_features); }

static mlsel_status prepare(metal_state *state, mlsel_error *err) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const uint32_t n = state->view->n_features, n_clusters = kmeans->n_clusters;
    kmeans_model *m = mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    m->offsets = mlsel_i_alloc(n_clusters, sizeof *m->offsets);
    if (m->offsets == NULL)
        return mlsel_i_no_memory(err);
    const uint32_t stride = padded_width(n);
    const mlsel_status status =
        mlsel_i_metal_model_alloc(state, n_clusters, stride * sizeof(float), &m->centroids, err);
    if (status != MLSEL_OK)
        return status;
    m->can_estimate = n_clusters <= MAX_FAST_CLUSTERS;
    for (uint32_t c = 0; c < n_clusters; c++) {
        const accel_query centroid = {.f64 = kmeans->centroids + (uint64_t)c * n};
        const double squared = mlsel_i_accel_sum_squares(&centroid, n), norm = sqrt(squared);
        m->can_estimate = m->can_estimate && (norm <= 0 || is_tame_norm(norm));
        m->max_norm = fmax(m->max_norm, norm);
        m->offsets[c] = squared;
        mlsel_i_accel_narrow(&centroid, n, 1, (float *)m->centroids.contents + (uint64_t)c * stride);
    }
    m->matrix = (metal_matrix){.rows = span_of(&m->centroids, 0), .n_rows = n_clusters, .n = n, .stride = stride};
    state->memory_bytes += n_clusters * sizeof *m->offsets;
    state->scratch_bytes = n_clusters; /* marks of clusters that are too close to call */
    return MLSEL_OK;
}

static void release(metal_state *state) {
    kmeans_model *m = state->model;
    mlsel_i_metal_free(&m->centroids);
    mlsel_i_free(m->offsets);
}

static void lay_out(const metal_state *state, uint32_t capacity, uint32_t k, uint64_t bytes[SLOT_PARTS]) {
    (void)k;
    bytes[QUERIES] = (uint64_t)capacity * query_stride(state) * sizeof(float);
    bytes[PRODUCTS] = (uint64_t)capacity * state->view->kmeans->n_clusters * sizeof(float);
}

static void measure_strictly(const metal_state *state, const accel_query *query, uint32_t cluster, double *out) {
    const uint32_t n = state->view->n_features;
    out[cluster] = mlsel_i_accel_strict_distance(state->view->kmeans->centroids + (uint64_t)cluster * n, query, n);
}

/* Marks distances within `gap` of another one, or of 0. */
static void mark_close(const double *distances, uint32_t n, double gap, uint8_t *close) {
    for (uint32_t i = 0; i < n; i++) {
        close[i] = distances[i] <= gap;
        for (uint32_t j = 0; j < i; j++)
            if (fabs(distances[i] - distances[j]) <= gap)
                close[i] = close[j] = 1;
    }
}

/*
 * From products to distances, by the bound of the CPU backend's estimates; sums of squares are in double here. An order
 * that twice the error makes certain stays when one of the two is measured again, which moves it by the error at most.
 * False if the estimates are not good enough to be reported.
 */
static bool estimate(const metal_state *state, const accel_query *query, const float *products, uint8_t *close,
                     double *out) {
    const kmeans_model *m = state->model;
    const uint32_t n = state->view->n_features, n_clusters = state->view->kmeans->n_clusters;
    const double squared = mlsel_i_accel_sum_squares(query, n), norm = sqrt(squared), largest = m->max_norm;
    if (!m->can_estimate || !is_tame_norm(norm))
        return false;
    const double unit = 0x1p-24, sum_error = 4 * (double)(n + 8) * 0x1p-53;
    const double dots_error = mlsel_i_metal_products_error(n) + unit; /* centroids are rounded to float too */
    const double error = 2 * dots_error * largest * norm + sum_error * (squared + largest * largest) + 1e-12;
    double least = INFINITY;
    for (uint32_t c = 0; c < n_clusters; c++) {
        out[c] = squared + m->offsets[c] - 2 * (double)products[c];
        least = fmin(least, out[c]);
    }
    if (error > tolerance && error > tolerance * least)
        return false;
    mark_close(out, n_clusters, 2 * error, close);
    for (uint32_t c = 0; c < n_clusters; c++)
        if (close[c] != 0)
            measure_strictly(state, query, c, out);
    return true;
}

static mlsel_status run_kmeans(const metal_state *state, const mlsel_backend_run *run, metal_slot *slot,
                               mlsel_error *err) {
    const kmeans_model *m = state->model;
    const uint32_t n = state->view->n_features, n_clusters = state->view->kmeans->n_clusters;
    float *narrow = slot->parts[QUERIES].contents;
    const float *products = slot->parts[PRODUCTS].contents;
    if (m->can_estimate) {
        metal_dispatch dispatch;
        for (uint32_t q = 0; q < run->count; q++) {
            const accel_query query = mlsel_i_accel_query(run, q);
            mlsel_i_accel_narrow(&query, n, 1, narrow + (uint64_t)q * query_stride(state));
        }
        mlsel_i_metal_products(&m->matrix, span_of(&slot->parts[QUERIES], 0), query_stride(state), run->count,
                               span_of(&slot->parts[PRODUCTS], 0), n_clusters, &dispatch);
        const mlsel_status status = mlsel_i_metal_run(state->device, &dispatch, 1, err);
        if (status != MLSEL_OK)
            return status;
    }
    for (uint32_t q = 0; q < run->count; q++) {
        const accel_query query = mlsel_i_accel_query(run, q);
        double *out = run->values + q * run->value_stride;
        if (!estimate(state, &query, products + (uint64_t)q * n_clusters, run->scratch, out))
            for (uint32_t c = 0; c < n_clusters; c++)
                measure_strictly(state, &query, c, out);
    }
    return MLSEL_OK;
}

const metal_kind mlsel_i_metal_kmeans = {
    .max_batch = MAX_BATCH, .prepare = prepare, .release = release, .lay_out = lay_out, .run = run_kmeans};
