/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls that answer queries: check, run on the device, apply the rule, choose. */
#include "select.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "divide.h"
#include "rules.h"

/* --- running ----------------------------------------------------------------------------------------------------- */

static mlsel_status run(const mlsel_model *model, const query_set *queries, size_t first, uint32_t count,
                        uint32_t n_neighbours, const uint8_t *mask, workspace *ws, mlsel_backend_neighbour *neighbours,
                        mlsel_error *err) {
    const mlsel_backend_run call = {
        .struct_size = sizeof call,
        .query_type = queries->type,
        .queries = mlsel_i_query_at(queries, first),
        .stride = queries->stride,
        .count = count,
        .k = n_neighbours,
        .label_mask = mask,
        .scratch = ws->scratch,
        .neighbours = neighbours,
        .neighbour_stride = model->n_neighbours,
        .values = ws->values,
        .value_stride = model->n_values,
    };
    mlsel_i_ok_quickly(err); /* a backend that fails without a word leaves no old message */
    if (model->team != NULL && queries->count == 1 && model->engine->prepared.max_parts > 1)
        return mlsel_i_run_divided(model, &call, err);
    return model->engine->backend->run(model->engine->prepared.state, &call, err);
}

/* Whether the neighbours are of use to an eligible label: as its rows, or by an outcome. */
static bool neighbours_suffice(const mlsel_model *model, const measurement *m, const terms *asked,
                               const workspace *ws) {
    const mlsel_artifact *artifact = model->artifact;
    if (model->rule == MLSEL_KNN_RULE_OUTCOMES) /* every label has a score */
        return true;
    if (asked->tradeoff != NULL)
        return mlsel_i_outcomes_suffice(model, m->mask, ws->outcomes);
    for (uint32_t i = 0; i < m->n_neighbours; i++)
        if (m->mask[artifact->knn.row_labels[m->neighbours[i].row]])
            return true;
    return false;
}

/* KNN: when no neighbour is eligible, the nearest rows that are replace them. */
static mlsel_status widen(const mlsel_model *model, const query_set *queries, size_t q, const terms *asked,
                          measurement *m, mlsel_backend_neighbour *neighbours, workspace *ws, bool *widened,
                          mlsel_error *err) {
    const mlsel_artifact *artifact = model->artifact;
    *widened = false;
    if (m->mask == NULL || artifact->scalars.algorithm != MLSEL_ALGORITHM_KNN ||
        neighbours_suffice(model, m, asked, ws))
        return MLSEL_OK;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        rows += m->mask[i] ? artifact->label_rows[i] : 0;
    m->n_neighbours = rows < model->k ? (uint32_t)rows : model->k;
    *widened = true;
    return run(model, queries, q, 1, m->n_neighbours, m->mask, ws, neighbours, err);
}

typedef void (*rank_fn)(const mlsel_model *, const measurement *, workspace *, double *, ranking *);

static rank_fn rank_of(const mlsel_model *model) {
    switch (model->artifact->scalars.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        return mlsel_i_knn_rank;
    case MLSEL_ALGORITHM_KMEANS:
        return mlsel_i_kmeans_rank;
    case MLSEL_ALGORITHM_SVM:
        return mlsel_i_svm_rank;
    default:
        return mlsel_i_mlp_rank;
    }
}

/* What becomes of each query's ranking; q counts from 0 over the whole call. */
typedef struct consumer {
    void (*take)(const struct consumer *self, const mlsel_model *model, const workspace *ws, const measurement *m,
                 const ranking *r, size_t q);
    double *scores; /* where to put the scores: row q at scores + q * score_stride; NULL: in the workspace */
    size_t score_stride;
    mlsel_selection *selections;
    mlsel_evidence *evidence;
} consumer;

/* From a query's measurements to its ranking. */
static mlsel_status rank(const mlsel_model *model, const query_set *queries, size_t q, const terms *asked,
                         measurement *m, mlsel_backend_neighbour *neighbours, workspace *ws, double *scores,
                         ranking *out, mlsel_error *err) {
    const tradeoff_plan *plan = asked->tradeoff;
    bool widened;
    if (plan != NULL)
        mlsel_i_outcomes_gather(model, m, NULL, plan->costs, ws->outcomes);
    const mlsel_status status = widen(model, queries, q, asked, m, neighbours, ws, &widened, err);
    if (status != MLSEL_OK)
        return status;
    if (plan != NULL && widened)
        mlsel_i_outcomes_gather(model, m, m->mask, plan->costs, ws->outcomes);
    if (plan != NULL)
        mlsel_i_tradeoff_rank(model, plan, m, ws, scores, out);
    else
        rank_of(model)(model, m, ws, scores, out);
    if (widened)
        out->flags |= MLSEL_SELECTION_WIDENED;
    return MLSEL_OK;
}

