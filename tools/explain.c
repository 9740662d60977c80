/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "text.h"

enum { INDENT = 4, BAR = 20, MOST_NEIGHBOURS = 20, MOST_CLUSTERS = 5, MOST_PAIRS = 28, MOST_COLUMNS = 11 };

/* --- evidence --------------------------------------------------------------------------------------------------- */

void explanation_allocate(explanation *e, const run_model *m) {
    mlsel_evidence *ev = &e->evidence;
    const mlsel_model_info *info = &m->info;
    mlsel_evidence_init(ev, sizeof *ev);
    ev->scores_capacity = ev->probabilities_capacity = ev->votes_capacity = info->n_labels;
    ev->scores = tool_alloc(info->n_labels, sizeof *ev->scores);
    ev->probabilities = tool_alloc(info->n_labels, sizeof *ev->probabilities);
    ev->votes = tool_alloc(info->n_labels, sizeof *ev->votes);
    ev->confidences_capacity = info->n_labels;
    ev->confidences = tool_alloc(info->n_labels, sizeof *ev->confidences);
    ev->neighbours_capacity = info->k;
    ev->neighbours = tool_alloc(info->k, sizeof *ev->neighbours);
    ev->outcomes_capacity = info->n_labels;
    ev->outcomes = tool_alloc(info->n_labels, sizeof *ev->outcomes);
    ev->cluster_distances_capacity = info->n_clusters;
    ev->cluster_distances = tool_alloc(info->n_clusters, sizeof *ev->cluster_distances);
    ev->pair_decisions_capacity = info->n_pairs;
    ev->pair_decisions = tool_alloc(info->n_pairs, sizeof *ev->pair_decisions);
}

void explanation_free(explanation *e) {
    free(e->evidence.scores);
    free(e->evidence.probabilities);
    free(e->evidence.votes);
    free(e->evidence.confidences);
    free(e->evidence.neighbours);
    free(e->evidence.outcomes);
    free(e->evidence.cluster_distances);
    free(e->evidence.pair_decisions);
}

bool explanation_first_wins(const run_model *m, double decision) {
    return m->info.n_classes == 2 ? decision < 0 : decision > 0;
}

/* --- why -------------------------------------------------------------------------------------------------------- */

static const char *label_of(const run_model *m, int32_t label) { return m->labels[label]; }

/* Ends the sentence about the chosen label. */
static void print_runner_up(const explanation *e, const run_model *m) {
    const mlsel_selection *best = &e->evidence.selection;
    char score[TEXT_NUMBER];
    if (best->runner_up >= 0)
        printf("; %s %s %s", label_of(m, best->runner_up),
               (best->flags & MLSEL_SELECTION_TIE) != 0 ? "has" : "follows with",
               text_number(score, e->evidence.scores[best->runner_up]));
    printf(".\n");
}

static bool weighed(const explanation *e) { return (e->evidence.selection.flags & MLSEL_SELECTION_TRADEOFF) != 0; }

/* How many of the candidates are good enough, and which one is the best. */
static size_t count_within(const explanation *e, const run_model *m, size_t *best) {
    const mlsel_outcome *o = e->evidence.outcomes;
    size_t count = 0;
    *best = (size_t)e->evidence.selection.index;
    for (size_t i = 0; i < m->info.n_labels; ++i)
        if (run_eligible(m, i) && o[i].samples > 0 && o[i].quality > o[*best].quality)
            *best = i;
    for (size_t i = 0; i < m->info.n_labels; ++i) /* the library's own rounding is finer than what is shown */
        count +=
            run_eligible(m, i) && o[i].samples > 0 && o[i].quality >= o[*best].quality - m->tradeoff.tolerance - 1e-12;
    return count;
}

