/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

static const char FORM_HINT[] =
    "a query is {\"features\": [...]} or {\"embedding\": [...], \"category\": \"math\"}, with \"id\" and \"text\" if "
    "you like";

enum member { FEATURES, EMBEDDING, CATEGORY, ID, TEXT, QUERY, MEMBERS };
static const char *const member_names[MEMBERS] = {"features", "embedding", "category", "id", "text", "query"};

static bool fail(failure *problem, const char *hint, const char *message) {
    failure_set(problem, EXIT_BAD_INPUT, "%s", message);
    failure_hint(problem, "%s", hint);
    return false;
}

/* --- syntax ----------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *text, size_t left, const char *start) {
    return left >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

static bool fail_syntax(const char *line, size_t length, size_t at, failure *problem) {
    const char *here = line + at;
    size_t left = length - at;
    const char *hint = "";
    if (starts_with(here, left, "NaN") || starts_with(here, left, "Infinity") || starts_with(here, left, "-Infinity") ||
        starts_with(here, left, "nan"))
        hint = "JSON has no NaN and no infinity, and no query can be answered with them: leave it out";
    else if (left <= 1 || (left == 2 && here[1] == '\r'))
        hint = "the line ends too soon; JSON lines hold one whole query per line (`jq -c . FILE` puts it so)";
    failure_set(problem, EXIT_BAD_INPUT, "not valid JSON at byte %zu of the line", at + 1);
    failure_hint(problem, "%s", hint);
    return false;
}

static bool only_white_space(const char *text, const char *end) {
    for (; text < end; ++text)
        if (*text != ' ' && *text != '\t' && *text != '\r')
            return false;
    return true;
}

static cJSON *parse_line(const char *line, size_t length, failure *problem) {
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(line, length, &end, 0);
    size_t at = end >= line && end <= line + length ? (size_t)(end - line) : 0;
    if (tree == NULL) {
        tool_json_check();
        fail_syntax(line, length, at, problem);
    } else if (!only_white_space(end, line + length)) {
        fail(problem, "JSON lines hold one query per line", "more text follows the JSON value");
    } else if (!cJSON_IsObject(tree)) {
        bool array = cJSON_IsArray(tree);
        fail(problem, array ? "`jq -c '.[]' FILE` turns an array of queries into JSON lines" : FORM_HINT,
             array ? "a JSON array, expected an object" : "no JSON object");
    } else {
        return tree;
    }
    cJSON_Delete(tree);
    return NULL;
}

/* --- numbers as written ----------------------------------------------------------------------------------------- */

static size_t count_digits(const char *text) { return strspn(text, "0123456789"); }

/* Length of the JSON number that begins the text, or 0. cJSON takes more than the grammar allows; the output must not.
 */
static size_t number_length(const char *text) {
    const char *t = text;
    t += *t == '-';
    size_t digits = count_digits(t);
    if (digits == 0 || (*t == '0' && digits > 1))
        return 0;
    t += digits;
    if (*t == '.') {
        digits = count_digits(++t);
        t += digits;
    }
    if (digits > 0 && (*t == 'e' || *t == 'E')) {
        ++t;
        t += *t == '+' || *t == '-';
        digits = count_digits(t);
        t += digits;
    }
    return digits > 0 ? (size_t)(t - text) : 0;
}

static const char *skip_string(const char *text) {
    for (++text; *text != '"'; ++text)
        text += *text == '\\';
    return text + 1;
}

/*
 * The text of a member of an object that cJSON has found valid and that ends in a zero. Needed for numbers used as
 * names: a 64-bit id does not survive as a double.
 */
static const char *find_member(const char *text, const char *name) {
    size_t depth = 0, name_length = strlen(name);
    bool is_key = false;
    while (*text != '\0') {
        if (*text == '"') {
            const char *end = skip_string(text);
            const char *colon = end + strspn(end, " \t\r");
            if (depth == 1 && is_key && *colon == ':' && (size_t)(end - text) == name_length + 2 &&
                memcmp(text + 1, name, name_length) == 0)
                return colon + 1 + strspn(colon + 1, " \t\r");
            text = end;
            continue;
        }
        depth += *text == '{' || *text == '[';
        depth -= *text == '}' || *text == ']';
        is_key = *text == '{' || *text == ',' || (is_key && *text != ':');
        ++text;
    }
    return NULL;
}

/* NULL: it is written in a way that cannot be kept, and too large to be written in another. */
static char *copy_number(const char *line, size_t length, double value) {
    char *text = tool_copy(line, length), *copy = NULL;
    char digits[40];
    const char *found = find_member(text, member_names[ID]);
    size_t size = found != NULL ? number_length(found) : 0;
    snprintf(digits, sizeof digits, "%.17g", value);
    if (size > 0)
        copy = tool_copy(found, size);
    else if (isfinite(value))
        copy = tool_copy(digits, strlen(digits));
    free(text);
    return copy;
}

