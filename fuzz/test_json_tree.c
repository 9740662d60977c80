/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of JSON leave it JSON of a size that a fuzzer can hold, also where arrays of one length lie within each
 * other: made longer alike, each would have double what the one within it has. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "json_tree.h"

enum { N_SEEDS = 500, DEPTH = 18, MAX_NODES = 100000 };

/* The mutator, which is linked too, is not called. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    (void)data, (void)max_size;
    return size;
}

static cJSON *nested_arrays(void) {
    cJSON *tree = cJSON_CreateNumber(1);
    for (int i = 0; i < DEPTH; i++) {
        cJSON *array = cJSON_CreateArray();
        cJSON_AddItemToArray(array, tree);
        tree = array;
    }
    return tree;
}

static size_t count_nodes(const cJSON *tree) {
    size_t count = 1;
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        count += count_nodes(child);
    return count;
}

int main(void) {
    size_t largest = 0;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        struct fuzz_random random = {.state = seed * UINT64_C(0x9e3779b97f4a7c15)};
        cJSON *tree = nested_arrays();
        fuzz_json_change(tree, &random);
        const size_t count = count_nodes(tree);
        char *const text = cJSON_PrintUnformatted(tree);
        cJSON_Delete(tree);
        if (text == NULL || count > MAX_NODES) {
            fprintf(stderr, "seed %lu: a tree of %zu nodes\n", (unsigned long)seed, count);
            return 1;
        }
        cJSON_free(text);
        largest = count > largest ? count : largest;
    }
    printf("trees of up to %zu nodes\n", largest);
    return largest > DEPTH + 1 ? 0 : 1; /* else none of them grew */
}
