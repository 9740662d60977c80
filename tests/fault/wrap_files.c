/* SPDX-License-Identifier: Apache-2.0 */
/* Files, folders, pipes and descriptors. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inject.h"
#include "wrap.h"

/* A call on a path, and one on a descriptor; `or_else` is what it returns when it fails. */
#define FAILS(kind, error, error_from, path, fd)                                                                       \
    (fault_decide(FAULT_FILE, __func__ + 7, kind, error, error_from, path, fd))
#define ON_PATH(type, name, parameters, arguments, path, error, error_from)                                            \
    WRAP(type, name, parameters) {                                                                                     \
        return FAILS(FAULT_PLAIN, error, error_from, path, -1) != 0 ? -1 : __real_##name arguments;                    \
    }
#define ON_FD(type, name, parameters, arguments, fd, kind, error, error_from)                                          \
    WRAP(type, name, parameters) {                                                                                     \
        return FAILS(kind, error, error_from, NULL, fd) != 0 ? -1 : __real_##name arguments;                           \
    }

/* --- opening and closing ------------------------------------------------------------------------------------------ */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return FAILS(FAULT_CAN_INTERRUPT, EMFILE, EIO, path, -1) != 0 ? -1
                                                                  : fault_opened(__real_open(path, flags, mode), path);
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return FAILS(FAULT_CAN_INTERRUPT, EMFILE, EIO, path, -1) != 0
               ? -1
               : fault_opened(__real_openat(folder, path, flags, mode), path);
}

/* The descriptor is gone, whatever close says. */
WRAP(int, close, (int fd)) {
    const int failure = FAILS(FAULT_CAN_INTERRUPT, EIO, ENOSPC, NULL, fd);
    const int result = __real_close(fd);
    errno = failure != 0 ? failure : errno;
    return failure != 0 ? -1 : result;
}

ON_FD(int, mkostemp, (char *path, int flags), (path, flags), -1, FAULT_PLAIN, EMFILE, EACCES)

WRAP(char *, mkdtemp, (char *path)) {
    return FAILS(FAULT_PLAIN, ENOSPC, EACCES, path, -1) != 0 ? NULL : __real_mkdtemp(path);
}

WRAP(DIR *, opendir, (const char *path)) {
    return FAILS(FAULT_PLAIN, EMFILE, EACCES, path, -1) != 0 ? NULL : __real_opendir(path);
}

WRAP(DIR *, fdopendir, (int fd)) {
    return FAILS(FAULT_PLAIN, ENOMEM, ENOMEM, NULL, fd) != 0 ? NULL : __real_fdopendir(fd);
}

WRAP(struct dirent *, readdir, (DIR * folder)) {
    return FAILS(FAULT_PLAIN, EIO, EIO, NULL, dirfd(folder)) != 0 ? NULL : __real_readdir(folder);
}

ON_FD(int, pipe2, (int fds[2], int flags), (fds, flags), -1, FAULT_PLAIN, EMFILE, ENFILE)
ON_FD(int, dup2, (int old, int new), (old, new), old, FAULT_PLAIN, EMFILE, EBADF)

/* --- bytes -------------------------------------------------------------------------------------------------------- */

#define MOVES(name, parameters, error, error_from, from_fd, from_one, from_all)                                        \
    WRAP(ssize_t, name, parameters) {                                                                                  \
        const int failure = size < 2 ? 0 : FAILS(FAULT_CAN_INTERRUPT | FAULT_CAN_CUT, error, error_from, NULL, fd);    \
        return failure > 0 ? -1 : failure == FAULT_CUT ? __real_##name from_one : __real_##name from_all;              \
    }

MOVES(read, (int fd, void *out, size_t size), EIO, EIO, fd, (fd, out, 1), (fd, out, size))
MOVES(pread, (int fd, void *out, size_t size, off_t at), EIO, EIO, fd, (fd, out, 1, at), (fd, out, size, at))
MOVES(write, (int fd, const void *in, size_t size), ENOSPC, EIO, fd, (fd, in, 1), (fd, in, size))
MOVES(pwrite, (int fd, const void *in, size_t size, off_t at), ENOSPC, EIO, fd, (fd, in, 1, at), (fd, in, size, at))

/* Nothing here outlives a loss of power, so the disk is spared. */
WRAP(int, fsync, (int fd)) { return FAILS(FAULT_CAN_INTERRUPT, EIO, ENOSPC, NULL, fd) != 0 ? -1 : 0; }
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size), fd, FAULT_CAN_INTERRUPT, EIO, ENOSPC)
ON_FD(off_t, lseek, (int fd, off_t at, int from), (fd, at, from), fd, FAULT_PLAIN, EIO, ESPIPE)
ON_FD(int, flock, (int fd, int how), (fd, how), fd, FAULT_CAN_INTERRUPT, ENOLCK, EIO)
ON_FD(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), -1, FAULT_CAN_INTERRUPT, ENOMEM,
      ENOMEM)

/* --- what is there ------------------------------------------------------------------------------------------------ */

ON_FD(int, fstat, (int fd, struct stat *out), (fd, out), fd, FAULT_PLAIN, EIO, EOVERFLOW)
ON_PATH(int, stat, (const char *path, struct stat *out), (path, out), path, EIO, EACCES)
ON_PATH(int, lstat, (const char *path, struct stat *out), (path, out), path, EIO, EACCES)
ON_PATH(int, fstatat, (int folder, const char *path, struct stat *out, int flags), (folder, path, out, flags), path,
        EIO, EACCES)
ON_PATH(int, access, (const char *path, int how), (path, how), path, EIO, EACCES)

WRAP(char *, realpath, (const char *path, char *resolved)) {
    return FAILS(FAULT_PLAIN, EIO, ENOMEM, path, -1) != 0 ? NULL : __real_realpath(path, resolved);
}

#ifdef __GLIBC__
/* What the compiler makes of it under _FORTIFY_SOURCE, where it knows the size. */
WRAP(char *, __realpath_chk, (const char *path, char *resolved, size_t size)) {
    return fault_decide(FAULT_FILE, "realpath", FAULT_PLAIN, EIO, ENOMEM, path, -1) != 0
               ? NULL
               : __real___realpath_chk(path, resolved, size);
}
#endif

/* --- names -------------------------------------------------------------------------------------------------------- */

/* EPERM: a file system without links */
ON_PATH(int, link, (const char *from, const char *to), (from, to), to, EACCES, EPERM)
ON_PATH(int, rename, (const char *from, const char *to), (from, to), to, EACCES, EIO)
ON_PATH(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), to, EACCES, EIO)
ON_PATH(int, unlink, (const char *path), (path), path, EACCES, EIO)
ON_PATH(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), path, EACCES, EIO)
ON_PATH(int, remove, (const char *path), (path), path, EACCES, EIO)
ON_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode), path, ENOSPC, EACCES)
ON_PATH(int, rmdir, (const char *path), (path), path, EACCES, EIO)
ON_PATH(int, chmod, (const char *path, mode_t mode), (path, mode), path, EPERM, EIO)
ON_PATH(int, fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags), path, EPERM,
        EIO)
