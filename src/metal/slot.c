/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: the memory that a run works in. They are made when they are first needed and grow with the largest run, so
 * that the steady state allocates nothing.
 */
#include "metal.h"

static void drop(metal_slot *slot) {
    for (int i = 0; i < SLOT_PARTS; i++)
        mlsel_i_metal_free(&slot->parts[i]);
    slot->capacity = slot->k = 0;
}

/* Queries to have room for: in powers of two, so that a slot grows a few times at most. */
static uint32_t round_up(const metal_state *state, uint32_t count) {
    uint32_t capacity = 1;
    while (capacity < count)
        capacity *= 2;
    return capacity < state->kind->max_batch ? capacity : state->kind->max_batch;
}

static mlsel_status fill(metal_state *state, uint32_t count, uint32_t k, metal_slot *slot, mlsel_error *err) {
    uint64_t bytes[SLOT_PARTS] = {0};
    if (slot->capacity >= count && slot->k >= k)
        return MLSEL_OK;
    const uint32_t capacity = slot->capacity > count ? slot->capacity : round_up(state, count);
    const uint32_t room = slot->k > k ? slot->k : k;
    drop(slot);
    state->kind->lay_out(state, capacity, room, bytes);
    for (int i = 0; i < SLOT_PARTS; i++) {
        if (bytes[i] == 0)
            continue;
        const mlsel_status status = mlsel_i_metal_alloc(state->device, bytes[i], &slot->parts[i], err);
        if (status != MLSEL_OK)
            return status;
    }
    slot->capacity = capacity;
    slot->k = room;
    return MLSEL_OK;
}

mlsel_status mlsel_i_metal_slot_take(metal_state *state, uint32_t count, uint32_t k, metal_slot **out,
                                     mlsel_error *err) {
    metal_slot *slot = &state->slots[mlsel_i_slots_take(state->free_slots)];
    const mlsel_status status = fill(state, count, k, slot, err);
    if (status != MLSEL_OK) {
        drop(slot);
        mlsel_i_metal_slot_give(state, slot);
        return status;
    }
    *out = slot;
    return MLSEL_OK;
}

void mlsel_i_metal_slot_give(metal_state *state, const metal_slot *slot) {
    mlsel_i_slots_give(state->free_slots, (uint32_t)(slot - state->slots));
}

void mlsel_i_metal_slots_free(metal_state *state) {
    for (int i = 0; i < N_SLOTS; i++)
        drop(&state->slots[i]);
    mlsel_i_slots_free(state->free_slots);
    state->free_slots = NULL;
}
