/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dataset from command-line flags: which files hold the records, and where embeddings come from.
 *
 * A command puts DATASET_ARGS_OPTIONS into its table of options and DATASET_ARGS_HELP into its help, hands every id it
 * does not know itself to dataset_args_take, and calls dataset_args_read when all arguments are there. The ids of its
 * own options must be below DATASET_ARGS_FIRST_ID.
 */
#ifndef MLSEL_TOOL_DATASET_ARGS_H
#define MLSEL_TOOL_DATASET_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"
#include "embedding_args.h"
#include "json_out.h"
#include "mlsel_train.h"
#include "tool.h"

enum {
    DATASET_ARGS_FIRST_ID = 1000,
    DATASET_ARGS_DATA_FILE = DATASET_ARGS_FIRST_ID,
    DATASET_ARGS_EMBEDDINGS_FILE,
    DATASET_ARGS_EMBEDDING_MODEL,
    DATASET_ARGS_CACHE_DIR,
    DATASET_ARGS_MODELS,
    DATASET_ARGS_LIMIT,
    DATASET_ARGS_SKIP_MISSING,
    DATASET_ARGS_MAX_FILES = 32
};

#define DATASET_ARGS_OPTIONS                                                                                           \
    {"--data-file", DATASET_ARGS_DATA_FILE, true}, {"--embeddings-file", DATASET_ARGS_EMBEDDINGS_FILE, true},          \
        {"--embedding-model", DATASET_ARGS_EMBEDDING_MODEL, true}, {"--cache-dir", DATASET_ARGS_CACHE_DIR, true},      \
        {"--models", DATASET_ARGS_MODELS, true}, {"--limit", DATASET_ARGS_LIMIT, true},                                \
        {"--skip-missing", DATASET_ARGS_SKIP_MISSING, false}, EMBEDDING_ARGS_OPTIONS

/* The same for people; columns as in the other helps, names up to 22 characters wide. */
#define DATASET_ARGS_HELP                                                                                              \
    "  --data-file FILE        benchmark records, one JSON object a line: query,\n"                                    \
    "                          model_name, performance, response_time, category ...\n"                                 \
    "                          (`-`: standard input); may be repeated\n"                                               \
    "  --embeddings-file FILE  lines of {\"query\", \"embedding\"}; may be repeated\n"                                 \
    "  --embedding-model NAME  where embeddings come from that neither file has:\n"                                    \
    "                          `builtin` computes them here, without any model;\n"                                     \
    "                          other names are looked up in the cache, and asked of\n"                                 \
    "                          the server below; MODEL.gguf is a model file\n" EMBEDDING_ARGS_HELP(                    \
        "                          ") "  --cache-dir DIR         embeddings by model and text (default .cache)\n"      \
                                      "  --models LIST           use only these models, names with commas between\n"   \
                                      "  --limit N               use only the first N queries\n"                       \
                                      "  --skip-missing          leave out queries without an embedding, and say "     \
                                      "how\n"                                                                          \
                                      "                          many; otherwise they are an error\n"

typedef struct dataset_args {
    const char *data_files[DATASET_ARGS_MAX_FILES];
    size_t data_file_count;
    const char *embeddings_files[DATASET_ARGS_MAX_FILES];
    size_t embeddings_file_count;
    const char *embedding_model; /* as given; NULL: not given. A command may set a default before the arguments */
    const char *cache_dir;       /* NULL: not given */
    const char *models;          /* list with commas; NULL: all */
    uint64_t limit;              /* 0: none */
    embedding_args embedding;    /* how embeddings are computed */
    bool skip_missing;
    size_t embedding_width; /* of the artifacts in question; 0: not known. Set by the command */
} dataset_args;

/* Takes an option with one of the ids above or of embedding_args.h. 0: done; ARGS_BAD: the message has been printed; 1:
 * another option. */
int dataset_args_take(dataset_args *d, const args *a, int id, const char *value);

/*
 * Reads the records and gives every query an embedding; what was noticed goes to standard error, counted. NULL after a
 * failure, which `problem` then describes. Otherwise free it with mlsel_dataset_free.
 */
mlsel_dataset *dataset_args_read(const dataset_args *d, failure *problem);

/* Whether the embeddings are to be computed by the built-in embedder. */
bool dataset_args_is_builtin(const dataset_args *d);
/* The name that artifacts record: MLSEL_BUILTIN_EMBEDDER for "builtin"; NULL where none was given. */
const char *dataset_args_embedder(const dataset_args *d);

/* What was noticed, as lines on standard error: the first of each code and how many more there are. */
void dataset_args_print_findings(const mlsel_dataset *dataset);
/* The same as the JSON members "dataset" (its counts) and "findings" (code: count) of an object that is open. */
void dataset_args_write_json(json_out *j, const mlsel_dataset *dataset);

#endif
