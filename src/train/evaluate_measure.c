/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the choices: means, counts, intervals over resampled queries, tests against the best single model. */
#include <math.h>

#include "evaluate.h"

enum { RELIABILITY_BINS = 10 };

void mlsel_i_mean_add(running_mean *mean, double value) {
    if (isnan(value))
        return;
    mean->value = mean->n == 0 ? value : mean->value + (value - mean->value) / (double)(mean->n + 1);
    mean->n++;
}

double mlsel_i_mean_value(const running_mean *mean) { return mean->n > 0 ? mean->value : (double)NAN; }

/* --- means and counts --------------------------------------------------------------------------------------------- */

static double best_utility(const evaluate_run *e, size_t query) {
    const double *row = e->utility + query * e->grid.n_models;
    const int32_t best = mlsel_i_argmax(row, e->grid.n_models);
    return best < 0 ? (double)NAN : row[best];
}

/* 1 if no model was better than the choice; of random, the share of the models known that are as good. */
static double is_best(const evaluate_run *e, const policy_state *policy, size_t query, double quality) {
    const double *row = e->grid.quality + query * e->grid.n_models;
    if (policy->info.kind != MLSEL_POLICY_RANDOM)
        return quality >= e->best[query] ? 1 : 0;
    size_t n = 0, n_best = 0;
    for (size_t m = 0; m < e->grid.n_models; m++) {
        n += isnan(row[m]) ? 0 : 1;
        n_best += row[m] >= e->best[query] ? 1 : 0;
    }
    return (double)n_best / (double)n;
}

static void measure_means(const evaluate_run *e, policy_state *policy) {
    running_mean quality = {0}, latency = {0}, cost = {0}, best = {0}, regret = {0};
    const size_t m = e->grid.n_models;
    for (size_t q = 0; q < e->grid.n_queries; q++) {
        const double value = mlsel_i_policy_value(policy, e->grid.quality, m, q);
        mlsel_i_mean_add(&latency, mlsel_i_policy_value(policy, e->grid.latency_s, m, q));
        mlsel_i_mean_add(&cost, mlsel_i_policy_value(policy, e->grid.cost, m, q));
        if (isnan(value))
            continue;
        mlsel_i_mean_add(&quality, value);
        mlsel_i_mean_add(&best, is_best(e, policy, q, value));
        mlsel_i_mean_add(&regret, best_utility(e, q) - mlsel_i_policy_value(policy, e->utility, m, q));
    }
    policy->info.n = quality.n;
    policy->info.quality = mlsel_i_mean_value(&quality);
    policy->info.latency_s = mlsel_i_mean_value(&latency);
    policy->info.n_latency = latency.n;
    policy->info.cost = mlsel_i_mean_value(&cost);
    policy->info.n_cost = cost.n;
    policy->info.best_share = mlsel_i_mean_value(&best);
    policy->info.regret = mlsel_i_mean_value(&regret);
}

static uint64_t share_evenly(uint64_t n, size_t parts) { return (n + parts / 2) / parts; }

