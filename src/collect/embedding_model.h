/* SPDX-License-Identifier: Apache-2.0 */
/* Embedding models that have a short name, and what some models want in front of a query. */
#ifndef MLSEL_COLLECT_EMBEDDING_MODEL_H
#define MLSEL_COLLECT_EMBEDDING_MODEL_H

#include <stddef.h>

typedef struct mlsel_embedding_model {
    const char *alias; /* as in "qwen3" */
    const char *name;  /* what servers call it, as in "Qwen/Qwen3-Embedding-0.6B" */
    size_t width;
    const char *prefix; /* put in front of queries unless something else is asked for; "": nothing */
} mlsel_embedding_model;

/* The model of an alias or a name; NULL: not known, which is no error. */
const mlsel_embedding_model *mlsel_embedding_model_find(const char *name);
/* All of them, by index; NULL after the last. */
const mlsel_embedding_model *mlsel_embedding_model_at(size_t index);

/*
 * The prefix that a wish means: NULL or "auto" that of the model (may be NULL), "none" "", "qwen3" and "e5" what those
 * models' cards want in front of a query, everything else itself.
 */
const char *mlsel_embedding_prefix(const mlsel_embedding_model *model, const char *wish);

#endif