static void why_tradeoff(const explanation *e, const run_model *m) {
    const mlsel_selection *best = &e->evidence.selection;
    const mlsel_outcome *o = e->evidence.outcomes;
    char utility[TEXT_NUMBER], tolerance[TEXT_NUMBER], quality[TEXT_NUMBER];
    if ((best->flags & MLSEL_SELECTION_WIDENED) != 0)
        printf("%*sNo candidate has an outcome among the %" PRIu32
               " nearest rows, so the nearest rows of candidates count.\n",
               INDENT, "", m->info.k);
    if ((m->tradeoff.flags & MLSEL_TRADEOFF_TOLERANCE) == 0) {
        printf("%*s%s has the highest utility, %s", INDENT, "", label_of(m, best->index),
               text_number(utility, best->score));
        print_runner_up(e, m);
        return;
    }
    size_t finest;
    const size_t count = count_within(e, m, &finest);
    printf("%*s", INDENT, "");
    if (count == 1)
        printf("%s alone is", label_of(m, best->index));
    else
        printf("%s is the %s of %zu that are", label_of(m, best->index),
               m->tradeoff.costs != NULL ? "cheapest" : "fastest", count);
    printf(" within %s of the best expected quality, %s", text_number(tolerance, m->tradeoff.tolerance),
           text_number(quality, o[finest].quality));
    if (finest != (size_t)best->index)
        printf(" of %s", label_of(m, (int32_t)finest));
    printf(".\n");
}

static void why_outcomes(const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    const mlsel_selection *best = &ev->selection;
    const uint64_t known = ev->outcomes[best->index].samples;
    char score[TEXT_NUMBER];
    printf("%*s%s did best in the %zu nearest rows, of which %" PRIu64 " know%s it: %s expected", INDENT, "",
           label_of(m, best->index), ev->neighbour_count, known, known == 1 ? "s" : "",
           text_number(score, best->score));
    print_runner_up(e, m);
}

static void why_knn(const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    const mlsel_selection *best = &ev->selection;
    char score[TEXT_NUMBER];
    size_t own = 0;
    for (size_t i = 0; i < ev->neighbour_count; ++i)
        own += ev->neighbours[i].label == best->index;
    if ((best->flags & MLSEL_SELECTION_WIDENED) != 0)
        printf("%*sNone of the %" PRIu32
               " nearest rows belongs to a candidate, so the nearest rows of candidates voted.\n",
               INDENT, "", m->info.k);
    printf((best->flags & MLSEL_SELECTION_WIDENED) != 0 ? "%*s%zu of these %zu rows" : "%*s%zu of the %zu nearest rows",
           INDENT, "", own, ev->neighbour_count);
    printf(" %s for %s, %s in all", own == 1 ? "votes" : "vote", label_of(m, best->index),
           text_number(score, best->score));
    print_runner_up(e, m);
}

static void why_kmeans(const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    const mlsel_selection *best = &ev->selection;
    char distance[TEXT_NUMBER], score[TEXT_NUMBER];
    size_t nearest = 0;
    for (size_t i = 1; i < ev->cluster_count; ++i)
        if (ev->cluster_distances[i] < ev->cluster_distances[nearest])
            nearest = i;
    if ((best->flags & MLSEL_SELECTION_NEXT_CLUSTER) != 0)
        printf("%*sThe nearest cluster, %zu, belongs to a label that is no candidate.\n", INDENT, "", nearest);
    text_number(distance, best->cluster >= 0 ? ev->cluster_distances[best->cluster] : 0);
    if (m->info.format_version < 2) {
        printf("%*sCluster %" PRId32 " is the nearest%s, at a squared distance of %s; it belongs to %s.\n", INDENT, "",
               best->cluster, (best->flags & MLSEL_SELECTION_NEXT_CLUSTER) != 0 ? " of a candidate" : "", distance,
               label_of(m, best->index));
        return;
    }
    printf("%*sCluster %" PRId32 " is the nearest, at a squared distance of %s. There %s has the best score, %s",
           INDENT, "", best->cluster, distance, label_of(m, best->index), text_number(score, best->score));
    print_runner_up(e, m);
}

static void why_svm(const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    const mlsel_selection *best = &ev->selection;
    char score[TEXT_NUMBER];
    if (ev->pair_count == 0) {
        printf("%*sThe classifier of %s gives the highest score, %s", INDENT, "", label_of(m, best->index),
               text_number(score, best->score));
        print_runner_up(e, m);
        return;
    }
    if (m->info.n_classes == 2) {
        printf("%*s%s wins the only pair.\n", INDENT, "", label_of(m, best->index));
        return;
    }
    printf("%*s%s wins %" PRId32 " of the %" PRIu32 " pairs it is in", INDENT, "", label_of(m, best->index),
           ev->votes[best->index], m->info.n_classes - 1);
    if (best->runner_up >= 0)
        printf("; %s wins %" PRId32, label_of(m, best->runner_up), ev->votes[best->runner_up]);
    printf(".\n");
}

