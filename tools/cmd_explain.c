/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "commands.h"
#include "explain.h"
#include "run.h"
#include "text.h"

const char cmd_explain_help[] =
    "Usage: mlsel explain --model FILE [--model FILE...] [options] [QUERIES]\n"
    "       mlsel explain --config CONFIG [options] [REQUESTS]\n"
    "\n"
    "Tells why a language model is chosen: the scores and probabilities of all\n"
    "labels, and what they rest on (the neighbours that voted, the distances of\n"
    "clusters, the pairwise decisions of an SVM, the logits of an MLP).\n"
    "\n"
    "With a router's configuration it is the whole story of a request: which\n"
    "decisions were asked, which conditions held, which models may answer, what the\n"
    "selector saw and which fallbacks were taken. Requests and options are those of\n"
    "`mlsel route`, apart from --watch and --metrics.\n"
    "\n" RUN_HELP_INPUT "Options:\n"
    "  --model FILE        artifact to explain; repeat it to compare several\n"
    "  --candidates A,B    choose only among these labels\n"
    "  --json              all of it as one JSON object per query and artifact; the\n"
    "                      sign of an SVM's decisions is scikit-learn's\n" RUN_HELP_OPTIONS "Examples:\n"
    "  mlsel explain --model examples/models/knn_model.json --limit 1 \\\n"
    "      --prefer quality=0.7,latency=0.3 examples/queries.jsonl\n"
    "  mlsel explain --config examples/router.yaml --limit 1 examples/queries.jsonl\n"
    "  mlsel explain --config examples/router.yaml --category law \\\n"
    "      --signal keyword=urgent\n"
    "  tail -n 1 examples/queries.jsonl |\n"
    "      mlsel explain --model examples/models/mlp_model.json -\n";

