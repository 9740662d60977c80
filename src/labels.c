/* SPDX-License-Identifier: Apache-2.0 */
/* The set of model names of an artifact while it is read. */
#include <stdlib.h>
#include <string.h>

#include "artifact_read.h"

void mlsel_i_labels_free(label_set *set) {
    mlsel_i_free(set->names);
    mlsel_i_free(set->slots);
    *set = (label_set){0};
}

/* FNV-1a, 64 bit (Fowler, Noll, Vo). Slots are probed linearly; names come from one artifact, so a bad hash costs time
 * only. */
static uint64_t hash_name(const char *name) {
    uint64_t hash = 14695981039346656037u;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
        hash = (hash ^ *c) * 1099511628211u;
    return hash;
}

static size_t find_slot(const label_set *set, const char *name) {
    size_t slot = (size_t)hash_name(name) & (set->n_slots - 1);
    while (set->slots[slot] >= 0 && strcmp(set->names[set->slots[slot]], name) != 0)
        slot = (slot + 1) & (set->n_slots - 1);
    return slot;
}

int32_t mlsel_i_labels_find(const label_set *set, const char *name) {
    return set->n_slots == 0 ? -1 : set->slots[find_slot(set, name)];
}

static void rehash(label_set *set) {
    for (size_t s = 0; s < set->n_slots; s++)
        set->slots[s] = -1;
    for (size_t i = 0; i < set->count; i++)
        set->slots[find_slot(set, set->names[i])] = (int32_t)i;
}

static mlsel_status grow(label_set *set, mlsel_error *err) {
    const size_t capacity = set->capacity == 0 ? 16 : 2 * set->capacity;
    if (capacity > INT32_MAX / 2)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "more than %d distinct model names", INT32_MAX / 4);
    const char **names = mlsel_i_resize(set->names, set->count, capacity, sizeof *names);
    if (names == NULL)
        return mlsel_i_no_memory(err);
    set->names = names;
    set->capacity = capacity;
    int32_t *slots = mlsel_i_resize(set->slots, 0, 2 * capacity, sizeof *slots);
    if (slots == NULL)
        return mlsel_i_no_memory(err);
    set->slots = slots;
    set->n_slots = 2 * capacity;
    rehash(set);
    return MLSEL_OK;
}

mlsel_status mlsel_i_labels_add(label_set *set, const char *name, int32_t *index, mlsel_error *err) {
    /* a failed growth leaves more names than slots were made for, hence both conditions */
    if (set->count == set->capacity || set->n_slots < 2 * set->capacity) {
        const mlsel_status status = grow(set, err);
        if (status != MLSEL_OK)
            return status;
    }
    const size_t slot = find_slot(set, name);
    if (set->slots[slot] < 0) {
        set->slots[slot] = (int32_t)set->count;
        set->names[set->count++] = name;
    }
    if (index != NULL)
        *index = set->slots[slot];
    return MLSEL_OK;
}

mlsel_status mlsel_i_labels_add_list(const artifact_reader *in, label_set *set, const json_strings *list,
                                     const char *path, const char *key) {
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->bytes + list->offsets[i];
        const size_t before = set->count;
        const mlsel_status status = mlsel_i_labels_add(set, name, NULL, in->err);
        if (status != MLSEL_OK)
            return status;
        if (set->count == before)
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s[%zu]: \"%s\" is listed twice", path, key, i, name);
    }
    return MLSEL_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void mlsel_i_labels_sort(label_set *set, size_t from) {
    if (set->count > from + 1) {
        qsort(set->names + from, set->count - from, sizeof *set->names, compare_names);
        rehash(set);
    }
}

mlsel_status mlsel_i_labels_store(const artifact_reader *in, const label_set *set) {
    size_t bytes = 0;
    for (size_t i = 0; i < set->count; i++)
        bytes += strlen(set->names[i]) + 1;
    char **labels = mlsel_i_artifact_alloc(in->artifact, set->count, sizeof *labels, false, in->err);
    char *text = mlsel_i_artifact_alloc(in->artifact, bytes, 1, true, in->err);
    if (labels == NULL || text == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < set->count; i++) {
        labels[i] = text;
        const size_t size = strlen(set->names[i]) + 1;
        memcpy(text, set->names[i], size);
        text += size;
    }
    in->artifact->labels = labels;
    in->artifact->scalars.n_labels = (uint32_t)set->count;
    return MLSEL_OK;
}