static void why_mlp(const explanation *e, const run_model *m) {
    const mlsel_selection *best = &e->evidence.selection;
    char score[TEXT_NUMBER];
    printf("%*s%s has the highest logit, %s", INDENT, "", label_of(m, best->index), text_number(score, best->score));
    print_runner_up(e, m);
}

static const char *tie_rule(const mlsel_model_info *info) {
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        return "the name that comes first in byte order";
    case MLSEL_ALGORITHM_KMEANS:
        return info->format_version < 2 ? "the cluster with the lowest number" : "the first label";
    case MLSEL_ALGORITHM_SVM:
        return info->svm_form == MLSEL_SVM_FORM_ONE_VS_ONE ? "the first class" : "the first label";
    default:
        return "the first label";
    }
}

static void print_why(const explanation *e, const run_model *m, uint32_t category_flags) {
    const mlsel_selection *best = &e->evidence.selection;
    switch (m->info.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        if (weighed(e))
            why_tradeoff(e, m);
        else if (m->info.knn_rule == MLSEL_KNN_RULE_OUTCOMES)
            why_outcomes(e, m);
        else
            why_knn(e, m);
        break;
    case MLSEL_ALGORITHM_KMEANS:
        why_kmeans(e, m);
        break;
    case MLSEL_ALGORITHM_SVM:
        why_svm(e, m);
        break;
    default:
        why_mlp(e, m);
    }
    if ((best->flags & MLSEL_SELECTION_SINGLE) != 0)
        printf("%*sIt is the only label that can be chosen.\n", INDENT, "");
    if ((best->flags & MLSEL_SELECTION_TIE) != 0)
        printf("%*sThat is a tie; %s wins it.\n", INDENT, "", tie_rule(&m->info));
    if ((category_flags & MLSEL_CATEGORY_FELL_BACK) != 0)
        printf("%*sThe category is not one of the artifact's and counts as \"other\".\n", INDENT, "");
}

/* --- labels ----------------------------------------------------------------------------------------------------- */

typedef struct ranked {
    double first; /* the larger, the earlier */
    double second;
    size_t index;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->first < y->first || x->first > y->first)
        return x->first > y->first ? -1 : 1;
    if (x->second < y->second || x->second > y->second)
        return x->second > y->second ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static const char *bar(char out[BAR + 1], double share) {
    size_t length = share > 0 ? (size_t)(share * BAR + 0.5) : 0;
    memset(out, '#', BAR);
    out[length < BAR ? length : BAR] = '\0';
    return out;
}

static const char *label_note(const explanation *e, const run_model *m, size_t label) {
    const mlsel_selection *best = &e->evidence.selection;
    if (best->index == (int32_t)label)
        return "chosen";
    if (!run_eligible(m, label))
        return "no candidate";
    if (weighed(e) && e->evidence.outcomes[label].samples == 0)
        return "no outcome";
    if (!isfinite(e->evidence.scores[label]))
        return "never chosen by this artifact";
    return best->runner_up == (int32_t)label ? "runner-up" : "";
}

static void print_label_row(const table *t, const explanation *e, const run_model *m, size_t label) {
    const mlsel_evidence *ev = &e->evidence;
    bool chosen = ev->selection.index == (int32_t)label;
    const char *cells[MOST_COLUMNS];
    char quality[TEXT_NUMBER], latency[TEXT_NUMBER], cost[TEXT_NUMBER], rows[TEXT_NUMBER];
    char score[TEXT_NUMBER], pairs[TEXT_NUMBER], probability[TEXT_NUMBER], share[BAR + 1], confidence[TEXT_NUMBER];
    size_t n = 0;
    cells[n++] = m->labels[label];
    if (weighed(e)) {
        const mlsel_outcome *o = &ev->outcomes[label];
        snprintf(rows, sizeof rows, "%" PRIu64, o->samples);
        cells[n++] = rows;
        cells[n++] = o->samples > 0 ? text_number(quality, o->quality) : "-";
        cells[n++] = text_duration(latency, o->latency_ns);
        if (m->tradeoff.costs != NULL)
            cells[n++] = isnan(o->cost) ? "-" : text_number(cost, o->cost);
    }
    cells[n++] = text_number(score, ev->scores[label]);
    snprintf(pairs, sizeof pairs, "%" PRId32, ev->vote_count > 0 ? ev->votes[label] : 0);
    if (ev->vote_count > 0)
        cells[n++] = pairs;
    cells[n++] = text_probability(probability, ev->probabilities[label]);
    cells[n++] = bar(share, ev->probabilities[label]);
    if (ev->confidence_count > 0)
        cells[n++] = isnan(ev->confidences[label]) ? "-" : text_probability(confidence, ev->confidences[label]);
    cells[n++] = label_note(e, m, label);
    table_row(t, cells, chosen);
}

