/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of embeddings, as JSON lines or .npy, that appears complete or not at all.
 */
#ifndef MLSEL_TOOL_EMBEDDING_FILE_H
#define MLSEL_TOOL_EMBEDDING_FILE_H

#include <stdio.h>

#include "input.h"
#include "tool.h"

typedef struct embedding_file {
    const char *path; /* NULL: standard output */
    char *beside;     /* what is written first */
    FILE *file;
    bool is_npy;
    size_t width;   /* of the rows so far */
    uint64_t count; /* rows */
} embedding_file;

/* On failure false, and `problem` is set. A .npy file needs a path. */
bool embedding_file_open(embedding_file *f, const char *path, bool is_npy, failure *problem);
/* A row; the query's text, id and category go along with JSON lines. False: it cannot be written. */
bool embedding_file_add(embedding_file *f, const query *q, const float *values, size_t width);
/* Gives the file its name, or removes it if `keeps` is false. On failure false, and `problem` is set. */
bool embedding_file_close(embedding_file *f, bool keeps, failure *problem);

#endif
