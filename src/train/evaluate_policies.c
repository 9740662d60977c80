/* SPDX-License-Identifier: Apache-2.0 */
/* The policies that need no artifact: oracle, best of a group, always one model, random. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "evaluate.h"

int32_t mlsel_i_policy_choice(const policy_state *policy, size_t query) {
    return policy->choices != NULL ? policy->choices[query] : policy->info.model;
}

double mlsel_i_policy_value(const policy_state *policy, const double *quantity, size_t n_models, size_t query) {
    const double *row = quantity + query * n_models;
    if (policy->info.kind != MLSEL_POLICY_RANDOM) {
        const int32_t choice = mlsel_i_policy_choice(policy, query);
        return choice < 0 ? (double)NAN : row[choice];
    }
    double sum = 0;
    size_t n = 0;
    for (size_t m = 0; m < n_models; m++)
        if (!isnan(row[m])) {
            sum += row[m];
            n++;
        }
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* --- groups of queries -------------------------------------------------------------------------------------------- */

typedef const char *(*group_name)(const dataset_query *query);

static const char *category_of(const dataset_query *query) {
    return *query->category == '\0' ? "other" : query->category;
}

static const char *task_of(const dataset_query *query) { return query->task; }

/* The names that queries have, by byte order. */
typedef struct groups {
    const char **names; /* [n] borrowed */
    size_t n;
    group_name name;
} groups;

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static mlsel_status find_groups(const mlsel_dataset *dataset, group_name name, groups *out, mlsel_error *err) {
    out->names = mlsel_i_alloc(dataset->n_queries, sizeof *out->names);
    out->name = name;
    out->n = 0;
    if (out->names == NULL)
        return mlsel_i_no_memory(err);
    for (size_t q = 0; q < dataset->n_queries; q++)
        out->names[q] = name(&dataset->queries[q]);
    qsort((void *)out->names, dataset->n_queries, sizeof *out->names, compare_names);
    for (size_t q = 0; q < dataset->n_queries; q++)
        if (out->n == 0 || strcmp(out->names[out->n - 1], out->names[q]) != 0)
            out->names[out->n++] = out->names[q];
    return MLSEL_OK;
}

/* Index of a query's group, or n if it is none of them. */
static size_t find_group(const groups *g, const dataset_query *query) {
    const char *name = g->name(query);
    const char **found = bsearch((const void *)&name, (const void *)g->names, g->n, sizeof *g->names, compare_names);
    return found == NULL ? g->n : (size_t)(found - g->names);
}

/* The best model of each group by mean quality in the reference; the best of all where the group is not known there. */
static void choose_by_group(const evaluate_run *e, const groups *g, running_mean *means, int32_t *choices) {
    const size_t m = e->grid.n_models;
    for (size_t q = 0; q < e->reference->n_queries; q++) {
        const size_t group = find_group(g, &e->reference_data->queries[q]);
        for (size_t i = 0; i < m && group < g->n; i++)
            mlsel_i_mean_add(&means[group * m + i], e->reference->quality[q * m + i]);
    }
    for (size_t q = 0; q < e->grid.n_queries; q++) {
        const running_mean *group = means + find_group(g, &e->dataset->queries[q]) * m;
        int32_t best = -1;
        for (size_t i = 0; i < m; i++)
            if (group[i].n > 0 && (best < 0 || group[i].value > group[best].value))
                best = (int32_t)i;
        choices[q] = best < 0 || *g->name(&e->dataset->queries[q]) == '\0' ? e->means.best : best;
    }
}

static mlsel_status group_policy(evaluate_run *e, const groups *g, policy_state *policy) {
    const size_t cells =
        e->grid.n_models > 0 && g->n > SIZE_MAX / e->grid.n_models ? SIZE_MAX : g->n * e->grid.n_models;
    running_mean *means = mlsel_i_calloc(cells, sizeof *means);
    policy->choices = mlsel_i_alloc(e->grid.n_queries, sizeof *policy->choices);
    if (means != NULL && policy->choices != NULL)
        choose_by_group(e, g, means, policy->choices);
    mlsel_i_free(means);
    return means == NULL || policy->choices == NULL ? mlsel_i_no_memory(e->run.err) : MLSEL_OK;
}

/* --- categories of the result ------------------------------------------------------------------------------------- */

typedef struct group_count {
    size_t group, n;
} group_count;

static int compare_counts(const void *left, const void *right) {
    const group_count *a = left, *b = right;
    return a->n != b->n ? (a->n < b->n) - (a->n > b->n) : (a->group > b->group) - (a->group < b->group);
}

/* Most frequent first; equally frequent ones by name. */
static mlsel_status list_categories(evaluate_run *e, const groups *g) {
    mlsel_evaluation *result = e->result;
    const size_t n = e->grid.n_queries;
    mlsel_status status = MLSEL_OK;
    group_count *counts = mlsel_i_calloc(g->n, sizeof *counts);
    uint32_t *place = mlsel_i_alloc(g->n, sizeof *place);
    result->categories = mlsel_i_calloc(g->n, sizeof *result->categories);
    result->category_of = mlsel_i_alloc(n, sizeof *result->category_of);
    if (counts == NULL || place == NULL || result->categories == NULL || result->category_of == NULL) {
        status = mlsel_i_no_memory(e->run.err);
        goto out;
    }
    for (size_t i = 0; i < g->n; i++)
        counts[i].group = i;
    for (size_t q = 0; q < n; q++) {
        result->category_of[q] = (uint32_t)find_group(g, &e->dataset->queries[q]);
        counts[result->category_of[q]].n++;
    }
    qsort(counts, g->n, sizeof *counts, compare_counts);
    for (; result->n_categories < g->n; result->n_categories++) {
        const size_t i = result->n_categories;
        const char *name = g->names[counts[i].group];
        place[counts[i].group] = (uint32_t)i;
        if ((result->categories[i] = mlsel_i_strndup(name, strlen(name))) == NULL) {
            status = mlsel_i_no_memory(e->run.err);
            goto out;
        }
    }
    for (size_t q = 0; q < n; q++)
        result->category_of[q] = place[result->category_of[q]];
out:
    mlsel_i_free(counts);
    mlsel_i_free(place);
    return status;
}

