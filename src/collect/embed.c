/* SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "embedding_client.h"
#include "file.h"
#include "llama_embedder.h"
#include "mlsel_train.h"
#include "train/cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    WINDOW = 1024, /* texts held until those before them are done */
    MAX_BATCH = 4096,
    MAX_FAILED_IN_A_ROW = 8 /* then it is not the texts */
};
#define MAX_MODEL_FILE ((uint64_t)1 << 40)

struct mlsel_embedder {
    mlsel_embedder_options options; /* the texts that are used later are owned */
    char *name;                     /* of the cache */
    char *prefix, *cache_dir;
    bool is_builtin;
    embedding_client *client;
    llama_embedder *llama;
    mlsel_cache *cache;
    bool is_cache_tried;
    size_t width;
    uint32_t failed_in_a_row;
    mlsel_embedder_counts counts;
};

/* --- names -------------------------------------------------------------------------------------------------------- */

static bool names_builtin(const char *model) {
    return strcmp(model, "builtin") == 0 || strcmp(model, MLSEL_BUILTIN_EMBEDDER) == 0;
}

static bool names_file(const char *model) {
    static const char end[] = ".gguf";
    const size_t length = strlen(model);
    return length >= sizeof end - 1 && strcmp(model + length - (sizeof end - 1), end) == 0;
}

/* The model's name, and what differs from the usual in further words. */
static mlsel_status write_name(const char *model, const char *prefix, bool raw, size_t dimensions, char *out,
                               size_t size, mlsel_error *err) {
    char wished[48] = "";
    if (dimensions > 0)
        snprintf(wished, sizeof wished, " dimensions=%zu", dimensions);
    const int length = snprintf(out, size, "%s%s%s%s%s", model, raw ? " raw" : "", wished,
                                prefix[0] != '\0' ? " prefix=" : "", prefix);
    if (length >= 0 && (size_t)length < size)
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                        "the embedding model's name and prefix have more than %d bytes", MLSEL_EMBEDDING_NAME_SIZE - 1);
}

mlsel_status mlsel_embedding_cache_name(const char *model, const char *prefix, bool raw, size_t dimensions, char *out,
                                        size_t size, mlsel_error *err) {
    if (names_builtin(model))
        return write_name(MLSEL_BUILTIN_EMBEDDER, "", false, 0, out, size, err);
    const mlsel_embedding_model *known = mlsel_embedding_model_find(model);
    return write_name(known != NULL ? known->name : model, mlsel_embedding_prefix(known, prefix), raw, dimensions, out,
                      size, err);
}

size_t mlsel_embedding_cached_width(const char *cache_dir, const char *name) {
    return mlsel_i_cache_find_width(cache_dir, name);
}

static bool is_gguf(const unsigned char *first, size_t size) { return size >= 4 && memcmp(first, "GGUF", 4) == 0; }

static mlsel_status open_file(mlsel_embedder *e, mlsel_error *err) {
    mlsel_status status = mlsel_i_llama_open(e->options.model, e->options.threads, &e->llama, err);
    if (status != MLSEL_OK)
        return status;
    const size_t width = mlsel_i_llama_width(e->llama);
    if (e->width > 0 && e->width != width) {
        (void)mlsel_i_fail(err, MLSEL_ERROR_DIMENSION, ": its embeddings have %zu values, expected %zu", width,
                           e->width);
        mlsel_i_error_prefix(err, e->options.model);
        return MLSEL_ERROR_DIMENSION;
    }
    e->width = width;
    return MLSEL_OK;
}

