/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trade-offs as options of a command: --prefer, --tolerance, --cost, --latency-scale, --cost-scale.
 */
#ifndef MLSEL_TOOL_TRADEOFF_H
#define MLSEL_TOOL_TRADEOFF_H

#include "args.h"
#include "tool.h"

#define TRADEOFF_HELP                                                                                                  \
    "  --prefer WEIGHTS    knn: choose by expected outcomes instead of votes, weighed\n"                               \
    "                      as in quality=0.7,latency=0.2,cost=0.1\n"                                                   \
    "  --tolerance EPS     knn: the cheapest of the models whose expected quality is\n"                                \
    "                      at most EPS below the best; the fastest without --cost\n"                                   \
    "  --cost MODEL=COST   what a call of a model costs, in any unit; repeat it\n"                                     \
    "  --latency-scale S   seconds that are worth half (10)\n"                                                         \
    "  --cost-scale COST   a cost that is worth half (the highest of all)\n"
#define TRADEOFF_HELP_MEANING                                                                                          \
    "With --prefer or --tolerance a score is a utility from 0 to 1: the weighted mean\n"                               \
    "of the expected quality, 1 / (1 + latency / scale) and 1 / (1 + cost / scale).\n"

/* The ids that a command gives to the five options must follow one another, from `first` on. */
enum { TRADEOFF_PREFER, TRADEOFF_TOLERANCE, TRADEOFF_COST, TRADEOFF_LATENCY_SCALE, TRADEOFF_COST_SCALE };
#define TRADEOFF_OPTIONS(first)                                                                                        \
    {"--prefer", (first) + TRADEOFF_PREFER, true}, {"--tolerance", (first) + TRADEOFF_TOLERANCE, true},                \
        {"--cost", (first) + TRADEOFF_COST, true}, {"--latency-scale", (first) + TRADEOFF_LATENCY_SCALE, true}, {      \
        "--cost-scale", (first) + TRADEOFF_COST_SCALE, true                                                            \
    }

typedef struct tradeoff_options {
    bool given; /* --prefer or --tolerance */
    mlsel_tradeoff tradeoff;
    mlsel_price *prices;
    size_t n_prices;
} tradeoff_options;

/* Takes one of the options; `option` is TRADEOFF_. On failure false, everything printed. */
bool tradeoff_option(tradeoff_options *t, const args *a, int option, const char *value);
/* What no single option can tell; likewise. */
bool tradeoff_check(const tradeoff_options *t, const args *a);
/* The price of a name, NAN if it has none. */
double tradeoff_price(const tradeoff_options *t, const char *name);
void tradeoff_free(tradeoff_options *t);

#endif
