/* SPDX-License-Identifier: Apache-2.0 */
/* Scores as probabilities: shares of the votes for KNN, softmax for the others. */
#include <math.h>

#include "rules.h"

static bool takes_part(const double *scores, const uint8_t *mask, uint32_t i) {
    return (mask == NULL || mask[i]) && scores[i] > -INFINITY;
}

/* What the probabilities of one query are computed from. */
typedef struct normaliser {
    bool votes;
    bool uniform; /* votes that sum to 0 */
    double max;   /* highest score: scales shares and shifts softmax, so that nothing overflows */
    double sum;
} normaliser;

static double weight(const normaliser *n, double score) {
    if (n->uniform)
        return 1;
    return n->votes ? score / n->max : exp(score - n->max);
}

static normaliser normalise(const mlsel_model *model, const double *scores, const uint8_t *mask) {
    const uint32_t n_labels = model->artifact->scalars.n_labels;
    normaliser n = {.votes = model->artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN, .max = -INFINITY};
    for (uint32_t i = 0; i < n_labels; i++)
        if (takes_part(scores, mask, i))
            n.max = scores[i] > n.max ? scores[i] : n.max;
    n.uniform = n.votes && !(n.max > 0);
    if (!n.votes && mask == NULL && model->kernels->sum_exp != NULL) {
        n.sum = model->kernels->sum_exp(scores, n_labels, n.max);
        return n;
    }
    for (uint32_t i = 0; i < n_labels; i++)
        if (takes_part(scores, mask, i))
            n.sum += weight(&n, scores[i]);
    return n;
}

void mlsel_i_probabilities(const mlsel_model *model, const double *scores, const uint8_t *mask, double *out) {
    const normaliser n = normalise(model, scores, mask);
    for (uint32_t i = 0; i < model->artifact->scalars.n_labels; i++)
        out[i] = takes_part(scores, mask, i) ? weight(&n, scores[i]) / n.sum : 0;
}

double mlsel_i_probability(const mlsel_model *model, const double *scores, const uint8_t *mask, int32_t label) {
    const normaliser n = normalise(model, scores, mask);
    const bool is_best = !n.uniform && !(scores[label] < n.max);
    return (is_best ? 1 : weight(&n, scores[label])) / n.sum;
}
