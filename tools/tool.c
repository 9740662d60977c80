/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int tool_exit_code(mlsel_status status) {
    switch (status) {
    case MLSEL_OK:
        return EXIT_ANSWER;
    case MLSEL_ERROR_INVALID_ARGUMENT:
        return EXIT_USAGE;
    case MLSEL_ERROR_NO_CANDIDATE:
    case MLSEL_ERROR_NO_DECISION:
        return EXIT_NO_CANDIDATE;
    case MLSEL_ERROR_DEVICE:
        return EXIT_NO_DEVICE;
    case MLSEL_ERROR_NO_MEMORY:
    case MLSEL_ERROR_INTERNAL:
        return EXIT_INTERNAL;
    case MLSEL_ERROR_CANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_BAD_INPUT;
    }
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static void print_message(const char *lead, int style, const char *message) {
    char clean[4096];
    bool colour = tool_colour(STDERR_FILENO);
    fflush(stdout);
    text_clean(clean, sizeof clean, message);
    fprintf(stderr, "%s%s%s%s\n", tool_style(colour, style), lead, tool_style_end(colour), clean);
}

void tool_error(const char *format, ...) {
    char message[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    print_message("mlsel: error: ", STYLE_BAD, message);
}

void tool_warning(const char *format, ...) {
    char message[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    print_message("mlsel: warning: ", STYLE_WARN, message);
}

void tool_notice(const char *format, ...) {
    char message[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    print_message("mlsel: ", STYLE_DIM, message);
}

void tool_hint(const char *format, ...) {
    char message[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    print_message("hint: ", STYLE_BOLD, message);
}

void failure_set(failure *f, int exit_code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(f->message, sizeof f->message, format, args);
    va_end(args);
    f->exit_code = exit_code;
    f->hint[0] = '\0';
}

void failure_of(failure *f, const mlsel_error *err) {
    failure_set(f, tool_exit_code(err->code), "%s", err->code == MLSEL_ERROR_CANCELLED ? "interrupted" : err->message);
}

void failure_hint(failure *f, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(f->hint, sizeof f->hint, format, args);
    va_end(args);
}

int failure_report(const failure *f) {
    if (f->exit_code != 0) {
        tool_error("%s", f->message);
        if (f->hint[0] != '\0')
            tool_hint("%s", f->hint);
    }
    return f->exit_code;
}

/* --- standard output -------------------------------------------------------------------------------------------- */

static int output_errno; /* why writing failed, once it has */

bool tool_flush(void) {
    if (output_errno == 0 && fflush(stdout) != 0)
        output_errno = errno;
    if (output_errno == 0 && ferror(stdout))
        output_errno = EIO;
    return output_errno == 0;
}

/* A reader that has gone away is how pipelines end; it is no fault to report. */
static bool output_closed_by_reader(void) {
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    return output_errno == EPIPE || (poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR) != 0);
}

int tool_finish(int code) {
    bool written = tool_flush();
    bool quiet = !written && output_closed_by_reader();
    if (fclose(stdout) != 0 && written) {
        output_errno = errno;
        written = false;
    }
    if (written)
        return code;
    if (!quiet)
        tool_error("cannot write the output: %s", strerror(output_errno));
    return code != EXIT_ANSWER ? code : EXIT_BAD_INPUT;
}

void tool_hold_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)tool_open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest that is free */
}

int tool_open(const char *path, int flags) {
    int fd;
    do
        fd = open(path, flags, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

enum { MOST_UNFINISHED = 8 };
static const char *unfinished[MOST_UNFINISHED];

void tool_unfinished(const char *path) {
    for (size_t i = 0; i < MOST_UNFINISHED; ++i)
        if (unfinished[i] == NULL) {
            unfinished[i] = path;
            return;
        }
}

void tool_finished(const char *path) {
    for (size_t i = 0; i < MOST_UNFINISHED; ++i)
        if (unfinished[i] == path)
            unfinished[i] = NULL;
}

void tool_out_of_memory(void) {
    for (size_t i = 0; i < MOST_UNFINISHED; ++i)
        if (unfinished[i] != NULL)
            unlink(unfinished[i]);
    tool_error("out of memory");
    exit(EXIT_INTERNAL);
}

void *tool_resize(void *block, size_t count, size_t size) {
    void *grown = NULL;
    if (size == 0 || count <= SIZE_MAX / size)
        grown = realloc(block, count * size > 0 ? count * size : 1);
    if (grown == NULL)
        tool_out_of_memory();
    return grown;
}

void *tool_alloc(size_t count, size_t size) {
    void *block = tool_resize(NULL, count, size);
    memset(block, 0, count * size);
    return block;
}

char *tool_copy(const char *text, size_t size) {
    char *copy = tool_resize(NULL, size + 1, 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static _Thread_local bool json_lacks_memory;

static void *json_alloc(size_t size) {
    void *block = malloc(size);
    json_lacks_memory = json_lacks_memory || block == NULL;
    return block;
}

void tool_json_start(void) {
    cJSON_Hooks hooks = {json_alloc, free};
    json_lacks_memory = false;
    cJSON_InitHooks(&hooks);
}

void tool_json_check(void) {
    if (json_lacks_memory)
        tool_out_of_memory();
}

/* --- terminal --------------------------------------------------------------------------------------------------- */

bool tool_colour(int fd) {
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0 && isatty(fd) == 1;
}

const char *tool_style(bool colour, int style) {
    static const char *const sequences[] = {
        [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",     [STYLE_GOOD] = "\033[1;32m",
        [STYLE_BAD] = "\033[1;31m", [STYLE_WARN] = "\033[1;33m",
    };
    return colour ? sequences[style] : "";
}

const char *tool_style_end(bool colour) { return colour ? "\033[0m" : ""; }

/* --- suggestions ------------------------------------------------------------------------------------------------ */

enum { LONGEST_NAME = 63 };

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

/* Edit distance that counts a swap of neighbours as one slip and ignores case. */
static size_t edit_distance(const char *a, const char *b) {
    size_t rows[3][LONGEST_NAME + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_NAME || b_length > LONGEST_NAME)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; ++j)
        row[j] = before[j] = j;
    for (size_t i = 1; i <= a_length; ++i) {
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
        row[0] = i;
        for (size_t j = 1; j <= b_length; ++j) {
            size_t same = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
            row[j] = min_size(min_size(above[j], row[j - 1]) + 1, above[j - 1] + same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
    }
    return row[b_length];
}

/* Of the names, the nearest, if it is near enough to be meant. */
static const char *nearest(const char *given, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count; ++i) {
        size_t distance = edit_distance(given, names[i]);
        size_t length = min_size(strlen(given), strlen(names[i]));
        if (distance < best_distance && distance < length && distance <= 1 + length / 4) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

/* The one name that begins so. */
static const char *only_completion(const char *given, const char *const *names, size_t count) {
    const char *found = NULL;
    for (size_t i = 0; i < count; ++i) {
        if (strncmp(names[i], given, strlen(given)) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = names[i];
    }
    return found;
}

const char *tool_did_you_mean(const char *given, const char *const *names, size_t count) {
    const char *best = nearest(given, names, count);
    return best != NULL || strlen(given) < 2 ? best : only_completion(given, names, count);
}

const char *tool_compression(const unsigned char *bytes, size_t size, const char **program) {
    static const struct {
        const char *magic;
        size_t length;
        const char *name;
        const char *program;
    } formats[] = {
        {"\x1f\x8b", 2, "gzip", "zcat"},
        {"\x28\xb5\x2f\xfd", 4, "zstd", "zstdcat"},
        {"\xfd\x37zXZ", 5, "xz", "xzcat"},
        {"BZh", 3, "bzip2", "bzcat"},
    };
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(formats); ++i)
        if (size >= formats[i].length && memcmp(bytes, formats[i].magic, formats[i].length) == 0) {
            *program = formats[i].program;
            return formats[i].name;
        }
    return NULL;
}
