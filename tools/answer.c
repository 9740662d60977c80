/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

char *answer_query_name(const query *q, size_t width) {
    char number[TEXT_NUMBER];
    const char *name = q->id != NULL ? q->id : q->text;
    if (name != NULL && *name != '\0')
        return text_shortened(name, width);
    snprintf(number, sizeof number, "%" PRIu64, q->number);
    return tool_copy(number, strlen(number));
}

static const struct note {
    uint32_t flag;
    const char *code;
    const char *text;
} notes[] = {
    {MLSEL_SELECTION_SINGLE, "single", "only choice"},   {MLSEL_SELECTION_TIE, "tie", "tie"},
    {MLSEL_SELECTION_WIDENED, "widened", "widened"},     {MLSEL_SELECTION_NEXT_CLUSTER, "next_cluster", "next cluster"},
    {MLSEL_SELECTION_TRADEOFF, "tradeoff", "trade-off"},
};

const char *answer_notes(char *out, size_t size, const mlsel_selection *best, uint32_t category_flags) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(notes); ++i)
        if ((best->flags & notes[i].flag) != 0 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", notes[i].text);
    if ((category_flags & MLSEL_CATEGORY_FELL_BACK) != 0 && used < size)
        snprintf(out + used, size - used, "%scategory counted as other", used > 0 ? ", " : "");
    return out;
}

static void json_notes(json_out *j, uint32_t flags, uint32_t category_flags) {
    json_key(j, "notes");
    json_open(j, '[');
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(notes); ++i)
        if ((flags & notes[i].flag) != 0)
            json_string(j, notes[i].code);
    if ((category_flags & MLSEL_CATEGORY_FELL_BACK) != 0)
        json_string(j, "category_fell_back");
    json_close(j, ']');
}

void answer_json_query(json_out *j, const char *key, const query *q, const char *category) {
    json_key(j, key);
    json_unsigned(j, q->number);
    if (q->id != NULL) {
        json_key(j, "id");
        if (q->id_is_number)
            json_raw(j, q->id);
        else
            json_string(j, q->id);
    }
    if (q->text != NULL) {
        json_key(j, "text");
        json_string(j, q->text);
    }
    if (category != NULL) {
        json_key(j, "category");
        json_string(j, category);
    }
}

void answer_json_confidence(json_out *j, uint32_t flags, double confidence) {
    if ((flags & MLSEL_SELECTION_CALIBRATED) != 0)
        json_number(j, confidence);
    else
        json_null(j);
}

const char *answer_confidence(char out[TEXT_NUMBER], uint32_t flags, double confidence) {
    return (flags & MLSEL_SELECTION_CALIBRATED) != 0 ? text_probability(out, confidence) : "-";
}

void answer_json(json_out *j, const run_model *m, const query *q, const mlsel_selection *best,
                 uint32_t category_flags) {
    answer_json_query(j, "query", q, q->category);
    json_key(j, "model");
    json_string(j, m->path);
    json_key(j, "algorithm");
    json_string(j, mlsel_algorithm_name(m->info.algorithm));
    json_key(j, "choice");
    json_string(j, mlsel_model_label(m->model, best->index));
    json_key(j, "score");
    json_number(j, best->score);
    json_key(j, "margin");
    json_number(j, best->margin);
    json_key(j, "probability");
    json_number(j, best->probability);
    if (m->info.is_calibrated != 0) {
        json_key(j, "confidence");
        answer_json_confidence(j, best->flags, best->confidence);
    }
    json_key(j, "runner_up");
    json_string(j, mlsel_model_label(m->model, best->runner_up));
    if (m->info.algorithm == MLSEL_ALGORITHM_KMEANS) {
        json_key(j, "cluster");
        json_integer(j, best->cluster);
    }
    json_notes(j, best->flags, category_flags);
}

void answer_json_labels(json_out *j, const run_model *m, const char *key, const double *values) {
    json_key(j, key);
    json_open(j, '{');
    for (size_t i = 0; i < m->info.n_labels; ++i) {
        json_key(j, mlsel_model_label(m->model, (int32_t)i));
        json_number(j, values[i]);
    }
    json_close(j, '}');
}