/* All labels, the chosen one first, then by what decides. */
static void print_labels(const explanation *e, const run_model *m, bool colour) {
    const mlsel_evidence *ev = &e->evidence;
    size_t count = m->info.n_labels;
    table_column columns[MOST_COLUMNS];
    table t = {.columns = columns, .indent = INDENT, .colour = colour};
    columns[t.count++] = (table_column){"LABEL", 0, false};
    for (size_t i = 0; i < count; ++i)
        table_fit(&columns[0], m->labels[i]);
    if (weighed(e)) {
        columns[t.count++] = (table_column){"ROWS", 0, true};
        columns[t.count++] = (table_column){"QUALITY", 0, true};
        columns[t.count++] = (table_column){"LATENCY", 8, true};
        if (m->tradeoff.costs != NULL)
            columns[t.count++] = (table_column){"COST", 8, true};
    }
    const char *score = m->info.algorithm == MLSEL_ALGORITHM_MLP ? "LOGIT" : weighed(e) ? "UTILITY" : "SCORE";
    columns[t.count++] = (table_column){score, 9, true};
    if (ev->vote_count > 0)
        columns[t.count++] = (table_column){"PAIRS WON", 0, true};
    columns[t.count++] = (table_column){"PROB.", 6, true};
    columns[t.count++] = (table_column){"", BAR, false};
    if (ev->confidence_count > 0)
        columns[t.count++] = (table_column){"CONF.", 6, true};
    columns[t.count++] = (table_column){"", 0, false};
    ranked *order = tool_alloc(count, sizeof *order);
    for (size_t i = 0; i < count; ++i)
        order[i] = (ranked){ev->vote_count > 0 ? ev->votes[i] : 0, ev->scores[i], i};
    qsort(order, count, sizeof *order, compare_ranked);
    putchar('\n');
    table_header(&t);
    print_label_row(&t, e, m, (size_t)ev->selection.index);
    for (size_t i = 0; i < count; ++i)
        if (order[i].index != (size_t)ev->selection.index)
            print_label_row(&t, e, m, order[i].index);
    free(order);
}

/* --- evidence of each kind -------------------------------------------------------------------------------------- */

static void print_more(size_t shown, size_t count, const char *what) {
    if (count > shown)
        printf("%*s... and %zu more %s%s; --json gives all\n", INDENT, "", count - shown, what,
               count - shown == 1 ? "" : "s");
}

/* Under a trade-off rows have outcomes, but no votes. Where outcomes decide, a row adds to whichever label is looked
 * at, and its own is the one that was best for it. */
static void print_neighbours(const mlsel_evidence *ev, const run_model *m, bool votes, bool colour) {
    const bool outcomes = m->info.knn_rule == MLSEL_KNN_RULE_OUTCOMES;
    const char *label = outcomes ? "BEST" : votes ? "VOTES FOR" : "LABEL";
    table_column columns[] = {{"ROW", 5, true},     {"DISTANCE", 9, true}, {label, 0, false},
                              {"QUALITY", 8, true}, {"LATENCY", 8, true},  {outcomes ? "ADDED" : "VOTE", 8, true}};
    table t = {
        .columns = columns, .count = TOOL_ARRAY_LENGTH(columns) - (votes ? 0 : 1), .indent = INDENT, .colour = colour};
    size_t shown = ev->neighbour_count < MOST_NEIGHBOURS ? ev->neighbour_count : MOST_NEIGHBOURS;
    for (size_t i = 0; i < shown; ++i)
        table_fit(&columns[2], label_of(m, ev->neighbours[i].label));
    putchar('\n');
    table_header(&t);
    for (size_t i = 0; i < shown; ++i) {
        const mlsel_neighbour *n = &ev->neighbours[i];
        char row[TEXT_NUMBER], distance[TEXT_NUMBER], quality[TEXT_NUMBER], latency[TEXT_NUMBER], vote[TEXT_NUMBER];
        snprintf(row, sizeof row, "%" PRIu64, n->row);
        const char *cells[] = {row,
                               text_number(distance, n->distance),
                               label_of(m, n->label),
                               text_number(quality, n->quality),
                               text_duration(latency, n->latency_ns),
                               text_number(vote, n->vote)};
        table_row(&t, cells, false);
    }
    print_more(shown, ev->neighbour_count, "row");
}

