/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of answers and what they are worth. The values come from the rules, by hand. */
#ifndef MLSEL_TEST_METRIC_CASES_H
#define MLSEL_TEST_METRIC_CASES_H

#include <math.h>
#include <string.h>

#include "collect/metric.h"
#include "support.h"

typedef struct metric_case {
    const char *truth, *response;
    double performance;
    mlsel_metric_basis basis; /* -1: any */
} metric_case;

static inline mlsel_metric_result metric_score_one(const char *metric, const char *truth, const char *response) {
    const mlsel_metric_task task = {.metric = metric, .truths = &truth, .n_truths = 1};
    mlsel_metric_result result;
    mlsel_error err;
    test_ok(mlsel_metric_score(&task, response, NULL, &result, &err), &err);
    return result;
}

/* Names every case that is wrong before it fails. */
static inline void metric_check(const char *metric, const metric_case *cases, size_t n) {
    size_t n_wrong = 0;
    for (size_t i = 0; i < n; i++) {
        const metric_case *c = &cases[i];
        const mlsel_metric_result r = metric_score_one(metric, c->truth, c->response);
        if (fabs(r.performance - c->performance) < 1e-12 && (c->basis < 0 || r.basis == c->basis) && r.is_known &&
            strcmp(mlsel_metric_name(r.metric), metric) == 0)
            continue;
        n_wrong++;
        print_error("case %zu: \"%s\" for \"%s\": %g by %s, expected %g by %s\n", i + 1, c->response, c->truth,
                    r.performance, mlsel_metric_basis_name(r.basis), c->performance,
                    c->basis < 0 ? "any" : mlsel_metric_basis_name(c->basis));
    }
    assert_int_equal(n_wrong, 0);
}

#endif
