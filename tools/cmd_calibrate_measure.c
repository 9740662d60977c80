/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_calibrate_measure.h"

#include <math.h>
#include <stdlib.h>

#include "tool.h"

/* A guess and what became of it. */
typedef struct outcome {
    double confidence, share, quality;
} outcome;

typedef struct outcomes {
    outcome *list;
    size_t n;
} outcomes;

static double mean_square(const outcomes *o, double (*guess)(const outcome *, double), double mean) {
    double sum = 0;
    for (size_t i = 0; i < o->n; ++i) {
        const double error = guess(&o->list[i], mean) - o->list[i].quality;
        sum += error * error;
    }
    return sum / (double)o->n;
}

static double by_confidence(const outcome *o, double mean) {
    (void)mean;
    return o->confidence;
}

static double by_share(const outcome *o, double mean) {
    (void)mean;
    return o->share;
}

static double by_mean(const outcome *o, double mean) {
    (void)o;
    return mean;
}

static measure measure_of(const outcomes *o) {
    measure m = {o->n, (double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
    if (o->n == 0)
        return m;
    m.quality = m.confidence = 0;
    for (size_t i = 0; i < o->n; ++i) {
        m.quality += o->list[i].quality / (double)o->n;
        m.confidence += o->list[i].confidence / (double)o->n;
    }
    m.brier = mean_square(o, by_confidence, 0);
    m.brier_of_share = mean_square(o, by_share, 0);
    m.brier_of_mean = mean_square(o, by_mean, m.quality);
    return m;
}

/* As `mlsel evaluate` has them. */
static mlsel_status find_bins(const mlsel_dataset *dataset, const mlsel_model *model, reliability *out,
                              mlsel_error *err) {
    const mlsel_contender contender = {"the artifact", model};
    mlsel_evaluate_options options;
    mlsel_evaluation *evaluation = NULL;
    mlsel_policy policy = {0};
    mlsel_evaluate_options_init(&options, sizeof options);
    options.resamples = options.curve_points = 0; /* only the bins are of use here */
    const mlsel_status status = mlsel_evaluate(dataset, &contender, 1, &options, &evaluation, err);
    if (status != MLSEL_OK)
        return status;
    size_t index = 0;
    while (index < mlsel_evaluation_policy_count(evaluation) && policy.kind != MLSEL_POLICY_SELECTOR)
        mlsel_evaluation_get_policy(evaluation, index++, &policy, sizeof policy, NULL);
    const mlsel_reliability *bins = mlsel_evaluation_reliability(evaluation, index - 1, &out->n_bins);
    out->bins = tool_alloc(out->n_bins, sizeof *out->bins);
    for (size_t i = 0; i < out->n_bins; ++i)
        out->bins[i] = bins[i];
    mlsel_evaluation_free(evaluation);
    return MLSEL_OK;
}

/* Everything about one query: features, scores, what follows from them. */
typedef struct query_room {
    float *features;
    double *scores, *shares, *confidences, *quality; /* [n_labels] */
    int32_t *labels;                                 /* [models of the dataset] */
    uint8_t *mask;
    size_t n_features, n_labels, n_models, embedding_width;
} query_room;

static void make_room(const mlsel_dataset *dataset, const mlsel_model *model, query_room *r) {
    mlsel_dataset_info data = {0};
    mlsel_model_info info = {0};
    mlsel_dataset_get_info(dataset, &data, sizeof data, NULL);
    mlsel_model_get_info(model, &info, sizeof info, NULL);
    r->n_features = info.n_features;
    r->n_labels = info.n_labels;
    r->n_models = (size_t)data.n_models;
    r->embedding_width = (size_t)data.embedding_width;
    r->features = tool_alloc(r->n_features, sizeof *r->features);
    r->scores = tool_alloc(r->n_labels, sizeof *r->scores);
    r->shares = tool_alloc(r->n_labels, sizeof *r->shares);
    r->confidences = tool_alloc(r->n_labels, sizeof *r->confidences);
    r->quality = tool_alloc(r->n_labels, sizeof *r->quality);
    r->labels = tool_alloc(r->n_models, sizeof *r->labels);
    r->mask = tool_alloc(r->n_labels, sizeof *r->mask);
    for (size_t m = 0; m < r->n_models; ++m) {
        r->labels[m] = mlsel_model_find_label(model, mlsel_dataset_model(dataset, m));
        if (r->labels[m] >= 0)
            r->mask[r->labels[m]] = 1;
    }
}

static void free_room(query_room *r) {
    free(r->features);
    free(r->scores);
    free(r->shares);
    free(r->confidences);
    free(r->quality);
    free(r->labels);
    free(r->mask);
}

/* The query's scores and what they mean, and what is known of its answers. */
static mlsel_status ask(const mlsel_dataset *dataset, const mlsel_model *model, size_t q, query_room *r,
                        mlsel_selection *best, mlsel_error *err) {
    mlsel_query_options options;
    mlsel_observation seen;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = r->mask;
    options.eligible_mask_size = r->n_labels;
    for (size_t i = 0; i < r->n_labels; ++i)
        r->quality[i] = (double)NAN;
    for (size_t m = 0; m < r->n_models; ++m)
        if (r->labels[m] >= 0 && mlsel_dataset_observe(dataset, q, m, &seen, NULL) == MLSEL_OK)
            r->quality[r->labels[m]] = seen.quality;
    mlsel_status status =
        mlsel_features_compose(model, NULL, mlsel_dataset_embedding(dataset, q), r->embedding_width,
                               mlsel_dataset_category(dataset, q), r->features, r->n_features, NULL, err);
    if (status == MLSEL_OK)
        status = mlsel_score(model, r->features, r->n_features, NULL, r->scores, r->n_labels, err);
    if (status == MLSEL_OK)
        status = mlsel_probabilities(model, r->scores, r->n_labels, NULL, r->shares, err);
    if (status == MLSEL_OK)
        status = mlsel_confidences(model, r->scores, r->n_labels, r->confidences, err);
    return status == MLSEL_OK ? mlsel_select(model, r->features, r->n_features, &options, best, err) : status;
}

static void note(outcomes *o, const query_room *r, int32_t label) {
    if (!isnan(r->quality[label]) && !isnan(r->confidences[label]) && isfinite(r->scores[label]))
        o->list[o->n++] = (outcome){r->confidences[label], r->shares[label], r->quality[label]};
}

mlsel_status reliability_measure(const mlsel_dataset *dataset, const mlsel_model *model, reliability *out,
                                 mlsel_error *err) {
    mlsel_dataset_info data = {0};
    query_room room = {0};
    mlsel_status status = mlsel_dataset_get_info(dataset, &data, sizeof data, err);
    if (status != MLSEL_OK)
        return status;
    const size_t n = (size_t)data.n_queries;
    make_room(dataset, model, &room);
    outcome *space = tool_alloc(n, (room.n_labels + 1) * sizeof *space);
    outcomes *all = tool_alloc(room.n_labels + 1, sizeof *all); /* the choices come last */
    for (size_t i = 0; i <= room.n_labels; ++i)
        all[i].list = space + i * n;
    for (size_t q = 0; q < n && status == MLSEL_OK; ++q) {
        mlsel_selection best;
        status = ask(dataset, model, q, &room, &best, err);
        for (size_t i = 0; i < room.n_labels && status == MLSEL_OK; ++i)
            note(&all[i], &room, (int32_t)i);
        if (status == MLSEL_OK)
            note(&all[room.n_labels], &room, best.index);
    }
    if (status == MLSEL_OK) {
        *out = (reliability){.labels = tool_alloc(room.n_labels, sizeof *out->labels), .n_labels = room.n_labels};
        for (size_t i = 0; i < room.n_labels; ++i)
            out->labels[i] = measure_of(&all[i]);
        out->choice = measure_of(&all[room.n_labels]);
        status = find_bins(dataset, model, out, err);
    }
    free(space);
    free(all);
    free_room(&room);
    return status;
}

void reliability_free(reliability *r) {
    free(r->labels);
    free(r->bins);
}
