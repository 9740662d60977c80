/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured: artifacts of the sizes that matter, made in memory, and queries like those they were made from.
 *
 * Vectors are like real feature vectors: a unit embedding, made of a part that all share, the part of one of 140 topics
 * and noise, followed by the one-hot category that the topic belongs to.
 */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stdbool.h>
#include <stdio.h>

#include "text.h"

enum { BENCH_EMBEDDING = 1024, BENCH_CATEGORIES = 14, BENCH_WIDTH = BENCH_EMBEDDING + BENCH_CATEGORIES };
enum { BENCH_NEIGHBOURS = 5, BENCH_LABELS = 4, BENCH_QUERIES = 256, BENCH_MAX_BATCH = 4096 };

typedef enum bench_kind { BENCH_KNN, BENCH_SVM, BENCH_KMEANS, BENCH_MLP, BENCH_LOAD } bench_kind;

typedef struct bench_case {
    const char *name; /* as in "knn-10k" */
    bench_kind kind;
    size_t rows;       /* rows, support vectors or centroids */
    size_t hidden[2];  /* MLP */
    bool is_container; /* loading: from a safetensors file, which is mapped, instead of JSON in memory */
} bench_case;

extern const bench_case bench_cases[];
extern const size_t bench_n_cases;

const char *bench_kind_name(bench_kind kind);

/* An artifact and what one query costs on it at least. */
typedef struct bench_artifact {
    bench_text json;
    double weights; /* numbers that a query must read beside itself; rows that repeat count once */
    double flops;   /* multiplications and additions of one query */
} bench_artifact;

/* How vectors are made. */
typedef enum bench_rows {
    BENCH_ROWS_USUAL,
    BENCH_ROWS_ONE_CATEGORY, /* all of the same category, so that none can be left out by it */
    BENCH_ROWS_ALIKE         /* of one category too, and so close together that 8 bits cannot tell them apart */
} bench_rows;

/* "usual", "one-category" or "alike". */
const char *bench_rows_name(bench_rows rows);

/* Makes the artifact. KNN rows are written `repeat` times each, one per model, as trainers do. If matrix is not NULL,
 * the rows, support vectors or centroids are written there in float as well. */
void bench_make_artifact(const bench_case *c, bench_rows rows, unsigned repeat, FILE *matrix, bench_artifact *out);

/* [BENCH_QUERIES][BENCH_WIDTH] from the same distribution, others than the rows. Freed with free(). */
float *bench_make_queries(bench_rows rows);

#endif
