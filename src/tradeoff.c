/* SPDX-License-Identifier: Apache-2.0 */
#include "tradeoff.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double default_latency_scale_ns = 1e10;
static const double rounding = 1e-12; /* of sums and differences of qualities */

/* --- what was asked for ------------------------------------------------------------------------------------------- */

void mlsel_tradeoff_init(mlsel_tradeoff *tradeoff, size_t size) { mlsel_i_options_init(tradeoff, size); }

static mlsel_status check_number(const char *name, double value, double max, mlsel_error *err) {
    if (value >= 0 && value <= max)
        return MLSEL_OK;
    char text[32];
    mlsel_i_format_double(text, sizeof text, value);
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_tradeoff: %s is %s: it must be %s", name, text,
                        max > 1 ? "a finite number of at least 0" : "from 0 to 1");
}

mlsel_status mlsel_i_tradeoff_copy(mlsel_tradeoff *own, const mlsel_tradeoff *given, mlsel_error *err) {
    mlsel_status status = mlsel_i_options_copy(own, sizeof *own, given, "mlsel_tradeoff", err);
    if (status == MLSEL_OK && (own->flags & ~(uint32_t)MLSEL_TRADEOFF_TOLERANCE) != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_tradeoff: flags has unknown bits (%#x)",
                            (unsigned)own->flags);
    if (status == MLSEL_OK)
        status = check_number("quality_weight", own->quality_weight, DBL_MAX, err);
    if (status == MLSEL_OK)
        status = check_number("latency_weight", own->latency_weight, DBL_MAX, err);
    if (status == MLSEL_OK)
        status = check_number("cost_weight", own->cost_weight, DBL_MAX, err);
    if (status == MLSEL_OK)
        status = check_number("latency_scale_ns", own->latency_scale_ns, DBL_MAX, err);
    if (status == MLSEL_OK)
        status = check_number("cost_scale", own->cost_scale, DBL_MAX, err);
    if (status == MLSEL_OK)
        status = check_number("tolerance", own->tolerance, 1, err);
    if (status == MLSEL_OK && own->tolerance > 0 && (own->flags & MLSEL_TRADEOFF_TOLERANCE) == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "mlsel_tradeoff: tolerance needs the flag MLSEL_TRADEOFF_TOLERANCE");
    return status;
}

static mlsel_status check_costs(const mlsel_tradeoff *t, uint32_t n_labels, mlsel_error *err) {
    if (t->costs == NULL && t->n_costs > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_tradeoff: costs is NULL but n_costs is %zu",
                            t->n_costs);
    if (t->costs == NULL && t->cost_weight > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "mlsel_tradeoff: cost_weight needs costs, and there are none");
    if (t->costs != NULL && t->n_costs != n_labels)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_tradeoff: n_costs is %zu, expected %u",
                            t->n_costs, (unsigned)n_labels);
    for (size_t i = 0; t->costs != NULL && i < n_labels; i++)
        if (t->costs[i] < 0 || t->costs[i] > DBL_MAX)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "mlsel_tradeoff: costs[%zu] is %s: a cost is finite and at least 0, or NaN for not "
                                "known",
                                i, t->costs[i] < 0 ? "negative" : "infinite");
    return MLSEL_OK;
}

double mlsel_i_highest_cost(const double *costs, size_t n) {
    double highest = 0;
    for (size_t i = 0; i < n; i++)
        highest = costs[i] > highest ? costs[i] : highest;
    return highest > 0 ? highest : 1;
}

