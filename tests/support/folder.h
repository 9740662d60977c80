/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for the files of a test program. */
#ifndef MLSEL_TEST_FOLDER_H
#define MLSEL_TEST_FOLDER_H

#include "support.h"

/* A folder for this process, removed with everything in it when the process exits. */
const char *test_folder(void);
/* Its path joined with a name, in static memory that the eighth next call reuses. */
const char *test_path(const char *name);
/* Writes a file there and returns its path. */
const char *test_write(const char *name, const void *data, size_t size);
const char *test_write_text(const char *name, const char *text);

/* Fails unless the file of that name there holds this text. */
void test_content_is(const char *name, const char *expected);
/* Entries of a folder, whatever they are called. */
size_t test_count_files(const char *path);
/* Removes what is in a folder, but not the folder. */
void test_empty(const char *path);

/* Fails if the folder of this process holds something else than these names, of which some may be missing. As the last
 * test of a program it finds what the others left: CMocka prints that a group's teardown failed, and passes. */
void test_only_left(const char *const *names, size_t n);

#endif
