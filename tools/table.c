/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"
#include "tool.h"

void table_fit(table_column *column, const char *cell) {
    size_t width = text_width(cell);
    if (column->width < width)
        column->width = width;
}

static void print_row(const table *t, const char *const *cells, const char *style, size_t first_styled,
                      size_t last_styled) {
    /* Blanks are held back until something follows them, so that no line ends in blanks. */
    size_t blanks = t->indent;
    for (size_t i = 0; i < t->count; ++i) {
        const table_column *column = &t->columns[i];
        const char *cell = cells[i] != NULL ? cells[i] : "";
        size_t width = text_width(cell);
        size_t padding = column->width > width ? column->width - width : 0;
        bool styled = i >= first_styled && i <= last_styled && *style != '\0';
        if (column->right)
            blanks += padding;
        if (width > 0) {
            printf("%*s%s%s%s", (int)blanks, "", styled ? style : "", cell, styled ? tool_style_end(true) : "");
            blanks = 0;
        }
        if (!column->right)
            blanks += padding;
        blanks += 2;
    }
    putchar('\n');
}

void table_header(table *t) {
    const char **titles = tool_alloc(t->count, sizeof *titles);
    for (size_t i = 0; i < t->count; ++i) {
        table_fit(&t->columns[i], t->columns[i].title);
        titles[i] = t->columns[i].title;
    }
    print_row(t, titles, tool_style(t->colour, STYLE_BOLD), 0, t->count);
    free(titles);
}

void table_row(const table *t, const char *const *cells, bool highlighted) {
    print_row(t, cells, highlighted ? tool_style(t->colour, STYLE_GOOD) : "", t->highlight, t->highlight);
}
