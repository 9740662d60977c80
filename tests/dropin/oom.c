/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of every function fails once, and each after it too: NULL or -1, never a crash or a leak. X_new
 * gives a handle all the same. The linker sends the allocations of the libraries' code here (--wrap). */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declarations.h"
#include "kinds.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool active, forever;
static size_t requests, failing;

static bool fails(void) {
    if (!active)
        return false;
    const size_t number = requests++;
    return number == failing || (forever && number > failing);
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *block, size_t size) { return fails() ? NULL : __real_realloc(block, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/* All that one handle is good for, each result being what it should or nothing. Returns whether something failed. */
static bool use(const dropin_kind *kind, char *json) {
    bool complete = true;
    void *untrained = kind->make();
    CHECK(untrained != NULL, kind->name);
    CHECK(kind->is_trained(untrained) == 0, kind->name);
    char *text = kind->to_json(untrained);
    complete &= text != NULL;
    CHECK(text == NULL || strstr(text, "\"trained\": false") != NULL, kind->name);
    kind->free_string(text);
    void *handle = kind->from_json(json);
    complete &= handle != NULL;
    double query[QUERY_WIDTH], scores[4];
    memcpy(query, kind->query[0], sizeof query);
    text = kind->select(handle, query, QUERY_WIDTH);
    complete &= text != NULL;
    CHECK(text == NULL || strcmp(text, kind->answer[0]) == 0, kind->name);
    kind->free_string(text);
    text = kind->to_json(handle);
    complete &= text != NULL;
    CHECK(text == NULL || strcmp(text, json) == 0, kind->name);
    kind->free_string(text);
    if (strcmp(kind->name, "kmeans") == 0) {
        text = ml_kmeans_candidates(handle);
        complete &= text != NULL;
        ml_free_string(text);
        complete &= ml_kmeans_score(handle, query, QUERY_WIDTH, scores, 4) == 0;
    }
    kind->free(handle);
    kind->free(untrained);
    return complete;
}

int main(void) {
    CHECK(setenv("MLSEL_DROPIN_RULES", "current", 1) == 0, "setenv"); /* however the library was built */
    size_t total = 0;
    for (int i = 0; i < N_KINDS; i++) {
        char *json = malloc(strlen(kinds[i].artifact) + 1);
        CHECK(json != NULL, "memory");
        strcpy(json, kinds[i].artifact);
        for (int mode = 0; mode < 2; mode++) {
            bool reached = true;
            for (size_t n = 0; reached; n++) {
                requests = 0, failing = n, forever = mode == 1, active = true;
                const bool complete = use(&kinds[i], json);
                active = false;
                reached = requests > n;
                CHECK(!(complete && mode == 1 && reached), "a failure must show");
                CHECK(complete || reached, "nothing failed, but something is missing");
                total += reached;
            }
            CHECK(use(&kinds[i], json), "afterwards all is well");
        }
        free(json);
    }
    CHECK(total > 200, "allocations seen");
    printf("%zu allocations failed\n", total);
    return 0;
}
