/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests side by side: a fixed number of places in one curl multi handle, each with a handle of its own that is
 * used again and again, so that connections stay open.
 */
#ifndef MLSEL_COLLECT_CLIENT_H
#define MLSEL_COLLECT_CLIENT_H

#include <curl/curl.h>

#include "json_write.h"

typedef struct client client;

typedef struct client_options {
    uint32_t places; /* requests at a time */
    double timeout_s, connect_timeout_s;
    size_t max_body;     /* of an answer */
    const char *ca_path; /* NULL: the system's */
} client_options;

/* A place for one request. */
typedef struct client_place {
    CURL *easy;
    json_writer body; /* of the request, to be filled before the start */
    char *data;       /* of the answer, zero-terminated */
    size_t size, capacity, max;
    bool is_too_large, no_memory;
    char error[CURL_ERROR_SIZE];
    void *user; /* whatever the caller wants to know again */
    struct client_place *next;
} client_place;

/* What came of a request. */
typedef struct client_result {
    client_place *place; /* data and size are the body of the answer */
    CURLcode code;
    long status;          /* HTTP's; 0: no answer */
    double total_s;       /* from when the connection was ready to the last byte */
    double first_byte_s;  /* likewise to the first byte of the answer */
    double retry_after_s; /* what the server asks for; 0: nothing */
} client_result;

/* NO_MEMORY, UNSUPPORTED. Whether ca_path can be read shows with the first connection. */
mlsel_status mlsel_i_client_create(const client_options *options, client **out, mlsel_error *err);
/* Cuts off what is on its way. */
void mlsel_i_client_free(client *c);

/* A free place with an empty body, or NULL: all are taken. */
client_place *mlsel_i_client_take(client *c);
/* Sends a POST of the place's body. url is copied, headers must live until the result. */
mlsel_status mlsel_i_client_start(client *c, client_place *place, const char *url, struct curl_slist *headers,
                                  mlsel_error *err);
/* Moves all requests on, after waiting until something happens, but not longer than that. */
mlsel_status mlsel_i_client_wait(client *c, int milliseconds, mlsel_error *err);
/* The next request that has come to an end; false: none has. */
bool mlsel_i_client_next(client *c, client_result *out);
/* Gives a place back, with what its answer held. */
void mlsel_i_client_give_back(client *c, client_place *place);
/* Ends a wait from another thread. */
void mlsel_i_client_wake(client *c);

#endif
