/* SPDX-License-Identifier: Apache-2.0 */
/* k-means from several starts: memory, centroids, when to stop, and what came out. */
#include "kmeans_cluster.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kmeans_engine.h"

enum {
    SEED_STREAM = 0x6b6d6561,
    SUM_ROWS = 16 /* rows that are added up at a time */
};

static const double unit = 0x1p-24;
/* What the bounds of starts in step may take together. */
static const size_t most_bytes = (size_t)96 << 20;
/* Multiply-adds between two reports, so that there are many in a second at most. */
static const double report_work = 1e9;
static const double seeding_share = 0.3; /* of a start's time, about */

void mlsel_i_clustering_free(train_run *run, clustering *clusterings, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mlsel_i_run_free(run, clusterings[i].centroids);
        mlsel_i_run_free(run, clusterings[i].labels);
        clusterings[i] = (clustering){0};
    }
}

/* --- centroids ---------------------------------------------------------------------------------------------------- */

/* Whether the row's part in the sums is to change. */
static bool has_changed(const engine *e, const start_state *s, size_t row) {
    return s->result->labels[row] != s->summed[row] && e->rows->weights[row] > 0;
}

/*
 * Lists what is to be added to the sums: rows that changed their cluster leave the one and enter the other; if those
 * are so many that it is no less work, sums are built anew.
 */
static void list_terms(void *context, size_t part) {
    engine *e = context;
    start_state *s = &e->starts[part];
    const uint32_t *labels = s->result->labels;
    size_t n_changed = 0, first = 0;
    if (!s->active)
        return;
    for (size_t i = 0; i < e->rows->n; i++)
        n_changed += has_changed(e, s, i);
    s->converged = n_changed == 0;
    s->anew = s->anew || 2 * n_changed > e->rows->n;
    memset(s->ends, 0, (s->result->k + 1) * sizeof *s->ends);
    for (size_t i = 0; i < e->rows->n; i++)
        if (s->anew ? e->rows->weights[i] > 0 : has_changed(e, s, i)) {
            s->ends[labels[i]]++;
            s->ends[s->anew ? s->result->k : s->summed[i]]++;
        }
    for (size_t c = 0; c <= s->result->k; c++) {
        const size_t count = s->ends[c];
        s->ends[c] = first;
        first += c < s->result->k ? count : 0;
    }
    for (size_t i = 0; i < e->rows->n; i++) {
        if (!(s->anew ? e->rows->weights[i] > 0 : has_changed(e, s, i)))
            continue;
        const size_t to = s->ends[labels[i]]++;
        s->terms[to] = (uint32_t)i;
        s->term_weights[to] = e->rows->weights[i];
        if (s->anew)
            continue;
        const size_t from = s->ends[s->summed[i]]++;
        s->terms[from] = (uint32_t)i;
        s->term_weights[from] = -e->rows->weights[i];
    }
    /* each is now where the next cluster's terms start */
    memmove(s->ends + 1, s->ends, s->result->k * sizeof *s->ends);
    s->ends[0] = 0;
}

static void add_row(double *sums, const float *x, double weight, size_t n) {
    for (size_t i = 0; i < n; i++)
        sums[i] += weight * (double)x[i];
}

/* Adds terms [first, end) to the sums of a cluster over `width` features from `from` on. */
static void add_terms(const engine *e, const start_state *s, size_t first, size_t end, size_t from, size_t width,
                      double *sums) {
    float values[SLICE / PANEL_WIDTH][SUM_ROWS * PANEL_WIDTH];
    const size_t n_panels = (width + PANEL_WIDTH - 1) / PANEL_WIDTH;
    const size_t last = width - (n_panels - 1) * PANEL_WIDTH; /* features of the last panel */
    if (last < PANEL_WIDTH)
        memset(values[n_panels - 1], 0, sizeof values[0]);
    for (size_t t = first; t < end; t += SUM_ROWS) {
        const size_t count = end - t < SUM_ROWS ? end - t : SUM_ROWS;
        for (size_t r = 0; r < count; r++) {
            const float *x = row_of(e, s->terms[t + r]) + from;
            if (t + r + SUM_ROWS < end)
                prefetch(row_of(e, s->terms[t + r + SUM_ROWS]) + from, width);
            for (size_t p = 0; p + 1 < n_panels; p++)
                memcpy(values[p] + r * PANEL_WIDTH, x + p * PANEL_WIDTH, PANEL_WIDTH * sizeof *x);
            memcpy(values[n_panels - 1] + r * PANEL_WIDTH, x + (n_panels - 1) * PANEL_WIDTH, last * sizeof *x);
        }
        for (size_t p = 0; p < n_panels; p++)
            e->kernels->panel->weigh(s->term_weights + t, values[p], count, sums + p * PANEL_WIDTH);
    }
}

