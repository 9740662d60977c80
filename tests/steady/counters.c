/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, syscall */
#endif
#include "counters.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <yaml.h>

static atomic_size_t counters[N_COUNTED];
static atomic_ptrdiff_t live_blocks;

static const struct {
    const char *name;
    enum counted_kind kind;
} functions[] = {
#define DESCRIBE(kind, type, name, parameters, arguments) {#name, kind},
    ALLOCATING_FUNCTIONS(DESCRIBE) LOCKING_FUNCTIONS(DESCRIBE) OTHER_FUNCTIONS(DESCRIBE)
        VOID_FUNCTIONS(DESCRIBE){"free", FREES},
    {"open", OTHER},
    {"syscall", OTHER},
};

static void count(enum counted_function function) { atomic_fetch_add(&counters[function], 1); }

void counters_reset(void) {
    for (size_t i = 0; i < N_COUNTED; i++)
        atomic_store(&counters[i], 0);
    atomic_store(&live_blocks, 0);
}

size_t counters_of(enum counted_function function) { return atomic_load(&counters[function]); }

size_t counters_sum(enum counted_kind kind) {
    size_t sum = 0;
    for (size_t i = 0; i < N_COUNTED; i++)
        sum += functions[i].kind == kind ? atomic_load(&counters[i]) : 0;
    return sum;
}

ptrdiff_t counters_live_blocks(void) { return atomic_load(&live_blocks); }

void counters_describe(char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_COUNTED && used < size; i++) {
        const size_t calls = atomic_load(&counters[i]);
        if (calls > 0)
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s %zu", used == 0 ? "" : ", ", functions[i].name, calls);
    }
}

#ifndef NO_LINKER_WRAP

/* --wrap sends calls of NAME to __wrap_NAME, and those of __real_NAME to NAME. */
#define WRAP(kind, type, name, parameters, arguments)                                                                  \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        count(COUNTED_##name);                                                                                         \
        return __real_##name arguments;                                                                                \
    }
#define WRAP_VOID(kind, type, name, parameters, arguments)                                                             \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        count(COUNTED_##name);                                                                                         \
        __real_##name arguments;                                                                                       \
    }

LOCKING_FUNCTIONS(WRAP)
OTHER_FUNCTIONS(WRAP)
VOID_FUNCTIONS(WRAP_VOID)

static void *count_block(void *block) {
    atomic_fetch_add(&live_blocks, block != NULL);
    return block;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
    count(COUNTED_malloc);
    return count_block(__real_malloc(size));
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
    count(COUNTED_calloc);
    return count_block(__real_calloc(n, size));
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size) {
    const bool is_new = block == NULL;
    count(COUNTED_realloc);
    void *larger = __real_realloc(block, size);
    return is_new ? count_block(larger) : larger;
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    count(COUNTED_aligned_alloc);
    return count_block(__real_aligned_alloc(alignment, size));
}

int __real_posix_memalign(void **block, size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size) {
    count(COUNTED_posix_memalign);
    const int error = __real_posix_memalign(block, alignment, size);
    if (error == 0)
        count_block(*block);
    return error;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block) {
    if (block != NULL) {
        count(COUNTED_free);
        atomic_fetch_sub(&live_blocks, 1);
    }
    __real_free(block);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    count(COUNTED_open);
    return __real_open(path, flags, mode);
}

/* Whatever its number of arguments, as libc's own does: all six places are passed on. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
    count(COUNTED_syscall);
    return __real_syscall(number, a, b, c, d, e, f);
}

#endif
