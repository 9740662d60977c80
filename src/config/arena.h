/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once, and the texts made in it. */
#ifndef MLSEL_CONFIG_ARENA_H
#define MLSEL_CONFIG_ARENA_H

#include <stdarg.h>

#include "internal.h"

typedef struct config_arena config_arena;

config_arena *mlsel_i_arena_create(void);
void mlsel_i_arena_free(config_arena *arena);

/* Zeroed; NULL when there is no memory, after which mlsel_i_arena_failed stays true. arena may be NULL: that gives NULL
 * too. */
void *mlsel_i_arena_alloc(config_arena *arena, size_t count, size_t size);
bool mlsel_i_arena_failed(const config_arena *arena);

char *mlsel_i_arena_copy(config_arena *arena, const char *text, size_t size);
/* The three texts as one. */
char *mlsel_i_arena_join(config_arena *arena, const char *a, const char *b, const char *c);
char *mlsel_i_arena_format(config_arena *arena, const char *format, ...) MLSEL_PRINTF(2, 3);
char *mlsel_i_arena_vformat(config_arena *arena, const char *format, va_list args) MLSEL_PRINTF(2, 0);

/* An array of `count` elements that is to take one more: itself, or one twice as large in its place; NULL when there is
 * no memory. *capacity is 0 at first. */
void *mlsel_i_arena_grow(config_arena *arena, void *items, size_t count, size_t *capacity, size_t size);

#endif
