/* SPDX-License-Identifier: Apache-2.0 */
/* A group's life: opened by its leader, joined by others, run by the leader, read and left by all. */
#include <string.h>

#include "batcher/batcher.h"
#include "batcher/wait.h"
#include "latency.h"

static size_t slot_of(mlsel_query_type type) { return type == MLSEL_QUERY_F64 ? 1 : 0; }

static size_t value_size(mlsel_query_type type) { return type == MLSEL_QUERY_F64 ? sizeof(double) : sizeof(float); }

/* --- how large a group should become ------------------------------------------------------------------------------ */

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Members beyond which others had better open a group of their own: all that are expected, shared out among the runs.
 */
static uint32_t share(const mlsel_batcher *b) {
    const uint32_t running = b->settings.max_running;
    return smaller(b->settings.max_batch, (b->expected + running - 1) / running);
}

/* Members that a group (NULL: one about to be opened) can hope for: its share, of those who are nowhere else. */
static uint32_t hoped_for(const mlsel_batcher *b, const batch_group *group) {
    const uint32_t elsewhere = b->busy + b->queued - (group != NULL ? group->count : 0);
    return b->expected > elsewhere ? smaller(share(b), b->expected - elsewhere) : 1;
}

/* --- whether to group at all -------------------------------------------------------------------------------------- */

/* Where runs do not wait for each other, a query must take this long alone for a group to be worth its members' sleep.
 */
static const uint64_t worth_ns = 200000;

/* Of the callers who could group, one in so many goes alone, to see how long that takes by now. */
enum { PROBE = 64 };

/* A query's time alone: a small step up or a larger one down from what was known, which ends where three of ten take
 * less. What the system does to a thread now and then, or a cold start, does not count. */
void mlsel_i_batch_learn(mlsel_batcher *batcher, uint64_t nanoseconds) {
    uint64_t *known = &batcher->lone_ns;
    if (*known == 0) /* a cold start: what is slow has to show it more than once */
        *known = nanoseconds < worth_ns / 2 ? nanoseconds : worth_ns / 2;
    else if (nanoseconds > *known)
        *known += *known / 8 + 1;
    else
        *known -= *known / 4;
}

static bool pays(mlsel_batcher *b) {
    return !b->settings.must_pay || (b->lone_ns >= worth_ns && ++b->n_grouped % PROBE != 0);
}

