/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings of a dataset's queries from a server or a model file.
 */
#ifndef MLSEL_TOOL_DATASET_EMBED_H
#define MLSEL_TOOL_DATASET_EMBED_H

#include "dataset_args.h"

enum { DATASET_EMBED_NAME_SIZE = 4097 };

/* Width of the embeddings of the model that is named, if it is one with a short name, or the cache has some; 0:
 * unknown. */
size_t dataset_embed_known_width(const dataset_args *d, const char *cache_dir);

/* Under which name the cache has the model's embeddings. On failure false, and `problem` is set. */
bool dataset_embed_cache_name(const dataset_args *d, char *out, size_t size, failure *problem);

/* Embeds the queries that have no embedding, and says how many. Single queries that cannot be embedded stay without
 * one, with a warning. On failure false, and `problem` is set; what was computed is in the cache. */
bool dataset_embed_missing(const dataset_args *d, const char *cache_dir, mlsel_dataset *dataset, failure *problem);

#endif
