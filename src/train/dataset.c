/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets: queries, models and rows, in memory. */
#include "dataset.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "options.h"

enum { FIRST_CAPACITY = 16 };

mlsel_status mlsel_dataset_create(mlsel_dataset **out, mlsel_error *err) {
    if (out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "out must not be NULL");
    mlsel_dataset *dataset = mlsel_i_calloc(1, sizeof *dataset);
    if (dataset == NULL)
        return mlsel_i_no_memory(err);
    *out = dataset;
    return mlsel_i_ok(err);
}

void mlsel_dataset_free(mlsel_dataset *dataset) {
    if (dataset == NULL)
        return;
    for (size_t q = 0; q < dataset->n_queries; q++)
        mlsel_i_free(dataset->queries[q].embedding);
    mlsel_i_free(dataset->queries);
    mlsel_i_free((void *)dataset->models);
    mlsel_i_free(dataset->model_order);
    mlsel_i_free(dataset->model_rank);
    mlsel_i_free(dataset->rows);
    mlsel_i_free(dataset->pairs);
    mlsel_i_free(dataset->pair_slots);
    mlsel_i_texts_free(&dataset->texts);
    mlsel_i_texts_free(&dataset->model_names);
    mlsel_i_texts_free(&dataset->names);
    mlsel_i_findings_free(&dataset->findings);
    mlsel_i_free(dataset);
}

int64_t mlsel_i_dataset_find(const mlsel_dataset *dataset, const char *text, size_t size) {
    return mlsel_i_texts_find(&dataset->texts, text, size, mlsel_i_text_hash(text, size));
}

size_t mlsel_i_find_not_finite(const float *values, size_t n) {
    size_t i = 0;
    while (i < n && fabsf(values[i]) <= FLT_MAX)
        i++;
    return i;
}

bool mlsel_i_is_known_category(const char *name) {
    uint32_t flags = 0, flags_doc = 0;
    (void)mlsel_category_index(MLSEL_CATEGORIES_VSR, name, &flags);
    (void)mlsel_category_index(MLSEL_CATEGORIES_VSR_DOC, name, &flags_doc);
    return (flags & flags_doc & MLSEL_CATEGORY_FELL_BACK) == 0;
}

/* --- growing ------------------------------------------------------------------------------------------------------ */

static bool reserve(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return true;
    const size_t larger = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    void *block;
    memcpy(&block, array, sizeof block);
    block = mlsel_i_resize(block, n, larger, size);
    if (block == NULL)
        return false;
    memcpy(array, &block, sizeof block);
    *capacity = larger;
    return true;
}

static bool reserve_model(mlsel_dataset *dataset) {
    if (dataset->n_models < dataset->models_capacity)
        return mlsel_i_texts_reserve(&dataset->model_names);
    size_t capacity[3] = {dataset->models_capacity, dataset->models_capacity, dataset->models_capacity};
    const size_t n = dataset->n_models;
    if (!reserve((void *)&dataset->models, n, &capacity[0], sizeof *dataset->models) ||
        !reserve((void *)&dataset->model_order, n, &capacity[1], sizeof *dataset->model_order) ||
        !reserve((void *)&dataset->model_rank, n, &capacity[2], sizeof *dataset->model_rank))
        return false; /* arrays that have grown are larger than they need be */
    dataset->models_capacity = capacity[0];
    return mlsel_i_texts_reserve(&dataset->model_names);
}

/* Takes over the name of a new model, after a reserve. */
static uint32_t insert_model(mlsel_dataset *dataset, char *name, size_t size) {
    const uint32_t model = mlsel_i_texts_insert(&dataset->model_names, name, size, mlsel_i_text_hash(name, size));
    size_t low = 0, high = dataset->n_models;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(dataset->models[dataset->model_order[middle]], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(dataset->model_order + low + 1, dataset->model_order + low,
            (dataset->n_models - low) * sizeof *dataset->model_order);
    dataset->model_order[low] = model;
    dataset->models[dataset->n_models++] = name;
    for (size_t rank = low; rank < dataset->n_models; rank++)
        dataset->model_rank[dataset->model_order[rank]] = (uint32_t)rank;
    return model;
}

static mlsel_status too_many_models(mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "more than %d models: is the name of the model really one?",
                        DATASET_MAX_MODELS);
}

