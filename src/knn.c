/* SPDX-License-Identifier: Apache-2.0 */
/* KNN: the votes of the neighbours. Both rules are those of the vLLM Semantic Router's Rust bindings. */
#include <math.h>

#include "rules.h"

static const double quality_weight = 0.9;
static const double speed_weight = 0.1;
static const double latency_scale_ns = 1e10;
static const double least_legacy_quality = 0.01;

double mlsel_i_knn_vote(const mlsel_artifact *artifact, mlsel_knn_rule rule, uint64_t row) {
    const double quality = artifact->qualities[row];
    const double latency = artifact->latencies[row];
    if (rule == MLSEL_KNN_RULE_COSINE)
        return quality_weight * quality + speed_weight / (1 + latency / latency_scale_ns);
    const double min = artifact->scalars.knn_latency_min;
    const double span = fmax(artifact->scalars.knn_latency_max - min, 1);
    return quality_weight * fmax(quality, least_legacy_quality) + speed_weight * (1 - (latency - min) / span);
}

void mlsel_i_knn_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    const mlsel_artifact *artifact = model->artifact;
    (void)ws;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++)
        scores[i] = artifact->choosable[i] ? 0 : -INFINITY;
    for (uint32_t i = 0; i < m->n_neighbours; i++) {
        const uint64_t row = m->neighbours[i].row;
        scores[artifact->knn.row_labels[row]] += mlsel_i_knn_vote(artifact, model->engine->rule, row);
    }
    *out = (ranking){.scores = scores, .keys = scores, .ranks = artifact->tie_rank, .cluster = -1};
}
