/* SPDX-License-Identifier: Apache-2.0 */
/* One KNN query divided among the threads of a team: the k nearest of each part, merged. */
#include "divide.h"

#include <math.h>
#include <stdint.h>

enum { MAX_PARTS = 32 };

typedef struct divided_query {
    const mlsel_model *model;
    const mlsel_backend_run *call;
    uint32_t n_parts;
    workspace *workspaces[MAX_PARTS]; /* which hold the parts' neighbours; NULL: out of memory */
    mlsel_status status[MAX_PARTS];
    mlsel_error err[MAX_PARTS];
} divided_query;

static void run_part(void *context, size_t part) {
    divided_query *q = context;
    workspace *ws = mlsel_i_workspace_take(q->model, &q->err[part]);
    q->workspaces[part] = ws;
    q->status[part] = MLSEL_ERROR_NO_MEMORY;
    if (ws == NULL)
        return;
    mlsel_backend_run call = *q->call;
    call.scratch = ws->scratch;
    call.neighbours = ws->neighbours;
    call.part = (uint32_t)part;
    call.n_parts = q->n_parts;
    mlsel_i_ok(&q->err[part]);
    q->status[part] = q->model->engine->backend->run(q->model->engine->prepared.state, &call, &q->err[part]);
}

static bool is_nearer(const mlsel_backend_neighbour *a, const mlsel_backend_neighbour *b) {
    return a->distance < b->distance || (!(b->distance < a->distance) && a->row < b->row);
}

/* Each part's neighbours are in order, so the next of all is the first of one. */
static void merge(const divided_query *q) {
    size_t taken[MAX_PARTS] = {0};
    for (uint32_t i = 0; i < q->call->k; i++) {
        mlsel_backend_neighbour nearest = {.distance = INFINITY, .row = UINT64_MAX};
        uint32_t best = 0;
        for (uint32_t part = 0; part < q->n_parts; part++) {
            const mlsel_backend_neighbour *first = q->workspaces[part]->neighbours + taken[part];
            if (taken[part] < q->call->k && is_nearer(first, &nearest)) {
                nearest = *first;
                best = part;
            }
        }
        q->call->neighbours[i] = nearest;
        taken[best]++;
    }
}

mlsel_status mlsel_i_run_divided(const mlsel_model *model, const mlsel_backend_run *call, mlsel_error *err) {
    divided_query q = {.model = model, .call = call, .n_parts = mlsel_i_team_size(model->team)};
    if (q.n_parts > model->engine->prepared.max_parts)
        q.n_parts = model->engine->prepared.max_parts;
    if (q.n_parts > MAX_PARTS)
        q.n_parts = MAX_PARTS;
    mlsel_i_team_run(model->team, run_part, &q, q.n_parts);
    mlsel_status status = MLSEL_OK;
    for (uint32_t part = 0; part < q.n_parts && status == MLSEL_OK; part++) {
        status = q.status[part];
        if (status != MLSEL_OK && err != NULL)
            *err = q.err[part];
    }
    if (status == MLSEL_OK)
        merge(&q);
    for (uint32_t part = 0; part < q.n_parts; part++)
        if (q.workspaces[part] != NULL)
            mlsel_i_workspace_give(model, q.workspaces[part]);
    return status;
}
