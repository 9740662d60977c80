/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a call: in, alone or in a group, and out. */
#include "batcher/batcher.h"
#include "latency.h"

/* Labels whose mask a call keeps in its own stack frame while it waits. */
enum { FEW_LABELS = 512 };

/* The checks of the plain call, in its order. A group's values are looked at whatever the engine does itself. */
static mlsel_status check(const mlsel_batcher *b, const batch_call *call, uint8_t *mask, terms *asked,
                          mlsel_error *err) {
    mlsel_status status = mlsel_i_query_check(b->model, &call->query, err);
    if (status == MLSEL_OK)
        status = mlsel_i_terms_read(b->model, call->options, true, mask, asked, err);
    if (status == MLSEL_OK && mlsel_i_query_checks_itself(b->model, &call->query))
        status = mlsel_i_query_check_values(b->model, &call->query, err);
    return status;
}

static mlsel_status answer_checked(mlsel_batcher *b, batch_call *call, const terms *asked, mlsel_error *err) {
    uint32_t row = 0;
    const mlsel_status status = mlsel_i_batch_measure(b, call, &row, err);
    if (status != MLSEL_OK)
        return status;
    return mlsel_i_answer_measured(b->model, &call->query, asked,
                                   call->group->values + (size_t)row * b->model->n_values,
                                   call->group->neighbours + (size_t)row * b->model->n_neighbours, &call->place, err);
}

static mlsel_status answer_together(mlsel_batcher *b, batch_call *call, mlsel_error *err) {
    uint8_t few[FEW_LABELS], *mask = few;
    workspace *lent = NULL;
    terms asked;
    if (b->model->artifact->scalars.n_labels > sizeof few) {
        lent = mlsel_i_workspace_take(b->model, err);
        if (lent == NULL)
            return MLSEL_ERROR_NO_MEMORY;
        mask = lent->mask;
    }
    mlsel_status status = check(b, call, mask, &asked, err);
    if (status == MLSEL_OK)
        status = answer_checked(b, call, &asked, err);
    if (lent != NULL)
        mlsel_i_workspace_give(b->model, lent);
    return status;
}

/* Lets a call in and tells whether it goes alone. */
static mlsel_status enter(mlsel_batcher *b, batch_call *call, bool *is_alone, mlsel_error *err) {
    call->enter_ns = mlsel_i_now_ns();
    pthread_mutex_lock(&b->lock);
    if (b->is_closed) {
        b->counts.refused++;
        pthread_mutex_unlock(&b->lock);
        return mlsel_i_fail(err, MLSEL_ERROR_CLOSED, "the batcher is closed");
    }
    b->inside++;
    if (b->inside > b->expected)
        b->expected = b->inside;
    *is_alone = mlsel_i_batch_goes_alone(b, call->query.type, &call->has_turn);
    if (*is_alone) {
        mlsel_i_batch_start(b, call->has_turn, 1);
        call->start_ns = call->enter_ns;
    }
    pthread_mutex_unlock(&b->lock);
    return MLSEL_OK;
}

static void leave(mlsel_batcher *b, const batch_call *call, bool is_alone, mlsel_status status) {
    const uint64_t now = mlsel_i_now_ns();
    pthread_mutex_lock(&b->lock);
    mlsel_i_batch_count_call(b, call, now, status);
    if (is_alone) {
        if (status == MLSEL_OK)
            mlsel_i_batch_learn(b, now - call->start_ns);
        mlsel_i_batch_end(b, call->has_turn, 1);
    }
    if (call->group != NULL)
        mlsel_i_batch_leave(b, call->group);
    b->inside--;
    if (b->is_closed && b->inside == 0)
        pthread_cond_broadcast(&b->is_empty);
    pthread_mutex_unlock(&b->lock);
}

static mlsel_status answer(mlsel_batcher *b, batch_call *call, mlsel_error *err) {
    bool is_alone = true;
    mlsel_status status = enter(b, call, &is_alone, err);
    if (status != MLSEL_OK)
        return status;
    if (is_alone)
        status = mlsel_i_answer(b->model, &call->query, call->options, &call->place, err);
    else
        status = answer_together(b, call, err);
    leave(b, call, is_alone, status);
    return status;
}

/* --- the public calls --------------------------------------------------------------------------------------------- */

static mlsel_status select_any(mlsel_batcher *b, mlsel_query_type type, const void *features, size_t n_features,
                               const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err) {
    batch_call call = {.query = {type, features, 1, n_features, n_features}, .options = options, .place = {out, NULL}};
    if (b == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the batcher is NULL");
    if (out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the output is NULL");
    return answer(b, &call, err);
}

static mlsel_status score_any(mlsel_batcher *b, mlsel_query_type type, const void *features, size_t n_features,
                              const mlsel_query_options *options, double *scores, size_t n_scores, mlsel_error *err) {
    batch_call call = {
        .query = {type, features, 1, n_features, n_features}, .options = options, .place = {NULL, scores}};
    if (b == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the batcher is NULL");
    const mlsel_status status = mlsel_i_scores_check(b->model, scores, n_scores, err);
    return status == MLSEL_OK ? answer(b, &call, err) : status;
}

mlsel_status mlsel_batcher_select(mlsel_batcher *batcher, const float *features, size_t n_features,
                                  const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err) {
    return select_any(batcher, MLSEL_QUERY_F32, features, n_features, options, out, err);
}

mlsel_status mlsel_batcher_select_f64(mlsel_batcher *batcher, const double *features, size_t n_features,
                                      const mlsel_query_options *options, mlsel_selection *out, mlsel_error *err) {
    return select_any(batcher, MLSEL_QUERY_F64, features, n_features, options, out, err);
}

mlsel_status mlsel_batcher_score(mlsel_batcher *batcher, const float *features, size_t n_features,
                                 const mlsel_query_options *options, double *scores, size_t n_scores,
                                 mlsel_error *err) {
    return score_any(batcher, MLSEL_QUERY_F32, features, n_features, options, scores, n_scores, err);
}

mlsel_status mlsel_batcher_score_f64(mlsel_batcher *batcher, const double *features, size_t n_features,
                                     const mlsel_query_options *options, double *scores, size_t n_scores,
                                     mlsel_error *err) {
    return score_any(batcher, MLSEL_QUERY_F64, features, n_features, options, scores, n_scores, err);
}
