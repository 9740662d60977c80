/* SPDX-License-Identifier: Apache-2.0 */
/*
 * single ARTIFACT QUERIES COUNT [double]: loads an artifact and selects COUNT times, one query after the other from a
 * file of floats, so that an instruction counter sees nothing else. Prints nothing if all went well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlsel.h"

/* Whole queries of `width` floats. */
static float *read_queries(const char *path, size_t width, size_t *count) {
    enum { MAX_QUERIES = 256 };
    float *queries = malloc(MAX_QUERIES * width * sizeof *queries);
    FILE *file = fopen(path, "rb");
    *count = file == NULL || queries == NULL ? 0 : fread(queries, width * sizeof *queries, MAX_QUERIES, file);
    if (file != NULL)
        fclose(file);
    if (*count == 0) {
        fprintf(stderr, "single: no queries of %zu values in %s\n", width, path);
        exit(1);
    }
    return queries;
}

static void check(mlsel_status status, const mlsel_error *err) {
    if (status == MLSEL_OK)
        return;
    fprintf(stderr, "single: %s\n", err->message);
    exit(1);
}

int main(int argc, char **argv) {
    const int is_double = argc == 5 && strcmp(argv[4], "double") == 0;
    if (argc != 4 && !is_double) {
        fputs("usage: single ARTIFACT QUERIES COUNT [double]\n", stderr);
        return 2;
    }
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_info info;
    check(mlsel_model_load(argv[1], NULL, &model, &err), &err);
    check(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    const size_t width = info.n_features;
    size_t count;
    float *f32 = read_queries(argv[2], width, &count);
    double *f64 = malloc(count * width * sizeof *f64);
    for (size_t i = 0; f64 != NULL && i < count * width; i++)
        f64[i] = (double)f32[i];
    const unsigned long selects = strtoul(argv[3], NULL, 10);
    for (unsigned long i = 0; i < selects && f64 != NULL; i++) {
        const size_t first = i % count * width;
        mlsel_selection best;
        check(is_double ? mlsel_select_f64(model, f64 + first, width, NULL, &best, &err)
                        : mlsel_select(model, f32 + first, width, NULL, &best, &err),
              &err);
    }
    mlsel_model_release(model);
    free(f64);
    free(f32);
    return 0;
}
