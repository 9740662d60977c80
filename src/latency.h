/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that latencies are read from, and the buckets in which they are counted. */
#ifndef MLSEL_LATENCY_H
#define MLSEL_LATENCY_H

#include "internal.h"

/* Of the monotonic clock, whose zero means nothing. */
uint64_t mlsel_i_now_ns(void);

/* The bucket that a latency is counted in: the first whose bound it does not exceed. */
uint32_t mlsel_i_latency_bucket(uint64_t nanoseconds);

#endif
