/* SPDX-License-Identifier: Apache-2.0 */
/* What selectors chose in each category, and how far their confidence can be trusted. */
#include <stdlib.h>

#include "report_html_figures.h"
#include "report_html_plot.h"
#include "text.h"

/* --- the mix ------------------------------------------------------------------------------------------------------ */

enum { MAX_CATEGORIES = 20, BAR = 22, CATEGORY_GUTTER = 170, COUNT_WIDTH = 64, LABEL_WIDTH = 24, HOVER = 400 };

/* Which colour a model has: the most chosen ones have one each, the others share the last. */
typedef struct palette {
    size_t *order;   /* [n_models] models, most chosen first */
    size_t *colour;  /* [n_models] */
    size_t n_chosen; /* models that some selector chose */
    size_t n_single; /* of them, those with a colour of their own */
} palette;

static bool is_shown(const mlsel_policy *policy) { return policy->kind == MLSEL_POLICY_SELECTOR; }

/* Selectors alone decide, so that their models are told apart. */
static palette make_palette(const evaluate_results *r) {
    palette p = {tool_alloc(r->n_models, sizeof *p.order), tool_alloc(r->n_models, sizeof *p.colour), 0, 0};
    uint64_t *counts = tool_alloc(r->n_models, sizeof *counts);
    for (size_t i = 0; i < r->n_policies; ++i)
        for (size_t m = 0; m < r->n_models && is_shown(&r->policies[i]); ++m)
            counts[m] += mlsel_evaluation_selections(r->evaluation, i)[m];
    for (size_t m = 0; m < r->n_models; ++m) {
        size_t k = m;
        for (; k > 0 && counts[p.order[k - 1]] < counts[m]; --k)
            p.order[k] = p.order[k - 1];
        p.order[k] = m;
    }
    while (p.n_chosen < r->n_models && counts[p.order[p.n_chosen]] > 0)
        ++p.n_chosen;
    p.n_single = p.n_chosen <= FIGURE_COLOURS ? p.n_chosen : FIGURE_COLOURS - 1;
    for (size_t k = 0; k < r->n_models; ++k)
        p.colour[p.order[k]] = k < p.n_single ? k : FIGURE_COLOURS - 1;
    free(counts);
    return p;
}

static void draw_legend(FILE *out, const evaluate_results *r, const palette *p) {
    fputs("<ul class=\"legend\">\n", out);
    for (size_t k = 0; k < p->n_single; ++k) {
        fprintf(out, "<li><span class=\"swatch b%zu\"></span>", k);
        html_text(out, mlsel_dataset_model(r->dataset, p->order[k]));
        fputs("</li>\n", out);
    }
    if (p->n_single < p->n_chosen)
        fprintf(out, "<li><span class=\"swatch b%d\"></span>%zu other models</li>\n", FIGURE_COLOURS - 1,
                p->n_chosen - p->n_single);
    fputs("</ul>\n", out);
}

/* One bar, from the choices of each model. */
static void draw_bar(FILE *out, const evaluate_results *r, const palette *p, const char *name, const uint64_t *counts,
                     double y) {
    double left = CATEGORY_GUTTER, width = PLOT_WIDTH - CATEGORY_GUTTER - COUNT_WIDTH, total = 0, x = left;
    char number[TEXT_NUMBER], hover[HOVER];
    for (size_t m = 0; m < r->n_models; ++m)
        total += (double)counts[m];
    char *label = evaluate_shortened(name, LABEL_WIDTH);
    plot_text(out, left - 12, y + (BAR - 5) / 2.0 + 4.5, "end", "label", label);
    free(label);
    for (size_t k = 0; k < r->n_models && total > 0; ++k) {
        size_t m = p->order[k];
        double share = (double)counts[m] / total;
        if (counts[m] == 0)
            continue;
        snprintf(hover, sizeof hover, "%.100s: %.120s %.1f%% (%llu)", name, mlsel_dataset_model(r->dataset, m),
                 100 * share, (unsigned long long)counts[m]);
        fprintf(out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" class=\"seg c%zu\"><title>", x, y,
                share * width, BAR - 5, p->colour[m]);
        html_text(out, hover);
        fputs("</title></rect>\n", out);
        x += share * width;
    }
    plot_text(out, PLOT_WIDTH - 4, y + (BAR - 5) / 2.0 + 4.5, "end", "value", text_count(number, (uint64_t)total));
}

