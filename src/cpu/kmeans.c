/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances to the centroids. The exact path is the format's rule: a sum in double from the first feature to the last,
 * without fused multiply-add. The fast path's estimates stand as long as their order is certain.
 */
#include <float.h>
#include <math.h>

#include "state.h"

/* Clusters up to which comparing all pairs of distances is cheap beside computing them. */
enum { MAX_FAST_CLUSTERS = 1024 };

/* Estimates must be this good, relative to a distance of at least 1, to be reported as distances. */
static const double tolerance = 1e-4;

/* What a query works in; all have room for every cluster. */
typedef struct kmeans_scratch {
    double *again; /* what came out, by position in `open` */
    float *dots;
    uint32_t *open;       /* clusters that are measured again */
    uint8_t *close;       /* whether a cluster's place in the order is open */
    uint8_t *still_close; /* the same of `open` */
} kmeans_scratch;

/* The number of clusters, as a multiple of what the kernels write at once. */
static size_t room(const cpu_state *state) {
    return ((size_t)state->view->kmeans->n_clusters + FIRST_ROWS - 1) / FIRST_ROWS * FIRST_ROWS;
}

static kmeans_scratch scratch_of(const cpu_state *state, void *memory) {
    const size_t n = room(state);
    kmeans_scratch s = {.again = memory};
    s.dots = (float *)(void *)(s.again + n);
    s.open = (uint32_t *)(void *)(s.dots + n);
    s.close = (uint8_t *)(s.open + n);
    s.still_close = s.close + n;
    return s;
}

/* --- preparing --------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_cpu_prepare_kmeans(cpu_state *state, mlsel_error *err) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const cpu_kernels *kernels = state->kernels;
    const size_t n = state->view->n_features;
    state->copies = 0;
    state->fast = state->fast && kmeans->n_clusters <= MAX_FAST_CLUSTERS;
    if (!state->fast)
        return MLSEL_OK;
    state->scratch_bytes = room(state) * (sizeof(double) + sizeof(float) + sizeof(uint32_t) + 2);
    state->copies = kernels->first_dots_f64 == NULL || kmeans->n_clusters > FIRST_ROWS ? CPU_COPY_NARROW : 0;
    state->sum_error = 4 * (double)(n + 8) * 0x1p-53;
    const size_t step = MLSEL_ALIGNMENT / sizeof(float);
    /* first_dots always takes FIRST_ROWS rows: those that are missing are 0 */
    const size_t n_rows = kmeans->n_clusters < FIRST_ROWS ? FIRST_ROWS : kmeans->n_clusters;
    state->stride = (n + step - 1) / step * step;
    state->centroids = mlsel_i_cpu_state_alloc(state, n_rows, state->stride * sizeof *state->centroids);
    state->offsets = mlsel_i_cpu_state_alloc(state, n_rows, sizeof *state->offsets);
    if (state->centroids == NULL || state->offsets == NULL)
        return mlsel_i_no_memory(err);
    if (kernels->first_dots_f64 != NULL)
        state->dots_error =
            fmax(state->dots_error, mlsel_i_cpu_dots_error(kernels->first_dots_parts, kernels->first_dots_tail, n));
    for (uint32_t c = 0; c < kmeans->n_clusters; c++) {
        const double *centroid = kmeans->centroids + c * n;
        const double squared = kernels->sum_squares(centroid, n);
        if (squared > 0 && !mlsel_i_cpu_is_tame(sqrt(squared)))
            state->fast = false;
        state->max_norm = fmax(state->max_norm, sqrt(squared));
        state->offsets[c] = (float)fmin(squared, FLT_MAX);
        kernels->narrow(centroid, 1, state->centroids + c * state->stride, n);
    }
    return MLSEL_OK;
}

/* --- exact ------------------------------------------------------------------------------------------------------- */

/* Values that are converted to double at a time: a query in float needs no copy of all. */
enum { PIECE = 256 };

/* The query's values from `first` on, at most PIECE, in double: its own, or a copy in `piece`. */
static const double *take_piece(const cpu_query *query, size_t first, size_t count, double piece[PIECE]) {
    if (query->f64 != NULL)
        return query->f64 + first;
    for (size_t i = 0; i < count; i++)
        piece[i] = (double)query->f32[first + i];
    return piece;
}

static double strict_distance(const double *x, const cpu_query *query, size_t n) {
    double sum = 0, piece[PIECE];
    for (size_t first = 0; first < n; first += PIECE) {
        const size_t count = n - first < PIECE ? n - first : PIECE;
        const double *q = take_piece(query, first, count, piece);
        for (size_t i = 0; i < count; i++) {
            const double difference = q[i] - x[first + i];
            sum += difference * difference;
        }
    }
    return sum;
}

static void measure_all(const cpu_state *state, const cpu_query *query, double *out) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const size_t n = state->view->n_features;
    for (uint32_t c = 0; c < kmeans->n_clusters; c++)
        out[c] = strict_distance(kmeans->centroids + c * n, query, n);
}

