/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to a router: what one line of JSON and the options of the command ask together.
 */
#ifndef MLSEL_TOOL_REQUEST_H
#define MLSEL_TOOL_REQUEST_H

#include "args.h"
#include "input.h"
#include "tradeoff.h"

/* Names that grow one by one. */
typedef struct name_list {
    const char **names;
    size_t count;
    size_t capacity;
} name_list;

/* What every request has, from the options; texts are those of the arguments or in `owned`. */
typedef struct request_base {
    const char *category; /* of requests that name none */
    mlsel_signal *signals;
    size_t signal_count;
    size_t signal_capacity;
    name_list unavailable;
    name_list allowed;
    name_list owned; /* copies that the lists point into */
    tradeoff_options tradeoff;
} request_base;

/* A request with the arrays that it points to, which are kept for the next one. */
typedef struct request {
    mlsel_request given;
    mlsel_signal *signals;
    size_t signal_capacity;
    name_list unavailable;
    name_list allowed;
    mlsel_tradeoff tradeoff;
    mlsel_price *prices;
} request;

/* --signal TYPE=NAME. On failure false, everything printed. */
bool request_add_signal(request_base *base, const args *a, const char *value);
/* A list of names with commas between them. */
void request_add_names(request_base *base, name_list *list, const char *value);
void request_base_free(request_base *base);

/*
 * Puts a request together; it points into the query, the chunk and the base. On failure false, and `problem` is set
 * without the place.
 */
bool request_make(request *out, const request_base *base, const chunk *c, const query *q, failure *problem);
void request_free(request *r);

#endif
