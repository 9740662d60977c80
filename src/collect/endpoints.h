/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models to ask, and where they are.
 *
 * models.yaml:
 *     models:
 *       - name: llama-3.2-1b                    # required; what the server is asked for
 *         endpoint: http://localhost:8000/v1    # else the default; "/chat/completions" is added
 *         api_key: ${OPENAI_API_KEY}            # sent as "Authorization: Bearer ..."
 *         headers: {X-Team: "${TEAM}"}
 *         max_tokens: 1024
 *         temperature: 0.0
 *         input_price: 0.15                     # for a million tokens, in any currency that all prices have
 *         output_price: 0.60
 *         concurrency: 8                        # requests at a time
 * ${NAME} in api_key and header values is the environment's; one that is not set is an error.
 */
#ifndef MLSEL_COLLECT_ENDPOINTS_H
#define MLSEL_COLLECT_ENDPOINTS_H

#include "config/arena.h"
#include "secrets.h"

typedef struct endpoint {
    const char *name;
    const char *url;            /* of the requests */
    const char *authorization;  /* value of the header; NULL: none */
    const char *const *headers; /* [n_headers] whole lines, as in "X-Team: a" */
    size_t n_headers;
    uint64_t max_tokens;
    double temperature;
    double input_price, output_price; /* for a million tokens; NaN: unknown */
    uint32_t concurrency;             /* 0: as for all */
} endpoint;

typedef struct endpoint_list {
    endpoint *items;
    size_t n;
    secret_list secrets; /* keys and values of headers */
    config_arena *arena;
} endpoint_list;

/* What a model has that the configuration gives nothing else, and who hears of what is remarkable. */
typedef struct endpoint_defaults {
    const char *url;
    uint64_t max_tokens;
    double temperature;
    void (*warn)(const char *message, void *user); /* may be NULL */
    void *user;
} endpoint_defaults;

enum { ENDPOINTS_MAX = 4096 };

/* Reads a configuration; `models` (may be NULL) are the names to keep, with commas between. Messages have the place in
 * the file. After a failure there is nothing to free. */
mlsel_status mlsel_i_endpoints_read(const char *path, const char *models, const endpoint_defaults *defaults,
                                    endpoint_list *out, mlsel_error *err);
/* The same from memory. */
mlsel_status mlsel_i_endpoints_parse(const char *text, size_t size, const char *name, const char *models,
                                     const endpoint_defaults *defaults, endpoint_list *out, mlsel_error *err);
/* Models without a configuration, names with commas between. */
mlsel_status mlsel_i_endpoints_named(const char *models, const endpoint_defaults *defaults, endpoint_list *out,
                                     mlsel_error *err);
void mlsel_i_endpoints_free(endpoint_list *list);

#endif
