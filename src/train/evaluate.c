/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_evaluate: policies choose, outcomes tell; and what the result answers. */
#include "evaluate.h"

#include <math.h>
#include <string.h>

#include "dataset.h"
#include "options.h"

const char *mlsel_policy_kind_name(mlsel_policy_kind kind) {
    switch (kind) {
    case MLSEL_POLICY_ORACLE:
        return "oracle";
    case MLSEL_POLICY_SELECTOR:
        return "selector";
    case MLSEL_POLICY_CATEGORY:
        return "category";
    case MLSEL_POLICY_TASK:
        return "task";
    case MLSEL_POLICY_ALWAYS:
        return "always";
    case MLSEL_POLICY_RANDOM:
        return "random";
    default:
        return "unknown";
    }
}

void mlsel_evaluation_free(mlsel_evaluation *evaluation) {
    if (evaluation == NULL)
        return;
    for (size_t p = 0; p < evaluation->n_policies; p++) {
        policy_state *policy = &evaluation->policies[p];
        mlsel_i_free(policy->name);
        mlsel_i_free(policy->choices);
        mlsel_i_free(policy->selections);
        mlsel_i_free(policy->confidence);
        mlsel_i_free(policy->curve);
        mlsel_i_free(policy->bins);
    }
    for (size_t i = 0; i < evaluation->n_categories; i++)
        mlsel_i_free(evaluation->categories[i]);
    mlsel_i_free(evaluation->policies);
    mlsel_i_free(evaluation->categories);
    mlsel_i_free(evaluation->category_of);
    mlsel_i_free(evaluation);
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

static mlsel_status check_options(const mlsel_evaluate_options *o, mlsel_error *err) {
    static const char name[] = "mlsel_evaluate_options";
    char text[32];
    if (!(o->confidence > 0 && o->confidence < 1)) {
        mlsel_i_format_double(text, sizeof text, o->confidence);
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: confidence is %s: it must be above 0 and below 1",
                            name, text);
    }
    if (!(o->quality_weight >= 0 && o->quality_weight <= 1)) {
        mlsel_i_format_double(text, sizeof text, o->quality_weight);
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: quality_weight is %s: it must be from 0 to 1", name,
                            text);
    }
    if (o->resamples > MLSEL_I_MAX_RESAMPLES)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: resamples is %u: it must be from 0 to %u", name,
                            (unsigned)o->resamples, (unsigned)MLSEL_I_MAX_RESAMPLES);
    if (o->curve_points == 1 || o->curve_points > MLSEL_I_MAX_CURVE_POINTS)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: curve_points is %u: it must be 0 or from 2 to %u",
                            name, (unsigned)o->curve_points, (unsigned)MLSEL_I_MAX_CURVE_POINTS);
    if (o->threads > MLSEL_I_MAX_THREADS)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: threads is %u: it must be from 0 to %u", name,
                            (unsigned)o->threads, (unsigned)MLSEL_I_MAX_THREADS);
    return MLSEL_OK;
}

static mlsel_status check_arguments(const mlsel_dataset *dataset, const mlsel_contender *contenders, size_t n,
                                    const mlsel_evaluation *const *out, mlsel_error *err) {
    if (dataset == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset and out must not be NULL");
    if (n > 0 && contenders == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "contenders is NULL and n_contenders %zu", n);
    if (n > INT32_MAX)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "%zu contenders are too many", n);
    for (size_t i = 0; i < n; i++)
        if (contenders[i].model == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "contender %zu has no model", i);
    return MLSEL_OK;
}

static mlsel_status evaluate(evaluate_run *e, const mlsel_contender *contenders, size_t n) {
    static const run_place asking = {.share = 0.6}, measuring = {.before = 0.6, .share = 0.3},
                           curves = {.before = 0.9, .share = 0.1};
    mlsel_status status = mlsel_i_evaluate_outcomes(e);
    if (status == MLSEL_OK)
        status = mlsel_i_evaluate_policies(e, contenders, n);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_i_run_part(&e->run, &asking, i, n, NULL);
        status = mlsel_i_evaluate_contender(e, &contenders[i], &e->result->policies[1 + i]);
    }
    mlsel_i_run_return(&e->run, &measuring);
    if (status == MLSEL_OK)
        status = mlsel_i_evaluate_measure(e);
    for (size_t p = 0; p < e->result->n_policies && status == MLSEL_OK; p++)
        if (e->result->policies[p].confidence != NULL)
            status = mlsel_i_evaluate_reliability(e, &e->result->policies[p]);
    mlsel_i_run_return(&e->run, &curves);
    return status == MLSEL_OK ? mlsel_i_evaluate_curves(e) : status;
}

