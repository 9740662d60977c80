/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: chooses for many requests in one call, among all models or only some.
 *
 *     batch MODEL.json EMBEDDINGS.f32 CATEGORY,CATEGORY,... [CANDIDATE ...]
 *     batch models/svm_model.json queries.f32 "math,computer science,law" mistral-7b llama-3.2-1b
 *
 * There is one category per embedding of EMBEDDINGS.f32 (raw float32, one after the other), starting with its first.
 * CANDIDATEs are names of language models; without any, all that the artifact knows can be chosen.
 *
 * Build it with an installed mlsel: cc batch.c -o batch $(pkg-config --cflags --libs mlsel)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mlsel.h>

/* Everything that one batch needs. */
typedef struct batch {
    mlsel_model *model;
    mlsel_model_info info;
    size_t count;          /* of queries */
    size_t stride;         /* values from the start of one query to that of the next */
    float *queries;        /* [count][stride] */
    mlsel_selection *best; /* [count] the answers */
    int32_t *candidates;   /* label indices */
} batch;

/* Turns the candidates' names into label indices. A service does this once, not per request. */
static int find_candidates(batch *b, char **names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        b->candidates[i] = mlsel_model_find_label(b->model, names[i]);
        if (b->candidates[i] < 0) {
            fprintf(stderr, "batch: the artifact does not know the model %s\n", names[i]);
            return -1;
        }
    }
    return 0;
}

/* Reads the embeddings, each to the start of its query, and adds the categories; cuts `categories` at the commas. */
static int read_queries(const batch *b, const char *path, char *categories) {
    const size_t n_features = b->info.n_features, n_embedding = n_features - b->info.n_categories;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    mlsel_error err = {0};
    size_t done = 0;
    for (; done < b->count; done++) {
        float *query = b->queries + done * b->stride;
        char *comma = categories + strcspn(categories, ",");
        char *next = *comma == ',' ? comma + 1 : comma;
        *comma = '\0';
        if (fread(query, sizeof *query, n_embedding, file) != n_embedding ||
            mlsel_features_compose(b->model, NULL, query, n_embedding, categories, query, n_features, NULL, &err) !=
                MLSEL_OK)
            break;
        categories = next;
    }
    fclose(file);
    if (done == b->count)
        return 0;
    fprintf(stderr, "%s: query %zu: %s\n", path, done, err.code != MLSEL_OK ? err.message : "the file is too short");
    return -1;
}

/* Chooses for all queries at once and prints the answers. */
static int choose(const batch *b, size_t n_candidates) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = n_candidates > 0 ? b->candidates : NULL; /* NULL: all; an empty list would allow none */
    options.n_eligible = n_candidates;
    mlsel_error err;
    if (mlsel_select_batch(b->model, b->queries, b->count, b->stride, b->info.n_features, &options, b->best, &err) !=
        MLSEL_OK) {
        fprintf(stderr, "batch: %s\n", err.message);
        return -1;
    }
    for (size_t i = 0; i < b->count; i++)
        printf("%zu  %s  score %.4f  probability %.4f\n", i, mlsel_model_label(b->model, b->best[i].index),
               b->best[i].score, b->best[i].probability);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: batch MODEL.json EMBEDDINGS.f32 CATEGORY,CATEGORY,... [CANDIDATE ...]\n");
        return 2;
    }
    const size_t n_candidates = (size_t)argc - 4;
    batch b = {.count = 1};
    mlsel_error err;
    if (mlsel_model_load(argv[1], NULL, &b.model, &err) != MLSEL_OK ||
        mlsel_model_get_info(b.model, &b.info, sizeof b.info, &err) != MLSEL_OK) {
        fprintf(stderr, "batch: %s\n", err.message);
        mlsel_model_release(b.model); /* which may be NULL, as for free() */
        return EXIT_FAILURE;
    }
    for (const char *c = argv[3]; *c != '\0'; c++)
        b.count += *c == ',';
    b.stride = ((size_t)b.info.n_features + 15) / 16 * 16; /* queries need not lie side by side */
    b.queries = calloc(b.count * b.stride, sizeof *b.queries);
    b.best = calloc(b.count, sizeof *b.best);
    b.candidates = calloc(n_candidates + 1, sizeof *b.candidates);
    int result = EXIT_FAILURE;
    if (b.queries == NULL || b.best == NULL || b.candidates == NULL)
        fprintf(stderr, "batch: out of memory\n");
    else if (find_candidates(&b, argv + 4, n_candidates) == 0 && read_queries(&b, argv[2], argv[3]) == 0 &&
             choose(&b, n_candidates) == 0)
        result = EXIT_SUCCESS;
    free(b.candidates);
    free(b.best);
    free(b.queries);
    mlsel_model_release(b.model);
    return result;
}
