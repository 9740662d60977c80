/* SPDX-License-Identifier: Apache-2.0 */
/* Quality with its interval, the share of the gap, and quality against latency or cost. */
#include "report_html_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_html_plot.h"
#include "text.h"

enum { ROW = 28, GUTTER_MAX = 300, VALUE_WIDTH = 190, HOVER = 320 };

static const double CHARACTER = 7.6; /* mean width of one in a label */

const char *figure_class(mlsel_policy_kind kind) {
    switch (kind) {
    case MLSEL_POLICY_ORACLE:
        return "oracle";
    case MLSEL_POLICY_SELECTOR:
        return "selector";
    case MLSEL_POLICY_CATEGORY:
    case MLSEL_POLICY_TASK:
        return "group";
    case MLSEL_POLICY_ALWAYS:
        return "single";
    default:
        return "random";
    }
}

static plot_shape shape_of(mlsel_policy_kind kind) {
    switch (kind) {
    case MLSEL_POLICY_ORACLE:
        return SHAPE_DIAMOND;
    case MLSEL_POLICY_SELECTOR:
        return SHAPE_CIRCLE;
    case MLSEL_POLICY_CATEGORY:
    case MLSEL_POLICY_TASK:
        return SHAPE_SQUARE;
    case MLSEL_POLICY_ALWAYS:
        return SHAPE_RING;
    default:
        return SHAPE_TRIANGLE;
    }
}

static void open_figure(FILE *out, const char *id, const char *heading, const char *caption) {
    fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n<p class=\"caption\">%s</p>\n", id, heading, caption);
}

static void close_figure(FILE *out) { fputs("</section>\n", out); }

/* --- rows of policies --------------------------------------------------------------------------------------------- */

/* A value per policy with an interval, drawn as rows. */
typedef struct row_plot {
    FILE *out;
    const evaluate_results *r;
    const size_t *rows; /* policies */
    size_t n;
    double gutter, top;
    plot_scale x;
} row_plot;

static double gutter_of(const evaluate_results *r, const size_t *rows, size_t n) {
    size_t longest = 0;
    for (size_t i = 0; i < n; ++i) {
        char *title = evaluate_title(&r->policies[rows[i]], FIGURE_TITLE);
        longest = text_width(title) > longest ? text_width(title) : longest;
        free(title);
    }
    double width = (double)longest * CHARACTER + 24;
    return width > GUTTER_MAX ? GUTTER_MAX : width;
}

/* By falling quality, what is not known last; equal ones stay in their order. */
static void sort_rows(const evaluate_results *r, size_t *rows, size_t n) {
    for (size_t i = 1; i < n; ++i) {
        size_t row = rows[i], k = i;
        double quality = r->policies[row].quality;
        for (; k > 0; --k) {
            double before = r->policies[rows[k - 1]].quality;
            if (!(before < quality || (isnan(before) && !isnan(quality))))
                break;
            rows[k] = rows[k - 1];
        }
        rows[k] = row;
    }
}

static double row_y(const row_plot *p, size_t i) { return p->top + ROW * ((double)i + 0.5); }

static void draw_label(const row_plot *p, size_t i) {
    const mlsel_policy *policy = &p->r->policies[p->rows[i]];
    char *title = evaluate_title(policy, FIGURE_TITLE);
    const bool is_bold = policy->kind == MLSEL_POLICY_SELECTOR;
    plot_text(p->out, p->gutter - 14, row_y(p, i) + 5, "end", is_bold ? "label strong" : "label", title);
    free(title);
}

static void whisker(const row_plot *p, double y, double low, double high, const char *kind) {
    char class_name[48];
    if (isnan(low) || isnan(high))
        return;
    snprintf(class_name, sizeof class_name, "whisker %s", kind);
    double from = plot_at(&p->x, low), to = plot_at(&p->x, high);
    plot_line(p->out, from, y, to, y, class_name);
    plot_line(p->out, from, y - 4, from, y + 4, class_name);
    plot_line(p->out, to, y - 4, to, y + 4, class_name);
}

/* A vertical line that one policy's value is compared by, with its name above. */
static void draw_reference(const row_plot *p, double value, const char *name, double y_label) {
    if (isnan(value))
        return;
    double at = plot_at(&p->x, value);
    plot_line(p->out, at, p->top - 6, at, p->top + ROW * (double)p->n, "reference");
    plot_text(p->out, at, y_label, "middle", "note", name);
}