/* A model file is known by what is in it, wherever it lies. To read all of it takes its time: it is opened before. */
static mlsel_status name_file(mlsel_embedder *e, char *out, size_t size, mlsel_error *err) {
    const mlsel_embedder_options *options = &e->options;
    static const file_kind kind = {.noun = "model file", .function = "a regular file", .is_to_map = is_gguf};
    file_content content;
    char text[48];
    XXH128_hash_t hash = {0};
    mlsel_status status = mlsel_i_file_load(options->model, &kind, MAX_MODEL_FILE, &content, err);
    if (status != MLSEL_OK)
        return status;
    if (content.is_mapped) {
        status = open_file(e, err);
    } else {
        status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, " is no GGUF file");
        mlsel_i_error_prefix(err, options->model);
    }
    if (status == MLSEL_OK)
        hash = XXH3_128bits(content.data, content.size);
    mlsel_i_file_unload(&content);
    if (status != MLSEL_OK)
        return status;
    snprintf(text, sizeof text, "gguf:%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return write_name(text, mlsel_embedding_prefix(NULL, options->prefix), options->raw, 0, out, size, err);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

void mlsel_embedder_options_init(mlsel_embedder_options *options) {
    *options = (mlsel_embedder_options){.batch = 32, .timeout_s = 300, .retries = 5, .retry_wait_s = 1, .threads = 1};
}

static mlsel_status check(const mlsel_embedder_options *o, mlsel_error *err) {
    if (o->model == NULL || o->model[0] == '\0')
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "no embedding model");
    if (o->batch < 1 || o->batch > MAX_BATCH)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "a batch is 1 to %d texts", MAX_BATCH);
    if (!(o->timeout_s >= 0) || !(o->retry_wait_s >= 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "timeout_s and retry_wait_s are seconds, 0 or more");
    if (o->endpoint == NULL && !names_builtin(o->model) && !names_file(o->model))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "embeddings of \"%s\" need a server that has the model, or a file of it that ends in .gguf",
                            o->model);
    if (o->endpoint != NULL && names_builtin(o->model))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the built-in embedder needs no server");
    if (o->dimensions > 0 && o->endpoint == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "only servers can be asked for a number of dimensions");
    if (o->dimensions > 0 && o->width > 0 && o->dimensions != o->width)
        return mlsel_i_fail(err, MLSEL_ERROR_DIMENSION, "embeddings of %zu values are asked for, and %zu are needed",
                            o->dimensions, o->width);
    return MLSEL_OK;
}

static mlsel_status open_server(mlsel_embedder *e, const char *model, mlsel_error *err) {
    const mlsel_embedder_options *o = &e->options;
    const mlsel_embedding_model *known = mlsel_embedding_model_find(model);
    const embedding_server server = {.endpoint = o->endpoint,
                                     .model = known != NULL ? known->name : model,
                                     .api_key = o->api_key,
                                     .dimensions = o->dimensions,
                                     .http = {.timeout_s = o->timeout_s,
                                              .retries = o->retries,
                                              .retry_wait_s = o->retry_wait_s,
                                              .ca_path = o->ca_path,
                                              .is_cancelled = o->is_cancelled,
                                              .on_retry = o->on_retry,
                                              .user = o->user}};
    return mlsel_i_embedding_client_open(&server, &e->client, err);
}

static mlsel_status open_all(mlsel_embedder *e, mlsel_error *err) {
    const mlsel_embedder_options *o = &e->options;
    const mlsel_embedding_model *known = mlsel_embedding_model_find(o->model);
    const bool is_file = o->endpoint == NULL && names_file(o->model);
    char name[MLSEL_EMBEDDING_NAME_SIZE];
    e->is_builtin = names_builtin(o->model);
    e->width = o->width > 0 ? o->width : o->dimensions;
    if (e->is_builtin && e->width == 0)
        e->width = MLSEL_EMBEDDING_WIDTH;
    if (known != NULL && e->width == 0)
        e->width = known->width;
    mlsel_status status =
        is_file ? name_file(e, name, sizeof name, err)
                : mlsel_embedding_cache_name(o->model, o->prefix, o->raw, o->dimensions, name, sizeof name, err);
    if (status != MLSEL_OK)
        return status;
    const char *prefix = mlsel_embedding_prefix(known, o->prefix);
    e->name = mlsel_i_strndup(name, strlen(name));
    e->prefix = mlsel_i_strndup(prefix, strlen(prefix));
    e->cache_dir = o->cache_dir != NULL ? mlsel_i_strndup(o->cache_dir, strlen(o->cache_dir)) : NULL;
    if (e->name == NULL || e->prefix == NULL || (o->cache_dir != NULL && e->cache_dir == NULL))
        return mlsel_i_no_memory(err);
    if (e->width == 0 && o->cache_dir != NULL && !is_file)
        e->width = mlsel_embedding_cached_width(o->cache_dir, name);
    return o->endpoint != NULL ? open_server(e, o->model, err) : MLSEL_OK;
}