static void free_run(evaluate_run *e) {
    mlsel_i_outcomes_free(&e->grid);
    mlsel_i_outcomes_free(&e->own_reference);
    mlsel_i_free(e->means.quality);
    mlsel_i_free(e->means.speed);
    mlsel_i_free(e->means.thrift);
    mlsel_i_free(e->utility);
    mlsel_i_free(e->best);
    mlsel_i_free(e->counted);
    mlsel_i_team_free(e->run.team);
    for (size_t p = 0; e->result != NULL && p < e->result->n_policies; p++) {
        mlsel_i_free(e->result->policies[p].confidence);
        e->result->policies[p].confidence = NULL;
    }
}

mlsel_status mlsel_evaluate(const mlsel_dataset *dataset, const mlsel_contender *contenders, size_t n_contenders,
                            const mlsel_evaluate_options *options, mlsel_evaluation **out, mlsel_error *err) {
    evaluate_run e = {.dataset = dataset};
    mlsel_status status = check_arguments(dataset, contenders, n_contenders, (const mlsel_evaluation *const *)out, err);
    if (status == MLSEL_OK)
        status = mlsel_i_evaluate_options_read(&e.options, options, err);
    if (status == MLSEL_OK)
        status = check_options(&e.options, err);
    if (status != MLSEL_OK)
        return status;
    if (dataset->n_queries == 0) /* a query comes with a record, and so with a model */
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED, "no outcome to measure: the dataset has no queries");
    e.run = (train_run){.progress = e.options.progress, .user = e.options.user, .share = 1, .err = err};
    e.result = mlsel_i_calloc(1, sizeof *e.result);
    if (e.result == NULL)
        return mlsel_i_no_memory(err);
    e.result->n_queries = dataset->n_queries;
    e.result->n_models = dataset->n_models;
    if (e.options.threads > 1)
        status = mlsel_i_team_create(e.options.threads, &e.run.team, err);
    if (status == MLSEL_OK)
        status = evaluate(&e, contenders, n_contenders);
    free_run(&e);
    if (status != MLSEL_OK) {
        mlsel_evaluation_free(e.result);
        return status;
    }
    *out = e.result;
    return mlsel_i_ok(err);
}

/* --- what it answers ---------------------------------------------------------------------------------------------- */

static const policy_state *get_policy(const mlsel_evaluation *evaluation, size_t index) {
    return evaluation == NULL || index >= evaluation->n_policies ? NULL : &evaluation->policies[index];
}

size_t mlsel_evaluation_policy_count(const mlsel_evaluation *evaluation) {
    return evaluation == NULL ? 0 : evaluation->n_policies;
}

mlsel_status mlsel_evaluation_get_policy(const mlsel_evaluation *evaluation, size_t index, mlsel_policy *out,
                                         size_t size, mlsel_error *err) {
    if (evaluation == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "evaluation is NULL");
    const policy_state *policy = get_policy(evaluation, index);
    if (policy == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "policy %zu: there are %zu", index,
                            evaluation->n_policies);
    return mlsel_i_info_copy(out, size, &policy->info, sizeof policy->info, err);
}

const uint64_t *mlsel_evaluation_selections(const mlsel_evaluation *evaluation, size_t index) {
    const policy_state *policy = get_policy(evaluation, index);
    return policy == NULL ? NULL : policy->selections;
}

const uint64_t *mlsel_evaluation_category_selections(const mlsel_evaluation *evaluation, size_t index) {
    const policy_state *policy = get_policy(evaluation, index);
    return policy == NULL ? NULL : policy->selections + evaluation->n_models;
}

const char *mlsel_evaluation_category(const mlsel_evaluation *evaluation, size_t category) {
    return evaluation == NULL || category >= evaluation->n_categories ? NULL : evaluation->categories[category];
}

int32_t mlsel_evaluation_choice(const mlsel_evaluation *evaluation, size_t index, size_t query) {
    const policy_state *policy = get_policy(evaluation, index);
    return policy == NULL || query >= evaluation->n_queries ? -1 : mlsel_i_policy_choice(policy, query);
}

const mlsel_curve_point *mlsel_evaluation_curve(const mlsel_evaluation *evaluation, size_t index, size_t *n) {
    const policy_state *policy = get_policy(evaluation, index);
    if (n != NULL)
        *n = policy == NULL ? 0 : policy->n_curve;
    return policy == NULL || policy->n_curve == 0 ? NULL : policy->curve;
}

const mlsel_reliability *mlsel_evaluation_reliability(const mlsel_evaluation *evaluation, size_t index, size_t *n) {
    const policy_state *policy = get_policy(evaluation, index);
    if (n != NULL)
        *n = policy == NULL ? 0 : policy->n_bins;
    return policy == NULL || policy->n_bins == 0 ? NULL : policy->bins;
}
