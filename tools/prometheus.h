/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of a router in the text form that Prometheus scrapes (exposition format 0.0.4). */
#ifndef MLSEL_TOOL_PROMETHEUS_H
#define MLSEL_TOOL_PROMETHEUS_H

#include <stdbool.h>
#include <stdio.h>

#include "tool.h"

void prometheus_print(FILE *out, const mlsel_router *router);

/* Writes a file as a whole: beside it first, then in its place. On failure false, and `problem` is set. */
bool prometheus_write(const char *path, const mlsel_router *router, failure *problem);

#endif
