/* SPDX-License-Identifier: Apache-2.0 */
#include "rescore_line.h"

#include <math.h>
#include <string.h>

#include "json_tree.h"
#include "train/record_line.h"

static const char *const keys[N_RESULT_MEMBERS] = {"model_name", "response", "ground_truth",      "metric",
                                                   "choices",    "error",    "performance_known", "performance"};

/* --- finding members ------------------------------------------------------------------------------------------------
 */

/*
 * Only as much of JSON as is needed to find where the members of the line's object begin and end; the values that
 * matter are read by cJSON afterwards. So NaN, which Python writes, is no obstacle in other members.
 */
typedef struct scanner {
    const char *at, *end;
} scanner;

static void skip_space(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool take(scanner *s, char c) {
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool skip_string(scanner *s) {
    if (!take(s, '"'))
        return false;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < ' ')
            return false;
        s->at += *s->at == '\\' ? 2 : 1;
    }
    if (s->at >= s->end)
        return false;
    s->at++;
    return true;
}

static bool skip_nested(scanner *s) {
    size_t depth = 0;
    while (s->at < s->end) {
        const char c = *s->at;
        if (c == '"') {
            if (!skip_string(s))
                return false;
            continue;
        }
        s->at++;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(scanner *s) {
    skip_space(s);
    if (s->at == s->end)
        return false;
    if (*s->at == '"')
        return skip_string(s);
    if (*s->at == '{' || *s->at == '[')
        return skip_nested(s);
    const char *begin = s->at;
    while (s->at < s->end && strchr(",]} \t\r", *s->at) == NULL)
        s->at++;
    return s->at > begin;
}

/* Which member a key is, or N_RESULT_MEMBERS. Keys may have escapes. */
static int find_key(const char *begin, const char *end, bool *lacks_memory) {
    const size_t size = (size_t)(end - begin);
    bool lacks = false;
    cJSON *const decoded = memchr(begin, '\\', size) != NULL ? mlsel_i_json_tree(begin, size, &lacks) : NULL;
    int key = 0;
    *lacks_memory = *lacks_memory || lacks;
    for (; key < N_RESULT_MEMBERS; key++) {
        if (decoded != NULL ? strcmp(decoded->valuestring, keys[key]) == 0
                            : strlen(keys[key]) + 2 == size && memcmp(begin + 1, keys[key], size - 2) == 0)
            break;
    }
    cJSON_Delete(decoded);
    return key;
}

static const char *find_members(result_line *out, scanner *s, bool *lacks_memory) {
    static const char not_json[] = "the line is no JSON object";
    if (!take(s, '{'))
        return not_json;
    out->is_empty = take(s, '}');
    while (!out->is_empty) {
        skip_space(s);
        const char *begin = s->at;
        if (!skip_string(s))
            return not_json;
        const int key = find_key(begin, s->at, lacks_memory);
        if (!take(s, ':'))
            return not_json;
        out->is_spaced = s->at < s->end && *s->at == ' ';
        skip_space(s);
        const char *value = s->at;
        if (!skip_value(s))
            return not_json;
        if (key < N_RESULT_MEMBERS && out->members[key].begin != NULL)
            return "the line has a member twice";
        if (key < N_RESULT_MEMBERS)
            out->members[key] = (result_span){value, s->at};
        if (take(s, '}'))
            break;
        if (!take(s, ','))
            return not_json;
    }
    out->brace = s->at - 1;
    skip_space(s);
    return s->at == s->end ? NULL : "more text follows the JSON object";
}

/* --- reading --------------------------------------------------------------------------------------------------------
 */

/* An object of the members that are read. */
static mlsel_status read_values(result_line *out, mlsel_error *err) {
    out->record = cJSON_CreateObject();
    if (out->record == NULL)
        return mlsel_i_no_memory(err);
    for (int i = 0; i < N_RESULT_VALUES; i++) {
        const result_span *span = &out->members[i];
        if (span->begin == NULL)
            continue;
        bool lacks_memory;
        cJSON *value = mlsel_i_json_tree(span->begin, (size_t)(span->end - span->begin), &lacks_memory);
        if (value == NULL && lacks_memory)
            return mlsel_i_no_memory(err);
        if (value == NULL)
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s is no JSON", keys[i]);
        if (!cJSON_AddItemToObject(out->record, keys[i], value)) {
            cJSON_Delete(value);
            return mlsel_i_no_memory(err);
        }
    }
    return MLSEL_OK;
}

/* False: no memory. */
static bool read_before(result_line *out) {
    const result_span *span = &out->members[RESULT_PERFORMANCE];
    bool lacks_memory = false;
    cJSON *value =
        span->begin == NULL ? NULL : mlsel_i_json_tree(span->begin, (size_t)(span->end - span->begin), &lacks_memory);
    const bool is_there = value != NULL && mlsel_i_record_is_quality(value);
    out->is_known = is_there && !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(out->record, keys[RESULT_KNOWN]));
    out->performance = is_there ? value->valuedouble : NAN;
    out->is_error = mlsel_i_record_failed(cJSON_GetObjectItemCaseSensitive(out->record, keys[RESULT_ERROR]));
    cJSON_Delete(value);
    return !lacks_memory;
}

mlsel_status mlsel_i_result_line_read(result_line *out, const char *text, size_t size, mlsel_error *err) {
    scanner s = {text, text + size};
    *out = (result_line){.line = {text, text + size}};
    bool lacks_memory = false;
    const char *problem = find_members(out, &s, &lacks_memory);
    if (lacks_memory)
        return mlsel_i_no_memory(err);
    if (problem != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s", problem);
    mlsel_status status = read_values(out, err);
    if (status == MLSEL_OK && !read_before(out))
        status = mlsel_i_no_memory(err);
    if (status != MLSEL_OK)
        mlsel_i_result_line_free(out);
    return status;
}

void mlsel_i_result_line_free(result_line *line) {
    cJSON_Delete(line->record);
    line->record = NULL;
}

/* --- writing --------------------------------------------------------------------------------------------------------
 */

/* A place where text takes the place of other text. */
typedef struct edit {
    const char *begin, *end;
    char text[96];
} edit;

static void format(char out[40], double performance) {
    mlsel_i_format_double(out, 32, performance);
    if (strpbrk(out, ".en") == NULL)
        memcpy(out + strlen(out), ".0", 3);
}

static void put(char **to, const char *text) {
    const size_t size = strlen(text);
    memcpy(*to, text, size + 1);
    *to += size;
}

/* A new member behind another or, with `comma` "", as the first. */
static void put_member(char **to, const result_line *line, bool has_comma, const char *key, const char *value) {
    if (has_comma)
        put(to, line->is_spaced ? ", " : ",");
    put(to, "\"");
    put(to, key);
    put(to, line->is_spaced ? "\": " : "\":");
    put(to, value);
}

void mlsel_i_result_line_write(const result_line *line, bool is_known, double performance, json_writer *w) {
    const result_span *value = &line->members[RESULT_PERFORMANCE], *known = &line->members[RESULT_KNOWN];
    const bool is_same = !isnan(line->performance) && fabs(line->performance - performance) < 1e-12;
    edit edits[2] = {0};
    char number[40];
    size_t n = 0;
    format(number, performance);
    if (value->begin == NULL) {
        edit *e = &edits[n++];
        char *to = e->text;
        e->begin = e->end = line->brace;
        put_member(&to, line, !line->is_empty, keys[RESULT_PERFORMANCE], number);
        if (!is_known && known->begin == NULL)
            put_member(&to, line, true, keys[RESULT_KNOWN], "false");
    } else if (!is_same || (!is_known && known->begin == NULL)) {
        edit *e = &edits[n++];
        char *to = e->text;
        e->begin = is_same ? value->end : value->begin;
        e->end = value->end;
        if (!is_same)
            put(&to, number);
        if (!is_known && known->begin == NULL)
            put_member(&to, line, true, keys[RESULT_KNOWN], "false");
    }
    if (known->begin != NULL &&
        cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(line->record, keys[RESULT_KNOWN])) == is_known) {
        edit *e = &edits[n++];
        char *to = e->text;
        e->begin = known->begin;
        e->end = known->end;
        put(&to, is_known ? "true" : "false");
    }
    if (n == 2 && edits[1].begin < edits[0].begin) {
        const edit first = edits[1];
        edits[1] = edits[0];
        edits[0] = first;
    }
    const char *at = line->line.begin;
    for (size_t i = 0; i < n; i++) {
        mlsel_i_write_raw(w, at, (size_t)(edits[i].begin - at));
        mlsel_i_write_raw(w, edits[i].text, strlen(edits[i].text));
        at = edits[i].end;
    }
    mlsel_i_write_raw(w, at, (size_t)(line->line.end - at));
}
