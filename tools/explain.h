/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The story behind an answer, in words and tables.
 */
#ifndef MLSEL_TOOL_EXPLAIN_H
#define MLSEL_TOOL_EXPLAIN_H

#include "run.h"

/* Room for the evidence of one model. */
typedef struct explanation {
    mlsel_evidence evidence;
} explanation;

void explanation_allocate(explanation *e, const run_model *m);
void explanation_free(explanation *e);

/* The class that a pair of an SVM votes for: true the first, false the second. */
bool explanation_first_wins(const run_model *m, double decision);

/* The members of a JSON object that tell what an answer rests on: scores, probabilities, neighbours, clusters, pairs.
 */
void explanation_json(json_out *j, const explanation *e, const run_model *m);

/* What a model made of a query, for people. */
void explanation_print(const explanation *e, const run_model *m, uint32_t category_flags, bool colour);

#endif
