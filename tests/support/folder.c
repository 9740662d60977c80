/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];
static pid_t owner;

/* The next entry that is neither the folder itself nor the one above it. */
static const char *next_entry(DIR *dir) {
    const struct dirent *entry = readdir(dir);
    while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
        entry = readdir(dir);
    return entry == NULL ? NULL : entry->d_name;
}

void test_empty(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (const char *name = next_entry(dir); name != NULL; name = next_entry(dir)) {
        char inner[1024];
        struct stat info;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, name);
        if (lstat(inner, &info) == 0 && S_ISDIR(info.st_mode))
            test_empty(inner);
        (void)remove(inner);
    }
    closedir(dir);
}

static void remove_folder(void) {
    if (getpid() != owner) /* a child that ended by itself */
        return;
    test_empty(folder);
    (void)rmdir(folder);
}

const char *test_folder(void) {
    if (folder[0] != '\0')
        return folder;
    char made[sizeof folder];
    const char *parent = getenv("TMPDIR");
    const int length = snprintf(made, sizeof made, "%s/mlsel-test-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_in_range(length, 1, sizeof made - 1);
    if (mkdtemp(made) == NULL)
        fail_msg("%s cannot be made", made);
    memcpy(folder, made, sizeof folder);
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

const char *test_path(const char *name) {
    static char paths[8][1024];
    static size_t next;
    char *path = paths[next++ % TEST_LENGTH(paths)];
    const int length = snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    assert_in_range(length, 1, sizeof paths[0] - 1);
    return path;
}

const char *test_write(const char *name, const void *data, size_t size) {
    const char *path = test_path(name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        fail_msg("%s cannot be written", path);
    return path;
}

const char *test_write_text(const char *name, const char *text) { return test_write(name, text, strlen(text)); }

void test_content_is(const char *name, const char *expected) {
    char *text = test_need_file(test_path(name), NULL);
    assert_string_equal(text, expected);
    free(text);
}

size_t test_count_files(const char *path) {
    size_t n = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        fail_msg("%s cannot be read", path);
    while (next_entry(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

void test_only_left(const char *const *names, size_t n) {
    DIR *dir = opendir(test_folder());
    assert_non_null(dir);
    for (const char *name = next_entry(dir); name != NULL; name = next_entry(dir)) {
        size_t i = 0;
        while (i < n && strcmp(names[i], name) != 0)
            i++;
        if (i == n)
            fail_msg("%s was left in %s", name, folder);
    }
    closedir(dir);
}