/* The sums of one start over a slice of the features, terms in order. */
static void sum_slice(void *context, size_t part) {
    const engine *e = context;
    const size_t n = e->rows->n_features, n_slices = (n + SLICE - 1) / SLICE, from = part % n_slices * SLICE;
    const size_t width = n - from < SLICE ? n - from : SLICE;
    const start_state *s = &e->starts[part / n_slices];
    if (!s->active)
        return;
    for (size_t c = 0; c < s->result->k; c++) {
        double *sums = s->sums + c * e->sum_stride + from;
        if (s->anew)
            memset(sums, 0, width * sizeof *sums);
        if (s->ends[c] < s->ends[c + 1])
            add_terms(e, s, s->ends[c], s->ends[c + 1], from, width, sums);
    }
}

static void sum_masses(const engine *e, start_state *s) {
    memset(s->mass, 0, s->result->k * sizeof *s->mass);
    for (size_t i = 0; i < e->rows->n; i++) {
        s->mass[s->result->labels[i]] += e->rows->weights[i];
        s->summed[i] = s->result->labels[i];
    }
}

/* The row farthest from its centroid of those that are not taken yet; n if all others are at theirs. */
static size_t farthest_row(const engine *e, const start_state *s, const uint32_t *taken, size_t n_taken) {
    size_t farthest = e->rows->n;
    double most = 0;
    for (size_t i = 0; i < e->rows->n; i++) {
        bool is_taken = e->rows->weights[i] == 0;
        for (size_t t = 0; t < n_taken && !is_taken; t++)
            is_taken = taken[t] == i;
        if (is_taken)
            continue;
        const double distance = mlsel_i_kmeans_distance(e, i, s->exact + s->result->labels[i] * e->rows->n_features);
        if (distance > most) {
            most = distance;
            farthest = i;
        }
    }
    return farthest;
}

/*
 * Each empty cluster gets one of the rows that are farthest from their centroids, which leaves its own cluster as far
 * as means are concerned (as scikit-learn does it). Sums and masses to be used instead are in s->work and mass[k..2k).
 */
static void fill_empty(const engine *e, start_state *s) {
    const size_t k = s->result->k, n = e->rows->n_features, stride = e->sum_stride;
    double *mass = s->mass + k;
    uint32_t *taken = s->terms; /* not in use any more */
    size_t n_taken = 0;
    memcpy(s->work, s->sums, k * stride * sizeof *s->work);
    memcpy(mass, s->mass, k * sizeof *mass);
    for (size_t c = 0; c < k; c++) {
        if (s->mass[c] > 0)
            continue;
        const size_t row = farthest_row(e, s, taken, n_taken);
        if (row == e->rows->n)
            return;
        const size_t from = s->result->labels[row];
        const double weight = e->rows->weights[row];
        taken[n_taken++] = (uint32_t)row;
        add_row(s->work + from * stride, row_of(e, row), -weight, n);
        memset(s->work + c * stride, 0, n * sizeof *s->work);
        add_row(s->work + c * stride, row_of(e, row), weight, n);
        mass[from] -= weight;
        mass[c] = weight;
    }
}

/* Norms of the centroids, in all forms in which they are used. */
static void measure_centroids(const engine *e, start_state *s) {
    const size_t k = s->result->k, n = e->rows->n_features;
    double largest = 0;
    for (size_t c = 0; c < k; c++) {
        for (size_t i = 0; i < n; i++)
            s->exact[c * n + i] = (double)s->result->centroids[c * e->rows->stride + i];
        const double squared = e->kernels->sum_squares(s->exact + c * n, n);
        s->squares[c] = (float)fmin(squared, (double)FLT_MAX);
        largest = fmax(largest, squared);
    }
    s->reach = (float)fmin(sqrt(largest) * (1 + 4 * unit), (double)FLT_MAX);
}

