/* SPDX-License-Identifier: Apache-2.0 */
/* Files for what reads paths: a folder of the process, in memory where the system has that. */
#ifndef MLSEL_FUZZ_TEMPORARY_H
#define MLSEL_FUZZ_TEMPORARY_H

#include <stddef.h>

/* The folder; made by the first call, removed at exit. */
const char *fuzz_folder_path(void);
/* Removes everything in it. */
void fuzz_folder_clear(void);
/* Path of a file in it, in one of a few buffers that are used in turn. */
const char *fuzz_path(const char *name);
/* Writes a file in it, in place of what is there, and returns its path. */
const char *fuzz_write(const char *name, const void *data, size_t size);
/* A file's content, zero-terminated, to be given to free; NULL: there is no such file. */
char *fuzz_read(const char *path, size_t *size);

#endif
