/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request at a time, waited for, with connections kept open between requests and further attempts where they
 * may help. For many requests at once there is the benchmark's client.
 *
 * Messages name an address without user name, password and query, which may hold secrets, and never a header.
 */
#ifndef MLSEL_COLLECT_HTTP_REQUEST_H
#define MLSEL_COLLECT_HTTP_REQUEST_H

#include "internal.h"
#include "secrets.h"

typedef struct http_settings {
    double timeout_s;           /* of one attempt; 0: none */
    double stall_s;             /* an attempt in which nothing comes for so long has failed; 0: waits on */
    uint32_t retries;           /* attempts after the first */
    double retry_wait_s;        /* upper bound of the wait before the first of them, see retry.h */
    size_t max_body;            /* bytes of a body kept in memory; a larger one is a failure */
    const char *ca_path;        /* certificates to trust instead of the system's; NULL: those */
    const secret_list *secrets; /* what may not appear in messages, whoever says it; may be NULL */
    /* Asked several times a second: true ends everything with CANCELLED. May be NULL. */
    bool (*is_cancelled)(void *user);
    /* Told of an attempt that failed before the wait of so many seconds for the next. May be NULL. */
    void (*on_retry)(const char *message, double wait_s, void *user);
    void *user;
} http_settings;

typedef struct http_response {
    long status; /* 0: no answer came */
    char *body;  /* zero-terminated; NULL: none in memory */
    size_t size;
    char *headers; /* lines, each zero-terminated, and an empty one */
    size_t headers_size;
    bool may_retry;     /* after a failure: whether another attempt may help */
    double retry_after; /* seconds the server asked to wait; 0: it did not */
} http_response;

typedef struct http_request {
    const char *method; /* "GET", "HEAD" or "POST" */
    const char *url;
    const char *body; /* POST */
    size_t body_size;
    const char *const *headers; /* [n_headers] as in "Accept: text/plain" */
    size_t n_headers;
    bool takes_redirect; /* a 3xx is an answer; otherwise it is a failure */
    /* Receives the body of a 2xx instead of memory. A status that is not OK ends the request with it; `err` is then to
     * be filled. NULL: memory. */
    mlsel_status (*sink)(const http_response *response, const char *data, size_t size, void *user, mlsel_error *err);
    void *sink_user;
} http_request;

typedef struct http_client http_client;

/* settings is copied; what it points to must live as long as the client. NO_MEMORY, UNSUPPORTED. */
mlsel_status mlsel_i_http_open(const http_settings *settings, http_client **out, mlsel_error *err);
void mlsel_i_http_close(http_client *client);

/*
 * One attempt. out is to be freed in any case. Errors: IO (transport, or a status of 400 or more, which is
 * err->detail), NOT_FOUND (404), LIMIT (the body is too large), CANCELLED, INVALID_ARGUMENT (the address), NO_MEMORY,
 * those of sink.
 */
mlsel_status mlsel_i_http_try(http_client *client, const http_request *request, http_response *out, mlsel_error *err);
/* Waits after failed attempt `attempt`, from 1. CANCELLED. */
mlsel_status mlsel_i_http_wait(http_client *client, uint32_t attempt, const http_response *failed, mlsel_error *err);
/* One attempt of something, as mlsel_i_http_try. */
typedef mlsel_status (*http_step)(http_client *client, const void *user, http_response *out, mlsel_error *err);
/* Attempts until one succeeds, another would not help or there were enough. */
mlsel_status mlsel_i_http_insist(http_client *client, http_step step, const void *user, http_response *out,
                                 mlsel_error *err);
/* The same of a request without a sink. */
mlsel_status mlsel_i_http_send(http_client *client, const http_request *request, http_response *out, mlsel_error *err);
void mlsel_i_http_free(http_response *response);

/* An address as messages show it. Returns out. */
const char *mlsel_i_http_shown(const http_client *client, const char *url, char *out, size_t size);

/* Value of a header of a response, without blanks around; NULL: none. */
const char *mlsel_i_http_header(const http_response *response, const char *name);

#endif
