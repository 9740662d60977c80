/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nearest training queries of training queries, and what to expect of a query from its neighbours: what the KNN trainer
 * chooses its settings by, and what targets of other trainers are smoothed with.
 */
#ifndef MLSEL_TRAIN_NEIGHBOURS_H
#define MLSEL_TRAIN_NEIGHBOURS_H

#include "train.h"

/* Of each query the nearest others by ascending (distance, query), of the rows normalised (a zero row stays zero). */
typedef struct neighbour_lists {
    size_t k;         /* room of each list */
    uint32_t *counts; /* [n_queries] neighbours found: fewer than k where there are no more */
    uint32_t *rows;   /* [n_queries][k] */
    float *distances; /* [n_queries][k] squared L2, estimated in float: off by 1e-5 at most at usual widths */
} neighbour_lists;

/*
 * Finds the k nearest neighbours of every query. A query is no neighbour of itself, nor of any other of its group
 * (groups[n_queries]; NULL: each is a group of its own): with folds as groups, lists are what is left when the query's
 * fold is held out. Queries without any known utility are nobody's neighbours. Lists do not depend on run->team.
 */
mlsel_status mlsel_i_neighbours_find(const train_table *table, size_t k, const uint32_t *groups, train_run *run,
                                     neighbour_lists *out);
void mlsel_i_neighbours_free(train_run *run, neighbour_lists *lists);

/* How neighbours weigh. */
typedef struct neighbour_weights {
    size_t k;       /* nearest ones that count, at most those of the lists */
    bool is_linear; /* 1 - d / D, where d is the squared distance and D that of the neighbour after the k-th (of the
                       last, where the list ends there); else exp(-beta d) */
    double beta;
    double shrinkage; /* weight of the prior */
} neighbour_weights;

/*
 * Utilities to expect of a query with each model: (sum of weight * utility + shrinkage * prior) / (sum of weights +
 * shrinkage) over the neighbours whose utility is known; the prior where that divides by 0 (NaN stays NaN).
 *
 * prior[n_models]; weights has room for the lists' k; out[n_models].
 */
void mlsel_i_neighbours_expect(const train_table *table, const neighbour_lists *lists, const neighbour_weights *how,
                               size_t query, const double *prior, double *weights, double *out);

#endif
