/* SPDX-License-Identifier: Apache-2.0 */
#include "held_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void mlsel_i_held_out_free(held_out *h) {
    mlsel_i_free(h->x);
    mlsel_i_free(h->quality);
    mlsel_i_free(h->matched);
    *h = (held_out){0};
}

static mlsel_status compose(const mlsel_dataset *dataset, const mlsel_model *model, size_t width, held_out *out,
                            mlsel_error *err) {
    for (size_t q = 0; q < out->n_queries; q++) {
        const float *embedding = mlsel_dataset_embedding(dataset, q);
        if (embedding == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND,
                                "query %zu (\"%.60s\") has no embedding: read embeddings, compute them, or drop such "
                                "queries",
                                q, mlsel_dataset_query(dataset, q));
        const mlsel_status status =
            mlsel_features_compose(model, NULL, embedding, width, mlsel_dataset_category(dataset, q),
                                   out->x + q * out->n_features, out->n_features, NULL, err);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

static mlsel_status match(const mlsel_dataset *dataset, const mlsel_model *model, size_t n_models, held_out *out,
                          mlsel_error *err) {
    size_t n_matched = 0;
    for (size_t i = 0; i < out->n_queries * out->n_labels; i++)
        out->quality[i] = (double)NAN;
    for (size_t m = 0; m < n_models; m++) {
        const int32_t label = mlsel_model_find_label(model, mlsel_dataset_model(dataset, m));
        mlsel_observation seen;
        if (label < 0)
            continue;
        out->matched[label] = 1;
        n_matched++;
        for (size_t q = 0; q < out->n_queries; q++) {
            const mlsel_status status = mlsel_dataset_observe(dataset, q, m, &seen, err);
            if (status != MLSEL_OK)
                return status;
            out->quality[q * out->n_labels + (size_t)label] = seen.quality;
        }
    }
    if (n_matched > 0)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED, "the records have none of the artifact's models, as \"%.60s\"",
                        mlsel_model_label(model, 0));
}

mlsel_status mlsel_i_held_out_create(const mlsel_dataset *dataset, const mlsel_model *model, held_out *out,
                                     mlsel_error *err) {
    mlsel_dataset_info data;
    mlsel_model_info info;
    mlsel_status status = mlsel_dataset_get_info(dataset, &data, sizeof data, err);
    if (status != MLSEL_OK || (status = mlsel_model_get_info(model, &info, sizeof info, err)) != MLSEL_OK)
        return status;
    if (data.n_queries == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED, "the dataset has no queries");
    held_out own = {.n_queries = (size_t)data.n_queries, .n_labels = info.n_labels, .n_features = info.n_features};
    own.x = mlsel_i_alloc(own.n_queries, own.n_features * sizeof *own.x);
    own.quality = mlsel_i_alloc(own.n_queries, own.n_labels * sizeof *own.quality);
    own.matched = mlsel_i_calloc(own.n_labels, sizeof *own.matched);
    if (own.x == NULL || own.quality == NULL || own.matched == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = match(dataset, model, (size_t)data.n_models, &own, err);
    if (status == MLSEL_OK)
        status = compose(dataset, model, (size_t)data.embedding_width, &own, err);
    if (status == MLSEL_OK)
        *out = own;
    else
        mlsel_i_held_out_free(&own);
    return status;
}
