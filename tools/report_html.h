/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The results as one page that needs nothing else: no network, no script, no font of its own.
 */
#ifndef MLSEL_TOOL_REPORT_HTML_H
#define MLSEL_TOOL_REPORT_HTML_H

#include "evaluate.h"

/* Writes the page beside its place and renames it. False after a failure, which `problem` then describes. */
bool report_html_write(const char *path, const evaluate_results *r, failure *problem);

#endif