/* --- quality ------------------------------------------------------------------------------------------------------ */

static void draw_quality(const row_plot *p, size_t i) {
    const mlsel_policy *policy = &p->r->policies[p->rows[i]];
    char value[96], hover[HOVER];
    draw_label(p, i);
    if (isnan(policy->quality))
        return;
    double y = row_y(p, i);
    if (isnan(policy->quality_low))
        snprintf(value, sizeof value, "%.3f", policy->quality);
    else
        snprintf(value, sizeof value, "%.3f  (%.3f\xE2\x80\x93%.3f)", policy->quality, policy->quality_low,
                 policy->quality_high);
    snprintf(hover, sizeof hover, "%.120s: %s", policy->name, value);
    whisker(p, y, policy->quality_low, policy->quality_high, figure_class(policy->kind));
    plot_mark(p->out, shape_of(policy->kind), plot_at(&p->x, policy->quality), y, 5.5, figure_class(policy->kind),
              hover);
    plot_text(p->out, PLOT_WIDTH - 4, y + 5, "end", "value", value);
}

/* Ends of all intervals, or of the values where there are none. */
static void find_range(const row_plot *p, double *low, double *high) {
    for (size_t i = 0; i < p->n; ++i) {
        const mlsel_policy *policy = &p->r->policies[p->rows[i]];
        *low = fmin(*low, fmin(policy->quality, policy->quality_low)); /* NaN gives way */
        *high = fmax(*high, fmax(policy->quality, policy->quality_high));
    }
}

void figure_quality(FILE *out, const evaluate_results *r) {
    size_t *rows = tool_alloc(r->n_policies, sizeof *rows);
    for (size_t i = 0; i < r->n_policies; ++i)
        rows[i] = i;
    sort_rows(r, rows, r->n_policies);
    row_plot p = {.out = out, .r = r, .rows = rows, .n = r->n_policies, .top = 44};
    p.gutter = gutter_of(r, rows, p.n);
    double low = INFINITY, high = -INFINITY, bottom = p.top + ROW * (double)p.n;
    find_range(&p, &low, &high);
    p.x = plot_scale_nice(low, high, p.gutter, PLOT_WIDTH - VALUE_WIDTH, 7);
    open_figure(out, "quality", "Quality of every policy",
                "Mean quality of what each policy chose, with its bootstrap interval. Selectors are filled circles.");
    plot_open(out, PLOT_WIDTH, bottom + 52, "Mean quality of every policy, with intervals");
    plot_x_axis(out, &p.x, p.top, bottom, "mean quality", false);
    draw_reference(&p, r->policies[0].quality, "oracle", 30);
    draw_reference(&p, r->policies[r->best_single].quality, "best single model", 30);
    for (size_t i = 0; i < p.n; ++i)
        draw_quality(&p, i);
    plot_close(out);
    close_figure(out);
    free(rows);
}

/* --- the gap ------------------------------------------------------------------------------------------------------ */

/* Single models that are far worse would leave the others no room. */
static bool shows_gap(const mlsel_policy *policy) {
    return (policy->kind == MLSEL_POLICY_SELECTOR || policy->kind == MLSEL_POLICY_CATEGORY ||
            policy->kind == MLSEL_POLICY_TASK) &&
           !isnan(policy->gap_closed);
}

static void draw_gap(const row_plot *p, size_t i) {
    const mlsel_policy *policy = &p->r->policies[p->rows[i]];
    char value[96], hover[HOVER], test[32], class_name[32];
    double y = row_y(p, i), zero = plot_at(&p->x, 0), end = plot_at(&p->x, policy->gap_closed);
    draw_label(p, i);
    snprintf(class_name, sizeof class_name, "bar %s", figure_class(policy->kind));
    fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"14\" class=\"%s\"><title>", fmin(zero, end),
            y - 7, fabs(end - zero), class_name);
    snprintf(hover, sizeof hover, "%.120s: %.1f%% of the gap, p %s", policy->name, policy->gap_closed * 100,
             evaluate_p(test, sizeof test, policy->p_value));
    html_text(p->out, hover);
    fputs("</title></rect>\n", p->out);
    whisker(p, y, policy->gap_closed_low, policy->gap_closed_high, "over");
    snprintf(value, sizeof value, "%.1f%% \xC2\xB7 p %s%s", evaluate_rounded(policy->gap_closed * 100, 1),
             policy->p_value < 0.001 ? "" : "= ", evaluate_p(test, sizeof test, policy->p_value));
    plot_text(p->out, PLOT_WIDTH - 4, y + 5, "end", "value", value);
}

