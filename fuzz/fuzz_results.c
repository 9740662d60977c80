/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of results: continued, merged, scored again, and read as queries. The input is the text of two files one behind
 * the other; behind its last 0 byte, where the second begins, and other choices.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collect/merge.h"
#include "collect/queries.h"
#include "collect/rescore.h"
#include "collect/results.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "json_lines.h"
#include "temporary.h"
#include "train/lines.h"

typedef struct scan {
    const char *text;
    size_t size, rows;
} scan;

static mlsel_status visit(const result_row *row, void *user, mlsel_error *err) {
    scan *s = user;
    (void)err;
    FUZZ_CHECK(row->text >= s->text && row->text + row->size <= s->text + s->size);
    FUZZ_CHECK(row->query[0] != '\0' && row->model[0] != '\0' && memchr(row->text, '\n', row->size) == NULL);
    s->rows++;
    return MLSEL_OK;
}

/* What is whole is read again as it is. Returns the number of rows; -1: the text is not one of results. */
static long scan_text(const char *text, size_t size) {
    scan first = {text, size, 0}, second = {text, size, 0};
    size_t whole = SIZE_MAX, again = SIZE_MAX;
    mlsel_error err;
    const mlsel_status status = mlsel_i_results_scan(text, size, "results.jsonl", visit, &first, &whole, &err);
    if (status != MLSEL_OK) {
        FUZZ_CHECK(strncmp(err.message, "results.jsonl:", 14) == 0);
        return -1;
    }
    FUZZ_CHECK(whole <= size && (whole == 0 || whole == size || text[whole - 1] == '\n'));
    FUZZ_CHECK(mlsel_i_results_scan(text, whole, "results.jsonl", visit, &second, &again, &err) == MLSEL_OK);
    FUZZ_CHECK(again == whole && first.rows == second.rows);
    return (long)first.rows;
}

/* --- continuing --------------------------------------------------------------------------------------------------- */

