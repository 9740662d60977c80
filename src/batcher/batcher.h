/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batcher: groups of callers, each led by the first of its members. batcher.c makes and ends one, call.c is the way
 * of a call through it, group.c what happens to its group, stats.c what is counted.
 *
 * Two kinds of locks. The batcher's guards who is inside and which groups there are; a group's guards what its members
 * wait for while it runs, so that those who wake up do not get into the way of those who arrive. They are never held
 * together, and nothing is computed under either.
 */
#ifndef MLSEL_BATCHER_H
#define MLSEL_BATCHER_H

#include <pthread.h>

#include "select.h"

enum { N_QUERY_TYPES = 2 };

/* Queries that are, or will be, measured by one run. Fields are guarded by the batcher's lock unless they say else. */
typedef struct batch_group {
    struct batch_group *next; /* among the free ones, or the pending ones */
    mlsel_query_type type;
    uint32_t count;        /* members, the leader first; none joins any more when it runs */
    uint32_t n_left;       /* members that have left */
    bool is_open;          /* others may join */
    bool is_due;           /* it waits for company no longer, only for a run to be possible */
    uint64_t deadline_ns;  /* of that wait */
    uint64_t start_ns;     /* of the run; set before is_done */
    pthread_cond_t leader; /* with the batcher's lock: look again whether it may run */
    /* written by members, each its own row, before they count themselves as filled */
    char *queries; /* [max_batch][stride] of float or double */
    /* written by the run, then by each member in its own row */
    double *values;                      /* [max_batch][n_values] */
    mlsel_backend_neighbour *neighbours; /* [max_batch][n_neighbours] */
    /* guarded by the group's lock */
    pthread_mutex_t lock;
    pthread_cond_t is_full, has_run;
    uint32_t n_filled;  /* members whose query is in its row */
    uint32_t n_members; /* of a group that runs; 0: not known yet */
    bool is_done;
    mlsel_status status; /* of the run, with its error; constant once is_done */
    mlsel_error err;
} batch_group;

typedef struct batch_settings {
    bool is_grouping;
    bool must_pay;        /* groups only while single queries take long */
    uint32_t max_wait_us; /* 0: none */
    uint32_t max_batch;
    uint32_t max_running;
} batch_settings;

struct mlsel_batcher {
    mlsel_model *model; /* a reference */
    batch_settings settings;
    size_t stride; /* values from one query of a group to the next */
    uint64_t memory_bytes;
    pthread_mutex_t lock;
    pthread_cond_t has_free; /* a group has become free */
    pthread_cond_t is_empty; /* the last caller has left a closed batcher */
    /* guarded by the lock */
    bool is_closed;
    uint32_t inside;    /* callers */
    uint32_t expected;  /* callers that may be inside at once, by what was seen lately; at least `inside` */
    uint32_t running;   /* runs, of max_running; not those of callers whom grouping would not pay */
    uint32_t busy;      /* callers in runs of any kind */
    uint32_t queued;    /* members of pending groups */
    uint32_t homeless;  /* callers who wait for a free group */
    uint64_t lone_ns;   /* about what queries take alone */
    uint32_t n_grouped; /* callers who were told to group, modulo 2^32 */
    batch_group *open[N_QUERY_TYPES]; /* the group to join, by type; or NULL */
    batch_group *pending;             /* groups that have not started, oldest first */
    batch_group *free;
    mlsel_batcher_stats counts; /* only what is counted */
    uint32_t n_groups;
    batch_group groups[];
};

/* One call on its way. */
typedef struct batch_call {
    query_set query; /* of one */
    const mlsel_query_options *options;
    answer_place place;
    uint64_t enter_ns;
    uint64_t start_ns;  /* of its run; 0: it was in none */
    bool has_turn;      /* of one that goes alone: it is one of the max_running */
    batch_group *group; /* that it has to leave; or NULL */
} batch_call;

/* --- group.c ------------------------------------------------------------------------------------------------------ */

/* Whether a caller who has just come in should be answered by itself, at once, and whether that takes one of the runs.
 * Those who do not group take none: else groups would wait for a turn as long as they keep coming. The lock is held. */
bool mlsel_i_batch_goes_alone(mlsel_batcher *batcher, mlsel_query_type type, bool *has_turn);
/* What a query took that was answered by itself. The lock is held. */
void mlsel_i_batch_learn(mlsel_batcher *batcher, uint64_t nanoseconds);
/* Marks the beginning and the end of a run of `count` callers. The lock is held. */
void mlsel_i_batch_start(mlsel_batcher *batcher, bool has_turn, uint32_t count);
void mlsel_i_batch_end(mlsel_batcher *batcher, bool has_turn, uint32_t count);
/* Joins or opens a group for a checked query and returns when it has been measured; *row is the member's. The status is
 * that of the run. */
mlsel_status mlsel_i_batch_measure(mlsel_batcher *batcher, batch_call *call, uint32_t *row, mlsel_error *err);
/* Counts a member out of its group. The lock is held. */
void mlsel_i_batch_leave(mlsel_batcher *batcher, batch_group *group);
/* Lets groups that wait look again whether they may run. The lock is held. */
void mlsel_i_batch_wake_leaders(mlsel_batcher *batcher);

/* --- stats.c ------------------------------------------------------------------------------------------------------ */

/* The lock is held. */
void mlsel_i_batch_count_run(mlsel_batcher *batcher, uint32_t size);
void mlsel_i_batch_count_call(mlsel_batcher *batcher, const batch_call *call, uint64_t now_ns, mlsel_status status);

#endif
