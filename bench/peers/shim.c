/* SPDX-License-Identifier: Apache-2.0 */
/* Timing, mlsel itself, and the libraries that need only a call: LIBSVM and cJSON. */
#define _POSIX_C_SOURCE 200809L
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlsel.h"

void *peers_alloc(size_t count, size_t size) {
    void *block = aligned_alloc(64, (count * size + 63) / 64 * 64 + 64);
    if (block == NULL) {
        fputs("peers: out of memory\n", stderr);
        exit(1);
    }
    return block;
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

/* Nanoseconds per run of `samples` samples of `group` runs each; of processor time, if is_long. */
void peers_time(void (*run)(void *), void *context, size_t group, size_t samples, int is_long, double *out) {
    const clockid_t clock = is_long ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    for (size_t s = 0; s < samples; s++) {
        const double start = now(clock);
        for (size_t i = 0; i < group; i++)
            run(context);
        out[s] = (now(clock) - start) / (double)group;
    }
}

void peers_set_batch(void *context, size_t batch) {
    peers_queries *queries = context;
    queries->batch = batch;
    queries->next = 0;
}

/* --- mlsel ------------------------------------------------------------------------------------------------------- */

typedef struct peers_mlsel {
    peers_queries queries;
    mlsel_model *model;
    mlsel_selection *out; /* [count] */
} peers_mlsel;

static void give_up(const mlsel_error *err) {
    fprintf(stderr, "peers: mlsel: %s\n", err->message);
    exit(1);
}

/* NULL if mlsel does not offer the precision for this model; other failures end the program. */
void *peers_mlsel_open(const char *path, int32_t precision, const float *queries, size_t count, size_t width) {
    peers_mlsel *own = peers_alloc(1, sizeof *own);
    *own = (peers_mlsel){.queries = {.values = queries, .count = count, .width = width, .batch = 1}};
    mlsel_model_options options;
    mlsel_error err;
    mlsel_model_options_init(&options, sizeof options);
    options.precision = precision;
    const mlsel_status status = mlsel_model_load(path, &options, &own->model, &err);
    if (status == MLSEL_ERROR_UNSUPPORTED) {
        free(own);
        return NULL;
    }
    if (status != MLSEL_OK)
        give_up(&err);
    own->out = peers_alloc(count, sizeof *own->out);
    return own;
}

void peers_mlsel_run(void *context) {
    peers_mlsel *own = context;
    const size_t batch = own->queries.batch, width = own->queries.width;
    const float *queries = peers_next(&own->queries);
    mlsel_error err;
    const mlsel_status status =
        batch == 1 ? mlsel_select(own->model, queries, width, NULL, own->out, &err)
                   : mlsel_select_batch(own->model, queries, batch, width, width, NULL, own->out, &err);
    if (status != MLSEL_OK)
        give_up(&err);
}

/* Every query's label, and for KNN its k neighbours where neighbours is not NULL. */
void peers_mlsel_answers(void *context, int32_t *labels, uint64_t *neighbours, size_t k) {
    peers_mlsel *own = context;
    mlsel_neighbour *found = peers_alloc(k, sizeof *found);
    for (size_t q = 0; q < own->queries.count; q++) {
        mlsel_evidence evidence;
        mlsel_error err;
        mlsel_evidence_init(&evidence, sizeof evidence);
        evidence.neighbours = neighbours == NULL ? NULL : found;
        evidence.neighbours_capacity = k;
        if (mlsel_explain(own->model, own->queries.values + q * own->queries.width, own->queries.width, NULL, &evidence,
                          &err) != MLSEL_OK)
            give_up(&err);
        labels[q] = evidence.selection.index;
        for (size_t i = 0; neighbours != NULL && i < k; i++)
            neighbours[q * k + i] = found[i].row;
    }
    free(found);
}

/* Each query's cluster. */
void peers_mlsel_clusters(void *context, int32_t *clusters) {
    peers_mlsel *own = context;
    mlsel_error err;
    for (size_t q = 0; q < own->queries.count; q++) {
        if (mlsel_select(own->model, own->queries.values + q * own->queries.width, own->queries.width, NULL, own->out,
                         &err) != MLSEL_OK)
            give_up(&err);
        clusters[q] = own->out->cluster;
    }
}

void peers_mlsel_close(void *context) {
    peers_mlsel *own = context;
    mlsel_model_release(own->model);
    free(own->out);
    free(own);
}

const char *peers_mlsel_describe(void) {
    static char text[512];
    mlsel_device_info device;
    if (mlsel_device_query("cpu", &device, sizeof device, NULL) != MLSEL_OK)
        return mlsel_build_info();
    snprintf(text, sizeof text, "%s, kernels %s", mlsel_build_info(), device.isa);
    return text;
}

/* --- loading JSON ------------------------------------------------------------------------------------------------ */

typedef struct peers_json {
    const char *text;
    size_t size;
    void *(*parse)(const char *text, size_t size); /* cJSON_ParseWithLength; NULL: mlsel loads it */
    void (*free_tree)(void *tree);                 /* cJSON_Delete */
} peers_json;

void *peers_json_open(const char *text, size_t size, void *(*parse)(const char *, size_t), void (*free_tree)(void *)) {
    peers_json *own = peers_alloc(1, sizeof *own);
    *own = (peers_json){.text = text, .size = size, .parse = parse, .free_tree = free_tree};
    return own;
}

void peers_json_run(void *context) {
    const peers_json *own = context;
    if (own->parse != NULL) {
        void *tree = own->parse(own->text, own->size);
        if (tree == NULL)
            exit(1);
        own->free_tree(tree);
        return;
    }
    mlsel_error err;
    mlsel_model *model = NULL;
    if (mlsel_model_load_memory(own->text, own->size, NULL, &model, &err) != MLSEL_OK)
        give_up(&err);
    mlsel_model_release(model);
}

/* --- LIBSVM ------------------------------------------------------------------------------------------------------ */

/* LIBSVM's struct svm_node. */
typedef struct peers_node {
    int index;
    double value;
} peers_node;

typedef struct peers_libsvm {
    peers_queries queries;
    double (*predict)(const void *model, const peers_node *x, double *decisions); /* svm_predict_values */
    const void *model;
    peers_node **nodes; /* [count] each query without its zeros */
    double *decisions;
    int32_t *labels; /* [count] */
} peers_libsvm;

void *peers_libsvm_open(double (*predict)(const void *, const peers_node *, double *), const void *model,
                        const float *queries, size_t count, size_t width, size_t n_pairs) {
    peers_libsvm *own = peers_alloc(1, sizeof *own);
    *own = (peers_libsvm){
        .queries = {.values = queries, .count = count, .width = width, .batch = 1}, .predict = predict, .model = model};
    own->nodes = peers_alloc(count, sizeof(peers_node *));
    own->decisions = peers_alloc(n_pairs, sizeof *own->decisions);
    own->labels = peers_alloc(count, sizeof *own->labels);
    for (size_t q = 0; q < count; q++) {
        peers_node *node = own->nodes[q] = peers_alloc(width + 1, sizeof *node);
        for (size_t i = 0; i < width; i++)
            if (queries[q * width + i] != 0)
                *node++ = (peers_node){(int)i + 1, (double)queries[q * width + i]};
        node->index = -1;
    }
    return own;
}

void peers_libsvm_run(void *context) {
    peers_libsvm *own = context;
    const size_t first = (size_t)(peers_next(&own->queries) - own->queries.values) / own->queries.width;
    for (size_t i = 0; i < own->queries.batch; i++)
        own->labels[first + i] = (int32_t)own->predict(own->model, own->nodes[first + i], own->decisions);
}

const int32_t *peers_libsvm_labels(void *context) { return ((peers_libsvm *)context)->labels; }

void peers_libsvm_close(void *context) {
    peers_libsvm *own = context;
    for (size_t q = 0; q < own->queries.count; q++)
        free(own->nodes[q]);
    free(own->nodes);
    free(own->decisions);
    free(own->labels);
    free(own);
}
