/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions with a deadline on the clock of mlsel_i_now_ns, which nobody sets back. */
#ifndef MLSEL_BATCHER_WAIT_H
#define MLSEL_BATCHER_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* False: the system refused. */
bool mlsel_i_wait_init(pthread_cond_t *condition);
/* Waits until the condition is signalled (or, as conditions do, for no reason), at the longest until the deadline. */
void mlsel_i_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns);

#endif