enum { TITLE_WIDTH = 88 };

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void json_neighbours(json_out *j, const mlsel_evidence *ev, const run_model *m) {
    json_key(j, "neighbours");
    json_open(j, '[');
    for (size_t i = 0; i < ev->neighbour_count; ++i) {
        const mlsel_neighbour *n = &ev->neighbours[i];
        json_open(j, '{');
        json_key(j, "row");
        json_unsigned(j, n->row);
        json_key(j, "distance");
        json_number(j, n->distance);
        json_key(j, "label");
        json_string(j, mlsel_model_label(m->model, n->label));
        json_key(j, "quality");
        json_number(j, n->quality);
        json_key(j, "latency_ns");
        json_number(j, n->latency_ns);
        json_key(j, "vote");
        json_number(j, n->vote);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_outcomes(json_out *j, const mlsel_evidence *ev, const run_model *m) {
    json_key(j, "outcomes");
    json_open(j, '{');
    for (size_t i = 0; i < ev->outcome_count; ++i) {
        const mlsel_outcome *o = &ev->outcomes[i];
        json_key(j, mlsel_model_label(m->model, (int32_t)i));
        json_open(j, '{');
        json_key(j, "quality");
        json_number(j, o->samples > 0 ? o->quality : (double)NAN);
        json_key(j, "latency_ns");
        json_number(j, o->latency_samples > 0 ? o->latency_ns : (double)NAN);
        json_key(j, "cost");
        json_number(j, o->cost);
        json_key(j, "samples");
        json_unsigned(j, o->samples);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void json_clusters(json_out *j, const mlsel_evidence *ev) {
    json_key(j, "cluster_distances");
    json_open(j, '[');
    for (size_t i = 0; i < ev->cluster_count; ++i)
        json_number(j, ev->cluster_distances[i]);
    json_close(j, ']');
}

static const char *class_name(const run_model *m, uint32_t class_index) {
    return mlsel_model_label(m->model, mlsel_model_class_label(m->model, class_index));
}

static void json_pairs(json_out *j, const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    json_key(j, "pairs_won");
    json_open(j, '{');
    for (uint32_t i = 0; i < m->info.n_labels; ++i) {
        json_key(j, mlsel_model_label(m->model, (int32_t)i));
        json_integer(j, ev->votes[i]);
    }
    json_close(j, '}');
    json_key(j, "pairs");
    json_open(j, '[');
    for (uint32_t i = 0, pair = 0; i < m->info.n_classes; ++i)
        for (uint32_t k = i + 1; k < m->info.n_classes; ++k, ++pair) {
            const char *first = class_name(m, i);
            const char *second = class_name(m, k);
            double decision = ev->pair_decisions[pair];
            json_open(j, '{');
            json_key(j, "first");
            json_string(j, first);
            json_key(j, "second");
            json_string(j, second);
            json_key(j, "decision");
            json_number(j, decision);
            json_key(j, "winner");
            json_string(j, explanation_first_wins(m, decision) ? first : second);
            json_close(j, '}');
        }
    json_close(j, ']');
}

void explanation_json(json_out *j, const explanation *e, const run_model *m) {
    const mlsel_evidence *ev = &e->evidence;
    answer_json_labels(j, m, "scores", ev->scores);
    answer_json_labels(j, m, "probabilities", ev->probabilities);
    if (ev->confidence_count > 0)
        answer_json_labels(j, m, "confidences", ev->confidences);
    if (m->info.algorithm == MLSEL_ALGORITHM_KNN) {
        json_neighbours(j, ev, m);
        json_outcomes(j, ev, m);
    }
    if (m->info.algorithm == MLSEL_ALGORITHM_KMEANS)
        json_clusters(j, ev);
    if (ev->pair_count > 0)
        json_pairs(j, e, m);
}

static void print_json(const explanation *e, const run_model *m, const query *q, uint32_t category_flags) {
    json_out j = {0};
    json_open(&j, '{');
    answer_json(&j, m, q, &e->evidence.selection, category_flags);
    explanation_json(&j, e, m);
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- text ------------------------------------------------------------------------------------------------------- */

static void print_title(const query *q, bool colour) {
    char *id = q->id != NULL ? text_shortened(q->id, TITLE_WIDTH) : NULL;
    char *text = q->text != NULL ? text_shortened(q->text, TITLE_WIDTH) : NULL;
    char *category = q->category != NULL ? text_shortened(q->category, TITLE_WIDTH) : NULL;
    printf("%s%sQuery %" PRIu64 "%s%s%s%s\n", q->number > 1 ? "\n" : "", tool_style(colour, STYLE_BOLD), q->number,
           id != NULL ? " (" : "", id != NULL ? id : "", id != NULL ? ")" : "", tool_style_end(colour));
    if (text != NULL)
        printf("  text      %s\n", text);
    if (category != NULL)
        printf("  category  %s\n", category);
    free(id);
    free(text);
    free(category);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

/* All models are asked before anything is printed: a query that one of them refuses has no half an answer. */
static void explain_query(run *r, explanation *explanations, size_t index, bool colour) {
    const query *q = &r->chunk.queries[index];
    for (size_t i = 0; i < r->model_count; ++i) {
        const run_model *m = &r->models[i];
        mlsel_error err;
        mlsel_status status = mlsel_explain_f64(m->model, run_features(m, index), m->info.n_features, &m->query,
                                                &explanations[i].evidence, &err);
        if (status != MLSEL_OK) {
            run_query_failed(r, i, index, status, &err);
            return;
        }
    }
    if (!r->json)
        print_title(q, colour);
    for (size_t i = 0; i < r->model_count; ++i) {
        const run_model *m = &r->models[i];
        if (r->json) {
            print_json(&explanations[i], m, q, m->category_flags[index]);
        } else {
            putchar('\n');
            explanation_print(&explanations[i], m, m->category_flags[index], colour);
        }
    }
}

/* A configuration is another kind of story than artifacts, with options of its own. */
static bool is_about_configuration(char **arguments) {
    static const char option[] = "--config";
    const size_t length = sizeof option - 1;
    for (; *arguments != NULL && strcmp(*arguments, "--") != 0; ++arguments)
        if (strncmp(*arguments, option, length) == 0 && ((*arguments)[length] == '\0' || (*arguments)[length] == '='))
            return true;
    return false;
}

int cmd_explain(char **arguments) {
    run r;
    if (is_about_configuration(arguments))
        return router_explain(arguments);
    int code = run_begin(&r, "explain", cmd_explain_help, false, arguments);
    if (code >= 0)
        return code;
    bool colour = tool_colour(STDOUT_FILENO), more = true;
    explanation *explanations = tool_alloc(r.model_count, sizeof *explanations);
    for (size_t i = 0; i < r.model_count; ++i)
        explanation_allocate(&explanations[i], &r.models[i]);
    while (more) {
        more = run_next(&r);
        for (size_t i = 0; i < r.count; ++i)
            explain_query(&r, explanations, i, colour);
        more = tool_flush() && more && r.problem.exit_code == 0;
    }
    for (size_t i = 0; i < r.model_count; ++i)
        explanation_free(&explanations[i]);
    free(explanations);
    return run_end(&r);
}
