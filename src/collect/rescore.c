/* SPDX-License-Identifier: Apache-2.0 */
#include "rescore.h"

#include <math.h>
#include <string.h>

#include "metric_internal.h"
#include "rescore_line.h"
#include "train/lines.h"
#include "train/text_set.h"

enum { MAX_LINE = 64 << 20 };

struct mlsel_rescore_report {
    text_set models;
    mlsel_rescore_sums *sums; /* [models.capacity] */
    size_t n_sums;
    mlsel_rescore_sums total;
    uint64_t n_by_metric[MLSEL_METRIC_CEM + 1];
    mlsel_rescore_oddities odd;
};

typedef struct rescorer {
    const mlsel_rescore_options *options;
    mlsel_rescore_report *report;
    json_writer *writer; /* NULL: nothing is written */
    uint64_t number;     /* of the line */
    mlsel_error *err;
} rescorer;

/* --- sums -----------------------------------------------------------------------------------------------------------
 */

static void add_sums(mlsel_rescore_sums *to, const mlsel_rescore_sums *from) {
    to->n_rows += from->n_rows;
    to->n_errors += from->n_errors;
    to->n_skipped += from->n_skipped;
    to->n_changed += from->n_changed;
    to->n_before += from->n_before;
    to->n_after += from->n_after;
    to->before += from->before;
    to->after += from->after;
}

static void note(uint64_t *n, uint64_t *first, uint64_t number) {
    if ((*n)++ == 0)
        *first = number;
}

/* The sums of a model, which is new or not; NULL: no memory. */
static mlsel_rescore_sums *find_sums(mlsel_rescore_report *report, const char *model) {
    const int64_t index = mlsel_i_texts_add(&report->models, model, strlen(model));
    if (index < 0)
        return NULL;
    if (report->models.capacity > report->n_sums) {
        mlsel_rescore_sums *larger =
            mlsel_i_resize(report->sums, report->n_sums, report->models.capacity, sizeof *larger);
        if (larger == NULL)
            return NULL;
        memset(larger + report->n_sums, 0, (report->models.capacity - report->n_sums) * sizeof *larger);
        report->sums = larger;
        report->n_sums = report->models.capacity;
    }
    return &report->sums[index];
}

static mlsel_status count_row(rescorer *r, const result_line *line, const mlsel_rescore_sums *row) {
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(line->record, "model_name");
    mlsel_rescore_sums *sums = find_sums(r->report, cJSON_IsString(name) ? name->valuestring : "");
    if (sums == NULL)
        return mlsel_i_no_memory(r->err);
    add_sums(sums, row);
    add_sums(&r->report->total, row);
    return MLSEL_OK;
}

/* --- a line ---------------------------------------------------------------------------------------------------------
 */

static mlsel_status score(rescorer *r, const result_line *line, const char *response, mlsel_metric_result *result) {
    mlsel_metric_task_texts texts;
    mlsel_status status = mlsel_metric_task_read(line->record, &texts, r->err);
    if (status != MLSEL_OK)
        return status;
    if (r->options->metric != 0)
        texts.task.metric = mlsel_metric_name(r->options->metric);
    status = mlsel_metric_score(&texts.task, response, &r->options->scoring, result, r->err);
    mlsel_metric_task_free(&texts);
    return status;
}

/* What a line that is scored comes to; row->n_skipped: its code was not run. */
static mlsel_status score_row(rescorer *r, const result_line *line, const char *response, mlsel_rescore_sums *row,
                              mlsel_metric_result *result) {
    mlsel_rescore_oddities *odd = &r->report->odd;
    const mlsel_status status = score(r, line, response, result);
    if (status != MLSEL_OK)
        return status;
    if (!result->is_name_known)
        note(&odd->n_unknown_metric, &odd->first_unknown_metric, r->number);
    if (result->basis == MLSEL_METRIC_BY_NOT_RUN) {
        odd->n_not_run++;
        row->n_skipped = 1;
        return MLSEL_OK;
    }
    if (result->is_known)
        r->report->n_by_metric[result->metric]++;
    return MLSEL_OK;
}

static mlsel_status use_line(rescorer *r, const result_line *line) {
    const cJSON *response = cJSON_GetObjectItemCaseSensitive(line->record, "response");
    mlsel_rescore_sums row = {.n_rows = 1};
    mlsel_metric_result result = {.performance = line->performance, .is_known = line->is_known};
    mlsel_status status = MLSEL_OK;
    if (line->is_error) {
        row.n_errors = 1;
        result.is_known = false;
    } else if (!cJSON_IsString(response)) {
        row.n_skipped = 1;
        note(&r->report->odd.n_without_response, &r->report->odd.first_without_response, r->number);
    } else {
        status = score_row(r, line, response->valuestring, &row, &result);
    }
    if (status != MLSEL_OK)
        return status;
    const bool is_scored = row.n_errors == 0 && row.n_skipped == 0;
    if (!is_scored && !line->is_error)
        result = (mlsel_metric_result){.performance = line->performance, .is_known = line->is_known};
    if (line->is_known && !line->is_error) {
        row.n_before = 1;
        row.before = line->performance;
    }
    if (result.is_known) {
        row.n_after = 1;
        row.after = result.performance;
    }
    row.n_changed = is_scored && (line->is_known != result.is_known ||
                                  (result.is_known && fabs(line->performance - result.performance) >= 1e-12));
    if (r->writer != NULL && is_scored)
        mlsel_i_result_line_write(line, result.is_known, result.performance, r->writer);
    else if (r->writer != NULL)
        mlsel_i_write_raw(r->writer, line->line.begin, (size_t)(line->line.end - line->line.begin));
    return count_row(r, line, &row);
}

