/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries from JSON lines, raw float32 or .npy, read in chunks of bounded size.
 */
#ifndef MLSEL_TOOL_INPUT_H
#define MLSEL_TOOL_INPUT_H

#include "source.h"
#include "tool.h"

typedef enum input_format { INPUT_AUTO, INPUT_JSONL, INPUT_F32, INPUT_NPY } input_format;

/* The longest line of JSON, and the largest row of a binary format. */
#define INPUT_MAX_QUERY_BYTES ((size_t)16 << 20)

typedef struct query {
    uint64_t number; /* from 1 */
    uint64_t line;   /* of JSON lines, from 1; else 0 */
    size_t offset;   /* its values in the chunk */
    size_t count;
    bool is_embedding; /* the category values are still to be added */
    bool id_is_number;
    char *id; /* as given, or NULL; a number as written */
    char *text;
    char *category;
    struct cJSON *members; /* of a request: what its object has besides the embedding; else NULL */
} query;

typedef struct chunk {
    query *queries;
    size_t count;
    size_t capacity;
    double *values;
    size_t value_count;
    size_t value_capacity;
    bool embeds_text; /* a text without values is enough: see text_embedder.h */
    bool requests;    /* lines of JSON are requests to a router: the embedding may be missing, other members are kept */
} chunk;

/* Room for `count` more values at the end of the chunk; they count once value_count is raised. */
double *chunk_values(chunk *c, size_t count);
/* Adds a query that owns nothing yet and begins where the values end. */
query *chunk_query(chunk *c);
void chunk_drop_last(chunk *c);
void chunk_clear(chunk *c);
void chunk_free(chunk *c);

typedef struct input {
    source bytes;
    const char *name; /* for messages */
    input_format format;
    size_t chunk_queries; /* at most so many in a chunk */
    uint64_t limit;       /* at most so many in all; 0: no limit */
    uint64_t count;       /* queries read */
    uint64_t line;        /* lines read */
    size_t width;         /* values in a row of the binary formats */
    size_t value_size;    /* bytes of a value there: 4 or 8 */
    uint64_t rows;        /* .npy: rows in the file */
    failure problem;      /* why reading stopped, if not at the end */
} input;

/*
 * Opens a file of queries, or standard input for NULL.
 *
 * model_width is the row width of raw float32, 0 where the models disagree about it. On failure false, in->problem is
 * set, and there is nothing to close.
 */
bool input_open(input *in, const char *path, input_format format, size_t model_width);
void input_close(input *in);

/* Replaces the chunk's queries by the next ones. False when no more follow: at the end, or in->problem says why. */
bool input_read(input *in, chunk *c);

/* Where a query came from, as in "queries.jsonl:12" or "queries.npy: query 12". Returns out. */
const char *input_place(const input *in, const query *q, char *out, size_t size);

/* jsonl.c: adds the query that a line holds to the chunk. On failure false, and `problem` is set without the place. */
bool jsonl_parse(const char *line, size_t length, chunk *c, failure *problem);

/* npy.c: reads the header, sets width, value_size and rows. On failure false, and in->problem is set. */
bool npy_read_header(input *in);

#endif