static mlsel_status process_chunk(const mlsel_model *model, const query_set *queries, size_t first, uint32_t count,
                                  const terms *asked, workspace *ws, const consumer *sink, mlsel_error *err) {
    mlsel_status status = run(model, queries, first, count, model->n_neighbours, NULL, ws, ws->neighbours, err);
    for (uint32_t i = 0; i < count && status == MLSEL_OK; i++) {
        mlsel_backend_neighbour *neighbours = ws->neighbours + (size_t)i * model->n_neighbours;
        measurement m = {.values = ws->values + (size_t)i * model->n_values,
                         .neighbours = neighbours,
                         .n_neighbours = model->n_neighbours,
                         .mask = asked->mask};
        ranking r;
        double *scores = sink->scores == NULL ? ws->scores : sink->scores + (first + i) * sink->score_stride;
        status = rank(model, queries, first + i, asked, &m, neighbours, ws, scores, &r, err);
        if (status == MLSEL_OK)
            sink->take(sink, model, ws, &m, &r, first + i);
    }
    return status;
}

static mlsel_status process_range(const mlsel_model *model, const query_set *queries, size_t first, size_t end,
                                  const terms *asked, workspace *ws, const consumer *sink, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    while (first < end && status == MLSEL_OK) {
        const uint32_t count = end - first < model->chunk ? (uint32_t)(end - first) : model->chunk;
        status = process_chunk(model, queries, first, count, asked, ws, sink, err);
        first += count;
    }
    return status;
}

/* --- a batch divided among threads -------------------------------------------------------------------------------- */

/* Queries of a part are a multiple of this, as that many go through together. */
enum { PART_STEP = 32 };

typedef struct shared_batch {
    const mlsel_model *model;
    const query_set *queries;
    const terms *asked;
    const consumer *sink;
    size_t part_size;
    _Atomic int32_t has_failed;
    mlsel_error err; /* of the first that failed */
} shared_batch;

static void process_part(void *context, size_t part) {
    shared_batch *batch = context;
    const size_t first = part * batch->part_size, left = batch->queries->count - first;
    const size_t end = left < batch->part_size ? batch->queries->count : first + batch->part_size;
    mlsel_error err;
    workspace *ws = mlsel_i_workspace_take(batch->model, &err);
    mlsel_status status = MLSEL_ERROR_NO_MEMORY;
    if (ws != NULL) {
        status = process_range(batch->model, batch->queries, first, end, batch->asked, ws, batch->sink, &err);
        mlsel_i_workspace_give(batch->model, ws);
    }
    int32_t none = 0;
    if (status != MLSEL_OK && atomic_compare_exchange_strong(&batch->has_failed, &none, 1)) {
        batch->err = err;
        batch->err.code = status;
    }
}

static mlsel_status process_shared(const mlsel_model *model, const query_set *queries, const terms *asked,
                                   const consumer *sink, mlsel_error *err) {
    const size_t threads = mlsel_i_team_size(model->team);
    const size_t share = (queries->count + threads - 1) / threads;
    shared_batch batch = {.model = model, .queries = queries, .asked = asked, .sink = sink};
    batch.part_size = (share + PART_STEP - 1) / PART_STEP * PART_STEP;
    mlsel_i_team_run(model->team, process_part, &batch, (queries->count + batch.part_size - 1) / batch.part_size);
    if (atomic_load(&batch.has_failed) == 0)
        return MLSEL_OK;
    if (err != NULL)
        *err = batch.err;
    return batch.err.code;
}

/* --- one call ----------------------------------------------------------------------------------------------------- */

