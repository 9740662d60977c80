/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE /* pthread_cond_timedwait_relative_np */
#elif !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "batcher/wait.h"

#include <time.h>

#include "latency.h"

#define NS_PER_S 1000000000u

static struct timespec timespec_of(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

#ifdef __APPLE__

/* There is no choice of clock, but a wait can be told how long rather than until when. */
bool mlsel_i_wait_init(pthread_cond_t *condition) { return pthread_cond_init(condition, NULL) == 0; }

void mlsel_i_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns) {
    const uint64_t now = mlsel_i_now_ns();
    if (now >= deadline_ns)
        return;
    const struct timespec left = timespec_of(deadline_ns - now);
    pthread_cond_timedwait_relative_np(condition, lock, &left);
}

#else

bool mlsel_i_wait_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    const bool is_made =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return is_made;
}

void mlsel_i_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns) {
    const struct timespec deadline = timespec_of(deadline_ns);
    pthread_cond_timedwait(condition, lock, &deadline);
}

#endif
