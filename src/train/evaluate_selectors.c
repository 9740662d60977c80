/* SPDX-License-Identifier: Apache-2.0 */
/* Asking contenders: their queries composed and answered in batches, by several threads if there are. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dataset.h"
#include "evaluate.h"

/* Batches are the same whatever the number of threads, as an SVM's or MLP's scores may depend on them. */
enum { BATCH = 256 };

/* What one thread works with. */
typedef struct ask_slot {
    float *features; /* [BATCH][n_features] */
    mlsel_selection *answers;
    double *scores; /* [BATCH][n_labels], then [n_labels] confidences; NULL where nobody asks for confidences */
    mlsel_status status;
    mlsel_error err;
} ask_slot;

typedef struct asking {
    const mlsel_dataset *dataset;
    const mlsel_model *model;
    mlsel_model_info info;
    size_t n_models, n_labels;
    int32_t *label_of; /* [n_models] -1: the artifact does not know the model */
    int32_t *model_of; /* [n_labels] the inverse */
    uint8_t *mask;     /* [n_labels] */
    mlsel_query_options options;
    int32_t *choices;
    double *confidence; /* [n_queries][n_models] or NULL */
    ask_slot *slots;
    size_t n_slots, first; /* batch of the first slot */
} asking;

/* --- one batch ---------------------------------------------------------------------------------------------------- */

static mlsel_status compose(const asking *a, size_t begin, size_t n, float *features, mlsel_error *err) {
    const size_t width = a->dataset->embedding_width, n_features = a->info.n_features;
    for (size_t i = 0; i < n; i++) {
        const dataset_query *query = &a->dataset->queries[begin + i];
        float *row = features + i * n_features;
        if (a->info.n_categories == 0) {
            memcpy(row, query->embedding, width * sizeof *row);
            continue;
        }
        const mlsel_status status = mlsel_features_compose(a->model, NULL, query->embedding, width, query->category,
                                                           row, n_features, NULL, err);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

static mlsel_status fill_confidence(const asking *a, ask_slot *slot, size_t begin, size_t n) {
    double *own = slot->scores + BATCH * a->n_labels;
    mlsel_status status = mlsel_score_batch(a->model, slot->features, n, a->info.n_features, a->info.n_features,
                                            &a->options, slot->scores, a->n_labels, &slot->err);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        status = mlsel_confidences(a->model, slot->scores + i * a->n_labels, a->n_labels, own, &slot->err);
        double *row = a->confidence + (begin + i) * a->n_models;
        for (size_t m = 0; m < a->n_models && status == MLSEL_OK; m++)
            row[m] = a->label_of[m] < 0 ? (double)NAN : own[a->label_of[m]];
    }
    return status;
}

static void ask_batch(void *context, size_t part) {
    asking *a = context;
    ask_slot *slot = &a->slots[part];
    const size_t begin = (a->first + part) * BATCH;
    const size_t left = a->dataset->n_queries - begin, n = left < BATCH ? left : BATCH;
    slot->status = compose(a, begin, n, slot->features, &slot->err);
    if (slot->status == MLSEL_OK)
        slot->status = mlsel_select_batch(a->model, slot->features, n, a->info.n_features, a->info.n_features,
                                          &a->options, slot->answers, &slot->err);
    for (size_t i = 0; i < n && slot->status == MLSEL_OK; i++)
        a->choices[begin + i] = a->model_of[slot->answers[i].index];
    if (slot->status == MLSEL_OK && a->confidence != NULL)
        slot->status = fill_confidence(a, slot, begin, n);
}

/* --- all batches -------------------------------------------------------------------------------------------------- */

static mlsel_status ask_all(asking *a, evaluate_run *e, const char *name) {
    const size_t n = a->dataset->n_queries, n_batches = (n + BATCH - 1) / BATCH;
    char stage[96];
    mlsel_status status = MLSEL_OK;
    snprintf(stage, sizeof stage, "%.64s: choosing", name);
    for (a->first = 0; a->first < n_batches && status == MLSEL_OK; a->first += a->n_slots) {
        const size_t left = n_batches - a->first, parts = left < a->n_slots ? left : a->n_slots;
        mlsel_i_team_run(e->run.team, ask_batch, a, parts);
        for (size_t i = 0; i < parts && status == MLSEL_OK; i++)
            if ((status = a->slots[i].status) != MLSEL_OK && e->run.err != NULL)
                *e->run.err = a->slots[i].err;
        const size_t done = (a->first + parts) * BATCH;
        if (status == MLSEL_OK)
            status = mlsel_i_run_report(&e->run, stage, done < n ? done : n, n, (double)NAN, (double)NAN);
    }
    return status;
}

/* --- before that -------------------------------------------------------------------------------------------------- */

static mlsel_status check_embeddings(const asking *a, mlsel_error *err) {
    const mlsel_dataset *dataset = a->dataset;
    const size_t wanted = a->info.n_features - a->info.n_categories;
    const mlsel_status status = mlsel_i_dataset_check_embedded(dataset, err);
    if (status != MLSEL_OK || dataset->embedding_width == wanted)
        return status;
    return mlsel_i_fail(err, MLSEL_ERROR_DIMENSION,
                        "the embeddings have %zu values, and the artifact expects %zu and %u categories: evaluate with "
                        "the embedding model that it was trained with",
                        dataset->embedding_width, wanted, (unsigned)a->info.n_categories);
}

static mlsel_status match_labels(asking *a, mlsel_error *err) {
    size_t known = 0;
    for (size_t m = 0; m < a->n_models; m++) {
        const char *name = a->dataset->models[a->dataset->model_order[m]];
        const int32_t label = mlsel_model_find_label(a->model, name);
        a->label_of[m] = label;
        if (label < 0)
            continue;
        a->mask[label] = 1;
        a->model_of[label] = (int32_t)m;
        known++;
    }
    if (known > 0)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE,
                        "the artifact knows none of the %zu models of the dataset: its first one is \"%.60s\", the "
                        "dataset's \"%.60s\"",
                        a->n_models, mlsel_model_label(a->model, 0), a->dataset->models[a->dataset->model_order[0]]);
}

