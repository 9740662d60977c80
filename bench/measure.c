/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "measure.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

enum { MIN_TURNS = 3, MAX_TURNS = 25, MAX_SAMPLES_PER_TURN = 1000 };

/* A sample is at least this long, so that reading the clock is below a hundredth of it. */
static const double min_sample = 5e3;

/* Samples from here on are timed by the thread's processor time, which takes longer to read. */
static const double long_sample = 2e5;

static double read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static bool only_wall;

void bench_measure_wall(void) { only_wall = true; }

double bench_now(void) { return read_clock(CLOCK_MONOTONIC); }

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double share) {
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare_doubles);
    const double position = share * (double)(count - 1);
    const size_t below = (size_t)position, above = below + 1 < count ? below + 1 : below;
    return values[below] + (position - (double)below) * (values[above] - values[below]);
}

/* One side of a comparison. */
typedef struct side {
    const bench_contender *contender;
    clockid_t clock;
    size_t group;    /* runs per sample */
    size_t per_turn; /* samples per turn */
    double *samples; /* [MAX_TURNS * per_turn] */
    size_t n_samples;
    bool warms_up; /* the first sample of a turn does not count: the other side had the caches */
    double turn_medians[MAX_TURNS];
} side;

static double sample(const side *s) {
    const double start = read_clock(s->clock);
    for (size_t i = 0; i < s->group; i++)
        s->contender->run(s->contender->context);
    return (read_clock(s->clock) - start) / (double)s->group;
}

/* Finds out how long a run takes, and lays out turns of turn_time. */
static void open_side(side *s, const bench_contender *contender, double seconds) {
    s->contender = contender;
    s->clock = CLOCK_MONOTONIC;
    s->group = 1;
    sample(s);
    double once = sample(s);
    if (once < min_sample) { /* too short for one reading of the clock */
        s->group = 16;
        once = sample(s);
        once = once < 1 ? 1 : once;
    }
    const double turn = 1e9 * seconds / 2 / MAX_TURNS;
    double per_sample = turn / MAX_SAMPLES_PER_TURN;
    per_sample = per_sample < min_sample ? min_sample : per_sample;
    s->group = once >= per_sample ? 1 : (size_t)(per_sample / once) + 1;
    if (once * (double)s->group >= long_sample && !only_wall)
        s->clock = CLOCK_THREAD_CPUTIME_ID;
    const double count = turn / (once * (double)s->group);
    s->per_turn = count < 1 ? 1 : (size_t)count;
    s->warms_up = count >= 1;
    s->n_samples = 0;
    s->samples = bench_alloc(MAX_TURNS * s->per_turn, sizeof *s->samples);
}

static void take_turn(side *s, size_t turn) {
    double *own = s->samples + s->n_samples;
    if (s->warms_up)
        sample(s);
    for (size_t i = 0; i < s->per_turn; i++)
        own[i] = sample(s);
    s->n_samples += s->per_turn;
    double *copy = bench_alloc(s->per_turn, sizeof *copy);
    memcpy(copy, own, s->per_turn * sizeof *copy);
    s->turn_medians[turn] = bench_quantile(copy, s->per_turn, 0.5);
    free(copy);
}

static void close_side(side *s, bench_stats *out) {
    out->samples = s->n_samples;
    out->group = s->group;
    out->median = bench_quantile(s->samples, s->n_samples, 0.5);
    out->p99 = bench_quantile(s->samples, s->n_samples, 0.99);
    out->min = bench_quantile(s->samples, s->n_samples, 0);
    free(s->samples);
}

void bench_compare(const bench_contender *a, const bench_contender *b, double seconds, bench_comparison *out) {
    side sides[2];
    const size_t n_sides = b->run == NULL ? 1 : 2;
    *out = (bench_comparison){0};
    open_side(&sides[0], a, seconds);
    if (n_sides == 2)
        open_side(&sides[1], b, seconds);
    const double start = bench_now();
    double ratios[MAX_TURNS];
    size_t turns = 0;
    while (turns < MAX_TURNS && (turns < MIN_TURNS || bench_now() - start < 1.2e9 * seconds)) {
        for (size_t i = 0; i < n_sides; i++)
            take_turn(&sides[i], turns);
        if (n_sides == 2)
            ratios[turns] = sides[1].turn_medians[turns] / sides[0].turn_medians[turns];
        turns++;
    }
    close_side(&sides[0], &out->a);
    if (n_sides == 2) {
        close_side(&sides[1], &out->b);
        out->b_over_a = bench_quantile(ratios, turns, 0.5);
    }
}