mlsel_status mlsel_embedder_open(const mlsel_embedder_options *options, mlsel_embedder **out, mlsel_error *err) {
    *out = NULL;
    mlsel_status status = check(options, err);
    if (status != MLSEL_OK)
        return status;
    mlsel_embedder *e = mlsel_i_calloc(1, sizeof *e);
    if (e == NULL)
        return mlsel_i_no_memory(err);
    e->options = *options;
    status = open_all(e, err);
    if (status == MLSEL_OK) {
        /* what was borrowed for the call */
        e->options.model = e->options.endpoint = e->options.prefix = e->options.api_key = NULL;
        e->options.cache_dir = e->options.ca_path = NULL;
        *out = e;
        return mlsel_i_ok(err);
    }
    mlsel_embedder_close(e);
    return status;
}

void mlsel_embedder_close(mlsel_embedder *embedder) {
    if (embedder == NULL)
        return;
    mlsel_i_embedding_client_close(embedder->client);
    mlsel_i_llama_close(embedder->llama);
    mlsel_cache_close(embedder->cache);
    mlsel_i_free(embedder->name);
    mlsel_i_free(embedder->prefix);
    mlsel_i_free(embedder->cache_dir);
    mlsel_i_free(embedder);
}

const char *mlsel_embedder_cache_name(const mlsel_embedder *embedder) { return embedder->name; }
size_t mlsel_embedder_width(const mlsel_embedder *embedder) { return embedder->width; }
void mlsel_embedder_get_counts(const mlsel_embedder *embedder, mlsel_embedder_counts *out) { *out = embedder->counts; }

/* --- one run ------------------------------------------------------------------------------------------------------ */

enum { MISSING, READY, REFUSED };

typedef struct embed_run {
    mlsel_embedder *e;
    const char *const *texts;
    size_t n;
    size_t base;    /* text of row 0; those before it have been handed over */
    size_t rows;    /* room for so many */
    float *values;  /* [rows][width]; NULL: the width is not known yet */
    char *states;   /* [rows] */
    char **reasons; /* [rows] of refused ones, owned */
    size_t *asked;  /* [batch] rows that are to be embedded */
    size_t n_asked;
    char **inputs; /* [batch] their texts as they are sent, owned */
} embed_run;

static void scale(float *values, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)values[i] * (double)values[i];
    const double factor = sum > 0 ? 1 / sqrt(sum) : 0;
    for (size_t i = 0; i < width; i++)
        values[i] = (float)((double)values[i] * factor);
}

/* Room for embeddings, and the cache, once the width is known. */
static mlsel_status use_width(embed_run *r, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    if (r->values == NULL) {
        r->values = mlsel_i_alloc(r->rows, e->width * sizeof *r->values);
        if (r->values == NULL)
            return mlsel_i_no_memory(err);
    }
    if (e->is_cache_tried || e->cache_dir == NULL || e->is_builtin)
        return MLSEL_OK;
    const mlsel_status status = mlsel_cache_open(e->cache_dir, e->name, e->width, &e->cache, err);
    e->is_cache_tried = status == MLSEL_OK;
    return status;
}

static void keep(mlsel_embedder *e, const char *text, const float *values) {
    mlsel_error err;
    if (e->cache == NULL || e->counts.not_stored)
        return;
    if (mlsel_cache_put(e->cache, text, strlen(text), values, e->width, &err) != MLSEL_OK) {
        e->counts.not_stored = true;
        memcpy(e->counts.cache_message, err.message, sizeof e->counts.cache_message);
    }
}

