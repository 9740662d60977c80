/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on standard error about long work: how much is done, how fast, how long still. Shown only on a terminal, and
 * only after two seconds.
 */
#ifndef MLSEL_TOOL_PROGRESS_H
#define MLSEL_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    bool enabled;
    bool shown;
    double started;
    double updated;
} progress;

/* For work whose answers come as it goes on: not shown where they go to the same terminal. */
void progress_start(progress *p);
/* For work whose answers come at the end. */
void progress_start_quiet(progress *p);
/* total_bytes is 0 where the size of the input is unknown. */
void progress_update(progress *p, uint64_t queries, uint64_t bytes, uint64_t total_bytes);
/* Work in stages: `text` says what is done now, fraction how much of the whole is done (NaN: not known). */
void progress_stage(progress *p, const char *text, double fraction);
/* Removes the line. */
void progress_clear(progress *p);

#endif
