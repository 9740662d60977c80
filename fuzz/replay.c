/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay PATH...: gives a fuzzer every file of the folders named (or the files named), in the order of their names.
 * Takes libFuzzer's place in builds without it, where findings of the past and the seeds are tests. A folder that is
 * missing or has no file is an error, so that a test cannot pass because there is nothing to test.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* A fuzzer's own takes its place. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

/* Nothing mutates here, but custom mutators are linked. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    (void)data, (void)max_size;
    return size;
}

static int fail(const char *path, const char *what) {
    fprintf(stderr, "%s: %s\n", path, what);
    return 1;
}

/* The bytes are in a block of exactly their size, so that AddressSanitizer sees a step beyond them. */
static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(path, "cannot be opened");
    int failed = 1;
    uint8_t *data = NULL;
    if (fseek(file, 0, SEEK_END) != 0)
        goto out;
    const long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        goto out;
    data = malloc(size > 0 ? (size_t)size : 1);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    if (getenv("FUZZ_REPLAY_NAMES") != NULL)
        fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    failed = 0;
out:
    fclose(file);
    free(data);
    return failed == 0 ? 0 : fail(path, "cannot be read");
}

static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* Returns how many files failed, or a negative number of those that were replayed. */
static int replay_folder(const char *folder, size_t *replayed) {
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0)
        return fail(folder, "cannot be read");
    int failed = count == 0 ? fail(folder, "has no file to replay") : 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) >= (int)sizeof path)
            failed += fail(folder, "has too long a name");
        else
            failed += replay_file(path);
        *replayed += 1;
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER_OR_FILE...\n", argv[0]);
        return 2;
    }
    (void)LLVMFuzzerInitialize(&argc, &argv);
    int failed = 0;
    size_t replayed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0)
            failed += fail(argv[i], "is missing");
        else if (S_ISDIR(info.st_mode))
            failed += replay_folder(argv[i], &replayed);
        else {
            failed += replay_file(argv[i]);
            replayed++;
        }
    }
    printf("%zu inputs replayed\n", replayed);
    return failed == 0 ? 0 : 1;
}
