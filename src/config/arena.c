/* SPDX-License-Identifier: Apache-2.0 */
#include "config/arena.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, ALIGNMENT = sizeof(max_align_t) };

typedef struct block {
    struct block *next;
    size_t size; /* of data */
    size_t used;
    max_align_t data[];
} block;

struct config_arena {
    block *blocks; /* the first is in use */
    bool failed;
};

config_arena *mlsel_i_arena_create(void) { return mlsel_i_calloc(1, sizeof(config_arena)); }

void mlsel_i_arena_free(config_arena *arena) {
    if (arena == NULL)
        return;
    for (block *b = arena->blocks, *next; b != NULL; b = next) {
        next = b->next;
        mlsel_i_free(b);
    }
    mlsel_i_free(arena);
}

bool mlsel_i_arena_failed(const config_arena *arena) { return arena == NULL || arena->failed; }

/* Puts a block in front that has room for `bytes`. Each is twice the one before, so that there are few. */
static bool add_block(config_arena *arena, size_t bytes) {
    size_t size = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
    size = size > LARGEST_BLOCK ? LARGEST_BLOCK : size;
    size = size < bytes ? bytes : size;
    block *b = size > SIZE_MAX - sizeof(block) ? NULL : mlsel_i_alloc(1, sizeof(block) + size);
    if (b == NULL)
        return false;
    *b = (block){.next = arena->blocks, .size = size};
    arena->blocks = b;
    return true;
}

void *mlsel_i_arena_alloc(config_arena *arena, size_t count, size_t size) {
    if (mlsel_i_arena_failed(arena))
        return NULL;
    const size_t limit = SIZE_MAX / 4;
    const bool fits = size == 0 || count <= limit / size;
    const size_t bytes = fits ? (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : 0;
    const block *const first = arena->blocks;
    if (!fits || ((first == NULL || first->size - first->used < bytes) && !add_block(arena, bytes))) {
        arena->failed = true;
        return NULL;
    }
    block *const b = arena->blocks;
    void *const at = (char *)b->data + b->used;
    b->used += bytes;
    return memset(at, 0, bytes);
}

char *mlsel_i_arena_copy(config_arena *arena, const char *text, size_t size) {
    char *copy = size == SIZE_MAX ? NULL : mlsel_i_arena_alloc(arena, size + 1, 1);
    if (copy != NULL && size > 0)
        memcpy(copy, text, size);
    return copy;
}

char *mlsel_i_arena_join(config_arena *arena, const char *a, const char *b, const char *c) {
    const size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *joined = mlsel_i_arena_alloc(arena, size, 1);
    if (joined != NULL)
        (void)snprintf(joined, size, "%s%s%s", a, b, c);
    return joined;
}

char *mlsel_i_arena_vformat(config_arena *arena, const char *format, va_list args) {
    char text[1024]; /* longer ones lose their end */
    const int length = vsnprintf(text, sizeof text, format, args);
    if (length < 0)
        return mlsel_i_arena_copy(arena, "", 0);
    return mlsel_i_arena_copy(arena, text, strlen(text));
}

char *mlsel_i_arena_format(config_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = mlsel_i_arena_vformat(arena, format, args);
    va_end(args);
    return text;
}

void *mlsel_i_arena_grow(config_arena *arena, void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    const size_t larger = *capacity == 0 ? 8 : *capacity * 2;
    void *grown = mlsel_i_arena_alloc(arena, larger, size);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * size);
    *capacity = larger;
    return grown;
}
