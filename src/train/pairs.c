/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of each query and model say on average. */
#include <math.h>
#include <string.h>

#include "dataset.h"
#include "mix.h"

enum { FIRST_CAPACITY = 16, SLOTS_PER_PAIR = 2 };

/* Every bit of the key must count. */
static size_t mix(uint32_t query, uint32_t model) { return (size_t)mlsel_i_mix((uint64_t)model << 32 | query); }

/* The slot of a pair, or the empty one where it would be. There is always an empty one. */
static size_t find_slot(const mlsel_dataset *dataset, uint32_t query, uint32_t model) {
    const size_t mask = dataset->n_pair_slots - 1;
    size_t slot = mix(query, model) & mask;
    for (; dataset->pair_slots[slot] != 0; slot = (slot + 1) & mask) {
        const dataset_pair *pair = &dataset->pairs[dataset->pair_slots[slot] - 1];
        if (pair->query == query && pair->model == model)
            break;
    }
    return slot;
}

const dataset_pair *mlsel_i_pairs_find(const mlsel_dataset *dataset, uint32_t query, uint32_t model) {
    if (dataset->n_pair_slots == 0)
        return NULL;
    const uint32_t index = dataset->pair_slots[find_slot(dataset, query, model)];
    return index == 0 ? NULL : &dataset->pairs[index - 1];
}

static void fill_slots(mlsel_dataset *dataset) {
    for (size_t i = 0; i < dataset->n_pairs; i++)
        dataset->pair_slots[find_slot(dataset, dataset->pairs[i].query, dataset->pairs[i].model)] = (uint32_t)(i + 1);
}

bool mlsel_i_pairs_reserve(mlsel_dataset *dataset) {
    if (dataset->n_pairs < dataset->pairs_capacity)
        return true;
    const size_t capacity = dataset->pairs_capacity == 0 ? FIRST_CAPACITY : dataset->pairs_capacity * 2;
    uint32_t *slots = mlsel_i_calloc(capacity, SLOTS_PER_PAIR * sizeof *slots);
    if (slots == NULL)
        return false;
    dataset_pair *pairs = mlsel_i_resize(dataset->pairs, dataset->n_pairs, capacity, sizeof *pairs);
    if (pairs == NULL) {
        mlsel_i_free(slots);
        return false;
    }
    mlsel_i_free(dataset->pair_slots);
    dataset->pairs = pairs;
    dataset->pairs_capacity = capacity;
    dataset->pair_slots = slots;
    dataset->n_pair_slots = capacity * SLOTS_PER_PAIR;
    fill_slots(dataset);
    return true;
}

static void add_mean(double *mean, uint32_t *count, double value) {
    if (isnan(value))
        return;
    *mean = *count == 0 ? value : *mean + (value - *mean) / (*count + 1);
    ++*count;
}

void mlsel_i_pairs_count(mlsel_dataset *dataset, const dataset_row *row) {
    const size_t slot = find_slot(dataset, row->query, row->model);
    if (dataset->pair_slots[slot] == 0) {
        dataset->pairs[dataset->n_pairs++] = (dataset_pair){.query = row->query,
                                                            .model = row->model,
                                                            .quality = (double)NAN,
                                                            .latency_s = (double)NAN,
                                                            .cost = (double)NAN};
        dataset->pair_slots[slot] = (uint32_t)dataset->n_pairs;
    }
    dataset_pair *pair = &dataset->pairs[dataset->pair_slots[slot] - 1];
    pair->n_rows++;
    add_mean(&pair->quality, &pair->n_quality, row->quality);
    add_mean(&pair->latency_s, &pair->n_latency, row->latency_s);
    add_mean(&pair->cost, &pair->n_cost, row->cost);
}

void mlsel_i_pairs_keep(mlsel_dataset *dataset, const uint32_t *query_place, const uint32_t *model_place) {
    size_t n = 0;
    for (size_t i = 0; i < dataset->n_pairs; i++) {
        dataset_pair pair = dataset->pairs[i];
        pair.query = query_place[pair.query];
        pair.model = model_place[pair.model];
        if (pair.query != UINT32_MAX && pair.model != UINT32_MAX)
            dataset->pairs[n++] = pair;
    }
    dataset->n_pairs = n;
    if (dataset->n_pair_slots > 0)
        memset(dataset->pair_slots, 0, dataset->n_pair_slots * sizeof *dataset->pair_slots);
    fill_slots(dataset);
}
