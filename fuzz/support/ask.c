/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* --- what was answered ------------------------------------------------------------------------------------------- */

void fuzz_record_add(struct fuzz_record *record, const void *bytes, size_t size) {
    if (record == NULL || size == 0)
        return;
    if (record->size + size > record->capacity) {
        record->capacity = 2 * (record->size + size);
        record->bytes = realloc(record->bytes, record->capacity);
        FUZZ_CHECK(record->bytes != NULL);
    }
    memcpy(record->bytes + record->size, bytes, size);
    record->size += size;
}

void fuzz_record_free(struct fuzz_record *record) {
    free(record->bytes);
    *record = (struct fuzz_record){0};
}

/* NaN has many bits, of which it does not matter which. */
static void add_numbers(struct fuzz_record *record, const double *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double value = isnan(x[i]) ? (double)NAN : x[i];
        fuzz_record_add(record, &value, sizeof value);
    }
}

/* --- one query --------------------------------------------------------------------------------------------------- */

/* What a call is made with, and room for all that it can say. */
struct asking {
    const mlsel_model *model;
    mlsel_model_info info;
    bool is_sound; /* all values are known to be numbers */
    struct fuzz_record *record;
    double query[FUZZ_MAX_FEATURES];
    float narrow[FUZZ_MAX_FEATURES];
    double scores[FUZZ_MAX_LABELS], probabilities[FUZZ_MAX_LABELS], confidences[FUZZ_MAX_LABELS];
    double again[FUZZ_MAX_LABELS], costs[FUZZ_MAX_LABELS];
    uint8_t mask[FUZZ_MAX_LABELS];
    mlsel_outcome outcomes[FUZZ_MAX_LABELS];
    int32_t votes[FUZZ_MAX_LABELS];
    mlsel_neighbour neighbours[FUZZ_MAX_ROWS];
    double measures[FUZZ_MAX_LABELS * 8];
};

static void check_selection(const struct asking *a, const mlsel_query_options *options, const mlsel_selection *s) {
    const int32_t n = (int32_t)a->info.n_labels;
    FUZZ_CHECK(s->index >= 0 && s->index < n && s->runner_up >= -1 && s->runner_up < n && s->runner_up != s->index);
    FUZZ_CHECK(mlsel_model_label(a->model, s->index) != NULL);
    if (options != NULL && options->eligible_mask != NULL) {
        FUZZ_CHECK(options->eligible_mask[s->index] != 0);
        FUZZ_CHECK(s->runner_up < 0 || options->eligible_mask[s->runner_up] != 0);
    }
    if (a->is_sound) {
        FUZZ_CHECK(isfinite(s->score) && !isnan(s->margin));
        FUZZ_CHECK(s->probability >= 0 && s->probability <= 1 + 1e-9);
        FUZZ_CHECK(s->confidence >= 0 && s->confidence <= 1);
    }
}

static void check_evidence(const struct asking *a, const mlsel_evidence *e) {
    double sum = 0;
    for (size_t i = 0; i < a->info.n_labels && a->is_sound; i++) {
        FUZZ_CHECK(isfinite(a->scores[i]) || (isinf(a->scores[i]) && a->scores[i] < 0));
        FUZZ_CHECK(a->probabilities[i] >= 0 && a->probabilities[i] <= 1 + 1e-9);
        sum += a->probabilities[i];
    }
    FUZZ_CHECK(!a->is_sound || fabs(sum - 1) < 1e-6);
    FUZZ_CHECK(e->neighbour_count <= a->info.n_samples);
    for (size_t i = 0; i < e->neighbour_count; i++) {
        const mlsel_neighbour *x = &a->neighbours[i];
        FUZZ_CHECK(x->row < a->info.n_samples && x->label >= 0 && x->label < (int32_t)a->info.n_labels);
        if (i > 0 && a->is_sound)
            FUZZ_CHECK(x[-1].distance < x->distance || (x[-1].distance <= x->distance && x[-1].row < x->row));
    }
    FUZZ_CHECK(e->cluster_count <= a->info.n_clusters && e->pair_count <= a->info.n_pairs);
}

/* The arrays of one explanation, as large as they need to be. */
static void prepare_evidence(struct asking *a, mlsel_evidence *e) {
    mlsel_evidence_init(e, sizeof *e);
    e->scores = a->scores;
    e->probabilities = a->probabilities;
    e->outcomes = a->outcomes;
    e->votes = a->votes;
    e->scores_capacity = e->probabilities_capacity = e->outcomes_capacity = e->votes_capacity = a->info.n_labels;
    e->confidences = a->confidences;
    e->confidences_capacity = a->info.n_labels;
    e->neighbours = a->neighbours;
    e->neighbours_capacity = FUZZ_MAX_ROWS;
    e->cluster_distances = e->pair_decisions = a->measures;
    e->cluster_distances_capacity = e->pair_decisions_capacity = sizeof a->measures / sizeof *a->measures;
}

