/* SPDX-License-Identifier: Apache-2.0 */
/* What a benchmark came to, for people and as JSON. */
#ifndef MLSEL_TOOL_BENCHMARK_SUMMARY_H
#define MLSEL_TOOL_BENCHMARK_SUMMARY_H

#include "bench.h"

/* A table of the models. */
void benchmark_print_table(const mlsel_bench_summary *summary);
/* One line of JSON. */
void benchmark_print_json(const mlsel_bench_summary *summary, const char *output);

#endif
