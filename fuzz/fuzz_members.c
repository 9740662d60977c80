/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks into JSON text without a tree: the place of a member, the members as they are written, a line of results.
 * The strict reader says which texts these may trust. The input is a text; behind its last 0 byte what to look for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/json_members.h"
#include "collect/rescore_line.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "json.h"
#include "json_tree.h"
#include "train/json_splice.h"

static const char *const keys[] = {"calibration", "a", "embeddings", "performance", ""};
static const char value[] = "{\"new\": [1, {}]}";

static bool is_object(const char *text, size_t size, size_t *n_members) {
    json_document *doc = NULL;
    const bool is =
        mlsel_i_json_parse(text, size, NULL, NULL, &doc, NULL) == MLSEL_OK && cJSON_IsObject(mlsel_i_json_root(doc));
    if (is)
        *n_members = (size_t)cJSON_GetArraySize(mlsel_i_json_root(doc));
    mlsel_i_json_free(doc);
    return is;
}

/* --- splices ------------------------------------------------------------------------------------------------------ */

static char *put_member(const char *text, size_t size, const char *key, size_t *new_size) {
    const json_splice splice = mlsel_i_json_find_splice(text, size, key);
    FUZZ_CHECK(splice.begin <= splice.end && splice.end <= size);
    char *const out = malloc(size + strlen(key) + sizeof value + 16);
    FUZZ_CHECK(out != NULL);
    memcpy(out, text, splice.begin);
    char *at = out + splice.begin;
    at += sprintf(at, "%s\"%s\": %s", splice.needs_comma ? ",\n" : "", key, value);
    memcpy(at, text + splice.end, size - splice.end);
    *new_size = (size_t)(at - out) + size - splice.end;
    return out;
}

/* The text with a member in its place is JSON, has the member, and is otherwise what it was. */
static void splice(const char *text, size_t size, const char *key) {
    size_t spliced_size, n, n_after;
    FUZZ_CHECK(is_object(text, size, &n));
    char *const spliced = put_member(text, size, key, &spliced_size);
    cJSON *const before = cJSON_ParseWithLength(text, size);
    cJSON *const after = cJSON_ParseWithLength(spliced, spliced_size);
    cJSON *const wanted = cJSON_Parse(value);
    FUZZ_CHECK_THAT(is_object(spliced, spliced_size, &n_after) && before != NULL && after != NULL, "%.*s",
                    (int)spliced_size, spliced);
    const bool was_there = cJSON_GetObjectItemCaseSensitive(before, key) != NULL;
    FUZZ_CHECK(n_after == n + !was_there);
    FUZZ_CHECK(cJSON_Compare(cJSON_GetObjectItemCaseSensitive(after, key), wanted, true));
    cJSON_DeleteItemFromObjectCaseSensitive(before, key);
    cJSON_DeleteItemFromObjectCaseSensitive(after, key);
    FUZZ_CHECK_THAT(cJSON_Compare(before, after, true), "%.*s", (int)spliced_size, spliced);
    cJSON_Delete(before);
    cJSON_Delete(after);
    cJSON_Delete(wanted);
    free(spliced);
}

/* --- members ------------------------------------------------------------------------------------------------------ */

/* Each is JSON of its own, and together they are all. */
static void walk(const char *text, size_t size, size_t n_members) {
    json_member m;
    const char *at = NULL, *end = text;
    size_t n = 0, one;
    while (mlsel_i_members_next(text, size, &at, &m)) {
        FUZZ_CHECK(m.text >= end && m.text + m.size <= text + size && m.key == m.text + 1);
        FUZZ_CHECK(m.value > m.key + m.key_size && m.value + m.value_size == m.text + m.size && m.value_size > 0);
        char *const object = malloc(m.size + 2);
        FUZZ_CHECK(object != NULL);
        object[0] = '{';
        memcpy(object + 1, m.text, m.size);
        object[m.size + 1] = '}';
        FUZZ_CHECK_THAT(is_object(object, m.size + 2, &one) && one == 1, "%.*s", (int)m.size, m.text);
        free(object);
        end = m.text + m.size;
        n++;
    }
    FUZZ_CHECK_THAT(n == n_members, "%zu members, not %zu", n, n_members);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static char *rewrite(const result_line *line, bool is_known, double performance, size_t *size) {
    json_writer w = {0};
    mlsel_i_result_line_write(line, is_known, performance, &w);
    mlsel_i_write_raw(&w, "", 1);
    FUZZ_CHECK(w.status == MLSEL_OK);
    *size = w.size - 1;
    char *const out = strdup(w.text);
    FUZZ_CHECK(out != NULL);
    mlsel_i_write_free(&w);
    return out;
}

/* A line that was written says what was to be written, and is written as it is again. */
static void write_line(const result_line *line, bool was_object, struct fuzz_input *choices) {
    const bool is_known = fuzz_bool(choices);
    const double performance = is_known ? fuzz_u8(choices) / 255.0 : 0.5;
    size_t size, again_size, n;
    result_line second;
    mlsel_error err;
    char *const text = rewrite(line, is_known, performance, &size);
    FUZZ_CHECK_THAT(!was_object || is_object(text, size, &n), "%s", text);
    FUZZ_CHECK_THAT(mlsel_i_result_line_read(&second, text, size, &err) == MLSEL_OK, "%s", text);
    FUZZ_CHECK_THAT(second.is_known == is_known && second.performance - performance < 1e-12 &&
                        performance - second.performance < 1e-12 && second.is_error == line->is_error,
                    "%s", text);
    FUZZ_CHECK(cJSON_IsTrue(cJSON_GetObjectItem(second.record, "performance_known")) <= is_known);
    char *const again = rewrite(&second, is_known, performance, &again_size);
    FUZZ_CHECK_THAT(strcmp(text, again) == 0, "%s became %s", text, again);
    mlsel_i_result_line_free(&second);
    free(again);
    free(text);
}

static void read_line(const char *text, size_t size, bool was_object, struct fuzz_input *choices) {
    result_line line;
    mlsel_error err;
    if (memchr(text, '\n', size) != NULL || memchr(text, '\0', size) != NULL)
        return;
    const mlsel_status status = mlsel_i_result_line_read(&line, text, size, &err);
    FUZZ_CHECK(status == MLSEL_OK || status == MLSEL_ERROR_SCHEMA);
    FUZZ_CHECK_THAT(!was_object || status == MLSEL_OK, "%s", err.message);
    if (status != MLSEL_OK)
        return;
    for (int i = 0; i < N_RESULT_MEMBERS; i++)
        if (line.members[i].begin != NULL)
            FUZZ_CHECK(line.members[i].begin > text && line.members[i].begin < line.members[i].end &&
                       line.members[i].end <= line.brace);
    FUZZ_CHECK(line.brace >= text && line.brace < text + size && *line.brace == '}');
    write_line(&line, was_object, choices);
    mlsel_i_result_line_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size, n;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    char *const text = malloc(text_size > 0 ? text_size : 1); /* of exactly its size */
    FUZZ_CHECK(text != NULL);
    if (text_size > 0)
        memcpy(text, data, text_size);
    const bool was_object = is_object(text, text_size, &n);
    if (was_object) {
        splice(text, text_size, keys[fuzz_below(&choices, sizeof keys / sizeof *keys)]);
        walk(text, text_size, n);
    }
    read_line(text, text_size, was_object, &choices);
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_mutate(data, size, max_size, seed);
}
