/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far an artifact's answers in lower precision agree with those in f32, measured on the user's queries or on
 * made-up ones.
 */
#ifndef MLSEL_TOOL_AGREEMENT_H
#define MLSEL_TOOL_AGREEMENT_H

#include "json_out.h"
#include "tool.h"

enum { AGREEMENT_MAX = 8 };

/* One precision beside f32. */
typedef struct agreement_row {
    mlsel_precision precision;
    mlsel_model *model;
    uint64_t same;             /* queries with the same choice */
    double largest_difference; /* of a score */
    double *margins;           /* f32's margins where the choices differ */
    size_t margin_count;
} agreement_row;

typedef struct agreement {
    const char *queries; /* their file; NULL: made up */
    uint64_t count;
    double median_margin; /* of f32, best score to the second best, over all queries */
    agreement_row rows[AGREEMENT_MAX];
    size_t row_count;
} agreement;

/* What was asked for. */
typedef struct agreement_request {
    bool wanted;
    mlsel_precision precision; /* MLSEL_PRECISION_DEFAULT: all that the artifact can be scored in */
    const char *queries;
} agreement_request;

/* Measures. On failure false, and `problem` is set. Free the result in either case. */
bool agreement_measure(const char *path, const agreement_request *request, agreement *out, failure *problem);
void agreement_free(agreement *a);

/* A key with its value as `mlsel inspect` prints them, and the table below it. */
void agreement_print(const agreement *a, bool colour, void (*print_value)(const char *key, const char *format, ...));
/* The value of the key "agreement". */
void agreement_json(json_out *j, const agreement *a);

#endif
