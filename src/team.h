/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of one model that help with large calls. They sleep between calls and end with the team. */
#ifndef MLSEL_TEAM_H
#define MLSEL_TEAM_H

#include "internal.h"

typedef struct thread_team thread_team;

/* One of the parts that a call is divided into; called by several threads at once. */
typedef void (*team_work)(void *context, size_t part);

/* A team of `threads` including the caller's, at least 2. MLSEL_ERROR_NO_MEMORY, or MLSEL_ERROR_LIMIT if the system
 * grants no more threads; its detail is the errno value. */
mlsel_status mlsel_i_team_create(uint32_t threads, thread_team **out, mlsel_error *err);

/* Ends the threads. No call may be in progress. NULL does nothing. */
void mlsel_i_team_free(thread_team *team);

/* Threads, the caller's included; 1 for NULL. */
uint32_t mlsel_i_team_size(const thread_team *team);

/* Does the parts 0 to n_parts - 1 and returns when all are done. While the team is busy with another call, or for NULL,
 * the caller does them alone. */
void mlsel_i_team_run(thread_team *team, team_work work, void *context, size_t n_parts);

#endif
