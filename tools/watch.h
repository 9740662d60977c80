/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the configuration and the artifacts of a router, in a thread of its own, and reloads it when they change.
 */
#ifndef MLSEL_TOOL_WATCH_H
#define MLSEL_TOOL_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "mlsel.h"

typedef struct watch {
    pthread_t thread;
    atomic_bool stop;
    bool running;
    mlsel_router *router;
    const char *config;
} watch;

/* False when the system has no thread left. */
bool watch_start(watch *w, mlsel_router *router, const char *config);
void watch_stop(watch *w);

#endif
