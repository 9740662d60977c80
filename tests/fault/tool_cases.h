/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TEST_FAULT_TOOL_CASES_H
#define MLSEL_TEST_FAULT_TOOL_CASES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TOOL_OUTPUT_VARIES = 1, /* with time */
    TOOL_FILES_VARY = 2,
    TOOL_FILES_GROW = 4,  /* results are appended one by one, and may be there in part */
    TOOL_READS_INPUT = 8, /* queries with embeddings */
    TOOL_READS_TEXTS = 32,
    TOOL_IS_SLOW = 16 /* processes or a server: fewer faults are tried */
};

typedef struct tool_case {
    const char *arguments; /* with blanks between; PORT stands for the server's port */
    unsigned flags;
} tool_case;

extern const tool_case tool_cases[];
extern const size_t n_tool_cases;

/* Writes the folder `in` of the working folder. */
void tool_cases_write_inputs(int port);

#endif
