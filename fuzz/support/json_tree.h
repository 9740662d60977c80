/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations of JSON that keep it JSON, for custom mutators of fuzzers whose input is a document. */
#ifndef MLSEL_FUZZ_JSON_TREE_H
#define MLSEL_FUZZ_JSON_TREE_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* A stream of random numbers for mutators; any seed. */
struct fuzz_random {
    uint64_t state;
};
uint32_t fuzz_random_below(struct fuzz_random *random, uint32_t n);

/* One to four changes: numbers, keys, lengths (of one array, or of all of the same length at once, which keeps shapes
 * that belong together), copies, swaps, nesting, tokens that are not allowed. */
void fuzz_json_change(cJSON *root, struct fuzz_random *random);

/* A mutator for inputs as of fuzz_split_text: mostly changes the tree, sometimes the choices or just bytes. */
size_t fuzz_json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#endif
