/* SPDX-License-Identifier: Apache-2.0 */
/* One artifact under measurement: loading it, asking it, and the levels at which both can be done. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>

#include "cases.h"
#include "mlsel.h"

enum { BENCH_MAX_LEVELS = 16 };

typedef struct bench_subject {
    char name[128];
    const char *kind;
    const char *path; /* of the file, or NULL: it is in memory */
    bench_artifact artifact;
    bool load_only;   /* its case is loading */
    unsigned threads; /* of a model */
    const char *device;
} bench_subject;

/* Instruction sets that MLSEL_ISA can choose here, lowest first. The one in use stays. */
size_t bench_isa_levels(char levels[BENCH_MAX_LEVELS][32]);
void bench_isa_set(const char *level);

/* Loads the subject, or ends the program with the library's message. */
mlsel_model *bench_subject_load(const bench_subject *subject, mlsel_precision precision);
/* For bench_contender: loads and releases; context is the subject. */
void bench_load_run(void *context);
/* Peak memory of loading beyond what was there before, in bytes, measured in a process of its own; negative where it
 * is unknown. */
double bench_load_memory(const bench_subject *subject);

/* Queries on their way through a loaded model, another one at every call. */
typedef struct bench_queries {
    const mlsel_model *model;
    const float *f32;  /* [count][width] */
    const double *f64; /* the same */
    size_t width, count, batch;
    size_t next;
    mlsel_selection *out; /* [batch] */
} bench_queries;

void bench_select_run(void *context);
void bench_select_f64_run(void *context);
void bench_select_batch_run(void *context);

#endif
