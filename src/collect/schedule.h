/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pair of a query and a model is asked next. Each model goes through the queries in their order; among those that
 * may be asked, the one that is furthest behind comes first. A pair whose attempt failed waits for its time, and keeps
 * its place among the requests that its model may have.
 */
#ifndef MLSEL_COLLECT_SCHEDULE_H
#define MLSEL_COLLECT_SCHEDULE_H

#include "internal.h"

/* A pair that is being asked. */
typedef struct schedule_task {
    uint32_t query, model;
    uint32_t attempts; /* so far */
    double due;        /* when the next may begin */
    struct schedule_task *next;
} schedule_task;

typedef struct schedule_model {
    uint32_t next;       /* query to be asked next, or n_queries */
    uint32_t active;     /* pairs taken and not yet done */
    uint32_t limit;      /* of them */
    double paused_until; /* nothing is sent before */
    bool is_closed;      /* no new pairs */
} schedule_model;

typedef struct schedule {
    uint32_t n_queries, n_models;
    schedule_model *models;
    uint8_t *done;                 /* [n_queries * n_models] pairs not to be asked */
    schedule_task *tasks;          /* all there are */
    schedule_task *free, *waiting; /* lists; waiting by rising `due` */
} schedule;

/* limits[n_models]: pairs at a time. */
mlsel_status mlsel_i_schedule_create(schedule *s, uint32_t n_queries, uint32_t n_models, const uint32_t *limits,
                                     mlsel_error *err);
void mlsel_i_schedule_free(schedule *s);
/* Leaves a pair out. */
void mlsel_i_schedule_skip(schedule *s, uint32_t query, uint32_t model);
bool mlsel_i_schedule_is_skipped(const schedule *s, uint32_t query, uint32_t model);
/* The next pair that may be sent now; NULL: none, for now. */
schedule_task *mlsel_i_schedule_next(schedule *s, double now);
/* Puts a pair back, to be taken again from its time on. */
void mlsel_i_schedule_wait(schedule *s, schedule_task *task, double due);
/* A pair is done with. */
void mlsel_i_schedule_finish(schedule *s, schedule_task *task);
/* When something may be sent that may not be now; infinity: never. */
double mlsel_i_schedule_due(const schedule *s, double now);

#endif