static mlsel_status count_selections(const evaluate_run *e, policy_state *policy) {
    const mlsel_evaluation *result = e->result;
    const size_t m = e->grid.n_models, rows = result->n_categories + 1;
    policy->selections = mlsel_i_calloc(rows > SIZE_MAX / m ? SIZE_MAX : rows * m, sizeof *policy->selections);
    if (policy->selections == NULL)
        return mlsel_i_no_memory(e->run.err);
    uint64_t *by_category = policy->selections + m;
    for (size_t q = 0; q < e->grid.n_queries; q++) {
        const int32_t choice = mlsel_i_policy_choice(policy, q);
        const size_t column = choice < 0 ? 0 : (size_t)choice;
        if (choice < 0 && policy->info.kind != MLSEL_POLICY_RANDOM)
            continue;
        policy->selections[column]++;
        by_category[result->category_of[q] * m + column]++;
    }
    if (policy->info.kind != MLSEL_POLICY_RANDOM)
        return MLSEL_OK;
    for (size_t row = 0; row < rows; row++) /* all are in the first column so far */
        for (size_t i = m; i-- > 0;)
            policy->selections[row * m + i] = share_evenly(policy->selections[row * m], m);
    return MLSEL_OK;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

/*
 * The counted queries as columns of numbers whose weighted sums are all that a resample needs. What compares two
 * policies is over the queries that count for both.
 */
typedef struct columns {
    double *value; /* [n] quality of the choice, 0 where it is not known */
    double *known; /* [n] 1 or 0 */
    double *gain;  /* [n] over the best single model, 0 where either is not known */
    double *room;  /* [n] the oracle's gain there */
} columns;

/* What the threads of a comparison share. */
typedef struct comparison {
    evaluate_run *e;
    columns *columns; /* [n_policies] */
    double *quality;  /* [n_policies][resamples] */
    double *gap;      /* likewise */
    double *scratch;  /* [n_slots][n_counted] */
    size_t n_slots;
    size_t first; /* of this round */
} comparison;

static double value_at(const evaluate_run *e, const policy_state *policy, size_t i) {
    return mlsel_i_policy_value(policy, e->grid.quality, e->grid.n_models, e->counted[i]);
}

static bool fill_columns(const evaluate_run *e, size_t index, columns *c) {
    const policy_state *policies = e->result->policies, *policy = &policies[index];
    const policy_state *single = &policies[e->result->best_single], *oracle = &policies[0];
    const size_t n = e->n_counted;
    c->value = mlsel_i_alloc(n, sizeof(double));
    c->known = mlsel_i_alloc(n, sizeof(double));
    c->gain = mlsel_i_alloc(n, sizeof(double));
    c->room = mlsel_i_alloc(n, sizeof(double));
    if (c->value == NULL || c->known == NULL || c->gain == NULL || c->room == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const double value = value_at(e, policy, i), other = value_at(e, single, i);
        const bool is_paired = !isnan(value) && !isnan(other);
        c->value[i] = isnan(value) ? 0 : value;
        c->known[i] = isnan(value) ? 0 : 1;
        c->gain[i] = is_paired ? value - other : 0;
        c->room[i] = is_paired ? value_at(e, oracle, i) - other : 0;
    }
    return true;
}

/* Sum of products, in an order of its own that does not depend on the processor. */
static double weighted_sum(const double *weights, const double *values, size_t n) {
    enum { LANES = 8 };
    double lanes[LANES] = {0}, rest = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane] += weights[i + lane] * values[i + lane];
    for (; i < n; i++)
        rest += weights[i] * values[i];
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])) + rest;
}

static double ratio(double a, double b) { return b > 0 ? a / b : (double)NAN; }

/* One resample for every policy. */
static void resample(void *context, size_t part) {
    comparison *c = context;
    const evaluate_run *e = c->e;
    const size_t n = e->n_counted, number = c->first + part, count = e->options.resamples;
    double *weights = c->scratch + part * n;
    mlsel_i_resample(e->options.seed, number, weights, n);
    for (size_t p = 0; p < e->result->n_policies; p++) {
        const columns *col = &c->columns[p];
        const double known = e->result->policies[p].info.n == n ? (double)n : weighted_sum(weights, col->known, n);
        c->quality[p * count + number] = ratio(weighted_sum(weights, col->value, n), known);
        c->gap[p * count + number] = ratio(weighted_sum(weights, col->gain, n), weighted_sum(weights, col->room, n));
    }
}

/* The test of one policy against the best single model. */
static void test_signs(void *context, size_t part) {
    const comparison *c = context;
    const evaluate_run *e = c->e;
    const size_t index = c->first + part;
    policy_state *policy = &e->result->policies[index];
    const policy_state *single = &e->result->policies[e->result->best_single];
    double *differences = c->scratch + part * e->n_counted;
    size_t n = 0;
    policy->info.p_value = (double)NAN;
    if (policy->info.is_best_single != 0)
        return;
    for (size_t i = 0; i < e->n_counted; i++) {
        const double difference = value_at(e, policy, i) - value_at(e, single, i);
        if (!isnan(difference))
            differences[n++] = difference;
    }
    policy->info.p_value = mlsel_i_sign_flip_test(differences, n, e->options.seed, 0); /* same flips for all */
}

/* Does `total` pieces of work, as many at once as there are threads. */
static mlsel_status in_rounds(comparison *c, team_work work, size_t total, const char *stage) {
    mlsel_status status = MLSEL_OK;
    for (c->first = 0; c->first < total && status == MLSEL_OK; c->first += c->n_slots) {
        const size_t left = total - c->first, parts = left < c->n_slots ? left : c->n_slots;
        mlsel_i_team_run(c->e->run.team, work, c, parts);
        status = mlsel_i_run_report(&c->e->run, stage, c->first + parts, total, (double)NAN, (double)NAN);
    }
    return status;
}

