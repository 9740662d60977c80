/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dataset is made of: queries, models and names as distinct texts, rows in the order of the data, and for each
 * (query, model) pair what its rows say on average.
 */
#ifndef MLSEL_TRAIN_DATASET_H
#define MLSEL_TRAIN_DATASET_H

#include "findings.h"
#include "internal.h"
#include "mlsel_train.h"
#include "text_set.h"

#define DATASET_MAX_MODELS 65536
#define DATASET_MAX_WIDTH 1048576
#define DATASET_MAX_ROWS ((size_t)1 << 30)

typedef struct dataset_query {
    const char *text; /* zero-terminated; that of the entry of the same index in dataset->texts */
    size_t size;
    const char *category; /* as given, in dataset->names; "" for none */
    const char *task;     /* likewise */
    float *embedding;     /* [embedding_width], owned, or NULL */
} dataset_query;

/* A row in use, in the order of the data. Unknown numbers are NaN. */
typedef struct dataset_row {
    uint32_t query;
    uint32_t model; /* by first occurrence */
    double quality, latency_s, cost;
} dataset_row;

/* Means over a pair's rows, and how many of them knew the value. */
typedef struct dataset_pair {
    uint32_t query, model;
    uint32_t n_rows, n_quality, n_latency, n_cost;
    double quality, latency_s, cost; /* NaN: unknown */
} dataset_pair;

struct mlsel_dataset {
    text_set texts, model_names, names; /* names: of categories and tasks */
    dataset_query *queries;
    size_t n_queries, queries_capacity;
    const char **models; /* by first occurrence, as in model_names */
    size_t n_models, models_capacity;
    uint32_t *model_order; /* [n_models] by rank in byte order: index into models */
    uint32_t *model_rank;  /* [n_models] the inverse */
    dataset_row *rows;
    size_t n_rows, rows_capacity;
    dataset_pair *pairs;
    size_t n_pairs, pairs_capacity;
    uint32_t *pair_slots; /* open addressing: index of a pair + 1, 0 for none */
    size_t n_pair_slots;
    size_t embedding_width;
    size_t n_embedded;
    uint64_t n_failed, n_lines, n_bad_lines;
    dataset_findings findings;
};

/* Index of a query with this text, or -1. */
int64_t mlsel_i_dataset_find(const mlsel_dataset *dataset, const char *text, size_t size);
/* Adds a row whose values have been checked, an embedding's width included; all or, on failure, nothing of it. Notes
 * what is remarkable about it at `place`, which may be NULL. */
mlsel_status mlsel_i_dataset_put(mlsel_dataset *dataset, const mlsel_record *record, const finding_place *place,
                                 mlsel_error *err);
/* Adds a model that may not be there yet, without a row. */
mlsel_status mlsel_i_dataset_put_model(mlsel_dataset *dataset, const char *model, mlsel_error *err);
/* Gives a query without an embedding one; a different one that it has is noted and stays. */
mlsel_status mlsel_i_dataset_offer_embedding(mlsel_dataset *dataset, size_t query, const float *embedding, size_t width,
                                             const finding_place *place, mlsel_error *err);
/* Index of the first value that is not finite; n if there is none. */
size_t mlsel_i_find_not_finite(const float *values, size_t n);
/* Whether a category's name is in a layout; "" counts as one that is. */
bool mlsel_i_is_known_category(const char *name);

/* --- dataset_embeddings.c ----------------------------------------------------------------------------------------- */

/* NOT_FOUND: a query has no embedding. */
mlsel_status mlsel_i_dataset_check_embedded(const mlsel_dataset *dataset, mlsel_error *err);

/* --- pairs.c ------------------------------------------------------------------------------------------------------ */

/* NULL: there is no row of this query and model. */
const dataset_pair *mlsel_i_pairs_find(const mlsel_dataset *dataset, uint32_t query, uint32_t model);
/* Makes room for one more pair; false: no memory. */
bool mlsel_i_pairs_reserve(mlsel_dataset *dataset);
/* Counts a row into its pair, after a reserve. */
void mlsel_i_pairs_count(mlsel_dataset *dataset, const dataset_row *row);
/* Renumbers queries and models, and drops the pairs of those whose place is UINT32_MAX. */
void mlsel_i_pairs_keep(mlsel_dataset *dataset, const uint32_t *query_place, const uint32_t *model_place);

#endif
