/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `mlsel evaluate` found, for the three forms it is shown in: a table, JSON, a page.
 */
#ifndef MLSEL_TOOL_EVALUATE_H
#define MLSEL_TOOL_EVALUATE_H

#include "mlsel_train.h"
#include "tool.h"

typedef struct evaluate_results {
    const mlsel_dataset *dataset;
    mlsel_dataset_info info;
    mlsel_dataset_info reference; /* all 0: the records themselves are the reference */
    const mlsel_evaluation *evaluation;
    mlsel_policy *policies; /* [n_policies] */
    size_t n_policies, n_models, n_categories;
    size_t best_single;             /* index of the policy */
    const mlsel_model_info *models; /* [contenders] */
    const char *const *paths;       /* [contenders] */
    mlsel_evaluate_options options;
    const char *embedder; /* name of the embedding model, or NULL */
    const char *report;   /* path of the page, or NULL */
} evaluate_results;

/* Gathers what the evaluation holds. Free policies. */
void evaluate_results_read(evaluate_results *r);

/* Cleaned, and if longer than `width` characters cut in the middle, as what tells names of models apart is often their
 * end. Free it. */
char *evaluate_shortened(const char *text, size_t width);
/* "always llama" for a model's policy, else the policy's name; shortened likewise. Free it. */
char *evaluate_title(const mlsel_policy *policy, size_t width);
/* Whether latency or cost are known of any policy. */
bool evaluate_has_latency(const evaluate_results *r);
bool evaluate_has_cost(const evaluate_results *r);
/* The selector of the highest quality, the first on ties; NULL if there is none that counts. */
const mlsel_policy *evaluate_best_selector(const evaluate_results *r);

/* Zero where `digits` after the point show no more, so that no minus sign is left of it. */
double evaluate_rounded(double value, int digits);
/* A p-value as "0.012" or "<0.001"; "-" for NaN. */
const char *evaluate_p(char *out, size_t size, double p);
/* 0.1234 as "+12.3%". */
const char *evaluate_percent(char *out, size_t size, double share);
/* A latency in seconds for people, as "1.24 s"; a cost, with as many digits as it needs. "-" for NaN. */
const char *evaluate_latency(char *out, size_t size, double seconds);
const char *evaluate_cost(char *out, size_t size, double cost);

void evaluate_print_table(const evaluate_results *r);
void evaluate_print_json(const evaluate_results *r);

#endif
