/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the JSON reader. A place is named twice: by its byte, for grammar, and by its path, as in
 * $.layers[2].type.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_parser.h"

#define MAX_PART 48   /* one part of a path, as in ["some key"], with terminator */
#define MAX_KEY 36    /* bytes of a key that are shown */
#define MAX_NUMBER 32 /* bytes of a number that are shown */
#define MAX_HEAD 56   /* a long path is cut in the middle, between two parts */
#define MAX_TAIL 72
#define MAX_PATH (MAX_HEAD + MAX_TAIL + 16)

static bool is_plain_key(const json_slice *key) {
    for (size_t i = 0; i < key->size; i++) {
        const char c = key->text[i];
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!is_word)
            return false;
    }
    return key->size > 0;
}

/* Longest prefix of at most max bytes that ends at a character. */
static int cut(const char *text, size_t size, size_t max) {
    if (size <= max)
        return (int)size;
    size_t n = max;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* Keys are shown as written, escapes included. Returns the length. */
static size_t format_part(const json_frame *frame, char *part) {
    if (!frame->is_object)
        return (size_t)snprintf(part, MAX_PART, "[%zu]", frame->index);
    const json_slice *key = &frame->key;
    const bool is_plain = is_plain_key(key);
    const char *const open = is_plain ? "." : "[\"";
    const char *const close = is_plain ? "" : "\"]";
    const char *const dots = key->size > MAX_KEY ? "..." : "";
    return (size_t)snprintf(part, MAX_PART, "%s%.*s%s%s", open, cut(key->text, key->size, MAX_KEY), key->text, dots,
                            close);
}

static void format_path(const json_parser *p, enum json_place place, char *path) {
    const size_t depth = place == JSON_IN_CONTAINER && p->depth > 0 ? p->depth - 1 : p->depth;
    char part[MAX_PART];
    /* parts tail and up fit into the end */
    size_t tail = depth;
    for (size_t length = 0; tail > 0; tail--) {
        length += format_part(&p->frames[tail - 1], part);
        if (length > MAX_TAIL)
            break;
    }
    size_t used = 1;
    path[0] = '$';
    for (size_t i = 0; i < depth; i++) {
        size_t length = format_part(&p->frames[i], part);
        if (i < tail && used + length > MAX_HEAD) {
            memset(part, '.', 3);
            length = 3;
            i = tail - 1;
        }
        memcpy(path + used, part, length);
        used += length;
    }
    path[used] = '\0';
}

mlsel_status mlsel_i_json_fail_at(const json_parser *p, const char *at, enum json_place place, const char *what) {
    char path[MAX_PATH];
    format_path(p, place, path);
    const size_t offset = (size_t)(at - p->text);
    return mlsel_i_fail_detail(p->err, MLSEL_ERROR_PARSE, offset, "byte %zu: %s, in %s", offset, what, path);
}

mlsel_status mlsel_i_json_fail_end(const json_parser *p, enum json_place place) {
    char path[MAX_PATH];
    format_path(p, place, path);
    const size_t offset = (size_t)(p->end - p->text);
    return mlsel_i_fail_detail(p->err, MLSEL_ERROR_PARSE, offset, "byte %zu: the text ends inside %s (truncated file?)",
                               offset, path);
}

mlsel_status mlsel_i_json_fail_value(const json_parser *p, mlsel_status code, const char *format, ...) {
    char path[MAX_PATH];
    char what[256];
    va_list args;
    format_path(p, JSON_IN_VALUE, path);
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return mlsel_i_fail(p->err, code, "%s: %s", path, what);
}

/* A word of Python's that is no JSON at p->at? -1: the text ends inside the word. */
static int match_word(const json_parser *p, const char *word) {
    const size_t length = strlen(word);
    const size_t left = (size_t)(p->end - p->at);
    if (memcmp(p->at, word, left < length ? left : length) != 0)
        return 0;
    return left < length ? -1 : 1;
}

mlsel_status mlsel_i_json_fail_number(const json_parser *p, const char *stop, enum json_number_status status) {
    const size_t size = (size_t)(stop - p->at);
    switch (status) {
    case JSON_NUMBER_NO_MEMORY:
        return mlsel_i_no_memory(p->err);
    case JSON_NUMBER_OVERFLOW:
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_SCHEMA, "%.*s%s is not a finite number (too large for double)",
                                       size > MAX_NUMBER ? MAX_NUMBER : (int)size, p->at,
                                       size > MAX_NUMBER ? "..." : "");
    case JSON_NUMBER_TOO_LONG:
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_LIMIT, "a number of %zu characters (at most %d are read)", size,
                                       JSON_NUMBER_MAX_SIZE);
    case JSON_NUMBER_LEADING_ZERO:
        return mlsel_i_json_fail_at(p, stop, JSON_IN_VALUE, "a digit after a leading 0");
    default:
        break;
    }
    if (stop == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_VALUE);
    if (status == JSON_NUMBER_NO_FRACTION)
        return mlsel_i_json_fail_at(p, stop, JSON_IN_VALUE, "expected a digit after the decimal point");
    if (status == JSON_NUMBER_NO_EXPONENT)
        return mlsel_i_json_fail_at(p, stop, JSON_IN_VALUE, "expected a digit in the exponent");
    switch (match_word(p, "-Infinity")) {
    case 1:
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_SCHEMA, "-Infinity is not a finite number");
    case -1:
        return mlsel_i_json_fail_end(p, JSON_IN_VALUE);
    default:
        return mlsel_i_json_fail_at(p, stop, JSON_IN_VALUE, "expected a digit after '-'");
    }
}

mlsel_status mlsel_i_json_fail_no_value(const json_parser *p) {
    static const char *const not_finite[] = {"NaN", "Infinity"};
    static const char *const literals[] = {"true", "false", "null"};
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(not_finite); i++) {
        const int match = match_word(p, not_finite[i]);
        if (match == 1)
            return mlsel_i_json_fail_value(p, MLSEL_ERROR_SCHEMA, "%s is not a finite number", not_finite[i]);
        if (match == -1)
            return mlsel_i_json_fail_end(p, JSON_IN_VALUE);
    }
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(literals); i++)
        if (match_word(p, literals[i]) == -1)
            return mlsel_i_json_fail_end(p, JSON_IN_VALUE);
    const unsigned char c = (unsigned char)*p->at;
    if (c == ']' && p->depth > 0 && !p->frames[p->depth - 1].is_object)
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_CONTAINER, "trailing comma before ']'");
    char what[48];
    if (c > ' ' && c < 0x7f)
        (void)snprintf(what, sizeof what, "expected a value, not '%c'", c);
    else
        (void)snprintf(what, sizeof what, "expected a value, not byte 0x%02x", c);
    return mlsel_i_json_fail_at(p, p->at, JSON_IN_VALUE, what);
}
