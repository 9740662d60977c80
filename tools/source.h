/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a file or from standard input, buffered, with a bound on what is held at once.
 */
#ifndef MLSEL_TOOL_SOURCE_H
#define MLSEL_TOOL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool.h"

typedef struct source {
    int fd;
    bool owned;
    bool regular;
    bool ended;
    int error;      /* errno of a failed read */
    uint64_t total; /* bytes to come when opened, 0 where unknown */
    uint64_t consumed;
    unsigned char *data; /* bytes start .. end are waiting */
    size_t start;
    size_t end;
    size_t capacity;
} source;

/* Opens a file, or standard input for NULL. On failure false, and `problem` is set. */
bool source_open(source *s, const char *path, failure *problem);
void source_close(source *s);

/* Waits until `want` bytes are there or no more come; returns how many are there. */
size_t source_peek(source *s, size_t want);
const unsigned char *source_bytes(const source *s);
void source_skip(source *s, size_t count);

/* True if nothing more came for a moment: time to answer what was read so far. */
bool source_idle(const source *s);

/* Offset of the next newline among the bytes waiting; `from` bytes are known to have none. SIZE_MAX: none. */
size_t source_newline(const source *s, size_t from);

#endif
