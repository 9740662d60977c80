/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "report_html.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report_html_figures.h"
#include "report_html_plot.h"
#include "report_html_style.h"
#include "text.h"

enum { NUMBER = 64 };

/* --- facts -------------------------------------------------------------------------------------------------------- */

static void write_card(FILE *out, const char *name, const char *value, const char *note) {
    fputs("<div class=\"card\"><div class=\"name\">", out);
    html_text(out, name);
    fputs("</div><div class=\"figure\">", out);
    html_text(out, value);
    fputs("</div><div class=\"note\">", out);
    html_text(out, note);
    fputs("</div></div>\n", out);
}

static void range_text(char *out, size_t size, double low, double high, double scale, int digits, const char *unit) {
    if (isnan(low) || isnan(high))
        out[0] = '\0';
    else
        snprintf(out, size, "%.*f to %.*f%s", digits, evaluate_rounded(low * scale, digits), digits,
                 evaluate_rounded(high * scale, digits), unit);
}

static void write_quality_card(FILE *out, const char *name, const mlsel_policy *policy) {
    char value[NUMBER], note[240], range[NUMBER];
    snprintf(value, sizeof value, isnan(policy->quality) ? "-" : "%.3f", policy->quality);
    range_text(range, sizeof range, policy->quality_low, policy->quality_high, 1, 3, "");
    snprintf(note, sizeof note, "%.120s%s%s", policy->name, range[0] != '\0' ? ", " : "", range);
    write_card(out, name, value, note);
}

static void write_cards(FILE *out, const evaluate_results *r) {
    const mlsel_policy *best = evaluate_best_selector(r);
    char value[NUMBER], note[240], test[NUMBER], range[NUMBER];
    fputs("<div class=\"cards\">\n", out);
    if (best != NULL)
        write_quality_card(out, "best selector", best);
    write_quality_card(out, "best single model", &r->policies[r->best_single]);
    if (best != NULL && !isnan(best->gap_closed)) {
        snprintf(value, sizeof value, "%.1f%%", evaluate_rounded(best->gap_closed * 100, 1));
        range_text(range, sizeof range, best->gap_closed_low, best->gap_closed_high, 100, 1, "%, ");
        snprintf(note, sizeof note, "%sp %s%s", range, best->p_value < 0.001 ? "" : "= ",
                 evaluate_p(test, sizeof test, best->p_value));
        write_card(out, "share of the gap closed", value, note);
    }
    snprintf(value, sizeof value, "%.3f", r->policies[0].quality);
    write_card(out, "oracle", value, "the best answer of each query");
    fputs("</div>\n", out);
}

static void write_fact(FILE *out, const char *name, const char *value) {
    fputs("<div><dt>", out);
    html_text(out, name);
    fputs("</dt><dd>", out);
    html_text(out, value);
    fputs("</dd></div>\n", out);
}

static void write_count(FILE *out, const char *name, uint64_t value) {
    char number[TEXT_NUMBER];
    write_fact(out, name, text_count(number, value));
}

