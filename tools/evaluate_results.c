/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "text.h"

void evaluate_results_read(evaluate_results *r) {
    r->n_policies = mlsel_evaluation_policy_count(r->evaluation);
    r->policies = tool_alloc(r->n_policies, sizeof *r->policies);
    r->n_models = (size_t)r->info.n_models;
    while (mlsel_evaluation_category(r->evaluation, r->n_categories) != NULL)
        ++r->n_categories;
    for (size_t i = 0; i < r->n_policies; ++i) {
        mlsel_evaluation_get_policy(r->evaluation, i, &r->policies[i], sizeof *r->policies, NULL);
        if (r->policies[i].is_best_single)
            r->best_single = i;
    }
}

/* Offset of character `index`. */
static size_t offset_of(const char *text, size_t index) {
    size_t offset = 0;
    for (uint32_t code_point; index > 0 && text[offset] != '\0'; --index)
        offset += text_character(text + offset, &code_point);
    return offset;
}

char *evaluate_shortened(const char *text, size_t width) {
    static const char dots[] = "...";
    char *clean = text_cleaned(text);
    size_t length = text_width(clean);
    if (length <= width || width < 8)
        return clean;
    size_t head = offset_of(clean, width / 2), tail = offset_of(clean, length - (width - 3 - width / 2));
    size_t size = head + sizeof dots + strlen(clean + tail);
    char *out = tool_alloc(size, 1);
    snprintf(out, size, "%.*s%s%s", (int)head, clean, dots, clean + tail);
    free(clean);
    return out;
}

char *evaluate_title(const mlsel_policy *policy, size_t width) {
    const char *lead = policy->kind == MLSEL_POLICY_ALWAYS ? "always " : "";
    size_t size = strlen(lead) + strlen(policy->name) + 1;
    char *whole = tool_alloc(size, 1);
    snprintf(whole, size, "%s%s", lead, policy->name);
    char *title = evaluate_shortened(whole, width);
    free(whole);
    return title;
}

bool evaluate_has_latency(const evaluate_results *r) {
    for (size_t i = 0; i < r->n_policies; ++i)
        if (r->policies[i].n_latency > 0)
            return true;
    return false;
}

bool evaluate_has_cost(const evaluate_results *r) {
    for (size_t i = 0; i < r->n_policies; ++i)
        if (r->policies[i].n_cost > 0)
            return true;
    return false;
}

const mlsel_policy *evaluate_best_selector(const evaluate_results *r) {
    const mlsel_policy *best = NULL;
    for (size_t i = 0; i < r->n_policies; ++i) {
        const mlsel_policy *policy = &r->policies[i];
        if (policy->kind == MLSEL_POLICY_SELECTOR && policy->n > 0 && (best == NULL || policy->quality > best->quality))
            best = policy;
    }
    return best;
}

double evaluate_rounded(double value, int digits) { return fabs(value) * pow(10, digits) < 0.5 ? 0 : value; }

const char *evaluate_p(char *out, size_t size, double p) {
    if (isnan(p))
        return "-";
    snprintf(out, size, p < 0.001 ? "<0.001" : "%.3f", p);
    return out;
}

const char *evaluate_percent(char *out, size_t size, double share) {
    if (isnan(share))
        return "-";
    double percent = share * 100;
    if (fabs(percent) < 0.05)
        return "0.0%";
    snprintf(out, size, fabs(percent) < 999.95 ? "%+.1f%%" : "%+.0f%%", percent);
    return out;
}

const char *evaluate_latency(char *out, size_t size, double seconds) {
    char text[TEXT_NUMBER];
    if (isnan(seconds))
        return "-";
    snprintf(out, size, "%s", seconds > 0 ? text_duration(text, seconds * 1e9) : "0 s");
    return out;
}

const char *evaluate_cost(char *out, size_t size, double cost) {
    if (isnan(cost))
        return "-";
    snprintf(out, size, cost == 0 || (cost >= 0.001 && cost < 1e6) ? "%.4g" : "%.2e", cost);
    return out;
}
