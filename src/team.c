/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "team.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What is being done, guarded by the lock. Parts are large, so taking one under a lock costs nothing that shows. */
typedef struct team_job {
    team_work work;
    void *context;
    size_t n_parts;
    size_t next; /* first part that no one has taken */
    size_t done;
} team_job;

struct thread_team {
    pthread_mutex_t lock;
    pthread_cond_t has_work, is_done;
    team_job job;
    bool busy, stop;
    pid_t owner; /* threads do not follow into a child process */
    uint32_t n_threads;
    pthread_t threads[];
};

/* Takes and does one part; false when none is left. The lock is held before and after. */
static bool do_part(thread_team *team) {
    team_job *job = &team->job;
    if (job->next == job->n_parts)
        return false;
    const size_t part = job->next++;
    const team_work work = job->work;
    void *context = job->context;
    pthread_mutex_unlock(&team->lock);
    work(context, part);
    pthread_mutex_lock(&team->lock);
    if (++job->done == job->n_parts)
        pthread_cond_signal(&team->is_done);
    return true;
}

static void *serve(void *argument) {
    thread_team *team = argument;
    pthread_mutex_lock(&team->lock);
    while (!team->stop)
        if (!do_part(team))
            pthread_cond_wait(&team->has_work, &team->lock);
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

/* The host's signals are for the host's threads. Returns an errno value. */
static int start_threads(thread_team *team, uint32_t count) {
    sigset_t all, before;
    int failure = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; team->n_threads < count && failure == 0; team->n_threads += failure == 0)
        failure = pthread_create(&team->threads[team->n_threads], NULL, serve, team);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

static bool make_lock(thread_team *team) {
    if (pthread_mutex_init(&team->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&team->has_work, NULL) == 0) {
        if (pthread_cond_init(&team->is_done, NULL) == 0)
            return true;
        pthread_cond_destroy(&team->has_work);
    }
    pthread_mutex_destroy(&team->lock);
    return false;
}

mlsel_status mlsel_i_team_create(uint32_t threads, thread_team **out, mlsel_error *err) {
    const uint32_t count = threads - 1;
    thread_team *team = mlsel_i_calloc(1, sizeof *team + count * sizeof *team->threads);
    if (team == NULL)
        return mlsel_i_no_memory(err);
    team->owner = getpid();
    if (!make_lock(team)) {
        mlsel_i_free(team);
        return mlsel_i_no_memory(err);
    }
    const int failure = start_threads(team, count);
    if (failure != 0) {
        const unsigned started = (unsigned)team->n_threads;
        mlsel_i_team_free(team);
        return mlsel_i_fail_detail(err, MLSEL_ERROR_LIMIT, (uint64_t)failure,
                                   "the system granted %u of %u threads: ask for fewer", started + 1,
                                   (unsigned)threads);
    }
    *out = team;
    return MLSEL_OK;
}

void mlsel_i_team_free(thread_team *team) {
    if (team == NULL)
        return;
    if (team->owner == getpid()) {
        pthread_mutex_lock(&team->lock);
        team->stop = true;
        pthread_cond_broadcast(&team->has_work);
        pthread_mutex_unlock(&team->lock);
        for (uint32_t i = 0; i < team->n_threads; i++)
            pthread_join(team->threads[i], NULL);
        pthread_cond_destroy(&team->is_done);
        pthread_cond_destroy(&team->has_work);
        pthread_mutex_destroy(&team->lock);
    }
    mlsel_i_free(team);
}

uint32_t mlsel_i_team_size(const thread_team *team) { return team == NULL ? 1 : team->n_threads + 1; }

/* Makes the call the team's; false if it has another one. */
static bool start(thread_team *team, const team_job *job) {
    pthread_mutex_lock(&team->lock);
    const bool free = !team->busy;
    if (free) {
        team->busy = true;
        team->job = *job;
        pthread_cond_broadcast(&team->has_work);
    }
    pthread_mutex_unlock(&team->lock);
    return free;
}

void mlsel_i_team_run(thread_team *team, team_work work, void *context, size_t n_parts) {
    const team_job job = {.work = work, .context = context, .n_parts = n_parts};
    if (team == NULL || n_parts < 2 || team->owner != getpid() || !start(team, &job)) {
        for (size_t part = 0; part < n_parts; part++)
            work(context, part);
        return;
    }
    pthread_mutex_lock(&team->lock);
    while (do_part(team))
        ;
    while (team->job.done < team->job.n_parts)
        pthread_cond_wait(&team->is_done, &team->lock);
    team->busy = false;
    pthread_mutex_unlock(&team->lock);
}
