/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset_embed.h"

#include <stdio.h>
#include <stdlib.h>

#include "progress.h"
#include "text.h"

#if MLSEL_TOOL_COLLECT
#include "embed.h"
#include "interrupt.h"

size_t dataset_embed_known_width(const dataset_args *d, const char *cache_dir) {
    const mlsel_embedding_model *known = mlsel_embedding_model_find(d->embedding_model);
    char name[DATASET_EMBED_NAME_SIZE];
    failure ignored = {0};
    if (d->embedding.dimensions > 0)
        return d->embedding.dimensions;
    if (known != NULL)
        return known->width;
    return dataset_embed_cache_name(d, name, sizeof name, &ignored) ? mlsel_embedding_cached_width(cache_dir, name) : 0;
}

bool dataset_embed_cache_name(const dataset_args *d, char *out, size_t size, failure *problem) {
    mlsel_error err;
    const embedding_args *e = &d->embedding;
    if (mlsel_embedding_cache_name(d->embedding_model, e->prefix, e->raw, e->dimensions, out, size, &err) == MLSEL_OK)
        return true;
    failure_set(problem, EXIT_USAGE, "%s", err.message);
    return false;
}

typedef struct embedding_work {
    mlsel_dataset *dataset;
    const size_t *queries; /* of the texts */
    size_t n, done;
    uint64_t failed;
    progress progress;
    mlsel_error err; /* of the dataset */
} embedding_work;

static int32_t on_embedding(size_t index, const float *values, size_t width, const char *message, void *user) {
    embedding_work *w = user;
    char text[TEXT_NUMBER + 32], number[TEXT_NUMBER];
    if (values == NULL && w->failed++ == 0) {
        progress_clear(&w->progress);
        char *query = text_shortened(mlsel_dataset_query(w->dataset, w->queries[index]), 60);
        tool_warning("\"%s\" cannot be embedded: %s", query, message);
        free(query);
    } else if (values != NULL &&
               mlsel_dataset_set_embedding(w->dataset, w->queries[index], values, width, &w->err) != MLSEL_OK) {
        return 1;
    }
    w->done++;
    snprintf(text, sizeof text, "embedding queries: %s", text_count(number, w->done));
    progress_stage(&w->progress, text, (double)w->done / (double)w->n);
    return 0;
}

static bool embed(const dataset_args *d, const char *cache_dir, size_t width, embedding_work *w, const char **texts,
                  failure *problem) {
    mlsel_error err;
    mlsel_embedder_counts counts;
    char computed[TEXT_NUMBER], cached[TEXT_NUMBER];
    mlsel_embedder *embedder = embedding_args_open(&d->embedding, d->embedding_model, cache_dir, width, true, problem);
    if (embedder == NULL)
        return false;
    progress_start_stages(&w->progress);
    const mlsel_status status = mlsel_embedder_run(embedder, texts, w->n, on_embedding, w, &err);
    progress_clear(&w->progress);
    interrupt_release(); /* what follows may not ask */
    mlsel_embedder_get_counts(embedder, &counts);
    mlsel_embedder_close(embedder);
    if (counts.not_stored)
        tool_warning("embeddings were not kept in the cache: %s", counts.cache_message);
    if (counts.computed > 0 || counts.cached > 0)
        tool_notice("embedded %s queries; %s more were in %s", text_count(computed, counts.computed),
                    text_count(cached, counts.cached), cache_dir);
    if (status == MLSEL_OK)
        return true;
    embedding_args_failed(&d->embedding, w->err.code != MLSEL_OK ? &w->err : &err, problem);
    return false;
}

bool dataset_embed_missing(const dataset_args *d, const char *cache_dir, mlsel_dataset *dataset, failure *problem) {
    mlsel_dataset_info info = {0};
    mlsel_dataset_get_info(dataset, &info, sizeof info, NULL);
    if (info.n_embedded == info.n_queries)
        return true;
    size_t *queries = tool_alloc((size_t)info.n_queries, sizeof *queries);
    const char **texts = tool_alloc((size_t)info.n_queries, sizeof *texts);
    embedding_work work = {.dataset = dataset, .queries = queries};
    for (size_t q = 0; q < info.n_queries; q++) {
        if (mlsel_dataset_embedding(dataset, q) != NULL)
            continue;
        queries[work.n] = q;
        texts[work.n++] = mlsel_dataset_query(dataset, q);
    }
    const size_t width = info.embedding_width > 0 ? (size_t)info.embedding_width : d->embedding_width;
    const bool ok = embed(d, cache_dir, width, &work, texts, problem);
    free(queries);
    free(texts);
    return ok;
}
#else
size_t dataset_embed_known_width(const dataset_args *d, const char *cache_dir) {
    (void)d, (void)cache_dir;
    return 0;
}

bool dataset_embed_cache_name(const dataset_args *d, char *out, size_t size, failure *problem) {
    (void)problem;
    snprintf(out, size, "%s", d->embedding_model);
    return true;
}

bool dataset_embed_missing(const dataset_args *d, const char *cache_dir, mlsel_dataset *dataset, failure *problem) {
    (void)d, (void)cache_dir, (void)dataset;
    failure_set(problem, EXIT_USAGE, "this mlsel was built without the parts that ask servers");
    return false;
}
#endif
