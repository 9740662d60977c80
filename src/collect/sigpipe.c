/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "sigpipe.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static sigset_t only_sigpipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static bool is_pending(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void mlsel_i_sigpipe_hold(sigpipe_guard *guard) {
    const sigset_t set = only_sigpipe();
    sigset_t before;
    guard->was_pending = is_pending();
    guard->was_blocked = pthread_sigmask(SIG_BLOCK, &set, &before) != 0 || sigismember(&before, SIGPIPE) == 1;
}

/* Takes the pending signal. Not sigwait where there is a choice: it would wait if another thread was faster. */
static void take(const sigset_t *set) {
#ifdef __APPLE__
    int number;
    (void)sigwait(set, &number);
#else
    const struct timespec at_once = {0};
    while (sigtimedwait(set, NULL, &at_once) < 0 && errno == EINTR)
        ;
#endif
}

void mlsel_i_sigpipe_release(const sigpipe_guard *guard) {
    const sigset_t set = only_sigpipe();
    if (!guard->was_pending && is_pending())
        take(&set);
    if (!guard->was_blocked)
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
