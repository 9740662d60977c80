/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select: which language model should answer this request?
 *
 *     select MODEL.json EMBEDDINGS.f32 CATEGORY [ROW]
 *     select models/knn_model.json queries.f32 math
 *     select models/knn_model.json queries.f32 law 2
 *
 * EMBEDDINGS.f32 holds embeddings one after the other as raw float32 values, as numpy's tofile() writes them; ROW says
 * which one to take, counted from 0. CATEGORY is the request's subject, as in "math" or "computer science".
 *
 * Build it with an installed mlsel: cc select.c -o select $(pkg-config --cflags --libs mlsel)
 */
#include <stdio.h>
#include <stdlib.h>

#include <mlsel.h>

/* Reads embedding number `row`, of n values. In a service this is what the embedding model returns. */
static int read_embedding(const char *path, unsigned long row, float *embedding, size_t n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    int found = 1;
    for (unsigned long i = 0; found && i <= row; i++)
        found = fread(embedding, sizeof *embedding, n, file) == n;
    fclose(file);
    if (!found) {
        fprintf(stderr, "%s: holds no embedding number %lu of %zu values\n", path, row, n);
        return -1;
    }
    return 0;
}

/* The model's answer to one request, on standard output. */
static int answer(const mlsel_model *model, const char *path, unsigned long row, const char *category) {
    mlsel_error err;
    mlsel_model_info info;
    if (mlsel_model_get_info(model, &info, sizeof info, &err) != MLSEL_OK) {
        fprintf(stderr, "select: %s\n", err.message);
        return EXIT_FAILURE;
    }
    /* A query is the embedding followed by the category, so the embedding is read to where the query starts. */
    float *query = malloc(info.n_features * sizeof *query);
    if (query == NULL) {
        fprintf(stderr, "select: out of memory\n");
        return EXIT_FAILURE;
    }
    int result = EXIT_FAILURE;
    const size_t n_embedding = info.n_features - info.n_categories;
    if (read_embedding(path, row, query, n_embedding) != 0)
        goto out;

    uint32_t flags = 0;
    mlsel_selection best;
    if (mlsel_features_compose(model, NULL, query, n_embedding, category, query, info.n_features, &flags, &err) !=
            MLSEL_OK ||
        mlsel_select(model, query, info.n_features, NULL, &best, &err) != MLSEL_OK) {
        fprintf(stderr, "select: %s\n", err.message);
        goto out;
    }
    if (flags & MLSEL_CATEGORY_FELL_BACK)
        fprintf(stderr, "select: note: \"%s\" is no category of this model and counts as \"other\"\n", category);
    printf("%s  score %.4f  margin %.4f  probability %.4f\n", mlsel_model_label(model, best.index), best.score,
           best.margin, best.probability);
    result = EXIT_SUCCESS;
out:
    free(query);
    return result;
}

int main(int argc, char **argv) {
    char *end = NULL;
    const unsigned long row = argc == 5 ? strtoul(argv[4], &end, 10) : 0;
    if (argc < 4 || argc > 5 || (end != NULL && (end == argv[4] || *end != '\0'))) {
        fprintf(stderr, "usage: select MODEL.json EMBEDDINGS.f32 CATEGORY [ROW]\n");
        return 2;
    }
    /* Every call that can fail fills an mlsel_error of ours; its message is one line made for people. */
    mlsel_error err;
    mlsel_model *model = NULL;
    if (mlsel_model_load(argv[1], NULL, &model, &err) != MLSEL_OK) {
        fprintf(stderr, "select: %s\n", err.message);
        return EXIT_FAILURE;
    }
    /* A service loads once and selects for every request, from any number of threads at a time. */
    const int result = answer(model, argv[2], row, argv[3]);
    mlsel_model_release(model);
    return result;
}
