/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every part of the mlsel command shares: exit codes, messages for people, memory.
 */
#ifndef MLSEL_TOOL_H
#define MLSEL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

#define TOOL_ARRAY_LENGTH(a) (sizeof(a) / sizeof *(a))

#if defined(__GNUC__)
#define TOOL_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define TOOL_PRINTF(text, args)
#endif

/* Exit codes, as `mlsel --help` documents them. */
enum {
    EXIT_ANSWER = 0,
    EXIT_BAD_INPUT = 1,
    EXIT_USAGE = 2,
    EXIT_NO_CANDIDATE = 3,
    EXIT_NO_DEVICE = 4,
    EXIT_INTERNAL = 5,
    EXIT_INTERRUPTED = 130 /* as shells count: 128 + SIGINT */
};

/* The one place where a library status becomes an exit code. */
int tool_exit_code(mlsel_status status);

/* A problem that is reported later, after the answers that come before it. */
typedef struct failure {
    int exit_code; /* 0: none */
    char message[1024];
    char hint[1024]; /* "": none */
} failure;

void failure_set(failure *f, int exit_code, const char *format, ...) TOOL_PRINTF(3, 4);
/* What the library says: its message, or that Ctrl-C came. */
void failure_of(failure *f, const mlsel_error *err);
void failure_hint(failure *f, const char *format, ...) TOOL_PRINTF(2, 3);
/* Prints message and hint, if there is one; returns the exit code. */
int failure_report(const failure *f);

/* "mlsel: error: ..." and the like on standard error, after standard output was flushed, free of control characters. */
void tool_error(const char *format, ...) TOOL_PRINTF(1, 2);
void tool_warning(const char *format, ...) TOOL_PRINTF(1, 2);
void tool_hint(const char *format, ...) TOOL_PRINTF(1, 2);
void tool_notice(const char *format, ...) TOOL_PRINTF(1, 2);

/* Takes the places of standard streams that are closed, so that no file gets one and what is meant for the stream with
 * it: using them fails as before. */
void tool_hold_streams(void);

/* Opens a file with mode 0666, again where a signal interrupts that. */
int tool_open(const char *path, int flags);

/* Flushes standard output; false once writing has failed, so that work nobody sees can stop. */
bool tool_flush(void);
/* Closes standard output. Returns code, or a failure code if something could not be written. */
int tool_finish(int code);

/* Memory. These end the program with EXIT_INTERNAL when there is none left; a size of 0 gives a valid block. */
void *tool_alloc(size_t count, size_t size);
void *tool_resize(void *block, size_t count, size_t size);
char *tool_copy(const char *text, size_t size);
/* Ends the program so: for what allocates by itself. */
_Noreturn void tool_out_of_memory(void);
/* cJSON does not tell bad text from missing memory. Before it is used: tool_json_start; after a text that it does not
 * read: tool_json_check, which ends the program if memory was missing since the start or the last check. */
void tool_json_start(void);
void tool_json_check(void);
/* A file under a name that is not its own yet, removed if the program ends for want of memory, until it is written or
 * removed otherwise. The path must live as long; a few files are possible at once. */
void tool_unfinished(const char *path);
void tool_finished(const char *path);

/* Whether to colour what goes to the file descriptor: a terminal, and NO_COLOR is not set. */
bool tool_colour(int fd);

enum { STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN };
/* The escape sequence that begins a style, or "" without colour. */
const char *tool_style(bool colour, int style);
const char *tool_style_end(bool colour);

/* Of the names, the one that `given` is most likely a slip of, or NULL. */
const char *tool_did_you_mean(const char *given, const char *const *names, size_t count);

/* What a file is compressed with, by its first bytes, as in "gzip", and the program that unpacks it; NULL if neither.
 */
const char *tool_compression(const unsigned char *bytes, size_t size, const char **program);

#endif
