/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings that a router hands out. They are stored once and kept until the router is closed, so that an answer's names
 * stay valid whatever is reloaded meanwhile, and so that equal names have equal addresses.
 */
#include <string.h>

#include "router/router.h"

#define BLOCK_BYTES ((size_t)4096)

struct name_block {
    name_block *next;
    size_t used;
    size_t size;
    char text[];
};

uint64_t mlsel_i_hash_text(uint64_t hash, const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    do
        hash = (hash ^ *c) * 1099511628211u;
    while (*c++ != '\0');
    return hash;
}

static size_t find_slot(const name_set *names, const char *text) {
    size_t slot = (size_t)mlsel_i_hash_text(MLSEL_HASH_START, text) & (names->n_slots - 1);
    while (names->slots[slot] != NULL && strcmp(names->slots[slot], text) != 0)
        slot = (slot + 1) & (names->n_slots - 1);
    return slot;
}

static mlsel_status grow(name_set *names, mlsel_error *err) {
    const name_set old = *names;
    const size_t n_slots = old.n_slots == 0 ? 64 : 2 * old.n_slots;
    const char **slots = mlsel_i_calloc(n_slots, sizeof *slots);
    if (slots == NULL)
        return mlsel_i_no_memory(err);
    names->slots = slots;
    names->n_slots = n_slots;
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i] != NULL)
            slots[find_slot(names, old.slots[i])] = old.slots[i];
    mlsel_i_free(old.slots);
    return MLSEL_OK;
}

/* A place for size bytes; NULL when out of memory. */
static char *reserve(name_set *names, size_t size) {
    name_block *block = names->blocks;
    if (block == NULL || block->size - block->used < size) {
        const size_t room = size > BLOCK_BYTES / 4 ? size : BLOCK_BYTES - sizeof *block;
        block = mlsel_i_alloc(1, sizeof *block + room);
        if (block == NULL)
            return NULL;
        *block = (name_block){.next = names->blocks, .size = room};
        names->blocks = block;
    }
    char *place = block->text + block->used;
    block->used += size;
    return place;
}

mlsel_status mlsel_i_names_add(name_set *names, const char *text, const char **out, mlsel_error *err) {
    *out = NULL;
    if (text == NULL)
        return MLSEL_OK;
    if (2 * names->count >= names->n_slots) {
        const mlsel_status status = grow(names, err);
        if (status != MLSEL_OK)
            return status;
    }
    const size_t slot = find_slot(names, text);
    if (names->slots[slot] == NULL) {
        const size_t size = strlen(text) + 1;
        if (size > names->max_bytes || names->bytes > names->max_bytes - size)
            return mlsel_i_fail(err, MLSEL_ERROR_LIMIT,
                                "the names that this router has ever had exceed max_name_bytes (%llu): open a new one",
                                (unsigned long long)names->max_bytes);
        char *copy = reserve(names, size);
        if (copy == NULL)
            return mlsel_i_no_memory(err);
        memcpy(copy, text, size);
        names->slots[slot] = copy;
        names->count++;
        names->bytes += size;
    }
    *out = names->slots[slot];
    return MLSEL_OK;
}

void mlsel_i_names_free(name_set *names) {
    for (name_block *block = names->blocks, *next; block != NULL; block = next) {
        next = block->next;
        mlsel_i_free(block);
    }
    mlsel_i_free(names->slots);
    *names = (name_set){0};
}
