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

/* Names for folders that move, and whether anything changed in this pass. */
typedef struct removal {
    unsigned number;
    bool has_changed;
} removal;

/* Whether everything may be done in the folder now; where not, what is tried next fails, and the folder stays. */
static bool allow_all(int parent, const char *name) { return fchmodat(parent, name, 0700, 0) == 0; }

/* Moves a folder up into root, under a name that there is not. */
static void move_up(int folder, const char *name, int root, removal *r) {
    char moved[32];
    int result;
    (void)allow_all(folder, name); /* moving a folder changes its ".." */
    do {
        (void)snprintf(moved, sizeof moved, ".%u", r->number++);
        result = renameat(folder, name, root, moved);
    } while (result != 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) && r->number != 0);
    r->has_changed = r->has_changed || result == 0;
}

static DIR *open_folder(int parent, const char *name) {
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL && fd >= 0)
        (void)close(fd);
    return folder;
}

/* Empties the folder `name` in `root`: files go, folders move up into root, so that neither the depth of the tree nor
 * the length of its paths matters. Then it goes itself. */
static void dissolve(int root, const char *name, removal *r) {
    (void)allow_all(root, name);
    DIR *folder = open_folder(root, name);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (!is_self(entry->d_name) && !remove_file(dirfd(folder), entry->d_name))
            move_up(dirfd(folder), entry->d_name, root, r);
    if (folder != NULL)
        (void)closedir(folder);
    r->has_changed = unlinkat(root, name, AT_REMOVEDIR) == 0 || r->has_changed;
}

void mlsel_i_folder_remove(char *path) {
    removal r = {.has_changed = true};
    if (path == NULL)
        return;
    (void)chmod(path, 0700);
    /* as long as something happens: what cannot be removed stays */
    while (rmdir(path) != 0 && r.has_changed) {
        DIR *folder = open_folder(AT_FDCWD, path);
        r.has_changed = false;
        for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
            if (!is_self(entry->d_name) && !remove_file(dirfd(folder), entry->d_name))
                dissolve(dirfd(folder), entry->d_name, &r);
        if (folder != NULL)
            (void)closedir(folder);
    }
    mlsel_i_free(path);
}
