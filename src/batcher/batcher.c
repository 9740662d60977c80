/* SPDX-License-Identifier: Apache-2.0 */
/* Making, closing and freeing a batcher. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE /* _SC_NPROCESSORS_ONLN */
#elif !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "batcher/batcher.h"

#include <unistd.h>

#include "batcher/wait.h"

enum {
    DEFAULT_WAIT_US = 100,
    MAX_WAIT_US = 1000000,
    MAX_BATCH = 4096,
    CPU_BATCH = 64, /* defaults: beyond them a run only takes longer */
    DEVICE_BATCH = 256,
    DEVICE_RUNNING = 2, /* one is prepared while the other is on the device */
    MAX_RUNNING = POOL_SLOTS,
    SPARE_GROUPS = 4 /* beside those that run: open ones, and some whose members are on their way out */
};

/* Whether a group's answers are those of its members alone, and there is something to gain. */
static bool can_group(const mlsel_model *model, bool allow_rounding) {
    if (!mlsel_i_scores_on_cpu(model))
        return true;
    switch (model->artifact->scalars.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        return true;
    case MLSEL_ALGORITHM_SVM:
    case MLSEL_ALGORITHM_MLP:
        return allow_rounding && model->engine->precision == MLSEL_PRECISION_F32;
    default: /* one by one in any case */
        return false;
    }
}

/* Runs that gain from each other's company. */
static uint32_t default_running(const mlsel_model *model) {
    if (!mlsel_i_scores_on_cpu(model))
        return DEVICE_RUNNING;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > MAX_RUNNING ? MAX_RUNNING : (uint32_t)processors;
}

static mlsel_status read_options(const mlsel_model *model, const mlsel_batcher_options *given, batch_settings *out,
                                 mlsel_error *err) {
    mlsel_batcher_options own;
    const uint32_t most = model->engine->prepared.max_batch;
    const mlsel_status status = mlsel_i_options_copy(&own, sizeof own, given, "mlsel_batcher_options", err);
    if (status != MLSEL_OK)
        return status;
    if (own.max_wait_us > MAX_WAIT_US && own.max_wait_us != MLSEL_BATCHER_NO_WAIT)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "max_wait_us is %lu, the most are %d",
                            (unsigned long)own.max_wait_us, MAX_WAIT_US);
    if (own.max_batch > MAX_BATCH)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "max_batch is %lu, the most are %d",
                            (unsigned long)own.max_batch, MAX_BATCH);
    if (own.max_running > MAX_RUNNING)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "max_running is %lu, the most are %d",
                            (unsigned long)own.max_running, MAX_RUNNING);
    if (own.max_batch == 0)
        own.max_batch = mlsel_i_scores_on_cpu(model) ? CPU_BATCH : DEVICE_BATCH;
    *out = (batch_settings){
        .max_wait_us = own.max_wait_us == 0                       ? DEFAULT_WAIT_US
                       : own.max_wait_us == MLSEL_BATCHER_NO_WAIT ? 0
                                                                  : own.max_wait_us,
        .max_batch = own.max_batch < most ? own.max_batch : most,
        .max_running = own.max_running == 0 ? default_running(model) : own.max_running,
    };
    out->must_pay = mlsel_i_scores_on_cpu(model) && own.always_group == 0;
    out->is_grouping = out->max_batch > 1 && can_group(model, own.allow_rounding != 0);
    return MLSEL_OK;
}

static bool make_group_lock(batch_group *group) {
    if (pthread_mutex_init(&group->lock, NULL) != 0)
        return false;
    if (mlsel_i_wait_init(&group->leader)) {
        if (pthread_cond_init(&group->is_full, NULL) == 0) {
            if (pthread_cond_init(&group->has_run, NULL) == 0)
                return true;
            pthread_cond_destroy(&group->is_full);
        }
        pthread_cond_destroy(&group->leader);
    }
    pthread_mutex_destroy(&group->lock);
    return false;
}

