/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct texts, numbered by first occurrence and found by hash. */
#ifndef MLSEL_TRAIN_TEXT_SET_H
#define MLSEL_TRAIN_TEXT_SET_H

#include "internal.h"

typedef struct text_entry {
    char *text; /* zero-terminated; owned, and stays where it is while the set grows */
    size_t size;
    uint64_t hash;
} text_entry;

/* All zero: empty. */
typedef struct text_set {
    text_entry *entries;
    size_t n, capacity;
    uint32_t *slots; /* open addressing: index of an entry + 1, 0 for none */
    size_t n_slots;  /* a power of 2 above capacity */
    uint64_t bytes;  /* of all texts with their terminators */
} text_set;

void mlsel_i_texts_free(text_set *set);
/* XXH3 of a text; the same on every machine. */
uint64_t mlsel_i_text_hash(const char *text, size_t size);
/* Index of a text, or -1. */
int64_t mlsel_i_texts_find(const text_set *set, const char *text, size_t size, uint64_t hash);
/* Makes room for one more text; false: no memory, or 2^31 texts. */
bool mlsel_i_texts_reserve(text_set *set);
/* Adds a text that is not there, after a reserve, and takes it over. Returns its index. */
uint32_t mlsel_i_texts_insert(text_set *set, char *text, size_t size, uint64_t hash);
/* Index of a text, which is copied if it is new; -1: no memory. */
int64_t mlsel_i_texts_add(text_set *set, const char *text, size_t size);
/* Gives entry i the index place[i], or frees it where that is UINT32_MAX. Places keep the order and leave no gap. */
void mlsel_i_texts_keep(text_set *set, const uint32_t *place);

#endif
