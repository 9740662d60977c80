/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that go through a model together: as a panel, or a few of them as they are (see panel.h). */
#ifndef MLSEL_CPU_BATCH_H
#define MLSEL_CPU_BATCH_H

#include "state.h"

enum {
    MAX_BATCH = 64, /* queries of one run */
    /* For KNN more, as its vectors may have to come from main memory; its scratch still fits into a huge page. */
    MAX_KNN_BATCH = 128,
    FEW = 2 * QUAD, /* up to which queries are not worth a panel */
    /* Rows that a group meets at a time: whole tiles of 14 and of 6, and within the second-level cache. */
    GROUP_ROWS = 84,
    GROUP_SIZE = GROUP_ROWS * PANEL_WIDTH /* values of mlsel_i_group_dots */
};

/* 1 to PANEL_WIDTH queries. */
typedef struct query_group {
    const float *queries[PANEL_WIDTH]; /* those beyond count repeat the last one */
    size_t count;
    size_t n;     /* values of each */
    float *panel; /* NULL: they stay as they are */
} query_group;

/* Values of a panel of queries of n values, and of a query within a block of several. */
size_t mlsel_i_panel_size(size_t n);
size_t mlsel_i_padded(size_t n);

/* Completes a group whose first `count` queries are set; `panel` has room for one. */
void mlsel_i_group_open(const cpu_state *state, query_group *group, float *panel);

/* The same from the run's queries [first, first + count); room[PANEL_WIDTH * mlsel_i_padded(n)] for copies in float. */
void mlsel_i_group_open_run(const cpu_state *state, const mlsel_backend_run *run, size_t first, size_t count,
                            query_group *group, float *room, float *panel);

/*
 * Dot products of at most GROUP_ROWS rows with all queries of a group: row r and query j at out[r * PANEL_WIDTH + j]
 * for a panel, at out[j * GROUP_ROWS + r] otherwise.
 */
void mlsel_i_group_dots(const cpu_state *state, const query_group *group, const float *rows, size_t stride,
                        size_t n_rows, float *out);

/* Bound on their error at the model's width, in the terms of mlsel_i_cpu_dots_error. */
double mlsel_i_group_error(const cpu_state *state, const query_group *group);

/* Squared norm of a query of a run. */
double mlsel_i_run_squared(const cpu_state *state, const mlsel_backend_run *run, size_t index);

/* Answers one query of a run. False if a value is not finite, which only a state that checks queries sees. */
bool mlsel_i_cpu_run_one(const cpu_state *state, const mlsel_backend_run *run, size_t index);

/* How many bytes the algorithms need beside what single queries do; 0 where queries can only be answered one by one. */
size_t mlsel_i_cpu_knn_batch_bytes(const cpu_state *state);
size_t mlsel_i_cpu_svm_batch_bytes(const cpu_state *state);
size_t mlsel_i_cpu_mlp_batch_bytes(const cpu_state *state);

/* Each answers all queries of a run. `scratch` has as many bytes, aligned to 64. */
void mlsel_i_cpu_knn_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch);
void mlsel_i_cpu_svm_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch);
void mlsel_i_cpu_mlp_batch(const cpu_state *state, const mlsel_backend_run *run, void *scratch);

#endif
