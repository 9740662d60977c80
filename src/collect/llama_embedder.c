/* SPDX-License-Identifier: Apache-2.0 */
#include "llama_embedder.h"

#include <string.h>

#if MLSEL_WITH_LLAMA
#include <ggml-backend.h>
#include <llama.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CONTEXT = 512 };

struct llama_embedder {
    struct llama_model *model;
    const struct llama_vocab *vocab;
    struct llama_context *context; /* for texts of up to `room` tokens; NULL: none yet */
    uint32_t room, max_tokens;
    enum llama_pooling_type pooling;
    uint32_t threads;
    size_t width;
    llama_token *tokens;
    size_t capacity;
};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void drop(enum ggml_log_level level, const char *text, void *user) { (void)level, (void)text, (void)user; }

static void start(void) {
    llama_log_set(drop, NULL);
    ggml_backend_load_all();
    llama_backend_init();
}

/* Value of "<architecture>.<key>" in the model's metadata, or "". */
static const char *metadata(const struct llama_model *model, const char *key, char *out, size_t size) {
    char architecture[64], name[128];
    out[0] = '\0';
    if (llama_model_meta_val_str(model, "general.architecture", architecture, sizeof architecture) < 0)
        return out;
    snprintf(name, sizeof name, "%s.%s", architecture, key);
    if (llama_model_meta_val_str(model, name, out, size) < 0)
        out[0] = '\0';
    return out;
}

/* As the model says; of one that does not, the last token has seen the whole text only if attention is causal. */
static enum llama_pooling_type find_pooling(const struct llama_model *model) {
    char text[32];
    if (metadata(model, "pooling_type", text, sizeof text)[0] >= '1' && text[0] <= '4' && text[1] == '\0')
        return (enum llama_pooling_type)(text[0] - '0');
    return strcmp(metadata(model, "attention.causal", text, sizeof text), "false") == 0 ? LLAMA_POOLING_TYPE_MEAN
                                                                                        : LLAMA_POOLING_TYPE_LAST;
}

static mlsel_status fail(const char *path, mlsel_status code, const char *what, mlsel_error *err) {
    (void)mlsel_i_fail(err, code, "%s", what);
    mlsel_i_error_prefix(err, path);
    return code;
}

static mlsel_status load(llama_embedder *e, const char *path, mlsel_error *err) {
    struct llama_model_params params = llama_model_default_params();
    params.check_tensors = true; /* values that are no numbers are found now */
    e->model = llama_model_load_from_file(path, params);
    if (e->model == NULL)
        return fail(
            path, MLSEL_ERROR_SCHEMA,
            ": llama.cpp cannot load it: it is damaged, of an architecture that this llama.cpp does not know, or "
            "too large for the memory",
            err);
    e->vocab = llama_model_get_vocab(e->model);
    const int32_t width = llama_model_n_embd(e->model), trained = llama_model_n_ctx_train(e->model);
    if (width <= 0 || trained <= 0)
        return fail(path, MLSEL_ERROR_SCHEMA, ": it is no model of text", err);
    if (llama_model_has_encoder(e->model) && llama_model_has_decoder(e->model))
        return fail(path, MLSEL_ERROR_UNSUPPORTED, ": it translates (encoder and decoder) and makes no embeddings",
                    err);
    e->pooling = find_pooling(e->model);
    if (e->pooling == LLAMA_POOLING_TYPE_RANK)
        return fail(path, MLSEL_ERROR_UNSUPPORTED, ": it ranks pairs of texts and makes no embeddings", err);
    e->width = (size_t)width;
    e->max_tokens = (uint32_t)trained;
    return MLSEL_OK;
}

mlsel_status mlsel_i_llama_open(const char *path, uint32_t threads, llama_embedder **out, mlsel_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *out = NULL;
    (void)pthread_once(&once, start);
    llama_embedder *e = mlsel_i_calloc(1, sizeof *e);
    if (e == NULL)
        return mlsel_i_no_memory(err);
    e->threads = threads > 0 ? threads : 1;
    const mlsel_status status = load(e, path, err);
    if (status == MLSEL_OK)
        *out = e;
    else
        mlsel_i_llama_close(e);
    return status;
}

void mlsel_i_llama_close(llama_embedder *embedder) {
    if (embedder == NULL)
        return;
    if (embedder->context != NULL)
        llama_free(embedder->context);
    if (embedder->model != NULL)
        llama_model_free(embedder->model);
    mlsel_i_free(embedder->tokens);
    mlsel_i_free(embedder);
}

size_t mlsel_i_llama_width(const llama_embedder *embedder) { return embedder->width; }

/* --- one text ----------------------------------------------------------------------------------------------------- */

