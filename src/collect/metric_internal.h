/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics behind metric.h. Each compares one answer with one truth. */
#ifndef MLSEL_METRIC_INTERNAL_H
#define MLSEL_METRIC_INTERNAL_H

#include "metric.h"
#include "metric_text.h"

/* An answer, prepared once for all truths. */
typedef struct metric_answer {
    const mlsel_metric_task *task;
    const char *text;
    text_buffer cased; /* folded, with its case */
    text_buffer lower; /* folded in lower case */
} metric_answer;

typedef struct metric_verdict {
    double performance;
    mlsel_metric_basis basis;
} metric_verdict;

/* *out is BY_NOTHING before. */
typedef mlsel_status (*metric_compare)(const metric_answer *answer, const char *truth, metric_verdict *out,
                                       mlsel_error *err);

mlsel_status mlsel_i_metric_choice(const metric_answer *answer, const char *truth, metric_verdict *out,
                                   mlsel_error *err);
mlsel_status mlsel_i_metric_gsm8k(const metric_answer *answer, const char *truth, metric_verdict *out,
                                  mlsel_error *err);
mlsel_status mlsel_i_metric_math(const metric_answer *answer, const char *truth, metric_verdict *out, mlsel_error *err);
mlsel_status mlsel_i_metric_f1(const metric_answer *answer, const char *truth, metric_verdict *out, mlsel_error *err);
mlsel_status mlsel_i_metric_cem(const metric_answer *answer, const char *truth, metric_verdict *out, mlsel_error *err);

/* These look at all truths together. */
mlsel_status mlsel_i_metric_coverage(const metric_answer *answer, metric_verdict *out, mlsel_error *err);
mlsel_status mlsel_i_metric_code(const metric_answer *answer, const mlsel_metric_options *options, metric_verdict *out,
                                 mlsel_error *err);

/* LaTeX without what does not change its meaning: see metric_math.c. */
mlsel_status mlsel_i_latex_normalise(const char *text, size_t size, text_buffer *out, mlsel_error *err);
/* What is in the last \boxed{} or \fbox{} whose braces balance; false: there is none. */
bool mlsel_i_latex_last_box(const char *text, size_t size, const char **content, size_t *content_size);

/* Of ASCII; every other byte is itself. */
static inline char mlsel_i_ascii_lower(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    return c;
}

/* Whether a truth is there at all: not NULL, and more than white space. */
bool mlsel_i_truth_counts(const char *truth);

#endif