/* --- members ---------------------------------------------------------------------------------------------------- */

static bool find_members(const cJSON *tree, const cJSON **members, const chunk *c, failure *problem) {
    const bool is_request = c->requests;
    const cJSON *item;
    cJSON_ArrayForEach (item, tree) {
        for (size_t i = 0; i < MEMBERS; ++i) {
            if (strcmp(item->string, member_names[i]) != 0)
                continue;
            if (members[i] != NULL) {
                failure_set(problem, EXIT_BAD_INPUT, "\"%s\" occurs twice", member_names[i]);
                return false;
            }
            members[i] = item;
        }
    }
    for (size_t i = 0; i < MEMBERS; ++i)
        if (cJSON_IsNull(members[i]))
            members[i] = NULL;
    if (is_request && members[FEATURES] != NULL)
        return fail(problem, "the router adds the category values itself: give the \"embedding\" and the \"category\"",
                    "a request has no \"features\"");
    if (is_request)
        return true;
    if (members[FEATURES] != NULL && members[EMBEDDING] != NULL)
        return fail(problem, "\"features\" holds the category values already, \"embedding\" does not: give one of them",
                    "both \"features\" and \"embedding\"");
    const bool has_text = members[TEXT] != NULL || cJSON_IsString(members[QUERY]);
    if (members[FEATURES] == NULL && members[EMBEDDING] == NULL && !c->embeds_text && has_text)
        return fail(problem,
                    "--embedding-model builtin embeds the text, or the model that the artifact was trained with",
                    "neither \"features\" nor \"embedding\"");
    if (members[FEATURES] == NULL && members[EMBEDDING] == NULL && !has_text)
        return fail(problem, FORM_HINT, "neither \"features\" nor \"embedding\"");
    return true;
}

static bool read_values(const cJSON *array, const char *name, chunk *c, query *q, failure *problem) {
    size_t count = 0;
    const cJSON *item;
    if (!cJSON_IsArray(array) || array->child == NULL) {
        failure_set(problem, EXIT_BAD_INPUT, "\"%s\" %s", name,
                    cJSON_IsArray(array) ? "is empty" : "is not an array of numbers");
        return false;
    }
    cJSON_ArrayForEach (item, array) {
        if (!cJSON_IsNumber(item)) {
            failure_set(problem, EXIT_BAD_INPUT, "\"%s\"[%zu] is not a number", name, count);
            return false;
        }
        ++count;
    }
    double *values = chunk_values(c, count);
    cJSON_ArrayForEach (item, array) {
        *values++ = item->valuedouble;
    }
    c->value_count += count;
    q->count = count;
    return true;
}

static bool read_string(const cJSON *item, const char *name, char **out, failure *problem) {
    if (item == NULL)
        return true;
    if (!cJSON_IsString(item)) {
        failure_set(problem, EXIT_BAD_INPUT, "\"%s\" is not a string", name);
        return false;
    }
    *out = tool_copy(item->valuestring, strlen(item->valuestring));
    return true;
}

static bool read_id(const cJSON *item, const char *line, size_t length, query *q, failure *problem) {
    q->id_is_number = cJSON_IsNumber(item);
    if (q->id_is_number) {
        q->id = copy_number(line, length, item->valuedouble);
        if (q->id == NULL)
            failure_set(problem, EXIT_BAD_INPUT, "\"id\" is a number that is too large");
        return q->id != NULL;
    }
    if (item != NULL && !cJSON_IsString(item)) {
        failure_set(problem, EXIT_BAD_INPUT, "\"id\" is neither a string nor a number");
        return false;
    }
    return read_string(item, member_names[ID], &q->id, problem);
}

bool jsonl_parse(const char *line, size_t length, chunk *c, failure *problem) {
    const cJSON *members[MEMBERS] = {0};
    cJSON *tree = parse_line(line, length, problem);
    if (tree == NULL)
        return false;
    query *q = chunk_query(c);
    bool ok = find_members(tree, members, c, problem);
    q->is_embedding = members[FEATURES] == NULL;
    /* Routing data sets call the text "query"; anything else under that name is theirs. */
    if (members[TEXT] == NULL && cJSON_IsString(members[QUERY]))
        members[TEXT] = members[QUERY];
    size_t kind = q->is_embedding ? EMBEDDING : FEATURES;
    ok = ok && (members[kind] == NULL || read_values(members[kind], member_names[kind], c, q, problem)) &&
         read_string(members[CATEGORY], member_names[CATEGORY], &q->category, problem) &&
         read_string(members[TEXT], member_names[TEXT], &q->text, problem) &&
         read_id(members[ID], line, length, q, problem);
    if (ok && c->requests) {
        cJSON_DeleteItemFromObjectCaseSensitive(tree, member_names[EMBEDDING]); /* read, and 64 bytes a number */
        q->members = tree;
    } else {
        cJSON_Delete(tree);
    }
    if (!ok)
        chunk_drop_last(c);
    return ok;
}