/* Ratios of means over what is known for both. */
static void compare_means(const evaluate_run *e, const columns *col, policy_state *policy) {
    const size_t m = e->grid.n_models;
    const policy_state *single = &e->result->policies[e->result->best_single];
    const policy_state *random = &e->result->policies[e->result->n_policies - 1];
    double gain = 0, room = 0, single_sum = 0, random_sum = 0, own = 0;
    size_t n = 0;
    for (size_t i = 0; i < e->n_counted; i++) {
        if (!(col->known[i] > 0))
            continue;
        const double other = value_at(e, single, i);
        own += col->value[i];
        random_sum += mlsel_i_policy_value(random, e->grid.quality, m, e->counted[i]);
        if (isnan(other))
            continue;
        n++;
        single_sum += other;
        gain += col->gain[i];
        room += col->room[i];
    }
    policy->info.over_random = ratio(own - random_sum, random_sum);
    policy->info.over_best_single = n > 0 ? ratio(gain, single_sum) : (double)NAN;
    policy->info.gap_closed = ratio(gain, room);
}

static void fill_intervals(const evaluate_run *e, comparison *c, size_t index) {
    const size_t count = e->options.resamples;
    mlsel_policy *info = &e->result->policies[index].info;
    mlsel_i_interval(c->quality + index * count, count, e->options.confidence, &info->quality_low, &info->quality_high);
    mlsel_i_interval(c->gap + index * count, count, e->options.confidence, &info->gap_closed_low,
                     &info->gap_closed_high);
}

static mlsel_status compare(evaluate_run *e) {
    const size_t n_policies = e->result->n_policies, resamples = e->options.resamples;
    comparison c = {.e = e, .n_slots = mlsel_i_team_size(e->run.team)};
    mlsel_status status = MLSEL_OK;
    c.columns = mlsel_i_calloc(n_policies, sizeof *c.columns);
    c.quality = mlsel_i_alloc(n_policies, resamples * sizeof *c.quality);
    c.gap = mlsel_i_alloc(n_policies, resamples * sizeof *c.gap);
    c.scratch = mlsel_i_alloc(c.n_slots, e->n_counted * sizeof *c.scratch);
    bool has_memory = c.columns != NULL && c.quality != NULL && c.gap != NULL && c.scratch != NULL;
    for (size_t p = 0; p < n_policies && has_memory; p++)
        has_memory = fill_columns(e, p, &c.columns[p]);
    if (!has_memory) {
        status = mlsel_i_no_memory(e->run.err);
        goto out;
    }
    for (size_t p = 0; p < n_policies; p++)
        compare_means(e, &c.columns[p], &e->result->policies[p]);
    if ((status = in_rounds(&c, test_signs, n_policies, "tests")) == MLSEL_OK)
        status = in_rounds(&c, resample, resamples, "intervals");
    for (size_t p = 0; p < n_policies && status == MLSEL_OK; p++)
        fill_intervals(e, &c, p);
out:
    for (size_t p = 0; p < n_policies && c.columns != NULL; p++) {
        mlsel_i_free(c.columns[p].value);
        mlsel_i_free(c.columns[p].known);
        mlsel_i_free(c.columns[p].gain);
        mlsel_i_free(c.columns[p].room);
    }
    mlsel_i_free(c.columns);
    mlsel_i_free(c.quality);
    mlsel_i_free(c.gap);
    mlsel_i_free(c.scratch);
    return status;
}

mlsel_status mlsel_i_evaluate_measure(evaluate_run *e) {
    mlsel_status status = MLSEL_OK;
    for (size_t p = 0; p < e->result->n_policies && status == MLSEL_OK; p++) {
        policy_state *policy = &e->result->policies[p];
        policy->info.area = policy->info.brier = policy->info.calibration_error = (double)NAN;
        measure_means(e, policy);
        status = count_selections(e, policy);
    }
    return status == MLSEL_OK ? compare(e) : status;
}

/* --- calibration -------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_evaluate_reliability(evaluate_run *e, policy_state *policy) {
    const size_t m = e->grid.n_models;
    confidence_pair *pairs = mlsel_i_alloc(e->n_counted, sizeof *pairs);
    policy->bins = mlsel_i_alloc(RELIABILITY_BINS, sizeof *policy->bins);
    size_t n = 0;
    if (pairs == NULL || policy->bins == NULL) {
        mlsel_i_free(pairs);
        return mlsel_i_no_memory(e->run.err);
    }
    for (size_t i = 0; i < e->n_counted; i++) {
        const size_t q = e->counted[i];
        const confidence_pair pair = {.confidence = mlsel_i_policy_value(policy, policy->confidence, m, q),
                                      .quality = value_at(e, policy, i)};
        if (!isnan(pair.confidence) && !isnan(pair.quality))
            pairs[n++] = pair;
    }
    policy->info.brier = mlsel_i_brier(pairs, n);
    policy->n_bins = mlsel_i_reliability(pairs, n, policy->bins, RELIABILITY_BINS);
    policy->info.calibration_error = mlsel_i_calibration_error(policy->bins, policy->n_bins);
    mlsel_i_free(pairs);
    return MLSEL_OK;
}
