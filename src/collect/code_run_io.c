/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "code_run_internal.h"

enum { LOWEST_FD = 16 };

void mlsel_i_close_fd(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

bool mlsel_i_move_up(int *fd) {
    const int moved = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    mlsel_i_close_fd(fd);
    *fd = moved;
    return moved >= 0;
}

bool mlsel_i_pipe(int ends[2]) {
#if defined(__linux__)
    const bool is_made = pipe2(ends, O_CLOEXEC) == 0;
#else
    const bool is_made = pipe(ends) == 0;
#endif
    if (!is_made) {
        ends[0] = ends[1] = -1;
        return false;
    }
    const bool first = mlsel_i_move_up(&ends[0]);
    return mlsel_i_move_up(&ends[1]) && first;
}

int mlsel_i_read_until(int fd, char *data, size_t size, size_t *n, double deadline) {
    for (*n = 0; *n < size;) {
        const double left = deadline - mlsel_i_now();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left <= 0)
            return ETIMEDOUT;
        const int came = poll(&ready, 1, (int)(left * 1000) + 1);
        if (came == 0 || (came < 0 && errno == EINTR))
            continue;
        const ssize_t got = came < 0 ? -1 : read(fd, data + *n, size - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return 0;
}

void mlsel_i_end_process(pid_t process) {
    (void)kill(-process, SIGKILL);
    (void)kill(process, SIGKILL);
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
        continue;
}
