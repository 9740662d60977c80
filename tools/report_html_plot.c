/* SPDX-License-Identifier: Apache-2.0 */
#include "report_html_plot.h"

#include <math.h>
#include <stdlib.h>

#include "text.h"

void html_text(FILE *out, const char *text) {
    char *clean = text_cleaned(text);
    for (const char *at = clean; *at != '\0'; ++at)
        switch (*at) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*at, out);
        }
    free(clean);
}

/* --- scales ------------------------------------------------------------------------------------------------------- */

/* The round number nearest above: 1, 2 or 5 times a power of ten. */
static double round_step(double step, int *digits) {
    double power = floor(log10(step));
    double unit = pow(10, power), times = step / unit;
    double factor = times <= 1.0000001 ? 1 : times <= 2.0000001 ? 2 : times <= 5.0000001 ? 5 : 10;
    if (factor > 9)
        power += 1;
    *digits = power < 0 ? (int)-power : 0;
    return factor * unit;
}

plot_scale plot_scale_nice(double low, double high, double from, double to, int about) {
    plot_scale s = {.from = from, .to = to};
    if (!(high > low)) {
        double room = fabs(low) > 0 ? fabs(low) / 2 : 1;
        low -= room;
        high += room;
    }
    s.step = round_step((high - low) / about, &s.digits);
    s.low = floor(low / s.step + 1e-9) * s.step;
    s.high = ceil(high / s.step - 1e-9) * s.step;
    return s;
}

/* The n-th tick of a logarithmic scale; number 0 is 1. */
static double log_tick(int n) {
    static const double factors[] = {1, 2, 5};
    int decade = n >= 0 ? n / 3 : -((2 - n) / 3);
    return factors[n - 3 * decade] * pow(10, decade);
}

static int log_tick_below(double value) {
    int n = 3 * (int)floor(log10(value)) + 3;
    while (log_tick(n) > value * (1 + 1e-9))
        --n;
    return n;
}

plot_scale plot_scale_log(double low, double high, double from, double to) {
    plot_scale s = {.from = from, .to = to, .is_log = true};
    int first = log_tick_below(low), last = log_tick_below(high);
    if (log_tick(last) < high * (1 - 1e-9))
        ++last;
    s.low = log_tick(first);
    s.high = log_tick(last > first ? last : first + 1);
    return s;
}

double plot_at(const plot_scale *s, double value) {
    if (s->is_log)
        return s->from + log(value / s->low) / log(s->high / s->low) * (s->to - s->from);
    return s->from + (value - s->low) / (s->high - s->low) * (s->to - s->from);
}

/* --- drawings ----------------------------------------------------------------------------------------------------- */

void plot_open(FILE *out, double width, double height, const char *title) {
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    html_text(out, title);
    fputs("\">\n", out);
}

void plot_close(FILE *out) { fputs("</svg>\n", out); }

void plot_text(FILE *out, double x, double y, const char *anchor, const char *class_name, const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, class_name);
    html_text(out, text);
    fputs("</text>\n", out);
}

void plot_line(FILE *out, double x1, double y1, double x2, double y2, const char *class_name) {
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class_name);
}

static size_t tick_count(const plot_scale *s) {
    if (s->is_log)
        return (size_t)(log_tick_below(s->high) - log_tick_below(s->low)) + 1;
    return (size_t)((s->high - s->low) / s->step + 0.5) + 1;
}

static double tick_value(const plot_scale *s, size_t i) {
    if (s->is_log)
        return log_tick(log_tick_below(s->low) + (int)i);
    double value = s->low + (double)i * s->step;
    return fabs(value) < s->step * 1e-6 ? 0 : value;
}

static void tick_label(const plot_scale *s, double value, bool percent, char *text, size_t size) {
    if (s->is_log)
        snprintf(text, size, "%g", value);
    else if (percent)
        snprintf(text, size, "%.*f%%", s->digits > 2 ? s->digits - 2 : 0, value * 100);
    else
        snprintf(text, size, "%.*f", s->digits, value);
}

void plot_x_axis(FILE *out, const plot_scale *x, double top, double y, const char *name, bool percent) {
    char label[TEXT_NUMBER];
    for (size_t i = 0; i < tick_count(x); ++i) {
        double value = tick_value(x, i), at = plot_at(x, value);
        plot_line(out, at, top, at, y, "grid");
        tick_label(x, value, percent, label, sizeof label);
        plot_text(out, at, y + 18, "middle", "tick", label);
    }
    plot_text(out, (x->from + x->to) / 2, y + 40, "middle", "axis", name);
}

void plot_y_axis(FILE *out, const plot_scale *y, double x, double right, const char *name, bool percent) {
    char label[TEXT_NUMBER];
    for (size_t i = 0; i < tick_count(y); ++i) {
        double value = tick_value(y, i), at = plot_at(y, value);
        plot_line(out, x, at, right, at, "grid");
        tick_label(y, value, percent, label, sizeof label);
        plot_text(out, x - 8, at + 4, "end", "tick", label);
    }
    double middle = (y->from + y->to) / 2;
    fprintf(out, "<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\" class=\"axis\">", x - 46,
            middle);
    html_text(out, name);
    fputs("</text>\n", out);
}

void plot_mark(FILE *out, plot_shape shape, double x, double y, double radius, const char *class_name,
               const char *hover) {
    double r = radius;
    switch (shape) {
    case SHAPE_DIAMOND:
        r *= 1.3;
        fprintf(out, "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\" class=\"%s\">", x, y - r, r, r, -r, r, -r,
                -r, class_name);
        break;
    case SHAPE_SQUARE:
        r *= 0.9;
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\">", x - r, y - r, 2 * r,
                2 * r, class_name);
        break;
    case SHAPE_TRIANGLE:
        r *= 1.15;
        fprintf(out, "<path d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fz\" class=\"%s\">", x, y - r, x + r, y + 0.8 * r, x - r,
                y + 0.8 * r, class_name);
        break;
    default:
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s%s\">", x, y, r, class_name,
                shape == SHAPE_RING ? " ring" : "");
    }
    fputs("<title>", out);
    html_text(out, hover);
    fputs(shape == SHAPE_SQUARE                               ? "</title></rect>\n"
          : shape == SHAPE_DIAMOND || shape == SHAPE_TRIANGLE ? "</title></path>\n"
                                                              : "</title></circle>\n",
          out);
}
