/* SPDX-License-Identifier: Apache-2.0 */
/* Quality against latency or cost, over the quality weight. */
#include <math.h>

#include "evaluate.h"

/* How a policy weighs: what it believes of each query and model. */
typedef struct weighing {
    const double *quality; /* [n_queries][n_models] confidence, or for the oracle the outcome */
    const double *reward;  /* [n_models] */
    const double *own;     /* [n_queries][n_models] reward of this very query where it is known; NULL: nobody knows */
} weighing;

static double reward_at(const weighing *w, size_t n_models, size_t query, size_t model) {
    const double own = w->own == NULL ? (double)NAN : w->own[query * n_models + model];
    return isnan(own) ? w->reward[model] : own;
}

/* The model of the highest weighted sum; of equal ones the higher quality, then the higher reward, then the first. */
static int32_t choose(const weighing *w, size_t n_models, size_t query, double weight) {
    int32_t best = -1;
    double best_sum = 0, best_quality = 0, best_reward = 0;
    for (size_t m = 0; m < n_models; m++) {
        const double quality = w->quality[query * n_models + m], reward = reward_at(w, n_models, query, m);
        const double sum = weight * quality + (1 - weight) * reward;
        if (isnan(quality) || (best >= 0 && sum < best_sum))
            continue;
        const bool is_equal = best >= 0 && !(sum > best_sum);
        if (is_equal && (quality < best_quality || (!(quality > best_quality) && !(reward > best_reward))))
            continue;
        best = (int32_t)m;
        best_sum = sum;
        best_quality = quality;
        best_reward = reward;
    }
    return best;
}

static mlsel_curve_point point_at(const evaluate_run *e, const weighing *w, double weight) {
    running_mean quality = {0}, latency = {0}, cost = {0};
    const size_t n_models = e->grid.n_models;
    for (size_t i = 0; i < e->n_counted; i++) {
        const size_t query = e->counted[i];
        const int32_t choice = choose(w, n_models, query, weight);
        if (choice < 0)
            continue;
        const size_t cell = query * n_models + (size_t)choice;
        mlsel_i_mean_add(&quality, e->grid.quality[cell]);
        mlsel_i_mean_add(&latency, e->grid.latency_s[cell]);
        mlsel_i_mean_add(&cost, e->grid.cost[cell]);
    }
    return (mlsel_curve_point){.quality_weight = weight,
                               .quality = mlsel_i_mean_value(&quality),
                               .latency_s = mlsel_i_mean_value(&latency),
                               .cost = mlsel_i_mean_value(&cost)};
}

/* The mean quality of the curve from the latency (or cost) of the cheapest single model to that of the dearest. */
static double area_of(const evaluate_run *e, const policy_state *policy, bool by_latency, curve_xy *points) {
    double low = INFINITY, high = -INFINITY;
    size_t n = 0;
    for (size_t p = 0; p < e->result->n_policies; p++) {
        const mlsel_policy *info = &e->result->policies[p].info;
        const double x = by_latency ? info->latency_s : info->cost;
        if (info->kind != MLSEL_POLICY_ALWAYS || isnan(x))
            continue;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    for (size_t i = 0; i < policy->n_curve; i++) {
        const mlsel_curve_point *point = &policy->curve[i];
        const curve_xy xy = {.x = by_latency ? point->latency_s : point->cost, .y = point->quality};
        if (!isnan(xy.x) && !isnan(xy.y))
            points[n++] = xy;
    }
    return mlsel_i_mean_height(points, n, low, high);
}

/* What the oracle knows of each query: 1 / (1 + x / scale). */
static double *own_rewards(const evaluate_run *e, const double *quantity, double scale) {
    const size_t cells = e->grid.n_queries * e->grid.n_models;
    double *own = mlsel_i_alloc(cells, sizeof *own);
    for (size_t i = 0; own != NULL && i < cells; i++)
        own[i] = 1 / (1 + quantity[i] / scale);
    return own;
}

mlsel_status mlsel_i_evaluate_curves(evaluate_run *e) {
    const size_t n = e->options.curve_points;
    const bool by_latency = e->means.speed != NULL;
    const double *reward = by_latency ? e->means.speed : e->means.thrift;
    mlsel_status status = MLSEL_OK;
    if (n == 0 || reward == NULL)
        return MLSEL_OK;
    curve_xy *points = mlsel_i_alloc(n, sizeof *points);
    double *own = by_latency ? own_rewards(e, e->grid.latency_s, SPEED_SCALE_S)
                             : own_rewards(e, e->grid.cost, e->means.highest_cost);
    if (points == NULL || own == NULL) {
        status = mlsel_i_no_memory(e->run.err);
        goto out;
    }
    for (size_t p = 0; p < e->result->n_policies && status == MLSEL_OK; p++) {
        policy_state *policy = &e->result->policies[p];
        const bool is_oracle = policy->info.kind == MLSEL_POLICY_ORACLE;
        if (!is_oracle && policy->confidence == NULL)
            continue;
        const weighing w = {.quality = is_oracle ? e->grid.quality : policy->confidence,
                            .reward = reward,
                            .own = is_oracle ? own : NULL};
        policy->curve = mlsel_i_alloc(n, sizeof *policy->curve);
        if (policy->curve == NULL) {
            status = mlsel_i_no_memory(e->run.err);
            break;
        }
        for (policy->n_curve = 0; policy->n_curve < n; policy->n_curve++)
            policy->curve[policy->n_curve] = point_at(e, &w, (double)policy->n_curve / (double)(n - 1));
        policy->info.area = area_of(e, policy, by_latency, points);
        status = mlsel_i_run_report(&e->run, "curves", p + 1, e->result->n_policies, (double)NAN, (double)NAN);
    }
out:
    mlsel_i_free(points);
    mlsel_i_free(own);
    return status;
}