static mlsel_status process(const mlsel_model *model, const query_set *queries, const mlsel_query_options *options,
                            const consumer *sink, mlsel_error *err) {
    mlsel_status status = mlsel_i_query_check(model, queries, err);
    if (status != MLSEL_OK)
        return status;
    small_workspace small;
    workspace *ws = mlsel_i_workspace_take_for(model, queries->count, &small, err);
    if (ws == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    terms asked;
    status = mlsel_i_terms_read(model, options, true, ws->mask, &asked, err);
    if (status == MLSEL_OK && model->team != NULL && queries->count > PART_STEP)
        status = process_shared(model, queries, &asked, sink, err);
    else if (status == MLSEL_OK)
        status = process_range(model, queries, 0, queries->count, &asked, ws, sink, err);
    mlsel_i_workspace_give_for(model, ws, &small);
    if (status == MLSEL_OK)
        return mlsel_i_ok_quickly(err);
    if (status == MLSEL_ERROR_NOT_FINITE && mlsel_i_query_checks_itself(model, queries))
        mlsel_i_query_check_values(model, queries, err); /* says which value */
    return status;
}

/* --- choosing ---------------------------------------------------------------------------------------------------- */

/* The labels with the highest and the second highest key; -1 where there is none. */
typedef struct best_two {
    int32_t best, second;
} best_two;

static bool can_be_chosen(const mlsel_model *model, const uint8_t *mask, uint32_t label) {
    return model->choosable[label] && (mask == NULL || mask[label]);
}

static bool lacks_outcome(const ranking *r, uint32_t label) {
    return (r->flags & MLSEL_SELECTION_TRADEOFF) != 0 && !(r->keys[label] > -INFINITY);
}

static int32_t rank_at(const ranking *r, int32_t label) { return r->ranks == NULL ? label : r->ranks[label]; }

static bool is_better(const ranking *r, int32_t a, int32_t b) {
    if (b >= 0 && r->leads != NULL && (r->leads[a] < r->leads[b] || r->leads[a] > r->leads[b]))
        return r->leads[a] > r->leads[b];
    if (b < 0 || r->keys[a] > r->keys[b])
        return true;
    return !(r->keys[a] < r->keys[b]) && rank_at(r, a) < rank_at(r, b);
}

/* Whether a better label is so by its rank alone. */
static bool is_tie(const ranking *r, int32_t better, int32_t worse) {
    return !(r->leads != NULL && r->leads[better] > r->leads[worse]) && !(r->keys[better] > r->keys[worse]);
}

static best_two find_by_rank(const mlsel_model *model, const uint8_t *mask, const ranking *r) {
    best_two found = {-1, -1};
    for (uint32_t i = 0; i < model->artifact->scalars.n_labels; i++) {
        const int32_t label = (int32_t)i;
        if (!can_be_chosen(model, mask, i) || lacks_outcome(r, i))
            continue;
        if (is_better(r, label, found.best)) {
            found.second = found.best;
            found.best = label;
        } else if (is_better(r, label, found.second)) {
            found.second = label;
        }
    }
    return found;
}

/* Most often no two keys are equal; then minima and maxima find the two without a branch that cannot be predicted. */
static best_two find_best_two(const mlsel_model *model, const uint8_t *mask, const ranking *r) {
    const uint32_t n_labels = model->artifact->scalars.n_labels;
    double highest = -INFINITY, next = -INFINITY;
    if (r->leads != NULL)
        return find_by_rank(model, mask, r);
    for (uint32_t i = 0; i < n_labels; i++) {
        const double key = can_be_chosen(model, mask, i) ? r->keys[i] : -INFINITY;
        const double lower = key < highest ? key : highest;
        next = lower > next ? lower : next;
        highest = key > highest ? key : highest;
    }
    best_two found = {0, 0};
    uint32_t n_highest = 0, n_next = 0;
    for (uint32_t i = 0; i < n_labels; i++) {
        const double key = can_be_chosen(model, mask, i) ? r->keys[i] : -INFINITY;
        const uint32_t is_highest = key >= highest, is_next = (key >= next) & (key < highest);
        n_highest += is_highest;
        n_next += is_next;
        found.best += (int32_t)(i * is_highest);
        found.second += (int32_t)(i * is_next);
    }
    return n_highest == 1 && n_next == 1 && next > -INFINITY ? found : find_by_rank(model, mask, r);
}

/* A trade-off's scores are utilities, which the calibration says nothing about. */
static bool can_calibrate(const mlsel_artifact *artifact, const ranking *r) {
    return artifact->calibration.rows != NULL && (r->flags & MLSEL_SELECTION_TRADEOFF) == 0;
}

static void set_confidence(const mlsel_artifact *artifact, const ranking *r, mlsel_selection *s) {
    const double confidence = can_calibrate(artifact, r)
                                  ? mlsel_i_calibrate(&artifact->calibration, (uint32_t)s->index, s->score)
                                  : (double)NAN;
    if (isnan(confidence))
        return;
    s->confidence = confidence;
    s->flags |= MLSEL_SELECTION_CALIBRATED;
}

static mlsel_selection choose(const mlsel_model *model, const uint8_t *mask, const ranking *r) {
    const mlsel_artifact *artifact = model->artifact;
    const best_two found = find_best_two(model, mask, r);
    const int32_t best = found.best, second = found.second;
    mlsel_selection s = {.index = best, .runner_up = second, .cluster = r->cluster, .flags = r->flags};
    s.score = r->scores[best];
    s.margin = second < 0 ? INFINITY : s.score - r->scores[second];
    s.probability = mlsel_i_probability(model, r->scores, mask, best);
    set_confidence(artifact, r, &s);
    if (second < 0)
        s.flags |= MLSEL_SELECTION_SINGLE;
    else if (is_tie(r, best, second))
        s.flags |= MLSEL_SELECTION_TIE;
    if (artifact->cluster_labels != NULL && artifact->cluster_scores == NULL)
        s.cluster = r->ranks[best];
    return s;
}

/* --- select ------------------------------------------------------------------------------------------------------ */

static void take_selection(const consumer *self, const mlsel_model *model, const workspace *ws, const measurement *m,
                           const ranking *r, size_t q) {
    (void)ws;
    self->selections[q] = choose(model, m->mask, r);
}

static mlsel_status select_any(const mlsel_model *model, const query_set *queries, const mlsel_query_options *options,
                               mlsel_selection *out, mlsel_error *err) {
    if (out == NULL && queries->count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the output is NULL");
    const consumer sink = {.take = take_selection, .selections = out};
    return process(model, queries, options, &sink, err);
}

mlsel_status mlsel_select(const mlsel_model *model, const float *features, size_t n_features,
                          const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F32, features, 1, n_features, n_features};
    return select_any(model, &queries, options, out, err);
}

mlsel_status mlsel_select_f64(const mlsel_model *model, const double *features, size_t n_features,
                              const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F64, features, 1, n_features, n_features};
    return select_any(model, &queries, options, out, err);
}

