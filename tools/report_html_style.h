/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TOOL_REPORT_HTML_STYLE_H
#define MLSEL_TOOL_REPORT_HTML_STYLE_H

/* The page's style sheet, light and dark, on paper too: its lines, then NULL. */
extern const char *const report_html_style[];

#endif
