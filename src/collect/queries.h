/* SPDX-License-Identifier: Apache-2.0 */
/* The queries of a benchmark with all that is known about them. */
#ifndef MLSEL_COLLECT_QUERIES_H
#define MLSEL_COLLECT_QUERIES_H

#include "train/text_set.h"

typedef struct query_list {
    text_set texts; /* distinct, in the order of the file */
    /* [texts.n] JSON objects that begin with {"query": and have the other members as they were written, without those
     * that only results have */
    char **records;
    size_t capacity;
} query_list;

typedef struct query_options {
    uint64_t limit;           /* first N distinct ones; 0: all */
    uint32_t shard, n_shards; /* from 1; 0: all */
} query_options;

/* Reads JSON lines with a "query" each; "-" is standard input. Of lines with the same query the first counts. A bad
 * line is an error with its place. After a failure there is nothing to free. */
mlsel_status mlsel_i_queries_read(const char *path, const query_options *options, query_list *out, mlsel_error *err);
void mlsel_i_queries_free(query_list *list);

/* Whether a query belongs to a shard. */
bool mlsel_i_query_is_in_shard(uint64_t hash, uint32_t shard, uint32_t n_shards);

#endif
