/* SPDX-License-Identifier: Apache-2.0 */
#include "certain.h"

#include <math.h>

bool mlsel_i_is_certain(const double *values, uint32_t n, double gap) {
    bool certain = true;
    for (uint32_t i = 0; i < n; i++) {
        certain = certain && isfinite(values[i]);
        for (uint32_t j = 0; j < i; j++)
            certain = certain && fabs(values[i] - values[j]) > gap;
    }
    return certain;
}

bool mlsel_i_logits_are_certain(const double *logits, uint32_t n) {
    double largest = 1;
    for (uint32_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(logits[i]));
    return mlsel_i_is_certain(logits, n, LOGIT_TOLERANCE * largest);
}

bool mlsel_i_bf16_leader_is_certain(const double *logits, uint32_t n) {
    double first = -INFINITY, second = -INFINITY, largest = 1;
    for (uint32_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(logits[i]));
        second = fmax(second, fmin(first, logits[i]));
        first = fmax(first, logits[i]);
    }
    return first - second > BF16_LOGIT_TOLERANCE * largest;
}
