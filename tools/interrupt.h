/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C during long work: the first asks it to stop, so that it can clean up, a second one ends the program at once.
 */
#ifndef MLSEL_TOOL_INTERRUPT_H
#define MLSEL_TOOL_INTERRUPT_H

#include <stdbool.h>

/* What a program that was interrupted ends with, as shells count: 128 + SIGINT. */
enum { EXIT_INTERRUPTED = 130 };

/* From now on SIGINT and SIGTERM are noticed instead of ending the program. */
void interrupt_watch(void);
bool interrupt_came(void);
/* They have their usual effect again. */
void interrupt_release(void);

#endif