void figure_gap(FILE *out, const evaluate_results *r) {
    size_t *rows = tool_alloc(r->n_policies, sizeof *rows), n = 0;
    double low = 0, high = 0;
    for (size_t i = 0; i < r->n_policies; ++i) {
        const mlsel_policy *policy = &r->policies[i];
        if (!shows_gap(policy))
            continue;
        rows[n++] = i;
        low = fmin(low, fmin(policy->gap_closed, policy->gap_closed_low));
        high = fmax(high, fmax(policy->gap_closed, policy->gap_closed_high));
    }
    if (n > 0) {
        sort_rows(r, rows, n);
        row_plot p = {.out = out, .r = r, .rows = rows, .n = n, .top = 16};
        p.gutter = gutter_of(r, rows, n);
        p.x = plot_scale_nice(low, high > low ? high : low + 0.1, p.gutter, PLOT_WIDTH - VALUE_WIDTH, 7);
        double bottom = p.top + ROW * (double)n;
        open_figure(out, "gap", "Share of the gap closed",
                    "0% is the best single model, 100% the oracle, which knows every outcome beforehand. p is that of "
                    "the paired test against the best single model.");
        plot_open(out, PLOT_WIDTH, bottom + 52, "Share of the gap from the best single model to the oracle");
        plot_x_axis(out, &p.x, p.top, bottom, "share of the gap closed", true);
        plot_line(out, plot_at(&p.x, 0), p.top - 6, plot_at(&p.x, 0), bottom, "zero");
        for (size_t i = 0; i < n; ++i)
            draw_gap(&p, i);
        plot_close(out);
        close_figure(out);
    }
    free(rows);
}

/* --- quality against latency or cost ------------------------------------------------------------------------------ */

typedef struct tradeoff_plot {
    FILE *out;
    const evaluate_results *r;
    bool by_latency;
    plot_scale x, y;
    struct tradeoff_label {
        double x, y;
        bool is_selector;
        char *text;
    } * labels;
    size_t n_labels;
} tradeoff_plot;

static double x_of(const tradeoff_plot *p, double latency, double cost) { return p->by_latency ? latency : cost; }

static double policy_x(const tradeoff_plot *p, const mlsel_policy *policy) {
    return x_of(p, policy->latency_s, policy->cost);
}

static void scale_tradeoff(tradeoff_plot *p, double left, double right, double top, double bottom) {
    double x_low = INFINITY, x_high = 0, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < p->r->n_policies; ++i) {
        const mlsel_policy *policy = &p->r->policies[i];
        size_t n;
        const mlsel_curve_point *curve = mlsel_evaluation_curve(p->r->evaluation, i, &n);
        if (isnan(policy_x(p, policy)) || isnan(policy->quality))
            continue;
        x_low = fmin(x_low, policy_x(p, policy));
        x_high = fmax(x_high, policy_x(p, policy));
        low = fmin(low, fmin(policy->quality, policy->quality_low));
        high = fmax(high, fmax(policy->quality, policy->quality_high));
        for (size_t k = 0; k < n; ++k) {
            x_low = fmin(x_low, x_of(p, curve[k].latency_s, curve[k].cost));
            x_high = fmax(x_high, x_of(p, curve[k].latency_s, curve[k].cost));
            low = fmin(low, curve[k].quality);
            high = fmax(high, curve[k].quality);
        }
    }
    /* what differs by an order of magnitude would crowd at the left */
    bool is_log = x_low > 0 && x_high > 8 * x_low && isfinite(x_low);
    p->x = is_log ? plot_scale_log(x_low, x_high, left, right) : plot_scale_nice(0, x_high, left, right, 7);
    p->y = plot_scale_nice(low, high, bottom, top, 8);
}

/* Curves of selectors differ by their dashes. */
static int dash_of(const mlsel_policy *policy) { return policy->contender < 0 ? 0 : policy->contender % 4; }

