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

static bool begin_line(scan *s, config_arena *arena) {
    uint32_t *starts =
        mlsel_i_arena_grow(arena, s->lines->starts, s->lines->count, &s->lines->capacity, sizeof *starts);
    if (starts == NULL)
        return false;
    starts[s->lines->count++] = (uint32_t)s->character;
    s->lines->starts = starts;
    return true;
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

bool mlsel_i_lines_scan(const char *text, size_t size, config_arena *arena, config_diagnostics *list, line_index *lines,
                        bool *valid) {
    const unsigned char *const start = (const unsigned char *)text;
    scan s = {.at = start, .end = start + size, .lines = lines};
    *valid = false;
    if (!begin_line(&s, arena))
        return false;
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
        const bool ends_line = *s.at == '\n' || (*s.at == '\r' && (s.at + 1 == s.end || s.at[1] != '\n'));
        s.at += length;
        s.character++;
        if (ends_line && !begin_line(&s, arena))
            return false;
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