/* One line without its end. */
static mlsel_status read_line(rescorer *r, const line_view *view) {
    result_line line;
    mlsel_error error;
    const bool is_blank = mlsel_i_line_is_blank(view->text, view->size);
    mlsel_status status =
        is_blank ? MLSEL_ERROR_SCHEMA : mlsel_i_result_line_read(&line, view->text, view->size, &error);
    if (status == MLSEL_OK) {
        status = use_line(r, &line);
        mlsel_i_result_line_free(&line);
        return status;
    }
    if (status != MLSEL_ERROR_SCHEMA)
        return mlsel_i_fail(r->err, status, "%s", error.message);
    if (!is_blank)
        note(&r->report->odd.n_bad, &r->report->odd.first_bad, r->number);
    if (r->writer != NULL)
        mlsel_i_write_raw(r->writer, view->text, view->size);
    return MLSEL_OK;
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static mlsel_status read_lines(rescorer *r, line_reader *lines) {
    uint64_t n_bytes = lines->begin; /* a byte order mark */
    if (r->writer != NULL)
        mlsel_i_write_raw(r->writer, lines->text, lines->begin);
    for (;;) {
        line_view view;
        mlsel_status status = mlsel_i_lines_next(lines, &view, r->err);
        if (status != MLSEL_OK || view.text == NULL)
            return status;
        r->number = lines->number;
        if (view.is_too_long)
            return mlsel_i_fail_detail(r->err, MLSEL_ERROR_LIMIT, r->number,
                                       "line %llu has more than 64 MiB: it cannot be carried through",
                                       (unsigned long long)r->number);
        status = read_line(r, &view);
        /* the end of the line as it is */
        const char *end = view.text + view.size, *next = lines->text + lines->begin;
        if (status == MLSEL_OK && r->writer != NULL) {
            mlsel_i_write_raw(r->writer, end, (size_t)(next - end));
            status = r->writer->status;
        }
        if (status != MLSEL_OK)
            return status;
        n_bytes += (uint64_t)(next - view.text);
        if (r->options->progress != NULL && r->options->progress(r->options->user, r->number, n_bytes) != 0)
            return mlsel_i_fail(r->err, MLSEL_ERROR_CANCELLED, "stopped at line %llu", (unsigned long long)r->number);
    }
}

static mlsel_status rescore_file(rescorer *r, line_reader *lines, const char *output) {
    file_writer file;
    mlsel_status status = mlsel_i_file_create(&file, output, r->err);
    if (status != MLSEL_OK)
        return status;
    json_writer writer = {.file = &file, .err = r->err};
    r->writer = &writer;
    status = read_lines(r, lines);
    if (status == MLSEL_OK)
        status = mlsel_i_write_end(&writer);
    if (status == MLSEL_OK)
        status = mlsel_i_file_commit(&file, r->options->replace, r->err);
    mlsel_i_file_abandon(&file);
    mlsel_i_write_free(&writer);
    r->writer = NULL;
    return status;
}

mlsel_status mlsel_rescore(const char *input, const char *output, const mlsel_rescore_options *options,
                           mlsel_rescore_report **report, mlsel_error *err) {
    static const mlsel_rescore_options defaults = {0};
    line_reader lines;
    if (input == NULL || report == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s is NULL", input == NULL ? "input" : "report");
    rescorer r = {.options = options == NULL ? &defaults : options, .err = err};
    mlsel_status status = mlsel_i_lines_open(&lines, input, MAX_LINE, err);
    if (status != MLSEL_OK)
        return status;
    r.report = mlsel_i_calloc(1, sizeof *r.report);
    if (r.report == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = output == NULL ? read_lines(&r, &lines) : rescore_file(&r, &lines, output);
    mlsel_i_lines_close(&lines);
    if (status != MLSEL_OK) {
        mlsel_rescore_free(r.report);
        return status;
    }
    *report = r.report;
    return mlsel_i_ok(err);
}

void mlsel_rescore_free(mlsel_rescore_report *report) {
    if (report == NULL)
        return;
    mlsel_i_texts_free(&report->models);
    mlsel_i_free(report->sums);
    mlsel_i_free(report);
}

/* --- the report -----------------------------------------------------------------------------------------------------
 */

size_t mlsel_rescore_model_count(const mlsel_rescore_report *report) { return report->models.n; }

const char *mlsel_rescore_model(const mlsel_rescore_report *report, size_t index, mlsel_rescore_sums *sums) {
    *sums = report->sums[index];
    return report->models.entries[index].text;
}

void mlsel_rescore_total(const mlsel_rescore_report *report, mlsel_rescore_sums *sums) { *sums = report->total; }

uint64_t mlsel_rescore_metric_count(const mlsel_rescore_report *report, mlsel_metric metric) {
    return metric >= MLSEL_METRIC_CHOICE && metric <= MLSEL_METRIC_CEM ? report->n_by_metric[metric] : 0;
}

void mlsel_rescore_odd(const mlsel_rescore_report *report, mlsel_rescore_oddities *out) { *out = report->odd; }
