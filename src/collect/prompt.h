/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is asked. */
#ifndef MLSEL_COLLECT_PROMPT_H
#define MLSEL_COLLECT_PROMPT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The line that --concise adds. */
#define PROMPT_CONCISE "Answer as briefly as possible: only the answer, without an explanation."

/*
 * The query; then, unless the query has the text of each of them already, the choices as lines "A. text"; then, where
 * asked for, PROMPT_CONCISE; with empty lines between. `choices` (may be NULL) is the record's member as cJSON reads
 * it: a text, a list of texts and numbers, or an object with a list `text`. Given to mlsel_i_free; NULL: no memory.
 */
char *mlsel_i_prompt_make(const char *query, const cJSON *choices, bool concise);

#endif