mlsel_status mlsel_select_batch(const mlsel_model *model, const float *features, size_t count, size_t stride,
                                size_t n_features, const mlsel_query_options *options, mlsel_selection *out,
                                mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F32, features, count, stride, n_features};
    return select_any(model, &queries, options, out, err);
}

mlsel_status mlsel_select_batch_f64(const mlsel_model *model, const double *features, size_t count, size_t stride,
                                    size_t n_features, const mlsel_query_options *options, mlsel_selection *out,
                                    mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F64, features, count, stride, n_features};
    return select_any(model, &queries, options, out, err);
}

/* --- score ------------------------------------------------------------------------------------------------------- */

/* the rule has already written the scores where they belong */
static void take_scores(const consumer *self, const mlsel_model *model, const workspace *ws, const measurement *m,
                        const ranking *r, size_t q) {
    (void)self, (void)model, (void)ws, (void)m, (void)r, (void)q;
}

static mlsel_status score_any(const mlsel_model *model, const query_set *queries, const mlsel_query_options *options,
                              double *scores, size_t score_stride, mlsel_error *err) {
    if (scores == NULL && queries->count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the output is NULL");
    if (queries->count > 0 && model != NULL && score_stride < model->artifact->scalars.n_labels)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "score_stride %zu is less than the %u labels",
                            score_stride, (unsigned)model->artifact->scalars.n_labels);
    if (score_stride > 0 && queries->count > SIZE_MAX / sizeof(double) / score_stride)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%zu rows of score_stride %zu exceed the address space",
                            queries->count, score_stride);
    const consumer sink = {.take = take_scores, .scores = scores, .score_stride = score_stride};
    return process(model, queries, options, &sink, err);
}

mlsel_status mlsel_i_scores_check(const mlsel_model *model, const double *scores, size_t n_scores, mlsel_error *err) {
    if (model != NULL && n_scores != model->artifact->scalars.n_labels)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "n_scores is %zu, expected %u as there are labels",
                            n_scores, (unsigned)model->artifact->scalars.n_labels);
    if (scores == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the output is NULL");
    return MLSEL_OK;
}

