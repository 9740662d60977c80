/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of texts to a server that speaks OpenAI's POST {endpoint}/embeddings (vLLM, Ollama, llama.cpp's server, Text
 * Embeddings Inference), and its answers checked.
 */
#ifndef MLSEL_COLLECT_EMBEDDING_CLIENT_H
#define MLSEL_COLLECT_EMBEDDING_CLIENT_H

#include "http_request.h"

typedef struct embedding_server {
    const char *endpoint; /* as in "http://localhost:8000/v1" */
    const char *model;
    const char *api_key; /* NULL: none */
    size_t dimensions;   /* asked of the server; 0: not */
    http_settings http;  /* secrets and max_body are set here */
} embedding_server;

typedef struct embedding_client embedding_client;

/* Copies what `server` points to. INVALID_ARGUMENT (the endpoint, a key that cannot be one), NO_MEMORY, UNSUPPORTED. */
mlsel_status mlsel_i_embedding_client_open(const embedding_server *server, embedding_client **out, mlsel_error *err);
void mlsel_i_embedding_client_close(embedding_client *client);

/*
 * Embeds n texts. *width is the width all embeddings have, or 0: any, and then set. *out receives [n][*width], to be
 * freed with mlsel_i_free. *rejected (may be NULL) says after a failure that the server is there, but does not take, or
 * wrongly answers, these texts together; fewer may do. tries_once: no further attempts.
 *
 * Errors: those of mlsel_i_http_send; PARSE or SCHEMA (an answer that makes no sense: no JSON, another number of
 * embeddings, an index that is none or occurs twice, two widths), DIMENSION (another width), NOT_FINITE.
 */
mlsel_status mlsel_i_embedding_client_ask(embedding_client *client, const char *const *texts, size_t n, bool tries_once,
                                          size_t *width, float **out, bool *rejected, mlsel_error *err);

#endif
