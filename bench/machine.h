/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures were measured on and with. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

typedef struct bench_machine {
    char processor[128];
    char caches[128];   /* as in "L1d 48 KiB, L2 1 MiB, L3 32 MiB" */
    char kernel[128];   /* system and release */
    char compiler[128]; /* of the benchmark */
    char library[256];  /* mlsel_build_info */
    char huge_pages[64];
    long processors;
    double load; /* others' share of the machine just before: load average of the last minute; -1 if unknown */
} bench_machine;

void bench_machine_describe(bench_machine *out);

/* Resident bytes of this process now, and the most since the last call of bench_peak_reset; 0 where unknown. */
size_t bench_resident(void);
size_t bench_peak_resident(void);
void bench_peak_reset(void);

#endif
