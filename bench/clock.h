/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_BENCH_CLOCK_H
#define MLSEL_BENCH_CLOCK_H

#include <time.h>

/* Seconds of a clock of the system. */
static inline double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