mlsel_status mlsel_i_dataset_put_model(mlsel_dataset *dataset, const char *model, mlsel_error *err) {
    const size_t size = strlen(model);
    if (mlsel_i_texts_find(&dataset->model_names, model, size, mlsel_i_text_hash(model, size)) >= 0)
        return MLSEL_OK;
    if (dataset->n_models >= DATASET_MAX_MODELS)
        return too_many_models(err);
    char *name = reserve_model(dataset) ? mlsel_i_strndup(model, size) : NULL;
    if (name == NULL)
        return mlsel_i_no_memory(err);
    (void)insert_model(dataset, name, size);
    return MLSEL_OK;
}

/* --- embeddings --------------------------------------------------------------------------------------------------- */

/* More than what another machine or another order of summing makes of the same embedding. */
static bool differs(const float *a, const float *b, size_t n) {
    const double tolerance = 1e-6;
    double distance = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)a[i] - (double)b[i];
        distance += d * d;
        norm += (double)a[i] * (double)a[i];
    }
    return distance > tolerance * norm;
}

static void attach(mlsel_dataset *dataset, size_t query, float *owned, size_t width) {
    dataset->embedding_width = width;
    dataset->queries[query].embedding = owned;
    dataset->n_embedded++;
}

static float *copy_embedding(const float *embedding, size_t width) {
    float *copy = mlsel_i_alloc(width, sizeof *copy);
    if (copy != NULL)
        memcpy(copy, embedding, width * sizeof *copy);
    return copy;
}

static mlsel_status note_embedding(const mlsel_dataset *dataset, size_t query, const float *embedding,
                                   const finding_place *place, mlsel_error *err) {
    const dataset_query *q = &dataset->queries[query];
    if (place == NULL || !differs(q->embedding, embedding, dataset->embedding_width))
        return MLSEL_OK;
    return mlsel_i_note(place, MLSEL_FINDING_EMBEDDING_DIFFERS, err,
                        "the query \"%.60s\" has another embedding already, which stays", q->text);
}