static bool make_lock(mlsel_batcher *b) {
    if (pthread_mutex_init(&b->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&b->has_free, NULL) == 0) {
        if (pthread_cond_init(&b->is_empty, NULL) == 0)
            return true;
        pthread_cond_destroy(&b->has_free);
    }
    pthread_mutex_destroy(&b->lock);
    return false;
}

/* The memory of a group, in one block that starts with the queries. */
static mlsel_status make_group(mlsel_batcher *b, batch_group *group, mlsel_error *err) {
    const size_t n = b->settings.max_batch;
    const size_t query = b->stride * sizeof(double), values = b->model->n_values * sizeof(double);
    const size_t row = query + values + b->model->n_neighbours * sizeof(mlsel_backend_neighbour);
    group->queries = mlsel_i_alloc(n, row);
    if (group->queries == NULL)
        return mlsel_i_no_memory(err);
    if (!make_group_lock(group)) {
        mlsel_i_free(group->queries);
        group->queries = NULL; /* there is no group */
        return mlsel_i_no_memory(err);
    }
    group->values = (double *)(void *)(group->queries + n * query);
    group->neighbours = (mlsel_backend_neighbour *)(void *)(group->queries + n * (query + values));
    group->next = b->free;
    b->free = group;
    b->memory_bytes += n * row;
    return MLSEL_OK;
}

static void free_batcher(mlsel_batcher *b) {
    for (uint32_t i = 0; i < b->n_groups; i++) {
        batch_group *group = &b->groups[i];
        if (group->queries == NULL)
            continue;
        pthread_cond_destroy(&group->leader);
        pthread_cond_destroy(&group->is_full);
        pthread_cond_destroy(&group->has_run);
        pthread_mutex_destroy(&group->lock);
        mlsel_i_free(group->queries);
    }
    pthread_cond_destroy(&b->has_free);
    pthread_cond_destroy(&b->is_empty);
    pthread_mutex_destroy(&b->lock);
    mlsel_model_release(b->model);
    mlsel_i_free(b);
}

mlsel_status mlsel_batcher_create(mlsel_model *model, const mlsel_batcher_options *options, mlsel_batcher **out,
                                  mlsel_error *err) {
    batch_settings settings;
    if (model == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model and out must not be NULL");
    mlsel_status status = read_options(model, options, &settings, err);
    if (status != MLSEL_OK)
        return status;
    const uint32_t n_groups = settings.is_grouping ? settings.max_running + SPARE_GROUPS : 0;
    mlsel_batcher *b = mlsel_i_calloc(1, sizeof *b + n_groups * sizeof *b->groups);
    if (b == NULL)
        return mlsel_i_no_memory(err);
    if (!make_lock(b)) {
        mlsel_i_free(b);
        return mlsel_i_no_memory(err);
    }
    const size_t step = MLSEL_ALIGNMENT / sizeof(float); /* rows of their own cache lines: members write at once */
    b->model = mlsel_model_retain(model);
    b->settings = settings;
    b->stride = (model->artifact->scalars.n_features + step - 1) / step * step;
    b->n_groups = n_groups;
    for (uint32_t i = 0; i < n_groups && status == MLSEL_OK; i++)
        status = make_group(b, &b->groups[i], err);
    if (status != MLSEL_OK) {
        free_batcher(b);
        return status;
    }
    *out = b;
    return mlsel_i_ok(err);
}

void mlsel_batcher_close(mlsel_batcher *batcher) {
    if (batcher == NULL)
        return;
    pthread_mutex_lock(&batcher->lock);
    batcher->is_closed = true;
    mlsel_i_batch_wake_leaders(batcher);
    while (batcher->inside > 0)
        pthread_cond_wait(&batcher->is_empty, &batcher->lock);
    pthread_mutex_unlock(&batcher->lock);
}

void mlsel_batcher_release(mlsel_batcher *batcher) {
    if (batcher == NULL)
        return;
    mlsel_batcher_close(batcher);
    free_batcher(batcher);
}

void mlsel_batcher_options_init(mlsel_batcher_options *options, size_t size) { mlsel_i_options_init(options, size); }