mlsel_status mlsel_i_tradeoff_read(const mlsel_model *model, const mlsel_tradeoff *given, tradeoff_plan *out,
                                   mlsel_error *err) {
    const artifact_scalars *scalars = &model->artifact->scalars;
    mlsel_tradeoff t;
    mlsel_status status = mlsel_i_tradeoff_copy(&t, given, err);
    if (status == MLSEL_OK)
        status = check_costs(&t, scalars->n_labels, err);
    if (status != MLSEL_OK)
        return status;
    if (scalars->algorithm != MLSEL_ALGORITHM_KNN)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "a trade-off needs the outcomes of each model, and artifacts of kind %s record none: use a "
                            "knn artifact, or ask without a trade-off",
                            mlsel_algorithm_name(scalars->algorithm));
    double most = fmax(t.quality_weight, fmax(t.latency_weight, t.cost_weight));
    if (!(most > 0))
        t.quality_weight = most = 1;
    /* divided by the largest first, so that the sum cannot overflow */
    const double quality = t.quality_weight / most, latency = t.latency_weight / most, cost = t.cost_weight / most;
    const double sum = quality + latency + cost;
    *out = (tradeoff_plan){
        .quality_weight = quality / sum,
        .latency_weight = latency / sum,
        .cost_weight = cost / sum,
        .latency_scale_ns = t.latency_scale_ns > 0 ? t.latency_scale_ns : default_latency_scale_ns,
        .cost_scale = t.cost_scale > 0  ? t.cost_scale
                      : t.costs != NULL ? mlsel_i_highest_cost(t.costs, t.n_costs)
                                        : 1,
        .tolerance = (t.flags & MLSEL_TRADEOFF_TOLERANCE) != 0 ? t.tolerance : -1,
        .costs = t.costs,
    };
    return MLSEL_OK;
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

/* Means that grow row by row: equal values have exactly themselves as their mean, whatever their number. */
static void add_row(const mlsel_artifact *artifact, uint64_t row, mlsel_outcome *outcomes) {
    mlsel_outcome *o = &outcomes[artifact->knn.row_labels[row]];
    const double latency = artifact->latencies[row];
    o->quality += (artifact->qualities[row] - o->quality) / (double)++o->samples;
    if (latency > 0)
        o->latency_ns += (latency - o->latency_ns) / (double)++o->latency_samples;
}

