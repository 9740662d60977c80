/* SPDX-License-Identifier: Apache-2.0 */
/* The results as text: what every policy reached, and what the selectors chose. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "evaluate.h"
#include "table.h"
#include "text.h"

enum { CELL = 200, TITLE_WIDTH = 42, MODEL_WIDTH = 42, MAX_COLUMNS = 12 };

enum { POLICY, QUALITY, INTERVAL, LATENCY, COST, BEST, OVER_RANDOM, OVER_SINGLE, GAP, GAP_INTERVAL, REGRET, P_VALUE };

typedef char cell_text[CELL];

static void print_fixed(cell_text out, const char *format, double value) {
    if (isnan(value))
        snprintf(out, CELL, "-");
    else
        snprintf(out, CELL, format, value);
}

static void print_interval(cell_text out, double low, double high, double scale, int digits) {
    if (isnan(low) || isnan(high))
        snprintf(out, CELL, "-");
    else
        snprintf(out, CELL, "%.*f to %.*f", digits, evaluate_rounded(low * scale, digits), digits,
                 evaluate_rounded(high * scale, digits));
}

static void copy(cell_text out, const char *text) {
    if (text != out)
        snprintf(out, CELL, "%s", text);
}

static void fill_cells(const mlsel_policy *p, cell_text *cells) {
    char *title = evaluate_title(p, TITLE_WIDTH - 2);
    snprintf(cells[POLICY], CELL, "%.180s%s", title, p->is_best_single ? " *" : "");
    free(title);
    print_fixed(cells[QUALITY], "%.4f", p->quality);
    print_interval(cells[INTERVAL], p->quality_low, p->quality_high, 1, 3);
    copy(cells[LATENCY], evaluate_latency(cells[LATENCY], CELL, p->latency_s));
    copy(cells[COST], evaluate_cost(cells[COST], CELL, p->cost));
    print_fixed(cells[BEST], "%.1f%%", p->best_share * 100);
    copy(cells[OVER_RANDOM], evaluate_percent(cells[OVER_RANDOM], CELL, p->over_random));
    copy(cells[OVER_SINGLE], evaluate_percent(cells[OVER_SINGLE], CELL, p->over_best_single));
    print_fixed(cells[GAP], "%.1f%%", evaluate_rounded(p->gap_closed * 100, 1));
    print_interval(cells[GAP_INTERVAL], p->gap_closed_low, p->gap_closed_high, 100, 1);
    print_fixed(cells[REGRET], "%.4f", p->regret);
    copy(cells[P_VALUE], evaluate_p(cells[P_VALUE], CELL, p->p_value));
}

/* The columns that have something to say. */
static size_t choose_columns(const evaluate_results *r, size_t *shown) {
    size_t n = 0;
    for (size_t c = 0; c < MAX_COLUMNS; ++c) {
        bool skipped = (c == LATENCY && !evaluate_has_latency(r)) || (c == COST && !evaluate_has_cost(r)) ||
                       ((c == INTERVAL || c == GAP_INTERVAL) && r->options.resamples == 0);
        if (!skipped)
            shown[n++] = c;
    }
    return n;
}

static void print_policies(const evaluate_results *r) {
    char interval[CELL];
    snprintf(interval, sizeof interval, "%g%% interval", r->options.confidence * 100);
    const char *const titles[MAX_COLUMNS] = {"policy",    "quality",   interval,     "latency", "cost",   "best model",
                                             "vs random", "vs single", "gap closed", interval,  "regret", "p"};
    size_t shown[MAX_COLUMNS];
    table_column columns[MAX_COLUMNS];
    cell_text *cells = tool_alloc(r->n_policies * MAX_COLUMNS, sizeof *cells);
    size_t count = choose_columns(r, shown);
    for (size_t c = 0; c < count; ++c) {
        columns[c] = (table_column){.title = titles[shown[c]], .right = shown[c] != POLICY};
        for (size_t p = 0; p < r->n_policies; ++p) {
            fill_cells(&r->policies[p], cells + p * MAX_COLUMNS);
            table_fit(&columns[c], cells[p * MAX_COLUMNS + shown[c]]);
        }
    }
    table t = {.columns = columns, .count = count, .colour = tool_colour(STDOUT_FILENO)};
    table_header(&t);
    for (size_t p = 0; p < r->n_policies; ++p) {
        const char *row[MAX_COLUMNS];
        for (size_t c = 0; c < count; ++c)
            row[c] = cells[p * MAX_COLUMNS + shown[c]];
        table_row(&t, row, &r->policies[p] == evaluate_best_selector(r));
    }
    free(cells);
}

