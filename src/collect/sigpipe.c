/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "sigpipe.h"

#include <errno.h>
#include <time.h>

static bool is_pending(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void mlsel_i_sigpipe_hold(sigpipe_guard *guard) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    guard->was_pending = is_pending();
    pthread_sigmask(SIG_BLOCK, &pipe, &guard->before);
}

/* Takes the pending signal. Not sigwait where there is a choice: it would wait if another thread was faster. */
static void take(void) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
#ifdef __APPLE__
    int number;
    (void)sigwait(&pipe, &number);
#else
    const struct timespec at_once = {0};
    while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
        ;
#endif
}

void mlsel_i_sigpipe_release(const sigpipe_guard *guard) {
    if (!guard->was_pending && is_pending())
        take();
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}
