/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of results: JSON lines, one for each pair of a query and a model, appended one by one.
 */
#ifndef MLSEL_COLLECT_RESULTS_H
#define MLSEL_COLLECT_RESULTS_H

#include "json_write.h"

/* A row of a file that is there. Texts are valid during the call. */
typedef struct result_row {
    const char *query, *model;
    bool is_error;
    double performance;   /* NaN: not known */
    double response_time; /* likewise */
    double cost;
    double prompt_tokens, completion_tokens;
    uint64_t line;
    const char *text; /* the line */
    size_t size;
} result_row;

typedef mlsel_status (*result_visitor)(const result_row *row, void *user, mlsel_error *err);

/*
 * Reads the rows of size bytes of text. Every line must be an object with "query" and "model_name"; empty ones are
 * passed over. What stands behind the last line break is not read unless it is a whole row: *whole is the size without
 * it. Messages begin with the place, as in "results.jsonl:12: ...".
 */
mlsel_status mlsel_i_results_scan(const char *text, size_t size, const char *path, result_visitor visit, void *user,
                                  size_t *whole, mlsel_error *err);

typedef struct result_file {
    const char *path;
    int fd; /* -1: not open */
    uint64_t size;
    uint64_t cut_bytes; /* of a last line that was incomplete */
    bool is_dirty;      /* something is not on disk yet */
    json_writer line;   /* to be filled for mlsel_i_results_append */
} result_file;

/*
 * Opens a file to be continued, or with `fresh` emptied; it is made if it is not there, and locked against other runs.
 * `visit` gets the rows that it has. An incomplete last line is cut off, provided that it is the beginning of a row: a
 * file of something else is an error and stays as it is. path must stay valid.
 */
mlsel_status mlsel_i_results_open(result_file *file, const char *path, bool fresh, result_visitor visit, void *user,
                                  mlsel_error *err);
/* Writes what is in `line` as one line, whole or not at all, and empties it. */
mlsel_status mlsel_i_results_append(result_file *file, mlsel_error *err);
/* Brings to disk what was appended, and leaves is_dirty to the caller: another thread may append meanwhile. */
mlsel_status mlsel_i_results_sync_now(const result_file *file, mlsel_error *err);
void mlsel_i_results_close(result_file *file);

#endif