/* --- selections --------------------------------------------------------------------------------------------------- */

static bool shows_selections(const mlsel_policy *p) {
    return p->kind != MLSEL_POLICY_ALWAYS && p->kind != MLSEL_POLICY_RANDOM;
}

/* Models down, policies across: names of models are long and many. */
static void print_selections(const evaluate_results *r) {
    table_column *columns = tool_alloc(r->n_policies + 1, sizeof *columns);
    size_t *shown = tool_alloc(r->n_policies + 1, sizeof *shown), count = 1;
    const char **row = tool_alloc(r->n_policies + 1, sizeof *row);
    char **names = tool_alloc(r->n_models, sizeof *names);
    cell_text *cells = tool_alloc(r->n_policies + 1, sizeof *cells);
    columns[0].title = "chosen";
    for (size_t p = 0; p < r->n_policies; ++p) {
        if (!shows_selections(&r->policies[p]))
            continue;
        columns[count] = (table_column){.title = evaluate_title(&r->policies[p], TITLE_WIDTH), .right = true};
        shown[count++] = p;
    }
    for (size_t m = 0; m < r->n_models; ++m) {
        names[m] = evaluate_shortened(mlsel_dataset_model(r->dataset, m), MODEL_WIDTH);
        table_fit(&columns[0], names[m]);
    }
    table t = {.columns = columns, .count = count, .colour = tool_colour(STDOUT_FILENO)};
    table_header(&t);
    for (size_t m = 0; m < r->n_models; ++m) {
        row[0] = names[m];
        for (size_t c = 1; c < count; ++c) {
            char number[TEXT_NUMBER];
            snprintf(cells[c], CELL, "%s", text_count(number, mlsel_evaluation_selections(r->evaluation, shown[c])[m]));
            row[c] = cells[c];
        }
        table_row(&t, row, false);
    }
    for (size_t c = 1; c < count; ++c)
        free((void *)columns[c].title);
    for (size_t m = 0; m < r->n_models; ++m)
        free(names[m]);
    free(names);
    free(columns);
    free(shown);
    free(cells);
    free(row);
}

/* --- calibration -------------------------------------------------------------------------------------------------- */

static void print_calibration(const evaluate_results *r) {
    table_column columns[] = {
        {"calibration", 0, false}, {"Brier score", 0, true}, {"calibration error", 0, true}, {"curve area", 0, true}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .colour = tool_colour(STDOUT_FILENO)};
    bool begun = false;
    for (int pass = 0; pass < 2; ++pass)
        for (size_t p = 0; p < r->n_policies; ++p) {
            const mlsel_policy *policy = &r->policies[p];
            if (isnan(policy->brier) && isnan(policy->area))
                continue;
            cell_text brier, error, area;
            char *title = evaluate_title(policy, TITLE_WIDTH);
            print_fixed(brier, "%.4f", policy->brier);
            print_fixed(error, "%.4f", policy->calibration_error);
            print_fixed(area, "%.4f", policy->area);
            const char *row[] = {title, brier, error, area};
            if (pass == 0)
                for (size_t c = 0; c < t.count; ++c)
                    table_fit(&columns[c], row[c]);
            if (pass == 1 && !begun) {
                printf("\n");
                table_header(&t);
                begun = true;
            }
            if (pass == 1)
                table_row(&t, row, false);
            free(title);
        }
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static void print_facts(const evaluate_results *r) {
    char queries[TEXT_NUMBER], models[TEXT_NUMBER], pairs[TEXT_NUMBER], reference[TEXT_NUMBER];
    printf("%s queries, %s models, %s known outcomes of %.0f", text_count(queries, r->info.n_queries),
           text_count(models, r->info.n_models), text_count(pairs, r->info.n_pairs),
           (double)r->info.n_queries * (double)r->info.n_models);
    if (r->reference.n_queries > 0)
        printf("; best single, per category and per task from %s other queries",
               text_count(reference, r->reference.n_queries));
    printf("\n\n");
}

void evaluate_print_table(const evaluate_results *r) {
    print_facts(r);
    print_policies(r);
    printf("\n");
    print_selections(r);
    print_calibration(r);
    printf(
        "\n* the best single model, which p and \"gap closed\" compare with; the gap is from there to the oracle%s\n",
        r->reference.n_queries > 0
            ? ""
            : ".\n  It and the best per category are chosen on these very records, which flatters them (--train-data)");
}
