/* SPDX-License-Identifier: Apache-2.0 */
/* A line of records or embeddings: one JSON object. */
#ifndef MLSEL_TRAIN_RECORD_LINE_H
#define MLSEL_TRAIN_RECORD_LINE_H

#include "internal.h"
#include "json.h"

/* The members that are looked at. NULL: not there. */
typedef struct record_members {
    const cJSON *query, *model_name, *performance, *performance_known, *ground_truth, *error, *response_time, *cost,
        *prompt_tokens, *completion_tokens, *category, *task_name, *embedding;
} record_members;

typedef struct record_line {
    json_document *doc;
    record_members members;
} record_line;

/*
 * Reads a line. Numbers that JSON has not, NaN, Infinity and what is too large for a double, are no error of the line:
 * they are values of no use. Errors: PARSE, SCHEMA (no object, a duplicate key), LIMIT, NO_MEMORY.
 */
mlsel_status mlsel_i_record_line_read(record_line *line, const char *text, size_t size, mlsel_error *err);
void mlsel_i_record_line_free(record_line *line);

/* The text of a member, or NULL: not there, no text, or "". */
const char *mlsel_i_record_text(const cJSON *node);
/* Whether a member "error" says that the request failed. */
bool mlsel_i_record_failed(const cJSON *error);
/* Whether a `performance` is one: a number from 0 to 1. */
bool mlsel_i_record_is_quality(const cJSON *performance);
/* What a value is, as in "1.5", "NaN", "\"high\"", "null", "a list". */
void mlsel_i_record_describe(const cJSON *node, char *out, size_t size);

#endif