mlsel_status mlsel_i_dataset_offer_embedding(mlsel_dataset *dataset, size_t query, const float *embedding, size_t width,
                                             const finding_place *place, mlsel_error *err) {
    if (dataset->queries[query].embedding != NULL)
        return note_embedding(dataset, query, embedding, place, err);
    float *copy = copy_embedding(embedding, width);
    if (copy == NULL)
        return mlsel_i_no_memory(err);
    attach(dataset, query, copy, width);
    return MLSEL_OK;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* A row on its way in: what it refers to, and what is new. */
typedef struct incoming {
    const mlsel_record *record;
    size_t query_size, model_size;
    uint64_t query_hash;
    int64_t query, model;        /* -1: new */
    const char *category, *task; /* in dataset->names */
    char *text, *name;           /* of what is new */
    float *embedding;            /* if it is the query's first */
} incoming;

static const char *intern(mlsel_dataset *dataset, const char *name) {
    if (name == NULL || name[0] == '\0')
        return "";
    const int64_t index = mlsel_i_texts_add(&dataset->names, name, strlen(name));
    return index < 0 ? NULL : dataset->names.entries[index].text;
}

static bool allocate(mlsel_dataset *dataset, incoming *in) {
    const mlsel_record *record = in->record;
    if (!mlsel_i_pairs_reserve(dataset) ||
        !reserve((void *)&dataset->rows, dataset->n_rows, &dataset->rows_capacity, sizeof *dataset->rows))
        return false;
    if (in->query < 0 && (!mlsel_i_texts_reserve(&dataset->texts) ||
                          !reserve((void *)&dataset->queries, dataset->n_queries, &dataset->queries_capacity,
                                   sizeof *dataset->queries) ||
                          (in->text = mlsel_i_strndup(record->query, in->query_size)) == NULL))
        return false;
    if (in->model < 0 &&
        (!reserve_model(dataset) || (in->name = mlsel_i_strndup(record->model, in->model_size)) == NULL))
        return false;
    if (record->embedding != NULL && (in->query < 0 || dataset->queries[in->query].embedding == NULL) &&
        (in->embedding = copy_embedding(record->embedding, record->n_embedding)) == NULL)
        return false;
    in->category = intern(dataset, record->category);
    in->task = intern(dataset, record->task);
    return in->category != NULL && in->task != NULL;
}

static mlsel_status note_category(const mlsel_dataset *dataset, const incoming *in, const finding_place *place,
                                  mlsel_error *err) {
    const char *known = in->query < 0 ? "" : dataset->queries[in->query].category;
    if (in->category[0] == '\0' || known == in->category)
        return MLSEL_OK;
    if (known[0] != '\0')
        return mlsel_i_note(place, MLSEL_FINDING_CATEGORY_DIFFERS, err,
                            "category \"%.60s\": an earlier line of this query says \"%.60s\", which counts",
                            in->category, known);
    if (mlsel_i_is_known_category(in->category))
        return MLSEL_OK;
    return mlsel_i_note(place, MLSEL_FINDING_UNKNOWN_CATEGORY, err,
                        "category \"%.60s\" is in no layout: it counts as \"other\"", in->category);
}

static mlsel_status note(const mlsel_dataset *dataset, const incoming *in, const finding_place *place,
                         mlsel_error *err) {
    mlsel_status status = note_category(dataset, in, place, err);
    if (status == MLSEL_OK && in->record->embedding != NULL && in->embedding == NULL)
        status = note_embedding(dataset, (size_t)in->query, in->record->embedding, place, err);
    if (status == MLSEL_OK && isnan(in->record->quality))
        status = mlsel_i_note(place, MLSEL_FINDING_UNKNOWN_QUALITY, err,
                              "the quality of model \"%.60s\" is not known for this query", in->record->model);
    if (status == MLSEL_OK && in->query >= 0 && in->model >= 0 &&
        mlsel_i_pairs_find(dataset, (uint32_t)in->query, (uint32_t)in->model) != NULL)
        status = mlsel_i_note(place, MLSEL_FINDING_REPEATED, err,
                              "model \"%.60s\" has answered this query before: their mean counts", in->record->model);
    return status;
}

static void commit(mlsel_dataset *dataset, const incoming *in) {
    const mlsel_record *record = in->record;
    size_t q = (size_t)in->query;
    if (in->query < 0) {
        q = mlsel_i_texts_insert(&dataset->texts, in->text, in->query_size, in->query_hash);
        dataset->queries[dataset->n_queries++] =
            (dataset_query){.text = in->text, .size = in->query_size, .category = "", .task = ""};
    }
    dataset_query *query = &dataset->queries[q];
    if (query->category[0] == '\0')
        query->category = in->category;
    if (query->task[0] == '\0')
        query->task = in->task;
    if (in->embedding != NULL)
        attach(dataset, q, in->embedding, record->n_embedding);
    const uint32_t model = in->model < 0 ? insert_model(dataset, in->name, in->model_size) : (uint32_t)in->model;
    dataset_row *row = &dataset->rows[dataset->n_rows++];
    *row = (dataset_row){.query = (uint32_t)q,
                         .model = model,
                         .quality = record->quality,
                         .latency_s = record->latency_s,
                         .cost = record->cost};
    mlsel_i_pairs_count(dataset, row);
}

static mlsel_status check_limits(const mlsel_dataset *dataset, const incoming *in, mlsel_error *err) {
    if (dataset->n_rows >= DATASET_MAX_ROWS)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "more than %zu rows", DATASET_MAX_ROWS);
    return in->model < 0 && dataset->n_models >= DATASET_MAX_MODELS ? too_many_models(err) : MLSEL_OK;
}

mlsel_status mlsel_i_dataset_put(mlsel_dataset *dataset, const mlsel_record *record, const finding_place *place,
                                 mlsel_error *err) {
    incoming in = {.record = record, .query_size = strlen(record->query), .model_size = strlen(record->model)};
    if ((record->flags & MLSEL_RECORD_FAILED) != 0) {
        const mlsel_status noted = mlsel_i_note(place, MLSEL_FINDING_FAILED, err,
                                                "the request to model \"%.60s\" failed: no observation", record->model);
        dataset->n_failed += noted == MLSEL_OK;
        return noted;
    }
    in.query_hash = mlsel_i_text_hash(record->query, in.query_size);
    in.query = mlsel_i_texts_find(&dataset->texts, record->query, in.query_size, in.query_hash);
    in.model = mlsel_i_texts_find(&dataset->model_names, record->model, in.model_size,
                                  mlsel_i_text_hash(record->model, in.model_size));
    mlsel_status status = check_limits(dataset, &in, err);
    if (status != MLSEL_OK)
        return status;
    status = allocate(dataset, &in) ? note(dataset, &in, place, err) : mlsel_i_no_memory(err);
    if (status == MLSEL_OK) {
        commit(dataset, &in);
        return MLSEL_OK;
    }
    mlsel_i_free(in.text);
    mlsel_i_free(in.name);
    mlsel_i_free(in.embedding);
    return status;
}

