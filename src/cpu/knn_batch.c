/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several queries against the vectors in float: each block of vectors is read once for all of them. Where distances are
 * estimated from small integers, queries are faster one by one.
 */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "knn.h"

/* Vectors that wait to be measured, for each query. */
enum { ROOM = 512 };

/* A group of queries on its way. */
typedef struct knn_batch {
    query_group group;
    size_t n_scans; /* queries whose estimates can be used */
    scan scans[PANEL_WIDTH];
    top_k tops[PANEL_WIDTH];
    float base[PANEL_WIDTH], error[PANEL_WIDTH]; /* as in mlsel_i_knn_estimate */
    float limit[PANEL_WIDTH];                    /* not below the scan's */
} knn_batch;

/* Where the parts of the scratch are, in bytes. */
typedef struct batch_layout {
    size_t groups, wide, narrow, panels, candidates, nearest, end;
} batch_layout;

enum { MAX_GROUPS = MAX_BATCH / PANEL_WIDTH };

static batch_layout lay_out(const cpu_state *state) {
    const size_t n = state->view->n_features, row = mlsel_i_padded(n);
    batch_layout l = {0};
    l.wide = (MAX_GROUPS * sizeof(knn_batch) + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    l.narrow = l.wide + MAX_BATCH * row * sizeof(double);
    l.panels = l.narrow + MAX_BATCH * row * sizeof(float);
    l.candidates = l.panels + MAX_GROUPS * mlsel_i_panel_size(n) * sizeof(float);
    l.nearest = l.candidates + MAX_BATCH * ROOM * sizeof(candidate);
    l.end = l.nearest + MAX_BATCH * ROOM / 4 * sizeof(float);
    return l;
}

size_t mlsel_i_cpu_knn_batch_bytes(const cpu_state *state) {
    const bool can = state->fast && state->int8 == NULL && state->view->knn->n_vectors >= ROOM;
    return can ? lay_out(state).end : 0;
}

/* --- estimates ---------------------------------------------------------------------------------------------------- */

/* A limit in float that rules nothing out which the exact one keeps. */
static float limit_of(const scan *s) {
    const float limit = (float)s->limit;
    return limit + fabsf(limit) * 0x1p-23f + FLT_MIN;
}

static void offer(knn_batch *b, size_t j, float lower, uint64_t vector) {
    scan *s = &b->scans[j];
    if (!((double)lower <= s->limit))
        return;
    mlsel_i_scan_add(s, lower, lower + 2 * b->error[j], (uint32_t)vector);
    b->limit[j] = limit_of(s);
}

/* Most vectors are too far for every query of a panel. */
static void offer_panel(knn_batch *b, const cpu_state *state, uint64_t first, size_t count, float *values) {
    unsigned char hits[GROUP_ROWS];
    state->kernels->panel->lower(values, count, state->offsets + first, state->double_scales + first, b->base, b->error,
                                 b->limit, hits);
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; hits[r] && j < b->n_scans; j++)
            offer(b, j, values[r * PANEL_WIDTH + j], first + r);
}

