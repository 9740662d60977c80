/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records and embeddings, a line at a time. */
#include <math.h>
#include <string.h>

#include "dataset.h"
#include "file.h"
#include "lines.h"
#include "record_line.h"

enum { DEFAULT_MAX_LINE = 16 << 20 };

void mlsel_read_options_init(mlsel_read_options *options, size_t size) { mlsel_i_options_init(options, size); }

typedef struct record_reader {
    mlsel_dataset *dataset;
    mlsel_read_options options;
    finding_place place;
    mlsel_error *err;
    bool is_bad; /* the line is left out */
} record_reader;

#define COMPLAIN(r, code, status, ...) mlsel_i_complain(&(r)->place, code, status, (r)->err, __VA_ARGS__)

/* The same for what costs the whole line. */
#define REFUSE(r, code, status, ...) ((r)->is_bad = true, COMPLAIN(r, code, status, __VA_ARGS__))

/* --- values ------------------------------------------------------------------------------------------------------- */

static bool is_absent(const cJSON *node) { return node == NULL || cJSON_IsNull(node); }

/* There, and says nothing. */
static bool is_empty(const cJSON *node) {
    return node != NULL && (cJSON_IsNull(node) || (cJSON_IsString(node) && node->valuestring[0] == '\0') ||
                            ((cJSON_IsArray(node) || cJSON_IsObject(node)) && node->child == NULL));
}

static mlsel_status read_quality(record_reader *r, const record_members *m, double *quality) {
    char what[64];
    const cJSON *node = m->performance;
    if (is_absent(node) || cJSON_IsFalse(m->performance_known) || is_empty(m->ground_truth))
        return MLSEL_OK;
    if (mlsel_i_record_is_quality(node)) {
        *quality = node->valuedouble;
        return MLSEL_OK;
    }
    mlsel_i_record_describe(node, what, sizeof what);
    return REFUSE(r, MLSEL_FINDING_BAD_QUALITY, MLSEL_ERROR_SCHEMA, "performance is %s: it must be %s", what,
                  cJSON_IsNumber(node) ? "from 0 to 1" : "a number from 0 to 1");
}

static mlsel_status read_measure(record_reader *r, const char *key, const cJSON *node, mlsel_finding_code code,
                                 double *value) {
    char what[64];
    if (is_absent(node))
        return MLSEL_OK;
    if (cJSON_IsNumber(node) && node->valuedouble >= 0) {
        *value = node->valuedouble;
        return MLSEL_OK;
    }
    mlsel_i_record_describe(node, what, sizeof what);
    return COMPLAIN(r, code, MLSEL_ERROR_SCHEMA, "%s is %s: it must be %s; it counts as unknown", key, what,
                    cJSON_IsNumber(node) ? "at least 0" : "a number of at least 0");
}

/* An embedding in a document; values is NULL if there is none, or none of use. */
typedef struct embedding_view {
    const float *values;
    size_t width;
} embedding_view;

static mlsel_status complain_embedding(record_reader *r, const cJSON *node, const json_array *array) {
    const mlsel_finding_code code = MLSEL_FINDING_BAD_EMBEDDING;
    const mlsel_status status = MLSEL_ERROR_SCHEMA;
    char what[64];
    if (array == NULL) {
        mlsel_i_record_describe(node, what, sizeof what);
        if (cJSON_IsArray(node) && node->child == NULL)
            return COMPLAIN(r, code, status, "embedding is an empty list");
        return COMPLAIN(r, code, status, "embedding is %s%s: it must be a list of numbers", what,
                        cJSON_IsArray(node) ? " of something else" : "");
    }
    if (array->rank != 1)
        return COMPLAIN(r, code, status, "embedding is a list of lists: it must be a list of numbers");
    if (array->defect == JSON_DEFECT_RANGE)
        return COMPLAIN(r, code, status, "embedding[%zu] is beyond the range of float32", array->row);
    if (array->defect != JSON_DEFECT_NONE)
        return COMPLAIN(r, code, status, "embedding[%zu] is no number, or NaN or infinite", array->row);
    return COMPLAIN(r, code, MLSEL_ERROR_LIMIT, "embedding has %zu values: at most %d are possible", array->rows,
                    DATASET_MAX_WIDTH);
}

