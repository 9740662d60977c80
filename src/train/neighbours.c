/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All pairs of queries, by dot products of panels (src/cpu/panel.h): a panel of queries against blocks of rows, of
 * which each query keeps its nearest. Panels are independent of each other and go round the threads.
 */
#include "neighbours.h"

#include <math.h>
#include <string.h>

#include "cpu/kernels.h"
#include "top_k.h"

enum {
    ROWS_AT_ONCE = 128,   /* rows that a panel meets at a time: their dots stay in the second-level cache */
    PANELS_PER_REPORT = 8 /* of each thread */
};

typedef struct search {
    const train_table *table;
    const uint32_t *groups;
    const cpu_panel_kernels *kernels;
    float *unit;    /* [n_queries][stride] rows of length 1, or 0 */
    float *squares; /* [n_queries] their squared length: 1 or 0; negative: takes no part as a neighbour */
    float *panels;  /* one for each thread, and so on */
    float *dots;    /* [ROWS_AT_ONCE][PANEL_WIDTH] */
    mlsel_backend_neighbour *heaps; /* [PANEL_WIDTH][k] */
    size_t n_threads, first_panel, n_panels;
    neighbour_lists *out;
} search;

static void normalise(const train_table *table, search *s) {
    const size_t n = table->n_features, m = table->n_models;
    for (size_t q = 0; q < table->n_queries; q++) {
        const float *x = table->x + q * table->stride;
        float *unit = s->unit + q * table->stride;
        double squares = 0;
        bool is_known = false;
        for (size_t i = 0; i < n; i++)
            squares += (double)x[i] * (double)x[i];
        const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        for (size_t i = 0; i < n; i++)
            unit[i] = (float)((double)x[i] * scale);
        for (size_t i = n; i < table->stride; i++)
            unit[i] = 0;
        for (size_t i = 0; i < m; i++)
            is_known = is_known || !isnan(table->utility[q * m + i]);
        s->squares[q] = !is_known ? -1.0f : squares > 0 ? 1.0f : 0.0f;
    }
}

static bool may_be_neighbours(const search *s, size_t query, size_t row) {
    if (s->squares[row] < 0 || query == row)
        return false;
    return s->groups == NULL || s->groups[query] != s->groups[row];
}

/* Queries [first, first + width) against all rows. */
static void search_panel(search *s, size_t first, size_t width, size_t thread) {
    const train_table *table = s->table;
    const size_t stride = table->stride, n = table->n_queries, k = s->out->k;
    float *panel = s->panels + thread * stride * PANEL_WIDTH, *dots = s->dots + thread * ROWS_AT_ONCE * PANEL_WIDTH;
    const float *queries[PANEL_WIDTH];
    top_k tops[PANEL_WIDTH];
    float limits[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        queries[j] = s->unit + (first + (j < width ? j : 0)) * stride;
        tops[j] = (top_k){.heap = s->heaps + (thread * PANEL_WIDTH + j) * k, .k = k};
        limits[j] = INFINITY;
    }
    (void)s->kernels->pack(queries, table->n_features, panel);
    for (size_t row = 0; row < n; row += ROWS_AT_ONCE) {
        const size_t count = n - row < ROWS_AT_ONCE ? n - row : ROWS_AT_ONCE;
        s->kernels->dots(s->unit + row * stride, stride, count, panel, table->n_features, width, dots);
        for (size_t r = 0; r < count; r++)
            for (size_t j = 0; j < width; j++) {
                const float own = fabsf(s->squares[first + j]); /* -1: it may have neighbours of its own */
                const float distance = (own + s->squares[row + r]) - 2 * dots[r * PANEL_WIDTH + j];
                if (distance > limits[j] || !may_be_neighbours(s, first + j, row + r))
                    continue;
                mlsel_i_top_k_push(&tops[j], (double)(distance > 0 ? distance : 0), row + r);
                limits[j] = (float)top_k_limit(&tops[j], (double)INFINITY);
            }
    }
    for (size_t j = 0; j < width; j++) {
        mlsel_i_top_k_sort(&tops[j]);
        s->out->counts[first + j] = (uint32_t)tops[j].count;
        for (size_t i = 0; i < tops[j].count; i++) {
            s->out->rows[(first + j) * k + i] = (uint32_t)tops[j].heap[i].row;
            s->out->distances[(first + j) * k + i] = (float)tops[j].heap[i].distance;
        }
    }
}

/* A thread's panels of one round. */
static void search_part(void *context, size_t thread) {
    search *s = context;
    const size_t n = s->table->n_queries;
    for (size_t i = 0; i < s->n_panels; i++) {
        const size_t first = (s->first_panel + i * s->n_threads + thread) * PANEL_WIDTH;
        if (first < n)
            search_panel(s, first, n - first < PANEL_WIDTH ? n - first : PANEL_WIDTH, thread);
    }
}

