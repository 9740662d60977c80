/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the code in answers from doing harm, and what of it this system lacks. */
#ifndef MLSEL_TOOL_CODE_LAYERS_H
#define MLSEL_TOOL_CODE_LAYERS_H

#include "code_run.h"

/* A warning for each protection that is missing here. Said before anything runs. */
void code_layers_warn(const mlsel_code_runner *runner);

#endif
