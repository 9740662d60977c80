/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const fault_family_names[FAULT_FAMILIES] = {"alloc", "file", "thread", "plugin"};

static atomic_bool is_on;
static fault_family family_set;
static fault_mode mode_set;
static size_t number_set;
static atomic_size_t calls, wrong;
static fault_place place, last;
enum { MOST_ERRORS = 256 };
static atomic_bool given[MOST_ERRORS];
static void (*report_first)(const fault_place *);

void fault_begin(fault_family family, fault_mode mode, size_t n) {
    family_set = family;
    mode_set = mode;
    number_set = n;
    atomic_store(&calls, 0);
    atomic_store(&wrong, 0);
    place = last = (fault_place){.error = 0};
    for (int i = 0; i < MOST_ERRORS; i++)
        atomic_store(&given[i], false);
    atomic_store(&is_on, true);
}

size_t fault_end(void) {
    atomic_store(&is_on, false);
    return atomic_load(&wrong);
}

size_t fault_calls(void) { return atomic_load(&calls); }

const fault_place *fault_where(void) { return &place; }

const fault_place *fault_last(void) { return &last; }

bool fault_gave(int error) { return error > 0 && error < MOST_ERRORS && atomic_load(&given[error]); }

void fault_on_first(void (*report)(const fault_place *)) { report_first = report; }

/* By system calls, which nothing wraps. */
static bool is_folder(const char *path) {
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0)
        syscall(SYS_close, fd);
    return fd >= 0;
}

static void set_place(fault_place *at, const char *function, int error, const char *path, int fd) {
    char link[64];
    at->error = error;
    snprintf(at->function, sizeof at->function, "%s", function);
    snprintf(at->path, sizeof at->path, "%s", path != NULL ? path : "");
    if (path == NULL && fd >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        const long n = syscall(SYS_readlinkat, AT_FDCWD, link, at->path, sizeof at->path - 1);
        at->path[n < 0 ? 0 : n] = '\0';
    }
    at->is_folder = at->path[0] != '\0' && is_folder(at->path);
}

int fault_decide(fault_family family, const char *function, int kind, int error, int error_from, const char *path,
                 int fd) {
    if (!atomic_load(&is_on) || family != family_set)
        return 0;
    if (mode_set == FAULT_INTERRUPT && (kind & FAULT_CAN_INTERRUPT) == 0)
        return 0;
    if (mode_set == FAULT_SHORT && (kind & FAULT_CAN_CUT) == 0)
        return 0;
    const size_t number = atomic_fetch_add(&calls, 1);
    if (mode_set == FAULT_FROM ? number < number_set : number != number_set)
        return 0;
    const int result = mode_set == FAULT_INTERRUPT ? EINTR
                       : mode_set == FAULT_SHORT   ? FAULT_CUT
                       : mode_set == FAULT_FROM    ? error_from
                                                   : error;
    const bool is_first = atomic_fetch_add(&wrong, 1) == 0;
    set_place(&last, function, result, path, fd);
    if (is_first) {
        place = last;
        if (report_first != NULL)
            report_first(&place);
    }
    if (result > 0) {
        atomic_store(&given[result], true);
        errno = result;
    }
    return result;
}

static atomic_bool took_stream;

bool fault_took_stream(void) { return atomic_load(&took_stream); }

int fault_opened(int fd, const char *path) {
    if (fd >= STDIN_FILENO && fd <= STDERR_FILENO && strcmp(path, "/dev/null") != 0)
        atomic_store(&took_stream, true);
    return fd;
}

bool fault_has_memory(const char *function) {
    return fault_decide(FAULT_ALLOC, function, FAULT_PLAIN, ENOMEM, ENOMEM, NULL, -1) == 0;
}

size_t fault_open_descriptors(void) {
    enum { MOST = 256 };
    size_t n = 0;
    for (int fd = 0; fd < MOST; fd++)
        n += syscall(SYS_fcntl, fd, F_GETFD) >= 0;
    return n;
}
