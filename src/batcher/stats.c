/* SPDX-License-Identifier: Apache-2.0 */
#include "batcher/batcher.h"
#include "latency.h"

static void raise_to(uint64_t *most, uint64_t value) {
    if (value > *most)
        *most = value;
}

/* 1, 2, 3 to 4, 5 to 8, ... */
static uint32_t size_bucket(uint32_t size) {
    uint32_t bucket = 0;
    while (bucket < MLSEL_BATCH_BUCKETS - 1 && size > (uint32_t)1 << bucket)
        bucket++;
    return bucket;
}

void mlsel_i_batch_count_run(mlsel_batcher *batcher, uint32_t size) {
    mlsel_batcher_stats *counts = &batcher->counts;
    counts->batches++;
    counts->batched += size;
    counts->sizes[size_bucket(size)]++;
    raise_to(&counts->largest_batch, size);
}

void mlsel_i_batch_count_call(mlsel_batcher *batcher, const batch_call *call, uint64_t now_ns, mlsel_status status) {
    mlsel_batcher_stats *counts = &batcher->counts;
    const uint64_t latency = now_ns - call->enter_ns;
    counts->queries++;
    counts->failed += status != MLSEL_OK;
    counts->latency_ns += latency;
    counts->latencies[mlsel_i_latency_bucket(latency)]++;
    raise_to(&counts->longest_latency_ns, latency);
    if (call->start_ns == 0)
        return;
    const uint64_t wait = call->start_ns - call->enter_ns;
    counts->wait_ns += wait;
    counts->waits[mlsel_i_latency_bucket(wait)]++;
    raise_to(&counts->longest_wait_ns, wait);
}

mlsel_status mlsel_batcher_get_stats(const mlsel_batcher *batcher, mlsel_batcher_stats *out, size_t size,
                                     mlsel_error *err) {
    if (batcher == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the batcher is NULL");
    /* looking needs the lock, which is no part of what a batcher is to the caller */
    pthread_mutex_t *lock = &((mlsel_batcher *)batcher)->lock;
    pthread_mutex_lock(lock);
    mlsel_batcher_stats own = batcher->counts;
    own.is_closed = batcher->is_closed;
    own.inside = batcher->inside;
    own.queued = batcher->queued + batcher->homeless;
    pthread_mutex_unlock(lock);
    own.is_grouping = batcher->settings.is_grouping;
    own.max_wait_us = batcher->settings.max_wait_us;
    own.max_batch = batcher->settings.max_batch;
    own.max_running = batcher->settings.max_running;
    own.memory_bytes = batcher->memory_bytes;
    return mlsel_i_info_copy(out, size, &own, sizeof own, err);
}
