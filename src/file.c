/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_io.h"

const char *mlsel_i_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

/* strerror is not safe in every C library when threads share it, and its text depends on the locale */
const char *mlsel_i_file_reason(int error) {
    switch (error) {
    case EACCES:
        return "permission denied";
    case EISDIR:
        return "it is a folder";
    case ELOOP:
        return "too many symbolic links";
    case ENAMETOOLONG:
        return "the name is too long";
    case EMFILE:
    case ENFILE:
        return "too many open files";
    case EIO:
        return "input/output error";
    case ENOENT:
    case ENOTDIR:
        return "its folder does not exist";
    case EROFS:
        return "the file system is read-only";
    case ENOSPC:
    case EDQUOT:
        return "no space left";
    case EFBIG:
        return "it would be too large";
    default:
        return "the system refused";
    }
}

/* Puts the path in front of a message: a long one loses its beginning rather than the message its end. */
static mlsel_status named(const char *path, mlsel_status status, mlsel_error *err) {
    mlsel_i_error_prefix(err, path);
    return status;
}

mlsel_status mlsel_i_file_failed(const char *path, const char *what, int error, mlsel_error *err) {
    if (error == ENOMEM)
        return mlsel_i_no_memory(err);
    return named(path,
                 mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)error, " cannot be %s: %s (errno %d)", what,
                                     mlsel_i_file_reason(error), error),
                 err);
}

mlsel_status mlsel_i_file_missing(const char *path, const char *noun, const char *what, int error, mlsel_error *err) {
    if (error == ENOENT || error == ENOTDIR)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FOUND, (uint64_t)error, "%s not found: %s", noun, path);
    return mlsel_i_file_failed(path, what, error, err);
}

static mlsel_status check(const char *path, const file_kind *kind, const struct stat *info, uint64_t max_bytes,
                          mlsel_error *err) {
    if (S_ISDIR(info->st_mode))
        return mlsel_i_file_missing(path, kind->noun, "read", EISDIR, err);
    if (!S_ISREG(info->st_mode))
        return named(
            path,
            mlsel_i_fail(err, MLSEL_ERROR_IO, " is not a regular file: read it yourself and use %s", kind->function),
            err);
    if ((uint64_t)info->st_size > max_bytes || (uint64_t)info->st_size >= SIZE_MAX)
        return named(path,
                     mlsel_i_fail(err, MLSEL_ERROR_LIMIT, " has %llu bytes, the limit is %llu",
                                  (unsigned long long)info->st_size, (unsigned long long)max_bytes),
                     err);
    return MLSEL_OK;
}

static mlsel_status changed(const char *path, mlsel_error *err) {
    return named(path, mlsel_i_fail(err, MLSEL_ERROR_IO, " changed while it was being read: try again"), err);
}

static mlsel_status read_whole(int fd, const char *path, const file_kind *kind, size_t expected, file_content *out,
                               mlsel_error *err) {
    size_t got = 0;
    char *data = mlsel_i_map(expected + 1);
    if (data == NULL)
        return mlsel_i_no_memory(err);
    /* one byte more than expected, to notice a file that grows */
    const int error = mlsel_i_read_all(fd, data, expected + 1, &got);
    if (error == 0 && got == expected) {
        *out = (file_content){.data = data, .size = got};
        return MLSEL_OK;
    }
    mlsel_i_unmap(data, expected + 1);
    return error != 0 ? mlsel_i_file_missing(path, kind->noun, "read", error, err) : changed(path, err);
}

static mlsel_status map(int fd, const char *path, const file_kind *kind, const struct stat *info, file_content *out,
                        mlsel_error *err) {
    const size_t size = (size_t)info->st_size;
    /* not filled in advance: pages come from the system's cache as they are touched, and are its copy */
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return mlsel_i_file_missing(path, kind->noun, "mapped", errno, err);
    *out = (file_content){.data = data, .size = size, .is_mapped = true};
#ifdef __APPLE__
    const struct timespec modified = info->st_mtimespec, status = info->st_ctimespec;
#else
    const struct timespec modified = info->st_mtim, status = info->st_ctim;
#endif
    out->identity = (file_identity){.device = (uint64_t)info->st_dev,
                                    .inode = (uint64_t)info->st_ino,
                                    .size = size,
                                    .modified_s = (int64_t)modified.tv_sec,
                                    .modified_ns = (int64_t)modified.tv_nsec,
                                    .changed_s = (int64_t)status.tv_sec,
                                    .changed_ns = (int64_t)status.tv_nsec};
    return MLSEL_OK;
}

mlsel_status mlsel_i_file_load(const char *path, const file_kind *kind, uint64_t max_bytes, file_content *out,
                               mlsel_error *err) {
    struct stat info;
    unsigned char first[FILE_FIRST_BYTES];
    /* O_NONBLOCK: opening a pipe that nobody writes must not hang */
    const int fd = mlsel_i_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mlsel_i_file_missing(path, kind->noun, "opened", errno, err);
    mlsel_status status = fstat(fd, &info) == 0 ? MLSEL_OK : mlsel_i_file_missing(path, kind->noun, "read", errno, err);
    if (status != MLSEL_OK || (status = check(path, kind, &info, max_bytes, err)) != MLSEL_OK)
        goto out;
    size_t got;
    const int error = mlsel_i_read_all_at(fd, first, sizeof first, 0, &got);
    if (error != 0)
        status = mlsel_i_file_missing(path, kind->noun, "read", error, err);
    else if (kind->is_to_map != NULL && got == sizeof first && (uint64_t)info.st_size >= got &&
             kind->is_to_map(first, sizeof first))
        status = map(fd, path, kind, &info, out, err);
    else
        status = read_whole(fd, path, kind, (size_t)info.st_size, out, err);
out:
    close(fd);
    return status;
}

bool mlsel_i_file_map_always(const unsigned char *first, size_t size) {
    (void)first, (void)size;
    return true;
}

void mlsel_i_file_unload(file_content *content) {
    if (content->is_mapped)
        (void)munmap(content->data, content->size);
    else if (content->data != NULL)
        mlsel_i_unmap(content->data, content->size + 1);
    *content = (file_content){0};
}
