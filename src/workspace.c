/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

/* A workspace grows with the queries it takes; beyond this many bytes of measurements a chunk gains nothing. Other
 * devices need large ones. */
static const uint64_t cpu_chunk_bytes = (uint64_t)256 << 10;
static const uint64_t device_chunk_bytes = (uint64_t)4 << 20;

static size_t reserve(size_t *end, uint64_t count, size_t size) {
    const size_t at = *end;
    *end += (size_t)(count * size + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    return at;
}

static workspace_layout lay_out(const mlsel_model *model, uint64_t chunk) {
    const uint64_t n_labels = model->artifact->scalars.n_labels;
    const bool is_knn = model->artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN;
    workspace_layout l = {0};
    reserve(&l.end, 1, sizeof(workspace));
    l.values = reserve(&l.end, chunk * model->n_values, sizeof(double));
    l.neighbours = reserve(&l.end, chunk * model->n_neighbours, sizeof(mlsel_backend_neighbour));
    l.scores = reserve(&l.end, n_labels, sizeof(double));
    l.keys = reserve(&l.end, n_labels, sizeof(double));
    l.ranks = reserve(&l.end, n_labels, sizeof(int32_t));
    l.mask = reserve(&l.end, n_labels, 1);
    l.outcomes = reserve(&l.end, is_knn ? n_labels : 0, sizeof(mlsel_outcome));
    l.scratch = reserve(&l.end, model->engine->prepared.scratch_bytes, 1);
    return l;
}

mlsel_status mlsel_i_workspace_init(mlsel_model *model, mlsel_error *err) {
    const uint64_t per_query =
        model->n_values * sizeof(double) + model->n_neighbours * sizeof(mlsel_backend_neighbour) + 1;
    const uint64_t fitting = (mlsel_i_scores_on_cpu(model) ? cpu_chunk_bytes : device_chunk_bytes) / per_query;
    const uint32_t max_batch = model->engine->prepared.max_batch;
    model->chunk = fitting == 0 ? 1 : fitting < max_batch ? (uint32_t)fitting : max_batch;
    model->layout = lay_out(model, model->chunk);
    model->layout_of_one = lay_out(model, 1);
    mlsel_i_pool_init(&model->workspaces, model->layout.end);
    workspace *first = mlsel_i_workspace_take(model, err);
    if (first == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    mlsel_i_workspace_give(model, first);
    return MLSEL_OK;
}

static void open_block(const workspace_layout *l, char *block, workspace *out) {
    *out = (workspace){
        .values = (double *)(void *)(block + l->values),
        .neighbours = (mlsel_backend_neighbour *)(void *)(block + l->neighbours),
        .scores = (double *)(void *)(block + l->scores),
        .keys = (double *)(void *)(block + l->keys),
        .ranks = (int32_t *)(void *)(block + l->ranks),
        .mask = (uint8_t *)block + l->mask,
        .outcomes = (mlsel_outcome *)(void *)(block + l->outcomes),
        .scratch = block + l->scratch,
    };
}

workspace *mlsel_i_workspace_take(const mlsel_model *model, mlsel_error *err) {
    /* the pool synchronises itself; the model is constant to everyone else */
    char *block = mlsel_i_pool_take((block_pool *)&model->workspaces);
    if (block == NULL) {
        mlsel_i_no_memory(err);
        return NULL;
    }
    workspace *ws = (workspace *)(void *)block;
    if (ws->values == NULL)
        open_block(&model->layout, block, ws);
    return ws;
}

workspace *mlsel_i_workspace_take_for(const mlsel_model *model, size_t count, small_workspace *small,
                                      mlsel_error *err) {
    if (count != 1 || model->layout_of_one.end > sizeof small->block)
        return mlsel_i_workspace_take(model, err);
    workspace *ws = (workspace *)(void *)small->block;
    open_block(&model->layout_of_one, small->block, ws);
    return ws;
}

void mlsel_i_workspace_give_for(const mlsel_model *model, workspace *ws, const small_workspace *small) {
    if ((const void *)ws != (const void *)small->block)
        mlsel_i_workspace_give(model, ws);
}

void mlsel_i_workspace_give(const mlsel_model *model, workspace *ws) {
    mlsel_i_pool_give((block_pool *)&model->workspaces, ws);
}