/* A context grows with the longest text so far: its memory does with its length. */
static mlsel_status make_room(llama_embedder *e, uint32_t n, mlsel_error *err) {
    if (e->context != NULL && n <= e->room)
        return MLSEL_OK;
    uint32_t room = FIRST_CONTEXT;
    while (room < n)
        room *= 2;
    if (room > e->max_tokens)
        room = e->max_tokens;
    if (e->context != NULL)
        llama_free(e->context);
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = room; /* attention to both sides needs the text in one piece */
    params.n_seq_max = 1;
    params.n_threads = params.n_threads_batch = (int32_t)e->threads;
    params.pooling_type = e->pooling;
    params.embeddings = true;
    params.no_perf = true;
    e->context = llama_init_from_model(e->model, params);
    e->room = e->context != NULL ? room : 0;
    return e->context != NULL ? MLSEL_OK
                              : mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY,
                                             "llama.cpp has no memory for texts of %u tokens", (unsigned)room);
}

/* Tokens into e->tokens; a text that is too long loses its end, but not the token that ends every text. */
static mlsel_status tokenize(llama_embedder *e, const char *text, size_t size, uint32_t *out, mlsel_error *err) {
    if (size > INT32_MAX / 2)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "a text of %zu bytes is too long to embed", size);
    int32_t n = llama_tokenize(e->vocab, text, (int32_t)size, e->tokens, (int32_t)e->capacity, true, true);
    if (n < 0 && n != INT32_MIN) {
        const size_t capacity = (size_t)-n;
        llama_token *larger = mlsel_i_resize(e->tokens, 0, capacity, sizeof *larger);
        if (larger == NULL)
            return mlsel_i_no_memory(err);
        e->tokens = larger;
        e->capacity = capacity;
        n = llama_tokenize(e->vocab, text, (int32_t)size, e->tokens, (int32_t)e->capacity, true, true);
    }
    if (n < 0)
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "the model cannot take the text apart");
    if (n == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the text is empty, and the model has no embedding for that");
    *out = (uint32_t)n;
    if (*out > e->max_tokens) {
        e->tokens[e->max_tokens - 1] = e->tokens[n - 1];
        *out = e->max_tokens;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_llama_embed(llama_embedder *embedder, const char *text, size_t size, float *out,
                                 mlsel_error *err) {
    uint32_t n = 0;
    mlsel_status status = tokenize(embedder, text, size, &n, err);
    if (status == MLSEL_OK)
        status = make_room(embedder, n, err);
    if (status != MLSEL_OK)
        return status;
    struct llama_batch batch = llama_batch_init((int32_t)n, 0, 1);
    if (batch.token == NULL || batch.pos == NULL)
        return mlsel_i_no_memory(err);
    batch.n_tokens = (int32_t)n;
    for (uint32_t i = 0; i < n; i++) {
        batch.token[i] = embedder->tokens[i];
        batch.pos[i] = (llama_pos)i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1; /* pooling wants every token's values */
    }
    llama_memory_t memory = llama_get_memory(embedder->context);
    if (memory != NULL)
        llama_memory_clear(memory, true);
    const int32_t result = llama_model_has_encoder(embedder->model) ? llama_encode(embedder->context, batch)
                                                                    : llama_decode(embedder->context, batch);
    llama_batch_free(batch);
    const float *values = result == 0 ? llama_get_embeddings_seq(embedder->context, 0) : NULL;
    if (values == NULL)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)(result < 0 ? -result : result),
                                   "llama.cpp cannot embed a text of %u tokens (it says %d)", (unsigned)n, (int)result);
    for (size_t i = 0; i < embedder->width; i++)
        if (!isfinite(values[i]))
            return mlsel_i_fail(err, MLSEL_ERROR_NOT_FINITE, "the model's embedding has values that are not finite");
    memcpy(out, values, embedder->width * sizeof *out);
    return MLSEL_OK;
}
#else
mlsel_status mlsel_i_llama_open(const char *path, uint32_t threads, llama_embedder **out, mlsel_error *err) {
    (void)path, (void)threads;
    *out = NULL;
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                        "this build cannot load model files: it was made without llama.cpp (-DMLSEL_WITH_LLAMA=ON); "
                        "a server that has the model can be asked instead");
}
void mlsel_i_llama_close(llama_embedder *embedder) { (void)embedder; }
size_t mlsel_i_llama_width(const llama_embedder *embedder) {
    (void)embedder;
    return 0;
}
mlsel_status mlsel_i_llama_embed(llama_embedder *embedder, const char *text, size_t size, float *out,
                                 mlsel_error *err) {
    (void)embedder, (void)text, (void)size, (void)out;
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "this build has no llama.cpp");
}
#endif
