/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics over any texts. The input is the answer, then truths and choices, with a 0 byte between each, and behind the
 * last 0 byte what to do with them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collect/metric_internal.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"

enum { MAX_TEXTS = 8 };

typedef struct task_input {
    char *memory;
    const char *texts[MAX_TEXTS]; /* the answer first */
    size_t n;
    const char *metric;
    mlsel_metric number; /* of the metric */
    size_t n_truths;
    uint8_t held; /* of the assertions, as its user says that they ran */
} task_input;

static void read_input(task_input *t, const uint8_t *data, size_t size, struct fuzz_input *choices) {
    size_t text_size;
    *choices = fuzz_split_text(data, size, &text_size);
    *t = (task_input){.memory = malloc(text_size + 1)};
    FUZZ_CHECK(t->memory != NULL);
    memcpy(t->memory, data != NULL ? data : (const uint8_t *)"", text_size);
    t->memory[text_size] = '\0';
    for (char *at = t->memory; t->n < MAX_TEXTS && at <= t->memory + text_size; at += strlen(at) + 1)
        t->texts[t->n++] = at;
    t->number = (mlsel_metric)fuzz_below(choices, MLSEL_METRIC_CEM) + 1;
    t->metric = mlsel_metric_name(t->number);
    const size_t most = t->n - 1; /* truths before choices */
    t->n_truths = most > 0 ? 1 + fuzz_below(choices, (uint32_t)most) : 0;
    t->held = fuzz_u8(choices);
}

static mlsel_metric_task task_of(const task_input *t) {
    return (mlsel_metric_task){.metric = t->metric,
                               .truths = t->texts + 1,
                               .n_truths = t->n_truths,
                               .choices = t->texts + 1 + t->n_truths,
                               .n_choices = t->n - 1 - t->n_truths};
}

/* In the place of running code: every text is one, and so many hold. */
static mlsel_status run_code(void *user, const char *code, const char *const *assertions, size_t n, size_t *passed,
                             mlsel_error *err) {
    const task_input *t = user;
    (void)err;
    size_t bytes = strlen(code);
    FUZZ_CHECK(n > 0);
    for (size_t i = 0; i < n; i++)
        bytes += strlen(assertions[i]);
    FUZZ_CHECK(bytes < (size_t)1 << 30);
    *passed = t->held % (n + 1);
    return MLSEL_OK;
}

static mlsel_metric_result score(const mlsel_metric_task *task, const char *response, const task_input *t) {
    const mlsel_metric_options options = {.run_code = run_code, .user = (void *)t};
    mlsel_metric_result result;
    mlsel_error err;
    FUZZ_CHECK(mlsel_metric_score(task, response, &options, &result, &err) == MLSEL_OK);
    FUZZ_CHECK(result.performance >= 0 && result.performance <= 1);
    FUZZ_CHECK(result.is_known || result.performance == 0.5);
    FUZZ_CHECK(result.is_name_known && result.metric == t->number);
    FUZZ_CHECK(result.is_known ==
               (result.basis >= MLSEL_METRIC_BY_EQUALITY || result.basis == MLSEL_METRIC_BY_NOTHING));
    FUZZ_CHECK(result.basis != MLSEL_METRIC_BY_EQUALITY || result.performance == 1);
    return result;
}

static bool takes_all(const task_input *t) {
    return t->number == MLSEL_METRIC_CODE || t->number == MLSEL_METRIC_COVERAGE;
}

static bool is_same(const mlsel_metric_result *a, const mlsel_metric_result *b) {
    return a->performance == b->performance && a->is_known == b->is_known && a->basis == b->basis;
}

/* --- what must hold ----------------------------------------------------------------------------------------------- */

/* A truth as the answer is right, and the best of all truths counts. */
static void check_truths(const task_input *t, const mlsel_metric_result *result) {
    const mlsel_metric_task task = task_of(t);
    double best = -1;
    size_t counting = 0;
    for (size_t i = 0; i < t->n_truths; i++) {
        mlsel_metric_task one = task;
        one.truths = &task.truths[i];
        one.n_truths = 1;
        if (!mlsel_i_truth_counts(task.truths[i]))
            continue;
        counting++;
        FUZZ_CHECK(score(&one, task.truths[i], t).performance == 1);
        const mlsel_metric_result alone = score(&one, t->texts[0], t);
        best = alone.performance > best ? alone.performance : best;
    }
    FUZZ_CHECK(counting > 0 || result->basis == MLSEL_METRIC_BY_NO_TRUTH);
    if (takes_all(t) || counting == 0)
        return;
    FUZZ_CHECK(result->performance == best);
    FUZZ_CHECK(result->is_known);
}

