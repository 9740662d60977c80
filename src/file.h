/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_FILE_H
#define MLSEL_FILE_H

#include "internal.h"

/* Which file something was mapped from, in which state. While it is mapped, no other file gets its device and inode.
 */
typedef struct file_identity {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns, changed_s, changed_ns;
} file_identity;

/* What is in a file: read into memory, or mapped. */
typedef struct file_content {
    char *data;
    size_t size;
    bool is_mapped;
    file_identity identity; /* if mapped */
} file_content;

enum { FILE_FIRST_BYTES = 9 };

typedef struct file_kind {
    const char *noun;     /* what messages call a file that is missing */
    const char *function; /* what takes memory instead of a file */
    /* decides by the first FILE_FIRST_BYTES whether to map the file; NULL: never */
    bool (*is_to_map)(const unsigned char *first, size_t size);
} file_kind;

/* Maps any file. */
bool mlsel_i_file_map_always(const unsigned char *first, size_t size);

/* Reads or maps a regular file of at most max_bytes. Undone with mlsel_i_file_unload. */
mlsel_status mlsel_i_file_load(const char *path, const file_kind *kind, uint64_t max_bytes, file_content *out,
                               mlsel_error *err);
void mlsel_i_file_unload(file_content *content);

/* What an errno value means, for messages, in every locale alike. */
const char *mlsel_i_file_reason(int error);
/* IO: the path "cannot be `what`", for which errno was `error`; NO_MEMORY where that is ENOMEM. */
mlsel_status mlsel_i_file_failed(const char *path, const char *what, int error, mlsel_error *err);
/* The same, but NOT_FOUND where there is no such file; noun: what the message calls it. */
mlsel_status mlsel_i_file_missing(const char *path, const char *noun, const char *what, int error, mlsel_error *err);

/* The last part of a path, for messages. */
const char *mlsel_i_file_name(const char *path);

#endif
