/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN: what becomes of the neighbours. Votes, by either of the two rules of the vLLM Semantic Router's Rust bindings;
 * or, where the artifact records what became of each row with each label, the means of that.
 */
#include <math.h>

#include "rules.h"

static const double quality_weight = 0.9;
static const double speed_weight = 0.1;
static const double latency_scale_ns = 1e10;
static const double least_legacy_quality = 0.01;

/* --- votes -------------------------------------------------------------------------------------------------------- */

static double vote(const mlsel_artifact *artifact, mlsel_knn_rule rule, uint64_t row) {
    const double quality = artifact->qualities[row];
    const double latency = artifact->latencies[row];
    if (rule != MLSEL_KNN_RULE_LEGACY)
        return quality_weight * quality + speed_weight / (1 + latency / latency_scale_ns);
    const double min = artifact->scalars.knn_latency_min;
    const double span = fmax(artifact->scalars.knn_latency_max - min, 1);
    return quality_weight * fmax(quality, least_legacy_quality) + speed_weight * (1 - (latency - min) / span);
}

static void count_votes(const mlsel_model *model, const measurement *m, double *scores) {
    const mlsel_artifact *artifact = model->artifact;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        scores[i] = artifact->choosable[i] ? 0 : -INFINITY;
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const uint64_t row = m->neighbours[i].row;
        scores[artifact->knn.row_labels[row]] += vote(artifact, model->rule, row);
    }
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

double mlsel_i_knn_weight(const mlsel_artifact *artifact, double distance) {
    const double beta = artifact->scalars.knn_beta;
    return beta > 0 ? exp(-beta * distance) : 1;
}

double mlsel_i_knn_shrink(const mlsel_artifact *artifact, double sum, double weights, double prior) {
    const double shrinkage = artifact->scalars.knn_shrinkage;
    const double total = weights + shrinkage;
    return total > 0 ? (sum + shrinkage * prior) / total : prior;
}

/* Adding 0 changes no sum, and spares a branch on which outcomes are known. */
static void weigh_outcomes(const mlsel_model *model, const measurement *m, double *sums, double *weights) {
    const mlsel_artifact *artifact = model->artifact;
    const uint32_t n_labels = artifact->scalars.n_labels;
    for (uint32_t j = 0; j < n_labels; j++)
        sums[j] = weights[j] = 0;
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const double weight = mlsel_i_knn_weight(artifact, m->neighbours[i].distance);
        const double *utilities = artifact->outcomes.utility + (size_t)m->neighbours[i].row * n_labels;
        for (uint32_t j = 0; j < n_labels; j++) {
            const double known = utilities[j] >= 0 ? weight : 0;
            sums[j] += known * utilities[j];
            weights[j] += known;
        }
    }
    for (uint32_t j = 0; j < n_labels; j++)
        sums[j] = mlsel_i_knn_shrink(artifact, sums[j], weights[j], artifact->outcomes.prior[j]);
}

double mlsel_i_knn_vote(const mlsel_model *model, const mlsel_backend_neighbour *neighbour, int32_t chosen) {
    const mlsel_artifact *artifact = model->artifact;
    if (model->rule != MLSEL_KNN_RULE_OUTCOMES)
        return vote(artifact, model->rule, neighbour->row);
    const size_t at = (size_t)neighbour->row * artifact->scalars.n_labels + (size_t)chosen;
    const double utility = artifact->outcomes.utility[at];
    return utility >= 0 ? mlsel_i_knn_weight(artifact, neighbour->distance) * utility : 0;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

void mlsel_i_knn_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    if (model->rule == MLSEL_KNN_RULE_OUTCOMES)
        weigh_outcomes(model, m, scores, ws->keys);
    else
        count_votes(model, m, scores);
    *out = (ranking){.scores = scores, .keys = scores, .ranks = model->artifact->tie_rank, .cluster = -1};
}
