/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *mlsel_i_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

/* strerror is not safe in every C library when threads share it, and its text depends on the locale */
static const char *reason(int error) {
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
    default:
        return "the system refused";
    }
}

/* Puts the path in front of a message: a long one loses its beginning rather than the message its end. */
static mlsel_status named(const char *path, mlsel_status status, mlsel_error *err) {
    mlsel_i_error_prefix(err, path);
    return status;
}

static mlsel_status failed(const char *path, const char *noun, const char *what, int error, mlsel_error *err) {
    if (error == ENOENT || error == ENOTDIR)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FOUND, (uint64_t)error, "%s not found: %s", noun, path);
    return named(path,
                 mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)error, " cannot be %s: %s (errno %d)", what,
                                     reason(error), error),
                 err);
}

static mlsel_status check(const char *path, const struct stat *info, uint64_t max_bytes, const char *noun,
                          const char *function, mlsel_error *err) {
    if (S_ISDIR(info->st_mode))
        return failed(path, noun, "read", EISDIR, err);
    if (!S_ISREG(info->st_mode))
        return named(path,
                     mlsel_i_fail(err, MLSEL_ERROR_IO, " is not a regular file: read it yourself and use %s", function),
                     err);
    if ((uint64_t)info->st_size > max_bytes || (uint64_t)info->st_size >= SIZE_MAX)
        return named(path,
                     mlsel_i_fail(err, MLSEL_ERROR_LIMIT, " has %llu bytes, the limit is %llu",
                                  (unsigned long long)info->st_size, (unsigned long long)max_bytes),
                     err);
    return MLSEL_OK;
}

/* Reads until size bytes are there or the file ends; *got says how many, -1 errno failed. */
static int read_all(int fd, char *text, size_t size, size_t *got) {
    *got = 0;
    while (*got < size) {
        const ssize_t n = read(fd, text + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

mlsel_status mlsel_i_file_read(const char *path, uint64_t max_bytes, char **text, size_t *size, mlsel_error *err) {
    return mlsel_i_file_read_as(path, "pretrained model", "mlsel_model_load_memory", max_bytes, text, size, err);
}

mlsel_status mlsel_i_file_read_as(const char *path, const char *noun, const char *function, uint64_t max_bytes,
                                  char **text, size_t *size, mlsel_error *err) {
    struct stat info;
    char *data = NULL;
    /* O_NONBLOCK: opening a pipe that nobody writes must not hang */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(path, noun, "opened", errno, err);
    size_t expected = 0, got = 0;
    mlsel_status status = fstat(fd, &info) == 0 ? MLSEL_OK : failed(path, noun, "read", errno, err);
    if (status != MLSEL_OK || (status = check(path, &info, max_bytes, noun, function, err)) != MLSEL_OK)
        goto out;
    expected = (size_t)info.st_size;
    data = mlsel_i_map(expected + 1);
    if (data == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    /* one byte more than expected, to notice a file that grows */
    const int error = read_all(fd, data, expected + 1, &got);
    if (error != 0) {
        status = failed(path, noun, "read", error, err);
    } else if (got != expected) {
        status = named(path, mlsel_i_fail(err, MLSEL_ERROR_IO, " changed while it was being read: try again"), err);
    } else {
        *text = data;
        *size = got;
        data = NULL;
    }
out:
    if (data != NULL)
        mlsel_i_file_free(data, expected);
    close(fd);
    return status;
}

void mlsel_i_file_free(char *text, size_t size) { mlsel_i_unmap(text, size + 1); }
