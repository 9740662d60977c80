/* SPDX-License-Identifier: Apache-2.0 */
#include "record_line.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "json_number.h"

/* --- numbers that JSON has not ------------------------------------------------------------------------------------ */

/*
 * The strict reader refuses a text with NaN in it, wherever it stands. Such a line is read once more with each of these
 * words made a string of the same length, so that places in messages stay right: a mark that no sensible text starts
 * with, and a letter for what it was.
 */
#define MARK '\x7f'

static const struct {
    const char *word;
    char letter;
} words[] = {{"NaN", '\0'}, {"Infinity", 'I'}, {"-Infinity", '-'}};
#define TOO_LARGE '9'

static void blank(char *at, size_t size, char letter) {
    memset(at, ' ', size);
    at[0] = at[size - 1] = '"';
    at[1] = MARK;
    if (size > 3)
        at[2] = letter;
}

/* Behind the string whose opening quote is at `at`. */
static char *skip_string(char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    return at < end ? at + 1 : at;
}

/* Blanks what is at `at` if it is such a word or number, and returns what is behind it. */
static char *soften_token(char *at, const char *end, void **locale, bool *changed) {
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(words); i++) {
        const size_t length = strlen(words[i].word);
        if ((size_t)(end - at) < length || memcmp(at, words[i].word, length) != 0)
            continue;
        blank(at, length, words[i].letter);
        *changed = true;
        return at + length;
    }
    const char *stop = at;
    double value;
    const enum json_number_status number = mlsel_i_json_number(&stop, end, locale, &value);
    size_t length = (size_t)(stop - at);
    while (at + length < end && at[length] != '\0' && strchr("+-.0123456789Ee", at[length]) != NULL)
        length++;
    if ((number == JSON_NUMBER_OVERFLOW || number == JSON_NUMBER_TOO_LONG) && length > 3) {
        blank(at, length, TOO_LARGE);
        *changed = true;
    }
    return at + (length > 0 ? length : 1);
}

/* Returns whether something was changed. */
static bool soften(char *text, size_t size) {
    char *at = text, *const end = text + size;
    void *locale = NULL;
    bool changed = false;
    while (at < end) {
        if (*at == '"')
            at = skip_string(at, end);
        else if (*at == 'N' || *at == 'I' || *at == '-' || (*at >= '0' && *at <= '9'))
            at = soften_token(at, end, &locale, &changed);
        else
            at++;
    }
    mlsel_i_json_number_done(locale);
    return changed;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *key;
    size_t size, offset;
} members[] = {
#define MEMBER(name)                                                                                                   \
    { #name, sizeof #name - 1, offsetof(record_members, name) }
    MEMBER(query),    MEMBER(model_name),    MEMBER(performance), MEMBER(performance_known), MEMBER(ground_truth),
    MEMBER(error),    MEMBER(response_time), MEMBER(cost),        MEMBER(prompt_tokens),     MEMBER(completion_tokens),
    MEMBER(category), MEMBER(task_name),     MEMBER(embedding),
#undef MEMBER
};

static int find_member(const char *key, size_t size) {
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(members); i++)
        if (members[i].size == size && memcmp(members[i].key, key, size) == 0)
            return (int)i;
    return -1;
}

static bool is_unwanted(const char *key, size_t size) { return find_member(key, size) < 0; }

static bool is_f32(const char *key, size_t size) { return size == 9 && memcmp(key, "embedding", 9) == 0; }

static mlsel_status parse(record_line *line, const char *text, size_t size, mlsel_error *err) {
    mlsel_status status = mlsel_i_json_parse_without(text, size, is_unwanted, is_f32, &line->doc, err);
    if (status != MLSEL_ERROR_SCHEMA && status != MLSEL_ERROR_LIMIT)
        return status;
    char *copy = mlsel_i_strndup(text, size);
    if (copy == NULL)
        return mlsel_i_no_memory(err);
    if (soften(copy, size))
        status = mlsel_i_json_parse_without(copy, size, is_unwanted, is_f32, &line->doc, err);
    mlsel_i_free(copy);
    return status;
}

mlsel_status mlsel_i_record_line_read(record_line *line, const char *text, size_t size, mlsel_error *err) {
    *line = (record_line){0};
    const mlsel_status status = parse(line, text, size, err);
    if (status != MLSEL_OK)
        return status;
    const cJSON *root = mlsel_i_json_root(line->doc);
    if (!cJSON_IsObject(root)) {
        char what[64];
        mlsel_i_record_describe(root, what, sizeof what);
        mlsel_i_record_line_free(line);
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the line is %s: it must be one JSON object", what);
    }
    for (const cJSON *node = root->child; node != NULL; node = node->next) {
        const int index = find_member(node->string, strlen(node->string));
        if (index >= 0)
            *(const cJSON **)(void *)((char *)&line->members + members[index].offset) = node;
    }
    return MLSEL_OK;
}

void mlsel_i_record_line_free(record_line *line) {
    mlsel_i_json_free(line->doc);
    *line = (record_line){0};
}

/* Whether a text is what blank() makes. */
static bool is_mark(const char *text) {
    if (text[0] != MARK)
        return false;
    const char *at = text + 1;
    if (*at != '\0' && strchr("I-9", *at) != NULL)
        at++;
    return at[strspn(at, " ")] == '\0';
}

const char *mlsel_i_record_text(const cJSON *node) {
    return cJSON_IsString(node) && node->valuestring[0] != '\0' && !is_mark(node->valuestring) ? node->valuestring
                                                                                               : NULL;
}

bool mlsel_i_record_is_quality(const cJSON *performance) {
    return cJSON_IsNumber(performance) && performance->valuedouble >= 0 && performance->valuedouble <= 1;
}

bool mlsel_i_record_failed(const cJSON *error) {
    return error != NULL && !cJSON_IsNull(error) && !cJSON_IsFalse(error) &&
           !(cJSON_IsString(error) && error->valuestring[0] == '\0');
}

static const char *name_mark(const char *text) {
    switch (text[1]) {
    case '\0':
        return words[0].word;
    case 'I':
        return words[1].word;
    case '-':
        return words[2].word;
    default:
        return "huge";
    }
}

static const char *name_type(const cJSON *node) {
    if (cJSON_IsArray(node) || node->type == cJSON_Raw)
        return "a list";
    if (cJSON_IsObject(node))
        return "an object";
    if (cJSON_IsNull(node))
        return "null";
    return cJSON_IsTrue(node) ? "true" : "false";
}

void mlsel_i_record_describe(const cJSON *node, char *out, size_t size) {
    if (node == NULL)
        (void)snprintf(out, size, "missing");
    else if (cJSON_IsNumber(node))
        mlsel_i_format_double(out, size, node->valuedouble);
    else if (!cJSON_IsString(node))
        (void)snprintf(out, size, "%s", name_type(node));
    else if (is_mark(node->valuestring))
        (void)snprintf(out, size, "%s", name_mark(node->valuestring));
    else
        (void)snprintf(out, size, "the text \"%.24s\"", node->valuestring);
}
