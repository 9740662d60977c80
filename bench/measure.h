/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing. Two contenders take turns (A B A B ...), so that what else the machine does meets both, and the ratio is that
 * of neighbours in time. Medians throughout.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>

/* Nanoseconds of a clock that only goes forward. */
double bench_now(void);

typedef struct bench_contender {
    void (*run)(void *context);
    void *context;
} bench_contender;

/* Nanoseconds per run. Samples of 0.2 ms and more are of the calling thread's processor time, so that waiting for a
 * turn on a busy machine, which only long runs have to, does not count; unless what is measured has threads of its own
 * (bench_measure_wall). Short runs are timed in
 * groups, whose mean counts as one sample. */
typedef struct bench_stats {
    double median, p99, min;
    size_t samples;
    size_t group; /* runs in a sample */
} bench_stats;

typedef struct bench_comparison {
    bench_stats a, b;
    double b_over_a; /* median over the turns of B's median by A's; 0 without a B */
} bench_comparison;

/* From now on all samples are by the clock on the wall. */
void bench_measure_wall(void);

/* Measures both for about `seconds` together, in at least three turns each. B's run may be NULL. */
void bench_compare(const bench_contender *a, const bench_contender *b, double seconds, bench_comparison *out);

/* The value below which `share` of the values are; sorts them. 0 without any. */
double bench_quantile(double *values, size_t count, double share);

#endif