static mlsel_status read_embedding(record_reader *r, const record_line *line, embedding_view *out) {
    const cJSON *node = line->members.embedding;
    *out = (embedding_view){0};
    if (is_absent(node))
        return MLSEL_OK;
    const json_array *array = mlsel_i_json_array(line->doc, node);
    if (array == NULL || array->rank != 1 || array->defect != JSON_DEFECT_NONE || array->rows > DATASET_MAX_WIDTH)
        return complain_embedding(r, node, array);
    const size_t width = r->dataset->embedding_width;
    if (width != 0 && array->rows != width)
        return COMPLAIN(r, MLSEL_FINDING_EMBEDDING_WIDTH, MLSEL_ERROR_DIMENSION,
                        "embedding has %zu values, those before have %zu: use one embedding model for all queries",
                        array->rows, width);
    *out = (embedding_view){array->data, array->rows};
    return MLSEL_OK;
}

static mlsel_status read_name(record_reader *r, const char *key, const cJSON *node, mlsel_finding_code code,
                              const char **out) {
    char what[64];
    *out = mlsel_i_record_text(node);
    if (*out != NULL)
        return MLSEL_OK;
    mlsel_i_record_describe(node, what, sizeof what);
    return REFUSE(r, code, MLSEL_ERROR_SCHEMA, "%s is %s: every line needs one", key,
                  cJSON_IsString(node) && node->valuestring[0] == '\0' ? "empty" : what);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static mlsel_status use_record(record_reader *r, const record_line *line) {
    const record_members *m = &line->members;
    mlsel_record record;
    embedding_view embedding;
    mlsel_record_init(&record, sizeof record);
    mlsel_status status = read_name(r, "query", m->query, MLSEL_FINDING_NO_QUERY, &record.query);
    if (status == MLSEL_OK && !r->is_bad)
        status = read_name(r, "model_name", m->model_name, MLSEL_FINDING_NO_MODEL, &record.model);
    if (status != MLSEL_OK || r->is_bad)
        return status;
    const size_t limit = r->options.max_queries > SIZE_MAX ? SIZE_MAX : (size_t)r->options.max_queries;
    if (limit > 0 && r->dataset->n_queries >= limit &&
        mlsel_i_dataset_find(r->dataset, record.query, strlen(record.query)) < 0)
        return MLSEL_OK;
    if (mlsel_i_record_failed(m->error)) {
        record.flags = MLSEL_RECORD_FAILED;
        return mlsel_i_dataset_put(r->dataset, &record, &r->place, r->err);
    }
    record.category = mlsel_i_record_text(m->category);
    record.task = mlsel_i_record_text(m->task_name);
    if ((status = read_quality(r, m, &record.quality)) != MLSEL_OK || r->is_bad ||
        (status = read_measure(r, "response_time", m->response_time, MLSEL_FINDING_BAD_LATENCY, &record.latency_s)) !=
            MLSEL_OK ||
        (status = read_measure(r, "cost", m->cost, MLSEL_FINDING_BAD_COST, &record.cost)) != MLSEL_OK ||
        (status = read_embedding(r, line, &embedding)) != MLSEL_OK)
        return status;
    record.embedding = embedding.values;
    record.n_embedding = embedding.width;
    return mlsel_i_dataset_put(r->dataset, &record, &r->place, r->err);
}

static mlsel_status use_embedding(record_reader *r, const record_line *line) {
    const char *query;
    embedding_view embedding = {0};
    mlsel_status status = read_name(r, "query", line->members.query, MLSEL_FINDING_NO_QUERY, &query);
    if (status != MLSEL_OK || r->is_bad)
        return status;
    const int64_t q = mlsel_i_dataset_find(r->dataset, query, strlen(query));
    if (q < 0)
        return mlsel_i_note(&r->place, MLSEL_FINDING_UNKNOWN_QUERY, r->err,
                            "the query \"%.60s\" is in none of the records", query);
    if (is_absent(line->members.embedding))
        status = COMPLAIN(r, MLSEL_FINDING_BAD_EMBEDDING, MLSEL_ERROR_SCHEMA, "embedding is missing");
    else
        status = read_embedding(r, line, &embedding);
    if (status != MLSEL_OK)
        return status;
    if (embedding.values == NULL) {
        r->is_bad = true;
        return MLSEL_OK;
    }
    return mlsel_i_dataset_offer_embedding(r->dataset, (size_t)q, embedding.values, embedding.width, &r->place, r->err);
}

typedef mlsel_status (*line_user)(record_reader *r, const record_line *line);

static mlsel_status refuse_line(record_reader *r, const line_view *view, mlsel_status status, const char *why) {
    const char *hint =
        view->text[0] == '[' ? ": records are JSON objects, each on a line of its own, not in a list" : "";
    return REFUSE(r, MLSEL_FINDING_NOT_JSON, status, "%s%s", why, hint);
}

static mlsel_status read_line(record_reader *r, const line_view *view, line_user use) {
    mlsel_error error;
    record_line line;
    if (view->is_too_long)
        return REFUSE(r, MLSEL_FINDING_LINE_TOO_LONG, MLSEL_ERROR_LIMIT,
                      "the line has more than %llu bytes (max_line_bytes)",
                      (unsigned long long)r->options.max_line_bytes);
    mlsel_status status = mlsel_i_record_line_read(&line, view->text, view->size, &error);
    if (status == MLSEL_ERROR_NO_MEMORY)
        return mlsel_i_no_memory(r->err);
    if (status != MLSEL_OK)
        return refuse_line(r, view, status, error.message);
    status = use(r, &line);
    mlsel_i_record_line_free(&line);
    return status;
}

static mlsel_status read_lines(record_reader *r, line_reader *lines, line_user use) {
    for (;;) {
        line_view view;
        mlsel_status status = mlsel_i_lines_next(lines, &view, r->err);
        if (status != MLSEL_OK || view.text == NULL)
            return status;
        if (!view.is_too_long && mlsel_i_line_is_blank(view.text, view.size))
            continue;
        r->place.line = lines->number;
        r->is_bad = false;
        status = read_line(r, &view, use);
        if (status == MLSEL_ERROR_NO_MEMORY)
            return status;
        r->dataset->n_lines++;
        r->dataset->n_bad_lines += r->is_bad;
        if (status != MLSEL_OK)
            return status;
    }
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

static mlsel_status prepare(record_reader *r, mlsel_dataset *dataset, const mlsel_read_options *options,
                            const char *name, mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    *r = (record_reader){.dataset = dataset, .err = err};
    const mlsel_status status =
        mlsel_i_options_copy(&r->options, sizeof r->options, options, "mlsel_read_options", err);
    if (status != MLSEL_OK)
        return status;
    const uint64_t most = SIZE_MAX / 4;
    if (r->options.max_line_bytes == 0)
        r->options.max_line_bytes = DEFAULT_MAX_LINE;
    if (r->options.max_line_bytes > most)
        r->options.max_line_bytes = most;
    r->place = (finding_place){.findings = &dataset->findings, .file = name, .is_strict = r->options.strict != 0};
    return MLSEL_OK;
}

static mlsel_status finish(record_reader *r, line_reader *lines, line_user use) {
    const mlsel_status status = read_lines(r, lines, use);
    mlsel_i_lines_close(lines);
    return status == MLSEL_OK ? mlsel_i_ok(r->err) : status;
}

static mlsel_status read_file(mlsel_dataset *dataset, const char *path, const mlsel_read_options *options,
                              line_user use, mlsel_error *err) {
    record_reader r;
    line_reader lines;
    if (path == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "path is NULL");
    mlsel_status status = prepare(&r, dataset, options, NULL, err);
    if (status == MLSEL_OK)
        status = mlsel_i_lines_open(&lines, path, (size_t)r.options.max_line_bytes, err);
    if (status != MLSEL_OK)
        return status;
    r.place.file = mlsel_i_file_name(lines.path);
    return finish(&r, &lines, use);
}

static mlsel_status read_memory(mlsel_dataset *dataset, const void *data, size_t size, const char *name,
                                const mlsel_read_options *options, line_user use, mlsel_error *err) {
    record_reader r;
    line_reader lines;
    if (data == NULL && size > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "data is NULL");
    const char *known = name == NULL ? "memory" : name;
    mlsel_status status = prepare(&r, dataset, options, mlsel_i_file_name(known), err);
    if (status == MLSEL_OK)
        status = mlsel_i_lines_memory(&lines, data, size, known, (size_t)r.options.max_line_bytes, err);
    return status == MLSEL_OK ? finish(&r, &lines, use) : status;
}

mlsel_status mlsel_dataset_read_records(mlsel_dataset *dataset, const char *path, const mlsel_read_options *options,
                                        mlsel_error *err) {
    return read_file(dataset, path, options, use_record, err);
}

mlsel_status mlsel_dataset_read_records_memory(mlsel_dataset *dataset, const void *data, size_t size, const char *name,
                                               const mlsel_read_options *options, mlsel_error *err) {
    return read_memory(dataset, data, size, name, options, use_record, err);
}

mlsel_status mlsel_dataset_read_embeddings(mlsel_dataset *dataset, const char *path, const mlsel_read_options *options,
                                           mlsel_error *err) {
    return read_file(dataset, path, options, use_embedding, err);
}

mlsel_status mlsel_dataset_read_embeddings_memory(mlsel_dataset *dataset, const void *data, size_t size,
                                                  const char *name, const mlsel_read_options *options,
                                                  mlsel_error *err) {
    return read_memory(dataset, data, size, name, options, use_embedding, err);
}