static mlsel_status search_all(search *s, train_run *run) {
    const size_t n = s->table->n_queries, n_panels = (n + PANEL_WIDTH - 1) / PANEL_WIDTH;
    s->n_panels = PANELS_PER_REPORT;
    for (s->first_panel = 0; s->first_panel < n_panels; s->first_panel += s->n_panels * s->n_threads) {
        const mlsel_status status =
            mlsel_i_run_report(run, "neighbours", s->first_panel, n_panels, (double)NAN, (double)NAN);
        if (status != MLSEL_OK)
            return status;
        mlsel_i_team_run(run->team, search_part, s, s->n_threads);
    }
    return MLSEL_OK;
}

/* False when out of memory, or over the limit. */
static bool make_room(const train_table *table, size_t k, train_run *run, neighbour_lists *out) {
    *out = (neighbour_lists){.k = k};
    const size_t cells = table->n_queries > SIZE_MAX / k ? SIZE_MAX : table->n_queries * k;
    out->counts = mlsel_i_run_alloc(run, table->n_queries, sizeof *out->counts);
    out->rows = out->counts == NULL ? NULL : mlsel_i_run_alloc(run, cells, sizeof *out->rows);
    out->distances = out->rows == NULL ? NULL : mlsel_i_run_alloc(run, cells, sizeof *out->distances);
    return out->distances != NULL;
}

static bool make_scratch(const train_table *table, train_run *run, search *s) {
    const size_t stride = table->stride, n = s->n_threads;
    s->unit = mlsel_i_run_alloc(run, table->n_queries, stride * sizeof *s->unit);
    s->squares = s->unit == NULL ? NULL : mlsel_i_run_alloc(run, table->n_queries, sizeof *s->squares);
    s->panels = s->squares == NULL ? NULL : mlsel_i_run_alloc(run, n * stride, PANEL_WIDTH * sizeof *s->panels);
    s->dots = s->panels == NULL ? NULL : mlsel_i_run_alloc(run, n * ROWS_AT_ONCE, PANEL_WIDTH * sizeof *s->dots);
    s->heaps = s->dots == NULL ? NULL : mlsel_i_run_alloc(run, n * s->out->k, PANEL_WIDTH * sizeof *s->heaps);
    return s->heaps != NULL;
}

mlsel_status mlsel_i_neighbours_find(const train_table *table, size_t k, const uint32_t *groups, train_run *run,
                                     neighbour_lists *out) {
    neighbour_lists lists;
    const cpu_kernels *kernels = mlsel_i_cpu_kernels_pick();
    search s = {.table = table,
                .groups = groups,
                .kernels = kernels->panel != NULL ? kernels->panel : &mlsel_i_cpu_panel_portable,
                .n_threads = mlsel_i_team_size(run->team),
                .out = &lists};
    const size_t most = table->n_queries > 1 ? table->n_queries - 1 : 1;
    mlsel_status status;
    if (make_room(table, k == 0 ? 1 : k < most ? k : most, run, &lists) && make_scratch(table, run, &s)) {
        normalise(table, &s);
        status = search_all(&s, run);
    } else {
        status = mlsel_i_run_status(run);
    }
    mlsel_i_run_free(run, s.unit);
    mlsel_i_run_free(run, s.squares);
    mlsel_i_run_free(run, s.panels);
    mlsel_i_run_free(run, s.dots);
    mlsel_i_run_free(run, s.heaps);
    if (status == MLSEL_OK)
        *out = lists;
    else
        mlsel_i_neighbours_free(run, &lists);
    return status;
}

void mlsel_i_neighbours_free(train_run *run, neighbour_lists *lists) {
    mlsel_i_run_free(run, lists->counts);
    mlsel_i_run_free(run, lists->rows);
    mlsel_i_run_free(run, lists->distances);
    *lists = (neighbour_lists){0};
}

void mlsel_i_neighbours_expect(const train_table *table, const neighbour_lists *lists, const neighbour_weights *how,
                               size_t query, const double *prior, double *weights, double *out) {
    const size_t m = table->n_models, found = lists->counts[query], count = found < how->k ? found : how->k;
    const uint32_t *rows = lists->rows + query * lists->k;
    const float *distances = lists->distances + query * lists->k;
    const double reach = found == 0 ? 0 : (double)distances[count < found ? count : count - 1];
    for (size_t i = 0; i < count; i++) {
        const double d = (double)distances[i];
        weights[i] = how->is_linear ? (reach > 0 ? 1 - d / reach : 1) : how->beta > 0 ? exp(-how->beta * d) : 1;
    }
    for (size_t j = 0; j < m; j++) {
        double sum = 0, total = 0;
        for (size_t i = 0; i < count; i++) {
            const double utility = table->utility[rows[i] * m + j];
            if (isnan(utility))
                continue;
            sum += weights[i] * utility;
            total += weights[i];
        }
        const double shrinkage = isnan(prior[j]) ? 0 : how->shrinkage;
        total += shrinkage;
        out[j] = total > 0 ? (shrinkage > 0 ? sum + shrinkage * prior[j] : sum) / total : prior[j];
    }
}
