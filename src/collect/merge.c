/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "file_write.h"
#include "results.h"
#include "train/text_set.h"

enum { WRITE_BUFFER = 1 << 20 };

/* The row that stands for a pair, in the text of its part. */
typedef struct pair_row {
    const char *text;
    size_t size;
    uint64_t line;
    uint32_t part;
    bool is_error;
} pair_row;

typedef struct merging {
    const char *const *parts;
    mlsel_merge_conflict conflict;
    mlsel_merge_summary *summary;
    uint32_t part;  /* being read */
    text_set pairs; /* model, 0x1f, query; a control character that no name of a model should have */
    pair_row *rows; /* [pairs.n] */
    size_t capacity;
    char *key;
    size_t key_capacity;
} merging;

static mlsel_status make_key(merging *m, const result_row *row, size_t *size, mlsel_error *err) {
    const size_t model = strlen(row->model), query = strlen(row->query);
    *size = model + 1 + query;
    if (*size > m->key_capacity) {
        char *larger = mlsel_i_resize(m->key, 0, 2 * *size, 1);
        if (larger == NULL)
            return mlsel_i_no_memory(err);
        m->key = larger;
        m->key_capacity = 2 * *size;
    }
    memcpy(m->key, row->model, model);
    m->key[model] = '\x1f';
    memcpy(m->key + model + 1, row->query, query);
    return MLSEL_OK;
}

static mlsel_status add_row(merging *m, const pair_row *row, size_t size, uint64_t hash, mlsel_error *err) {
    if (m->pairs.n == m->capacity) {
        const size_t capacity = m->capacity == 0 ? 256 : 2 * m->capacity;
        pair_row *larger = mlsel_i_resize(m->rows, m->pairs.n, capacity, sizeof *larger);
        if (larger == NULL)
            return mlsel_i_no_memory(err);
        m->rows = larger;
        m->capacity = capacity;
    }
    char *copy = mlsel_i_texts_reserve(&m->pairs) ? mlsel_i_strndup(m->key, size) : NULL;
    if (copy == NULL)
        return mlsel_i_no_memory(err);
    m->rows[mlsel_i_texts_insert(&m->pairs, copy, size, hash)] = *row;
    return MLSEL_OK;
}

static mlsel_status take_answer(merging *m, pair_row *old, const pair_row *row, mlsel_error *err) {
    if (old->size == row->size && memcmp(old->text, row->text, row->size) == 0) {
        m->summary->repeated++;
        return MLSEL_OK;
    }
    if (m->conflict == MLSEL_MERGE_REFUSE)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA,
                            "this pair has another answer in %.60s:%llu; say which of them is to stay",
                            mlsel_i_file_name(m->parts[old->part]), (unsigned long long)old->line);
    m->summary->conflicts++;
    if (m->conflict == MLSEL_MERGE_LAST)
        *old = *row;
    return MLSEL_OK;
}

static mlsel_status visit(const result_row *given, void *user, mlsel_error *err) {
    merging *m = user;
    size_t size;
    const pair_row row = {
        .text = given->text, .size = given->size, .line = given->line, .part = m->part, .is_error = given->is_error};
    const mlsel_status status = make_key(m, given, &size, err);
    if (status != MLSEL_OK)
        return status;
    const uint64_t hash = mlsel_i_text_hash(m->key, size);
    const int64_t known = mlsel_i_texts_find(&m->pairs, m->key, size, hash);
    if (known < 0)
        return add_row(m, &row, size, hash, err);
    pair_row *old = &m->rows[known];
    if (!old->is_error && !row.is_error)
        return take_answer(m, old, &row, err);
    m->summary->superseded++;
    if (old->is_error)
        *old = row;
    return MLSEL_OK;
}

/* Without the white space at its end. */
static size_t row_size(const pair_row *row) {
    size_t size = row->size;
    while (size > 0 && (row->text[size - 1] == '\r' || row->text[size - 1] == ' ' || row->text[size - 1] == '\t'))
        size--;
    return size;
}

static mlsel_status write_rows(merging *m, const char *path, mlsel_error *err) {
    file_writer file;
    json_writer w = {.file = &file, .err = err};
    mlsel_status status = mlsel_i_file_create(&file, path, err);
    if (status != MLSEL_OK)
        return status;
    for (size_t i = 0; i < m->pairs.n; i++) {
        mlsel_i_write_raw(&w, m->rows[i].text, row_size(&m->rows[i]));
        mlsel_i_write_raw(&w, "\n", 1);
        m->summary->answers += !m->rows[i].is_error;
    }
    m->summary->rows = m->pairs.n;
    status = mlsel_i_write_end(&w);
    mlsel_i_write_free(&w);
    if (status == MLSEL_OK)
        status = mlsel_i_file_commit(&file, true, err);
    else
        mlsel_i_file_abandon(&file);
    return status;
}

mlsel_status mlsel_merge(const char *path, const char *const *parts, size_t n_parts, mlsel_merge_conflict conflict,
                         mlsel_merge_summary *out, mlsel_error *err) {
    const file_kind kind = {.noun = "file", .function = "another file", .is_to_map = mlsel_i_file_map_always};
    *out = (mlsel_merge_summary){0};
    if (path == NULL || parts == NULL || n_parts == 0 || n_parts > UINT32_MAX)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "there is nothing to merge, or no file to write");
    merging m = {.parts = parts, .conflict = conflict, .summary = out};
    file_content *contents = mlsel_i_calloc(n_parts, sizeof *contents);
    mlsel_status status = contents == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    for (size_t i = 0; status == MLSEL_OK && i < n_parts; i++) {
        size_t whole = 0;
        m.part = (uint32_t)i;
        status = mlsel_i_file_load(parts[i], &kind, UINT64_MAX, &contents[i], err);
        if (status == MLSEL_OK)
            status = mlsel_i_results_scan(contents[i].data, contents[i].size, parts[i], visit, &m, &whole, err);
        out->cut_parts += status == MLSEL_OK && whole < contents[i].size;
    }
    if (status == MLSEL_OK)
        status = write_rows(&m, path, err);
    for (size_t i = 0; contents != NULL && i < n_parts; i++)
        mlsel_i_file_unload(&contents[i]);
    mlsel_i_free(contents);
    mlsel_i_texts_free(&m.pairs);
    mlsel_i_free(m.rows);
    mlsel_i_free(m.key);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
