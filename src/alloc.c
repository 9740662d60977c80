/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "internal.h"

static mlsel_i_alloc_hook alloc_hook;
static void *alloc_hook_user;

void mlsel_i_set_alloc_hook(mlsel_i_alloc_hook hook, void *user) {
    alloc_hook = hook;
    alloc_hook_user = user;
}

/* Asks for huge pages where they fit into a large block: the system hands these out in far fewer steps, and a scan
 * misses the address cache less. Only advice: what comes of it makes no difference. */
static void advise(void *block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t large = (size_t)4 << 20, page = 65536; /* the largest that small pages have */
    if (block == NULL || bytes < large)
        return;
    const size_t offset = (page - (uintptr_t)block % page) % page;
    (void)madvise((char *)block + offset, (bytes - offset) / page * page, MADV_HUGEPAGE);
#else
    (void)block, (void)bytes;
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
    advise(block, bytes);
    return block;
}

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
