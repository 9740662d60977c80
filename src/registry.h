/* SPDX-License-Identifier: Apache-2.0 */
/* What models of one process share: artifacts of equal content, and engines (an artifact prepared for a device). */
#ifndef MLSEL_REGISTRY_H
#define MLSEL_REGISTRY_H

#include "artifact.h"

struct mlsel_engine {
    mlsel_artifact *artifact; /* holds a reference */
    const mlsel_backend *backend;
    uint32_t device;
    mlsel_precision precision;
    mlsel_knn_rule rule;
    artifact_view view;
    mlsel_prepared prepared;
    size_t references; /* guarded by the lock of registry.c */
    mlsel_engine *next;
};

/* Which engine is wanted. */
typedef struct engine_key {
    const mlsel_backend *backend;
    uint32_t device;
    mlsel_precision precision;
    mlsel_knn_rule rule;
} engine_key;

/* Gives back the artifact to use in place of a freshly parsed one: an equal one already loaded, or that one itself. */
mlsel_artifact *mlsel_i_artifact_share(mlsel_artifact *fresh);
/* A new reference to the artifact mapped from this very file, unchanged since; NULL if none is. */
mlsel_artifact *mlsel_i_artifact_find_file(const file_identity *identity);
void mlsel_i_artifact_release(mlsel_artifact *artifact);

/* Finds or prepares an engine; it keeps the artifact alive. */
mlsel_status mlsel_i_engine_acquire(mlsel_artifact *artifact, const engine_key *key, mlsel_engine **out,
                                    mlsel_error *err);
void mlsel_i_engine_release(mlsel_engine *engine);

#endif
