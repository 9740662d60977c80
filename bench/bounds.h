/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine itself can do on one thread: how fast it reads a block of memory, and how fast it multiplies and
 * adds. Measured beside the library so that a figure can be given as a share of what is possible.
 */
#ifndef BENCH_BOUNDS_H
#define BENCH_BOUNDS_H

#include <stddef.h>

/* The vector code in use, as in "512 bit". */
const char *bench_bounds_name(void);

/* A block of numbers, aligned to 2 MiB, in huge pages where the system gives them, and the fastest of several ways to
 * sum it (vector width, rows read at the same time), found by trying. */
typedef struct bench_read {
    float *data;
    size_t bytes;
    size_t mapped;
    const struct read_way *way;
} bench_read;

void bench_read_open(bench_read *read, size_t bytes);
/* Reads the block once; context is the bench_read. */
void bench_read_run(void *context);
/* The way that was found, as in "512 bit, 4 rows". */
const char *bench_read_way(const bench_read *read);
void bench_read_close(bench_read *read);

/* Fused multiply-adds on registers; context is not used. */
void bench_fma_run(void *context);
/* Multiplications and additions of one bench_fma_run. */
double bench_fma_flops(void);

#endif
