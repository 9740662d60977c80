/* SPDX-License-Identifier: Apache-2.0 */
/* What a dataset is made of. */
#ifndef MLSEL_TRAIN_DATASET_H
#define MLSEL_TRAIN_DATASET_H

#include "internal.h"
#include "mlsel_train.h"

typedef struct dataset_query {
    char *text; /* zero-terminated; owned, as the following are */
    size_t size;
    char *category;   /* as given; "" for none */
    char *task;       /* likewise */
    float *embedding; /* [embedding_width], or NULL */
} dataset_query;

/* A row in use, in the order of the data. Unknown numbers are NaN. */
typedef struct dataset_row {
    uint32_t query;
    uint32_t model; /* by first occurrence */
    double quality, latency_s, cost;
} dataset_row;

struct mlsel_dataset {
    dataset_query *queries;
    size_t n_queries, queries_capacity;
    char **models; /* by first occurrence */
    size_t n_models, models_capacity;
    uint32_t *model_order; /* [n_models] by rank in byte order: index into models */
    uint32_t *model_rank;  /* [n_models] the inverse */
    dataset_row *rows;
    size_t n_rows, rows_capacity;
    size_t embedding_width;
    size_t n_embedded;
    uint64_t n_failed, n_lines, n_bad_lines;
    /* open addressing on the texts' hash: index of a query + 1, 0 for none */
    uint32_t *slots;
    size_t n_slots;
    /* what was noticed, see findings.h */
    struct dataset_findings *findings;
};

/* Index of a query with this text, or -1. */
int64_t mlsel_i_dataset_find(const mlsel_dataset *dataset, const char *text, size_t size);

#endif
