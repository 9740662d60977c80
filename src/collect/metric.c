/* SPDX-License-Identifier: Apache-2.0 */
#include "metric.h"

#include <string.h>

#include "metric_internal.h"

static const struct {
    const char *name;
    metric_compare compare; /* NULL: all truths together */
} metrics[] = {
    [MLSEL_METRIC_CHOICE] = {"em_mc", mlsel_i_metric_choice},
    [MLSEL_METRIC_GSM8K] = {"GSM8K", mlsel_i_metric_gsm8k},
    [MLSEL_METRIC_MATH] = {"MATH", mlsel_i_metric_math},
    [MLSEL_METRIC_F1] = {"f1_score", mlsel_i_metric_f1},
    [MLSEL_METRIC_CODE] = {"code_eval", NULL},
    [MLSEL_METRIC_COVERAGE] = {"commongen_coverage", NULL},
    [MLSEL_METRIC_CEM] = {"CEM", mlsel_i_metric_cem},
};

static const char *const basis_names[] = {
    [MLSEL_METRIC_BY_NOTHING] = "nothing agrees",
    [MLSEL_METRIC_BY_NO_TRUTH] = "no ground truth",
    [MLSEL_METRIC_BY_NOT_RUN] = "code not run",
    [MLSEL_METRIC_BY_EQUALITY] = "equal text",
    [MLSEL_METRIC_BY_PARENTHESIS] = "letter in parentheses",
    [MLSEL_METRIC_BY_PHRASE] = "letter in a phrase",
    [MLSEL_METRIC_BY_CHOICE_TEXT] = "text of a choice",
    [MLSEL_METRIC_BY_WORD] = "letter as a word",
    [MLSEL_METRIC_BY_NUMBER] = "last number",
    [MLSEL_METRIC_BY_BOX] = "last box",
    [MLSEL_METRIC_BY_CONTENT] = "contained",
    [MLSEL_METRIC_BY_SOME_NUMBER] = "number among others",
    [MLSEL_METRIC_BY_SHARE] = "share",
};

const char *mlsel_metric_name(mlsel_metric metric) {
    return metric >= MLSEL_METRIC_CHOICE && metric <= MLSEL_METRIC_CEM ? metrics[metric].name : "unknown";
}

const char *mlsel_metric_basis_name(mlsel_metric_basis basis) {
    return basis >= 0 && (size_t)basis < MLSEL_ARRAY_LENGTH(basis_names) ? basis_names[basis] : "unknown";
}

