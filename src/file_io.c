/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int mlsel_i_open(const char *path, int flags) {
    int fd;
    do
        fd = open(path, flags, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int mlsel_i_sync(int fd) {
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Some systems take no more at once. */
static size_t at_once(size_t size) {
    const size_t most = (size_t)1 << 30;
    return size < most ? size : most;
}

int mlsel_i_read_all(int fd, void *out, size_t size, size_t *done) {
    ssize_t n = 1;
    for (*done = 0; *done < size && n != 0; *done += n > 0 ? (size_t)n : 0) {
        n = read(fd, (char *)out + *done, at_once(size - *done));
        if (n < 0 && errno != EINTR)
            return errno;
    }
    return 0;
}

int mlsel_i_read_all_at(int fd, void *out, size_t size, uint64_t offset, size_t *done) {
    ssize_t n = 1;
    for (*done = 0; *done < size && n != 0; *done += n > 0 ? (size_t)n : 0) {
        n = pread(fd, (char *)out + *done, at_once(size - *done), (off_t)(offset + *done));
        if (n < 0 && errno != EINTR)
            return errno;
    }
    return 0;
}

int mlsel_i_write_all(int fd, const void *data, size_t size, size_t *done) {
    int error = 0;
    for (*done = 0; *done < size && error == 0;) {
        const ssize_t n = write(fd, (const char *)data + *done, at_once(size - *done));
        if (n > 0)
            *done += (size_t)n;
        else if (n == 0) /* without a reason, it would go on for ever */
            error = ENOSPC;
        else
            error = errno == EINTR ? 0 : errno;
    }
    return error;
}
