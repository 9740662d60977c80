/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "workers.h"

#include <pthread.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t came;
    pthread_t *threads;
    uint32_t n_threads, n_started, n_idle;
    size_t n_queued;
    worker_job *queue, **queue_end;
    worker_job *done, **done_end;
    bool stops;
    void (*wake)(void *user);
    void *user;
};

mlsel_status mlsel_i_workers_create(uint32_t n_threads, void (*wake)(void *user), void *user, workers **out,
                                    mlsel_error *err) {
    workers *w = mlsel_i_calloc(1, sizeof *w);
    pthread_t *threads = mlsel_i_calloc(n_threads, sizeof *threads);
    if (w == NULL || threads == NULL || pthread_mutex_init(&w->lock, NULL) != 0)
        goto failed;
    if (pthread_cond_init(&w->came, NULL) != 0) {
        (void)pthread_mutex_destroy(&w->lock);
        goto failed;
    }
    w->threads = threads;
    w->n_threads = n_threads;
    w->queue_end = &w->queue;
    w->done_end = &w->done;
    w->wake = wake;
    w->user = user;
    *out = w;
    return MLSEL_OK;
failed:
    mlsel_i_free(threads);
    mlsel_i_free(w);
    return mlsel_i_no_memory(err);
}

static void finish(workers *w, worker_job *job) {
    job->next = NULL;
    *w->done_end = job;
    w->done_end = &job->next;
}

static void *work(void *user) {
    workers *w = user;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->stops) {
        worker_job *job = w->queue;
        if (job == NULL) {
            w->n_idle++;
            (void)pthread_cond_wait(&w->came, &w->lock);
            w->n_idle--;
            continue;
        }
        w->queue = job->next;
        w->n_queued--;
        if (w->queue == NULL)
            w->queue_end = &w->queue;
        (void)pthread_mutex_unlock(&w->lock);
        job->run(job);
        (void)pthread_mutex_lock(&w->lock);
        finish(w, job);
        w->wake(w->user);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

void mlsel_i_workers_submit(workers *w, worker_job *job) {
    (void)pthread_mutex_lock(&w->lock);
    job->next = NULL;
    if (w->n_queued >= w->n_idle && w->n_started < w->n_threads &&
        pthread_create(&w->threads[w->n_started], NULL, work, w) == 0)
        w->n_started++;
    const bool has_threads = w->n_started > 0;
    if (has_threads) {
        *w->queue_end = job;
        w->queue_end = &job->next;
        w->n_queued++;
        (void)pthread_cond_signal(&w->came);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (has_threads)
        return;
    job->run(job);
    (void)pthread_mutex_lock(&w->lock);
    finish(w, job);
    (void)pthread_mutex_unlock(&w->lock);
    w->wake(w->user);
}

worker_job *mlsel_i_workers_take(workers *w) {
    (void)pthread_mutex_lock(&w->lock);
    worker_job *job = w->done;
    if (job != NULL)
        w->done = job->next;
    if (w->done == NULL)
        w->done_end = &w->done;
    (void)pthread_mutex_unlock(&w->lock);
    return job;
}

worker_job *mlsel_i_workers_stop(workers *w) {
    (void)pthread_mutex_lock(&w->lock);
    w->stops = true;
    (void)pthread_cond_broadcast(&w->came);
    (void)pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 0; i < w->n_started; i++)
        (void)pthread_join(w->threads[i], NULL);
    worker_job *left = w->queue;
    w->queue = NULL;
    return left;
}

void mlsel_i_workers_free(workers *w) {
    if (w == NULL)
        return;
    (void)pthread_cond_destroy(&w->came);
    (void)pthread_mutex_destroy(&w->lock);
    mlsel_i_free(w->threads);
    mlsel_i_free(w);
}
