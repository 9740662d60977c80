/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_DISTINCT_ROWS_H
#define MLSEL_DISTINCT_ROWS_H

#include "internal.h"

/*
 * Moves the distinct ones among n rows of row_bytes each to the front, in the order in which they first occur, and says
 * which rows held each: those of vector v are vector_rows[vector_start[v]] up to vector_start[v + 1], ascending.
 * vector_rows has n entries, vector_start n + 1. Rows are distinct if their bytes are.
 */
mlsel_status mlsel_i_distinct_rows(void *rows, size_t n, size_t row_bytes, uint64_t *vector_start,
                                   uint64_t *vector_rows, size_t *n_vectors, mlsel_error *err);

#endif
