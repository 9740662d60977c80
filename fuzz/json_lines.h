/* SPDX-License-Identifier: Apache-2.0 */
/* A mutator for JSON lines. */
#ifndef MLSEL_FUZZ_JSON_LINES_H
#define MLSEL_FUZZ_JSON_LINES_H

#include <stddef.h>
#include <stdint.h>

/* For inputs as of fuzz_split_text: changes the tree of a line, or doubles a line, mostly; sometimes just bytes. */
size_t fuzz_json_lines_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#endif
