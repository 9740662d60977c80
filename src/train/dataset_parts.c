/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of datasets: some of the models, some of the queries, two halves. */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dataset.h"

/* --- in place ----------------------------------------------------------------------------------------------------- */

/* Gives what is kept (place not UINT32_MAX) consecutive new indices; returns how many they are. */
static size_t number(uint32_t *place, size_t n) {
    uint32_t next = 0;
    for (size_t i = 0; i < n; i++)
        if (place[i] != UINT32_MAX)
            place[i] = next++;
    return next;
}

static void keep_queries(mlsel_dataset *dataset, const uint32_t *place) {
    size_t n = 0;
    for (size_t q = 0; q < dataset->n_queries; q++) {
        dataset_query *query = &dataset->queries[q];
        if (place[q] != UINT32_MAX) {
            dataset->queries[n++] = *query;
            continue;
        }
        dataset->n_embedded -= query->embedding != NULL;
        mlsel_i_free(query->embedding);
    }
    dataset->n_queries = n;
    if (dataset->n_embedded == 0)
        dataset->embedding_width = 0;
    if (dataset->texts.n > 0)
        mlsel_i_texts_keep(&dataset->texts, place);
}

static void keep_model_names(mlsel_dataset *dataset, const uint32_t *place) {
    size_t n = 0;
    for (size_t rank = 0; rank < dataset->n_models; rank++) {
        const uint32_t kept = place[dataset->model_order[rank]];
        if (kept == UINT32_MAX)
            continue;
        dataset->model_order[n] = kept;
        dataset->model_rank[kept] = (uint32_t)n++;
    }
    if (dataset->model_names.n > 0)
        mlsel_i_texts_keep(&dataset->model_names, place);
    for (size_t m = 0; m < n; m++)
        dataset->models[m] = dataset->model_names.entries[m].text;
    dataset->n_models = n;
}

static void keep_rows(mlsel_dataset *dataset, const uint32_t *query_place, const uint32_t *model_place) {
    size_t n = 0;
    for (size_t i = 0; i < dataset->n_rows; i++) {
        dataset_row row = dataset->rows[i];
        row.query = query_place[row.query];
        row.model = model_place[row.model];
        if (row.query != UINT32_MAX && row.model != UINT32_MAX)
            dataset->rows[n++] = row;
    }
    dataset->n_rows = n;
    mlsel_i_pairs_keep(dataset, query_place, model_place);
}

/* Both arrays are numbered. Nothing here can fail. */
static void keep(mlsel_dataset *dataset, const uint32_t *query_place, const uint32_t *model_place) {
    keep_rows(dataset, query_place, model_place);
    keep_queries(dataset, query_place);
    keep_model_names(dataset, model_place);
}

static uint32_t *alloc_places(size_t n, uint32_t value) {
    uint32_t *place = mlsel_i_alloc(n, sizeof *place);
    for (size_t i = 0; place != NULL && i < n; i++)
        place[i] = value;
    return place;
}

mlsel_status mlsel_dataset_keep_models(mlsel_dataset *dataset, const char *const *models, size_t n_models,
                                       mlsel_error *err) {
    if (dataset == NULL || models == NULL || n_models == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL, or there are no models to keep");
    uint32_t *model_place = alloc_places(dataset->n_models, UINT32_MAX);
    uint32_t *query_place = alloc_places(dataset->n_queries, UINT32_MAX);
    mlsel_status status = model_place == NULL || query_place == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    for (size_t i = 0; i < n_models && status == MLSEL_OK; i++) {
        const char *name = models[i] == NULL ? "" : models[i];
        const size_t size = strlen(name);
        const int64_t m = mlsel_i_texts_find(&dataset->model_names, name, size, mlsel_i_text_hash(name, size));
        if (m < 0)
            status = mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND, "no record is of the model \"%.100s\" (of %zu models)",
                                  name, dataset->n_models);
        else
            model_place[m] = 0;
    }
    if (status == MLSEL_OK) {
        for (size_t i = 0; i < dataset->n_rows; i++)
            if (model_place[dataset->rows[i].model] != UINT32_MAX)
                query_place[dataset->rows[i].query] = 0;
        (void)number(model_place, dataset->n_models);
        (void)number(query_place, dataset->n_queries);
        keep(dataset, query_place, model_place);
        status = mlsel_i_ok(err);
    }
    mlsel_i_free(model_place);
    mlsel_i_free(query_place);
    return status;
}

