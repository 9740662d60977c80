/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "file_io.h"

enum { FIRST_CAPACITY = 1 << 18, SHOWN_BYTES = 128 /* of a line that is too long */ };

/* --- what is no text ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *start;
    size_t size;
    const char *name, *reader; /* reader: NULL if it is not compressed */
} formats[] = {
    {"\x1f\x8b", 2, "compressed by gzip", "zcat"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd", "zstdcat"},
    {"\xfd\x37zXZ", 5, "compressed by xz", "xzcat"},
    {"BZh", 3, "compressed by bzip2", "bzcat"},
    {"\xff\xfe", 2, "UTF-16", NULL},
    {"\xfe\xff", 2, "UTF-16", NULL},
};

/* Looks at the beginning of the text: skips a byte order mark, refuses what is not plain text. */
static mlsel_status begin(line_reader *reader, mlsel_error *err) {
    const char *text = reader->text;
    const size_t size = reader->end;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(formats); i++) {
        if (size < formats[i].size || memcmp(text, formats[i].start, formats[i].size) != 0)
            continue;
        const char *name = reader->fd == STDIN_FILENO ? "FILE" : reader->path;
        if (formats[i].reader == NULL)
            (void)mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, " is %s: save it as UTF-8", formats[i].name);
        else
            (void)mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                               " is %s: unpack it on the way, as in `%s %.80s | ... -`, where - is standard input",
                               formats[i].name, formats[i].reader, name);
        mlsel_i_error_prefix(err, reader->path);
        return MLSEL_ERROR_UNSUPPORTED;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reader->begin = 3;
    return MLSEL_OK;
}

/* --- filling ------------------------------------------------------------------------------------------------------ */

/* Reads something more behind `end`, where there is room. */
static mlsel_status fill(line_reader *reader, mlsel_error *err) {
    ssize_t n;
    do
        n = read(reader->fd, reader->buffer + reader->end, reader->capacity - reader->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return mlsel_i_file_failed(reader->path, "read", errno, err);
    reader->end += (size_t)n;
    reader->at_end = n == 0;
    return MLSEL_OK;
}

/* Makes room: moves what is left to the beginning, or takes a larger buffer for a line that fills this one. */
static mlsel_status make_room(line_reader *reader, mlsel_error *err) {
    if (reader->begin > 0) {
        reader->end -= reader->begin;
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end);
        reader->begin = 0;
    }
    if (reader->end < reader->capacity)
        return MLSEL_OK;
    char *larger = mlsel_i_resize(reader->buffer, reader->end, reader->capacity * 2, 1);
    if (larger == NULL)
        return mlsel_i_no_memory(err);
    reader->text = reader->buffer = larger;
    reader->capacity *= 2;
    return MLSEL_OK;
}

mlsel_status mlsel_i_lines_open(line_reader *reader, const char *path, size_t max_line, mlsel_error *err) {
    struct stat info;
    mlsel_status status = MLSEL_OK;
    *reader = (line_reader){.path = path, .fd = STDIN_FILENO, .max_line = max_line, .capacity = FIRST_CAPACITY};
    if (strcmp(path, "-") != 0) {
        reader->fd = mlsel_i_open(path, O_RDONLY | O_CLOEXEC);
        reader->is_owned = true;
        if (reader->fd < 0)
            return mlsel_i_file_missing(path, "file", "opened", errno, err);
    } else {
        reader->path = "standard input";
    }
    if (fstat(reader->fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        status = mlsel_i_file_failed(path, "read", EISDIR, err);
        goto out;
    }
    reader->text = reader->buffer = mlsel_i_alloc(reader->capacity, 1);
    if (reader->buffer == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    const size_t longest_mark = 8;
    while (status == MLSEL_OK && reader->end < longest_mark && !reader->at_end)
        status = fill(reader, err);
    if (status == MLSEL_OK)
        status = begin(reader, err);
out:
    if (status != MLSEL_OK)
        mlsel_i_lines_close(reader);
    return status;
}

mlsel_status mlsel_i_lines_memory(line_reader *reader, const char *data, size_t size, const char *name, size_t max_line,
                                  mlsel_error *err) {
    *reader = (line_reader){
        .path = name, .fd = -1, .at_end = true, .text = size > 0 ? data : "", .end = size, .max_line = max_line};
    return begin(reader, err);
}

void mlsel_i_lines_close(line_reader *reader) {
    if (reader->is_owned && reader->fd >= 0)
        (void)close(reader->fd);
    mlsel_i_free(reader->buffer);
    *reader = (line_reader){.fd = -1};
}

bool mlsel_i_line_is_blank(const char *text, size_t size) {
    size_t i = 0;
    while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i == size;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* Moves behind the end of a line that is too long and has none in the buffer. Of the line the beginning is kept, which
 * goes to the start of the buffer, so that there is room behind it. */
static mlsel_status skip(line_reader *reader, line_view *line, mlsel_error *err) {
    memmove(reader->buffer, line->text, line->size);
    line->text = reader->buffer;
    for (;;) {
        reader->begin = reader->end = line->size;
        const mlsel_status status = fill(reader, err);
        if (status != MLSEL_OK)
            return status;
        const char *newline = memchr(reader->text + line->size, '\n', reader->end - line->size);
        if (newline == NULL && !reader->at_end)
            continue;
        reader->begin = newline != NULL ? (size_t)(newline + 1 - reader->text) : reader->end;
        return MLSEL_OK;
    }
}

mlsel_status mlsel_i_lines_next(line_reader *reader, line_view *line, mlsel_error *err) {
    size_t seen = 0; /* bytes from `begin` on that hold no newline */
    const char *newline;
    *line = (line_view){0};
    for (;;) {
        const char *start = reader->text + reader->begin;
        const size_t left = reader->end - reader->begin;
        newline = memchr(start + seen, '\n', left - seen);
        /* one more for the \r of an end of two bytes */
        if (newline != NULL || reader->at_end || left > reader->max_line + 1)
            break;
        seen = left;
        mlsel_status status = reader->end < reader->capacity ? MLSEL_OK : make_room(reader, err);
        if (status == MLSEL_OK)
            status = fill(reader, err);
        if (status != MLSEL_OK)
            return status;
    }
    const char *start = reader->text + reader->begin;
    size_t size = newline != NULL ? (size_t)(newline - start) : reader->end - reader->begin;
    if (newline == NULL && size == 0)
        return MLSEL_OK;
    reader->number++;
    const size_t whole = size;
    if (size > 0 && start[size - 1] == '\r')
        size--;
    line->is_too_long = size > reader->max_line;
    line->text = start;
    line->size = line->is_too_long && size > SHOWN_BYTES ? SHOWN_BYTES : size;
    if (newline != NULL || reader->at_end) {
        reader->begin += whole + (newline != NULL);
        return MLSEL_OK;
    }
    return skip(reader, line, err);
}
