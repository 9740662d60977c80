/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings of queries that come as text alone.
 */
#ifndef MLSEL_TOOL_TEXT_EMBEDDER_H
#define MLSEL_TOOL_TEXT_EMBEDDER_H

#include "args.h"
#include "tool.h"

#define TEXT_EMBEDDER_HELP                                                                                             \
    "  --embedding-model M embed queries that have a \"text\" (or \"query\") and no\n"                                 \
    "                      embedding: builtin, the embedder that `mlsel train` has\n"

/* Whether embeddings of the model named can be made here; else prints why not. */
bool text_embedder_accepts(const args *a, const char *model);

/* Puts the built-in embedding of a text into values[width]. On failure false, and `problem` is set. */
bool text_embed(const char *text, double *values, size_t width, failure *problem);

#endif