static void draw_curve(const tradeoff_plot *p, size_t index) {
    size_t n, drawn = 0;
    const mlsel_curve_point *curve = mlsel_evaluation_curve(p->r->evaluation, index, &n);
    if (n == 0)
        return;
    fputs("<polyline points=\"", p->out);
    for (size_t i = 0; i < n; ++i) {
        double x = x_of(p, curve[i].latency_s, curve[i].cost);
        if (isnan(x) || isnan(curve[i].quality))
            continue;
        fprintf(p->out, "%s%.1f,%.1f", drawn++ > 0 ? " " : "", plot_at(&p->x, x), plot_at(&p->y, curve[i].quality));
    }
    const mlsel_policy *policy = &p->r->policies[index];
    fprintf(p->out, "\" class=\"curve %s dash%d\"><title>", figure_class(policy->kind), dash_of(policy));
    html_text(p->out, policy->name);
    fputs(", over the quality weight</title></polyline>\n", p->out);
}

static void draw_point(tradeoff_plot *p, const mlsel_policy *policy) {
    char hover[HOVER], number[TEXT_NUMBER], class_name[48];
    double value = policy_x(p, policy);
    if (isnan(value) || isnan(policy->quality))
        return;
    double x = plot_at(&p->x, value), y = plot_at(&p->y, policy->quality);
    const char *kind = figure_class(policy->kind);
    snprintf(class_name, sizeof class_name, "whisker %s", kind);
    if (!isnan(policy->quality_low))
        plot_line(p->out, x, plot_at(&p->y, policy->quality_low), x, plot_at(&p->y, policy->quality_high), class_name);
    snprintf(hover, sizeof hover, "%.120s: quality %.3f, %s", policy->name, policy->quality,
             p->by_latency ? evaluate_latency(number, sizeof number, value)
                           : evaluate_cost(number, sizeof number, value));
    plot_mark(p->out, shape_of(policy->kind), x, y, 6, kind, hover);
    p->labels[p->n_labels++] = (struct tradeoff_label){.x = x,
                                                       .y = y,
                                                       .is_selector = policy->kind == MLSEL_POLICY_SELECTOR,
                                                       .text = evaluate_shortened(policy->name, FIGURE_TITLE)};
}

/* Where a label may stand beside its mark: right, left, above, below, and farther ways off, with a line to the mark. */
static const struct label_place {
    double dx, dy; /* of its anchor from the mark */
    const char *anchor;
} places[] = {
    {12, 4, "start"},   {-12, 4, "end"},   {0, -14, "middle"}, {0, 24, "middle"}, {14, -12, "start"}, {-14, -12, "end"},
    {14, 20, "start"},  {-14, 20, "end"},  {26, -28, "start"}, {-26, -28, "end"}, {26, 36, "start"},  {-26, 36, "end"},
    {34, -46, "start"}, {-34, -46, "end"}, {34, 54, "start"},  {-34, 54, "end"},
};
enum { NEAR_PLACES = 8 };

typedef struct label_box {
    double left, right, baseline;
} label_box;

static label_box box_at(const struct tradeoff_label *label, const struct label_place *place) {
    double width = (double)text_width(label->text) * CHARACTER, x = label->x + place->dx;
    double left = strcmp(place->anchor, "start") == 0 ? x
                  : strcmp(place->anchor, "end") == 0 ? x - width
                                                      : x - width / 2;
    return (label_box){left, left + width, label->y + place->dy};
}

/* Whether a box is inside the drawing and lies on no mark and no other box. */
static bool is_free(const tradeoff_plot *p, const label_box *boxes, size_t n, label_box box) {
    if (box.left < p->x.from + 4 || box.right > PLOT_WIDTH || box.baseline > p->y.from - 2 ||
        box.baseline < p->y.to + 10)
        return false;
    for (size_t i = 0; i < p->n_labels; ++i)
        if (fabs(p->labels[i].y + 4 - box.baseline) < 11 && p->labels[i].x + 8 > box.left &&
            p->labels[i].x - 8 < box.right)
            return false;
    for (size_t i = 0; i < n; ++i)
        if (fabs(boxes[i].baseline - box.baseline) < 14 && boxes[i].left < box.right + 5 &&
            box.left < boxes[i].right + 5)
            return false;
    return true;
}