/* --- all policies ------------------------------------------------------------------------------------------------- */

static mlsel_status add_policy(evaluate_run *e, mlsel_policy_kind kind, const char *name, policy_state **out) {
    policy_state *policy = &e->result->policies[e->result->n_policies++];
    policy->info = (mlsel_policy){.struct_size = sizeof policy->info, .kind = kind, .contender = -1, .model = -1};
    policy->name = mlsel_i_strndup(name, strlen(name));
    policy->info.name = policy->name;
    if (out != NULL)
        *out = policy;
    return policy->name == NULL ? mlsel_i_no_memory(e->run.err) : MLSEL_OK;
}

/* The best quality; of equal ones the best utility, then the first. */
static mlsel_status add_oracle(evaluate_run *e) {
    policy_state *policy;
    const size_t n = e->grid.n_queries, m = e->grid.n_models;
    mlsel_status status = add_policy(e, MLSEL_POLICY_ORACLE, "oracle", &policy);
    if (status != MLSEL_OK)
        return status;
    policy->choices = mlsel_i_alloc(n, sizeof *policy->choices);
    if (policy->choices == NULL)
        return mlsel_i_no_memory(e->run.err);
    for (size_t q = 0; q < n; q++) {
        const double *quality = e->grid.quality + q * m, *utility = e->utility + q * m;
        policy->choices[q] = -1;
        for (size_t i = 0; i < m; i++) {
            const int32_t best = policy->choices[q];
            if (isnan(quality[i]) || (best >= 0 && quality[i] < quality[best]))
                continue;
            if (best < 0 || quality[i] > quality[best] || utility[i] > utility[best])
                policy->choices[q] = (int32_t)i;
        }
    }
    return MLSEL_OK;
}

static mlsel_status add_contenders(evaluate_run *e, const mlsel_contender *contenders, size_t n) {
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_model_info info = {0};
        policy_state *policy;
        (void)mlsel_model_get_info(contenders[i].model, &info, sizeof info, NULL);
        const char *name = contenders[i].name != NULL ? contenders[i].name : mlsel_algorithm_name(info.algorithm);
        status = add_policy(e, MLSEL_POLICY_SELECTOR, name, &policy);
        policy->info.contender = (int32_t)i;
    }
    return status;
}

static mlsel_status add_groups(evaluate_run *e, const groups *categories, const groups *tasks) {
    policy_state *policy;
    mlsel_status status = add_policy(e, MLSEL_POLICY_CATEGORY, "best per category", &policy);
    if (status == MLSEL_OK)
        status = group_policy(e, categories, policy);
    const bool has_tasks = tasks->n > 1 || *tasks->names[0] != '\0';
    if (status != MLSEL_OK || !has_tasks)
        return status;
    status = add_policy(e, MLSEL_POLICY_TASK, "best per task", &policy);
    return status == MLSEL_OK ? group_policy(e, tasks, policy) : status;
}

static mlsel_status add_models(evaluate_run *e) {
    mlsel_status status = MLSEL_OK;
    for (size_t m = 0; m < e->grid.n_models && status == MLSEL_OK; m++) {
        policy_state *policy;
        if ((int32_t)m == e->means.best)
            e->result->best_single = (int32_t)e->result->n_policies;
        status = add_policy(e, MLSEL_POLICY_ALWAYS, e->dataset->models[e->dataset->model_order[m]], &policy);
        policy->info.model = (int32_t)m;
        policy->info.is_best_single = (int32_t)m == e->means.best;
    }
    return status;
}

mlsel_status mlsel_i_evaluate_policies(evaluate_run *e, const mlsel_contender *contenders, size_t n) {
    groups categories = {0}, tasks = {0};
    const size_t most = n + e->grid.n_models + 4;
    e->result->policies = mlsel_i_calloc(most, sizeof *e->result->policies);
    if (e->result->policies == NULL)
        return mlsel_i_no_memory(e->run.err);
    mlsel_status status = find_groups(e->dataset, category_of, &categories, e->run.err);
    if (status == MLSEL_OK)
        status = find_groups(e->dataset, task_of, &tasks, e->run.err);
    if (status == MLSEL_OK)
        status = list_categories(e, &categories);
    if (status == MLSEL_OK)
        status = add_oracle(e);
    if (status == MLSEL_OK)
        status = add_contenders(e, contenders, n);
    if (status == MLSEL_OK)
        status = add_groups(e, &categories, &tasks);
    if (status == MLSEL_OK)
        status = add_models(e);
    if (status == MLSEL_OK)
        status = add_policy(e, MLSEL_POLICY_RANDOM, "random", NULL);
    mlsel_i_free((void *)categories.names);
    mlsel_i_free((void *)tasks.names);
    return status;
}