bool mlsel_i_batch_goes_alone(mlsel_batcher *b, mlsel_query_type type, bool *has_turn) {
    *has_turn = false;
    if (!b->settings.is_grouping || !pays(b))
        return true;
    *has_turn = b->pending == NULL && b->open[slot_of(type)] == NULL && b->running < b->settings.max_running &&
                (b->settings.max_wait_us == 0 || hoped_for(b, NULL) <= 1);
    return *has_turn;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

void mlsel_i_batch_wake_leaders(mlsel_batcher *b) {
    for (batch_group *group = b->pending; group != NULL; group = group->next)
        pthread_cond_signal(&group->leader);
}

void mlsel_i_batch_start(mlsel_batcher *b, bool has_turn, uint32_t count) {
    b->running += has_turn;
    b->busy += count;
    mlsel_i_batch_count_run(b, count);
}

void mlsel_i_batch_end(mlsel_batcher *b, bool has_turn, uint32_t count) {
    b->running -= has_turn;
    b->busy -= count;
    mlsel_i_batch_wake_leaders(b);
}

/* Whether a run is possible for a due group: groups that were due before it come first. */
static bool has_turn(const mlsel_batcher *b, const batch_group *group) {
    uint32_t before = 0;
    for (const batch_group *other = b->pending; other != group; other = other->next)
        before += other->is_due;
    return b->running + before < b->settings.max_running;
}

/* Whether waiting for company is over. */
static bool is_due(mlsel_batcher *b, const batch_group *group) {
    if (group->is_due || b->is_closed || !group->is_open || group->count >= hoped_for(b, group))
        return true;
    if (b->settings.max_wait_us != 0 && mlsel_i_now_ns() < group->deadline_ns)
        return false;
    if (has_turn(b, group)) { /* else it is no company that was missing, but a run */
        b->expected = b->inside;
        b->counts.timeouts += b->settings.max_wait_us != 0;
    }
    return true;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static void close_to_others(mlsel_batcher *b, batch_group *group) {
    batch_group **open = &b->open[slot_of(group->type)];
    if (*open == group)
        *open = NULL;
    group->is_open = false;
}

static void open_group(mlsel_batcher *b, batch_call *call) {
    batch_group *group = b->free, **end = &b->pending;
    b->free = group->next;
    while (*end != NULL)
        end = &(*end)->next;
    *end = group;
    group->next = NULL;
    group->type = call->query.type;
    group->count = group->n_left = group->n_filled = group->n_members = 0;
    group->is_due = group->is_done = false;
    group->is_open = true;
    group->deadline_ns = call->enter_ns + (uint64_t)b->settings.max_wait_us * 1000;
    b->open[slot_of(group->type)] = group;
}

/* Finds the call its group, which waits for one to become free if it must, and its row in it. */
static uint32_t join(mlsel_batcher *b, batch_call *call) {
    const size_t slot = slot_of(call->query.type);
    for (;;) {
        batch_group *group = b->open[slot];
        if (group != NULL && group->count >= share(b) && b->free != NULL) {
            close_to_others(b, group);
            pthread_cond_signal(&group->leader);
        }
        if (b->open[slot] == NULL && b->free != NULL) {
            open_group(b, call);
            mlsel_i_batch_wake_leaders(b); /* who can hope for one less now */
        }
        if (b->open[slot] != NULL)
            break;
        b->homeless++;
        pthread_cond_wait(&b->has_free, &b->lock);
        b->homeless--;
    }
    batch_group *group = b->open[slot];
    const uint32_t row = group->count++;
    b->queued++;
    if (group->count == b->settings.max_batch)
        close_to_others(b, group);
    if (row > 0 && group->count >= hoped_for(b, group))
        pthread_cond_signal(&group->leader);
    call->group = group;
    return row;
}

/* Waits until the group may run, and takes it out of those that others see. The lock is held. */
static void await_turn(mlsel_batcher *b, batch_group *group) {
    for (;;) {
        if (!group->is_due)
            group->is_due = is_due(b, group);
        if (group->is_due && has_turn(b, group))
            break;
        if (group->is_due)
            pthread_cond_wait(&group->leader, &b->lock);
        else
            mlsel_i_wait_until(&group->leader, &b->lock, group->deadline_ns);
    }
    batch_group **at = &b->pending;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    close_to_others(b, group);
    b->queued -= group->count;
    mlsel_i_batch_start(b, true, group->count);
    group->start_ns = mlsel_i_now_ns();
}

static void fill_row(const mlsel_batcher *b, const batch_call *call, uint32_t row) {
    const size_t size = value_size(call->query.type);
    memcpy(call->group->queries + (size_t)row * b->stride * size, call->query.data, call->query.n_features * size);
}

/* The leader's part. */
static void lead(mlsel_batcher *b, batch_group *group) {
    pthread_mutex_lock(&b->lock);
    await_turn(b, group);
    const query_set queries = {group->type, group->queries, group->count, b->stride,
                               b->model->artifact->scalars.n_features};
    pthread_mutex_unlock(&b->lock);

    pthread_mutex_lock(&group->lock);
    group->n_members = (uint32_t)queries.count;
    while (group->n_filled < group->n_members)
        pthread_cond_wait(&group->is_full, &group->lock);
    pthread_mutex_unlock(&group->lock);
    mlsel_error err = {0};
    const mlsel_status status = mlsel_i_measure(b->model, &queries, group->values, group->neighbours, &err);

    pthread_mutex_lock(&b->lock); /* first of all, as the next group waits for it */
    mlsel_i_batch_end(b, true, (uint32_t)queries.count);
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_lock(&group->lock);
    group->status = status;
    if (status != MLSEL_OK)
        group->err = err;
    group->is_done = true;
    pthread_cond_broadcast(&group->has_run);
    pthread_mutex_unlock(&group->lock);
}

static void follow(batch_group *group) {
    pthread_mutex_lock(&group->lock);
    if (++group->n_filled == group->n_members)
        pthread_cond_signal(&group->is_full);
    while (!group->is_done)
        pthread_cond_wait(&group->has_run, &group->lock);
    pthread_mutex_unlock(&group->lock);
}

mlsel_status mlsel_i_batch_measure(mlsel_batcher *b, batch_call *call, uint32_t *row, mlsel_error *err) {
    pthread_mutex_lock(&b->lock);
    *row = join(b, call);
    pthread_mutex_unlock(&b->lock);
    batch_group *group = call->group;
    fill_row(b, call, *row);
    if (*row == 0) {
        pthread_mutex_lock(&group->lock);
        group->n_filled++;
        pthread_mutex_unlock(&group->lock);
        lead(b, group);
    } else {
        follow(group);
    }
    call->start_ns = group->start_ns;
    if (group->status != MLSEL_OK && err != NULL)
        *err = group->err;
    return group->status;
}

void mlsel_i_batch_leave(mlsel_batcher *b, batch_group *group) {
    if (++group->n_left < group->count)
        return;
    group->next = b->free;
    b->free = group;
    pthread_cond_broadcast(&b->has_free);
}
