/* SPDX-License-Identifier: Apache-2.0 */
/* Which failures are worth another attempt, and when. */
#ifndef MLSEL_COLLECT_RETRY_H
#define MLSEL_COLLECT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "train/train.h"

/* A server that asks for more patience than this, in seconds, is not waited for. */
#define RETRY_LONGEST_ASKED 600.0

/* Whether a result of libcurl (a CURLcode) may be another one next time. */
bool mlsel_i_retry_transport(int code);
/* The same for an HTTP status that is not 2xx. */
bool mlsel_i_retry_status(long status);

/* A seed of random waits: another one for every process and every call, as those that fail together are not to come
 * back together. */
uint64_t mlsel_i_retry_seed(void);

/*
 * Seconds to wait after the attempt of a number, from 1: uniform between 0 and a bound that starts at `base` and
 * doubles with each attempt up to 60 seconds ("full jitter", M. Brooker, Exponential Backoff and Jitter, 2015). Where
 * the server asked for `asked` seconds (0: it did not), that and, so that not all come back at once, up to `base`.
 */
double mlsel_i_retry_wait(random_state *random, uint32_t attempt, double base, double asked);

#endif
