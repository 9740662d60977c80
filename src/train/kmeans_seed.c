/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greedy k-means++: of several candidates, drawn with probabilities in proportion to weight times squared distance to
 * the nearest centroid so far, the one that leaves the least sum of those (Arthur and Vassilvitskii 2007, section 5;
 * 2 + log k candidates as in scikit-learn).
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kmeans_engine.h"

/* The distance of a row to a trial's row, on the scale of seeding. Estimates that may be nothing but error are measured
 * again, so that rows that are equal are at distance 0. */
static float settle_distance(const engine *e, float estimate, size_t row, size_t trial) {
    const float reach = e->norms[e->trial_rows[trial]];
    const float error = 4 * e->panel_error * (e->norms[row] + reach) * (e->norms[row] + reach);
    if (e->tame && estimate > 16 * error)
        return estimate;
    const float *x = row_of(e, row), *y = e->trials + trial * e->rows->stride;
    double sum = 0;
    for (size_t i = 0; i < e->rows->n_features; i++) {
        const double difference = (double)x[i] - (double)y[i];
        sum += difference * difference;
    }
    const double scaled = sum * e->scale;
    return sum > 0 ? fmaxf((float)scaled, FLT_MIN) : 0;
}

/* Distances of a block's rows to a trial's row, at most those to the centroids so far, and their weighted sum. */
static double measure_trial(const engine *e, const start_state *s, size_t block, size_t trial, float *values) {
    const size_t first = block * PANEL_WIDTH, count = block_rows(e, block);
    const float square = e->trial_squares[trial];
    const float *closest = s->closest + first, *squares = e->squares + first;
    double sum = 0;
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        values[j] = (squares[j] + square) - 2 * values[j];
    for (size_t j = 0; j < count; j++) {
        const double weight = e->rows->weights[first + j];
        if (weight == 0 || closest[j] == 0) {
            values[j] = 0;
            continue;
        }
        values[j] = fminf(closest[j], settle_distance(e, values[j], first + j, trial));
        sum += weight * (double)values[j];
    }
    return sum;
}

static void measure_part(void *context, size_t part) {
    const engine *e = context;
    part_scratch *p = &e->parts[part];
    const size_t n_trials = e->n_starts * e->n_trials;
    size_t first, end;
    mlsel_i_kmeans_part(e, part, &first, &end);
    for (size_t block = first; block < end; block++) {
        float *values = e->trial_values + block * n_trials * PANEL_WIDTH;
        mlsel_i_kmeans_pack_block(e, block, p->panel);
        e->kernels->panel->dots(e->trials, e->rows->stride, n_trials, p->panel, e->rows->n_features,
                                block_rows(e, block), values);
        for (size_t i = 0; i < n_trials; i++) {
            const start_state *s = &e->starts[i / e->n_trials];
            e->trial_sums[block * n_trials + i] =
                s->active ? measure_trial(e, s, block, i, values + i * PANEL_WIDTH) : 0;
        }
    }
}

static void set_trial(engine *e, size_t trial, size_t row) {
    e->trial_rows[trial] = (uint32_t)row;
    e->trial_squares[trial] = e->squares[row];
    memcpy(e->trials + trial * e->rows->stride, row_of(e, row), e->rows->stride * sizeof *e->trials);
}

/* The first row at which the running sum of weight * closest (or weight) passes `share` of the total. */
static size_t draw(const engine *e, const start_state *s, double share) {
    size_t last = 0;
    double sum = 0;
    const double wanted = share * s->potential;
    for (size_t i = 0; i < e->rows->n; i++) {
        const double term = e->rows->weights[i] * (s->closest == NULL ? 1 : (double)s->closest[i]);
        if (!(term > 0))
            continue;
        sum += term;
        last = i;
        if (sum > wanted)
            break;
    }
    return last;
}

static void draw_part(void *context, size_t part) {
    engine *e = context;
    start_state *s = &e->starts[part];
    for (size_t i = 0; i < e->n_trials && s->active; i++)
        set_trial(e, part * e->n_trials + i, draw(e, s, mlsel_i_random_unit(&s->random)));
}