/* White space around a text, and for most metrics case, make no difference. */
static void check_folding(const task_input *t, const mlsel_metric_result *result) {
    const mlsel_metric_task task = task_of(t);
    const size_t size = strlen(t->texts[0]);
    char *other = malloc(size + 8);
    FUZZ_CHECK(other != NULL);
    memcpy(other, " \r\n", 3);
    memcpy(other + 3, t->texts[0], size);
    memcpy(other + 3 + size, "\t\n ", 4);
    if (t->number != MLSEL_METRIC_CODE) {
        const mlsel_metric_result spaced = score(&task, other, t);
        FUZZ_CHECK(is_same(&spaced, result));
    }
    if (t->number == MLSEL_METRIC_GSM8K || t->number == MLSEL_METRIC_F1 || t->number == MLSEL_METRIC_CEM ||
        t->number == MLSEL_METRIC_COVERAGE) {
        for (size_t i = 0; i < size; i++)
            if (other[3 + i] >= 'a' && other[3 + i] <= 'z')
                other[3 + i] = (char)(other[3 + i] - 32);
        const mlsel_metric_result upper = score(&task, other, t);
        FUZZ_CHECK(is_same(&upper, result));
    }
    free(other);
}

/* F1 of two sets of words is that of the two the other way round. */
static void check_symmetry(const task_input *t) {
    if (t->number != MLSEL_METRIC_F1 || t->n_truths == 0 || !mlsel_i_truth_counts(t->texts[0]) ||
        !mlsel_i_truth_counts(t->texts[1]))
        return;
    const mlsel_metric_task forth = {.metric = t->metric, .truths = &t->texts[1], .n_truths = 1};
    const mlsel_metric_task back = {.metric = t->metric, .truths = &t->texts[0], .n_truths = 1};
    const mlsel_metric_result a = score(&forth, t->texts[0], t), b = score(&back, t->texts[1], t);
    FUZZ_CHECK((a.basis == MLSEL_METRIC_BY_EQUALITY) == (b.basis == MLSEL_METRIC_BY_EQUALITY));
    if (a.basis != MLSEL_METRIC_BY_CONTENT && b.basis != MLSEL_METRIC_BY_CONTENT)
        FUZZ_CHECK(a.performance == b.performance);
}

/* The program is a part of the answer. */
static void check_code(const char *response) {
    size_t size = SIZE_MAX;
    const char *const code = mlsel_metric_find_code(response, &size);
    const size_t all = strlen(response);
    FUZZ_CHECK(code >= response && code <= response + all && size <= all - (size_t)(code - response));
}

/* Every number of a text equals itself, has its digits in the text, and is found again where it stands alone. */
static void check_numbers(const char *text) {
    text_number number, again;
    const char *at = text, *const end = text + strlen(text);
    while (mlsel_i_number_next(text, &at, end, &number)) {
        FUZZ_CHECK(at <= end && number.whole <= number.whole_end && number.whole_end <= number.fraction);
        FUZZ_CHECK(number.fraction <= number.fraction_end && number.fraction_end <= at && number.whole >= text);
        FUZZ_CHECK(mlsel_i_number_equal(&number, &number));
        char *const alone = strndup(number.whole, (size_t)(number.fraction_end - number.whole));
        FUZZ_CHECK(alone != NULL);
        text_number positive = number;
        positive.is_negative = false;
        if (number.whole_end > number.whole)
            FUZZ_CHECK(mlsel_i_number_first(alone, strlen(alone), &again) && mlsel_i_number_equal(&again, &positive) &&
                       mlsel_i_number_equal(&positive, &again));
        free(alone);
    }
}

/* What LaTeX is made is itself made nothing else, but for what it takes off the outside. */
static void check_latex(const char *text) {
    text_buffer once;
    const char *box = NULL;
    size_t size;
    mlsel_error err;
    const size_t all = strlen(text);
    FUZZ_CHECK(mlsel_i_latex_normalise(text, all, &once, &err) == MLSEL_OK);
    FUZZ_CHECK(strlen(once.bytes) == once.size && once.size <= 2 * all + 8);
    mlsel_i_text_free(&once);
    if (mlsel_i_latex_last_box(text, all, &box, &size))
        FUZZ_CHECK(box >= text && box <= text + all && size <= all - (size_t)(box - text));
    else
        FUZZ_CHECK(box == NULL);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void score_without_memory(const task_input *t, struct fuzz_input *choices) {
    const mlsel_metric_options options = {.run_code = run_code, .user = (void *)t};
    const mlsel_metric_task task = task_of(t);
    mlsel_metric_result result = {.performance = -1};
    mlsel_error err;
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_metric_score(&task, t->texts[0], &options, &result, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(status == (refused ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK));
    FUZZ_CHECK((result.performance == -1) == refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    task_input t;
    struct fuzz_input choices;
    read_input(&t, data, size, &choices);
    const mlsel_metric_task task = task_of(&t);
    const mlsel_metric_result result = score(&task, t.texts[0], &t);
    check_truths(&t, &result);
    check_folding(&t, &result);
    check_symmetry(&t);
    check_code(t.texts[0]);
    check_numbers(t.texts[0]);
    check_latex(t.texts[0]);
    score_without_memory(&t, &choices);
    free(t.memory);
    return 0;
}
