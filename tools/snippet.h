/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a file with a mark below the part that is meant. */
#ifndef MLSEL_TOOL_SNIPPET_H
#define MLSEL_TOOL_SNIPPET_H

#include <stdbool.h>
#include <stdint.h>

/* What lines below a snippet begin with. */
#define SNIPPET_INDENT "        "

/* Prints `source`, line `line` of a file, and marks the characters from `column` to before `end_column` (from 1; 0: to
 * the end of the line). A long line is shown in part. */
void snippet_print(const char *source, uint32_t line, uint32_t column, uint32_t end_column, int style, bool colour);

#endif
