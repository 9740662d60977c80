/* SPDX-License-Identifier: Apache-2.0 */
/* trained FOLDER: the artifacts of the ecosystem's trainer choose through the drop-in libraries what scikit-learn and
 * PyTorch choose, before and after a turn through to_json. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

enum { N_QUERIES = 300, WIDTH = 1038 };

static char *need(const char *folder, const char *name, size_t *size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *data = read_all(path, size);
    CHECK(data != NULL, path);
    return data;
}

/* Whether the line's object for this selector starts with this label. */
static int is_expected(const char *line, const char *kind, const char *label) {
    char start[512];
    snprintf(start, sizeof start, "\"%s\": {\"label\": \"%s\"", kind, label);
    const char *end = strchr(line, '\n'), *found = strstr(line, start);
    return found != NULL && (end == NULL || found < end);
}

static void compare(const dropin_kind *kind, void *handle, const double *queries, const char *expected) {
    const char *line = expected;
    for (size_t i = 0; i < N_QUERIES; i++) {
        static double query[WIDTH];
        memcpy(query, queries + i * WIDTH, sizeof query);
        char *label = kind->select(handle, query, WIDTH);
        CHECK(label != NULL, kind->name);
        if (!is_expected(line, kind->name, label)) {
            printf("FAILED: %s: query %zu: chose %s, expected otherwise: %.200s\n", kind->name, i, label, line);
            exit(1);
        }
        kind->free_string(label);
        line = strchr(line, '\n');
        CHECK(line != NULL, "expected.jsonl");
        line++;
    }
}

int main(int argc, char **argv) {
    CHECK(setenv("MLSEL_DROPIN_RULES", "current", 1) == 0, "setenv"); /* however the library was built */
    const char *folder = argc > 1 ? argv[1] : "";
    if (*folder == '\0') {
        puts("skipped: the measuring data with trained artifacts is not here (MLSEL_TEST_DATA)");
        return 0;
    }
    size_t size = 0;
    float *floats = (float *)(void *)need(folder, "queries_300x1038.f32", &size);
    CHECK(size == sizeof(float) * N_QUERIES * WIDTH, "queries");
    double *queries = malloc(sizeof(double) * N_QUERIES * WIDTH);
    CHECK(queries != NULL, "memory");
    for (size_t i = 0; i < (size_t)N_QUERIES * WIDTH; i++)
        queries[i] = (double)floats[i];
    char *expected = need(folder, "expected.jsonl", NULL);
    for (int k = 0; k < N_KINDS; k++) {
        const dropin_kind *kind = &kinds[k];
        char name[64];
        snprintf(name, sizeof name, "%s_model.json", kind->name);
        char *json = need(folder, name, NULL);
        void *handle = kind->from_json(json);
        free(json);
        CHECK(handle != NULL, name);
        compare(kind, handle, queries, expected);
        json = kind->to_json(handle);
        CHECK(json != NULL, name);
        kind->free(handle);
        handle = kind->from_json(json);
        kind->free_string(json);
        CHECK(handle != NULL, name);
        compare(kind, handle, queries, expected);
        kind->free(handle);
    }
    printf("%d queries, the expected label from all %d selectors\n", N_QUERIES, N_KINDS);
    free(floats);
    free(queries);
    free(expected);
    return 0;
}
