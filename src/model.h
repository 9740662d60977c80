/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_MODEL_H
#define MLSEL_MODEL_H

#include <stdalign.h>
#include <stdatomic.h>

#include "backend.h"
#include "cpu/kernels.h"
#include "pool.h"
#include "registry.h"
#include "team.h"

/* Where the parts of a workspace are in its block. */
typedef struct workspace_layout {
    size_t values, neighbours, scores, keys, ranks, mask, outcomes, scratch, end;
} workspace_layout;

struct mlsel_model {
    block_pool workspaces;
    _Atomic size_t references;
    thread_team *team; /* NULL: the callers work alone */
    mlsel_engine *engine;
    const mlsel_artifact *artifact; /* of the engine */
    const cpu_kernels *kernels;     /* for the core's own passes over queries */
    mlsel_knn_rule rule;            /* KNN: in use, never "whichever there is" */
    const uint8_t *choosable;       /* [n_labels] under that rule, see mlsel_artifact */
    uint32_t k;                     /* KNN: neighbours that vote, at most the rows */
    int32_t device_fallback;
    mlsel_category_layout category_layout;
    char device[32];
    char device_reason[256]; /* as in mlsel_model_info */
    /* sizes of one query's raw measurements, and of the workspace that run and rules work in */
    uint32_t n_values;
    uint32_t n_neighbours;
    uint32_t chunk; /* queries that one workspace takes */
    workspace_layout layout;
    workspace_layout layout_of_one; /* for one query */
};

/*
 * The memory of one call in progress: a block of the model's pool that starts with this struct, whose pointers into the
 * block are set when it is first taken.
 */
typedef struct workspace {
    double *values;                      /* [chunk][n_values] */
    mlsel_backend_neighbour *neighbours; /* [chunk][n_neighbours] */
    double *scores;                      /* [n_labels] */
    double *keys;                        /* [n_labels] */
    int32_t *ranks;                      /* [n_labels] */
    uint8_t *mask;                       /* [n_labels] */
    mlsel_outcome *outcomes;             /* [n_labels], KNN */
    void *scratch;                       /* the backend's */
} workspace;

/* Whether a value is one of mlsel_knn_rule. */
bool mlsel_i_is_knn_rule(mlsel_knn_rule rule);

/* Another model of the same artifact with k, device and layout of its own; options are those of mlsel_model_load. */
mlsel_status mlsel_i_model_view(const mlsel_model *model, const mlsel_model_options *options, mlsel_model **out,
                                mlsel_error *err);

/* Sets chunk and the pool from the other fields, and puts one workspace into the pool. */
mlsel_status mlsel_i_workspace_init(mlsel_model *model, mlsel_error *err);
workspace *mlsel_i_workspace_take(const mlsel_model *model, mlsel_error *err);
void mlsel_i_workspace_give(const mlsel_model *model, workspace *ws);

/* Room in the caller's stack frame for what a small model needs for one query: spares it the pool, which threads share.
 */
typedef struct small_workspace {
    alignas(MLSEL_ALIGNMENT) char block[8192];
} small_workspace;

/* A workspace for `count` queries, in `small` where that is enough. */
workspace *mlsel_i_workspace_take_for(const mlsel_model *model, size_t count, small_workspace *small, mlsel_error *err);
void mlsel_i_workspace_give_for(const mlsel_model *model, workspace *ws, const small_workspace *small);

/* Whether the CPU scores it. */
static inline bool mlsel_i_scores_on_cpu(const mlsel_model *model) {
    return model->engine->backend == &mlsel_i_cpu_backend;
}

#endif
