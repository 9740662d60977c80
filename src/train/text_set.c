/* SPDX-License-Identifier: Apache-2.0 */
#include "text_set.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_CAPACITY = 16, SLOTS_PER_ENTRY = 2 };

void mlsel_i_texts_free(text_set *set) {
    for (size_t i = 0; i < set->n; i++)
        mlsel_i_free(set->entries[i].text);
    mlsel_i_free(set->entries);
    mlsel_i_free(set->slots);
    *set = (text_set){0};
}

uint64_t mlsel_i_text_hash(const char *text, size_t size) { return XXH3_64bits(text, size); }

int64_t mlsel_i_texts_find(const text_set *set, const char *text, size_t size, uint64_t hash) {
    if (set->n_slots == 0)
        return -1;
    const size_t mask = set->n_slots - 1;
    for (size_t slot = (size_t)hash & mask; set->slots[slot] != 0; slot = (slot + 1) & mask) {
        const text_entry *entry = &set->entries[set->slots[slot] - 1];
        if (entry->hash == hash && entry->size == size && memcmp(entry->text, text, size) == 0)
            return (int64_t)set->slots[slot] - 1;
    }
    return -1;
}

static void occupy(text_set *set, size_t index) {
    const size_t mask = set->n_slots - 1;
    size_t slot = (size_t)set->entries[index].hash & mask;
    while (set->slots[slot] != 0)
        slot = (slot + 1) & mask;
    set->slots[slot] = (uint32_t)(index + 1);
}

bool mlsel_i_texts_reserve(text_set *set) {
    if (set->n < set->capacity)
        return true;
    if (set->n >= INT32_MAX / 2)
        return false;
    const size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
    uint32_t *slots = mlsel_i_calloc(capacity, SLOTS_PER_ENTRY * sizeof *slots);
    if (slots == NULL)
        return false;
    text_entry *entries = mlsel_i_resize(set->entries, set->n, capacity, sizeof *entries);
    if (entries == NULL) {
        mlsel_i_free(slots);
        return false;
    }
    mlsel_i_free(set->slots);
    set->entries = entries;
    set->capacity = capacity;
    set->slots = slots;
    set->n_slots = capacity * SLOTS_PER_ENTRY;
    for (size_t i = 0; i < set->n; i++)
        occupy(set, i);
    return true;
}

uint32_t mlsel_i_texts_insert(text_set *set, char *text, size_t size, uint64_t hash) {
    const size_t index = set->n++;
    set->entries[index] = (text_entry){.text = text, .size = size, .hash = hash};
    set->bytes += size + 1;
    occupy(set, index);
    return (uint32_t)index;
}

int64_t mlsel_i_texts_add(text_set *set, const char *text, size_t size) {
    const uint64_t hash = mlsel_i_text_hash(text, size);
    const int64_t known = mlsel_i_texts_find(set, text, size, hash);
    if (known >= 0)
        return known;
    char *copy = mlsel_i_texts_reserve(set) ? mlsel_i_strndup(text, size) : NULL;
    return copy == NULL ? -1 : (int64_t)mlsel_i_texts_insert(set, copy, size, hash);
}

void mlsel_i_texts_keep(text_set *set, const uint32_t *place) {
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (place[i] != UINT32_MAX) {
            set->entries[n++] = set->entries[i];
            continue;
        }
        set->bytes -= set->entries[i].size + 1;
        mlsel_i_free(set->entries[i].text);
    }
    set->n = n;
    memset(set->slots, 0, set->n_slots * sizeof *set->slots);
    for (size_t i = 0; i < n; i++)
        occupy(set, i);
}
