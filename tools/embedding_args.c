/* SPDX-License-Identifier: Apache-2.0 */
#include "embedding_args.h"

#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "mlsel_train.h"

bool embedding_args_is_builtin(const char *model) {
    return model != NULL && (strcmp(model, "builtin") == 0 || strcmp(model, MLSEL_BUILTIN_EMBEDDER) == 0);
}

static bool names_file(const char *model) {
    static const char end[] = ".gguf";
    const size_t length = strlen(model);
    return length >= sizeof end - 1 && strcmp(model + length - (sizeof end - 1), end) == 0;
}

bool embedding_args_computes(const embedding_args *e, const char *model) {
    return model != NULL && !embedding_args_is_builtin(model) && (e->endpoint != NULL || names_file(model));
}

#if MLSEL_TOOL_COLLECT
int embedding_args_take(embedding_args *e, const args *a, int id, const char *value) {
    enum { MAX_DIMENSIONS = 1 << 20, MAX_BATCH = 4096, MAX_RETRIES = 100 };
    uint64_t number = 0;
    bool ok = true;
    switch (id) {
    case EMBEDDING_ARGS_ENDPOINT:
        e->endpoint = value;
        break;
    case EMBEDDING_ARGS_PREFIX:
        e->prefix = value;
        break;
    case EMBEDDING_ARGS_RAW:
        e->raw = true;
        break;
    case EMBEDDING_ARGS_DIMENSIONS:
        e->dimensions = (size_t)args_count(a, "--embedding-dimensions", value, MAX_DIMENSIONS);
        ok = e->dimensions > 0;
        break;
    case EMBEDDING_ARGS_BATCH:
        e->batch = (size_t)args_count(a, "--embedding-batch-size", value, MAX_BATCH);
        ok = e->batch > 0;
        break;
    case EMBEDDING_ARGS_TIMEOUT:
        ok = args_real(a, "--embedding-timeout", value, ARGS_ABOVE_0, 1e6, "seconds, as in 30", &e->timeout_s);
        break;
    case EMBEDDING_ARGS_RETRIES:
        ok = args_whole(a, "--embedding-retries", value, MAX_RETRIES, &number);
        e->has_retries = true;
        e->retries = (uint32_t)number;
        break;
    case EMBEDDING_ARGS_KEY_ENV:
        e->key_env = value;
        break;
    case EMBEDDING_ARGS_CA_FILE:
        e->ca_file = value;
        break;
    default:
        return 1;
    }
    return ok ? 0 : ARGS_BAD;
}

static bool refuse(failure *problem, const char *message, const char *hint) {
    failure_set(problem, EXIT_USAGE, "%s", message);
    failure_hint(problem, "%s", hint);
    return false;
}

bool embedding_args_check(const embedding_args *e, const char *model, failure *problem) {
    if (e->endpoint != NULL && model == NULL)
        return refuse(problem, "--embedding-endpoint needs --embedding-model",
                      "it says which model the server is asked for");
    if (e->endpoint != NULL && embedding_args_is_builtin(model))
        return refuse(problem, "--embedding-endpoint: the built-in embedder needs no server",
                      "--embedding-model names a model that the server has, as in qwen3");
    if (e->key_env == NULL || getenv(e->key_env) != NULL)
        return true;
    failure_set(problem, EXIT_USAGE, "--api-key-env: there is no environment variable %s", e->key_env);
    return false;
}

static mlsel_embedder *fail(const embedding_args *e, const mlsel_error *err, failure *problem) {
    embedding_args_failed(e, err, problem);
    return NULL;
}

static void on_retry(const char *message, double wait_s, void *user) {
    (void)user;
    tool_notice("%s; trying again in %.1f s", message, wait_s);
}

mlsel_embedder *embedding_args_open(const embedding_args *e, const char *model, const char *cache_dir, size_t width,
                                    bool stops, failure *problem) {
    mlsel_embedder_options options;
    mlsel_embedder *embedder = NULL;
    mlsel_error err;
    mlsel_embedder_options_init(&options);
    options.model = model;
    options.endpoint = e->endpoint;
    options.prefix = e->prefix;
    options.raw = e->raw;
    options.dimensions = e->dimensions;
    options.width = width;
    options.cache_dir = cache_dir;
    options.ca_path = e->ca_file;
    options.on_retry = on_retry;
    if (e->batch > 0)
        options.batch = e->batch;
    if (e->timeout_s > 0)
        options.timeout_s = e->timeout_s;
    if (e->has_retries)
        options.retries = e->retries;
    if (stops) {
        interrupt_watch();
        options.is_cancelled = interrupt_stops;
    }
    const char *key = e->endpoint != NULL ? getenv(e->key_env != NULL ? e->key_env : "OPENAI_API_KEY") : NULL;
    if (key != NULL && key[0] != '\0')
        options.api_key = key;
    return mlsel_embedder_open(&options, &embedder, &err) == MLSEL_OK ? embedder : fail(e, &err, problem);
}

void embedding_args_failed(const embedding_args *e, const mlsel_error *err, failure *problem) {
    failure_of(problem, err);
    if (err->detail == 401 || err->detail == 403)
        failure_hint(problem, "%s",
                     e->key_env != NULL ? "is the key in that environment variable right?"
                                        : "--api-key-env NAME names the environment variable with the key");
    else if (err->code == MLSEL_ERROR_NOT_FOUND && err->detail == 404)
        failure_hint(problem, "does the endpoint end in /v1, and does the server have the model of that name?");
    else if (err->code == MLSEL_ERROR_DIMENSION)
        failure_hint(problem, "queries need the embedding model that the artifact was trained with");
}
#else
int embedding_args_take(embedding_args *e, const args *a, int id, const char *value) {
    (void)e, (void)value;
    if (id < EMBEDDING_ARGS_FIRST_ID)
        return 1;
    tool_error("this mlsel was built without the parts that ask servers: -DMLSEL_BUILD_COLLECT=OFF");
    args_help_hint(a->command, NULL);
    return ARGS_BAD;
}

bool embedding_args_check(const embedding_args *e, const char *model, failure *problem) {
    (void)e, (void)model, (void)problem;
    return true;
}
#endif
