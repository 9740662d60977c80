/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_mapping.h"

#include <string.h>

#include "config/diagnostics.h"

/* A pair on its way into a mapping; `rank` is its place among all that were offered. */
typedef struct candidate {
    yaml_pair pair;
    size_t rank;
    bool dropped;
} candidate;

typedef struct candidates {
    candidate *items;
    size_t count;
    size_t capacity;
    size_t n_own; /* the first, of the mapping itself */
} candidates;

static bool offer(candidates *all, config_arena *arena, yaml_pair pair) {
    candidate *items = mlsel_i_arena_grow(arena, all->items, all->count, &all->capacity, sizeof *items);
    if (items == NULL)
        return false;
    items[all->count] = (candidate){.pair = pair, .rank = all->count};
    all->items = items;
    all->count++;
    return true;
}

static bool is_merge(const yaml_node *key) { return !key->quoted && strcmp(key->text, "<<") == 0; }

static bool offer_all(candidates *all, config_arena *arena, const yaml_node *mapping) {
    for (size_t i = 0; i < mapping->count; i++)
        if (!offer(all, arena, mapping->pairs[i]))
            return false;
    return true;
}

static bool offer_merged(candidates *all, config_arena *arena, const yaml_pair *merge, config_diagnostics *list) {
    const yaml_node *const value = merge->value;
    if (value->kind == YAML_MAPPING)
        return offer_all(all, arena, value);
    bool right = value->kind == YAML_SEQUENCE;
    for (size_t i = 0; right && i < value->count; i++)
        right = value->items[i]->kind == YAML_MAPPING;
    if (!right) {
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-merge", merge->key->span,
                         "write \"<<: *anchor\" or \"<<: [*anchor, *other]\"",
                         "only a mapping, or a list of mappings, can be merged");
        return true;
    }
    for (size_t i = 0; i < value->count; i++)
        if (!offer_all(all, arena, value->items[i]))
            return false;
    return true;
}

/* --- sorting by key: heapsort, which no order of the keys makes slow -------------------------------------------- */

static bool is_less(const candidate *a, const candidate *b) {
    const int order = strcmp(a->pair.key->text, b->pair.key->text);
    return order != 0 ? order < 0 : a->rank < b->rank;
}

static void sift_down(candidate **heap, size_t root, size_t count) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_less(heap[child], heap[child + 1]))
            child++;
        if (!is_less(heap[root], heap[child]))
            return;
        candidate *const moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
    }
}

static void sort(candidate **heap, size_t count) {
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, i, count);
    for (size_t end = count; end-- > 1;) {
        candidate *const largest = heap[0];
        heap[0] = heap[end];
        heap[end] = largest;
        sift_down(heap, 0, end);
    }
}

/* --- the mapping ------------------------------------------------------------------------------------------------- */

static void report_duplicate(const candidate *first, const candidate *again, config_diagnostics *list) {
    quoted q;
    mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-duplicate-key", again->pair.key->span, "keep one of the two",
                     "key %s is already given on line %u", mlsel_i_quote(&q, again->pair.key->text),
                     (unsigned)first->pair.key->span.line);
}

/* Marks what another candidate of the same key takes precedence over. */
static bool drop_losers(candidates *all, config_arena *arena, config_diagnostics *list) {
    candidate **sorted = mlsel_i_arena_alloc(arena, all->count, sizeof(candidate *));
    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < all->count; i++)
        sorted[i] = &all->items[i];
    sort(sorted, all->count);
    const candidate *winner = all->count > 0 ? sorted[0] : NULL;
    for (size_t i = 1; i < all->count; i++) {
        if (strcmp(sorted[i]->pair.key->text, winner->pair.key->text) != 0) {
            winner = sorted[i];
            continue;
        }
        sorted[i]->dropped = true;
        if (sorted[i]->rank < all->n_own)
            report_duplicate(winner, sorted[i], list);
    }
    return true;
}

bool mlsel_i_yaml_merge(yaml_node *mapping, config_arena *arena, config_diagnostics *list) {
    candidates all = {0};
    const yaml_pair *merge = NULL;
    if (!offer_all(&all, arena, mapping))
        return false;
    all.n_own = all.count;
    for (size_t i = 0; i < all.n_own && merge == NULL; i++)
        if (is_merge(mapping->pairs[i].key))
            merge = &mapping->pairs[i];
    if (merge != NULL && !offer_merged(&all, arena, merge, list))
        return false;
    if (!drop_losers(&all, arena, list))
        return false;
    yaml_pair *pairs = mlsel_i_arena_alloc(arena, all.count, sizeof *pairs);
    if (pairs == NULL)
        return false;
    mapping->pairs = pairs;
    mapping->count = 0;
    for (size_t i = 0; i < all.count; i++)
        if (!all.items[i].dropped && !is_merge(all.items[i].pair.key))
            pairs[mapping->count++] = all.items[i].pair;
    return true;
}

const yaml_pair *mlsel_i_yaml_find(const yaml_node *mapping, const char *key) {
    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->pairs[i].key->text, key) == 0)
            return &mapping->pairs[i];
    return NULL;
}
