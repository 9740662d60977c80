/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an evaluation: outcomes laid out as a grid, policies that choose, and what is measured of their choices.
 *
 * evaluate.c puts them together; evaluate_outcomes.c makes the grid, evaluate_selectors.c asks contenders,
 * evaluate_policies.c is all other policies, evaluate_measure.c has means, intervals and tests, evaluate_curve.c the
 * curves.
 */
#ifndef MLSEL_TRAIN_EVALUATE_H
#define MLSEL_TRAIN_EVALUATE_H

#include "statistics.h"
#include "train.h"

enum { MLSEL_I_MAX_RESAMPLES = 100000, MLSEL_I_MAX_CURVE_POINTS = 1001, MLSEL_I_MAX_THREADS = 256 };

/* Outcomes of queries by models, in the order of the dataset; models by name. Unknown is NaN. */
typedef struct outcome_grid {
    size_t n_queries, n_models;
    double *quality; /* [n_queries][n_models] */
    double *latency_s;
    double *cost;
} outcome_grid;

/* The rows of a dataset, by the models of another one or the same; what that lacks is left out. */
mlsel_status mlsel_i_outcomes_create(const mlsel_dataset *rows, const mlsel_dataset *models, outcome_grid *grid,
                                     mlsel_error *err);
void mlsel_i_outcomes_free(outcome_grid *grid);

/* The mean of what is known. */
typedef struct running_mean {
    double value; /* of no use while n is 0 */
    size_t n;
} running_mean;
void mlsel_i_mean_add(running_mean *mean, double value); /* NaN is left out */
double mlsel_i_mean_value(const running_mean *mean);     /* NaN: of nothing */

/* What is known of each model beforehand: [n_models], by the indices of the evaluated dataset. */
typedef struct model_means {
    double *quality; /* NaN: not known in the reference */
    double *speed;   /* mean speed factor; that of all models for one that was never timed. NULL: no latency is known */
    double *thrift;  /* the same of 1 / (1 + cost / highest mean cost) */
    double highest_cost; /* scale of thrift; 1 where every cost is 0 */
    int32_t best;        /* model of the best mean quality, the first on ties */
} model_means;

/* A policy and what became of it. */
typedef struct policy_state {
    mlsel_policy info;
    char *name;
    int32_t *choices;     /* [n_queries]; NULL: always info.model, or random */
    uint64_t *selections; /* [n_models], then [n_categories][n_models] */
    double *confidence;   /* [n_queries][n_models] of a calibrated selector while it is measured; NaN: no label */
    mlsel_curve_point *curve;
    size_t n_curve;
    mlsel_reliability *bins;
    size_t n_bins;
} policy_state;

struct mlsel_evaluation {
    size_t n_queries, n_models;
    policy_state *policies;
    size_t n_policies;
    char **categories; /* most frequent first */
    size_t n_categories;
    uint32_t *category_of; /* [n_queries] index into categories */
    int32_t best_single;   /* index of the policy that the others are compared with */
};

/* A call of mlsel_evaluate in progress. */
typedef struct evaluate_run {
    const mlsel_dataset *dataset;
    mlsel_evaluate_options options;
    outcome_grid grid;
    outcome_grid own_reference;    /* empty where the records themselves are the reference */
    const outcome_grid *reference; /* one of the two */
    const mlsel_dataset *reference_data;
    model_means means;
    double *utility;   /* [n_queries][n_models] */
    double *best;      /* [n_queries] highest quality; NaN: none is known */
    uint32_t *counted; /* [n_counted] queries of which some quality is known */
    size_t n_counted;
    mlsel_evaluation *result;
    train_run run;
} evaluate_run;

/* --- policies ----------------------------------------------------------------------------------------------------- */

/* Fills the grids, the means, the utilities and what is counted. NOT_TRAINED where no outcome is known. */
mlsel_status mlsel_i_evaluate_outcomes(evaluate_run *e);
/* Adds all policies with the choices of those that are no contenders, and the categories. */
mlsel_status mlsel_i_evaluate_policies(evaluate_run *e, const mlsel_contender *contenders, size_t n);
/* Choices of a contender, and its confidence if it is calibrated. */
mlsel_status mlsel_i_evaluate_contender(evaluate_run *e, const mlsel_contender *contender, policy_state *policy);

/* What the policy chose: -1 for nothing or the random policy. */
int32_t mlsel_i_policy_choice(const policy_state *policy, size_t query);
/* A quantity [n_queries][n_models] of a policy's choice for a query; of random, the mean of what is known. NaN:
 * unknown. */
double mlsel_i_policy_value(const policy_state *policy, const double *quantity, size_t n_models, size_t query);

/* --- measures ----------------------------------------------------------------------------------------------------- */

/* Fills the means, counts, intervals and p-values of all policies. */
mlsel_status mlsel_i_evaluate_measure(evaluate_run *e);
/* Brier score, calibration error, bins. */
mlsel_status mlsel_i_evaluate_reliability(evaluate_run *e, policy_state *policy);
/* Curves and their areas. */
mlsel_status mlsel_i_evaluate_curves(evaluate_run *e);

#endif
