/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diagnostics.h"

#include <stdio.h>
#include <string.h>

/* --- the list ---------------------------------------------------------------------------------------------------- */

bool mlsel_i_diagnostics_failed(const config_diagnostics *list) {
    return list->is_failed || (list->arena != NULL && mlsel_i_arena_failed(list->arena));
}

void mlsel_i_config_diagnostics_clear(config_diagnostics *list) {
    if (list == NULL)
        return;
    mlsel_i_arena_free(list->arena);
    *list = (config_diagnostics){0};
}

/* Replaces what would disturb a line of output; the text only gets shorter. */
static void clean(char *text) {
    unsigned char *at = (unsigned char *)text, *to = at;
    const unsigned char *const end = at + strlen(text);
    while (at < end) {
        const size_t length = mlsel_i_utf8_length(at, end);
        const bool is_c1 = length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
        if (length == 0 || *at < 0x20 || *at == 0x7f || is_c1) {
            *to++ = '?';
            at += length == 0 ? 1 : length;
            continue;
        }
        memmove(to, at, length);
        to += length;
        at += length;
    }
    *to = '\0';
}

static void count_severity(config_diagnostics *list, config_severity severity) {
    list->n_errors += severity == CONFIG_ERROR;
    list->n_warnings += severity == CONFIG_WARNING;
    list->n_notes += severity == CONFIG_NOTE;
}

/* Whether the same was said before: an alias brings what is wrong with its anchor to every place it is used in. */
static bool is_known(const config_diagnostics *list, const char *code, config_span span, const char *message) {
    for (size_t i = list->count; i-- > 0;) {
        const config_diagnostic *const item = &list->items[i];
        if (item->span.line == span.line && item->span.column == span.column && strcmp(item->code, code) == 0 &&
            strcmp(item->message, message) == 0)
            return true;
    }
    return false;
}

void mlsel_i_diagnose(config_diagnostics *list, config_severity severity, const char *code, config_span span,
                      const char *suggestion, const char *format, ...) {
    if (list->arena == NULL && (list->arena = mlsel_i_arena_create()) == NULL)
        list->is_failed = true;
    char message_text[1024]; /* longer ones lose their end */
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(message_text, sizeof message_text, format, args);
    va_end(args);
    if (length < 0)
        message_text[0] = '\0';
    clean(message_text);
    if (is_known(list, code, span, message_text))
        return;
    count_severity(list, severity);
    if (list->count >= CONFIG_MAX_DIAGNOSTICS)
        return;
    char *message = mlsel_i_arena_copy(list->arena, message_text, strlen(message_text));
    char *advice = suggestion == NULL ? NULL : mlsel_i_arena_copy(list->arena, suggestion, strlen(suggestion));
    config_diagnostic *items =
        mlsel_i_arena_grow(list->arena, list->items, list->count, &list->capacity, sizeof *items);
    if (mlsel_i_arena_failed(list->arena))
        return;
    if (advice != NULL)
        clean(advice);
    list->items = items;
    items[list->count++] = (config_diagnostic){severity, code, message, advice, span};
}

static bool is_before(const config_span *a, const config_span *b) {
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void mlsel_i_diagnostics_sort(config_diagnostics *list, size_t first) {
    /* insertion: there are at most CONFIG_MAX_DIAGNOSTICS, mostly in order */
    for (size_t i = first + 1; i < list->count; i++) {
        const config_diagnostic moved = list->items[i];
        size_t to = i;
        for (; to > first && is_before(&moved.span, &list->items[to - 1].span); to--)
            list->items[to] = list->items[to - 1];
        list->items[to] = moved;
    }
}

mlsel_status mlsel_i_config_diagnostics_fail(const config_diagnostics *list, const char *file_name, mlsel_error *err) {
    const config_diagnostic *found = NULL;
    for (size_t i = 0; i < list->count && found == NULL; i++)
        if (list->items[i].severity == CONFIG_ERROR)
            found = &list->items[i];
    if (found == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the configuration has errors");
    const mlsel_status status = strncmp(found->code, "yaml-", 5) == 0 ? MLSEL_ERROR_PARSE : MLSEL_ERROR_SCHEMA;
    char place[64] = "";
    if (found->span.line > 0)
        snprintf(place, sizeof place, ":%u:%u", (unsigned)found->span.line, (unsigned)found->span.column);
    mlsel_i_fail_detail(err, status, found->span.line, "%s: %s [%s]", place, found->message, found->code);
    mlsel_i_error_prefix(err, file_name == NULL ? "configuration" : file_name);
    return status;
}

/* --- what was meant ---------------------------------------------------------------------------------------------- */

enum { LONGEST_NAME = 63 };

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

static int plain(char c) {
    if (c == '_' || c == '-')
        return ' ';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Edit distance that counts a swap of neighbours as one slip (optimal string alignment). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][LONGEST_NAME + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = before[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *const spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t differs = plain(a[i - 1]) != plain(b[j - 1]);
            row[j] = min_size(min_size(above[j], row[j - 1]) + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
    }
    return row[b_length];
}

void mlsel_i_near_offer(near_name *near, const char *name) {
    const size_t given_length = strlen(near->given), name_length = strlen(name);
    const size_t shorter = min_size(given_length, name_length);
    if (given_length > LONGEST_NAME || name_length > LONGEST_NAME || shorter == 0)
        return;
    const size_t longer = given_length + name_length - shorter;
    const size_t allowed = shorter < 3 ? 0 : 1 + shorter / 4;
    if (longer - shorter > allowed)
        return;
    const size_t distance = edit_distance(near->given, given_length, name, name_length);
    if (distance <= allowed && (near->best == NULL || distance < near->distance)) {
        near->best = name;
        near->distance = distance;
    }
}

const char *mlsel_i_did_you_mean(const char *given, const char *const *names, size_t count) {
    near_name near = {.given = given};
    for (size_t i = 0; i < count; i++)
        mlsel_i_near_offer(&near, names[i]);
    return near.best;
}

const char *mlsel_i_quote(quoted *q, const char *text) {
    const size_t room = sizeof q->text - sizeof "\"...\"";
    size_t length = strlen(text);
    const bool cut = length > room;
    if (cut)
        for (length = room; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    snprintf(q->text, sizeof q->text, "\"%.*s%s\"", (int)length, text, cut ? "..." : "");
    return q->text;
}