/* Selectors come first, so that they get the best places; what finds none is told by the mark's hover text. */
static void draw_labels(tradeoff_plot *p) {
    label_box *boxes = tool_alloc(p->n_labels, sizeof *boxes);
    size_t n = 0;
    for (int pass = 0; pass < 2; ++pass)
        for (size_t i = 0; i < p->n_labels; ++i) {
            const struct tradeoff_label *label = &p->labels[i];
            if (label->is_selector != (pass == 0))
                continue;
            size_t k = 0;
            while (k < TOOL_ARRAY_LENGTH(places) && !is_free(p, boxes, n, box_at(label, &places[k])))
                ++k;
            if (k == TOOL_ARRAY_LENGTH(places))
                continue;
            double x = label->x + places[k].dx, y = label->y + places[k].dy;
            boxes[n++] = box_at(label, &places[k]);
            if (k >= NEAR_PLACES)
                plot_line(p->out, label->x + places[k].dx / 4, label->y + places[k].dy / 4, x,
                          y - (places[k].dy > 0 ? 11 : -3), "leader");
            plot_text(p->out, x, y, places[k].anchor, label->is_selector ? "label strong" : "label small", label->text);
        }
    free(boxes);
}

static void draw_tradeoff(FILE *out, const evaluate_results *r, bool by_latency) {
    enum { LEFT = 76, TOP = 16, BOTTOM = 440 };
    tradeoff_plot p = {.out = out, .r = r, .by_latency = by_latency};
    p.labels = tool_alloc(r->n_policies, sizeof *p.labels);
    scale_tradeoff(&p, LEFT, PLOT_WIDTH - 24, TOP, BOTTOM);
    plot_open(out, PLOT_WIDTH, BOTTOM + 52, by_latency ? "Quality against latency" : "Quality against cost");
    plot_x_axis(out, &p.x, TOP, BOTTOM, by_latency ? "mean latency in seconds" : "mean cost", false);
    plot_y_axis(out, &p.y, LEFT, PLOT_WIDTH - 24, "mean quality", false);
    for (size_t i = 0; i < r->n_policies; ++i)
        draw_curve(&p, i);
    for (size_t i = r->n_policies; i-- > 0;) /* selectors on top */
        draw_point(&p, &r->policies[i]);
    draw_labels(&p);
    plot_close(out);
    for (size_t i = 0; i < p.n_labels; ++i)
        free(p.labels[i].text);
    free(p.labels);
}

static void draw_curve_legend(FILE *out, const evaluate_results *r) {
    fputs("<ul class=\"legend\">\n", out);
    for (size_t i = 0; i < r->n_policies; ++i) {
        if (mlsel_evaluation_curve(r->evaluation, i, NULL) == NULL)
            continue;
        fprintf(out,
                "<li><svg class=\"key\" viewBox=\"0 0 34 8\"><line x1=\"0\" y1=\"4\" x2=\"34\" y2=\"4\" class=\"curve "
                "%s dash%d\"/></svg>",
                figure_class(r->policies[i].kind), dash_of(&r->policies[i]));
        html_text(out, r->policies[i].name);
        if (!isnan(r->policies[i].area))
            fprintf(out, ", area %.3f", r->policies[i].area);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

void figure_tradeoff(FILE *out, const evaluate_results *r) {
    bool has_latency = evaluate_has_latency(r), has_cost = evaluate_has_cost(r), has_curve = false;
    for (size_t i = 0; i < r->n_policies; ++i)
        has_curve = has_curve || mlsel_evaluation_curve(r->evaluation, i, NULL) != NULL;
    if (!has_latency && !has_cost)
        return;
    open_figure(out, "tradeoff",
                has_latency && has_cost ? "Quality against latency and cost"
                : has_latency           ? "Quality against latency"
                                        : "Quality against cost",
                has_curve ? "Upper left is better. Lines are what the oracle and calibrated selectors reach as the "
                            "quality weight goes from 0 to 1."
                          : "Upper left is better. Vertical bars are the intervals of quality.");
    if (has_curve)
        draw_curve_legend(out, r);
    if (has_latency)
        draw_tradeoff(out, r, true);
    if (has_cost)
        draw_tradeoff(out, r, false);
    close_figure(out);
}
