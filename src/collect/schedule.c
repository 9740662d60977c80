/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include <math.h>

mlsel_status mlsel_i_schedule_create(schedule *s, uint32_t n_queries, uint32_t n_models, const uint32_t *limits,
                                     mlsel_error *err) {
    size_t n_tasks = 0;
    *s = (schedule){.n_queries = n_queries, .n_models = n_models};
    for (uint32_t m = 0; m < n_models; m++)
        n_tasks += limits[m];
    s->models = mlsel_i_calloc(n_models, sizeof *s->models);
    s->done = n_queries > 0 && n_models > SIZE_MAX / n_queries ? NULL : mlsel_i_calloc(n_models, n_queries);
    s->tasks = mlsel_i_calloc(n_tasks, sizeof *s->tasks);
    if (s->models == NULL || s->done == NULL || s->tasks == NULL) {
        mlsel_i_schedule_free(s);
        return mlsel_i_no_memory(err);
    }
    for (uint32_t m = 0; m < n_models; m++)
        s->models[m].limit = limits[m];
    for (size_t i = 0; i < n_tasks; i++) {
        s->tasks[i].next = s->free;
        s->free = &s->tasks[i];
    }
    return MLSEL_OK;
}

void mlsel_i_schedule_free(schedule *s) {
    mlsel_i_free(s->models);
    mlsel_i_free(s->done);
    mlsel_i_free(s->tasks);
    *s = (schedule){0};
}

static uint8_t *place_of(const schedule *s, uint32_t query, uint32_t model) {
    return &s->done[(size_t)model * s->n_queries + query];
}

void mlsel_i_schedule_skip(schedule *s, uint32_t query, uint32_t model) { *place_of(s, query, model) = 1; }

bool mlsel_i_schedule_is_skipped(const schedule *s, uint32_t query, uint32_t model) {
    return *place_of(s, query, model) != 0;
}

/* Whether a model has a query left; moves to it. */
static bool has_next(schedule *s, uint32_t model) {
    schedule_model *const m = &s->models[model];
    while (m->next < s->n_queries && *place_of(s, m->next, model))
        m->next++;
    return m->next < s->n_queries;
}

static schedule_task *next_waiting(schedule *s, double now) {
    for (schedule_task **link = &s->waiting; *link != NULL && (*link)->due <= now; link = &(*link)->next) {
        schedule_task *const task = *link;
        if (s->models[task->model].paused_until > now)
            continue;
        *link = task->next;
        return task;
    }
    return NULL;
}

schedule_task *mlsel_i_schedule_next(schedule *s, double now) {
    schedule_task *task = next_waiting(s, now);
    uint32_t best = s->n_models;
    if (task != NULL)
        return task;
    for (uint32_t i = 0; i < s->n_models; i++) {
        const schedule_model *const m = &s->models[i];
        if (m->is_closed || m->active >= m->limit || m->paused_until > now || !has_next(s, i))
            continue;
        if (best == s->n_models || m->next < s->models[best].next)
            best = i;
    }
    if (best == s->n_models)
        return NULL;
    task = s->free;
    s->free = task->next;
    s->models[best].active++;
    *task = (schedule_task){.query = s->models[best].next++, .model = best};
    return task;
}

void mlsel_i_schedule_wait(schedule *s, schedule_task *task, double due) {
    schedule_task **link = &s->waiting;
    task->due = due;
    while (*link != NULL && (*link)->due <= due)
        link = &(*link)->next;
    task->next = *link;
    *link = task;
}

void mlsel_i_schedule_finish(schedule *s, schedule_task *task) {
    s->models[task->model].active--;
    task->next = s->free;
    s->free = task;
}

double mlsel_i_schedule_due(const schedule *s, double now) {
    double due = INFINITY;
    for (const schedule_task *task = s->waiting; task != NULL; task = task->next) {
        const double paused = s->models[task->model].paused_until;
        const double at = paused > task->due ? paused : task->due;
        due = at < due ? at : due;
    }
    for (uint32_t i = 0; i < s->n_models; i++) {
        const schedule_model *const m = &s->models[i];
        if (!m->is_closed && m->active < m->limit && m->next < s->n_queries && m->paused_until > now)
            due = m->paused_until < due ? m->paused_until : due;
    }
    return due;
}