/* --- adding by hand ----------------------------------------------------------------------------------------------- */

static const mlsel_record default_record = {
    .struct_size = sizeof(mlsel_record), .quality = (double)NAN, .latency_s = (double)NAN, .cost = (double)NAN};

void mlsel_record_init(mlsel_record *record, size_t size) {
    mlsel_i_defaults_init(record, size, &default_record, sizeof default_record);
}

static mlsel_status check_text(const char *field, const char *text, bool is_needed, mlsel_error *err) {
    if (text == NULL || text[0] == '\0')
        return is_needed ? mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_record: %s is NULL or empty", field)
                         : MLSEL_OK;
    const unsigned char *at = (const unsigned char *)text, *const end = at + strlen(text);
    while (at < end) {
        const size_t length = mlsel_i_utf8_length(at, end);
        if (length == 0)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_record: %s is not UTF-8 at byte %zu", field,
                                (size_t)(at - (const unsigned char *)text));
        at += length;
    }
    return MLSEL_OK;
}

static mlsel_status check_value(const char *field, double value, double max, mlsel_error *err) {
    char text[32];
    if (isnan(value) || (value >= 0 && value <= max))
        return MLSEL_OK;
    mlsel_i_format_double(text, sizeof text, value);
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_record: %s is %s: it must be %s", field, text,
                        max == 1 ? "from 0 to 1, or NaN if it is unknown"
                                 : "at least 0 and finite, or NaN if it is unknown");
}

static mlsel_status check_embedding(const mlsel_dataset *dataset, const float *embedding, size_t n, mlsel_error *err) {
    if (n == 0 || embedding == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the embedding is %s", n == 0 ? "empty" : "NULL");
    if (n > DATASET_MAX_WIDTH)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "an embedding of %zu values: at most %d are possible", n,
                            DATASET_MAX_WIDTH);
    if (dataset->embedding_width != 0 && dataset->embedding_width != n)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, dataset->embedding_width,
                                   "an embedding of %zu values, those before have %zu: use one embedding model for "
                                   "all queries",
                                   n, dataset->embedding_width);
    const size_t bad = mlsel_i_find_not_finite(embedding, n);
    if (bad < n)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, bad, "embedding value %zu is NaN or infinite", bad);
    return MLSEL_OK;
}

