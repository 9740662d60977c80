/* SPDX-License-Identifier: Apache-2.0 */
/* How often the code of this program, the library's archive included, called each function that allocates or waits. */
#ifndef MLSEL_TEST_COUNTERS_H
#define MLSEL_TEST_COUNTERS_H

#include <stddef.h>

/* COUNTED(kind, return type, name, parameters, arguments) */
#define ALLOCATING_FUNCTIONS(COUNTED)                                                                                  \
    COUNTED(ALLOCATES, void *, malloc, (size_t size), (size))                                                          \
    COUNTED(ALLOCATES, void *, calloc, (size_t count, size_t size), (count, size))                                     \
    COUNTED(ALLOCATES, void *, realloc, (void *block, size_t size), (block, size))                                     \
    COUNTED(ALLOCATES, void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))                      \
    COUNTED(ALLOCATES, int, posix_memalign, (void **block, size_t alignment, size_t size), (block, alignment, size))

#define LOCKING_FUNCTIONS(COUNTED)                                                                                     \
    COUNTED(LOCKS, int, pthread_mutex_lock, (pthread_mutex_t * lock), (lock))                                          \
    COUNTED(LOCKS, int, pthread_mutex_trylock, (pthread_mutex_t * lock), (lock))                                       \
    COUNTED(LOCKS, int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))                                      \
    COUNTED(LOCKS, int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))                                      \
    COUNTED(LOCKS, int, pthread_spin_lock, (pthread_spinlock_t * lock), (lock))                                        \
    COUNTED(LOCKS, int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t * lock), (condition, lock))    \
    COUNTED(LOCKS, int, pthread_cond_timedwait,                                                                        \
            (pthread_cond_t * condition, pthread_mutex_t * lock, const struct timespec *until),                        \
            (condition, lock, until))

/* The rest of what the library calls and a query has no business with; free, open and syscall are written out. */
#define OTHER_FUNCTIONS(COUNTED)                                                                                       \
    COUNTED(OTHER, int, sched_yield, (void), ())                                                                       \
    COUNTED(OTHER, int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))                 \
    COUNTED(OTHER, int, clock_gettime, (clockid_t clock, struct timespec * now), (clock, now))                         \
    COUNTED(OTHER, int, pthread_mutex_init, (pthread_mutex_t * lock, const pthread_mutexattr_t *how), (lock, how))     \
    COUNTED(OTHER, int, pthread_mutex_destroy, (pthread_mutex_t * lock), (lock))                                       \
    COUNTED(OTHER, int, yaml_parser_initialize, (yaml_parser_t * parser), (parser))                                    \
    COUNTED(OTHER, int, yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t * event), (parser, event))            \
    COUNTED(OTHER, int, close, (int fd), (fd))                                                                         \
    COUNTED(OTHER, ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))                                 \
    COUNTED(OTHER, int, fstat, (int fd, struct stat *info), (fd, info))                                                \
    COUNTED(OTHER, ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))                  \
    COUNTED(OTHER, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))                          \
    COUNTED(OTHER, int, fsync, (int fd), (fd))                                                                         \
    COUNTED(OTHER, int, lstat, (const char *path, struct stat *info), (path, info))                                    \
    COUNTED(OTHER, int, link, (const char *from, const char *to), (from, to))                                          \
    COUNTED(OTHER, int, unlink, (const char *path), (path))                                                            \
    COUNTED(OTHER, int, rename, (const char *from, const char *to), (from, to))                                        \
    COUNTED(OTHER, int, access, (const char *path, int mode), (path, mode))                                            \
    COUNTED(OTHER, char *, realpath, (const char *path, char *resolved), (path, resolved))                             \
    COUNTED(OTHER, void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),             \
            (at, size, protection, flags, fd, offset))                                                                 \
    COUNTED(OTHER, int, munmap, (void *block, size_t size), (block, size))                                             \
    COUNTED(OTHER, int, madvise, (void *block, size_t size, int advice), (block, size, advice))                        \
    COUNTED(OTHER, void *, dlopen, (const char *path, int mode), (path, mode))                                         \
    COUNTED(OTHER, int, dlclose, (void *handle), (handle))                                                             \
    COUNTED(OTHER, void *, dlsym, (void *handle, const char *name), (handle, name))                                    \
    COUNTED(OTHER, int, dladdr, (const void *address, Dl_info *info), (address, info))                                 \
    COUNTED(OTHER, char *, dlerror, (void), ())                                                                        \
    COUNTED(OTHER, locale_t, newlocale, (int mask, const char *name, locale_t base), (mask, name, base))               \
    COUNTED(OTHER, cJSON *, cJSON_CreateNull, (void), ())                                                              \
    COUNTED(OTHER, cJSON *, cJSON_CreateTrue, (void), ())                                                              \
    COUNTED(OTHER, cJSON *, cJSON_CreateFalse, (void), ())                                                             \
    COUNTED(OTHER, cJSON *, cJSON_CreateNumber, (double value), (value))                                               \
    COUNTED(OTHER, cJSON *, cJSON_CreateString, (const char *text), (text))                                            \
    COUNTED(OTHER, cJSON *, cJSON_CreateArray, (void), ())                                                             \
    COUNTED(OTHER, cJSON *, cJSON_CreateObject, (void), ())                                                            \
    COUNTED(OTHER, cJSON_bool, cJSON_AddItemToArray, (cJSON * array, cJSON * item), (array, item))                     \
    COUNTED(OTHER, cJSON_bool, cJSON_AddItemToObject, (cJSON * object, const char *key, cJSON *item),                  \
            (object, key, item))

/* The same without a result. */
#define VOID_FUNCTIONS(COUNTED)                                                                                        \
    COUNTED(OTHER, void, yaml_parser_set_encoding, (yaml_parser_t * parser, yaml_encoding_t encoding),                 \
            (parser, encoding))                                                                                        \
    COUNTED(OTHER, void, yaml_parser_set_input_string,                                                                 \
            (yaml_parser_t * parser, const unsigned char *text, size_t size), (parser, text, size))                    \
    COUNTED(OTHER, void, yaml_event_delete, (yaml_event_t * event), (event))                                           \
    COUNTED(OTHER, void, yaml_parser_delete, (yaml_parser_t * parser), (parser))                                       \
    COUNTED(OTHER, void, qsort, (void *base, size_t n, size_t size, int (*compare)(const void *, const void *)),       \
            (base, n, size, compare))                                                                                  \
    COUNTED(OTHER, void, freelocale, (locale_t locale), (locale))                                                      \
    COUNTED(OTHER, void, cJSON_Delete, (cJSON * item), (item))

enum counted_kind { ALLOCATES, FREES, LOCKS, OTHER };

#define COUNTED_INDEX(kind, type, name, parameters, arguments) COUNTED_##name,
enum counted_function {
    ALLOCATING_FUNCTIONS(COUNTED_INDEX) LOCKING_FUNCTIONS(COUNTED_INDEX) OTHER_FUNCTIONS(COUNTED_INDEX)
        VOID_FUNCTIONS(COUNTED_INDEX) COUNTED_free,
    COUNTED_open,
    COUNTED_syscall,
    N_COUNTED
};

/* Sets all counters to 0. */
void counters_reset(void);
size_t counters_of(enum counted_function function);
/* Calls of all functions of a kind. */
size_t counters_sum(enum counted_kind kind);
/* Blocks allocated and not freed since the reset, which may be negative. */
ptrdiff_t counters_live_blocks(void);
/* What was called since the reset, as in "aligned_alloc 2, free 1"; "" if nothing was. */
void counters_describe(char *out, size_t size);

#endif
