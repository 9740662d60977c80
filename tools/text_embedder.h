/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings of queries that come as text alone, chunk by chunk.
 */
#ifndef MLSEL_TOOL_TEXT_EMBEDDER_H
#define MLSEL_TOOL_TEXT_EMBEDDER_H

#include "embedding_args.h"
#include "input.h"

enum { TEXT_EMBEDDER_FIRST_ID = 1900, TEXT_EMBEDDER_MODEL = TEXT_EMBEDDER_FIRST_ID, TEXT_EMBEDDER_CACHE_DIR };

#define TEXT_EMBEDDER_OPTIONS                                                                                          \
    {"--embedding-model", TEXT_EMBEDDER_MODEL, true}, {"--cache-dir", TEXT_EMBEDDER_CACHE_DIR, true},                  \
        EMBEDDING_ARGS_OPTIONS

#define TEXT_EMBEDDER_HELP                                                                                             \
    "  --embedding-model M\n"                                                                                          \
    "                      embed queries that have a \"text\" (or \"query\") and no\n"                                 \
    "                      embedding: builtin, a file MODEL.gguf, or a model of the\n"                                 \
    "                      server below\n"                                                                             \
    "  --embedding-endpoint URL\n"                                                                                     \
    "                      an OpenAI-compatible server with that model; more\n"                                        \
    "                      options about it are in `mlsel embed --help`\n"                                             \
    "  --cache-dir DIR     keep embeddings there, by model and text\n"

/* All zero: texts are not embedded. */
typedef struct text_embedder {
    const char *model; /* NULL: texts are not embedded */
    const char *cache_dir;
    embedding_args args;
    size_t width;                    /* of all embeddings; 0: any */
    struct mlsel_embedder *embedder; /* NULL: not open yet, or builtin */
} text_embedder;

/* Takes an option with one of the ids above. 0: done; ARGS_BAD: the message has been printed; 1: another option. */
int text_embedder_take(text_embedder *t, const args *a, int id, const char *value);
/* Whether the model named can be had; else prints why not. After all arguments. */
bool text_embedder_check(const text_embedder *t, const args *a);

/*
 * Gives every query of a chunk that has a text and no values the text's embedding. On failure false, and `problem` is
 * set; the chunk then ends before the first query without an embedding.
 */
bool text_embedder_chunk(text_embedder *t, chunk *c, failure *problem);
void text_embedder_free(text_embedder *t);

#endif