/* New centroids from the sums: how far they moved, squared. */
static double move_centroids(const engine *e, start_state *s, const double *sums, const double *mass) {
    const size_t n = e->rows->n_features;
    double total = 0;
    for (size_t c = 0; c < s->result->k; c++) {
        float *centroid = s->result->centroids + c * e->rows->stride;
        double moved = 0;
        for (size_t i = 0; i < n && mass[c] > 0; i++) {
            const float mean = (float)(sums[c * e->sum_stride + i] / mass[c]);
            const double step = (double)mean - (double)centroid[i];
            moved += step * step;
            centroid[i] = mean;
        }
        total += moved;
        s->moved[c] = e->tame && moved > 0
                          ? (float)(sqrt(moved) * (1 + 4 * unit) + 4 * unit * ((double)e->reach + (double)s->reach))
                          : 0;
    }
    return total;
}

static void update_start(void *context, size_t part) {
    engine *e = context;
    start_state *s = &e->starts[part];
    const size_t k = s->result->k;
    if (!s->active)
        return;
    sum_masses(e, s);
    s->anew = false;
    bool has_empty = false;
    for (size_t c = 0; c < k; c++)
        has_empty = has_empty || !(s->mass[c] > 0);
    if (has_empty)
        fill_empty(e, s);
    const double moved = move_centroids(e, s, has_empty ? s->work : s->sums, has_empty ? s->mass + k : s->mass);
    measure_centroids(e, s);
    s->result->iterations++;
    s->active = !s->converged && moved > e->threshold && s->result->iterations < e->settings->max_iterations;
}

static void update(engine *e) {
    const size_t n_slices = (e->rows->n_features + SLICE - 1) / SLICE;
    mlsel_i_team_run(e->run->team, list_terms, e, e->n_starts);
    mlsel_i_team_run(e->run->team, sum_slice, e, e->n_starts * n_slices);
    mlsel_i_team_run(e->run->team, update_start, e, e->n_starts);
}

/* --- the iterations ----------------------------------------------------------------------------------------------- */

static void open_bounds(engine *e) {
    for (size_t g = 0; g < e->n_starts; g++) {
        start_state *s = &e->starts[g];
        s->active = s->anew = true;
        s->result->iterations = 0;
        memset(s->moved, 0, s->result->k * sizeof *s->moved);
        memset(s->lower, 0, e->n_padded * s->result->k * sizeof *s->lower);
        for (size_t i = 0; i < e->n_padded; i++)
            s->upper[i] = i < e->rows->n && e->rows->weights[i] > 0 ? FLT_MAX : -FLT_MAX;
        for (size_t i = 0; i < e->n_padded; i++)
            s->summed[i] = UINT32_MAX;
        measure_centroids(e, s);
    }
}

/* The last assignment: of all rows, by the centroids as they are now. */
static void close_bounds(engine *e) {
    for (size_t g = 0; g < e->n_starts; g++) {
        start_state *s = &e->starts[g];
        s->active = true;
        for (size_t i = 0; i < e->rows->n; i++)
            if (s->upper[i] < 0) {
                s->upper[i] = FLT_MAX;
                for (size_t c = 0; c < s->result->k; c++)
                    s->lower[((i / PANEL_WIDTH) * s->result->k + c) * PANEL_WIDTH + i % PANEL_WIDTH] = 0;
            }
    }
    mlsel_i_kmeans_assign(e);
}

static void sum_blocks(void *context, size_t part) {
    const engine *e = context;
    size_t first, end;
    mlsel_i_kmeans_part(e, part, &first, &end);
    for (size_t block = first; block < end; block++)
        for (size_t g = 0; g < e->n_starts; g++) {
            const start_state *s = &e->starts[g];
            double sum = 0;
            for (size_t j = 0; j < block_rows(e, block); j++) {
                const size_t row = block * PANEL_WIDTH + j;
                if (e->rows->weights[row] > 0)
                    sum += e->rows->weights[row] *
                           mlsel_i_kmeans_distance(e, row, s->exact + s->result->labels[row] * e->rows->n_features);
            }
            e->block_sums[block * MOST_STARTS + g] = sum;
        }
}

