/* SPDX-License-Identifier: Apache-2.0 */
/* The drawings of the page, each with its heading; those that have nothing to show draw nothing. */
#ifndef MLSEL_TOOL_REPORT_HTML_FIGURES_H
#define MLSEL_TOOL_REPORT_HTML_FIGURES_H

#include <stdio.h>

#include "evaluate.h"

enum { FIGURE_COLOURS = 10, FIGURE_TITLE = 34 };

void figure_quality(FILE *out, const evaluate_results *r);
void figure_tradeoff(FILE *out, const evaluate_results *r);
void figure_gap(FILE *out, const evaluate_results *r);
void figure_mix(FILE *out, const evaluate_results *r);
void figure_calibration(FILE *out, const evaluate_results *r);

/* Class of a policy's marks, by its kind. */
const char *figure_class(mlsel_policy_kind kind);

#endif
