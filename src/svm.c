/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVM: from pairwise decision values to votes and scores.
 *
 * Votes are LIBSVM's svm_predict (C.-C. Chang, C.-J. Lin: LIBSVM, a library for support vector machines, 2011). Scores
 * are scikit-learn's decision_function of shape "ovr": votes plus the sum of confidences, scaled so that it never
 * outweighs a vote (sklearn.utils.multiclass._ovr_decision_function).
 */
#include <math.h>

#include "rules.h"

/* With two classes the sign of the artifact is scikit-learn's: below 0 is the first class. */
static void rank_two(const mlsel_artifact *artifact, double decision, double *scores, double *votes) {
    const int32_t first = artifact->class_labels[0];
    const int32_t second = artifact->class_labels[1];
    scores[first] = -decision;
    scores[second] = decision;
    votes[first] = decision < 0;
    votes[second] = !(decision < 0);
}

static void rank_one_vs_one(const mlsel_artifact *artifact, const double *decisions, double *scores, double *votes) {
    const uint32_t n_classes = artifact->svm.n_classes;
    for (uint32_t c = 0; c < n_classes; c++)
        scores[artifact->class_labels[c]] = 0; /* sum of confidences, for now */
    for (uint32_t i = 0, pair = 0; i < n_classes; i++)
        for (uint32_t j = i + 1; j < n_classes; j++, pair++) {
            const int32_t first = artifact->class_labels[i];
            const int32_t second = artifact->class_labels[j];
            scores[first] += decisions[pair];
            scores[second] -= decisions[pair];
            votes[decisions[pair] > 0 ? first : second] += 1;
        }
    for (uint32_t c = 0; c < n_classes; c++) {
        const int32_t label = artifact->class_labels[c];
        scores[label] = votes[label] + scores[label] / (3 * (fabs(scores[label]) + 1));
    }
    /* a decision of exactly 0 is a vote for j to LIBSVM, and for i to scikit-learn's score */
    for (uint32_t i = 0, pair = 0; i < n_classes; i++)
        for (uint32_t j = i + 1; j < n_classes; j++, pair++)
            if (!(decisions[pair] > 0) && !(decisions[pair] < 0)) {
                scores[artifact->class_labels[i]] += 1;
                scores[artifact->class_labels[j]] -= 1;
            }
}

void mlsel_i_svm_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    const mlsel_artifact *artifact = model->artifact;
    const bool one_vs_one = artifact->svm.form == MLSEL_SVM_FORM_ONE_VS_ONE;
    for (uint32_t i = 0; i < artifact->scalars.n_labels; i++) {
        scores[i] = -INFINITY;
        ws->keys[i] = 0;
    }
    if (!one_vs_one)
        for (uint32_t c = 0; c < artifact->svm.n_classes; c++)
            scores[artifact->class_labels[c]] = m->values[c];
    else if (artifact->svm.n_classes == 2)
        rank_two(artifact, m->values[0], scores, ws->keys);
    else
        rank_one_vs_one(artifact, m->values, scores, ws->keys);
    *out =
        (ranking){.scores = scores, .keys = one_vs_one ? ws->keys : scores, .ranks = artifact->tie_rank, .cluster = -1};
}
