/* SPDX-License-Identifier: Apache-2.0 */
#include "json_splice.h"

#include <string.h>

/* All of these trust that the grammar was checked, and only see to it that they stay within the text. */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static size_t skip_blanks(const char *text, size_t size, size_t at) {
    while (at < size && is_blank(text[at]))
        at++;
    return at;
}

/* From an opening quote to behind the closing one. */
static size_t skip_string(const char *text, size_t size, size_t at) {
    for (at++; at < size && text[at] != '"'; at++)
        at += text[at] == '\\';
    return at < size ? at + 1 : size;
}

static size_t skip_value(const char *text, size_t size, size_t at) {
    size_t depth = 0;
    for (; at < size; at++) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, size, at) - 1;
            if (depth == 0)
                return at + 1;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == '}' || is_blank(c))) {
            return at;
        } else if (c == ']' || c == '}') {
            if (--depth == 0)
                return at + 1;
        }
    }
    return size;
}

static unsigned from_hex(char c) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? 0 : (unsigned)(found - digits) % 16;
}

/* One character of a key that is plain ASCII in its plain form, or 0 for one that is something else. */
static char next_character(const char *text, size_t end, size_t *at) {
    const char c = text[(*at)++];
    if (c != '\\' || *at >= end)
        return c;
    if (text[*at] != 'u' || end - *at < 5) {
        ++*at;
        return '\0';
    }
    unsigned code = 0;
    for (size_t i = 1; i <= 4; i++)
        code = code << 4 | from_hex(text[*at + i]);
    *at += 5;
    return (char)(code < 0x80 ? code : 0);
}

/* Whether the string from its quote at `at` to behind the closing one is the key, which is made of letters and may be
 * written with escapes. */
static bool is_key(const char *text, size_t at, size_t end, const char *key) {
    end--;
    at++;
    while (at < end && *key != '\0' && next_character(text, end, &at) == *key)
        key++;
    return at == end && *key == '\0';
}

json_splice mlsel_i_json_find_splice(const char *text, size_t size, const char *key) {
    size_t at = skip_blanks(text, size, 0) + 1; /* behind the brace */
    json_splice splice = {at, at, false};
    for (at = skip_blanks(text, size, at); at < size && text[at] == '"'; at = skip_blanks(text, size, at)) {
        const size_t begin = at, key_end = skip_string(text, size, at);
        const size_t value = skip_blanks(text, size, skip_blanks(text, size, key_end) + 1); /* behind the colon */
        const size_t end = skip_value(text, size, value);
        if (is_key(text, begin, key_end, key))
            return (json_splice){begin, end, false};
        splice = (json_splice){end, end, true};
        at = skip_blanks(text, size, end);
        if (at < size && text[at] == ',')
            at++;
    }
    return splice;
}
