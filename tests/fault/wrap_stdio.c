/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams. What fails about writing to one is that the disk is full, which shows when its buffer is written: from the
 * fault on the stream's descriptor is that of /dev/full. Standard error is spared, for what is said about it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"
#include "wrap.h"

static void put_on(const char *path, int flags, FILE *file) {
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
    if (fd < 0)
        return;
    syscall(SYS_dup3, fd, fileno(file), 0);
    syscall(SYS_close, fd);
}

static void spoil(const char *function, FILE *file) {
    if (file == stderr || fault_decide(FAULT_FILE, function, FAULT_PLAIN, ENOSPC, ENOSPC, NULL, fileno(file)) == 0)
        return;
    put_on("/dev/full", O_WRONLY, file);
}

WRAP(FILE *, fopen, (const char *path, const char *how)) {
    return fault_decide(FAULT_FILE, "fopen", FAULT_PLAIN, EMFILE, EACCES, path, -1) != 0 ? NULL
                                                                                         : __real_fopen(path, how);
}

WRAP(FILE *, fdopen, (int fd, const char *how)) {
    return fault_decide(FAULT_FILE, "fdopen", FAULT_PLAIN, ENOMEM, ENOMEM, NULL, fd) != 0 ? NULL
                                                                                          : __real_fdopen(fd, how);
}

WRAP(int, fclose, (FILE * file)) {
    const int failure = fault_decide(FAULT_FILE, "fclose", FAULT_PLAIN, EIO, ENOSPC, NULL, fileno(file));
    if (failure != 0)
        put_on("/dev/full", O_WRONLY, file);
    const int result = __real_fclose(file);
    errno = failure != 0 ? failure : errno;
    return failure != 0 ? EOF : result;
}

WRAP(int, fflush, (FILE * file)) {
    if (file != NULL)
        spoil("fflush", file);
    return __real_fflush(file);
}

/* A folder can be opened, and not be read. */
WRAP(size_t, fread, (void *out, size_t size, size_t n, FILE *file)) {
    if (fault_decide(FAULT_FILE, "fread", FAULT_PLAIN, EISDIR, EISDIR, NULL, fileno(file)) != 0)
        put_on("/", O_RDONLY, file);
    return __real_fread(out, size, n, file);
}

/* What the compiler makes of it under _FORTIFY_SOURCE, where it knows the room. */
size_t __wrap___fread_chk(void *out, size_t room, size_t size, size_t n, FILE *file);
size_t __wrap___fread_chk(void *out, size_t room, size_t size, size_t n, FILE *file) {
    (void)room;
    return __wrap_fread(out, size, n, file);
}

WRAP(int, fseek, (FILE * file, long at, int from)) {
    return fault_decide(FAULT_FILE, "fseek", FAULT_PLAIN, EIO, ESPIPE, NULL, fileno(file)) != 0
               ? -1
               : __real_fseek(file, at, from);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

WRAP(size_t, fwrite, (const void *in, size_t size, size_t n, FILE *file)) {
    spoil("fwrite", file);
    return __real_fwrite(in, size, n, file);
}

WRAP(int, fputs, (const char *text, FILE *file)) {
    spoil("fputs", file);
    return __real_fputs(text, file);
}

WRAP(int, fputc, (int c, FILE *file)) {
    spoil("fputc", file);
    return __real_fputc(c, file);
}

WRAP(int, putc, (int c, FILE *file)) {
    spoil("putc", file);
    return __real_putc(c, file);
}

WRAP(int, putchar, (int c)) {
    spoil("putchar", stdout);
    return __real_putchar(c);
}

WRAP(int, puts, (const char *text)) {
    spoil("puts", stdout);
    return __real_puts(text);
}

WRAP(int, vfprintf, (FILE * file, const char *format, va_list args)) {
    spoil("vfprintf", file);
    return __real_vfprintf(file, format, args);
}

/* _FORTIFY_SOURCE calls the functions with _chk, whose flag asks for checks of the format. */
int __wrap___vfprintf_chk(FILE *file, int flag, const char *format, va_list args);
int __wrap___vfprintf_chk(FILE *file, int flag, const char *format, va_list args) {
    (void)flag;
    return __wrap_vfprintf(file, format, args);
}

int __wrap_fprintf(FILE *file, const char *format, ...);
int __wrap_fprintf(FILE *file, const char *format, ...) {
    va_list args;
    spoil("fprintf", file);
    va_start(args, format);
    const int n = __real_vfprintf(file, format, args);
    va_end(args);
    return n;
}

int __wrap_printf(const char *format, ...);
int __wrap_printf(const char *format, ...) {
    va_list args;
    spoil("printf", stdout);
    va_start(args, format);
    const int n = __real_vfprintf(stdout, format, args);
    va_end(args);
    return n;
}

int __wrap___fprintf_chk(FILE *file, int flag, const char *format, ...);
int __wrap___fprintf_chk(FILE *file, int flag, const char *format, ...) {
    va_list args;
    (void)flag;
    spoil("fprintf", file);
    va_start(args, format);
    const int n = __real_vfprintf(file, format, args);
    va_end(args);
    return n;
}

int __wrap___printf_chk(int flag, const char *format, ...);
int __wrap___printf_chk(int flag, const char *format, ...) {
    va_list args;
    (void)flag;
    spoil("printf", stdout);
    va_start(args, format);
    const int n = __real_vfprintf(stdout, format, args);
    va_end(args);
    return n;
}