static void record_evidence(const struct asking *a, const mlsel_evidence *e) {
    struct fuzz_record *r = a->record;
    fuzz_record_add(r, &e->selection.index, sizeof e->selection.index);
    fuzz_record_add(r, &e->selection.runner_up, sizeof e->selection.runner_up);
    fuzz_record_add(r, &e->selection.cluster, sizeof e->selection.cluster);
    fuzz_record_add(r, &e->selection.flags, sizeof e->selection.flags);
    add_numbers(r, &e->selection.score, 1);
    add_numbers(r, &e->selection.margin, 1);
    add_numbers(r, &e->selection.probability, 1);
    add_numbers(r, &e->selection.confidence, 1);
    add_numbers(r, a->scores, a->info.n_labels);
    add_numbers(r, a->measures, e->cluster_count + e->pair_count);
    for (size_t i = 0; i < e->neighbour_count; i++) {
        fuzz_record_add(r, &a->neighbours[i].row, sizeof a->neighbours[i].row);
        add_numbers(r, &a->neighbours[i].distance, 1);
        add_numbers(r, &a->neighbours[i].vote, 1);
    }
}

/* The same bits, or both NaN. */
static bool is_same(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

/* The other calls give what the explanation has. */
static void check_other_calls(struct asking *a, const mlsel_query_options *options, const mlsel_evidence *e) {
    const size_t n = a->info.n_features;
    mlsel_error err;
    mlsel_selection s;
    FUZZ_CHECK(mlsel_select_f64(a->model, a->query, n, options, &s, &err) == MLSEL_OK);
    FUZZ_CHECK(s.index == e->selection.index && s.runner_up == e->selection.runner_up && s.flags == e->selection.flags);
    FUZZ_CHECK(is_same(s.score, e->selection.score) && is_same(s.probability, e->selection.probability));
    FUZZ_CHECK(mlsel_score_f64(a->model, a->query, n, options, a->again, a->info.n_labels, &err) == MLSEL_OK);
    for (size_t i = 0; i < a->info.n_labels; i++)
        FUZZ_CHECK(is_same(a->again[i], a->scores[i]));
    for (size_t i = 0; i < n; i++)
        a->narrow[i] = (float)a->query[i];
    FUZZ_CHECK(mlsel_select(a->model, a->narrow, n, options, &s, &err) == MLSEL_OK);
    check_selection(a, options, &s);
    mlsel_selection both[2];
    /* the second query is the first one: a stride of 0 is refused, so it is not used here */
    FUZZ_CHECK(mlsel_select_batch(a->model, a->narrow, 1, n, n, options, both, &err) == MLSEL_OK);
    if (a->info.algorithm == MLSEL_ALGORITHM_KNN || a->info.algorithm == MLSEL_ALGORITHM_KMEANS)
        FUZZ_CHECK(both[0].index == s.index && is_same(both[0].score, s.score));
}

static void ask_once(struct asking *a, const mlsel_query_options *options) {
    mlsel_error err;
    mlsel_evidence e;
    prepare_evidence(a, &e);
    const mlsel_status status = mlsel_explain_f64(a->model, a->query, a->info.n_features, options, &e, &err);
    fuzz_record_add(a->record, &status, sizeof status);
    if (status != MLSEL_OK) {
        FUZZ_CHECK(err.code == status && memchr(err.message, '\0', sizeof err.message) != NULL);
        FUZZ_CHECK_THAT(status == MLSEL_ERROR_NO_CANDIDATE || status == MLSEL_ERROR_NOT_FINITE ||
                            status == MLSEL_ERROR_UNSUPPORTED || status == MLSEL_ERROR_INVALID_ARGUMENT,
                        "%s: %s", mlsel_status_name(status), err.message);
        return;
    }
    check_selection(a, options, &e.selection);
    check_evidence(a, &e);
    record_evidence(a, &e);
    check_other_calls(a, options, &e);
}

/* --- queries of every kind --------------------------------------------------------------------------------------- */

static void make_query(struct asking *a, struct fuzz_input *in) {
    const size_t n = a->info.n_features;
    const uint8_t kind = fuzz_u8(in);
    const double scale = kind < 200 ? 1 : kind < 220 ? 1e30 : kind < 240 ? 1e-30 : 3e38;
    double cycle[8];
    for (size_t i = 0; i < 8; i++)
        cycle[i] = fuzz_double(in);
    for (size_t i = 0; i < n; i++)
        a->query[i] = cycle[(i + i / 8) % 8] * scale;
    if (kind % 4 == 3)
        memset(a->query, 0, n * sizeof *a->query);
}

static void ask_restricted(struct asking *a, struct fuzz_input *in) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    for (size_t i = 0; i < a->info.n_labels; i++)
        a->mask[i] = i < 16 ? fuzz_bool(in) : 1;
    options.eligible_mask = a->mask;
    options.eligible_mask_size = a->info.n_labels;
    ask_once(a, &options);
    mlsel_tradeoff tradeoff;
    mlsel_tradeoff_init(&tradeoff, sizeof tradeoff);
    tradeoff.quality_weight = fuzz_double(in);
    tradeoff.latency_weight = fuzz_double(in);
    tradeoff.cost_weight = fuzz_double(in);
    tradeoff.latency_scale_ns = fuzz_double(in);
    tradeoff.flags = fuzz_bool(in) ? MLSEL_TRADEOFF_TOLERANCE : 0;
    tradeoff.tolerance = tradeoff.flags != 0 ? fuzz_double(in) : 0;
    if (fuzz_bool(in)) {
        for (size_t i = 0; i < a->info.n_labels; i++)
            a->costs[i] = i < 16 ? fuzz_double(in) : 1;
        tradeoff.costs = a->costs;
        tradeoff.n_costs = a->info.n_labels;
    }
    options.tradeoff = &tradeoff;
    ask_once(a, &options);
    options.eligible_mask = NULL;
    options.eligible_mask_size = 0;
    ask_once(a, &options);
}

