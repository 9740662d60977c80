/* SPDX-License-Identifier: Apache-2.0 */
#include "snippet.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"
#include "tool.h"

enum { SHOWN_BEFORE = 60, SHOWN = 120 }; /* characters of a long line: before the mark, in all */

typedef struct range {
    uint32_t first;
    uint32_t last;
} range;

/* Whether a sorted list of ranges has a code point. */
static bool is_in(const range *ranges, size_t count, uint32_t c) {
    for (size_t i = 0; i < count; ++i)
        if (c <= ranges[i].last)
            return c >= ranges[i].first;
    return false;
}

/* Columns of a terminal that a character takes: 0 for marks that combine, 2 for East Asian ones and pictures. */
static int columns(uint32_t c) {
    static const range none[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
                                 {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const range two[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},
                                {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                                {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};
    if (is_in(none, TOOL_ARRAY_LENGTH(none), c))
        return 0;
    return is_in(two, TOOL_ARRAY_LENGTH(two), c) ? 2 : 1;
}

/* Characters that would order the line differently are left out. */
static bool is_direction_control(uint32_t c) {
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* A character as it is shown. */
typedef struct glyph {
    const char *text;
    int size;
    int columns;
    bool tab;
} glyph;

/* Reads the character at *at; false at the end. */
static bool next_glyph(const char **at, glyph *out) {
    uint32_t c = 0;
    if (**at == '\0')
        return false;
    size_t size = text_character(*at, &c);
    *out = (glyph){.text = *at, .size = (int)size, .columns = columns(c), .tab = c == '\t'};
    if (size == 0) {
        *out = (glyph){.text = "?", .size = 1, .columns = 1};
        size = 1;
    } else if (is_direction_control(c)) {
        out->size = out->columns = 0;
    }
    *at += size;
    return true;
}

/* The part of a line that is shown: characters from .. to - 1, counted from 1. */
typedef struct window {
    uint32_t from;
    uint32_t to;
    bool cut_before;
    bool cut_after;
} window;

static window choose_window(const char *source, uint32_t column) {
    uint32_t count = (uint32_t)text_width(source);
    window w = {.from = 1, .to = count + 1};
    if (count <= SHOWN)
        return w;
    w.from = column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 1;
    w.to = w.from + SHOWN < count + 1 ? w.from + SHOWN : count + 1;
    w.cut_before = w.from > 1;
    w.cut_after = w.to < count + 1;
    return w;
}

static void print_source(const char *source, const window *w) {
    glyph g;
    const char *at = source;
    if (w->cut_before)
        fputs("...", stdout);
    for (uint32_t i = 1; i < w->to && next_glyph(&at, &g); ++i)
        if (i >= w->from)
            printf("%.*s", g.size, g.text);
    if (w->cut_after)
        fputs("...", stdout);
}

static void repeat(char c, int count) {
    for (int i = 0; i < count; ++i)
        putchar(c);
}

/* Tabs stay tabs, so that the mark stands below its text whatever their width. */
static void print_mark(const char *source, const window *w, uint32_t column, uint32_t end_column) {
    glyph g;
    const char *at = source;
    uint32_t i = 1;
    if (w->cut_before)
        fputs("   ", stdout);
    for (; i < column && next_glyph(&at, &g); ++i)
        if (i >= w->from) {
            if (g.tab)
                putchar('\t');
            else
                repeat(' ', g.columns);
        }
    putchar('^');
    bool first = true;
    for (; i < w->to && (i < end_column || end_column == 0) && next_glyph(&at, &g); ++i) {
        repeat('~', (g.tab ? 1 : g.columns) - (first ? 1 : 0));
        first = false;
    }
}

void snippet_print(const char *source, uint32_t line, uint32_t column, uint32_t end_column, int style, bool colour) {
    window w = choose_window(source, column);
    printf("%5" PRIu32 " | ", line);
    print_source(source, &w);
    printf("\n      | %s", tool_style(colour, style));
    print_mark(source, &w, column, end_column);
    printf("%s\n", tool_style_end(colour));
}
