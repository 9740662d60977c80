/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations over the example artifacts, and requests made of the example queries. */
#ifndef MLSEL_TEST_ROUTER_CASES_H
#define MLSEL_TEST_ROUTER_CASES_H

#include "support.h"

enum { ROUTER_EMBEDDING = 1024, ROUTER_N_QUERIES = 6, ROUTER_N_MODELS = 4 };

/* A list of modelRefs of all four models of the artifacts, in byte order, for a decision in a configuration. */
#define ROUTER_REFS                                                                                                    \
    "    modelRefs:\n"                                                                                                 \
    "      - model: codellama-7b\n"                                                                                    \
    "      - model: llama-3.2-1b\n"                                                                                    \
    "      - model: llama-3.2-3b\n"                                                                                    \
    "      - model: mistral-7b\n"

/* A decision for one domain, chosen by one algorithm among all four. */
#define ROUTER_DECISION(name, priority, domain, algorithm)                                                             \
    "  - name: " name "\n"                                                                                             \
    "    priority: " priority "\n"                                                                                     \
    "    rules: {operator: AND, conditions: [{type: domain, name: " domain "}]}\n"                                     \
    "    algorithm: {type: " algorithm "}\n" ROUTER_REFS

/* A decision for one signal with one model. */
#define ROUTER_WHEN(name, priority, signal, model)                                                                     \
    "  - name: " name "\n    priority: " priority "\n    rules: {operator: AND, conditions: [" signal                  \
    "]}\n    modelRefs: [{model: " model "}]\n"

/* What begins a configuration; models_path is relative to base_dir, which router_options sets. */
#define ROUTER_HEAD "model_selection: {ml: {enabled: true, models_path: models}}\n"

/* knn for math, svm for computer science, mlp for law, kmeans for other. */
extern const char router_four[];

/* Options with base_dir at the examples. */
mlsel_router_options router_options(void);
/* Opens a configuration's text, or fails the test with the library's message; options may be NULL. */
mlsel_router *router_open(const char *text, const mlsel_router_options *options);

/* Embedding of a line (from 0) of the example queries, in memory that stays. */
const double *router_embedding(size_t line);
const float *router_embedding_f32(size_t line);
/* A request with the embedding of a line, in double, and a category. */
mlsel_request router_request(size_t line, const char *category);

/* An empty answer, ready to be filled. */
mlsel_route router_route(void);

#endif