/* Where a vector's rows have `row`; they ascend. */
static uint64_t find_row(const mlsel_knn_view *knn, uint64_t vector, uint64_t row) {
    uint64_t low = knn->vector_start[vector], high = knn->vector_start[vector + 1];
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (knn->vector_rows[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/*
 * Of the neighbours that hold one vector the first, which stands for all of them. As they are equally far they come in
 * the order of rows, and the first row that took part in the run is always among them. The walk back over rows that did
 * not ends at the neighbour before, so all walks together are no longer than the artifact.
 */
static bool comes_first(const mlsel_artifact *artifact, uint64_t row, const uint8_t *mask) {
    const mlsel_knn_view *knn = &artifact->knn;
    const uint64_t vector = artifact->row_vectors[row], start = knn->vector_start[vector];
    if (mask == NULL)
        return knn->vector_rows[start] == row;
    for (uint64_t i = find_row(knn, vector, row); i > start; i--)
        if (mask[knn->row_labels[knn->vector_rows[i - 1]]])
            return false;
    return true;
}

/* Labels whose sums are gathered at a time, on the stack. */
enum { LABELS_AT_ONCE = 16 };

/* Of the labels from `first` on what the artifact's outcomes say, from the neighbours alone. */
static void gather_known(const mlsel_model *model, const measurement *m, uint32_t first, uint32_t count,
                         mlsel_outcome *out) {
    const mlsel_artifact *artifact = model->artifact;
    const knn_outcomes *known = &artifact->outcomes;
    double weights[LABELS_AT_ONCE] = {0}, latency_weights[LABELS_AT_ONCE] = {0};
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const double weight = mlsel_i_knn_weight(artifact, m->neighbours[i].distance);
        const size_t at = (size_t)m->neighbours[i].row * artifact->scalars.n_labels + first;
        for (uint32_t j = 0; j < count; j++) {
            if (known->quality[at + j] >= 0) {
                out[j].quality += weight * known->quality[at + j];
                weights[j] += weight;
                out[j].samples++;
            }
            if (known->latency != NULL && known->latency[at + j] >= 0) {
                out[j].latency_ns += weight * known->latency[at + j];
                latency_weights[j] += weight;
                out[j].latency_samples++;
            }
        }
    }
    for (uint32_t j = 0; j < count; j++) {
        out[j].quality = mlsel_i_knn_shrink(artifact, out[j].quality, weights[j], known->quality_prior[first + j]);
        if (latency_weights[j] > 0)
            out[j].latency_ns /= latency_weights[j];
        else
            out[j].latency_samples = 0; /* weights too small for double */
    }
}

void mlsel_i_outcomes_gather(const mlsel_model *model, const measurement *m, const uint8_t *mask, const double *costs,
                             mlsel_outcome *out) {
    const mlsel_artifact *artifact = model->artifact;
    const mlsel_knn_view *knn = &artifact->knn;
    const uint32_t n_labels = artifact->scalars.n_labels;
    for (uint32_t i = 0; i < n_labels; i++)
        out[i] = (mlsel_outcome){.cost = costs == NULL ? (double)NAN : costs[i]};
    if (model->rule == MLSEL_KNN_RULE_OUTCOMES) {
        for (uint32_t i = 0; i < n_labels; i += LABELS_AT_ONCE)
            gather_known(model, m, i, n_labels - i < LABELS_AT_ONCE ? n_labels - i : LABELS_AT_ONCE, out + i);
        return;
    }
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const uint64_t row = m->neighbours[i].row, vector = artifact->row_vectors[row];
        /* the nearest comes first by right; said again because vectors that nobody has looked at may hold anything */
        if (i > 0 && !comes_first(artifact, row, mask))
            continue;
        for (uint64_t k = knn->vector_start[vector]; k < knn->vector_start[vector + 1]; k++)
            add_row(artifact, knn->vector_rows[k], out);
    }
}

static bool has_outcome(const mlsel_model *model, const mlsel_outcome *outcome) {
    return outcome->samples > 0 || model->rule == MLSEL_KNN_RULE_OUTCOMES;
}

static bool is_open(const mlsel_model *model, const uint8_t *mask, const mlsel_outcome *outcomes, uint32_t i) {
    return model->choosable[i] && (mask == NULL || mask[i]) && has_outcome(model, &outcomes[i]);
}

bool mlsel_i_outcomes_suffice(const mlsel_model *model, const uint8_t *mask, const mlsel_outcome *outcomes) {
    for (uint32_t i = 0; i < model->artifact->scalars.n_labels; i++)
        if (is_open(model, mask, outcomes, i))
            return true;
    return false;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static double utility(const tradeoff_plan *plan, const mlsel_outcome *o) {
    double sum = plan->quality_weight * o->quality;
    if (o->latency_samples > 0)
        sum += plan->latency_weight / (1 + o->latency_ns / plan->latency_scale_ns);
    if (!isnan(o->cost))
        sum += plan->cost_weight / (1 + o->cost / plan->cost_scale);
    return sum;
}

/* What a label within the tolerance costs, in money or else in time. */
static double expense(const tradeoff_plan *plan, const mlsel_outcome *o) {
    if (plan->costs != NULL)
        return isnan(o->cost) ? DBL_MAX : o->cost;
    return o->latency_samples > 0 ? o->latency_ns : DBL_MAX;
}

/* The labels within the tolerance by their expense, the others behind them. */
static void lead(const mlsel_model *model, const tradeoff_plan *plan, const uint8_t *mask,
                 const mlsel_outcome *outcomes, double *leads) {
    const uint32_t n_labels = model->artifact->scalars.n_labels;
    double best = 0;
    for (uint32_t i = 0; i < n_labels; i++)
        if (is_open(model, mask, outcomes, i) && outcomes[i].quality > best)
            best = outcomes[i].quality;
    for (uint32_t i = 0; i < n_labels; i++) {
        const bool is_within = outcomes[i].quality >= best - plan->tolerance - rounding;
        leads[i] = is_within ? -expense(plan, &outcomes[i]) : -INFINITY;
    }
}

void mlsel_i_tradeoff_rank(const mlsel_model *model, const tradeoff_plan *plan, const measurement *m, workspace *ws,
                           double *scores, ranking *out) {
    const mlsel_artifact *artifact = model->artifact;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        scores[i] = has_outcome(model, &ws->outcomes[i]) ? utility(plan, &ws->outcomes[i]) : -INFINITY;
    *out = (ranking){.scores = scores,
                     .keys = scores,
                     .ranks = artifact->tie_rank,
                     .cluster = -1,
                     .flags = MLSEL_SELECTION_TRADEOFF};
    if (plan->tolerance < 0)
        return;
    lead(model, plan, m->mask, ws->outcomes, ws->keys);
    out->leads = ws->keys;
}
