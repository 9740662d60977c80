/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixtures as plain queries: for tests that ask a model everything there is to ask and care that the answers are
 * the same, not what they are. Only opening and closing allocates or fails the test; asking does neither, in any
 * thread.
 */
#ifndef MLSEL_TEST_FIXTURE_CASES_H
#define MLSEL_TEST_FIXTURE_CASES_H

#include "support.h"

enum { FIXTURE_MAX_LABELS = 16, FIXTURE_MAX_ITEMS = 64, FIXTURE_BATCH = 3 };

/* One recorded query. */
typedef struct fixture_query {
    const double *f64; /* [n_features] */
    const float *f32;  /* the same, rounded */
    int32_t eligible[FIXTURE_MAX_LABELS];
    mlsel_query_options options; /* its list is `eligible`, or none */
} fixture_query;

/* The queries of one expectation file. */
typedef struct fixture_set {
    char name[128];
    char artifact[1024]; /* path */
    mlsel_model_options options;
    mlsel_model_info info; /* of the artifact on the CPU */
    double tolerance;
    size_t stride; /* from one query to the next, more than the width */
    double *f64;   /* [count][stride] */
    float *f32;
    fixture_query *queries;
    size_t count;
} fixture_set;

/* Everything that a model says about one query. Bytes that no call fills stay zero, so two answers compare as memory.
 */
typedef struct fixture_answer {
    mlsel_selection selections[2]; /* float, double */
    double scores[2][FIXTURE_MAX_LABELS];
    double probabilities[FIXTURE_MAX_LABELS]; /* of the scores in double */
    /* the query and those after it, all with its options */
    mlsel_selection batch_selections[2][FIXTURE_BATCH];
    double batch_scores[2][FIXTURE_BATCH][FIXTURE_MAX_LABELS];
    struct {
        mlsel_selection selection;
        size_t neighbour_count, cluster_count, pair_count, vote_count;
        double scores[FIXTURE_MAX_LABELS];
        double probabilities[FIXTURE_MAX_LABELS];
        mlsel_neighbour neighbours[FIXTURE_MAX_ITEMS];
        double cluster_distances[FIXTURE_MAX_ITEMS];
        double pair_decisions[FIXTURE_MAX_ITEMS];
        int32_t votes[FIXTURE_MAX_LABELS];
    } evidence[2]; /* float, double */
} fixture_answer;

/* Opens NAME.expected.json. */
void fixture_set_open(fixture_set *set, const char *name);
void fixture_set_close(fixture_set *set);

/* All expectation files, freed with fixture_close_all. */
fixture_set *fixture_open_all(size_t *count);
void fixture_close_all(fixture_set *sets, size_t count);

/* Asks about one query in every way: float and double, alone and in a batch, select, score, probabilities, explain. */
mlsel_status fixture_ask(const mlsel_model *model, const fixture_set *set, size_t query, fixture_answer *out,
                         mlsel_error *err);

#endif