/* What is not finite is named by its place. */
static void ask_not_finite(struct asking *a, struct fuzz_input *in) {
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300};
    const size_t n = a->info.n_features, at = fuzz_u16(in) % n;
    mlsel_error err;
    mlsel_selection s;
    memset(a->query, 0, n * sizeof *a->query);
    a->query[at] = bad[fuzz_below(in, 4)];
    FUZZ_CHECK(mlsel_select_f64(a->model, a->query, n, NULL, &s, &err) == MLSEL_ERROR_NOT_FINITE && err.detail == at);
    FUZZ_CHECK(mlsel_select_f64(a->model, a->query, n + 1, NULL, &s, &err) == MLSEL_ERROR_DIMENSION && err.detail == n);
}

static void describe(const mlsel_model *model, const mlsel_model_info *info) {
    mlsel_error err;
    FUZZ_CHECK(info->n_features > 0 && info->n_labels > 0 && mlsel_model_label_count(model) == info->n_labels);
    for (uint32_t i = 0; i < info->n_labels; i++) {
        const char *name = mlsel_model_label(model, (int32_t)i);
        FUZZ_CHECK(name != NULL && mlsel_model_find_label(model, name) == (int32_t)i);
    }
    FUZZ_CHECK(mlsel_model_label(model, (int32_t)info->n_labels) == NULL && mlsel_model_label(model, -1) == NULL);
    for (uint32_t i = 0; i < info->n_categories; i++)
        FUZZ_CHECK(mlsel_model_category(model, (int32_t)i) != NULL);
    for (uint32_t i = 0; i < info->n_clusters; i++)
        FUZZ_CHECK(mlsel_model_cluster_label(model, i) < (int32_t)info->n_labels);
    for (uint32_t i = 0; i < info->n_classes; i++)
        FUZZ_CHECK(mlsel_model_class_label(model, i) < (int32_t)info->n_labels);
    mlsel_layer_info layer;
    for (uint32_t i = 0; i < info->n_layers; i++)
        FUZZ_CHECK(mlsel_model_get_layer(model, i, &layer, sizeof layer, &err) == MLSEL_OK);
}

void fuzz_ask(const mlsel_model *model, struct fuzz_input in, struct fuzz_record *record) {
    static struct asking asking;
    struct asking *a = &asking;
    mlsel_error err;
    a->model = model;
    a->record = record;
    FUZZ_CHECK(mlsel_model_get_info(model, &a->info, sizeof a->info, &err) == MLSEL_OK);
    a->is_sound = a->info.values_known != 0;
    describe(model, &a->info);
    if (a->info.n_features >= FUZZ_MAX_FEATURES || a->info.n_labels > FUZZ_MAX_LABELS ||
        a->info.n_samples > FUZZ_MAX_ROWS || a->info.n_clusters + a->info.n_pairs > FUZZ_MAX_LABELS * 8)
        return;
    for (int i = 0; i < 3; i++) {
        make_query(a, &in);
        ask_once(a, NULL);
    }
    ask_restricted(a, &in);
    ask_not_finite(a, &in);
}

void fuzz_model_options(struct fuzz_input *in, mlsel_model_options *options) {
    static const uint32_t ks[] = {0, 0, 1, 2, 5, 100, UINT32_MAX};
    mlsel_model_options_init(options, sizeof *options);
    options->max_bytes = 1 << 20;
    options->k = ks[fuzz_below(in, sizeof ks / sizeof *ks)];
    options->knn_rule = (mlsel_knn_rule)fuzz_below(in, 4);
    options->precision = (mlsel_precision)fuzz_below(in, 5);
    options->category_layout = (mlsel_category_layout)fuzz_below(in, 2);
}
