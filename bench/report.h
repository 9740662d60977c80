/* SPDX-License-Identifier: Apache-2.0 */
/* The results, as a table that lines up and as JSON lines. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "machine.h"
#include "measure.h"
#include "mlsel.h"

typedef enum bench_bound {
    BENCH_BOUND_READ,    /* summing the bytes */
    BENCH_BOUND_FMA,     /* multiplying and adding on registers */
    BENCH_BOUND_COPY,    /* on a card: queries there, answers back */
    BENCH_BOUND_PRODUCT, /* on a card: multiplying what has to be */
    BENCH_BOUND_NONE
} bench_bound;

typedef struct bench_row {
    const char *name; /* of the case, as in "knn-10k" */
    const char *kind;
    const char *isa;       /* or the device, where it is not the CPU */
    const char *precision; /* as asked for */
    const char *scored;    /* as the model says */
    const char *query;     /* "float", "double"; "" for loading */
    size_t batch;          /* 0 for loading */
    unsigned threads;
    bench_comparison time; /* a: the library, per call; b: the bound, per run */
    bench_bound bound;
    double bytes;         /* that a call must read */
    double flops;         /* of a call */
    double fma_flops;     /* of a run of the FMA bound */
    const char *read_way; /* or why there is no bound */
    double extra_memory;  /* loading: peak beyond the text, per byte of it; negative if unknown */
} bench_row;

typedef struct bench_report {
    FILE *table; /* or NULL */
    FILE *json;  /* or NULL */
    char last_name[128];
} bench_report;

/* device: NULL for the CPU. */
void bench_report_machine(const bench_report *report, const bench_machine *machine, const char *bounds,
                          const mlsel_device_info *device);
void bench_report_row(bench_report *report, const bench_row *row);
/* Share of the bound that a row reaches: 1 is the bound itself. */
double bench_share(const bench_row *row);

#endif