/* Takes the best of a start's trials as its next centroid. */
static void take_best(void *context, size_t part) {
    engine *e = context;
    start_state *s = &e->starts[part];
    const size_t n_trials = e->n_starts * e->n_trials;
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < e->n_trials && s->active; i++) {
        double sum = 0;
        for (size_t block = 0; block < e->n_blocks; block++)
            sum += e->trial_sums[block * n_trials + part * e->n_trials + i];
        if (sum < least) {
            least = sum;
            best = part * e->n_trials + i;
        }
    }
    if (!s->active)
        return;
    for (size_t block = 0; block < e->n_blocks; block++)
        memcpy(s->closest + block * PANEL_WIDTH, e->trial_values + (block * n_trials + best) * PANEL_WIDTH,
               PANEL_WIDTH * sizeof *s->closest);
    s->potential = least;
    memcpy(s->result->centroids + (size_t)s->result->k++ * e->rows->stride, e->trials + best * e->rows->stride,
           e->rows->stride * sizeof *e->trials);
    s->active = s->potential > 0 && s->result->k < e->settings->k;
}

static mlsel_status seed(engine *e, const size_t most_trials) {
    double total = 0;
    bool is_active = true;
    for (size_t i = 0; i < e->rows->n; i++)
        total += e->rows->weights[i];
    for (size_t i = 0; i < e->n_starts; i++) {
        e->starts[i].active = true;
        e->starts[i].potential = total;
    }
    for (uint32_t round = 0; is_active; round++) {
        /* the first centroid is drawn by weight alone: `closest` is the same for all rows */
        e->n_trials = round == 0 ? 1 : most_trials;
        mlsel_i_team_run(e->run->team, draw_part, e, e->n_starts);
        if (round == 0)
            for (size_t i = 0; i < e->n_starts; i++)
                for (size_t row = 0; row < e->n_padded; row++)
                    e->starts[i].closest[row] = FLT_MAX;
        mlsel_i_team_run(e->run->team, measure_part, e, e->n_parts);
        mlsel_i_team_run(e->run->team, take_best, e, e->n_starts);
        is_active = false;
        for (size_t i = 0; i < e->n_starts; i++)
            is_active = is_active || e->starts[i].active;
        const mlsel_status status =
            mlsel_i_run_report(e->run, "seeding", round + 1, e->settings->k, (double)NAN, (double)NAN);
        if (status != MLSEL_OK)
            return status;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_kmeans_seed(engine *e) {
    const size_t most_trials = 2 + (size_t)log((double)e->settings->k), n = e->n_starts * most_trials;
    train_run *run = e->run;
    mlsel_status status = MLSEL_OK;
    bool complete = true;
    e->trials = mlsel_i_run_calloc(run, n, e->rows->stride * sizeof *e->trials);
    e->trial_squares = mlsel_i_run_calloc(run, n, sizeof *e->trial_squares);
    e->trial_rows = mlsel_i_run_calloc(run, n, sizeof *e->trial_rows);
    e->trial_values = mlsel_i_run_calloc(run, e->n_blocks * n, PANEL_WIDTH * sizeof *e->trial_values);
    e->trial_sums = mlsel_i_run_calloc(run, e->n_blocks * n, sizeof *e->trial_sums);
    for (size_t i = 0; i < e->n_starts && complete; i++) {
        e->starts[i].closest = mlsel_i_run_alloc(run, e->n_padded, sizeof *e->starts[i].closest);
        complete = e->starts[i].closest != NULL;
        for (size_t row = 0; row < e->n_padded && complete; row++)
            e->starts[i].closest[row] = 1;
    }
    if (complete && e->trials != NULL && e->trial_squares != NULL && e->trial_rows != NULL && e->trial_values != NULL &&
        e->trial_sums != NULL)
        status = seed(e, most_trials);
    else
        status = mlsel_i_run_status(run);
    for (size_t i = 0; i < e->n_starts; i++) {
        mlsel_i_run_free(run, e->starts[i].closest);
        e->starts[i].closest = NULL;
    }
    mlsel_i_run_free(run, e->trials);
    mlsel_i_run_free(run, e->trial_squares);
    mlsel_i_run_free(run, e->trial_rows);
    mlsel_i_run_free(run, e->trial_values);
    mlsel_i_run_free(run, e->trial_sums);
    return status;
}
