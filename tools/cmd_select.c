/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "answer.h"
#include "commands.h"
#include "run.h"
#include "table.h"
#include "text.h"

const char cmd_select_help[] = "Usage: mlsel select --model FILE [--model FILE...] [options] [QUERIES]\n"
                               "\n"
                               "Chooses a language model for each query: one row per query and artifact.\n"
                               "\n" RUN_HELP_INPUT "Options:\n"
                               "  --model FILE        artifact to select with; repeat it to compare several\n"
                               "  --candidates A,B    choose only among these labels\n"
                               "  --scores            also give the score of every label\n"
                               "  --json              one JSON object per row instead of a table\n" RUN_HELP_OPTIONS
                               "Scores of one algorithm compare with each other, never across algorithms. The\n"
                               "notes say: \"tie\", equal labels and a rule that decided; \"only choice\", one label\n"
                               "could be chosen; \"widened\", none of the k nearest rows was a candidate's, so\n"
                               "farther ones voted; \"next cluster\", the nearest cluster was no candidate's;\n"
                               "\"trade-off\", chosen by expected outcomes. PROB. is the share among the labels;\n"
                               "CONF., which calibrated artifacts have, the probability that the choice is good.\n"
                               "\n" TRADEOFF_HELP_MEANING "\n"
                               "Examples:\n"
                               "  mlsel select --model examples/models/knn_model.json examples/queries.jsonl\n"
                               "  mlsel select --model examples/models/svm_model.json \\\n"
                               "      --model examples/models/mlp_model.json examples/queries.jsonl\n"
                               "  mlsel select --model examples/models/knn_model.json --tolerance 0.2 \\\n"
                               "      --cost mistral-7b=0.2 --cost codellama-7b=0.2 --cost llama-3.2-3b=0.06 \\\n"
                               "      --cost llama-3.2-1b=0.04 examples/queries.jsonl\n"
                               "  head -n 3 examples/queries.jsonl |\n"
                               "      mlsel select --model examples/models/mlp_model.json --scores --json -\n";

enum { QUERY_WIDTH = 28 };

/* --- answers ---------------------------------------------------------------------------------------------------- */

typedef struct answers {
    mlsel_selection *best; /* [chunk] */
    double *scores;        /* [chunk][n_labels] with --scores */
} answers;

/* One bad query fails a batch: ask for each alone, keep those before it. */
static void find_bad_query(run *r, size_t model, answers *a, const mlsel_error *batch_err) {
    const run_model *m = &r->models[model];
    for (size_t i = 0; i < r->count; ++i) {
        mlsel_error err;
        mlsel_status status =
            mlsel_select_f64(m->model, run_features(m, i), m->info.n_features, &m->query, &a->best[i], &err);
        if (status == MLSEL_OK && a->scores != NULL)
            status = mlsel_score_f64(m->model, run_features(m, i), m->info.n_features, &m->query,
                                     a->scores + i * m->info.n_labels, m->info.n_labels, &err);
        if (status != MLSEL_OK) {
            run_query_failed(r, model, i, status, &err);
            return;
        }
    }
    run_query_failed(r, model, 0, batch_err->code, batch_err);
}

static void answer_chunk(run *r, size_t model, answers *a) {
    const run_model *m = &r->models[model];
    size_t width = m->info.n_features;
    mlsel_error err;
    mlsel_status status =
        mlsel_select_batch_f64(m->model, m->features, r->count, width, width, &m->query, a->best, &err);
    if (status == MLSEL_OK && a->scores != NULL)
        status = mlsel_score_batch_f64(m->model, m->features, r->count, width, width, &m->query, a->scores,
                                       m->info.n_labels, &err);
    if (status != MLSEL_OK)
        find_bad_query(r, model, a, &err);
}

/* --- the table -------------------------------------------------------------------------------------------------- */

typedef struct layout {
    table table;
    const char **cells;
    bool begun;
    bool calibrated;     /* at least one model is: a column for confidences */
    size_t label_count;  /* with --scores: columns of labels, those of all models */
    const char **labels; /* their names as in the artifacts */
    const char **titles; /* the same, clean */
    char (*numbers)[TEXT_NUMBER];
} layout;

/* The labels of all models, each once. */
static void collect_labels(layout *l, const run *r) {
    size_t total = 0;
    for (size_t i = 0; i < r->model_count; ++i)
        total += r->models[i].info.n_labels;
    l->labels = tool_alloc(total, sizeof *l->labels);
    l->titles = tool_alloc(total, sizeof *l->titles);
    for (size_t i = 0; i < r->model_count; ++i)
        for (uint32_t k = 0; k < r->models[i].info.n_labels; ++k) {
            const char *label = mlsel_model_label(r->models[i].model, (int32_t)k);
            bool known = false;
            for (size_t j = 0; j < i && !known; ++j)
                known = mlsel_model_find_label(r->models[j].model, label) >= 0;
            if (known)
                continue;
            l->titles[l->label_count] = r->models[i].labels[k];
            l->labels[l->label_count++] = label;
        }
}

static table_column *add_column(layout *l, const char *title, size_t width, bool right) {
    table_column *column = &l->table.columns[l->table.count++];
    *column = (table_column){title, width, right};
    return column;
}