static void print_clusters(const mlsel_evidence *ev, const run_model *m, bool colour) {
    const char *meaning = m->info.format_version < 2 ? "LABEL" : "BEST LABEL";
    table_column columns[] = {{"CLUSTER", 0, true}, {"DISTANCE", 9, true}, {meaning, 0, false}, {"", 0, false}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .indent = INDENT, .colour = colour};
    size_t shown = ev->cluster_count < MOST_CLUSTERS ? ev->cluster_count : MOST_CLUSTERS;
    ranked *order = tool_alloc(ev->cluster_count, sizeof *order);
    for (size_t i = 0; i < ev->cluster_count; ++i)
        order[i] = (ranked){-ev->cluster_distances[i], 0, i};
    qsort(order, ev->cluster_count, sizeof *order, compare_ranked);
    for (size_t i = 0; i < shown; ++i)
        table_fit(&columns[2], label_of(m, mlsel_model_cluster_label(m->model, (uint32_t)order[i].index)));
    putchar('\n');
    table_header(&t);
    for (size_t i = 0; i < shown; ++i) {
        char cluster[TEXT_NUMBER], distance[TEXT_NUMBER];
        snprintf(cluster, sizeof cluster, "%zu", order[i].index);
        const int32_t label = mlsel_model_cluster_label(m->model, (uint32_t)order[i].index);
        const char *cells[] = {cluster, text_number(distance, ev->cluster_distances[order[i].index]),
                               label_of(m, label), ev->selection.cluster == (int32_t)order[i].index ? "decided" : ""};
        table_row(&t, cells, false);
    }
    print_more(shown, ev->cluster_count, "cluster");
    free(order);
}

/* The pair for people: positive is for the first, whatever sign the artifact's kind gives it. */
static void print_pair(const run_model *m, int32_t first, int32_t second, double decision, size_t width) {
    bool first_wins = explanation_first_wins(m, decision);
    double for_first = m->info.n_classes == 2 ? -decision : decision;
    char number[TEXT_NUMBER];
    size_t used = text_width(label_of(m, first)) + text_width(label_of(m, second)) + 4;
    printf("%*s%s vs %s:%*s %*s%s -> %s\n", INDENT, "", label_of(m, first), label_of(m, second),
           width > used ? (int)(width - used) : 0, "",
           for_first > 0   ? 3
           : for_first < 0 ? 2
                           : 3,
           for_first > 0 ? "+" : "", text_number(number, for_first), label_of(m, first_wins ? first : second));
}

static void print_pairs(const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    bool all = ev->pair_count <= MOST_PAIRS;
    size_t width = 0, shown = 0;
    putchar('\n');
    /* First the width, then the lines. */
    for (int pass = 0; pass < 2; ++pass)
        for (uint32_t i = 0, pair = 0; i < m->info.n_classes; ++i)
            for (uint32_t j = i + 1; j < m->info.n_classes; ++j, ++pair) {
                int32_t first = mlsel_model_class_label(m->model, i), second = mlsel_model_class_label(m->model, j);
                size_t used = text_width(label_of(m, first)) + text_width(label_of(m, second)) + 4;
                if (!all && first != ev->selection.index && second != ev->selection.index)
                    continue;
                width = used > width ? used : width;
                if (pass == 1) {
                    print_pair(m, first, second, ev->pair_decisions[pair], width);
                    ++shown;
                }
            }
    print_more(shown, ev->pair_count, "pair");
}

void explanation_print(const explanation *e, const run_model *m, uint32_t category_flags, bool colour) {
    const mlsel_evidence *ev = &e->evidence;
    printf("  %s%s%s (%s): %s%s%s\n", tool_style(colour, STYLE_BOLD), mlsel_algorithm_name(m->info.algorithm),
           tool_style_end(colour), m->name, tool_style(colour, STYLE_GOOD), label_of(m, ev->selection.index),
           tool_style_end(colour));
    print_why(e, m, category_flags);
    print_labels(e, m, colour);
    if (ev->neighbour_count > 0)
        print_neighbours(ev, m, !weighed(e), colour);
    if (ev->cluster_count > 0)
        print_clusters(ev, m, colour);
    if (ev->pair_count > 0)
        print_pairs(e, m);
}
