/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of answering: the engine measures queries, the rules turn one query's measurements into its answer.
 * For callers whose queries are measured together although each is answered on terms of its own.
 */
#ifndef MLSEL_SELECT_H
#define MLSEL_SELECT_H

#include "query.h"

/* Where the answer to one query goes: one of the two. */
typedef struct answer_place {
    mlsel_selection *selection;
    double *scores; /* [n_labels] */
} answer_place;

/* The check that mlsel_score makes of its output. */
mlsel_status mlsel_i_scores_check(const mlsel_model *model, const double *scores, size_t n_scores, mlsel_error *err);

/* What mlsel_select or mlsel_score does for a checked place. */
mlsel_status mlsel_i_answer(const mlsel_model *model, const query_set *query, const mlsel_query_options *options,
                            const answer_place *place, mlsel_error *err);

/*
 * Measures checked queries, at most as many as the engine takes at once, into rows of model->n_values values or
 * model->n_neighbours neighbours.
 */
mlsel_status mlsel_i_measure(const mlsel_model *model, const query_set *queries, double *values,
                             mlsel_backend_neighbour *neighbours, mlsel_error *err);

/* Answers one query from its rows; the neighbours may be replaced, as when none belongs to an eligible label. */
mlsel_status mlsel_i_answer_measured(const mlsel_model *model, const query_set *query, const terms *asked,
                                     const double *values, mlsel_backend_neighbour *neighbours,
                                     const answer_place *place, mlsel_error *err);

#endif
