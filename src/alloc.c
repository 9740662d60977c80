/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static mlsel_i_alloc_hook alloc_hook;
static void *alloc_hook_user;

void mlsel_i_set_alloc_hook(mlsel_i_alloc_hook hook, void *user) {
    alloc_hook = hook;
    alloc_hook_user = user;
}

void *mlsel_i_alloc(size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - MLSEL_ALIGNMENT) / size)
        return NULL;
    size_t bytes = count * size;
    /* aligned_alloc wants a multiple of the alignment */
    bytes = bytes == 0 ? MLSEL_ALIGNMENT : (bytes + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    if (alloc_hook != NULL && !alloc_hook(bytes, alloc_hook_user))
        return NULL;
    return aligned_alloc(MLSEL_ALIGNMENT, bytes);
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
