/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "temporary.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { MAX_PATH = 256, PATHS = 8, MAX_OPEN = 8 };

static char folder[MAX_PATH / 2];
static pid_t owner;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info, (void)kind;
    if (where->level > 0)
        (void)remove(path);
    return 0;
}

void fuzz_folder_clear(void) { (void)nftw(fuzz_folder_path(), remove_one, MAX_OPEN, FTW_DEPTH | FTW_PHYS); }

static void remove_folder(void) {
    if (getpid() != owner)
        return;
    fuzz_folder_clear();
    (void)rmdir(folder);
}

const char *fuzz_folder_path(void) {
    static const char *const parents[] = {"/dev/shm", "/tmp"};
    for (size_t i = 0; folder[0] == '\0' && i < sizeof parents / sizeof *parents; i++) {
        (void)snprintf(folder, sizeof folder, "%s/mlsel-fuzz-XXXXXX", parents[i]);
        if (mkdtemp(folder) == NULL)
            folder[0] = '\0';
    }
    FUZZ_CHECK(folder[0] != '\0');
    if (owner == 0) {
        owner = getpid();
        (void)atexit(remove_folder);
    }
    return folder;
}

const char *fuzz_path(const char *name) {
    static char paths[PATHS][MAX_PATH];
    static size_t next;
    char *const path = paths[next++ % PATHS];
    FUZZ_CHECK(snprintf(path, MAX_PATH, "%s/%s", fuzz_folder_path(), name) < MAX_PATH);
    return path;
}

const char *fuzz_write(const char *name, const void *data, size_t size) {
    const char *const path = fuzz_path(name);
    FILE *const file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(size == 0 || fwrite(data, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
    return path;
}

char *fuzz_read(const char *path, size_t *size) {
    FILE *const file = fopen(path, "rb");
    struct stat info;
    *size = 0;
    if (file == NULL)
        return NULL;
    FUZZ_CHECK(fstat(fileno(file), &info) == 0);
    char *const data = malloc((size_t)info.st_size + 1);
    FUZZ_CHECK(data != NULL);
    *size = fread(data, 1, (size_t)info.st_size, file);
    FUZZ_CHECK(*size == (size_t)info.st_size);
    data[*size] = '\0';
    (void)fclose(file);
    return data;
}
