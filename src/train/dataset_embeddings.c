/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings for a whole dataset: the built-in ones, and a cache's. */
#include "cache.h"
#include "dataset.h"

static mlsel_status wrong_width(const mlsel_dataset *dataset, size_t width, mlsel_error *err) {
    return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, dataset->embedding_width,
                               "embeddings of %zu values, those of the dataset have %zu: use one embedding model for "
                               "all queries",
                               width, dataset->embedding_width);
}

mlsel_status mlsel_i_dataset_check_embedded(const mlsel_dataset *dataset, mlsel_error *err) {
    if (dataset->n_embedded == dataset->n_queries)
        return MLSEL_OK;
    size_t q = 0;
    while (dataset->queries[q].embedding != NULL)
        q++;
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND,
                        "%zu of %zu queries have no embedding, as \"%.60s\": give embeddings for all, or leave those "
                        "queries out",
                        dataset->n_queries - dataset->n_embedded, dataset->n_queries, dataset->queries[q].text);
}

mlsel_status mlsel_dataset_embed(mlsel_dataset *dataset, size_t width, mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    if (width == 0)
        width = dataset->embedding_width != 0 ? dataset->embedding_width : MLSEL_EMBEDDING_WIDTH;
    if (dataset->embedding_width != 0 && dataset->embedding_width != width)
        return wrong_width(dataset, width, err);
    mlsel_status status = MLSEL_OK;
    float *embedding = mlsel_i_alloc(width, sizeof *embedding);
    if (embedding == NULL)
        return mlsel_i_no_memory(err);
    for (size_t q = 0; q < dataset->n_queries && status == MLSEL_OK; q++) {
        const dataset_query *query = &dataset->queries[q];
        if (query->embedding != NULL)
            continue;
        status = mlsel_embed_text(query->text, query->size, embedding, width, err);
        if (status == MLSEL_OK)
            status = mlsel_i_dataset_offer_embedding(dataset, q, embedding, width, NULL, err);
    }
    mlsel_i_free(embedding);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_dataset_read_cache(mlsel_dataset *dataset, mlsel_cache *cache, uint64_t *found, mlsel_error *err) {
    if (dataset == NULL || cache == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and cache must not be NULL");
    const size_t width = mlsel_i_cache_width(cache);
    if (dataset->embedding_width != 0 && dataset->embedding_width != width)
        return wrong_width(dataset, width, err);
    uint64_t n = 0;
    mlsel_status status = MLSEL_OK;
    float *embedding = mlsel_i_alloc(width, sizeof *embedding);
    if (embedding == NULL)
        return mlsel_i_no_memory(err);
    for (size_t q = 0; q < dataset->n_queries && status == MLSEL_OK; q++) {
        const dataset_query *query = &dataset->queries[q];
        if (query->embedding != NULL)
            continue;
        status = mlsel_cache_get(cache, query->text, query->size, embedding, width, err);
        if (status == MLSEL_ERROR_NOT_FOUND) {
            status = MLSEL_OK;
            continue;
        }
        if (status == MLSEL_OK)
            status = mlsel_i_dataset_offer_embedding(dataset, q, embedding, width, NULL, err);
        n += status == MLSEL_OK;
    }
    mlsel_i_free(embedding);
    if (status != MLSEL_OK)
        return status;
    if (found != NULL)
        *found = n;
    return mlsel_i_ok(err);
}

mlsel_status mlsel_dataset_write_cache(const mlsel_dataset *dataset, mlsel_cache *cache, uint64_t *added,
                                       mlsel_error *err) {
    if (dataset == NULL || cache == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and cache must not be NULL");
    if (dataset->embedding_width != 0 && dataset->embedding_width != mlsel_i_cache_width(cache))
        return wrong_width(dataset, mlsel_i_cache_width(cache), err);
    uint64_t n = 0;
    for (size_t q = 0; q < dataset->n_queries; q++) {
        const dataset_query *query = &dataset->queries[q];
        if (query->embedding == NULL)
            continue;
        bool is_new;
        const mlsel_status status = mlsel_i_cache_put(cache, query->text, query->size, query->embedding,
                                                      dataset->embedding_width, &is_new, err);
        if (status != MLSEL_OK)
            return status;
        n += is_new;
    }
    if (added != NULL)
        *added = n;
    return mlsel_i_ok(err);
}
