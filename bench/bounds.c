/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */
#include "bounds.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "measure.h"
#include "text.h"

enum { ROW_FLOATS = 1024, FMA_REGISTERS = 12, FMA_STEPS = 4096 };

#if defined(__x86_64__)
#define WIDTH 16
#define TARGET __attribute__((target("avx512f,fma")))
#define NAME(x) x##_512
#include "bounds_kernels.h"
#define WIDTH 8
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_256
#include "bounds_kernels.h"
#endif
#define WIDTH 4
#define TARGET
#define NAME(x) x##_128
#include "bounds_kernels.h"

typedef struct read_way {
    const char *name;
    float (*sum)(const float *data, size_t count);
} read_way;

static const read_way read_ways[] = {
    {"128 bit, 1 row", sum_1_128},  {"128 bit, 2 rows", sum_2_128}, {"128 bit, 4 rows", sum_4_128},
    {"128 bit, 8 rows", sum_8_128},
#if defined(__x86_64__)
    {"256 bit, 1 row", sum_1_256},  {"256 bit, 2 rows", sum_2_256}, {"256 bit, 4 rows", sum_4_256},
    {"256 bit, 8 rows", sum_8_256}, {"512 bit, 1 row", sum_1_512},  {"512 bit, 2 rows", sum_2_512},
    {"512 bit, 4 rows", sum_4_512}, {"512 bit, 8 rows", sum_8_512},
#endif
};

/* Floats in the widest vector that can be used here. */
static size_t vector_floats(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"))
        return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return 8;
#endif
    return 4;
}

const char *bench_bounds_name(void) {
    const size_t floats = vector_floats();
    return floats == 16 ? "512 bit" : floats == 8 ? "256 bit" : "128 bit";
}

/* The first of them are those that this machine can run. */
static size_t usable_ways(void) {
    const size_t floats = vector_floats();
    return floats == 16 ? 12 : floats == 8 ? 8 : 4;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static volatile float read_sink;

void bench_read_run(void *context) {
    const bench_read *read = context;
    read_sink = read->way->sum(read->data, read->bytes / sizeof(float));
}

static double time_way(bench_read *read, const read_way *way) {
    read->way = way;
    const size_t calls = read->bytes >= (4u << 20) ? 1 : (4u << 20) / read->bytes;
    double best = 0;
    for (int i = 0; i < 6; i++) {
        const double start = bench_now();
        for (size_t c = 0; c < calls; c++)
            bench_read_run(read);
        const double elapsed = bench_now() - start;
        best = i == 0 || elapsed < best ? elapsed : best;
    }
    return best;
}

void bench_read_open(bench_read *read, size_t bytes) {
    const size_t huge = (size_t)2 << 20;
    read->bytes = (bytes + 63) / 64 * 64;
    read->mapped = (read->bytes + huge - 1) / huge * huge + huge;
    void *block = mmap(NULL, read->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        bench_fail("no memory for a block of %zu bytes", read->mapped);
    const size_t skip = (huge - (uintptr_t)block % huge) % huge;
    if (skip > 0) /* the mapping itself starts aligned, so that closing it needs no second address */
        munmap(block, skip);
    read->mapped -= skip;
    read->data = (float *)(void *)((char *)block + skip);
#if defined(MADV_HUGEPAGE)
    madvise(read->data, read->mapped, MADV_HUGEPAGE);
#endif
    for (size_t i = 0; i < read->bytes / sizeof(float); i++)
        read->data[i] = (float)(i % 1000) * 1e-6f;
    const read_way *best = read_ways;
    double best_time = 0;
    for (size_t w = 0; w < usable_ways(); w++) {
        const double elapsed = time_way(read, &read_ways[w]);
        if (w == 0 || elapsed < best_time) {
            best_time = elapsed;
            best = &read_ways[w];
        }
    }
    read->way = best;
}

const char *bench_read_way(const bench_read *read) { return read->way->name; }

void bench_read_close(bench_read *read) {
    if (read->data != NULL)
        munmap(read->data, read->mapped);
    *read = (bench_read){0};
}

/* --- multiplying and adding -------------------------------------------------------------------------------------- */

static volatile float fma_start = 0.5f, fma_sink;

void bench_fma_run(void *context) {
    (void)context;
    const size_t floats = vector_floats();
#if defined(__x86_64__)
    if (floats == 16) {
        fma_sink = fma_512(fma_start);
        return;
    }
    if (floats == 8) {
        fma_sink = fma_256(fma_start);
        return;
    }
#endif
    (void)floats;
    fma_sink = fma_128(fma_start);
}

double bench_fma_flops(void) { return 2.0 * FMA_REGISTERS * FMA_STEPS * (double)vector_floats(); }
