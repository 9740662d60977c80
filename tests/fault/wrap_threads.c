/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, locks and processes; plugins. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include "inject.h"
#include "wrap.h"

/* These return their errno value. */
#define RETURNS_ERROR(name, parameters, arguments, error)                                                              \
    WRAP(int, name, parameters) {                                                                                      \
        const int failure = fault_decide(FAULT_THREAD, #name, FAULT_PLAIN, error, error, NULL, -1);                    \
        return failure != 0 ? failure : __real_##name arguments;                                                       \
    }

RETURNS_ERROR(pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *user),
              (thread, how, run, user), EAGAIN)
RETURNS_ERROR(pthread_mutex_init, (pthread_mutex_t * lock, const pthread_mutexattr_t *how), (lock, how), ENOMEM)
RETURNS_ERROR(pthread_cond_init, (pthread_cond_t * condition, const pthread_condattr_t *how), (condition, how), ENOMEM)
RETURNS_ERROR(pthread_condattr_init, (pthread_condattr_t * attributes), (attributes), ENOMEM)

WRAP(pid_t, fork, (void)) {
    return fault_decide(FAULT_THREAD, "fork", FAULT_PLAIN, EAGAIN, ENOMEM, NULL, -1) != 0 ? -1 : __real_fork();
}

/* --- plugins ------------------------------------------------------------------------------------------------------ */

static const char *reason;

WRAP(void *, dlopen, (const char *path, int flags)) {
    reason = NULL;
    if (fault_decide(FAULT_PLUGIN, "dlopen", FAULT_PLAIN, ENOMEM, ENOMEM, path, -1) == 0)
        return __real_dlopen(path, flags);
    reason = "failed to map segment from shared object";
    return NULL;
}

WRAP(void *, dlsym, (void *handle, const char *name)) {
    if (fault_decide(FAULT_PLUGIN, "dlsym", FAULT_PLAIN, ENOENT, ENOENT, NULL, -1) == 0)
        return __real_dlsym(handle, name);
    reason = "undefined symbol";
    return NULL;
}

WRAP(char *, dlerror, (void)) {
    static char text[64];
    if (reason == NULL)
        return __real_dlerror();
    for (size_t i = 0; i < sizeof text && (text[i] = reason[i]) != '\0'; i++)
        ;
    reason = NULL;
    return text;
}