static void draw_mix(FILE *out, const evaluate_results *r, const palette *p, size_t index) {
    const uint64_t *by_category = mlsel_evaluation_category_selections(r->evaluation, index);
    size_t shown = r->n_categories <= MAX_CATEGORIES ? r->n_categories : MAX_CATEGORIES - 1;
    bool has_rest = shown<r->n_categories, has_all = r->n_categories> 1;
    double height = BAR * (double)(shown + has_rest + has_all) + (has_all ? 8 : 0) + 4, y = 2;
    char title[160], rest_name[64];
    char *name = evaluate_title(&r->policies[index], FIGURE_TITLE);
    fputs("<h3>", out);
    html_text(out, name);
    fputs("</h3>\n", out);
    snprintf(title, sizeof title, "Models that %.100s chose, by category", name);
    free(name);
    plot_open(out, PLOT_WIDTH, height, title);
    if (has_all) {
        draw_bar(out, r, p, "all", mlsel_evaluation_selections(r->evaluation, index), y);
        y += BAR + 8;
    }
    for (size_t c = 0; c < shown; ++c)
        draw_bar(out, r, p, mlsel_evaluation_category(r->evaluation, c), by_category + c * r->n_models,
                 y + BAR * (double)c);
    if (has_rest) {
        uint64_t *rest = tool_alloc(r->n_models, sizeof *rest);
        for (size_t c = shown; c < r->n_categories; ++c)
            for (size_t m = 0; m < r->n_models; ++m)
                rest[m] += by_category[c * r->n_models + m];
        snprintf(rest_name, sizeof rest_name, "%zu others", r->n_categories - shown);
        draw_bar(out, r, p, rest_name, rest, y + BAR * (double)shown);
        free(rest);
    }
    plot_close(out);
}

void figure_mix(FILE *out, const evaluate_results *r) {
    bool has_any = false;
    for (size_t i = 0; i < r->n_policies; ++i)
        has_any = has_any || is_shown(&r->policies[i]);
    if (!has_any)
        return;
    palette p = make_palette(r);
    fputs("<section id=\"mix\">\n<h2>What the selectors chose</h2>\n<p class=\"caption\">Share of each model in the "
          "choices, by category of the query, the most frequent first; on the right the queries.</p>\n",
          out);
    draw_legend(out, r, &p);
    for (size_t i = 0; i < r->n_policies; ++i)
        if (is_shown(&r->policies[i]))
            draw_mix(out, r, &p, i);
    fputs("</section>\n", out);
    free(p.order);
    free(p.colour);
}

/* --- calibration -------------------------------------------------------------------------------------------------- */

static void draw_reliability(FILE *out, const evaluate_results *r, size_t index) {
    enum { SIZE = 420, LEFT = 64, TOP = 12, RIGHT = 408, BOTTOM = 356 };
    const mlsel_policy *policy = &r->policies[index];
    size_t n;
    const mlsel_reliability *bins = mlsel_evaluation_reliability(r->evaluation, index, &n);
    char text[HOVER];
    plot_scale x = plot_scale_nice(0, 1, LEFT, RIGHT, 5), y = plot_scale_nice(0, 1, BOTTOM, TOP, 5);
    fputs("<figure>\n<figcaption><b>", out);
    html_text(out, policy->name);
    fprintf(out, "</b><br>calibration error %.3f, Brier score %.3f</figcaption>\n", policy->calibration_error,
            policy->brier);
    snprintf(text, sizeof text, "Confidence of %.100s against quality", policy->name);
    plot_open(out, SIZE, BOTTOM + 48, text);
    plot_x_axis(out, &x, TOP, BOTTOM, "confidence", false);
    plot_y_axis(out, &y, LEFT, RIGHT, "quality", false);
    plot_line(out, LEFT, BOTTOM, RIGHT, TOP, "reference");
    fputs("<polyline points=\"", out);
    for (size_t i = 0; i < n; ++i)
        fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "", plot_at(&x, bins[i].confidence), plot_at(&y, bins[i].quality));
    fputs("\" class=\"curve selector\"/>\n", out);
    for (size_t i = 0; i < n; ++i) {
        snprintf(text, sizeof text, "confidence %.3f, quality %.3f, %llu queries", bins[i].confidence, bins[i].quality,
                 (unsigned long long)bins[i].n);
        plot_mark(out, SHAPE_CIRCLE, plot_at(&x, bins[i].confidence), plot_at(&y, bins[i].quality), 5, "selector",
                  text);
    }
    plot_close(out);
    fputs("</figure>\n", out);
}

void figure_calibration(FILE *out, const evaluate_results *r) {
    bool begun = false;
    for (size_t i = 0; i < r->n_policies; ++i) {
        if (mlsel_evaluation_reliability(r->evaluation, i, NULL) == NULL)
            continue;
        if (!begun)
            fputs("<section id=\"calibration\">\n<h2>Calibration</h2>\n<p class=\"caption\">Mean confidence of the "
                  "choice against the mean quality that came of it, in bins of equal count. On the dashed line "
                  "confidence is what it says; below it, selectors promise too much.</p>\n<div class=\"grid2\">\n",
                  out);
        begun = true;
        draw_reliability(out, r, i);
    }
    if (begun)
        fputs("</div>\n</section>\n", out);
}