static void free_asking(asking *a) {
    for (size_t i = 0; a->slots != NULL && i < a->n_slots; i++) {
        mlsel_i_free(a->slots[i].features);
        mlsel_i_free(a->slots[i].answers);
        mlsel_i_free(a->slots[i].scores);
    }
    mlsel_i_free(a->slots);
    mlsel_i_free(a->label_of);
    mlsel_i_free(a->model_of);
    mlsel_i_free(a->mask);
}

static bool alloc_asking(asking *a, const train_run *run) {
    const uint32_t size = mlsel_i_team_size(run->team);
    a->label_of = mlsel_i_alloc(a->n_models, sizeof *a->label_of);
    a->model_of = mlsel_i_alloc(a->n_labels, sizeof *a->model_of);
    a->mask = mlsel_i_calloc(a->n_labels, sizeof *a->mask);
    a->slots = mlsel_i_calloc(size, sizeof *a->slots);
    if (a->label_of == NULL || a->model_of == NULL || a->mask == NULL || a->slots == NULL)
        return false;
    a->n_slots = size;
    for (size_t i = 0; i < a->n_slots; i++) {
        ask_slot *slot = &a->slots[i];
        slot->features = mlsel_i_alloc(BATCH, a->info.n_features * sizeof *slot->features);
        slot->answers = mlsel_i_alloc(BATCH, sizeof *slot->answers);
        if (a->confidence != NULL)
            slot->scores = mlsel_i_alloc(BATCH + 1, a->n_labels * sizeof *slot->scores);
        if (slot->features == NULL || slot->answers == NULL || (a->confidence != NULL && slot->scores == NULL))
            return false;
    }
    return true;
}

mlsel_status mlsel_i_evaluate_contender(evaluate_run *e, const mlsel_contender *contender, policy_state *policy) {
    asking a = {.dataset = e->dataset,
                .model = contender->model,
                .n_models = e->grid.n_models,
                .n_labels = mlsel_model_label_count(contender->model)};
    mlsel_error *err = e->run.err;
    mlsel_status status = mlsel_model_get_info(a.model, &a.info, sizeof a.info, err);
    if (status != MLSEL_OK)
        return status;
    policy->choices = mlsel_i_alloc(e->grid.n_queries, sizeof *policy->choices);
    if (a.info.is_calibrated != 0)
        policy->confidence = mlsel_i_alloc(e->grid.n_queries * a.n_models, sizeof *policy->confidence);
    a.choices = policy->choices;
    a.confidence = policy->confidence;
    if (a.choices == NULL || (a.info.is_calibrated != 0 && a.confidence == NULL) || !alloc_asking(&a, &e->run)) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    mlsel_query_options_init(&a.options, sizeof a.options);
    a.options.eligible_mask = a.mask;
    a.options.eligible_mask_size = a.n_labels;
    if ((status = check_embeddings(&a, err)) == MLSEL_OK && (status = match_labels(&a, err)) == MLSEL_OK)
        status = ask_all(&a, e, policy->name);
    if (status != MLSEL_OK && status != MLSEL_ERROR_CANCELLED) {
        char prefix[80];
        snprintf(prefix, sizeof prefix, "%.64s: ", policy->name);
        mlsel_i_error_prefix(err, prefix);
    }
out:
    free_asking(&a);
    return status;
}
