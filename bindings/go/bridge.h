/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Go calls instead of mlsel.h itself, so that a call allocates nothing on Go's side:
 *
 * - Small results come back by value. A Go variable whose address goes to C would be moved to the heap.
 * - Structs with pointers are built here, on C's stack, from plain arguments. Go may not hand over memory of its own
 * that points to more memory of its own.
 * - The text of an error is needed only when a call fails; then it comes in memory from malloc, for Go to free.
 */
#ifndef MLSEL_GO_BRIDGE_H
#define MLSEL_GO_BRIDGE_H

#include <stdlib.h>
#include <string.h>

#include <mlsel.h>

/*
 * A model as Go keeps it: Go 1.19 allocates when it checks a pointer to a type that it does not know in full, and a
 * number needs no check.
 */
typedef uintptr_t go_model;

static inline mlsel_model *go_model_of(go_model model) { return (mlsel_model *)model; }

/* Outcome of a call: error is NULL after success, and when there was no memory for it. */
typedef struct go_outcome {
    mlsel_error *error;
    mlsel_status status;
} go_outcome;

typedef struct go_selection {
    mlsel_selection selection;
    go_outcome outcome;
} go_selection;

typedef struct go_explained {
    mlsel_selection selection;
    size_t neighbour_count;
    size_t cluster_count;
    size_t pair_count;
    size_t vote_count;
    size_t confidence_count;
    go_outcome outcome;
} go_explained;

typedef struct go_loaded {
    go_model model;
    go_outcome outcome;
} go_loaded;

typedef struct go_composed {
    uint32_t flags;
    go_outcome outcome;
} go_composed;

static inline go_outcome go_outcome_of(mlsel_status status, const mlsel_error *error) {
    go_outcome outcome = {NULL, status};
    if (status == MLSEL_OK)
        return outcome;
    outcome.error = malloc(sizeof *outcome.error);
    if (outcome.error != NULL)
        *outcome.error = *error;
    return outcome;
}

/* A mask, a list, or neither; n is the length of the one that is given. */
static inline mlsel_query_options go_eligible(const uint8_t *mask, const int32_t *list, size_t n) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = mask;
    options.eligible_mask_size = mask != NULL ? n : 0;
    options.eligible = list;
    options.n_eligible = list != NULL ? n : 0;
    return options;
}

/* --- models ---------------------------------------------------------------------------------------------------------
 */

static inline go_loaded go_load(const char *path, const uint8_t *data, size_t size, mlsel_knn_rule knn_rule, uint32_t k,
                                mlsel_precision precision, const char *device, int fallback,
                                mlsel_category_layout layout, uint64_t max_bytes, uint32_t threads, int check_values) {
    mlsel_error error;
    mlsel_model_options options;
    go_loaded loaded = {0, {NULL, MLSEL_OK}};
    mlsel_model *model = NULL;
    mlsel_model_options_init(&options, sizeof options);
    options.knn_rule = knn_rule;
    options.k = k;
    options.precision = precision;
    options.device = device;
    options.allow_device_fallback = fallback;
    options.category_layout = layout;
    options.max_bytes = max_bytes;
    options.threads = threads;
    options.check_values = check_values;
    const mlsel_status status = path != NULL ? mlsel_model_load(path, &options, &model, &error)
                                             : mlsel_model_load_memory(data, size, &options, &model, &error);
    loaded.model = (go_model)model;
    loaded.outcome = go_outcome_of(status, &error);
    return loaded;
}

/* A category as a C string in `small` if it fits, else from malloc; NULL without memory. */
static inline char *go_name(const char *text, size_t n, char *small, size_t size) {
    char *name = n < size ? small : malloc(n + 1);
    if (name == NULL)
        return NULL;
    if (n > 0)
        memcpy(name, text, n);
    name[n] = '\0';
    return name;
}

/* An evidence whose arrays are all of the model's size; those that do not apply to it are NULL. */
static inline mlsel_evidence go_evidence(double *scores, double *probabilities, size_t n_labels,
                                         mlsel_neighbour *neighbours, size_t n_neighbours, double *distances,
                                         size_t n_clusters, double *pairs, size_t n_pairs, int32_t *votes,
                                         double *confidences) {
    mlsel_evidence evidence;
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.scores = scores;
    evidence.probabilities = probabilities;
    evidence.scores_capacity = evidence.probabilities_capacity = n_labels;
    evidence.neighbours = neighbours;
    evidence.neighbours_capacity = n_neighbours;
    evidence.cluster_distances = distances;
    evidence.cluster_distances_capacity = n_clusters;
    evidence.pair_decisions = pairs;
    evidence.pair_decisions_capacity = n_pairs;
    evidence.votes = votes;
    evidence.votes_capacity = votes != NULL ? n_labels : 0;
    evidence.confidences = confidences;
    evidence.confidences_capacity = confidences != NULL ? n_labels : 0;
    return evidence;
}