mlsel_status mlsel_dataset_add(mlsel_dataset *dataset, const mlsel_record *record, mlsel_error *err) {
    mlsel_record own;
    if (dataset == NULL || record == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and record must not be NULL");
    mlsel_status status = mlsel_i_defaults_copy(&own, record, &default_record, sizeof own, "mlsel_record", err);
    if (status != MLSEL_OK)
        return status;
    if ((own.flags & ~(uint32_t)MLSEL_RECORD_FAILED) != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_record: flags %lu are unknown",
                            (unsigned long)own.flags);
    if ((status = check_text("query", own.query, true, err)) != MLSEL_OK ||
        (status = check_text("model", own.model, true, err)) != MLSEL_OK ||
        (status = check_text("category", own.category, false, err)) != MLSEL_OK ||
        (status = check_text("task", own.task, false, err)) != MLSEL_OK ||
        (status = check_value("quality", own.quality, 1, err)) != MLSEL_OK ||
        (status = check_value("latency_s", own.latency_s, DBL_MAX, err)) != MLSEL_OK ||
        (status = check_value("cost", own.cost, DBL_MAX, err)) != MLSEL_OK)
        return status;
    if ((own.embedding != NULL || own.n_embedding > 0) &&
        (status = check_embedding(dataset, own.embedding, own.n_embedding, err)) != MLSEL_OK)
        return status;
    const finding_place place = {.findings = &dataset->findings};
    status = mlsel_i_dataset_put(dataset, &own, &place, err);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_dataset_set_embedding(mlsel_dataset *dataset, size_t query, const float *embedding,
                                         size_t n_embedding, mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    if (query >= dataset->n_queries)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "query %zu: there are %zu", query, dataset->n_queries);
    const mlsel_status status = check_embedding(dataset, embedding, n_embedding, err);
    if (status != MLSEL_OK)
        return status;
    dataset_query *q = &dataset->queries[query];
    if (q->embedding != NULL) {
        memmove(q->embedding, embedding, n_embedding * sizeof *embedding);
        return mlsel_i_ok(err);
    }
    float *copy = copy_embedding(embedding, n_embedding);
    if (copy == NULL)
        return mlsel_i_no_memory(err);
    attach(dataset, query, copy, n_embedding);
    return mlsel_i_ok(err);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

static uint64_t set_bytes(const text_set *set) {
    return set->bytes + set->capacity * sizeof *set->entries + set->n_slots * sizeof *set->slots;
}

static uint64_t memory_bytes(const mlsel_dataset *d) {
    return sizeof *d + set_bytes(&d->texts) + set_bytes(&d->model_names) + set_bytes(&d->names) +
           d->queries_capacity * sizeof *d->queries +
           d->models_capacity * (sizeof *d->models + sizeof *d->model_order + sizeof *d->model_rank) +
           d->rows_capacity * sizeof *d->rows + d->pairs_capacity * sizeof *d->pairs +
           d->n_pair_slots * sizeof *d->pair_slots + (uint64_t)d->n_embedded * d->embedding_width * sizeof(float) +
           d->findings.capacity * sizeof *d->findings.kept;
}

mlsel_status mlsel_dataset_get_info(const mlsel_dataset *dataset, mlsel_dataset_info *out, size_t size,
                                    mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    mlsel_dataset_info info = {.n_queries = dataset->n_queries,
                               .n_models = dataset->n_models,
                               .n_rows = dataset->n_rows,
                               .n_failed = dataset->n_failed,
                               .n_embedded = dataset->n_embedded,
                               .embedding_width = dataset->embedding_width,
                               .n_lines = dataset->n_lines,
                               .n_bad_lines = dataset->n_bad_lines,
                               .memory_bytes = memory_bytes(dataset)};
    for (size_t i = 0; i < dataset->n_pairs; i++) {
        info.n_pairs += dataset->pairs[i].n_quality > 0;
        info.n_latencies += dataset->pairs[i].n_latency > 0;
        info.n_costs += dataset->pairs[i].n_cost > 0;
    }
    for (size_t q = 0; q < dataset->n_queries; q++)
        info.n_category_other += !mlsel_i_is_known_category(dataset->queries[q].category);
    return mlsel_i_info_copy(out, size, &info, sizeof info, err);
}

static const dataset_query *find_query(const mlsel_dataset *dataset, size_t query) {
    return dataset == NULL || query >= dataset->n_queries ? NULL : &dataset->queries[query];
}

const char *mlsel_dataset_query(const mlsel_dataset *dataset, size_t query) {
    const dataset_query *q = find_query(dataset, query);
    return q == NULL ? NULL : q->text;
}

const char *mlsel_dataset_category(const mlsel_dataset *dataset, size_t query) {
    const dataset_query *q = find_query(dataset, query);
    return q == NULL ? NULL : q->category;
}

const char *mlsel_dataset_task(const mlsel_dataset *dataset, size_t query) {
    const dataset_query *q = find_query(dataset, query);
    return q == NULL ? NULL : q->task;
}

const float *mlsel_dataset_embedding(const mlsel_dataset *dataset, size_t query) {
    const dataset_query *q = find_query(dataset, query);
    return q == NULL ? NULL : q->embedding;
}

const char *mlsel_dataset_model(const mlsel_dataset *dataset, size_t model) {
    return dataset == NULL || model >= dataset->n_models ? NULL : dataset->models[dataset->model_order[model]];
}

mlsel_status mlsel_dataset_observe(const mlsel_dataset *dataset, size_t query, size_t model, mlsel_observation *out,
                                   mlsel_error *err) {
    if (dataset == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and out must not be NULL");
    if (query >= dataset->n_queries || model >= dataset->n_models)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "query %zu, model %zu: there are %zu queries, %zu models", query, model, dataset->n_queries,
                            dataset->n_models);
    const dataset_pair *pair = mlsel_i_pairs_find(dataset, (uint32_t)query, dataset->model_order[model]);
    if (pair == NULL)
        *out = (mlsel_observation){.quality = (double)NAN, .latency_s = (double)NAN, .cost = (double)NAN};
    else
        *out = (mlsel_observation){
            .quality = pair->quality, .latency_s = pair->latency_s, .cost = pair->cost, .rows = pair->n_rows};
    return mlsel_i_ok_quickly(err);
}
