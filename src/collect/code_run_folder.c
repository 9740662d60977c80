/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "code_run_internal.h"
#include "file.h"

mlsel_status mlsel_i_folder_make(const char *parent, char **path, mlsel_error *err) {
    static const char name[] = "/mlsel-code-XXXXXX";
    const size_t size = strlen(parent) + sizeof name;
    *path = mlsel_i_alloc(size, 1);
    if (*path == NULL)
        return mlsel_i_no_memory(err);
    (void)snprintf(*path, size, "%s%s", parent, name);
    if (mkdtemp(*path) != NULL)
        return MLSEL_OK;
    const int error = errno;
    mlsel_i_free(*path);
    *path = NULL;
    return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)error, "no folder can be made in %s: %s (errno %d)",
                               parent, mlsel_i_file_reason(error), error);
}

static bool is_self(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* Removes a file; false: it is a folder. */
static bool remove_file(int folder, const char *name) {
    struct stat info;
    if (unlinkat(folder, name, 0) == 0)
        return true;
    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode);
}

/* Empties the folder `name` in `root`: files go, folders move up into root under names of their own, so that neither
 * the depth of the tree nor the length of its paths matters. Then it goes itself. */
static void dissolve(int root, const char *name, unsigned *number) {
    (void)fchmodat(root, name, 0700, 0);
    const int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL && fd >= 0)
        (void)close(fd);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char moved[32];
        if (is_self(entry->d_name) || remove_file(fd, entry->d_name))
            continue;
        (void)fchmodat(fd, entry->d_name, 0700, 0); /* moving a folder changes its ".." */
        do
            (void)snprintf(moved, sizeof moved, ".%u", (*number)++);
        while (renameat(fd, entry->d_name, root, moved) != 0 && (errno == ENOTEMPTY || errno == EEXIST) &&
               *number != 0);
    }
    if (folder != NULL)
        (void)closedir(folder);
    (void)unlinkat(root, name, AT_REMOVEDIR);
}

/* One pass over what is in a folder. Returns whether anything was there. */
static bool sweep(const char *path, unsigned *number) {
    bool found = false;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL && fd >= 0)
        (void)close(fd);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (is_self(entry->d_name))
            continue;
        found = true;
        if (!remove_file(fd, entry->d_name))
            dissolve(fd, entry->d_name, number);
    }
    if (folder != NULL)
        (void)closedir(folder);
    return found;
}

void mlsel_i_folder_remove(char *path) {
    if (path == NULL)
        return;
    unsigned number = 0;
    bool is_left = true;
    (void)chmod(path, 0700);
    while (is_left && rmdir(path) != 0 && errno != ENOENT) {
        const unsigned before = number;
        is_left = sweep(path, &number);
        is_left = is_left && (number != before || rmdir(path) != 0);
        if (number == before)
            break; /* nothing was moved: what is left cannot be removed */
    }
    mlsel_i_free(path);
}
