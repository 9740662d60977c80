/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text that grows in memory, and the benchmark's way to give up. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stddef.h>

#if defined(__GNUC__)
#define BENCH_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define BENCH_PRINTF(text, args)
#endif

/* Prints "bench: ..." and ends the program with status 1. */
_Noreturn void bench_fail(const char *format, ...) BENCH_PRINTF(1, 2);

/* malloc that does not return without memory. */
void *bench_alloc(size_t count, size_t size);

typedef struct bench_text {
    char *data;
    size_t size, capacity;
} bench_text;

void bench_text_add(bench_text *text, const char *addition);
void bench_text_addf(bench_text *text, const char *format, ...) BENCH_PRINTF(2, 3);
/* value / 10^digits as a short decimal; digits is 3 or 4. Returns the float that a correct parser reads from it. */
float bench_text_add_decimal(bench_text *text, long value, int digits);
void bench_text_free(bench_text *text);

#endif
