/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on standard error about long work: how much is done, how fast, how long still. Shown only on a terminal,
 * only where answers do not go to the same terminal, and only after two seconds.
 */
#ifndef MLSEL_TOOL_PROGRESS_H
#define MLSEL_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mlsel_train.h"

typedef struct progress {
    bool enabled;
    bool shown;
    double started;
    double updated;
} progress;

void progress_start(progress *p);
/* total_bytes is 0 where the size of the input is unknown. */
void progress_update(progress *p, uint64_t queries, uint64_t bytes, uint64_t total_bytes);
/* For work in stages whose answers all come at its end, so that they may go to the same terminal. */
void progress_start_stages(progress *p);
/* `fraction` of the whole, from 0 to 1; NaN: not known. */
void progress_stage(progress *p, const char *stage, double fraction);
/* The same for mlsel_evaluate, with a progress as `user`; ends the work if Ctrl-C came. */
int32_t progress_evaluation(const mlsel_train_progress *now, void *user);
/* Removes the line. */
void progress_clear(progress *p);

#endif
