/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "latency.h"

#include <math.h>
#include <time.h>

static const uint64_t bounds_ns[MLSEL_LATENCY_BUCKETS - 1] = {
    1000,    2000,    5000,     10000,    20000,    50000,     100000,    200000,    500000,     1000000,
    2000000, 5000000, 10000000, 20000000, 50000000, 100000000, 200000000, 500000000, 1000000000,
};

double mlsel_latency_bound(uint32_t bucket) {
    return bucket < MLSEL_LATENCY_BUCKETS - 1 ? (double)bounds_ns[bucket] / 1e9 : INFINITY;
}

uint32_t mlsel_i_latency_bucket(uint64_t nanoseconds) {
    uint32_t bucket = 0;
    while (bucket < MLSEL_LATENCY_BUCKETS - 1 && nanoseconds > bounds_ns[bucket])
        bucket++;
    return bucket;
}

uint64_t mlsel_i_now_ns(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
