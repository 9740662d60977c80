/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one answer is written, for people and as JSON; the same for `select` and `explain`.
 */
#ifndef MLSEL_TOOL_ANSWER_H
#define MLSEL_TOOL_ANSWER_H

#include "run.h"
#include "text.h"

/* The query's id, else its text, else its number; clean, at most `width` characters. Free it. */
char *answer_query_name(const query *q, size_t width);

/* "tie, widened" and the like; category_flags are those of the query's composition. Returns out. */
const char *answer_notes(char *out, size_t size, const mlsel_selection *best, uint32_t category_flags);

/* A confidence for a table, "-" where it is not known; flags are MLSEL_SELECTION_ bits. */
const char *answer_confidence(char out[TEXT_NUMBER], uint32_t flags, double confidence);
/* The same as a JSON value: null where it is not known. */
void answer_json_confidence(json_out *j, uint32_t flags, double confidence);

/* The members that say which query it is, within an object that is open: its number under `key`, id, text and
 * category, which may be NULL. */
void answer_json_query(json_out *j, const char *key, const query *q, const char *category);

/* The members of a JSON answer, from "query" to "notes", within an object that is open. */
void answer_json(json_out *j, const run_model *m, const query *q, const mlsel_selection *best, uint32_t category_flags);

/* An object of one number per label. */
void answer_json_labels(json_out *j, const run_model *m, const char *key, const double *values);

#endif
