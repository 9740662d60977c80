/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms' rules: from a backend's raw measurements of one query to a score per label, and what decides between
 * labels. No device code, no allocation.
 */
#ifndef MLSEL_RULES_H
#define MLSEL_RULES_H

#include "model.h"

/* One query's measurements. */
typedef struct measurement {
    const double *values;                      /* [n_values], not KNN */
    const mlsel_backend_neighbour *neighbours; /* [n_neighbours], KNN */
    uint32_t n_neighbours;
    const uint8_t *mask; /* [n_labels] eligible labels, or NULL for all */
} measurement;

/* What the labels are compared by: the highest lead wins, then the highest key, then the lowest rank. */
typedef struct ranking {
    double *scores;       /* [n_labels] as mlsel_score documents */
    const double *leads;  /* [n_labels]; NULL: all alike */
    const double *keys;   /* [n_labels]; under a trade-off, -INFINITY is no candidate */
    const int32_t *ranks; /* [n_labels]; NULL: the label's index */
    int32_t cluster;
    uint32_t flags; /* MLSEL_SELECTION_ bits */
} ranking;

void mlsel_i_knn_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out);
void mlsel_i_kmeans_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out);
void mlsel_i_svm_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out);
void mlsel_i_mlp_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out);

/* What a neighbour added to its label; where outcomes decide, to the label chosen. */
double mlsel_i_knn_vote(const mlsel_model *model, const mlsel_backend_neighbour *neighbour, int32_t chosen);
/* Where outcomes decide: what a neighbour weighs, and the mean of a sum over weights, shrunk to the prior. */
double mlsel_i_knn_weight(const mlsel_artifact *artifact, double distance);
double mlsel_i_knn_shrink(const mlsel_artifact *artifact, double sum, double weights, double prior);

/* Probabilities of the eligible labels from scores, as mlsel_probabilities documents; out may be scores. */
void mlsel_i_probabilities(const mlsel_model *model, const double *scores, const uint8_t *mask, double *out);
/* The probability of one label alone. */
double mlsel_i_probability(const mlsel_model *model, const double *scores, const uint8_t *mask, int32_t label);

#endif
