/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_QUERIES = 256, MAX_LABELS = 16, MAX_EVIDENCE = 64 };

/* Room for whatever a call may write. */
typedef struct answers {
    mlsel_selection selections[MAX_QUERIES];
    double scores[MAX_QUERIES * MAX_LABELS];
    double probabilities[MAX_LABELS];
    mlsel_neighbour neighbours[MAX_EVIDENCE];
    double clusters[MAX_EVIDENCE];
    double pairs[MAX_EVIDENCE];
    int32_t votes[MAX_LABELS];
} answers;

typedef struct asker {
    const char *name;
    int ways;
    mlsel_status (*ask)(const question *q, const void *features, answers *a, mlsel_evidence *e, mlsel_error *err);
} asker;

#define ASKER(name, call)                                                                                              \
    static mlsel_status name(const question *q, const void *features, answers *a, mlsel_evidence *e,                   \
                             mlsel_error *err) {                                                                       \
        (void)a, (void)e;                                                                                              \
        return call;                                                                                                   \
    }
#define N_LABELS(q) mlsel_model_label_count((q)->model)

ASKER(ask_select, mlsel_select(q->model, features, q->n_features, q->options, a->selections, err))
ASKER(ask_select_f64, mlsel_select_f64(q->model, features, q->n_features, q->options, a->selections, err))
ASKER(ask_select_batch,
      mlsel_select_batch(q->model, features, q->count, q->stride, q->n_features, q->options, a->selections, err))
ASKER(ask_select_batch_f64,
      mlsel_select_batch_f64(q->model, features, q->count, q->stride, q->n_features, q->options, a->selections, err))
ASKER(ask_score, mlsel_score(q->model, features, q->n_features, q->options, a->scores, N_LABELS(q), err))
ASKER(ask_score_f64, mlsel_score_f64(q->model, features, q->n_features, q->options, a->scores, N_LABELS(q), err))
ASKER(ask_score_batch,
      mlsel_score_batch(q->model, features, q->count, q->stride, q->n_features, q->options, a->scores, MAX_LABELS, err))
ASKER(ask_score_batch_f64, mlsel_score_batch_f64(q->model, features, q->count, q->stride, q->n_features, q->options,
                                                 a->scores, MAX_LABELS, err))
ASKER(ask_explain, mlsel_explain(q->model, features, q->n_features, q->options, e, err))
ASKER(ask_explain_f64, mlsel_explain_f64(q->model, features, q->n_features, q->options, e, err))

/* The same by way of a batcher, which must refuse with the same words. */
static mlsel_batcher *batcher_of(const question *q) {
    mlsel_error err;
    mlsel_batcher *batcher = NULL;
    test_ok(mlsel_batcher_create((mlsel_model *)q->model, NULL, &batcher, &err), &err);
    return batcher;
}

#define BATCHER_ASKER(name, call)                                                                                      \
    static mlsel_status name(const question *q, const void *features, answers *a, mlsel_evidence *e,                   \
                             mlsel_error *err) {                                                                       \
        (void)e;                                                                                                       \
        mlsel_batcher *batcher = batcher_of(q);                                                                        \
        const mlsel_status status = call;                                                                              \
        mlsel_batcher_release(batcher);                                                                                \
        return status;                                                                                                 \
    }

BATCHER_ASKER(ask_batcher, mlsel_batcher_select(batcher, features, q->n_features, q->options, a->selections, err))
BATCHER_ASKER(ask_batcher_f64,
              mlsel_batcher_select_f64(batcher, features, q->n_features, q->options, a->selections, err))
BATCHER_ASKER(ask_batcher_score,
              mlsel_batcher_score(batcher, features, q->n_features, q->options, a->scores, N_LABELS(q), err))
BATCHER_ASKER(ask_batcher_score_f64,
              mlsel_batcher_score_f64(batcher, features, q->n_features, q->options, a->scores, N_LABELS(q), err))

static const asker askers[] = {
    {"mlsel_select", ASK_F32 | ASK_ONE, ask_select},
    {"mlsel_select_f64", ASK_F64 | ASK_ONE, ask_select_f64},
    {"mlsel_select_batch", ASK_F32 | ASK_BATCH, ask_select_batch},
    {"mlsel_select_batch_f64", ASK_F64 | ASK_BATCH, ask_select_batch_f64},
    {"mlsel_score", ASK_F32 | ASK_ONE, ask_score},
    {"mlsel_score_f64", ASK_F64 | ASK_ONE, ask_score_f64},
    {"mlsel_score_batch", ASK_F32 | ASK_BATCH, ask_score_batch},
    {"mlsel_score_batch_f64", ASK_F64 | ASK_BATCH, ask_score_batch_f64},
    {"mlsel_select by a batcher", ASK_F32 | ASK_ONE, ask_batcher},
    {"mlsel_select_f64 by a batcher", ASK_F64 | ASK_ONE, ask_batcher_f64},
    {"mlsel_score by a batcher", ASK_F32 | ASK_ONE, ask_batcher_score},
    {"mlsel_score_f64 by a batcher", ASK_F64 | ASK_ONE, ask_batcher_score_f64},
    {"mlsel_explain", ASK_F32 | ASK_ONE, ask_explain},
    {"mlsel_explain_f64", ASK_F64 | ASK_ONE, ask_explain_f64},
};

