/* SPDX-License-Identifier: Apache-2.0 */
#include "queries.h"

#include <stdio.h>
#include <string.h>

#include "json_members.h"
#include "json_write.h"
#include "train/lines.h"
#include "train/record_line.h"

enum { MAX_LINE = 16 << 20 };

/* What results have besides what their queries had. */
static const char *const result_keys[] = {
    "query",
    "model_name",
    "response",
    "performance",
    "performance_known",
    "response_time",
    "error",
    "status",
    "attempts",
    "cost",
    "time_to_first_byte",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "metric_basis",
};

static bool is_result_key(const json_member *m) {
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(result_keys); i++)
        if (strlen(result_keys[i]) == m->key_size && memcmp(result_keys[i], m->key, m->key_size) == 0)
            return true;
    return false;
}

bool mlsel_i_query_is_in_shard(uint64_t hash, uint32_t shard, uint32_t n_shards) {
    return n_shards == 0 || hash % n_shards == shard - 1;
}

/* The record of a line that was read: the query first, then what is carried on. NULL: no memory. */
static char *make_record(const char *query, const char *line, size_t size) {
    json_writer w = {0};
    json_member m;
    const char *at = NULL;
    mlsel_i_write_open(&w, '{');
    mlsel_i_write_key(&w, "query");
    mlsel_i_write_string(&w, query);
    while (mlsel_i_members_next(line, size, &at, &m)) {
        if (is_result_key(&m))
            continue;
        mlsel_i_write_raw(&w, ",", 1);
        mlsel_i_write_raw(&w, m.text, m.size);
    }
    mlsel_i_write_close(&w, '}');
    mlsel_i_write_raw(&w, "", 1);
    if (w.status == MLSEL_OK)
        return w.text;
    mlsel_i_write_free(&w);
    return NULL;
}

/* Keys are compared as they are written, so none may be written in another way; and what is carried on must be JSON
 * without NaN, which the reading lets pass for the sake of a result's own members. */
static mlsel_status check_record(const char *record, const char *line, size_t size, mlsel_error *err) {
    json_document *doc = NULL;
    json_member m;
    const char *at = NULL;
    while (mlsel_i_members_next(line, size, &at, &m))
        if (memchr(m.key, '\\', m.key_size) != NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "a key has a backslash in it");
    const mlsel_status status = mlsel_i_json_parse(record, strlen(record), NULL, NULL, &doc, err);
    mlsel_i_json_free(doc);
    return status;
}

/* Takes the text and the record over. */
static bool keep(query_list *list, char *text, size_t size, uint64_t hash, char *record) {
    bool ok = mlsel_i_texts_reserve(&list->texts);
    if (ok && list->texts.n == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        char **larger = mlsel_i_resize(list->records, list->texts.n, capacity, sizeof *larger);
        ok = larger != NULL;
        list->records = ok ? larger : list->records;
        list->capacity = ok ? capacity : list->capacity;
    }
    if (!ok) {
        mlsel_i_free(text);
        mlsel_i_free(record);
        return false;
    }
    list->records[mlsel_i_texts_insert(&list->texts, text, size, hash)] = record;
    return true;
}

/* Adds the query of a line, if it is new. */
static mlsel_status read_line(query_list *list, const line_view *view, mlsel_error *err) {
    record_line line;
    if (view->is_too_long)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "the line has more than %d bytes", (int)MAX_LINE);
    mlsel_status status = mlsel_i_record_line_read(&line, view->text, view->size, err);
    if (status != MLSEL_OK)
        return status;
    const char *const query = mlsel_i_record_text(line.members.query);
    if (query == NULL) {
        char what[64];
        mlsel_i_record_describe(line.members.query, what, sizeof what);
        status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "\"query\" is %s: it must be a text", what);
        goto out;
    }
    const size_t size = strlen(query);
    const uint64_t hash = mlsel_i_text_hash(query, size);
    if (mlsel_i_texts_find(&list->texts, query, size, hash) >= 0)
        goto out;
    char *text = mlsel_i_strndup(query, size);
    char *record = text == NULL ? NULL : make_record(query, view->text, view->size);
    if (record == NULL) {
        mlsel_i_free(text);
        status = mlsel_i_no_memory(err);
        goto out;
    }
    status = check_record(record, view->text, view->size, err);
    if (status != MLSEL_OK) {
        mlsel_i_free(text);
        mlsel_i_free(record);
    } else if (!keep(list, text, size, hash, record)) {
        status = mlsel_i_no_memory(err);
    }
out:
    mlsel_i_record_line_free(&line);
    return status;
}

/* Leaves only the queries of a shard. */
static mlsel_status keep_shard(query_list *list, const query_options *options, mlsel_error *err) {
    const size_t n = list->texts.n;
    if (options->n_shards == 0 || n == 0)
        return MLSEL_OK;
    uint32_t *place = mlsel_i_alloc(n, sizeof *place), kept = 0;
    if (place == NULL)
        return mlsel_i_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const bool is_in = mlsel_i_query_is_in_shard(list->texts.entries[i].hash, options->shard, options->n_shards);
        char *const record = list->records[i];
        place[i] = is_in ? kept : UINT32_MAX;
        if (is_in)
            list->records[kept++] = record;
        else
            mlsel_i_free(record);
    }
    mlsel_i_texts_keep(&list->texts, place);
    mlsel_i_free(place);
    return MLSEL_OK;
}

static mlsel_status read_lines(line_reader *lines, const query_options *options, query_list *out, mlsel_error *err) {
    line_view view;
    while (options->limit == 0 || out->texts.n < options->limit) {
        mlsel_status status = mlsel_i_lines_next(lines, &view, err);
        if (status != MLSEL_OK)
            return status;
        if (view.text == NULL)
            break;
        if (!view.is_too_long && mlsel_i_line_is_blank(view.text, view.size))
            continue;
        status = read_line(out, &view, err);
        if (status == MLSEL_ERROR_NO_MEMORY)
            return status;
        if (status != MLSEL_OK) {
            char place[128];
            (void)snprintf(place, sizeof place, "%.80s:%llu: ", lines->path, (unsigned long long)lines->number);
            mlsel_i_error_prefix(err, place);
            return status;
        }
    }
    if (out->texts.n == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%.150s has no queries", lines->path);
    return keep_shard(out, options, err);
}

mlsel_status mlsel_i_queries_read(const char *path, const query_options *options, query_list *out, mlsel_error *err) {
    line_reader lines;
    *out = (query_list){0};
    mlsel_status status = mlsel_i_lines_open(&lines, path, MAX_LINE, err);
    if (status != MLSEL_OK)
        return status;
    status = read_lines(&lines, options, out, err);
    mlsel_i_lines_close(&lines);
    if (status != MLSEL_OK)
        mlsel_i_queries_free(out);
    return status;
}

void mlsel_i_queries_free(query_list *list) {
    for (size_t i = 0; i < list->texts.n; i++)
        mlsel_i_free(list->records[i]);
    mlsel_i_free(list->records);
    mlsel_i_texts_free(&list->texts);
    *list = (query_list){0};
}