static mlsel_status accept(embed_run *r, size_t row, const float *values, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    const mlsel_status status = use_width(r, err);
    if (status != MLSEL_OK)
        return status;
    float *place = r->values + row * e->width;
    memcpy(place, values, e->width * sizeof *place);
    if (!e->options.raw)
        scale(place, e->width);
    r->states[row] = READY;
    e->counts.computed++;
    e->failed_in_a_row = 0;
    keep(e, r->texts[r->base + row], place);
    return MLSEL_OK;
}

/* One text cannot be embedded; too many of them in a row are the model's fault. */
static mlsel_status refuse(embed_run *r, size_t row, const mlsel_error *err) {
    r->states[row] = REFUSED;
    r->reasons[row] = mlsel_i_strndup(err->message, strlen(err->message));
    r->e->counts.failed++;
    return ++r->e->failed_in_a_row < MAX_FAILED_IN_A_ROW ? MLSEL_OK : err->code;
}

static mlsel_status ask_server(embed_run *r, size_t first, size_t n, bool tries_once, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    float *values = NULL;
    bool rejected = false;
    e->counts.requests++;
    mlsel_status status = mlsel_i_embedding_client_ask(e->client, (const char *const *)r->inputs + first, n, tries_once,
                                                       &e->width, &values, &rejected, err);
    for (size_t i = 0; i < n && status == MLSEL_OK; i++)
        status = accept(r, r->asked[first + i], values + i * e->width, err);
    mlsel_i_free(values);
    if (status == MLSEL_OK || !rejected || status == MLSEL_ERROR_DIMENSION)
        return status;
    if (n == 1)
        return refuse(r, r->asked[first], err);
    const size_t half = n / 2;
    status = ask_server(r, first, half, true, err);
    return status == MLSEL_OK ? ask_server(r, first + half, n - half, true, err) : status;
}

static mlsel_status ask_file(embed_run *r, float *values, mlsel_error *err) {
    const mlsel_embedder_options *o = &r->e->options;
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < r->n_asked && status == MLSEL_OK; i++) {
        if (o->is_cancelled != NULL && o->is_cancelled(o->user))
            return mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
        status = mlsel_i_llama_embed(r->e->llama, r->inputs[i], strlen(r->inputs[i]), values, err);
        if (status == MLSEL_ERROR_NO_MEMORY)
            return status;
        status = status == MLSEL_OK ? accept(r, r->asked[i], values, err) : refuse(r, r->asked[i], err);
    }
    return status;
}

/* The prefix and the text as UTF-8. */
static char *make_input(const char *prefix, const char *text) {
    const size_t front = strlen(prefix), size = strlen(text);
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    char *out = mlsel_i_alloc(front + 3 * size + 1, 1); /* a bad byte becomes three */
    if (out == NULL)
        return NULL;
    memcpy(out, prefix, front + 1);
    char *to = out + front;
    while (at < end) {
        size_t length = mlsel_i_utf8_length(at, end);
        if (length == 0) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
            at++;
            continue;
        }
        memcpy(to, at, length);
        to += length;
        at += length;
    }
    *to = '\0';
    return out;
}

static void free_inputs(embed_run *r) {
    for (size_t i = 0; i < r->n_asked; i++) {
        mlsel_i_free(r->inputs[i]);
        r->inputs[i] = NULL;
    }
    r->n_asked = 0;
}

static mlsel_status embed_asked(embed_run *r, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    mlsel_status status = MLSEL_OK;
    for (size_t i = 0; i < r->n_asked && status == MLSEL_OK; i++) {
        r->inputs[i] = make_input(e->prefix, r->texts[r->base + r->asked[i]]);
        if (r->inputs[i] == NULL)
            status = mlsel_i_no_memory(err);
    }
    if (status == MLSEL_OK && r->n_asked > 0 && e->client != NULL) {
        status = ask_server(r, 0, r->n_asked, false, err);
    } else if (status == MLSEL_OK && r->n_asked > 0) {
        float *values = mlsel_i_alloc(e->width, sizeof *values);
        status = values != NULL ? ask_file(r, values, err) : mlsel_i_no_memory(err);
        mlsel_i_free(values);
    }
    free_inputs(r);
    return status;
}