static void offer_few(knn_batch *b, const cpu_state *state, uint64_t first, size_t count, const float *dots) {
    const float *offsets = state->offsets + first, *scales = state->double_scales + first;
    for (size_t j = 0; j < b->n_scans; j++) {
        float lower[GROUP_ROWS];
        for (size_t r = 0; r < count; r++)
            lower[r] = ((b->base[j] + offsets[r]) - scales[r] * dots[j * GROUP_ROWS + r]) - b->error[j];
        for (size_t r = 0; r < count; r++)
            offer(b, j, lower[r], first + r);
    }
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

/* Where a scan's memory is. */
typedef struct scan_room {
    double *wide;
    float *narrow;
    candidate *candidates;
    float *nearest;
} scan_room;

static scan_room room_of(const cpu_state *state, void *scratch, size_t index) {
    const batch_layout l = lay_out(state);
    const size_t row = mlsel_i_padded(state->view->n_features);
    char *base = scratch;
    return (scan_room){.wide = (double *)(void *)(base + l.wide) + index * row,
                       .narrow = (float *)(void *)(base + l.narrow) + index * row,
                       .candidates = (candidate *)(void *)(base + l.candidates) + index * ROOM,
                       .nearest = (float *)(void *)(base + l.nearest) + index * ROOM / 4};
}

/* Adds a query to the group; false if it has to be answered alone. */
static bool add_query(knn_batch *b, const cpu_state *state, const mlsel_backend_run *run, size_t index,
                      const scan_room *room) {
    const size_t n = state->view->n_features, j = b->n_scans;
    const double norm = mlsel_i_knn_take_query(state, run, index, room->wide);
    if (!mlsel_i_cpu_is_tame(norm))
        return false;
    state->kernels->narrow(room->wide, 1, room->narrow, n);
    b->tops[j] = (top_k){.heap = run->neighbours + index * run->neighbour_stride, .k = run->k};
    b->scans[j] = (scan){.state = state,
                         .q = room->wide,
                         .narrow = room->narrow,
                         .norm = norm,
                         .limit = INFINITY,
                         .nearest = room->nearest,
                         .candidates = room->candidates,
                         .max_candidates = ROOM,
                         .label_mask = run->label_mask,
                         .top = &b->tops[j]};
    b->group.queries[b->n_scans++] = room->narrow;
    return true;
}

static void open_group(knn_batch *b, const cpu_state *state, float *panel) {
    b->group.count = b->n_scans;
    if (b->n_scans == 0)
        return;
    mlsel_i_group_open(state, &b->group, panel);
    const double error = mlsel_i_group_error(state, &b->group);
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        const scan *s = &b->scans[j < b->n_scans ? j : b->n_scans - 1];
        b->base[j] = (float)(s->norm * s->norm);
        b->error[j] = mlsel_i_knn_estimate_error(state, error, s->norm);
        b->limit[j] = j < b->n_scans ? INFINITY : -INFINITY;
    }
}

static void scan_all(knn_batch *groups, size_t n_groups, const cpu_state *state) {
    const mlsel_knn_view *knn = state->view->knn;
    float dots[GROUP_SIZE];
    for (uint64_t first = 0; first < knn->n_vectors; first += GROUP_ROWS) {
        const uint64_t left = knn->n_vectors - first;
        const size_t count = left < GROUP_ROWS ? (size_t)left : GROUP_ROWS;
        for (knn_batch *b = groups; b < groups + n_groups; b++) {
            if (b->n_scans == 0)
                continue;
            mlsel_i_group_dots(state, &b->group, knn->vectors + first * knn->stride, knn->stride, count, dots);
            if (b->group.panel != NULL)
                offer_panel(b, state, first, count, dots);
            else
                offer_few(b, state, first, count, dots);
        }
    }
}

void mlsel_i_cpu_knn_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch) {
    const batch_layout l = lay_out(state);
    knn_batch *groups = scratch;
    size_t n_groups = 0;
    const bool worth = run->k <= ROOM / 4;
    for (size_t first = 0; first < run->count; first += PANEL_WIDTH, n_groups++) {
        knn_batch *b = &groups[n_groups];
        const size_t end = run->count - first < PANEL_WIDTH ? run->count : first + PANEL_WIDTH;
        b->n_scans = 0;
        for (size_t i = first; i < end; i++) {
            const scan_room room = room_of(state, scratch, i);
            if (!worth || !add_query(b, state, run, i, &room))
                mlsel_i_cpu_run_one(state, run, i);
        }
        open_group(b, state,
                   (float *)(void *)((char *)scratch + l.panels) +
                       n_groups * mlsel_i_panel_size(state->view->n_features));
    }
    if (worth)
        scan_all(groups, n_groups, state);
    for (knn_batch *b = groups; b < groups + n_groups; b++)
        for (size_t j = 0; j < b->n_scans; j++) {
            mlsel_i_scan_measure(&b->scans[j]);
            mlsel_i_top_k_sort(&b->tops[j]);
        }
}
