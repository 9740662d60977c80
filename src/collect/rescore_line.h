/* SPDX-License-Identifier: Apache-2.0 */
/* A line of results: where its members are, and the line with another performance. */
#ifndef MLSEL_RESCORE_LINE_H
#define MLSEL_RESCORE_LINE_H

#include <cjson/cJSON.h>

#include "internal.h"
#include "json_write.h"

enum {
    RESULT_MODEL_NAME,
    RESULT_RESPONSE,
    RESULT_GROUND_TRUTH,
    RESULT_METRIC,
    RESULT_CHOICES,
    RESULT_ERROR,
    RESULT_KNOWN,
    N_RESULT_VALUES, /* the values above are read */
    RESULT_PERFORMANCE = N_RESULT_VALUES,
    N_RESULT_MEMBERS
};

typedef struct result_span {
    const char *begin, *end; /* of a value; NULL: the member is not there */
} result_span;

typedef struct result_line {
    result_span line;
    result_span members[N_RESULT_MEMBERS];
    const char *brace;  /* the one that ends the object */
    bool is_empty;      /* the object has no member */
    bool is_spaced;     /* a space follows colons and commas, as Python writes them */
    cJSON *record;      /* members that are read, as far as they are there */
    bool is_known;      /* before */
    double performance; /* before, if known */
    bool is_error;
} result_line;

/* SCHEMA: the line is no JSON object or has one of the members twice; the message says so. NO_MEMORY. The text must
 * stay as long as *out, which is to be freed. */
mlsel_status mlsel_i_result_line_read(result_line *out, const char *text, size_t size, mlsel_error *err);
void mlsel_i_result_line_free(result_line *line);

/* Writes the line with this performance. What does not change stays byte for byte. */
void mlsel_i_result_line_write(const result_line *line, bool is_known, double performance, json_writer *w);

#endif
