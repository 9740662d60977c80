/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer that hangs up must be an error of a call and not the end of the process. libcurl is told to leave signals
 * alone (CURLOPT_NOSIGNAL), and what OpenSSL writes for a libcurl before 7.87 raises SIGPIPE then. So the thread that
 * calls libcurl holds that signal back meanwhile; the process's disposition is not touched.
 */
#ifndef MLSEL_COLLECT_SIGPIPE_H
#define MLSEL_COLLECT_SIGPIPE_H

#include <stdbool.h>

typedef struct sigpipe_guard {
    bool was_blocked, was_pending;
} sigpipe_guard;

/* Holds SIGPIPE back in this thread, until the same thread releases the guard. They may be nested. */
void mlsel_i_sigpipe_hold(sigpipe_guard *guard);
/* Drops a SIGPIPE that came since, and lets the signal through again if it was before. One that waited before still
 * does. */
void mlsel_i_sigpipe_release(const sigpipe_guard *guard);

#endif
