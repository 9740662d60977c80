/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef WITH_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

static mlsel_i_alloc_hook alloc_hook;
static void *alloc_hook_user;

void mlsel_i_set_alloc_hook(mlsel_i_alloc_hook hook, void *user) {
    alloc_hook = hook;
    alloc_hook_user = user;
}

#define BASE_PAGE ((size_t)65536) /* the largest size that small pages have anywhere */

/* Asks for huge pages where they fit into a large block: the system hands these out in far fewer steps, and a scan
 * misses the address cache less. Only advice: what comes of it makes no difference. */
static void advise(void *block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t large = (size_t)4 << 20;
    if (block == NULL || bytes < large)
        return;
    const size_t offset = (BASE_PAGE - (uintptr_t)block % BASE_PAGE) % BASE_PAGE;
    (void)madvise((char *)block + offset, (bytes - offset) / BASE_PAGE * BASE_PAGE, MADV_HUGEPAGE);
#else
    (void)block, (void)bytes;
#endif
}

/* Sizes are rounded up: what was not asked for must not be used. */
static void forbid_rest(void *block, size_t asked, size_t bytes) {
#ifdef WITH_ADDRESS_SANITIZER
    if (block != NULL)
        ASAN_POISON_MEMORY_REGION((char *)block + asked, bytes - asked);
#else
    (void)block, (void)asked, (void)bytes;
#endif
}

void *mlsel_i_alloc(size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - MLSEL_ALIGNMENT) / size)
        return NULL;
    size_t bytes = count * size;
    /* aligned_alloc wants a multiple of the alignment */
    bytes = bytes == 0 ? MLSEL_ALIGNMENT : (bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    if (alloc_hook != NULL && !alloc_hook(bytes, alloc_hook_user))
        return NULL;
    void *block = aligned_alloc(MLSEL_ALIGNMENT, bytes);
    forbid_rest(block, count * size, bytes);
    advise(block, bytes);
    return block;
}

#if defined(__linux__) && defined(MADV_HUGEPAGE)

#define HUGE_PAGE ((size_t)2 << 20) /* of x86-64, and of arm64 with pages of 4 kB */

static size_t round_up(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

/* From here on a mapping of its own is worth its system calls. */
static bool is_mapped(size_t size) { return size >= HUGE_PAGE && size <= SIZE_MAX - 2 * HUGE_PAGE; }

static void *map_huge(size_t size) {
    const size_t used = round_up(size, BASE_PAGE), all = used + HUGE_PAGE;
    char *start = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    const size_t skipped = round_up((uintptr_t)start, HUGE_PAGE) - (uintptr_t)start;
    char *block = start + skipped;
    if (skipped > 0)
        (void)munmap(start, skipped);
    if (skipped < HUGE_PAGE)
        (void)munmap(block + used, HUGE_PAGE - skipped);
    (void)madvise(block, used, MADV_HUGEPAGE);
    return block;
}

void *mlsel_i_map(size_t size) {
    if (!is_mapped(size))
        return mlsel_i_alloc(size, 1);
    return alloc_hook == NULL || alloc_hook(size, alloc_hook_user) ? map_huge(size) : NULL;
}

void mlsel_i_unmap(void *block, size_t size) {
    if (block != NULL && is_mapped(size))
        (void)munmap(block, round_up(size, BASE_PAGE));
    else
        mlsel_i_free(block);
}

#else

void *mlsel_i_map(size_t size) { return mlsel_i_alloc(size, 1); }

void mlsel_i_unmap(void *block, size_t size) {
    (void)size;
    mlsel_i_free(block);
}

#endif

void *mlsel_i_calloc(size_t count, size_t size) {
    void *block = mlsel_i_alloc(count, size);
    if (block != NULL)
        memset(block, 0, count * size);
    return block;
}

void *mlsel_i_resize(void *block, size_t old_count, size_t new_count, size_t size) {
    void *larger = mlsel_i_alloc(new_count, size);
    if (larger == NULL)
        return NULL;
    const size_t kept = old_count < new_count ? old_count : new_count;
    if (kept > 0)
        memcpy(larger, block, kept * size);
    mlsel_i_free(block);
    return larger;
}

void mlsel_i_free(void *block) { free(block); }

char *mlsel_i_strndup(const char *text, size_t size) {
    if (size == SIZE_MAX)
        return NULL;
    char *copy = mlsel_i_alloc(size + 1, 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}
