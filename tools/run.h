/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `select` and `explain` share: their options, the models, and queries brought chunk by chunk into the form that
 * each model takes.
 */
#ifndef MLSEL_TOOL_RUN_H
#define MLSEL_TOOL_RUN_H

#include "args.h"
#include "input.h"
#include "json_out.h"
#include "progress.h"
#include "text_embedder.h"
#include "tool.h"
#include "tradeoff.h"

/* The parts of their help that are the same. */
#define RUN_HELP_INPUT                                                                                                 \
    "QUERIES is a file; `-` or nothing is standard input. Its name tells the format:\n"                                \
    "  .jsonl, .json  one query per line: {\"features\": [...]} with all values, or\n"                                 \
    "                 {\"embedding\": [...], \"category\": \"math\"}; \"id\" and \"text\"\n"                           \
    "                 are carried to the output\n"                                                                     \
    "  .npy           NumPy array of float32 or float64, one query per row\n"                                          \
    "  .f32, .bin     raw float32, little endian, one query after the other\n"                                         \
    "Standard input is JSON lines or .npy unless --format says otherwise.\n\n"
#define RUN_HELP_OPTIONS                                                                                               \
    "  --format FORMAT     of the queries: jsonl, f32 or npy\n"                                                        \
    "  --limit N           stop after N queries\n"                                                                     \
    "  --k N               knn: let N neighbours vote, whatever the artifact says\n"                                   \
    "  --knn-rule RULE     knn: cosine (default), by outcomes where the artifact has\n"                                \
    "                      some; outcomes or vote, one of the two; or legacy, the\n"                                   \
    "                      older rule without normalisation\n"                                                         \
    "  --categories ORDER  of the category values, where the artifact has none of\n"                                   \
    "                      its own: vsr (default) or vsr-doc, the alphabetical list\n"                                 \
    "  --device DEVICE     cpu (default), cuda, cuda:N, metal or auto (see\n"                                          \
    "                      `mlsel devices`)\n"                                                                         \
    "  --device-fallback   use the CPU where that device is not available\n"                                           \
    "  --precision P       mlp: f32 (default), f16, bf16 or int8, each faster and\n"                                   \
    "                      less exact (`mlsel inspect --agreement` measures how\n"                                     \
    "                      much)\n" TEXT_EMBEDDER_HELP TRADEOFF_HELP "  -h, --help          this text\n\n"

typedef struct run_model {
    mlsel_model *model;
    mlsel_model_info info;
    const char *path;
    char *name;                /* for tables: the shortest part of the path that tells the models apart */
    char **labels;             /* [n_labels] clean, for tables */
    uint8_t *mask;             /* [n_labels] which labels may be chosen, or NULL: all */
    mlsel_query_options query; /* the same for the library */
    mlsel_tradeoff tradeoff;   /* where query.tradeoff points, if the model can weigh */
    double *costs;             /* [n_labels] of it, or NULL */
    double *features;          /* [chunk][n_features] */
    uint32_t *category_flags;  /* [chunk] */
} run_model;

typedef struct run {
    const char *command;
    bool json;
    bool scores;
    text_embedder embedder;
    const char *queries; /* NULL: standard input */
    input_format format;
    uint64_t limit;
    mlsel_model_options load;
    const char **paths; /* [model_count] */
    const char **candidates;
    size_t candidate_count;
    tradeoff_options tradeoff;

    run_model *models;
    size_t model_count;
    bool same_algorithm; /* two models have the same, so that tables must name the files */
    size_t chunk_queries;
    input in;
    bool opened;
    chunk chunk;
    size_t count;    /* queries of the chunk to answer, before the first bad one */
    failure problem; /* why no more follow; printed by run_end */
    progress progress;
} run;

/* Reads the arguments, loads the models, opens the queries. -1 to go on; else the exit code, everything printed. */
int run_begin(run *r, const char *command, const char *help, bool with_scores, char **arguments);

/* Brings the next queries. False if none follow these. */
bool run_next(run *r);

/* Records that a query cannot be answered: those before it in the chunk still count, nothing follows. */
void run_query_failed(run *r, size_t model, size_t index, mlsel_status status, const mlsel_error *err);

/* Says what is to be said at the end, frees everything, returns the exit code. */
int run_end(run *r);

const double *run_features(const run_model *m, size_t index);
bool run_eligible(const run_model *m, size_t label);

#endif