static void write_facts(FILE *out, const evaluate_results *r) {
    char text[NUMBER], number[TEXT_NUMBER];
    double cells = (double)r->info.n_queries * (double)r->info.n_models;
    fputs("<dl class=\"facts\">\n", out);
    write_count(out, "queries", r->info.n_queries);
    write_count(out, "models", r->info.n_models);
    write_count(out, "categories", r->n_categories);
    snprintf(text, sizeof text, "%s (%.1f%%)", text_count(number, r->info.n_pairs),
             100 * (double)r->info.n_pairs / cells);
    write_fact(out, "known outcomes", text);
    write_count(out, "measured latencies", r->info.n_latencies);
    write_count(out, "known costs", r->info.n_costs);
    if (r->info.n_failed > 0)
        write_count(out, "failed requests, left out", r->info.n_failed);
    snprintf(text, sizeof text, "%llu values%s%.40s", (unsigned long long)r->info.embedding_width,
             r->embedder != NULL ? ", " : "", r->embedder != NULL ? r->embedder : "");
    write_fact(out, "embeddings", text);
    snprintf(text, sizeof text, "%s other queries", text_count(number, r->reference.n_queries));
    write_fact(out, "best single model chosen on", r->reference.n_queries > 0 ? text : "these queries");
    fputs("</dl>\n", out);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

/* A number, or two; with minus signs as wide as plus signs. */
static void cell(FILE *out, const char *text) {
    fputs("<td>", out);
    for (const char *part = text, *at = text;; ++at) {
        const bool is_minus = *at == '-' && (at == text || at[-1] == ' ') && at[1] >= '0' && at[1] <= '9';
        if (!is_minus && *at != '\0')
            continue;
        char *before = tool_copy(part, (size_t)(at - part));
        html_text(out, before);
        free(before);
        if (!is_minus)
            break;
        fputs("&minus;", out);
        part = at + 1;
    }
    fputs("</td>", out);
}

/* Where all policies have the same queries, the facts have said how many. */
static bool differ_in_queries(const evaluate_results *r) {
    for (size_t i = 1; i < r->n_policies; ++i)
        if (r->policies[i].n != r->policies[0].n)
            return true;
    return false;
}

static void number_cell(FILE *out, const char *format, double value) {
    char text[NUMBER] = "\xE2\x80\x93";
    if (!isnan(value))
        snprintf(text, sizeof text, format, value);
    cell(out, text);
}

static void interval_cell(FILE *out, double low, double high, double scale, int digits) {
    char text[NUMBER] = "\xE2\x80\x93";
    if (!isnan(low) && !isnan(high))
        snprintf(text, sizeof text, low < 0 || high < 0 ? "%.*f to %.*f" : "%.*f\xE2\x80\x93%.*f", digits,
                 evaluate_rounded(low * scale, digits), digits, evaluate_rounded(high * scale, digits));
    cell(out, text);
}

static void row_head(FILE *out, const mlsel_policy *policy) {
    char *title = evaluate_title(policy, 42);
    fputs("<th scope=\"row\" title=\"", out);
    html_text(out, policy->name);
    fputs("\">", out);
    html_text(out, title);
    fputs(policy->is_best_single ? " <abbr title=\"the best single model\">*</abbr></th>" : "</th>", out);
    free(title);
}

static void write_policy(FILE *out, const evaluate_results *r, const mlsel_policy *p) {
    char text[NUMBER], number[TEXT_NUMBER];
    fprintf(out, "<tr class=\"row-%s\">", figure_class(p->kind));
    row_head(out, p);
    if (differ_in_queries(r))
        cell(out, text_count(number, p->n));
    number_cell(out, "%.4f", p->quality);
    interval_cell(out, p->quality_low, p->quality_high, 1, 3);
    if (evaluate_has_latency(r))
        cell(out, evaluate_latency(text, sizeof text, p->latency_s));
    if (evaluate_has_cost(r))
        cell(out, evaluate_cost(text, sizeof text, p->cost));
    number_cell(out, "%.1f%%", p->best_share * 100);
    cell(out, evaluate_percent(text, sizeof text, p->over_random));
    cell(out, evaluate_percent(text, sizeof text, p->over_best_single));
    number_cell(out, "%.1f%%", evaluate_rounded(p->gap_closed * 100, 1));
    interval_cell(out, p->gap_closed_low, p->gap_closed_high, 100, 0);
    number_cell(out, "%.4f", p->regret);
    cell(out, evaluate_p(text, sizeof text, p->p_value));
    fputs("</tr>\n", out);
}

static void write_table(FILE *out, const evaluate_results *r) {
    fputs("<section id=\"numbers\">\n<h2>All numbers</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th "
          "scope=\"col\">policy</th>",
          out);
    fputs(differ_in_queries(r) ? "<th>queries</th>" : "", out);
    fputs("<th>quality</th><th>interval</th>", out);
    if (evaluate_has_latency(r))
        fputs("<th>latency</th>", out);
    if (evaluate_has_cost(r))
        fputs("<th>cost</th>", out);
    fputs("<th>best model</th><th>vs random</th><th>vs best single</th><th>gap closed</th><th>interval, %</th>"
          "<th>regret</th><th>p</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->n_policies; ++i)
        write_policy(out, r, &r->policies[i]);
    fputs("</tbody>\n</table>\n</div>\n", out);
}

static void write_selections(FILE *out, const evaluate_results *r) {
    char number[TEXT_NUMBER];
    fputs("<h3>Choices</h3>\n<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">model</th>", out);
    for (size_t i = 0; i < r->n_policies; ++i) {
        if (r->policies[i].kind == MLSEL_POLICY_ALWAYS || r->policies[i].kind == MLSEL_POLICY_RANDOM)
            continue;
        fputs("<th scope=\"col\">", out);
        html_text(out, r->policies[i].name);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t m = 0; m < r->n_models; ++m) {
        fputs("<tr><th scope=\"row\">", out);
        html_text(out, mlsel_dataset_model(r->dataset, m));
        fputs("</th>", out);
        for (size_t i = 0; i < r->n_policies; ++i)
            if (r->policies[i].kind != MLSEL_POLICY_ALWAYS && r->policies[i].kind != MLSEL_POLICY_RANDOM)
                cell(out, text_count(number, mlsel_evaluation_selections(r->evaluation, i)[m]));
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}

static void write_notes(FILE *out, const evaluate_results *r) {
    fputs("<section id=\"notes\">\n<h2>How to read this</h2>\n<ul>\n", out);
    fputs("<li>A query counts for a policy if the quality of its choice is known. What was not measured is left out, "
          "never counted as zero; comparisons are over the queries that count for both.</li>\n",
          out);
    if (r->options.resamples > 0)
        fprintf(out,
                "<li>Intervals: %g%% percentile bootstrap over queries, %u resamples, the same for all policies (seed "
                "%llu).</li>\n",
                r->options.confidence * 100, (unsigned)r->options.resamples, (unsigned long long)r->options.seed);
    fputs("<li>p: two-sided, paired permutation of signs against the best single model, not corrected for several "
          "policies being compared.</li>\n",
          out);
    fprintf(out,
            "<li>Gap closed: (quality &minus; best single) / (oracle &minus; best single). Regret: mean utility lost "
            "against the best choice, with quality weight %g.</li>\n",
            r->options.quality_weight);
    fputs(r->reference.n_queries > 0
              ? "<li>The best single model and the best models per category and task were chosen on other records "
                "than those evaluated.</li>\n"
              : "<li>The best single model and the best models per category and task were chosen on the very records "
                "evaluated, which flatters them.</li>\n",
          out);
    fputs("</ul>\n</section>\n", out);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static void write_page(FILE *out, const evaluate_results *r) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"mlsel ",
          out);
    html_text(out, mlsel_version_string());
    fputs("\">\n<title>Evaluation of selectors</title>\n<style>\n", out);
    for (size_t i = 0; report_html_style[i] != NULL; ++i)
        fputs(report_html_style[i], out);
    fputs("</style>\n</head>\n<body>\n<main>\n<header>\n<h1>Evaluation of selectors</h1>\n", out);
    write_cards(out, r);
    write_facts(out, r);
    fputs("</header>\n", out);
    figure_quality(out, r);
    figure_gap(out, r);
    figure_tradeoff(out, r);
    figure_mix(out, r);
    figure_calibration(out, r);
    write_table(out, r);
    write_selections(out, r);
    write_notes(out, r);
    fputs("</main>\n</body>\n</html>\n", out);
}

bool report_html_write(const char *path, const evaluate_results *r, failure *problem) {
    size_t size = strlen(path) + 48;
    char *beside = tool_alloc(size, 1);
    snprintf(beside, size, "%s.%ld.new", path, (long)getpid());
    int fd = tool_open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = file != NULL;
    if (fd >= 0)
        tool_unfinished(beside);
    if (ok) {
        write_page(file, r);
        ok = ferror(file) == 0;
        ok = fclose(file) == 0 && ok;
        ok = ok && rename(beside, path) == 0;
    }
    if (!ok) {
        failure_set(problem, EXIT_BAD_INPUT, "cannot write %s: %s", path, strerror(errno));
        if (file == NULL && fd >= 0)
            close(fd);
        if (fd >= 0)
            unlink(beside);
    }
    tool_finished(beside);
    free(beside);
    return ok;
}
