/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --candidates: names of labels, for each model its own mask.
 */
#ifndef MLSEL_TOOL_CANDIDATES_H
#define MLSEL_TOOL_CANDIDATES_H

#include "run.h"

/* Sets the masks of all models. On failure false, and r->problem says which name is none. */
bool candidates_apply(run *r);

#endif
