/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: a stream, buffers on both sides, and recorded graphs. They are made when they are first needed and grow with
 * the largest run, so that the steady state allocates nothing.
 */
#include "cuda.h"

static void drop_graphs(cuda_slot *slot) {
    for (int i = 0; i < 2; i++) {
        if (slot->graphs[i] != NULL)
            (void)cudaGraphExecDestroy(slot->graphs[i]);
        slot->graphs[i] = NULL;
    }
}

static void drop_buffers(cuda_slot *slot) {
    drop_graphs(slot);
    (void)cudaFreeHost(slot->host_in);
    (void)cudaFreeHost(slot->host_out);
    (void)cudaFree(slot->device_in);
    (void)cudaFree(slot->device_out);
    (void)cudaFree(slot->work);
    slot->host_in = slot->host_out = slot->device_in = slot->device_out = slot->work = NULL;
    slot->capacity = slot->k = 0;
    slot->device_bytes = 0;
}

/* Queries to have room for: whole products, and in powers of two, so that a slot grows a few times at most. */
static uint32_t round_up(const cuda_state *state, uint32_t count) {
    uint32_t capacity = MAX_FEW;
    while (capacity < count)
        capacity *= 2;
    return count == 1 ? 1 : capacity < state->max_batch ? capacity : state->max_batch;
}

static mlsel_status fill(cuda_state *state, uint32_t count, uint32_t k, cuda_slot *slot, mlsel_error *err) {
    const uint32_t device = state->device;
    slot_layout bytes = {};
    if (slot->stream == NULL)
        TRY(cudaStreamCreateWithFlags(&slot->stream, cudaStreamNonBlocking));
    if (slot->capacity >= count && slot->k >= k)
        return MLSEL_OK;
    const uint32_t capacity = slot->capacity > count ? slot->capacity : round_up(state, count);
    const uint32_t room = slot->k > k ? slot->k : k;
    drop_buffers(slot);
    state->kind->lay_out(state, capacity, room, &bytes);
    TRY(cudaMallocHost((void **)&slot->host_in, (size_t)bytes.in));
    TRY(cudaMallocHost((void **)&slot->host_out, (size_t)bytes.out));
    TRY(cudaMalloc((void **)&slot->device_in, (size_t)bytes.in));
    TRY(cudaMalloc((void **)&slot->device_out, (size_t)bytes.out));
    TRY(cudaMalloc((void **)&slot->work, (size_t)bytes.work));
    /* rows beyond the count take part in products, whose results nobody reads, but should not be slow numbers */
    TRY(cudaMemsetAsync(slot->work, 0, (size_t)bytes.work, slot->stream));
    TRY(cudaMemsetAsync(slot->device_in, 0, (size_t)bytes.in, slot->stream));
    TRY(cudaStreamSynchronize(slot->stream));
    slot->capacity = capacity;
    slot->k = room;
    slot->device_bytes = bytes.in + bytes.out + bytes.work;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_slot_take(cuda_state *state, uint32_t count, uint32_t k, cuda_slot **out, mlsel_error *err) {
    cuda_slot *slot = &state->slots[mlsel_i_slots_take(state->free_slots)];
    const mlsel_status status = fill(state, count, k, slot, err);
    if (status != MLSEL_OK) {
        drop_buffers(slot);
        mlsel_i_slots_give(state->free_slots, (uint32_t)(slot - state->slots));
        return status;
    }
    *out = slot;
    return MLSEL_OK;
}

void mlsel_i_cuda_slot_give(cuda_state *state, cuda_slot *slot) {
    mlsel_i_slots_give(state->free_slots, (uint32_t)(slot - state->slots));
}

void mlsel_i_cuda_slots_free(cuda_state *state) {
    for (int i = 0; i < N_SLOTS; i++) {
        drop_buffers(&state->slots[i]);
        if (state->slots[i].stream != NULL)
            (void)cudaStreamDestroy(state->slots[i].stream);
        state->slots[i].stream = NULL;
    }
    mlsel_i_slots_free(state->free_slots);
    state->free_slots = NULL;
}

/* Records a run's launches instead of doing them. */
static mlsel_status record(cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, cudaGraphExec_t *out,
                           mlsel_error *err) {
    const uint32_t device = state->device;
    cudaGraph_t graph = NULL;
    TRY(cudaStreamBeginCapture(slot->stream, cudaStreamCaptureModeThreadLocal));
    mlsel_status status = state->kind->enqueue(state, run, slot, err);
    cudaError_t code =
        cudaStreamEndCapture(slot->stream, &graph); /* also after a failure, or the stream is of no use */
    if (status == MLSEL_OK && code == cudaSuccess)
        code = cudaGraphInstantiate(out, graph, 0);
    if (graph != NULL)
        (void)cudaGraphDestroy(graph);
    if (status == MLSEL_OK && code != cudaSuccess)
        status = mlsel_i_cuda_fail(err, device, "cudaGraphInstantiate", code);
    return status;
}

mlsel_status mlsel_i_cuda_slot_launch(cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot,
                                      mlsel_error *err) {
    const uint32_t device = state->device;
    if (run->count != 1 || !state->kind->is_fixed(state, run))
        return state->kind->enqueue(state, run, slot, err);
    const int which = run->query_type == MLSEL_QUERY_F64;
    if (slot->graphs[which] != NULL && slot->graph_k[which] != run->k) {
        (void)cudaGraphExecDestroy(slot->graphs[which]);
        slot->graphs[which] = NULL;
    }
    if (slot->graphs[which] == NULL) {
        cudaGraphExec_t recorded = NULL;
        const mlsel_status status = record(state, run, slot, &recorded, err);
        if (status != MLSEL_OK)
            return status;
        slot->graphs[which] = recorded;
        slot->graph_k[which] = run->k;
    }
    TRY(cudaGraphLaunch(slot->graphs[which], slot->stream));
    return MLSEL_OK;
}
