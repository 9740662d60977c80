/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that appears complete or not at all: written beside its place, brought to disk, then given its name.
 */
#ifndef MLSEL_FILE_WRITE_H
#define MLSEL_FILE_WRITE_H

#include "internal.h"

typedef struct file_writer {
    const char *path;
    char *temporary; /* name while it is written; NULL: there is nothing to remove */
    int fd;
} file_writer;

/* path must stay valid until the end. After success, commit or abandon it. */
mlsel_status mlsel_i_file_create(file_writer *file, const char *path, mlsel_error *err);
mlsel_status mlsel_i_file_write(file_writer *file, const void *data, size_t size, mlsel_error *err);
/* Gives the file its name. An existing one is replaced, or, unless `replace`, an error. Ends the writer. */
mlsel_status mlsel_i_file_commit(file_writer *file, bool replace, mlsel_error *err);
/* Removes what was written. Ends the writer; one that has ended is left alone. */
void mlsel_i_file_abandon(file_writer *file);

/* The format to save in: that of the options, or else what the name's end stands for; 0: it stands for none. */
mlsel_format mlsel_i_save_format(const mlsel_save_options *options, const char *path);

/* Test seam: asked before every operation of a writer with its name; false makes it fail with EIO. NULL switches it
 * off. Not thread-safe. */
typedef bool (*mlsel_i_file_hook)(const char *operation, void *user);
void mlsel_i_set_file_hook(mlsel_i_file_hook hook, void *user);

#endif