static mlsel_status score_one(const mlsel_model *model, const query_set *queries, const mlsel_query_options *options,
                              double *scores, size_t n_scores, mlsel_error *err) {
    const mlsel_status status = mlsel_i_scores_check(model, scores, n_scores, err);
    return status == MLSEL_OK ? score_any(model, queries, options, scores, n_scores, err) : status;
}

mlsel_status mlsel_score(const mlsel_model *model, const float *features, size_t n_features,
                         const mlsel_query_options *options, double *scores, size_t n_scores, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F32, features, 1, n_features, n_features};
    return score_one(model, &queries, options, scores, n_scores, err);
}

mlsel_status mlsel_score_f64(const mlsel_model *model, const double *features, size_t n_features,
                             const mlsel_query_options *options, double *scores, size_t n_scores, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F64, features, 1, n_features, n_features};
    return score_one(model, &queries, options, scores, n_scores, err);
}

mlsel_status mlsel_score_batch(const mlsel_model *model, const float *features, size_t count, size_t stride,
                               size_t n_features, const mlsel_query_options *options, double *scores,
                               size_t score_stride, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F32, features, count, stride, n_features};
    return score_any(model, &queries, options, scores, score_stride, err);
}

mlsel_status mlsel_score_batch_f64(const mlsel_model *model, const double *features, size_t count, size_t stride,
                                   size_t n_features, const mlsel_query_options *options, double *scores,
                                   size_t score_stride, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F64, features, count, stride, n_features};
    return score_any(model, &queries, options, scores, score_stride, err);
}

/* --- the two halves (select.h) ------------------------------------------------------------------------------------ */

mlsel_status mlsel_i_answer(const mlsel_model *model, const query_set *query, const mlsel_query_options *options,
                            const answer_place *place, mlsel_error *err) {
    if (place->selection != NULL)
        return select_any(model, query, options, place->selection, err);
    return score_any(model, query, options, place->scores, model->artifact->scalars.n_labels, err);
}

mlsel_status mlsel_i_measure(const mlsel_model *model, const query_set *queries, double *values,
                             mlsel_backend_neighbour *neighbours, mlsel_error *err) {
    workspace *lent = mlsel_i_workspace_take(model, err);
    if (lent == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    workspace ws = {.values = values, .scratch = lent->scratch};
    const mlsel_status status =
        run(model, queries, 0, (uint32_t)queries->count, model->n_neighbours, NULL, &ws, neighbours, err);
    mlsel_i_workspace_give(model, lent);
    return status;
}

mlsel_status mlsel_i_answer_measured(const mlsel_model *model, const query_set *query, const terms *asked,
                                     const double *values, mlsel_backend_neighbour *neighbours,
                                     const answer_place *place, mlsel_error *err) {
    small_workspace small;
    workspace *ws = mlsel_i_workspace_take_for(model, 1, &small, err);
    if (ws == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    measurement m = {
        .values = values, .neighbours = neighbours, .n_neighbours = model->n_neighbours, .mask = asked->mask};
    ranking r;
    double *scores = place->scores == NULL ? ws->scores : place->scores;
    const mlsel_status status = rank(model, query, 0, asked, &m, neighbours, ws, scores, &r, err);
    if (status == MLSEL_OK && place->selection != NULL)
        *place->selection = choose(model, asked->mask, &r);
    mlsel_i_workspace_give_for(model, ws, &small);
    return status == MLSEL_OK ? mlsel_i_ok_quickly(err) : status;
}

/* --- probabilities ----------------------------------------------------------------------------------------------- */

static mlsel_status check_scores(const mlsel_model *model, const double *scores, const uint8_t *mask,
                                 mlsel_error *err) {
    bool any = false;
    for (uint32_t i = 0; i < model->artifact->scalars.n_labels; i++) {
        if (isnan(scores[i]) || (isinf(scores[i]) && scores[i] > 0))
            return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, i, "scores[%u] is not a number", (unsigned)i);
        if (model->artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN && scores[i] < 0 && !isinf(scores[i]))
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "scores[%u] is negative, which votes never are",
                                (unsigned)i);
        any = any || ((mask == NULL || mask[i]) && !isinf(scores[i]));
    }
    return any ? MLSEL_OK : mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE, "none of the eligible labels has a score");
}