static void begin_table(layout *l, const run *r) {
    enum { FIXED_COLUMNS = 9 };
    if (r->scores)
        collect_labels(l, r);
    l->table.columns = tool_alloc(FIXED_COLUMNS + l->label_count, sizeof *l->table.columns);
    l->table.colour = tool_colour(STDOUT_FILENO);
    l->cells = tool_alloc(FIXED_COLUMNS + l->label_count, sizeof *l->cells);
    l->numbers = tool_alloc(4 + l->label_count, sizeof *l->numbers);
    /* A full chunk says that many queries come, whose numbers grow. */
    table_column *query_column = add_column(l, "QUERY", r->chunk.count == r->chunk_queries ? 8 : 0, false);
    for (size_t i = 0; i < r->count; ++i) {
        char *name = answer_query_name(&r->chunk.queries[i], QUERY_WIDTH);
        table_fit(query_column, name);
        free(name);
    }
    table_column *algorithm = add_column(l, "ALGORITHM", 0, false);
    for (size_t i = 0; i < r->model_count; ++i)
        table_fit(algorithm, mlsel_algorithm_name(r->models[i].info.algorithm));
    if (r->same_algorithm) {
        table_column *file = add_column(l, "FILE", 0, false);
        for (size_t i = 0; i < r->model_count; ++i)
            table_fit(file, r->models[i].name);
    }
    l->table.highlight = l->table.count;
    table_column *choice = add_column(l, "CHOICE", 0, false);
    for (size_t i = 0; i < r->model_count; ++i)
        for (size_t k = 0; k < r->models[i].info.n_labels; ++k)
            if (run_eligible(&r->models[i], k))
                table_fit(choice, r->models[i].labels[k]);
    add_column(l, "SCORE", 9, true);
    add_column(l, "MARGIN", 8, true);
    add_column(l, "PROB.", 6, true);
    for (size_t i = 0; i < r->model_count; ++i)
        l->calibrated = l->calibrated || r->models[i].info.is_calibrated != 0;
    if (l->calibrated)
        add_column(l, "CONF.", 6, true);
    for (size_t i = 0; i < l->label_count; ++i)
        add_column(l, l->titles[i], 9, true);
    add_column(l, "NOTES", 0, false);
    table_header(&l->table);
    l->begun = true;
}

static void print_row(layout *l, const run *r, const run_model *m, const answers *a, size_t index) {
    const mlsel_selection *best = &a->best[index];
    char note_text[128];
    size_t n = 0, number = 0;
    char *name = answer_query_name(&r->chunk.queries[index], QUERY_WIDTH);
    l->cells[n++] = name;
    l->cells[n++] = mlsel_algorithm_name(m->info.algorithm);
    if (r->same_algorithm)
        l->cells[n++] = m->name;
    l->cells[n++] = m->labels[best->index];
    l->cells[n++] = text_number(l->numbers[number++], best->score);
    l->cells[n++] = text_number(l->numbers[number++], best->margin);
    l->cells[n++] = text_probability(l->numbers[number++], best->probability);
    if (l->calibrated)
        l->cells[n++] =
            m->info.is_calibrated != 0 ? answer_confidence(l->numbers[number++], best->flags, best->confidence) : NULL;
    for (size_t i = 0; i < l->label_count; ++i) {
        int32_t label = mlsel_model_find_label(m->model, l->labels[i]);
        const double *row = a->scores + index * m->info.n_labels;
        l->cells[n++] = label >= 0 ? text_number(l->numbers[number++], row[label]) : NULL;
    }
    l->cells[n++] = answer_notes(note_text, sizeof note_text, best, m->category_flags[index]);
    table_row(&l->table, l->cells, true);
    free(name);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static void print_json(const run *r, const run_model *m, const answers *a, size_t index) {
    json_out j = {0};
    json_open(&j, '{');
    answer_json(&j, m, &r->chunk.queries[index], &a->best[index], m->category_flags[index]);
    if (a->scores != NULL)
        answer_json_labels(&j, m, "scores", a->scores + index * m->info.n_labels);
    json_close(&j, '}');
    json_end_line(&j);
}

static void print_chunk(layout *l, const run *r, const answers *a) {
    if (r->count > 0 && !r->json && !l->begun)
        begin_table(l, r);
    for (size_t i = 0; i < r->count; ++i)
        for (size_t m = 0; m < r->model_count; ++m)
            if (r->json)
                print_json(r, &r->models[m], &a[m], i);
            else
                print_row(l, r, &r->models[m], &a[m], i);
}

static void free_layout(layout *l) {
    free(l->table.columns);
    free(l->cells);
    free(l->numbers);
    free(l->labels);
    free(l->titles);
}

static answers *allocate_answers(const run *r) {
    answers *a = tool_alloc(r->model_count, sizeof *a);
    for (size_t m = 0; m < r->model_count; ++m) {
        a[m].best = tool_alloc(r->chunk_queries, sizeof *a[m].best);
        if (r->scores)
            a[m].scores = tool_alloc(r->chunk_queries, r->models[m].info.n_labels * sizeof *a[m].scores);
    }
    return a;
}

int cmd_select(char **arguments) {
    run r;
    layout l = {0};
    int code = run_begin(&r, "select", cmd_select_help, true, arguments);
    if (code >= 0)
        return code;
    answers *a = allocate_answers(&r);
    bool more = true;
    while (more) {
        more = run_next(&r);
        for (size_t m = 0; m < r.model_count; ++m)
            answer_chunk(&r, m, &a[m]);
        print_chunk(&l, &r, a);
        more = tool_flush() && more && r.problem.exit_code == 0;
    }
    for (size_t m = 0; m < r.model_count; ++m) {
        free(a[m].best);
        free(a[m].scores);
    }
    free(a);
    free_layout(&l);
    return run_end(&r);
}
