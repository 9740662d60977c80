/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several queries against the vectors in float: each block of vectors is read once for all of them. Where distances are
 * estimated from small integers, queries are faster one by one.
 */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "knn.h"

/* Vectors that wait to be measured, for each query. Fuzzers have fewer, so that small inputs fill it. */
#ifndef MLSEL_KNN_BATCH_ROOM
#define MLSEL_KNN_BATCH_ROOM 512
#endif
enum { ROOM = MLSEL_KNN_BATCH_ROOM };

/* A group of queries on its way. */
typedef struct knn_batch {
    query_group group;
    size_t n_scans; /* queries whose estimates can be used */
    scan scans[PANEL_WIDTH];
    top_k tops[PANEL_WIDTH];
    float base[PANEL_WIDTH], error[PANEL_WIDTH]; /* as in mlsel_i_knn_estimate */
    float limit[PANEL_WIDTH];                    /* not below the scan's */
} knn_batch;

enum { MAX_GROUPS = MAX_KNN_BATCH / PANEL_WIDTH };

/* Where the parts of the scratch are, in bytes. */
typedef struct batch_layout {
    size_t wide, narrow, panels, candidates, nearest, end;
} batch_layout;

static batch_layout lay_out(const cpu_state *state) {
    const size_t n = state->view->n_features, row = mlsel_i_padded(n);
    batch_layout l = {0};
    l.wide = (MAX_GROUPS * sizeof(knn_batch) + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    l.narrow = l.wide + row * sizeof(double);
    l.panels = l.narrow + PANEL_WIDTH * row * sizeof(float);
    l.candidates = l.panels + MAX_GROUPS * mlsel_i_panel_size(n) * sizeof(float);
    l.nearest = l.candidates + sizeof(candidate) * MAX_KNN_BATCH * ROOM;
    l.end = l.nearest + sizeof(float) * MAX_KNN_BATCH * ROOM / 4;
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

/* The scratch with its parts. */
typedef struct batch_room {
    double *wide;  /* one query, for whichever scan measures */
    float *narrow; /* the queries of the group that is being filled */
    float *panels;
    candidate *candidates;
    float *nearest;
} batch_room;

static batch_room room_of(const cpu_state *state, void *scratch) {
    const batch_layout l = lay_out(state);
    char *base = scratch;
    return (batch_room){.wide = (double *)(void *)(base + l.wide),
                        .narrow = (float *)(void *)(base + l.narrow),
                        .panels = (float *)(void *)(base + l.panels),
                        .candidates = (candidate *)(void *)(base + l.candidates),
                        .nearest = (float *)(void *)(base + l.nearest)};
}

/* Adds a query to the group; false if it has to be answered alone. */
static bool add_query(knn_batch *b, const cpu_state *state, const mlsel_backend_run *run, size_t index,
                      const batch_room *room) {
    const size_t n = state->view->n_features, j = b->n_scans;
    const double norm = mlsel_i_knn_take_query(state, run, index, room->wide);
    if (!mlsel_i_cpu_is_tame(norm))
        return false;
    float *narrow = room->narrow + j * mlsel_i_padded(n);
    state->kernels->narrow(room->wide, 1, narrow, n);
    b->tops[j] = (top_k){.heap = run->neighbours + index * run->neighbour_stride, .k = run->k};
    b->scans[j] = (scan){.state = state,
                         .run = run,
                         .index = index,
                         .q = room->wide,
                         .norm = norm,
                         .limit = INFINITY,
                         .nearest = room->nearest + index * ROOM / 4,
                         .candidates = room->candidates + index * ROOM,
                         .max_candidates = ROOM,
                         .top = &b->tops[j]};
    b->group.queries[b->n_scans++] = narrow;
    return true;
}

static void open_group(knn_batch *b, const cpu_state *state, float *panel) {
    b->group.count = b->n_scans;
    mlsel_i_group_open(state, &b->group, panel);
    const double error = mlsel_i_group_error(state, &b->group);
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        const scan *s = &b->scans[j < b->n_scans ? j : b->n_scans - 1];
        b->base[j] = (float)(s->norm * s->norm);
        b->error[j] = mlsel_i_knn_estimate_error(state, error, s->norm);
        b->limit[j] = j < b->n_scans ? INFINITY : -INFINITY;
    }
}

/* Groups of the queries that can be estimated, all but the last one full; the others are answered. */
static size_t make_groups(knn_batch *groups, const cpu_state *state, const mlsel_backend_run *run,
                          const batch_room *room) {
    const size_t panel_size = mlsel_i_panel_size(state->view->n_features);
    size_t n_full = 0;
    groups[0].n_scans = 0;
    for (size_t i = 0; i < run->count; i++) {
        knn_batch *b = &groups[n_full];
        if (!add_query(b, state, run, i, room)) {
            mlsel_i_cpu_run_one(state, run, i);
        } else if (b->n_scans == PANEL_WIDTH) {
            open_group(b, state, room->panels + n_full * panel_size);
            if (++n_full < MAX_GROUPS)
                groups[n_full].n_scans = 0;
        }
    }
    if (n_full == MAX_GROUPS || groups[n_full].n_scans == 0)
        return n_full;
    open_group(&groups[n_full], state, room->panels + n_full * panel_size);
    return n_full + 1;
}

static void scan_all(knn_batch *groups, size_t n_groups, const cpu_state *state) {
    const mlsel_knn_view *knn = state->view->knn;
    float dots[GROUP_SIZE] = {0}; /* columns without a query may stay as they are */
    for (uint64_t first = 0; first < knn->n_vectors; first += GROUP_ROWS) {
        const uint64_t left = knn->n_vectors - first;
        const size_t count = left < GROUP_ROWS ? (size_t)left : GROUP_ROWS;
        for (knn_batch *b = groups; b < groups + n_groups; b++) {
            mlsel_i_group_dots(state, &b->group, knn->vectors + first * knn->stride, knn->stride, count, dots);
            if (b->group.panel != NULL)
                offer_panel(b, state, first, count, dots);
            else
                offer_few(b, state, first, count, dots);
        }
    }
}

void mlsel_i_cpu_knn_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch) {
    knn_batch *groups = scratch;
    const batch_room room = room_of(state, scratch);
    if (run->k > ROOM / 4) {
        for (size_t i = 0; i < run->count; i++)
            mlsel_i_cpu_run_one(state, run, i);
        return;
    }
    const size_t n_groups = make_groups(groups, state, run, &room);
    if (n_groups > 0)
        scan_all(groups, n_groups, state);
    for (knn_batch *b = groups; b < groups + n_groups; b++)
        for (size_t j = 0; j < b->n_scans; j++) {
            mlsel_i_scan_measure(&b->scans[j]);
            mlsel_i_top_k_sort(&b->tops[j]);
            if (b->tops[j].count < run->k) /* as in mlsel_i_cpu_knn */
                mlsel_i_cpu_run_one(state, run, b->scans[j].index);
        }
}
