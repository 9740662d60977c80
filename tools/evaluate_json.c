/* SPDX-License-Identifier: Apache-2.0 */
/* The results as one JSON object. What is not known is null. */
#include <math.h>

#include "dataset_args.h"
#include "evaluate.h"
#include "json_out.h"

static void interval(json_out *j, const char *key, double low, double high) {
    json_key(j, key);
    if (isnan(low) || isnan(high)) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    json_number(j, low);
    json_number(j, high);
    json_close(j, ']');
}

static void counts_by_model(json_out *j, const evaluate_results *r, const uint64_t *counts) {
    json_open(j, '{');
    for (size_t m = 0; m < r->n_models; ++m)
        json_pair_unsigned(j, mlsel_dataset_model(r->dataset, m), counts[m]);
    json_close(j, '}');
}

static void print_selections(json_out *j, const evaluate_results *r, size_t index) {
    const uint64_t *by_category = mlsel_evaluation_category_selections(r->evaluation, index);
    json_key(j, "selections");
    counts_by_model(j, r, mlsel_evaluation_selections(r->evaluation, index));
    if (r->policies[index].kind == MLSEL_POLICY_ALWAYS)
        return; /* says nothing */
    json_key(j, "selections_by_category");
    json_open(j, '{');
    for (size_t c = 0; c < r->n_categories; ++c) {
        json_key(j, mlsel_evaluation_category(r->evaluation, c));
        counts_by_model(j, r, by_category + c * r->n_models);
    }
    json_close(j, '}');
}

static void print_curve(json_out *j, const evaluate_results *r, size_t index) {
    size_t n;
    const mlsel_curve_point *curve = mlsel_evaluation_curve(r->evaluation, index, &n);
    if (n == 0)
        return;
    json_pair_number(j, "curve_area", r->policies[index].area);
    json_key(j, "curve");
    json_open(j, '[');
    for (size_t i = 0; i < n; ++i) {
        json_open(j, '{');
        json_pair_number(j, "quality_weight", curve[i].quality_weight);
        json_pair_number(j, "quality", curve[i].quality);
        json_pair_number(j, "latency_s", curve[i].latency_s);
        json_pair_number(j, "cost", curve[i].cost);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_reliability(json_out *j, const evaluate_results *r, size_t index) {
    size_t n;
    const mlsel_reliability *bins = mlsel_evaluation_reliability(r->evaluation, index, &n);
    if (n == 0)
        return;
    json_pair_number(j, "brier", r->policies[index].brier);
    json_pair_number(j, "calibration_error", r->policies[index].calibration_error);
    json_key(j, "reliability");
    json_open(j, '[');
    for (size_t i = 0; i < n; ++i) {
        json_open(j, '{');
        json_pair_number(j, "confidence", bins[i].confidence);
        json_pair_number(j, "quality", bins[i].quality);
        json_pair_unsigned(j, "queries", bins[i].n);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_policy(json_out *j, const evaluate_results *r, size_t index) {
    const mlsel_policy *p = &r->policies[index];
    json_open(j, '{');
    json_key(j, "policy");
    json_string(j, mlsel_policy_kind_name(p->kind));
    json_key(j, "name");
    json_string(j, p->name);
    if (p->contender >= 0) {
        json_key(j, "artifact");
        json_string(j, r->paths[p->contender]);
        json_key(j, "algorithm");
        json_string(j, mlsel_algorithm_name(r->models[p->contender].algorithm));
    }
    if (p->is_best_single) {
        json_key(j, "best_single");
        json_bool(j, true);
    }
    json_pair_unsigned(j, "queries", p->n);
    json_pair_number(j, "quality", p->quality);
    interval(j, "quality_interval", p->quality_low, p->quality_high);
    json_pair_number(j, "latency_s", p->latency_s);
    json_pair_unsigned(j, "latencies", p->n_latency);
    json_pair_number(j, "cost", p->cost);
    json_pair_unsigned(j, "costs", p->n_cost);
    json_pair_number(j, "best_model_share", p->best_share);
    json_pair_number(j, "over_random", p->over_random);
    json_pair_number(j, "over_best_single", p->over_best_single);
    json_pair_number(j, "gap_closed", p->gap_closed);
    interval(j, "gap_closed_interval", p->gap_closed_low, p->gap_closed_high);
    json_pair_number(j, "regret", p->regret);
    json_pair_number(j, "p_value", p->p_value);
    print_reliability(j, r, index);
    print_curve(j, r, index);
    print_selections(j, r, index);
    json_close(j, '}');
}

static void print_options(json_out *j, const evaluate_results *r) {
    json_key(j, "options");
    json_open(j, '{');
    json_pair_number(j, "quality_weight", r->options.quality_weight);
    json_pair_number(j, "confidence", r->options.confidence);
    json_pair_unsigned(j, "resamples", r->options.resamples);
    json_pair_unsigned(j, "seed", r->options.seed);
    json_close(j, '}');
}

void evaluate_print_json(const evaluate_results *r) {
    json_out j = {0};
    json_open(&j, '{');
    dataset_args_write_json(&j, r->dataset);
    json_key(&j, "embedding_model");
    json_string(&j, r->embedder);
    json_pair_unsigned(&j, "reference_queries", r->reference.n_queries);
    print_options(&j, r);
    json_key(&j, "policies");
    json_open(&j, '[');
    for (size_t i = 0; i < r->n_policies; ++i)
        print_policy(&j, r, i);
    json_close(&j, ']');
    if (r->report != NULL) {
        json_key(&j, "report");
        json_string(&j, r->report);
    }
    json_close(&j, '}');
    json_end_line(&j);
}