/* --- fast -------------------------------------------------------------------------------------------------------- */

/* Puts the dot products with all centroids into `out`, and returns the query's sum of squares. */
static double take_dots(const cpu_state *state, const cpu_query *query, float *out) {
    const cpu_kernels *kernels = state->kernels;
    const size_t n = state->view->n_features, n_clusters = state->view->kmeans->n_clusters;
    const float *rows = state->centroids, *q;
    size_t done = FIRST_ROWS;
    double squared;
    if (kernels->first_dots_f64 == NULL) {
        q = mlsel_i_cpu_narrow(state, query);
        squared = mlsel_i_cpu_sum_squares(state, query);
        done = 0;
    } else if (query->f32 != NULL) {
        q = query->f32;
        squared = kernels->first_dots_f32(q, n, rows, state->stride, out);
    } else {
        float *const narrowed = n_clusters > FIRST_ROWS ? query->narrow : NULL;
        q = narrowed;
        squared = kernels->first_dots_f64(query->f64, n, rows, state->stride, narrowed, out);
    }
    if (done < n_clusters)
        kernels->dots(rows + done * state->stride, state->stride, n_clusters - done, q, n, out + done);
    return squared;
}

/* In double, in any order of summation. */
static double loose_distance(const cpu_kernels *kernels, const double *x, const cpu_query *query, size_t n) {
    double sum = 0, piece[PIECE];
    for (size_t first = 0; first < n; first += PIECE) {
        const size_t count = n - first < PIECE ? n - first : PIECE;
        sum += kernels->distance_f64(x + first, take_piece(query, first, count, piece), count);
    }
    return sum;
}

/*
 * Measures the clusters in scratch->close again: loosely, which leaves only those open that are as good as equally
 * far; these are summed strictly. Two sums of n squares in double differ by less than 2 (n + 2) u of either (Higham,
 * section 3.1). An order that `gap` made certain stays: what is measured again moves by less than half of it.
 */
static void settle(const cpu_state *state, const cpu_query *query, const kmeans_scratch *scratch, double *out) {
    const mlsel_kmeans_view *kmeans = state->view->kmeans;
    const size_t n = state->view->n_features;
    double farthest = 0;
    size_t n_open = 0;
    for (uint32_t c = 0; c < kmeans->n_clusters; c++) {
        if (!scratch->close[c])
            continue;
        out[c] = loose_distance(state->kernels, kmeans->centroids + c * n, query, n);
        farthest = fmax(farthest, out[c]);
        scratch->again[n_open] = out[c];
        scratch->open[n_open++] = c;
    }
    const double gap = 0x1p-50 * (double)(n + 8) * farthest;
    if (!state->kernels->mark_close(scratch->again, n_open, gap, scratch->still_close))
        return;
    for (size_t i = 0; i < n_open; i++) {
        const double *centroid = kmeans->centroids + scratch->open[i] * n;
        if (scratch->still_close[i])
            out[scratch->open[i]] = strict_distance(centroid, query, n);
    }
}

/* Estimates, and in the place of those whose order they leave open, what is measured again. False if the estimates are
 * not good enough to be reported. */
static bool estimate_all(const cpu_state *state, const cpu_query *query, double squared, const kmeans_scratch *scratch,
                         double *out) {
    const size_t n_clusters = state->view->kmeans->n_clusters;
    const double unit = 0x1p-24, norm = sqrt(squared), largest = state->max_norm;
    const double squares_error = state->sum_error + (query->f32 != NULL ? FIRST_SQUARES_ERROR : 0);
    /* the centroids are rounded to float too, hence one more rounding in the dot product; last, the sums of squares */
    const double error = 2 * (state->dots_error + unit) * largest * norm + 2 * unit * largest * largest +
                         squares_error * squared + state->sum_error * largest * largest + 1e-12;
    const double least = state->kernels->distances(squared, state->offsets, scratch->dots, n_clusters, out);
    if (error > tolerance && error > tolerance * least)
        return false;
    bool is_open = state->kernels->mark_close(out, n_clusters, 2 * error, scratch->close);
    if (least <= error) { /* distances are not below 0 */
        for (size_t c = 0; c < n_clusters; c++)
            scratch->close[c] = (uint8_t)((is_open && scratch->close[c]) || out[c] <= error);
        is_open = true;
    }
    if (is_open)
        settle(state, query, scratch, out);
    return true;
}

bool mlsel_i_cpu_kmeans(const cpu_state *state, const cpu_query *query, double *out) {
    if (state->fast) {
        const kmeans_scratch scratch = scratch_of(state, query->extra);
        const double squared = take_dots(state, query, scratch.dots);
        /* a sum of squares that is a number, and no large one, has no term that is none */
        const bool is_tame = squared >= 0x1p-80 && squared <= 0x1p80;
        if (is_tame && estimate_all(state, query, squared, &scratch, out))
            return true;
    }
    if (!mlsel_i_cpu_is_finite(state, query))
        return false;
    measure_all(state, query, out);
    return true;
}
