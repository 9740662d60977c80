/* SPDX-License-Identifier: Apache-2.0 */
/* All calls that answer queries, made alike: what one refuses the others must refuse with the same words. */
#ifndef MLSEL_TEST_ASK_H
#define MLSEL_TEST_ASK_H

#include "api_support.h"

/* What is asked. The calls for one query take it as it is, those for a batch with count and stride. */
typedef struct question {
    const mlsel_model *model;
    const double *features; /* [n_values], handed over in memory of exactly that size; float calls get them as float */
    size_t n_values;
    size_t count;
    size_t stride;
    size_t n_features;
    const mlsel_query_options *options;
} question;

/* A question of one query of n features. */
question one_query(const mlsel_model *model, const double *features, size_t n);

enum { ASK_F32 = 1, ASK_F64 = 2, ASK_ONE = 4, ASK_BATCH = 8, ASK_ALL = 15 };

/* Asks in all ways that `ways` allows (a number format and a shape); each must refuse with exactly this error, write
 * nothing to its output, print nothing, and do the same without an error struct. */
void refuse_question(const char *name, const question *q, int ways, mlsel_status status, uint64_t detail,
                     const char *message);
/* Asks in all ways; each must answer. Returns the label chosen for the first query, which all must agree on. */
int32_t accept_question(const char *name, const question *q, int ways);

#endif