static void measure_inertia(engine *e) {
    mlsel_i_team_run(e->run->team, sum_blocks, e, e->n_parts);
    for (size_t g = 0; g < e->n_starts; g++) {
        double sum = 0;
        for (size_t block = 0; block < e->n_blocks; block++)
            sum += e->block_sums[block * MOST_STARTS + g];
        e->starts[g].result->inertia = sum;
    }
}

static mlsel_status iterate(engine *e) {
    double work = report_work;
    size_t n_active = e->n_starts;
    open_bounds(e);
    while (n_active > 0) {
        if (work >= report_work) {
            const mlsel_status status =
                mlsel_i_run_report(e->run, "clustering", e->n_starts - n_active, e->n_starts, (double)NAN, (double)NAN);
            if (status != MLSEL_OK)
                return status;
            work = 0;
        }
        mlsel_i_kmeans_assign(e);
        update(e);
        work += (double)n_active * (double)e->rows->n * (double)(e->rows->n_features * e->settings->k);
        n_active = 0;
        for (size_t g = 0; g < e->n_starts; g++)
            n_active += e->starts[g].active;
    }
    close_bounds(e);
    measure_inertia(e);
    return MLSEL_OK;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void free_starts(engine *e) {
    for (size_t g = 0; g < MOST_STARTS; g++) {
        start_state *s = &e->starts[g];
        mlsel_i_run_free(e->run, s->exact);
        mlsel_i_run_free(e->run, s->squares);
        mlsel_i_run_free(e->run, s->moved);
        mlsel_i_run_free(e->run, s->sums);
        mlsel_i_run_free(e->run, s->mass);
        mlsel_i_run_free(e->run, s->work);
        mlsel_i_run_free(e->run, s->upper);
        mlsel_i_run_free(e->run, s->lower);
        mlsel_i_run_free(e->run, s->summed);
        mlsel_i_run_free(e->run, s->terms);
        mlsel_i_run_free(e->run, s->term_weights);
        mlsel_i_run_free(e->run, s->ends);
    }
    memset(e->starts, 0, MOST_STARTS * sizeof *e->starts);
}

static bool alloc_start(const engine *e, start_state *s) {
    const size_t k = e->settings->k, n = e->rows->n_features;
    train_run *run = e->run;
    s->exact = mlsel_i_run_alloc(run, k, n * sizeof *s->exact);
    s->squares = mlsel_i_run_alloc(run, k, sizeof *s->squares);
    s->moved = mlsel_i_run_alloc(run, k, sizeof *s->moved);
    s->sums = mlsel_i_run_calloc(run, k, e->sum_stride * sizeof *s->sums);
    s->work = mlsel_i_run_alloc(run, k, e->sum_stride * sizeof *s->work);
    s->mass = mlsel_i_run_alloc(run, k, 2 * sizeof *s->mass);
    s->upper = mlsel_i_run_alloc(run, e->n_padded, sizeof *s->upper);
    s->lower = mlsel_i_run_alloc(run, e->n_padded, k * sizeof *s->lower);
    s->summed = mlsel_i_run_alloc(run, e->n_padded, sizeof *s->summed);
    s->terms = mlsel_i_run_alloc(run, e->n_padded, sizeof *s->terms);
    s->term_weights = mlsel_i_run_alloc(run, e->n_padded, sizeof *s->term_weights);
    s->ends = mlsel_i_run_alloc(run, k + 1, sizeof *s->ends);
    return s->exact != NULL && s->squares != NULL && s->moved != NULL && s->sums != NULL && s->work != NULL &&
           s->mass != NULL && s->upper != NULL && s->lower != NULL && s->summed != NULL && s->terms != NULL &&
           s->term_weights != NULL && s->ends != NULL;
}

static bool alloc_result(const engine *e, clustering *result) {
    result->centroids = mlsel_i_run_calloc(e->run, e->settings->k, e->rows->stride * sizeof *result->centroids);
    result->labels = mlsel_i_run_calloc(e->run, e->n_padded, sizeof *result->labels);
    return result->centroids != NULL && result->labels != NULL;
}

/* Groups of starts, so that their bounds stay within most_bytes. */
static size_t starts_in_step(const engine *e) {
    const size_t bytes = e->n_padded * (e->settings->k + 6) * sizeof(float);
    const size_t fit = most_bytes / (bytes > 0 ? bytes : 1);
    const size_t most = e->settings->n_starts < MOST_STARTS ? e->settings->n_starts : MOST_STARTS;
    return fit < 1 ? 1 : fit < most ? fit : most;
}

static bool alloc_parts(engine *e, size_t in_step) {
    const size_t panel = e->rows->stride * PANEL_WIDTH, k = e->settings->k;
    const size_t values = (k > in_step ? k : in_step) * PANEL_WIDTH;
    const size_t threads = mlsel_i_team_size(e->run->team), wanted = threads > 1 ? 4 * threads : 1;
    e->n_parts = wanted < e->n_blocks ? wanted : e->n_blocks;
    e->parts = mlsel_i_run_calloc(e->run, e->n_parts, sizeof *e->parts);
    if (e->parts == NULL)
        return false;
    for (size_t i = 0; i < e->n_parts; i++) {
        e->parts[i].panel = mlsel_i_run_alloc(e->run, panel, 2 * sizeof *e->parts[i].panel);
        e->parts[i].values = mlsel_i_run_calloc(e->run, values, sizeof *e->parts[i].values);
        if (e->parts[i].panel == NULL || e->parts[i].values == NULL)
            return false;
        e->parts[i].gather = e->parts[i].panel + panel;
    }
    return true;
}

static void close_engine(engine *e) {
    if (e->starts != NULL)
        free_starts(e);
    for (size_t i = 0; e->parts != NULL && i < e->n_parts; i++) {
        mlsel_i_run_free(e->run, e->parts[i].panel);
        mlsel_i_run_free(e->run, e->parts[i].values);
    }
    mlsel_i_run_free(e->run, e->parts);
    mlsel_i_run_free(e->run, e->starts);
    mlsel_i_run_free(e->run, e->squares);
    mlsel_i_run_free(e->run, e->norms);
    mlsel_i_run_free(e->run, e->block_sums);
}

/* --- what is known of the rows before ----------------------------------------------------------------------------- */

/* Squared movement at which to stop: the tolerance times the mean over the features of their variance. */
static mlsel_status find_threshold(engine *e) {
    const cluster_rows *rows = e->rows;
    const size_t n = rows->n_features;
    double *means = mlsel_i_run_calloc(e->run, n, sizeof *means), total = 0, sum = 0;
    if (means == NULL)
        return mlsel_i_run_status(e->run);
    for (size_t i = 0; i < rows->n; i++) {
        total += rows->weights[i];
        if (rows->weights[i] > 0)
            add_row(means, row_of(e, i), rows->weights[i], n);
    }
    for (size_t f = 0; f < n; f++)
        means[f] /= total;
    for (size_t i = 0; i < rows->n; i++)
        if (rows->weights[i] > 0)
            sum += rows->weights[i] * mlsel_i_kmeans_distance(e, i, means);
    e->threshold = n > 0 ? e->settings->tolerance * sum / total / (double)n : 0;
    mlsel_i_run_free(e->run, means);
    return MLSEL_OK;
}

static void measure_rows(engine *e) {
    double least = INFINITY, largest = 0;
    for (size_t i = 0; i < e->rows->n; i++) {
        const double squared = e->kernels->sum_squares_f32(row_of(e, i), e->rows->n_features);
        e->squares[i] = (float)fmin(squared, (double)FLT_MAX);
        e->norms[i] = (float)fmin(sqrt(squared) * (1 + 4 * unit), (double)FLT_MAX);
        if (squared > 0)
            least = fmin(least, squared);
        largest = fmax(largest, squared);
    }
    e->reach = (float)fmin(sqrt(largest) * (1 + 4 * unit), (double)FLT_MAX);
    /* largest alone decides: what is small beside it is covered by the bounds on errors, as long as those are numbers
     * in the range of float */
    e->tame = largest == 0 || (largest > 0x1p-60 && largest < 0x1p60);
    e->scale = 1;
    if (!e->tame) {
        int exponent;
        (void)frexp(largest, &exponent);
        e->scale = ldexp(1, exponent > -1000 ? -exponent : 1000);
    }
}

static mlsel_status open_engine(engine *e, size_t in_step) {
    e->n_blocks = (e->rows->n + PANEL_WIDTH - 1) / PANEL_WIDTH;
    e->n_padded = e->n_blocks * PANEL_WIDTH;
    e->sum_stride = (e->rows->n_features + PANEL_WIDTH - 1) / PANEL_WIDTH * PANEL_WIDTH;
    e->squares = mlsel_i_run_calloc(e->run, e->n_padded, sizeof *e->squares);
    e->norms = mlsel_i_run_calloc(e->run, e->n_padded, sizeof *e->norms);
    e->starts = mlsel_i_run_calloc(e->run, MOST_STARTS, sizeof *e->starts);
    e->block_sums = mlsel_i_run_calloc(e->run, e->n_blocks, MOST_STARTS * sizeof *e->block_sums);
    if (e->squares == NULL || e->norms == NULL || e->starts == NULL || e->block_sums == NULL ||
        !alloc_parts(e, in_step))
        return mlsel_i_run_status(e->run);
    e->panel_error = (float)mlsel_i_cpu_panel_error(e->rows->n_features);
    const size_t quad_parts = e->kernels->panel->quad_parts;
    e->quad_error = (float)mlsel_i_cpu_dots_error(quad_parts, quad_parts, e->rows->n_features);
    e->dots_error = (float)mlsel_i_cpu_dots_error(e->kernels->dots_parts, e->kernels->dots_tail, e->rows->n_features);
    measure_rows(e);
    return find_threshold(e);
}

/* --- all starts --------------------------------------------------------------------------------------------------- */

static mlsel_status run_group(engine *e, const float *centroids, size_t first, clustering *out) {
    const size_t size = e->settings->k * e->rows->stride;
    train_run *run = e->run;
    mlsel_status status = MLSEL_OK;
    for (size_t g = 0; g < e->n_starts; g++) {
        start_state *s = &e->starts[g];
        s->result = &out[first + g];
        mlsel_i_random_seed(&s->random, e->settings->seed, SEED_STREAM + first + g);
        if (!alloc_result(e, s->result) || !alloc_start(e, s))
            return mlsel_i_run_status(run);
        if (centroids == NULL)
            continue;
        s->result->k = e->settings->k;
        memcpy(s->result->centroids, centroids + (first + g) * size, size * sizeof *centroids);
    }
    const run_place place = mlsel_i_run_place(run);
    const double part = place.share * (double)e->n_starts / (double)e->settings->n_starts;
    run->before = place.before + place.share * (double)first / (double)e->settings->n_starts;
    run->share = part * seeding_share;
    if (centroids == NULL)
        status = mlsel_i_kmeans_seed(e);
    run->before += run->share;
    run->share = part - run->share;
    if (status == MLSEL_OK)
        status = iterate(e);
    mlsel_i_run_return(run, &place);
    free_starts(e);
    return status;
}

mlsel_status mlsel_i_cluster_from(const cluster_rows *rows, const cluster_settings *settings, const float *centroids,
                                  train_run *run, clustering *out, size_t *best) {
    engine e = {.rows = rows, .settings = settings, .kernels = mlsel_i_cpu_kernels_pick(), .run = run};
    if (e.kernels->panel == NULL || e.kernels->dots == NULL)
        e.kernels = &mlsel_i_cpu_kernels_portable;
    e.n_padded = (rows->n + PANEL_WIDTH - 1) / PANEL_WIDTH * PANEL_WIDTH;
    const size_t in_step = starts_in_step(&e);
    memset(out, 0, settings->n_starts * sizeof *out);
    mlsel_status status = open_engine(&e, in_step);
    for (size_t first = 0; first < settings->n_starts && status == MLSEL_OK; first += in_step) {
        const size_t left = settings->n_starts - first;
        e.n_starts = left < in_step ? left : in_step;
        status = run_group(&e, centroids, first, out);
    }
    close_engine(&e);
    if (status != MLSEL_OK) {
        mlsel_i_clustering_free(run, out, settings->n_starts);
        return status;
    }
    *best = 0;
    for (size_t i = 1; i < settings->n_starts; i++)
        if (out[i].inertia < out[*best].inertia)
            *best = i;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cluster(const cluster_rows *rows, const cluster_settings *settings, train_run *run,
                             clustering *out, size_t *best) {
    return mlsel_i_cluster_from(rows, settings, NULL, run, out, best);
}