/* A file that is continued has its rows and the new one behind them. */
static void continue_file(const char *text, size_t size, struct fuzz_input *choices) {
    static const char row[] = "{\"query\": \"new\", \"model_name\": \"new\"}";
    const char *const path = fuzz_write("continued.jsonl", text, size);
    const long rows = scan_text(text, size);
    scan all = {0};
    result_file file;
    mlsel_error err;
    size_t now, whole;
    fuzz_fail_begin(choices);
    mlsel_status status = mlsel_i_results_open(&file, path, false, NULL, NULL, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    FUZZ_CHECK(status != MLSEL_OK || rows >= 0);
    if (status == MLSEL_OK) {
        mlsel_i_write_raw(&file.line, row, sizeof row - 1);
        FUZZ_CHECK(mlsel_i_results_append(&file, &err) == MLSEL_OK);
        mlsel_i_results_close(&file);
    }
    char *const after = fuzz_read(path, &now);
    FUZZ_CHECK(after != NULL);
    if (status == MLSEL_OK) {
        all.text = after;
        all.size = now;
        FUZZ_CHECK(mlsel_i_results_scan(after, now, "after.jsonl", visit, &all, &whole, &err) == MLSEL_OK);
        FUZZ_CHECK(whole == now && all.rows == (size_t)rows + 1);
    } else { /* what is no file of results stays as it is */
        FUZZ_CHECK(now == size && memcmp(after, text, size) == 0);
    }
    free(after);
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

static void merge(const char *text, size_t size, size_t cut, struct fuzz_input *choices) {
    const char *const parts[] = {fuzz_write("a.jsonl", text, cut), fuzz_write("b.jsonl", text + cut, size - cut)};
    const char *const merged = fuzz_path("merged.jsonl"), *const twice = fuzz_path("twice.jsonl");
    const long rows[] = {scan_text(text, cut), scan_text(text + cut, size - cut)};
    const mlsel_merge_conflict conflict = (mlsel_merge_conflict)fuzz_below(choices, 3);
    mlsel_merge_summary out, again;
    mlsel_error err;
    fuzz_fail_begin(choices);
    mlsel_status status = mlsel_merge(merged, parts, 2, conflict, &out, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    if (status != MLSEL_OK) {
        FUZZ_CHECK(refused || rows[0] < 0 || rows[1] < 0 || conflict == MLSEL_MERGE_REFUSE);
        return;
    }
    FUZZ_CHECK(rows[0] >= 0 && rows[1] >= 0);
    FUZZ_CHECK(out.rows + out.superseded + out.repeated + out.conflicts == (uint64_t)rows[0] + (uint64_t)rows[1]);
    FUZZ_CHECK(out.answers <= out.rows);
    FUZZ_CHECK(mlsel_merge(twice, &merged, 1, MLSEL_MERGE_REFUSE, &again, &err) == MLSEL_OK);
    FUZZ_CHECK(again.rows == out.rows && again.answers == out.answers);
    FUZZ_CHECK(again.superseded + again.repeated + again.conflicts + again.cut_parts == 0);
    size_t size_once, size_twice;
    char *const once_text = fuzz_read(merged, &size_once), *const twice_text = fuzz_read(twice, &size_twice);
    FUZZ_CHECK(size_once == size_twice && memcmp(once_text, twice_text, size_once) == 0);
    free(once_text);
    free(twice_text);
}

/* --- scoring again ------------------------------------------------------------------------------------------------ */

/* A line without what scoring changes; NULL: it is no JSON object that the strict reader takes. */
static cJSON *rest_of(const char *line, size_t size) {
    json_document *doc = NULL;
    if (mlsel_i_json_parse(line, size, NULL, NULL, &doc, NULL) != MLSEL_OK)
        return NULL;
    mlsel_i_json_free(doc);
    cJSON *const rest = cJSON_ParseWithLength(line, size);
    cJSON_DeleteItemFromObjectCaseSensitive(rest, "performance");
    cJSON_DeleteItemFromObjectCaseSensitive(rest, "performance_known");
    return rest;
}

/* Line by line: what was JSON is, and differs in the performance alone. */
static void compare_lines(const char *before, size_t before_size, const char *after, size_t after_size) {
    const char *const before_end = before + before_size, *const after_end = after + after_size;
    while (before < before_end) {
        FUZZ_CHECK(after < after_end);
        const char *stop = memchr(before, '\n', (size_t)(before_end - before));
        const char *other_stop = memchr(after, '\n', (size_t)(after_end - after));
        FUZZ_CHECK((stop == NULL) == (other_stop == NULL));
        stop = stop == NULL ? before_end : stop;
        other_stop = other_stop == NULL ? after_end : other_stop;
        cJSON *const rest = rest_of(before, (size_t)(stop - before));
        if (rest != NULL) {
            cJSON *const other = rest_of(after, (size_t)(other_stop - after));
            FUZZ_CHECK_THAT(other != NULL, "%.*s became %.*s", (int)(stop - before), before, (int)(other_stop - after),
                            after);
            FUZZ_CHECK(cJSON_Compare(rest, other, true));
            cJSON_Delete(other);
        }
        cJSON_Delete(rest);
        before = stop + 1;
        after = other_stop + 1;
    }
    FUZZ_CHECK(after >= after_end);
}

static mlsel_rescore_sums rescore(const char *from, const char *to, const mlsel_rescore_options *options) {
    mlsel_rescore_report *report = NULL;
    mlsel_rescore_sums total, sum = {0}, one;
    mlsel_error err;
    FUZZ_CHECK_THAT(mlsel_rescore(from, to, options, &report, &err) == MLSEL_OK, "%s", err.message);
    mlsel_rescore_total(report, &total);
    for (size_t i = 0; i < mlsel_rescore_model_count(report); i++) {
        FUZZ_CHECK(mlsel_rescore_model(report, i, &one) != NULL);
        sum.n_rows += one.n_rows;
        sum.n_changed += one.n_changed;
        FUZZ_CHECK(one.n_after <= one.n_rows && one.after >= 0);
    }
    FUZZ_CHECK(sum.n_rows == total.n_rows && sum.n_changed == total.n_changed);
    mlsel_rescore_free(report);
    return total;
}

static bool is_text(const char *text, size_t size) {
    line_reader reader;
    const bool is = mlsel_i_lines_memory(&reader, text, size, "", SIZE_MAX / 4, NULL) == MLSEL_OK;
    mlsel_i_lines_close(&reader);
    return is;
}

static void score_again(const char *text, size_t size, struct fuzz_input *choices) {
    const char *const before = fuzz_write("before.jsonl", text, size);
    const char *const after = fuzz_path("after.jsonl"), *const twice = fuzz_path("twice.jsonl");
    mlsel_rescore_options options = {.metric = (mlsel_metric)fuzz_below(choices, MLSEL_METRIC_CEM + 1),
                                     .replace = true};
    mlsel_rescore_report *report = NULL;
    mlsel_error err;
    if (!is_text(text, size)) {
        FUZZ_CHECK(mlsel_rescore(before, after, &options, &report, &err) == MLSEL_ERROR_UNSUPPORTED);
        return;
    }
    (void)rescore(before, after, &options);
    const mlsel_rescore_sums nothing = rescore(after, twice, &options);
    FUZZ_CHECK(nothing.n_changed == 0);
    size_t after_size, twice_size;
    char *const once_text = fuzz_read(after, &after_size), *const twice_text = fuzz_read(twice, &twice_size);
    FUZZ_CHECK_THAT(after_size == twice_size && memcmp(once_text, twice_text, after_size) == 0, "%s and %s", once_text,
                    twice_text);
    compare_lines(text, size, once_text, after_size);
    free(once_text);
    free(twice_text);
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_rescore(before, NULL, &options, &report, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(status == MLSEL_OK || (refused && status == MLSEL_ERROR_NO_MEMORY));
    if (status == MLSEL_OK)
        mlsel_rescore_free(report);
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

/* Records are JSON, and read as a file of their own give themselves. */
static void read_records(const query_list *list) {
    size_t size = 0;
    for (size_t i = 0; i < list->texts.n; i++)
        size += strlen(list->records[i]) + 1;
    char *const text = malloc(size + 1), *at = text;
    FUZZ_CHECK(text != NULL);
    for (size_t i = 0; i < list->texts.n; i++) {
        const char *const record = list->records[i];
        json_document *doc = NULL;
        mlsel_error err;
        FUZZ_CHECK_THAT(mlsel_i_json_parse(record, strlen(record), NULL, NULL, &doc, &err) == MLSEL_OK, "%s", record);
        const cJSON *const query = cJSON_GetObjectItemCaseSensitive(mlsel_i_json_root(doc), "query");
        FUZZ_CHECK(cJSON_IsString(query) && strcmp(query->valuestring, list->texts.entries[i].text) == 0);
        mlsel_i_json_free(doc);
        memcpy(at, record, strlen(record));
        at += strlen(record);
        *at++ = '\n';
    }
    query_list again;
    mlsel_error err;
    const query_options all = {0};
    const char *const path = fuzz_write("records.jsonl", text, (size_t)(at - text));
    FUZZ_CHECK_THAT(mlsel_i_queries_read(path, &all, &again, &err) == MLSEL_OK, "%s", err.message);
    FUZZ_CHECK(again.texts.n == list->texts.n);
    for (size_t i = 0; i < again.texts.n; i++)
        FUZZ_CHECK(strcmp(again.records[i], list->records[i]) == 0);
    mlsel_i_queries_free(&again);
    free(text);
}

static void read_queries(const char *text, size_t size, struct fuzz_input *choices) {
    const char *const path = fuzz_write("queries.jsonl", text, size);
    const query_options all = {.limit = fuzz_below(choices, 4)};
    query_options part = all;
    query_list list, shard;
    mlsel_error err;
    part.n_shards = 1 + fuzz_below(choices, 3);
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_i_queries_read(path, &all, &list, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    if (status != MLSEL_OK)
        return;
    FUZZ_CHECK(list.texts.n > 0 && (all.limit == 0 || list.texts.n <= all.limit));
    if (list.texts.n > 0)
        read_records(&list);
    /* shards are parts of the whole */
    size_t n = 0;
    for (part.shard = 1; part.shard <= part.n_shards; part.shard++) {
        FUZZ_CHECK(mlsel_i_queries_read(path, &part, &shard, &err) == MLSEL_OK);
        n += shard.texts.n;
        for (size_t i = 0; i < shard.texts.n; i++)
            FUZZ_CHECK(mlsel_i_texts_find(&list.texts, shard.texts.entries[i].text, shard.texts.entries[i].size,
                                          shard.texts.entries[i].hash) >= 0);
        mlsel_i_queries_free(&shard);
    }
    FUZZ_CHECK(n == list.texts.n);
    mlsel_i_queries_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    char *const text = malloc(text_size + 1);
    FUZZ_CHECK(text != NULL);
    memcpy(text, text_size > 0 ? data : (const uint8_t *)"", text_size);
    const size_t cut = fuzz_u16(&choices) % (text_size + 1);
    continue_file(text, text_size, &choices);
    merge(text, text_size, cut, &choices);
    score_again(text, text_size, &choices);
    read_queries(text, text_size, &choices);
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_lines_mutate(data, size, max_size, seed);
}