static mlsel_evidence evidence_of(answers *a) {
    mlsel_evidence e;
    test_fill(&e, sizeof e);
    mlsel_evidence_init(&e, sizeof e);
    e.scores = a->scores, e.scores_capacity = MAX_LABELS;
    e.probabilities = a->probabilities, e.probabilities_capacity = MAX_LABELS;
    e.neighbours = a->neighbours, e.neighbours_capacity = MAX_EVIDENCE;
    e.cluster_distances = a->clusters, e.cluster_distances_capacity = MAX_EVIDENCE;
    e.pair_decisions = a->pairs, e.pair_decisions_capacity = MAX_EVIDENCE;
    e.votes = a->votes, e.votes_capacity = MAX_LABELS;
    return e;
}

/* The features as the call wants them, with nothing behind. */
static void *features_for(const question *q, int ways) {
    if (q->features == NULL)
        return NULL;
    if (ways & ASK_F64)
        return test_copy(q->features, q->n_values * sizeof *q->features);
    float *values = test_to_floats(q->features, q->n_values);
    void *exact = test_copy(values, q->n_values * sizeof *values);
    free(values);
    return exact;
}

static bool is_asked(const asker *k, int ways) {
    return (k->ways & ways & (ASK_F32 | ASK_F64)) != 0 && (k->ways & ways & (ASK_ONE | ASK_BATCH)) != 0;
}

question one_query(const mlsel_model *model, const double *features, size_t n) {
    return (question){model, features, n, 1, n, n, NULL};
}

static void refuse_one(const asker *k, const char *name, const question *q, mlsel_status expected, uint64_t detail,
                       const char *message) {
    static answers a;
    char what[512];
    (void)snprintf(what, sizeof what, "%s, %s", name, k->name);
    void *features = features_for(q, k->ways);
    mlsel_evidence e = evidence_of(&a);
    const mlsel_evidence before = e;
    test_fill(&a, sizeof a);
    for (int with_error = 0; with_error <= 1; with_error++) {
        mlsel_error err = test_unset_error();
        test_quiet_begin();
        const mlsel_status status = k->ask(q, features, &a, &e, with_error ? &err : NULL);
        test_quiet_end(what);
        if (status != expected)
            fail_msg("%s: %s: %.239s", what, mlsel_status_name(status), with_error ? err.message : "");
        test_untouched(&a, sizeof a, what);
        assert_memory_equal(&e, &before, sizeof e);
        if (with_error)
            test_error(&err, expected, detail, message, what);
    }
    free(features);
}

void refuse_question(const char *name, const question *q, int ways, mlsel_status status, uint64_t detail,
                     const char *message) {
    for (size_t i = 0; i < LENGTH(askers); i++)
        if (is_asked(&askers[i], ways))
            refuse_one(&askers[i], name, q, status, detail, message);
}

/* The label that the call chose for the first query; -1 where it gives scores only. */
static int32_t chosen(const asker *k, const answers *a, const mlsel_evidence *e) {
    if (k->ask == ask_explain || k->ask == ask_explain_f64)
        return e->selection.index;
    return strncmp(k->name, "mlsel_select", 12) == 0 ? a->selections[0].index : -1;
}

int32_t accept_question(const char *name, const question *q, int ways) {
    static answers a;
    int32_t label = -1;
    for (size_t i = 0; i < LENGTH(askers); i++) {
        char what[512];
        if (!is_asked(&askers[i], ways))
            continue;
        (void)snprintf(what, sizeof what, "%s, %s", name, askers[i].name);
        void *features = features_for(q, askers[i].ways);
        mlsel_error err = test_unset_error();
        mlsel_evidence e = evidence_of(&a);
        test_quiet_begin();
        const mlsel_status status = askers[i].ask(q, features, &a, &e, &err);
        test_quiet_end(what);
        if (status != MLSEL_OK)
            fail_msg("%s: %s: %s", what, mlsel_status_name(status), err.message);
        test_no_error(&err, what);
        const int32_t one = chosen(&askers[i], &a, &e);
        if (label >= 0 && one >= 0 && one != label)
            fail_msg("%s: label %d, others chose %d", what, (int)one, (int)label);
        label = one >= 0 ? one : label;
        free(features);
    }
    return label;
}
