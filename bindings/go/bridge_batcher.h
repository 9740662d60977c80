/* SPDX-License-Identifier: Apache-2.0 */
/* Batchers, in the manner of bridge.h. */
#ifndef MLSEL_GO_BRIDGE_BATCHER_H
#define MLSEL_GO_BRIDGE_BATCHER_H

#include "bridge.h"

typedef uintptr_t go_batcher;

static inline mlsel_batcher *go_batcher_of(go_batcher batcher) { return (mlsel_batcher *)batcher; }

typedef struct go_made_batcher {
    go_batcher batcher;
    go_outcome outcome;
} go_made_batcher;

typedef struct go_batcher_stats {
    mlsel_batcher_stats of;
    go_outcome outcome;
} go_batcher_stats;

static inline go_made_batcher go_batcher_create(go_model model, uint32_t max_wait_us, uint32_t max_batch,
                                                uint32_t max_running, int allow_rounding, int always_group) {
    mlsel_error error;
    mlsel_batcher_options options;
    mlsel_batcher *batcher = NULL;
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_wait_us = max_wait_us;
    options.max_batch = max_batch;
    options.max_running = max_running;
    options.allow_rounding = allow_rounding;
    options.always_group = always_group;
    const mlsel_status status = mlsel_batcher_create(go_model_of(model), &options, &batcher, &error);
    const go_made_batcher made = {(go_batcher)batcher, go_outcome_of(status, &error)};
    return made;
}

static inline go_batcher_stats go_batcher_get_stats(go_batcher batcher) {
    mlsel_error error;
    go_batcher_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.outcome =
        go_outcome_of(mlsel_batcher_get_stats(go_batcher_of(batcher), &stats.of, sizeof stats.of, &error), &error);
    return stats;
}

/* GO_BATCHED(SUFFIX, TYPE, C_SUFFIX): the calls that take a query, for one type of value. */
#define GO_BATCHED(suffix, type, c_suffix)                                                                             \
    static inline go_selection go_batcher_select_##suffix(                                                             \
        go_batcher batcher, const type *x, size_t n, const uint8_t *mask, const int32_t *list, size_t n_eligible) {    \
        mlsel_error error;                                                                                             \
        go_selection answer;                                                                                           \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        memset(&answer.selection, 0, sizeof answer.selection);                                                         \
        answer.outcome = go_outcome_of(                                                                                \
            mlsel_batcher_select##c_suffix(go_batcher_of(batcher), x, n, &options, &answer.selection, &error),         \
            &error);                                                                                                   \
        return answer;                                                                                                 \
    }                                                                                                                  \
    static inline go_outcome go_batcher_score_##suffix(go_batcher batcher, const type *x, size_t n,                    \
                                                       const uint8_t *mask, const int32_t *list, size_t n_eligible,    \
                                                       double *scores, size_t n_scores) {                              \
        mlsel_error error;                                                                                             \
        const mlsel_query_options options = go_eligible(mask, list, n_eligible);                                       \
        return go_outcome_of(                                                                                          \
            mlsel_batcher_score##c_suffix(go_batcher_of(batcher), x, n, &options, scores, n_scores, &error), &error);  \
    }

GO_BATCHED(f32, float, )
GO_BATCHED(f64, double, _f64)

#endif
