/* SPDX-License-Identifier: Apache-2.0 */
/* Text line by line, from a file of any size or from memory. */
#ifndef MLSEL_TRAIN_LINES_H
#define MLSEL_TRAIN_LINES_H

#include "internal.h"

typedef struct line_reader {
    const char *path; /* for messages */
    int fd;           /* -1: memory */
    bool is_owned;    /* fd is to be closed */
    bool at_end;      /* nothing more to read */
    char *buffer;     /* NULL: memory */
    const char *text; /* buffer, or the memory */
    size_t capacity, begin, end;
    size_t max_line;
    uint64_t number; /* of the current line, from 1 */
} line_reader;

/* A line without its end. */
typedef struct line_view {
    const char *text; /* NULL: there is no further line; valid until the next is asked for */
    size_t size;
    bool is_too_long; /* more than max_line bytes: text and size are those of its beginning */
} line_view;

/* Whether a line has nothing but white space in it. */
bool mlsel_i_line_is_blank(const char *text, size_t size);

/* "-" is standard input. NOT_FOUND, IO, NO_MEMORY; UNSUPPORTED for what is compressed or UTF-16. */
mlsel_status mlsel_i_lines_open(line_reader *reader, const char *path, size_t max_line, mlsel_error *err);
/* The same of memory, which is not copied. */
mlsel_status mlsel_i_lines_memory(line_reader *reader, const char *data, size_t size, const char *name, size_t max_line,
                                  mlsel_error *err);
mlsel_status mlsel_i_lines_next(line_reader *reader, line_view *line, mlsel_error *err);
void mlsel_i_lines_close(line_reader *reader);

#endif
