/* SPDX-License-Identifier: Apache-2.0 */
#include "report_html.h"
bool report_html_write(const char *path, const evaluate_results *r, failure *problem) { (void)path; (void)r; (void)problem; return true; }
