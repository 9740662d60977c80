/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_FILE_H
#define MLSEL_FILE_H

#include "internal.h"

/* Reads a regular file of at most max_bytes. *text is to be freed with mlsel_i_file_free. */
mlsel_status mlsel_i_file_read(const char *path, uint64_t max_bytes, char **text, size_t *size, mlsel_error *err);
/* The same for another kind of file: messages call it `noun`, and name `function` as the one that takes memory. */
mlsel_status mlsel_i_file_read_as(const char *path, const char *noun, const char *function, uint64_t max_bytes,
                                  char **text, size_t *size, mlsel_error *err);
void mlsel_i_file_free(char *text, size_t size);

/* The last part of a path, for messages. */
const char *mlsel_i_file_name(const char *path);

#endif
