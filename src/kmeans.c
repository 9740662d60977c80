/* SPDX-License-Identifier: Apache-2.0 */
/* KMeans: the nearest cluster, and which label it stands for. */
#include <math.h>

#include "rules.h"

static uint32_t nearest(const double *distances, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (distances[i] < distances[best])
            best = i;
    return best;
}

/*
 * v1: a label is as good as its nearest cluster is near. Equal distances are decided by the lower cluster, so a
 * label's rank is its nearest cluster's index.
 */
static void rank_v1(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    const mlsel_artifact *artifact = model->artifact;
    const uint32_t n_clusters = artifact->kmeans.n_clusters;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++) {
        scores[i] = -INFINITY;
        ws->ranks[i] = -1;
    }
    for (uint32_t c = 0; c < n_clusters; c++) {
        const int32_t label = artifact->cluster_labels[c];
        const double score = -m->values[c];
        /* without a branch, as which one is nearer cannot be predicted */
        const int32_t is_nearer = -(int32_t)(score > scores[label]);
        scores[label] = score > scores[label] ? score : scores[label];
        ws->ranks[label] ^= (ws->ranks[label] ^ (int32_t)c) & is_nearer;
    }
    *out = (ranking){.scores = scores, .keys = scores, .ranks = ws->ranks, .cluster = -1};
    if (m->mask != NULL && !m->mask[artifact->cluster_labels[nearest(m->values, n_clusters)]])
        out->flags = MLSEL_SELECTION_NEXT_CLUSTER;
}

/* v2, and v1 where the utilities of all models are known. */
static void rank_v2(const mlsel_model *model, const measurement *m, double *scores, ranking *out) {
    const mlsel_artifact *artifact = model->artifact;
    const uint32_t n_labels = artifact->scalars.n_labels;
    const uint32_t cluster = nearest(m->values, artifact->kmeans.n_clusters);
    for (uint32_t i = 0; i < n_labels; i++)
        scores[i] = artifact->cluster_scores[(size_t)cluster * n_labels + i];
    *out = (ranking){.scores = scores, .keys = scores, .cluster = (int32_t)cluster};
}

void mlsel_i_kmeans_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    if (model->artifact->cluster_scores != NULL)
        rank_v2(model, m, scores, out);
    else
        rank_v1(model, m, ws, scores, out);
}
