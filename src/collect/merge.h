/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins files of results, as those of the shards of a benchmark: one row for each pair of a query and a model, in the
 * order in which the pairs first come. An answer takes the place of an error; of several errors the last stays, and of
 * answers that are the same, one.
 */
#ifndef MLSEL_MERGE_H
#define MLSEL_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

/** What becomes of different answers to one pair. */
typedef int32_t mlsel_merge_conflict;
enum {
    MLSEL_MERGE_REFUSE = 0, /**< they are an error */
    MLSEL_MERGE_FIRST = 1,  /**< the first stays */
    MLSEL_MERGE_LAST = 2    /**< the last stays */
};

typedef struct mlsel_merge_summary {
    uint64_t rows;       /**< written */
    uint64_t answers;    /**< of them; the others are errors */
    uint64_t superseded; /**< errors left out because of an answer or a later error */
    uint64_t repeated;   /**< answers left out because they were there already */
    uint64_t conflicts;  /**< answers left out because of a different one */
    uint64_t cut_parts;  /**< parts whose last line was incomplete and left out */
} mlsel_merge_summary;

/**
 * Joins parts.
 *
 * @param path   the file to write, complete or not at all; may be one of the parts
 * @param parts  [n_parts] regular files
 * @return MLSEL_OK; MLSEL_ERROR_NOT_FOUND, _IO, _PARSE, _SCHEMA (a line that is no row, with its place; a conflict,
 * with both places), _NO_MEMORY.
 */
mlsel_status mlsel_merge(const char *path, const char *const *parts, size_t n_parts, mlsel_merge_conflict conflict,
                         mlsel_merge_summary *out, mlsel_error *err);

#endif
