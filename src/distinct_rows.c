/* SPDX-License-Identifier: Apache-2.0 */
#include "distinct_rows.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Open addressing on the rows' hash; a slot holds a vector's number + 1, or 0. */
typedef struct row_table {
    uint64_t *slots;
    size_t mask;
    const char *vectors;
    size_t row_bytes;
    uint64_t seed; /* an address, which whoever wrote the artifact cannot know: so nobody can prepare collisions */
} row_table;

static mlsel_status init(row_table *table, const void *rows, size_t n, size_t row_bytes, mlsel_error *err) {
    size_t n_slots = 16;
    while (n_slots < 2 * n)
        n_slots *= 2;
    *table =
        (row_table){.mask = n_slots - 1, .vectors = rows, .row_bytes = row_bytes, .seed = (uint64_t)(uintptr_t)table};
    table->slots = mlsel_i_calloc(n_slots, sizeof *table->slots);
    return table->slots == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
}

/* The slot of a row: that of the equal vector, or the free one where it belongs. */
static uint64_t *find(const row_table *table, const char *row) {
    size_t slot = (size_t)XXH3_64bits_withSeed(row, table->row_bytes, table->seed) & table->mask;
    while (table->slots[slot] != 0 &&
           memcmp(table->vectors + (table->slots[slot] - 1) * table->row_bytes, row, table->row_bytes) != 0)
        slot = (slot + 1) & table->mask;
    return &table->slots[slot];
}

/* Counting sort of the rows by vector. */
static void group(const uint64_t *vector_of, size_t n, size_t n_vectors, uint64_t *vector_start,
                  uint64_t *vector_rows) {
    memset(vector_start, 0, (n_vectors + 1) * sizeof *vector_start);
    for (size_t i = 0; i < n; i++)
        vector_start[vector_of[i] + 1]++;
    for (size_t v = 0; v < n_vectors; v++)
        vector_start[v + 1] += vector_start[v];
    /* backwards, so that each vector's rows come out ascending while its end moves to its start */
    for (size_t i = n; i-- > 0;)
        vector_rows[--vector_start[vector_of[i] + 1]] = i;
    memmove(vector_start, vector_start + 1, n_vectors * sizeof *vector_start);
    vector_start[n_vectors] = n;
}

mlsel_status mlsel_i_distinct_rows(void *rows, size_t n, size_t row_bytes, uint64_t *vector_start,
                                   uint64_t *vector_rows, size_t *n_vectors, mlsel_error *err) {
    row_table table = {0};
    size_t count = 0;
    char *base = rows;
    uint64_t *vector_of = mlsel_i_alloc(n, sizeof *vector_of);
    mlsel_status status = vector_of == NULL ? mlsel_i_no_memory(err) : init(&table, rows, n, row_bytes, err);
    if (status != MLSEL_OK)
        goto out;
    for (size_t i = 0; i < n; i++) {
        const char *row = base + i * row_bytes;
        uint64_t *slot = find(&table, row);
        if (*slot == 0) {
            if (count != i)
                memcpy(base + count * row_bytes, row, row_bytes);
            *slot = ++count;
        }
        vector_of[i] = *slot - 1;
    }
    group(vector_of, n, count, vector_start, vector_rows);
    *n_vectors = count;
out:
    mlsel_i_free(table.slots);
    mlsel_i_free(vector_of);
    return status;
}