/* Hands rows over as far as they are done without a gap, and begins anew behind them. */
static mlsel_status hand_over(embed_run *r, size_t n, mlsel_embedding_callback callback, void *user, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    size_t row = 0;
    for (; row < n && r->states[row] != MISSING && status == MLSEL_OK; row++) {
        const bool is_ready = r->states[row] == READY;
        const char *reason = r->reasons[row] != NULL ? r->reasons[row] : "out of memory";
        if (callback(r->base + row, is_ready ? r->values + row * r->e->width : NULL, r->e->width,
                     is_ready ? NULL : reason, user) != 0)
            status = mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
    }
    for (size_t i = 0; i < n; i++) {
        mlsel_i_free(r->reasons[i]);
        r->reasons[i] = NULL;
        r->states[i] = MISSING;
    }
    r->base += row;
    return status;
}

/* Whether the embedding of a text is there already, or can be had at once. */
static mlsel_status look_up(embed_run *r, size_t row, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    const char *text = r->texts[r->base + row];
    if (e->width == 0)
        return MLSEL_OK;
    mlsel_status status = use_width(r, err);
    if (status != MLSEL_OK)
        return status;
    float *place = r->values + row * e->width;
    if (e->is_builtin) {
        status = mlsel_embed_text(text, strlen(text), place, e->width, err);
        e->counts.computed += status == MLSEL_OK;
    } else if (e->cache != NULL && mlsel_cache_get(e->cache, text, strlen(text), place, e->width, err) == MLSEL_OK) {
        e->counts.cached++;
    } else {
        return MLSEL_OK;
    }
    r->states[row] = READY;
    return status;
}

static mlsel_status run_all(embed_run *r, mlsel_embedding_callback callback, void *user, mlsel_error *err) {
    mlsel_embedder *e = r->e;
    const mlsel_embedder_options *o = &e->options;
    mlsel_status status = MLSEL_OK;
    size_t row = 0;
    while (r->base + row < r->n && status == MLSEL_OK) {
        if (o->is_cancelled != NULL && row % 64 == 0 && o->is_cancelled(o->user)) {
            status = mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
            break;
        }
        /* to look into the cache, the width must be known: the first text alone tells it */
        const size_t batch = e->width == 0 && e->cache_dir != NULL ? 1 : o->batch;
        status = look_up(r, row, err);
        if (status == MLSEL_OK && r->states[row] == MISSING)
            r->asked[r->n_asked++] = row;
        row++;
        if (status != MLSEL_OK || (r->n_asked < batch && row < r->rows && r->base + row < r->n))
            continue;
        status = embed_asked(r, err);
        const mlsel_status given = hand_over(r, row, callback, user, status == MLSEL_OK ? err : NULL);
        status = status == MLSEL_OK ? given : status;
        row = 0;
    }
    if (row > 0) /* what is done before the failure */
        (void)hand_over(r, row, callback, user, NULL);
    return status;
}

mlsel_status mlsel_embedder_run(mlsel_embedder *embedder, const char *const *texts, size_t n,
                                mlsel_embedding_callback callback, void *user, mlsel_error *err) {
    const size_t rows = n < WINDOW ? n : WINDOW;
    embed_run r = {.e = embedder, .texts = texts, .n = n, .rows = rows};
    mlsel_error own;
    if (err == NULL)
        err = &own;
    r.states = mlsel_i_calloc(rows, sizeof *r.states);
    r.reasons = mlsel_i_calloc(rows, sizeof *r.reasons);
    r.asked = mlsel_i_calloc(embedder->options.batch, sizeof *r.asked);
    r.inputs = mlsel_i_calloc(embedder->options.batch, sizeof *r.inputs);
    mlsel_status status;
    if (r.states == NULL || r.reasons == NULL || r.asked == NULL || r.inputs == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = run_all(&r, callback, user, err);
    if (r.inputs != NULL)
        free_inputs(&r);
    mlsel_i_free(r.values);
    mlsel_i_free(r.states);
    mlsel_i_free(r.reasons);
    mlsel_i_free(r.asked);
    mlsel_i_free(r.inputs);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
