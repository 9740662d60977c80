/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, IDLE_MILLISECONDS = 100 };

bool source_open(source *s, const char *path, failure *problem) {
    struct stat about;
    *s = (source){.fd = STDIN_FILENO};
    if (path != NULL) {
        s->fd = tool_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        s->owned = true;
    }
    if (s->fd < 0 || fstat(s->fd, &about) != 0) {
        failure_set(problem, EXIT_BAD_INPUT, "cannot open %s: %s", path != NULL ? path : "standard input",
                    strerror(errno));
        source_close(s);
        return false;
    }
    s->regular = S_ISREG(about.st_mode);
    off_t position = s->regular ? lseek(s->fd, 0, SEEK_CUR) : -1;
    if (position >= 0 && about.st_size > position)
        s->total = (uint64_t)(about.st_size - position);
    return true;
}

void source_close(source *s) {
    if (s->owned && s->fd >= 0)
        close(s->fd);
    free(s->data);
    *s = (source){.fd = -1, .ended = true};
}

static void make_room(source *s) {
    if (s->start > 0) {
        memmove(s->data, s->data + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    if (s->capacity - s->end < READ_SIZE) {
        s->capacity = s->capacity > 0 ? 2 * s->capacity : 4 * (size_t)READ_SIZE;
        s->data = tool_resize(s->data, s->capacity, 1);
    }
}

static void read_more(source *s) {
    make_room(s);
    ssize_t count;
    do
        count = read(s->fd, s->data + s->end, s->capacity - s->end);
    while (count < 0 && errno == EINTR);
    if (count > 0) {
        s->end += (size_t)count;
        return;
    }
    s->ended = true;
    if (count < 0)
        s->error = errno;
}

size_t source_peek(source *s, size_t want) {
    while (s->end - s->start < want && !s->ended)
        read_more(s);
    return s->end - s->start;
}

const unsigned char *source_bytes(const source *s) { return s->data + s->start; }

void source_skip(source *s, size_t count) {
    s->start += count;
    s->consumed += count;
}

bool source_idle(const source *s) {
    struct pollfd fd = {.fd = s->fd, .events = POLLIN, .revents = 0};
    return !s->regular && !s->ended && poll(&fd, 1, IDLE_MILLISECONDS) == 0;
}

size_t source_newline(const source *s, size_t from) {
    size_t waiting = s->end - s->start;
    if (from >= waiting)
        return SIZE_MAX;
    const unsigned char *begin = s->data + s->start;
    const unsigned char *found = memchr(begin + from, '\n', waiting - from);
    return found != NULL ? (size_t)(found - begin) : SIZE_MAX;
}
