/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cases.h"

typedef struct bench_options {
    const char *kinds;      /* comma-separated; NULL: all */
    const char *filter;     /* part of a case's full name; NULL: all */
    const char *isa;        /* comma-separated, "all" or "best"; NULL: all but reference */
    const char *device;     /* NULL: the CPU */
    unsigned threads;       /* of each model */
    const char *precisions; /* comma-separated; NULL: default, and all that the device offers but f32 */
    const char *batches;    /* comma-separated; NULL: 1,32,256, and on other devices than the CPU 4096 */
    const char *artifact;   /* a file to measure instead of the cases */
    const char *write_to;   /* folder to write artifacts and queries to instead of measuring */
    const char *json_file;  /* JSON lines go there beside the table */
    bool json;              /* JSON lines go to standard output instead of the table */
    bool quick, list;
    double seconds;  /* per comparison */
    unsigned repeat; /* how often each KNN row is there */
    bench_rows rows;
} bench_options;

/* Reads the command line; --help and mistakes end the program. */
void bench_options_read(bench_options *options, int argc, char **argv);

/* Whether a comma-separated list has the word. */
bool bench_list_has(const char *list, const char *word);

#endif