mlsel_status mlsel_dataset_drop_unembedded(mlsel_dataset *dataset, uint64_t *dropped, mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    const finding_place where = {.findings = &dataset->findings};
    const uint64_t n_missing = dataset->n_queries - dataset->n_embedded;
    uint32_t *model_place = alloc_places(dataset->n_models, 0);
    uint32_t *query_place = alloc_places(dataset->n_queries, 0);
    mlsel_status status = model_place == NULL || query_place == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    for (size_t q = 0; q < dataset->n_queries && status == MLSEL_OK; q++) {
        if (dataset->queries[q].embedding != NULL)
            continue;
        query_place[q] = UINT32_MAX;
        status = mlsel_i_note(&where, MLSEL_FINDING_NO_EMBEDDING, err, "the query \"%.100s\" has no embedding: dropped",
                              dataset->queries[q].text);
    }
    if (status == MLSEL_OK) {
        (void)number(model_place, dataset->n_models);
        (void)number(query_place, dataset->n_queries);
        keep(dataset, query_place, model_place);
        if (dropped != NULL)
            *dropped = n_missing;
        status = mlsel_i_ok(err);
    }
    mlsel_i_free(model_place);
    mlsel_i_free(query_place);
    return status;
}

/* --- two halves --------------------------------------------------------------------------------------------------- */

/* Uniform in [0, 1) over texts, and for one text over seeds. */
static double draw(const dataset_query *query, uint64_t seed) {
    return (double)(XXH3_64bits_withSeed(query->text, query->size, seed) >> 11) * 0x1p-53;
}

static mlsel_status create_part(const mlsel_dataset *dataset, mlsel_dataset **out, mlsel_error *err) {
    mlsel_status status = mlsel_dataset_create(out, err);
    for (size_t m = 0; m < dataset->n_models && status == MLSEL_OK; m++)
        status = mlsel_i_dataset_put_model(*out, dataset->models[m], err);
    return status;
}

static mlsel_status copy_row(const mlsel_dataset *dataset, const dataset_row *row, mlsel_dataset *part,
                             mlsel_error *err) {
    const dataset_query *query = &dataset->queries[row->query];
    mlsel_record record;
    mlsel_record_init(&record, sizeof record);
    record.query = query->text;
    record.model = dataset->models[row->model];
    record.category = query->category;
    record.task = query->task;
    record.quality = row->quality;
    record.latency_s = row->latency_s;
    record.cost = row->cost;
    record.embedding = query->embedding;
    record.n_embedding = query->embedding == NULL ? 0 : dataset->embedding_width;
    return mlsel_i_dataset_put(part, &record, NULL, err);
}

mlsel_status mlsel_dataset_split(const mlsel_dataset *dataset, double share, uint64_t seed, mlsel_dataset **first,
                                 mlsel_dataset **second, mlsel_error *err) {
    mlsel_dataset *parts[2] = {NULL, NULL};
    if (dataset == NULL || first == NULL || second == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset, first and second must not be NULL");
    if (!(share > 0 && share < 1)) {
        char text[32];
        mlsel_i_format_double(text, sizeof text, share);
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "share is %s: it must be above 0 and below 1", text);
    }
    mlsel_status status = create_part(dataset, &parts[0], err);
    if (status == MLSEL_OK)
        status = create_part(dataset, &parts[1], err);
    for (size_t i = 0; i < dataset->n_rows && status == MLSEL_OK; i++) {
        const dataset_row *row = &dataset->rows[i];
        status = copy_row(dataset, row, parts[draw(&dataset->queries[row->query], seed) < share], err);
    }
    if (status == MLSEL_OK) {
        *first = parts[0];
        *second = parts[1];
        return mlsel_i_ok(err);
    }
    mlsel_dataset_free(parts[0]);
    mlsel_dataset_free(parts[1]);
    return status;
}