static bool same_name(const char *a, const char *b) {
    while (*a != '\0' && mlsel_i_ascii_lower(*a) == mlsel_i_ascii_lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

mlsel_metric mlsel_metric_find(const char *name) {
    for (mlsel_metric m = MLSEL_METRIC_CHOICE; name != NULL && m <= MLSEL_METRIC_CEM; m++)
        if (same_name(name, metrics[m].name))
            return m;
    return 0;
}

bool mlsel_i_truth_counts(const char *truth) { return truth != NULL && truth[strspn(truth, " \t\r\n\v\f")] != '\0'; }

/* --- scoring ------------------------------------------------------------------------------------------------------ */

static mlsel_status is_equal(const metric_answer *answer, const char *truth, bool *equal, mlsel_error *err) {
    text_buffer folded;
    const mlsel_status status = mlsel_i_text_fold(truth, true, &folded, err);
    *equal = status == MLSEL_OK && mlsel_i_text_equal(&answer->lower, &folded);
    mlsel_i_text_free(&folded);
    return status;
}

static mlsel_status compare_one(const metric_answer *answer, mlsel_metric metric, const char *truth,
                                metric_verdict *verdict, mlsel_error *err) {
    bool equal = false;
    const mlsel_status status = is_equal(answer, truth, &equal, err);
    if (status != MLSEL_OK || !equal)
        return status != MLSEL_OK ? status : metrics[metric].compare(answer, truth, verdict, err);
    *verdict = (metric_verdict){1, MLSEL_METRIC_BY_EQUALITY};
    return MLSEL_OK;
}

/* The best of all truths. */
static mlsel_status compare(const metric_answer *answer, mlsel_metric metric, metric_verdict *best, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    bool is_first = true;
    for (size_t i = 0; status == MLSEL_OK && i < answer->task->n_truths; i++) {
        metric_verdict verdict = {0};
        if (!mlsel_i_truth_counts(answer->task->truths[i]))
            continue;
        status = compare_one(answer, metric, answer->task->truths[i], &verdict, err);
        if (status == MLSEL_OK && (is_first || verdict.performance > best->performance))
            *best = verdict;
        is_first = false;
    }
    return status;
}

/* Of a metric that takes all truths together one may be equal as it is, if it is the only one. */
static mlsel_status compare_all(const metric_answer *answer, mlsel_metric metric, const mlsel_metric_options *options,
                                metric_verdict *verdict, mlsel_error *err) {
    bool equal = false;
    mlsel_status status = MLSEL_OK;
    if (answer->task->n_truths == 1)
        status = is_equal(answer, answer->task->truths[0], &equal, err);
    if (status != MLSEL_OK)
        return status;
    if (equal) {
        *verdict = (metric_verdict){1, MLSEL_METRIC_BY_EQUALITY};
        return MLSEL_OK;
    }
    return metric == MLSEL_METRIC_CODE ? mlsel_i_metric_code(answer, options, verdict, err)
                                       : mlsel_i_metric_coverage(answer, verdict, err);
}

static bool has_truth(const mlsel_metric_task *task) {
    size_t i = 0;
    while (i < task->n_truths && !mlsel_i_truth_counts(task->truths[i]))
        i++;
    return i < task->n_truths;
}

static mlsel_status score(metric_answer *answer, mlsel_metric metric, const mlsel_metric_options *options,
                          metric_verdict *verdict, mlsel_error *err) {
    mlsel_status status = mlsel_i_text_fold(answer->text, true, &answer->lower, err);
    if (status == MLSEL_OK && (metric == MLSEL_METRIC_CHOICE || metric == MLSEL_METRIC_MATH))
        status = mlsel_i_text_fold(answer->text, false, &answer->cased, err);
    if (status == MLSEL_OK)
        status = metrics[metric].compare != NULL ? compare(answer, metric, verdict, err)
                                                 : compare_all(answer, metric, options, verdict, err);
    mlsel_i_text_free(&answer->lower);
    mlsel_i_text_free(&answer->cased);
    return status;
}

mlsel_status mlsel_metric_score(const mlsel_metric_task *task, const char *response,
                                const mlsel_metric_options *options, mlsel_metric_result *out, mlsel_error *err) {
    if (task == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s is NULL", task == NULL ? "task" : "out");
    if (task->n_truths > 0 && task->truths == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "truths is NULL, and n_truths is %zu", task->n_truths);
    const bool has_name = task->metric != NULL && task->metric[0] != '\0';
    mlsel_metric metric = mlsel_metric_find(task->metric);
    const bool is_name_known = !has_name || metric != 0;
    if (metric == 0)
        metric = task->n_choices > 0 ? MLSEL_METRIC_CHOICE : MLSEL_METRIC_CEM;
    metric_answer answer = {.task = task, .text = response == NULL ? "" : response};
    metric_verdict verdict = {0};
    if (!has_truth(task)) {
        verdict.basis = MLSEL_METRIC_BY_NO_TRUTH;
    } else {
        const mlsel_status status = score(&answer, metric, options, &verdict, err);
        if (status != MLSEL_OK)
            return status;
    }
    const bool is_known = verdict.basis != MLSEL_METRIC_BY_NO_TRUTH && verdict.basis != MLSEL_METRIC_BY_NOT_RUN;
    *out = (mlsel_metric_result){.performance = is_known ? verdict.performance : 0.5,
                                 .is_known = is_known,
                                 .is_name_known = is_name_known,
                                 .metric = metric,
                                 .basis = verdict.basis};
    return mlsel_i_ok(err);
}
