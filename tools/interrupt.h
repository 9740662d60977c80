/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C during long work: the first asks it to stop, so that it can clean up, a second one ends the program at once.
 */
#ifndef MLSEL_TOOL_INTERRUPT_H
#define MLSEL_TOOL_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM are noticed instead of ending the program. */
void interrupt_watch(void);
bool interrupt_came(void);
/* The same for work that asks with a pointer of the caller's. */
bool interrupt_stops(void *user);
/* They have their usual effect again. */
void interrupt_release(void);

#endif
