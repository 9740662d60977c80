/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing into a page: escaped text, linear scales with round ticks, axes, marks. Coordinates are those of the SVG's
 * viewBox; colours are classes of the page's style.
 */
#ifndef MLSEL_TOOL_REPORT_HTML_PLOT_H
#define MLSEL_TOOL_REPORT_HTML_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Any text as HTML: cleaned, valid UTF-8, &, <, >, " and ' escaped. */
void html_text(FILE *out, const char *text);

/* From values to one axis of the drawing. */
typedef struct plot_scale {
    double low, high; /* values at the ends */
    double from, to;  /* where these are drawn */
    double step;      /* between ticks */
    int digits;       /* after the point, that ticks need */
    bool is_log;      /* ticks are 1, 2 and 5 times powers of ten */
} plot_scale;

/* A scale that holds low to high and begins and ends at a tick; `about` ticks. */
plot_scale plot_scale_nice(double low, double high, double from, double to, int about);
/* A logarithmic one; low must be above 0. */
plot_scale plot_scale_log(double low, double high, double from, double to);
double plot_at(const plot_scale *s, double value);

enum { PLOT_WIDTH = 960 };

/* Opens and closes a drawing of PLOT_WIDTH or another width. `title` is what a screen reader says. */
void plot_open(FILE *out, double width, double height, const char *title);
void plot_close(FILE *out);

/* Grid lines, tick labels and the name of a horizontal axis at y, whose grid goes up to `top`; `percent` labels shares.
 */
void plot_x_axis(FILE *out, const plot_scale *x, double top, double y, const char *name, bool percent);
/* The same of a vertical axis at x, whose grid goes right to `right`. */
void plot_y_axis(FILE *out, const plot_scale *y, double x, double right, const char *name, bool percent);

/* Text whose anchor is "start", "middle" or "end". */
void plot_text(FILE *out, double x, double y, const char *anchor, const char *class_name, const char *text);
void plot_line(FILE *out, double x1, double y1, double x2, double y2, const char *class_name);

/* Shapes differ as well as colours do. */
typedef enum plot_shape { SHAPE_CIRCLE, SHAPE_DIAMOND, SHAPE_SQUARE, SHAPE_RING, SHAPE_TRIANGLE } plot_shape;
void plot_mark(FILE *out, plot_shape shape, double x, double y, double radius, const char *class_name,
               const char *hover);

#endif
