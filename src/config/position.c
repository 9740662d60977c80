/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and lines of a text, before it is read as YAML. */
#include <string.h>

#include "config/diagnostics.h"
#include "config/yaml.h"

/* A scan in progress. */
typedef struct scan {
    const unsigned char *at;
    const unsigned char *end;
    size_t character; /* number of *at, from 0 */
    line_index *lines;
} scan;

static bool ends_line(const unsigned char *at, const unsigned char *end) {
    return *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
}

/* Room for the start of every line, exactly: a text of nothing but line ends has many. */
static bool make_room(line_index *lines, const unsigned char *at, const unsigned char *end) {
    size_t count = 1;
    for (; at < end; at++)
        count += ends_line(at, end);
    lines->starts = mlsel_i_alloc(count, sizeof *lines->starts);
    lines->count = 0;
    return lines->starts != NULL;
}

static void begin_line(const scan *s) { s->lines->starts[s->lines->count++] = (uint32_t)s->character; }

void mlsel_i_lines_free(line_index *lines) {
    mlsel_i_free(lines->starts);
    *lines = (line_index){0};
}

/* What YAML calls printable, for a character of valid UTF-8. */
static bool is_printable(const unsigned char *at, size_t length) {
    if (length == 1)
        return *at >= 0x20 ? *at != 0x7f : *at == '\t' || *at == '\n' || *at == '\r';
    if (length == 2)
        return at[0] != 0xc2 || at[1] >= 0xa0 || at[1] == 0x85;
    return length != 3 || at[0] != 0xef || at[1] != 0xbf || at[2] < 0xbe; /* U+FFFE, U+FFFF */
}

static config_span here(const scan *s) {
    config_span span;
    mlsel_i_lines_find(s->lines, s->character, &span.line, &span.column);
    span.end_line = span.line;
    span.end_column = span.column + 1;
    return span;
}

static void report(const scan *s, size_t length, config_diagnostics *list) {
    if (length == 0)
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-encoding", here(s), "save the file as UTF-8",
                         "byte 0x%02x is not UTF-8", *s->at);
    else
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-encoding", here(s),
                         "remove it, or write it as an escape in double quotes, as in \"\\x07\"",
                         "control character 0x%02x is not allowed in YAML", length == 1 ? *s->at : s->at[length - 1]);
}

static bool is_utf16(const char *text, size_t size) {
    return size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

bool mlsel_i_lines_scan(const char *text, size_t size, config_diagnostics *list, line_index *lines, bool *valid) {
    const unsigned char *const start = (const unsigned char *)text;
    scan s = {.at = start, .end = start + size, .lines = lines};
    *valid = false;
    if (!make_room(lines, s.at, s.end))
        return false;
    begin_line(&s);
    if (is_utf16(text, size)) {
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-encoding", here(&s), "save the file as UTF-8",
                         "the text is UTF-16, expected UTF-8");
        return true;
    }
    while (s.at < s.end) {
        const size_t length = mlsel_i_utf8_length(s.at, s.end);
        if (length == 0 || !is_printable(s.at, length)) {
            report(&s, length, list);
            return true;
        }
        const bool is_end = ends_line(s.at, s.end);
        s.at += length;
        s.character++;
        if (is_end)
            begin_line(&s);
    }
    *valid = true;
    return true;
}

void mlsel_i_lines_find(const line_index *lines, size_t character, uint32_t *line, uint32_t *column) {
    size_t low = 0, high = lines->count; /* the line is in low .. high - 1 */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (lines->starts[middle] <= character)
            low = middle;
        else
            high = middle;
    }
    *line = (uint32_t)low + 1;
    *column = (uint32_t)(character - lines->starts[low]) + 1;
}