mlsel_status mlsel_probabilities(const mlsel_model *model, const double *scores, size_t n_labels,
                                 const mlsel_query_options *options, double *out, mlsel_error *err) {
    if (model == NULL || scores == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model, scores and out must not be NULL");
    if (n_labels != model->artifact->scalars.n_labels)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "n_labels is %zu, expected %u", n_labels,
                            (unsigned)model->artifact->scalars.n_labels);
    workspace *ws = mlsel_i_workspace_take(model, err);
    if (ws == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    terms asked;
    mlsel_status status = mlsel_i_terms_read(model, options, false, ws->mask, &asked, err);
    if (status == MLSEL_OK)
        status = check_scores(model, scores, asked.mask, err);
    if (status == MLSEL_OK)
        mlsel_i_probabilities(model, scores, asked.mask, out);
    mlsel_i_workspace_give(model, ws);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_confidences(const mlsel_model *model, const double *scores, size_t n_labels, double *out,
                               mlsel_error *err) {
    if (model == NULL || scores == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model, scores and out must not be NULL");
    const mlsel_artifact *artifact = model->artifact;
    const uint32_t n = artifact->scalars.n_labels;
    if (n_labels != n)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "n_labels is %zu, expected %u", n_labels, (unsigned)n);
    if (artifact->calibration.rows == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "the artifact has no calibration: `mlsel calibrate` adds one, and so does training");
    for (uint32_t i = 0; i < n; i++)
        if (isnan(scores[i]) || (isinf(scores[i]) && scores[i] > 0))
            return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, i, "scores[%u] is not a number", (unsigned)i);
    mlsel_i_calibrate_all(&artifact->calibration, scores, n, out);
    return mlsel_i_ok(err);
}

/* --- explain ----------------------------------------------------------------------------------------------------- */

static void explain_neighbours(const mlsel_model *model, const measurement *m, mlsel_evidence *evidence) {
    const mlsel_artifact *artifact = model->artifact;
    evidence->neighbour_count = m->n_neighbours;
    if (evidence->neighbours == NULL)
        return;
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const uint64_t row = m->neighbours[i].row;
        evidence->neighbours[i] = (mlsel_neighbour){
            .row = row,
            .distance = m->neighbours[i].distance,
            .vote = mlsel_i_knn_vote(model, &m->neighbours[i], evidence->selection.index),
            .quality = artifact->qualities[row],
            .latency_ns = artifact->latencies[row],
            .label = artifact->knn.row_labels[row],
        };
    }
}

static void explain_outcomes(const mlsel_model *model, const workspace *ws, const measurement *m, const ranking *r,
                             mlsel_evidence *evidence) {
    const mlsel_artifact *artifact = model->artifact;
    evidence->outcome_count = artifact->scalars.n_labels;
    if (evidence->outcomes == NULL)
        return;
    if ((r->flags & MLSEL_SELECTION_TRADEOFF) != 0)
        memcpy(evidence->outcomes, ws->outcomes, artifact->scalars.n_labels * sizeof *ws->outcomes);
    else
        mlsel_i_outcomes_gather(model, m, (r->flags & MLSEL_SELECTION_WIDENED) != 0 ? m->mask : NULL, NULL,
                                evidence->outcomes);
}

static void explain_svm(const mlsel_model *model, const measurement *m, const ranking *r, mlsel_evidence *evidence) {
    const mlsel_artifact *artifact = model->artifact;
    if (artifact->svm.form != MLSEL_SVM_FORM_ONE_VS_ONE)
        return;
    evidence->pair_count = model->n_values;
    evidence->vote_count = artifact->scalars.n_labels;
    if (evidence->pair_decisions != NULL)
        memcpy(evidence->pair_decisions, m->values, model->n_values * sizeof(double));
    for (uint32_t i = 0; evidence->votes != NULL && i < artifact->scalars.n_labels; i++)
        evidence->votes[i] = (int32_t)r->keys[i];
}

