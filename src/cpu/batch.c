/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

size_t mlsel_i_padded(size_t n) {
    const size_t step = MLSEL_ALIGNMENT / sizeof(float);
    return (n + step - 1) / step * step;
}

size_t mlsel_i_panel_size(size_t n) { return mlsel_i_padded(n) * PANEL_WIDTH; }

void mlsel_i_group_open(const cpu_state *state, query_group *group, float *panel) {
    for (size_t j = group->count; j < PANEL_WIDTH; j++)
        group->queries[j] = group->queries[group->count - 1];
    group->n = state->view->n_features;
    group->panel = group->count > FEW ? panel : NULL;
    if (group->panel != NULL)
        state->kernels->panel->pack(group->queries, group->n, group->panel);
}

void mlsel_i_group_open_run(const cpu_state *state, const mlsel_backend_run *run, size_t first, size_t count,
                            query_group *group, float *room, float *panel) {
    const size_t n = state->view->n_features;
    group->count = count;
    for (size_t j = 0; j < count; j++) {
        const size_t at = (first + j) * run->stride;
        if (run->query_type == MLSEL_QUERY_F64) {
            float *copy = room + j * mlsel_i_padded(n);
            state->kernels->narrow((const double *)run->queries + at, 1, copy, n);
            group->queries[j] = copy;
        } else {
            group->queries[j] = (const float *)run->queries + at;
        }
    }
    mlsel_i_group_open(state, group, panel);
}

/* So few rows that they stay in the first-level cache from one four queries to the next. */
static void quad_dots(const cpu_state *state, const query_group *group, const float *rows, size_t stride, size_t n_rows,
                      float *out) {
    enum { BLOCK = 4 };
    for (size_t r = 0; r < n_rows; r += BLOCK)
        for (size_t j = 0; j < group->count; j += QUAD)
            state->kernels->panel->quad_dots(rows + r * stride, stride, n_rows - r < BLOCK ? n_rows - r : BLOCK,
                                             group->queries + j, group->n, out + j * GROUP_ROWS + r, GROUP_ROWS);
}

void mlsel_i_group_dots(const cpu_state *state, const query_group *group, const float *rows, size_t stride,
                        size_t n_rows, float *out) {
    if (group->panel != NULL)
        state->kernels->panel->dots(rows, stride, n_rows, group->panel, group->n, group->count, out);
    else
        quad_dots(state, group, rows, stride, n_rows, out);
}

double mlsel_i_group_error(const cpu_state *state, const query_group *group) {
    return group->panel != NULL ? state->panel_error : state->quad_error;
}

double mlsel_i_run_squared(const cpu_state *state, const mlsel_backend_run *run, size_t index) {
    const size_t n = state->view->n_features, at = index * run->stride;
    if (run->query_type == MLSEL_QUERY_F64)
        return state->kernels->sum_squares((const double *)run->queries + at, n);
    return state->kernels->sum_squares_f32((const float *)run->queries + at, n);
}
