/* SPDX-License-Identifier: Apache-2.0 */
#include "text_embedder.h"

#include <stdlib.h>
#include <string.h>

int text_embedder_take(text_embedder *t, const args *a, int id, const char *value) {
    switch (id) {
    case TEXT_EMBEDDER_MODEL:
        t->model = value;
        return 0;
    case TEXT_EMBEDDER_CACHE_DIR:
        t->cache_dir = value;
        return 0;
    default:
        return embedding_args_take(&t->args, a, id, value);
    }
}

#if MLSEL_TOOL_TRAIN
#include "mlsel_train.h"

bool text_embedder_check(const text_embedder *t, const args *a) {
    failure problem = {0};
    if (!embedding_args_check(&t->args, t->model, &problem)) {
        failure_report(&problem);
        args_help_hint(a->command, NULL);
        return false;
    }
    if (t->model == NULL || embedding_args_is_builtin(t->model) || embedding_args_computes(&t->args, t->model))
        return true;
    tool_error("--embedding-model \"%s\": only builtin and model files (.gguf) can be computed here", t->model);
    tool_hint("--embedding-endpoint names a server that has the model; or embeddings come with the queries: "
              "{\"embedding\": [...], \"category\": \"math\"}");
    args_help_hint(a->command, NULL);
    return false;
}

/* The place of a query's embedding, which it has from now on. */
static double *place(chunk *c, size_t index, size_t width) {
    query *q = &c->queries[index];
    q->offset = c->value_count;
    q->count = width;
    double *values = chunk_values(c, width);
    c->value_count += width;
    return values;
}

static bool embed_builtin(const text_embedder *t, chunk *c, size_t index, failure *problem) {
    const size_t width = t->width > 0 ? t->width : MLSEL_EMBEDDING_WIDTH;
    const char *text = c->queries[index].text;
    mlsel_error err;
    float *embedding = tool_alloc(width, sizeof *embedding);
    const mlsel_status status = mlsel_embed_text(text, strlen(text), embedding, width, &err);
    if (status == MLSEL_OK) {
        double *values = place(c, index, width);
        for (size_t i = 0; i < width; ++i)
            values[i] = (double)embedding[i];
    } else {
        failure_of(problem, &err);
    }
    free(embedding);
    return status == MLSEL_OK;
}

#if MLSEL_TOOL_COLLECT
typedef struct embedding_target {
    chunk *c;
    const size_t *queries; /* of the texts */
    failure *problem;
} embedding_target;

static int32_t on_embedding(size_t index, const float *values, size_t width, const char *message, void *user) {
    const embedding_target *target = user;
    if (values == NULL) {
        failure_set(target->problem, EXIT_BAD_INPUT, "the text cannot be embedded: %s", message);
        return 1;
    }
    double *out = place(target->c, target->queries[index], width);
    for (size_t i = 0; i < width; ++i)
        out[i] = (double)values[i];
    return 0;
}

static bool embed_others(text_embedder *t, chunk *c, const size_t *queries, size_t n, failure *problem) {
    mlsel_error err;
    embedding_target target = {.c = c, .queries = queries, .problem = problem};
    if (t->embedder == NULL)
        t->embedder = embedding_args_open(&t->args, t->model, t->cache_dir, t->width, false, problem);
    if (t->embedder == NULL)
        return false;
    const char **texts = tool_alloc(n, sizeof *texts);
    for (size_t i = 0; i < n; ++i)
        texts[i] = c->queries[queries[i]].text;
    const mlsel_status status = mlsel_embedder_run(t->embedder, texts, n, on_embedding, &target, &err);
    if (status != MLSEL_OK && problem->exit_code == 0)
        embedding_args_failed(&t->args, &err, problem);
    free(texts);
    return status == MLSEL_OK;
}
#else
static bool embed_others(text_embedder *t, chunk *c, const size_t *queries, size_t n, failure *problem) {
    (void)t, (void)c, (void)queries, (void)n;
    failure_set(problem, EXIT_INTERNAL, "this mlsel has no embedder");
    return false;
}
#endif

bool text_embedder_chunk(text_embedder *t, chunk *c, failure *problem) {
    size_t n = 0, all = c->count;
    if (t->model == NULL)
        return true;
    size_t *queries = tool_alloc(c->count, sizeof *queries);
    for (size_t i = 0; i < c->count; ++i)
        if (c->queries[i].count == 0 && c->queries[i].text != NULL)
            queries[n++] = i;
    bool ok = true;
    if (embedding_args_is_builtin(t->model))
        for (size_t i = 0; i < n && ok; ++i)
            ok = embed_builtin(t, c, queries[i], problem);
    else if (n > 0)
        ok = embed_others(t, c, queries, n, problem);
    for (size_t i = 0; i < n && !ok; ++i)
        if (c->queries[queries[i]].count == 0) {
            all = queries[i];
            break;
        }
    while (c->count > all)
        chunk_drop_last(c);
    free(queries);
    return ok;
}

void text_embedder_free(text_embedder *t) {
#if MLSEL_TOOL_COLLECT
    mlsel_embedder_close(t->embedder);
#endif
    t->embedder = NULL;
}
#else
bool text_embedder_check(const text_embedder *t, const args *a) {
    if (t->model == NULL)
        return true;
    tool_error("--embedding-model \"%s\": this mlsel was built without training, which the embedder is a part of",
               t->model);
    args_help_hint(a->command, NULL);
    return false;
}

bool text_embedder_chunk(text_embedder *t, chunk *c, failure *problem) {
    (void)t, (void)c, (void)problem;
    return true;
}

void text_embedder_free(text_embedder *t) { (void)t; }
#endif