/* GO_QUERIES(SUFFIX, TYPE, C_SUFFIX): the calls that take queries, for one type of value. */
#define GO_QUERIES(suffix, type, c_suffix)                                                                             \
    static inline go_selection go_select_##suffix(go_model model, const type *x, size_t n, const uint8_t *mask,        \
                                                  const int32_t *list, size_t n_eligible) {                            \
        mlsel_error error;                                                                                             \
        go_selection answer;                                                                                           \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        memset(&answer.selection, 0, sizeof answer.selection);                                                         \
        answer.outcome = go_outcome_of(                                                                                \
            mlsel_select##c_suffix(go_model_of(model), x, n, &options, &answer.selection, &error), &error);            \
        return answer;                                                                                                 \
    }                                                                                                                  \
    static inline go_outcome go_select_batch_##suffix(go_model model, const type *x, size_t count, size_t n,           \
                                                      const uint8_t *mask, const int32_t *list, size_t n_eligible,     \
                                                      mlsel_selection *out) {                                          \
        mlsel_error error;                                                                                             \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        return go_outcome_of(mlsel_select_batch##c_suffix(go_model_of(model), x, count, n, n, &options, out, &error),  \
                             &error);                                                                                  \
    }                                                                                                                  \
    static inline go_outcome go_score_##suffix(go_model model, const type *x, size_t n, const uint8_t *mask,           \
                                               const int32_t *list, size_t n_eligible, double *scores,                 \
                                               size_t n_scores) {                                                      \
        mlsel_error error;                                                                                             \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        return go_outcome_of(mlsel_score##c_suffix(go_model_of(model), x, n, &options, scores, n_scores, &error),      \
                             &error);                                                                                  \
    }                                                                                                                  \
    static inline go_outcome go_score_batch_##suffix(go_model model, const type *x, size_t count, size_t n,            \
                                                     const uint8_t *mask, const int32_t *list, size_t n_eligible,      \
                                                     double *scores, size_t n_scores) {                                \
        mlsel_error error;                                                                                             \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        return go_outcome_of(                                                                                          \
            mlsel_score_batch##c_suffix(go_model_of(model), x, count, n, n, &options, scores, n_scores, &error),       \
            &error);                                                                                                   \
    }                                                                                                                  \
    static inline go_explained go_explain_##suffix(                                                                    \
        go_model model, const type *x, size_t n, const uint8_t *mask, const int32_t *list, size_t n_eligible,          \
        double *scores, double *probabilities, size_t n_labels, mlsel_neighbour *neighbours, size_t n_neighbours,      \
        double *distances, size_t n_clusters, double *pairs, size_t n_pairs, int32_t *votes, double *confidences) {    \
        mlsel_error error;                                                                                             \
        go_explained answer;                                                                                           \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        mlsel_evidence evidence = go_evidence(scores, probabilities, n_labels, neighbours, n_neighbours, distances,    \
                                              n_clusters, pairs, n_pairs, votes, confidences);                         \
        answer.outcome =                                                                                               \
            go_outcome_of(mlsel_explain##c_suffix(go_model_of(model), x, n, &options, &evidence, &error), &error);     \
        answer.selection = evidence.selection;                                                                         \
        answer.neighbour_count = evidence.neighbour_count;                                                             \
        answer.cluster_count = evidence.cluster_count;                                                                 \
        answer.pair_count = evidence.pair_count;                                                                       \
        answer.vote_count = evidence.vote_count;                                                                       \
        answer.confidence_count = evidence.confidence_count;                                                           \
        return answer;                                                                                                 \
    }                                                                                                                  \
    static inline go_composed go_compose_##suffix(go_model model, mlsel_category_layout layout, double weight,         \
                                                  const type *embedding, size_t n_embedding, const char *category,     \
                                                  size_t n_category, type *features, size_t n_features) {              \
        mlsel_error error;                                                                                             \
        go_composed composed = {0, {NULL, MLSEL_OK}};                                                                  \
        char short_name[128];                                                                                          \
        char *name = go_name(category, n_category, short_name, sizeof short_name);                                     \
        mlsel_features_options options;                                                                                \
        mlsel_features_options_init(&options, sizeof options);                                                         \
        options.layout = layout;                                                                                       \
        options.category_weight = weight;                                                                              \
        memset(&error, 0, sizeof error);                                                                               \
        mlsel_status status = MLSEL_ERROR_NO_MEMORY;                                                                   \
        if (name != NULL)                                                                                              \
            status =                                                                                                   \
                mlsel_features_compose##c_suffix(go_model_of(model), model != 0 ? NULL : &options, embedding,          \
                                                 n_embedding, name, features, n_features, &composed.flags, &error);    \
        if (name != short_name)                                                                                        \
            free(name);                                                                                                \
        composed.outcome = go_outcome_of(status, &error);                                                              \
        return composed;                                                                                               \
    }

GO_QUERIES(f32, float, )
GO_QUERIES(f64, double, _f64)

static inline go_outcome go_probabilities(go_model model, const double *scores, size_t n, const uint8_t *mask,
                                          const int32_t *list, size_t n_eligible, double *out) {
    mlsel_error error;
    const mlsel_query_options options = go_eligible(mask, list, n_eligible);
    return go_outcome_of(mlsel_probabilities(go_model_of(model), scores, n, &options, out, &error), &error);
}

static inline go_outcome go_confidences(go_model model, const double *scores, size_t n, double *out) {
    mlsel_error error;
    return go_outcome_of(mlsel_confidences(go_model_of(model), scores, n, out, &error), &error);
}

#endif
