/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads for what would hold up the requests on their way: running code, bringing a file to disk. */
#ifndef MLSEL_COLLECT_WORKERS_H
#define MLSEL_COLLECT_WORKERS_H

#include "internal.h"

/* The beginning of what a caller wants to be done. */
typedef struct worker_job {
    void (*run)(struct worker_job *job); /* on a thread of the workers */
    struct worker_job *next;
} worker_job;

typedef struct workers workers;

/* `wake` is called on a thread of the workers when a job is done. Threads start with the first jobs. */
mlsel_status mlsel_i_workers_create(uint32_t n_threads, void (*wake)(void *user), void *user, workers **out,
                                    mlsel_error *err);
/* Hands over a job, which is done at once where there can be no thread. */
void mlsel_i_workers_submit(workers *w, worker_job *job);
/* A job that is done; NULL: none is. */
worker_job *mlsel_i_workers_take(workers *w);
/* Waits for the jobs that have begun, and returns the list of those that have not, which never will. */
worker_job *mlsel_i_workers_stop(workers *w);
/* After a stop. */
void mlsel_i_workers_free(workers *w);

#endif
