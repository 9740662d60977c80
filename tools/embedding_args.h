/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where embeddings come from, as options say it: a server, a model file or the built-in embedder.
 *
 * A command puts EMBEDDING_ARGS_OPTIONS into its table of options and EMBEDDING_ARGS_HELP into its help, hands every id
 * it does not know itself to embedding_args_take, and checks once all arguments are there.
 */
#ifndef MLSEL_TOOL_EMBEDDING_ARGS_H
#define MLSEL_TOOL_EMBEDDING_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"
#include "tool.h"

enum {
    EMBEDDING_ARGS_FIRST_ID = 2000,
    EMBEDDING_ARGS_ENDPOINT = EMBEDDING_ARGS_FIRST_ID,
    EMBEDDING_ARGS_PREFIX,
    EMBEDDING_ARGS_RAW,
    EMBEDDING_ARGS_DIMENSIONS,
    EMBEDDING_ARGS_BATCH,
    EMBEDDING_ARGS_TIMEOUT,
    EMBEDDING_ARGS_RETRIES,
    EMBEDDING_ARGS_KEY_ENV,
    EMBEDDING_ARGS_CA_FILE
};

/* clang-format off */
#define EMBEDDING_ARGS_OPTIONS                                                                                         \
    {"--embedding-endpoint", EMBEDDING_ARGS_ENDPOINT, true}, {"--embedding-prefix", EMBEDDING_ARGS_PREFIX, true},      \
    {"--embedding-raw", EMBEDDING_ARGS_RAW, false}, {"--embedding-dimensions", EMBEDDING_ARGS_DIMENSIONS, true},       \
    {"--embedding-batch-size", EMBEDDING_ARGS_BATCH, true}, {"--embedding-timeout", EMBEDDING_ARGS_TIMEOUT, true},     \
    {"--embedding-retries", EMBEDDING_ARGS_RETRIES, true}, {"--api-key-env", EMBEDDING_ARGS_KEY_ENV, true},            \
    {"--cacert", EMBEDDING_ARGS_CA_FILE, true}
/* clang-format on */

/* The most important one, and where the others are; `blanks` is the column where explanations begin. */
#define EMBEDDING_ARGS_HELP(blanks)                                                                                    \
    "  --embedding-endpoint URL\n" blanks "server with that model, as in\n" blanks                                     \
    "http://localhost:8000/v1; more options about it are\n" blanks "in `mlsel embed --help`\n"

/* All zero: none was given. */
typedef struct embedding_args {
    const char *endpoint;
    const char *prefix;
    const char *key_env;
    const char *ca_file;
    bool raw;
    size_t dimensions, batch; /* 0: not given */
    double timeout_s;         /* 0: not given */
    bool has_retries;
    uint32_t retries;
} embedding_args;

/* Takes an option with one of the ids above. 0: done; ARGS_BAD: the message has been printed; 1: another option. */
int embedding_args_take(embedding_args *e, const args *a, int id, const char *value);

/* Whether the model named (NULL: none) is the embedder that needs no model, by its short name or the one in artifacts.
 */
bool embedding_args_is_builtin(const char *model);
/* Whether the model named (NULL: none) is one that this program asks a server or a file for. */
bool embedding_args_computes(const embedding_args *e, const char *model);

/* Whether the options go together with the model named (NULL: none); else `problem` is set. */
bool embedding_args_check(const embedding_args *e, const char *model, failure *problem);

#if MLSEL_TOOL_COLLECT
#include "embed.h"

/* Opens the embedder for a model that it computes. `width` 0: any; cache_dir NULL: none. stops: Ctrl-C ends a run
 * rather than the program. NULL after a failure, which `problem` then describes. */
mlsel_embedder *embedding_args_open(const embedding_args *e, const char *model, const char *cache_dir, size_t width,
                                    bool stops, failure *problem);
/* Sets `problem` for what failed in a run. */
void embedding_args_failed(const embedding_args *e, const mlsel_error *err, failure *problem);
#endif

#endif
