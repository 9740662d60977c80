/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's addresses, its lists of files and its refusals. */
#ifndef MLSEL_COLLECT_HUB_H
#define MLSEL_COLLECT_HUB_H

#include "download.h"
#include "http_request.h"

typedef struct hub {
    const mlsel_download_options *options;
    http_client *http;
    char *authorization; /* the whole header; NULL: no token */
} hub;

/* What is known of a file before it is fetched. */
typedef struct hub_file {
    char *url;     /* where it is, a redirect to elsewhere not followed */
    uint64_t size; /* 0 with has_size false: not known */
    bool has_size;
    char sha256[65];  /* "": not known */
    char version[65]; /* tells versions of the file apart, in characters for a file's name; "": not known */
} hub_file;

typedef struct hub_list {
    char **names;
    size_t n, capacity;
} hub_list;
void mlsel_i_hub_list_free(hub_list *list);

/* INVALID_ARGUMENT: a name that is none, or would leave a folder. */
mlsel_status mlsel_i_hub_check_repository(const char *repository, mlsel_error *err);
mlsel_status mlsel_i_hub_check_file(const char *name, mlsel_error *err);

/* Names of all files of the repository. */
mlsel_status mlsel_i_hub_list(const hub *h, hub_list *out, mlsel_error *err);
/* Asks about a file. out->url is to be freed with mlsel_i_free. */
mlsel_status mlsel_i_hub_look_up(const hub *h, const char *name, hub_file *out, mlsel_error *err);

/*
 * A request to `url`, with the token if that is the hub's, redirects followed likewise; one attempt. The request's url
 * and headers are set here; `extra` is one more header, or NULL. What the hub refuses is put into words; `what` is
 * asked for, as in "knn_model.json".
 */
mlsel_status mlsel_i_hub_get(const hub *h, const char *what, http_request *request, const char *url, const char *extra,
                             http_response *out, mlsel_error *err);

#endif
