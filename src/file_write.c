/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "file_io.h"

static mlsel_i_file_hook file_hook;
static void *file_hook_user;

void mlsel_i_set_file_hook(mlsel_i_file_hook hook, void *user) {
    file_hook = hook;
    file_hook_user = user;
}

/* Whether an operation may go on; otherwise errno is set. */
static bool may(const char *operation) {
    if (file_hook == NULL || file_hook(operation, file_hook_user))
        return true;
    errno = EIO;
    return false;
}

static mlsel_status failed(const char *path, const char *what, mlsel_error *err) {
    return mlsel_i_file_failed(path, what, errno, err);
}

static mlsel_status exists(const char *path, mlsel_error *err) {
    mlsel_i_fail_detail(err, MLSEL_ERROR_IO, EEXIST, " exists already: choose another name, or ask to replace it");
    mlsel_i_error_prefix(err, path);
    return MLSEL_ERROR_IO;
}

/* The folder of a path, for opening; free it. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return mlsel_i_strndup(".", 1);
    return mlsel_i_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

mlsel_status mlsel_i_file_create(file_writer *file, const char *path, mlsel_error *err) {
    enum { SUFFIX = 48, TRIES = 100 };
    const size_t size = strlen(path) + SUFFIX;
    *file = (file_writer){.path = path, .fd = -1};
    char *name = mlsel_i_alloc(size, 1);
    if (name == NULL)
        return mlsel_i_no_memory(err);
    /* in the same folder, since only there a name can be given in one step */
    for (int i = 0; i < TRIES && file->fd < 0; i++) {
        (void)snprintf(name, size, "%s.%ld-%d.part", path, (long)getpid(), i);
        if (may("create"))
            file->fd = mlsel_i_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
        if (file->fd < 0 && errno != EEXIST)
            break;
    }
    if (file->fd < 0) {
        const mlsel_status status = failed(path, "created", err);
        mlsel_i_free(name);
        return status;
    }
    file->temporary = name;
    return MLSEL_OK;
}

mlsel_status mlsel_i_file_write(file_writer *file, const void *data, size_t size, mlsel_error *err) {
    size_t done;
    const int error = may("write") ? mlsel_i_write_all(file->fd, data, size, &done) : errno;
    return error == 0 ? MLSEL_OK : mlsel_i_file_failed(file->path, "written", error, err);
}

/* Links where that is possible, which never replaces; else looks first. */
static mlsel_status name_new(file_writer *file, mlsel_error *err) {
    struct stat info;
    if (may("link") && link(file->temporary, file->path) == 0) {
        (void)unlink(file->temporary);
        return MLSEL_OK;
    }
    if (errno == EEXIST)
        return exists(file->path, err);
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
        return failed(file->path, "named", err);
    if (lstat(file->path, &info) == 0)
        return exists(file->path, err);
    if (errno != ENOENT) /* whether something would be replaced is not known */
        return failed(file->path, "named", err);
    return rename(file->temporary, file->path) == 0 ? MLSEL_OK : failed(file->path, "named", err);
}

/* The name itself reaches the disk with the folder; not every system can do that, so failing is no error. */
static void sync_folder(const char *path) {
    char *folder = folder_of(path);
    const int fd = folder == NULL ? -1 : mlsel_i_open(folder, O_RDONLY | O_CLOEXEC);
    mlsel_i_free(folder);
    if (fd < 0)
        return;
    (void)mlsel_i_sync(fd);
    (void)close(fd);
}

mlsel_status mlsel_i_file_commit(file_writer *file, bool replace, mlsel_error *err) {
    mlsel_status status = may("sync") && mlsel_i_sync(file->fd) == 0 ? MLSEL_OK : failed(file->path, "written", err);
    /* closed whatever the result, also where a signal came; the bytes are on the disk then */
    const bool is_closed = close(file->fd) == 0 || errno == EINTR;
    file->fd = -1;
    if (status == MLSEL_OK && (!is_closed || !may("close")))
        status = failed(file->path, "written", err);
    if (status == MLSEL_OK && !replace)
        status = name_new(file, err);
    else if (status == MLSEL_OK && !(may("rename") && rename(file->temporary, file->path) == 0))
        status = failed(file->path, "replaced", err);
    if (status == MLSEL_OK) {
        mlsel_i_free(file->temporary);
        file->temporary = NULL;
        sync_folder(file->path);
    }
    mlsel_i_file_abandon(file);
    return status;
}

void mlsel_i_file_abandon(file_writer *file) {
    if (file->fd >= 0)
        (void)close(file->fd);
    if (file->temporary != NULL)
        (void)unlink(file->temporary);
    mlsel_i_free(file->temporary);
    *file = (file_writer){.fd = -1};
}

static bool ends_in(const char *path, const char *suffix) {
    const size_t length = strlen(path), n = strlen(suffix);
    return length > n && strcmp(path + length - n, suffix) == 0;
}

mlsel_format mlsel_i_save_format(const mlsel_save_options *options, const char *path) {
    if (options->format != 0)
        return options->format;
    if (ends_in(path, ".json"))
        return MLSEL_FORMAT_JSON;
    return ends_in(path, ".safetensors") ? MLSEL_FORMAT_SAFETENSORS : 0;
}
