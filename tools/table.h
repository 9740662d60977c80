/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns that line up. Widths are given, not found from the rows, so that rows can be printed as they come.
 */
#ifndef MLSEL_TOOL_TABLE_H
#define MLSEL_TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct table_column {
    const char *title;
    size_t width; /* in characters; table_header raises it to the title's */
    bool right;   /* numbers are aligned right */
} table_column;

typedef struct table {
    table_column *columns;
    size_t count;
    size_t indent;
    bool colour;
    size_t highlight; /* column in colour where a row asks for it */
} table;

void table_header(table *t);
/* One row: `count` clean strings, NULL for an empty cell. A cell wider than its column pushes the rest of its row. */
void table_row(const table *t, const char *const *cells, bool highlighted);

/* Raises a column's width to that of a cell. */
void table_fit(table_column *column, const char *cell);

#endif