static void take_evidence(const consumer *self, const mlsel_model *model, const workspace *ws, const measurement *m,
                          const ranking *r, size_t q) {
    mlsel_evidence *evidence = self->evidence;
    const uint32_t n_labels = model->artifact->scalars.n_labels;
    (void)q;
    evidence->selection = choose(model, m->mask, r);
    evidence->neighbour_count = evidence->cluster_count = evidence->pair_count = evidence->vote_count = 0;
    evidence->outcome_count = evidence->confidence_count = 0;
    if (evidence->scores != NULL)
        memcpy(evidence->scores, r->scores, n_labels * sizeof(double));
    if (evidence->probabilities != NULL)
        mlsel_i_probabilities(model, r->scores, m->mask, evidence->probabilities);
    if (can_calibrate(model->artifact, r)) {
        evidence->confidence_count = n_labels;
        if (evidence->confidences != NULL)
            mlsel_i_calibrate_all(&model->artifact->calibration, r->scores, n_labels, evidence->confidences);
    }
    switch (model->artifact->scalars.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        explain_neighbours(model, m, evidence);
        explain_outcomes(model, ws, m, r, evidence);
        break;
    case MLSEL_ALGORITHM_KMEANS:
        evidence->cluster_count = model->n_values;
        if (evidence->cluster_distances != NULL)
            memcpy(evidence->cluster_distances, m->values, model->n_values * sizeof(double));
        break;
    case MLSEL_ALGORITHM_SVM:
        explain_svm(model, m, r, evidence);
        break;
    default:
        break;
    }
}

static mlsel_status check_capacity(const char *name, const void *array, size_t capacity, size_t needed,
                                   mlsel_error *err) {
    if (array == NULL || capacity >= needed)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s_capacity is %zu, %zu are needed", name, capacity,
                        needed);
}

static mlsel_status check_evidence(const mlsel_model *model, const mlsel_evidence *e, mlsel_error *err) {
    const mlsel_artifact *artifact = model->artifact;
    const size_t n_labels = artifact->scalars.n_labels;
    const bool one_vs_one = artifact->svm.form == MLSEL_SVM_FORM_ONE_VS_ONE;
    const size_t n_pairs = one_vs_one ? model->n_values : 0;
    const bool is_knn = artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN;
    mlsel_status status = check_capacity("scores", e->scores, e->scores_capacity, n_labels, err);
    if (status == MLSEL_OK)
        status = check_capacity("probabilities", e->probabilities, e->probabilities_capacity, n_labels, err);
    if (status == MLSEL_OK)
        status = check_capacity("neighbours", e->neighbours, e->neighbours_capacity, model->n_neighbours, err);
    if (status == MLSEL_OK)
        status = check_capacity("cluster_distances", e->cluster_distances, e->cluster_distances_capacity,
                                artifact->kmeans.n_clusters, err);
    if (status == MLSEL_OK)
        status = check_capacity("pair_decisions", e->pair_decisions, e->pair_decisions_capacity, n_pairs, err);
    if (status == MLSEL_OK)
        status = check_capacity("votes", e->votes, e->votes_capacity, one_vs_one ? n_labels : 0, err);
    if (status == MLSEL_OK)
        status = check_capacity("outcomes", e->outcomes, e->outcomes_capacity, is_knn ? n_labels : 0, err);
    if (status == MLSEL_OK)
        status = check_capacity("confidences", e->confidences, e->confidences_capacity,
                                artifact->calibration.rows != NULL ? n_labels : 0, err);
    return status;
}

static mlsel_status explain_any(const mlsel_model *model, const query_set *queries, const mlsel_query_options *options,
                                mlsel_evidence *evidence, mlsel_error *err) {
    mlsel_evidence own = {0};
    if (model == NULL || evidence == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model and evidence must not be NULL");
    mlsel_status status = mlsel_i_options_copy(&own, sizeof own, evidence, "mlsel_evidence", err);
    if (status != MLSEL_OK || (status = check_evidence(model, &own, err)) != MLSEL_OK)
        return status;
    if (own.reserved != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_evidence: reserved must be 0");
    const consumer sink = {.take = take_evidence, .evidence = &own};
    status = process(model, queries, options, &sink, err);
    if (status != MLSEL_OK)
        return status;
    /* back into the caller's struct, which may be an older, shorter one */
    const uint32_t size = evidence->struct_size;
    memcpy(evidence, &own, size < sizeof own ? size : sizeof own);
    evidence->struct_size = size;
    return MLSEL_OK;
}

mlsel_status mlsel_explain(const mlsel_model *model, const float *features, size_t n_features,
                           const mlsel_query_options *options, mlsel_evidence *evidence, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F32, features, 1, n_features, n_features};
    return explain_any(model, &queries, options, evidence, err);
}

mlsel_status mlsel_explain_f64(const mlsel_model *model, const double *features, size_t n_features,
                               const mlsel_query_options *options, mlsel_evidence *evidence, mlsel_error *err) {
    const query_set queries = {MLSEL_QUERY_F64, features, 1, n_features, n_features};
    return explain_any(model, &queries, options, evidence, err);
}
