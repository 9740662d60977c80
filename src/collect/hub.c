/* SPDX-License-Identifier: Apache-2.0 */
#include "hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "url.h"

enum { MAX_REDIRECTS = 10, MAX_PAGES = 1000, MAX_URL = 4096, MAX_NAME = 1024 };

void mlsel_i_hub_list_free(hub_list *list) {
    for (size_t i = 0; i < list->n; i++)
        mlsel_i_free(list->names[i]);
    mlsel_i_free(list->names);
    *list = (hub_list){0};
}

/* --- names -------------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_hub_check_file(const char *name, mlsel_error *err) {
    const size_t length = strlen(name);
    bool ok =
        length > 0 && length < MAX_NAME && name[0] != '/' && name[length - 1] != '/' && strchr(name, '\\') == NULL;
    for (const char *part = name; ok; part = strchr(part, '/') + 1) {
        const size_t size = strcspn(part, "/");
        ok = size > 0 && !(size == 1 && part[0] == '.') && !(size == 2 && part[0] == '.' && part[1] == '.');
        for (size_t i = 0; i < size && ok; i++)
            ok = (unsigned char)part[i] >= ' ' && part[i] != 0x7f;
        if (part[size] == '\0')
            break;
    }
    if (ok)
        return MLSEL_OK;
    return mlsel_i_fail(
        err, MLSEL_ERROR_INVALID_ARGUMENT,
        "\"%s\" is no name of a file in a repository: expected one as in knn_model.json or data/a.jsonl", name);
}

mlsel_status mlsel_i_hub_check_repository(const char *repository, mlsel_error *err) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    const char *slash = strchr(repository, '/');
    const char *name = slash != NULL ? slash + 1 : repository;
    const size_t owner = slash != NULL ? (size_t)(slash - repository) : 1;
    if (owner > 0 && (slash == NULL || strspn(repository, plain) == owner) && name[0] != '\0' &&
        name[strspn(name, plain)] == '\0' && repository[0] != '.' && name[0] != '.')
        return MLSEL_OK;
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "\"%s\" is no repository: expected OWNER/NAME, as in %s",
                        repository, MLSEL_HUB_MODELS);
}

/* HUB/[datasets/]REPOSITORY/resolve/REVISION/NAME, or for lists HUB/api/models/REPOSITORY/tree/REVISION. */
static char *make_url(const mlsel_download_options *o, const char *name, mlsel_error *err) {
    char *url = mlsel_i_alloc(MAX_URL, 1);
    if (url == NULL) {
        (void)mlsel_i_no_memory(err);
        return NULL;
    }
    const bool is_data = o->kind == MLSEL_DOWNLOAD_DATA;
    size_t end = strlen(o->hub);
    while (end > 0 && o->hub[end - 1] == '/')
        end--;
    const char *part = name != NULL ? (is_data ? "/datasets/" : "/") : is_data ? "/api/datasets/" : "/api/models/";
    const int begin = snprintf(url, MAX_URL, "%.*s%s", (int)end, o->hub, part);
    size_t used = begin > 0 ? (size_t)begin : 0;
    bool ok = used > 0 && used < MAX_URL && mlsel_i_url_append(url, MAX_URL, &used, o->repository, true);
    const char *verb = name != NULL ? "/resolve/" : "/tree/";
    ok = ok && mlsel_i_url_append(url, MAX_URL, &used, verb, true) &&
         mlsel_i_url_append(url, MAX_URL, &used, o->revision, false);
    if (name != NULL)
        ok = ok && mlsel_i_url_append(url, MAX_URL, &used, "/", true) &&
             mlsel_i_url_append(url, MAX_URL, &used, name, true);
    else if (ok && used + 16 < MAX_URL)
        memcpy(url + used, "?recursive=true", 16);
    if (ok)
        return url;
    mlsel_i_free(url);
    (void)mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the address of %s is too long",
                       name != NULL ? name : o->repository);
    return NULL;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static bool says(const http_response *r, const char *code) {
    const char *given = mlsel_i_http_header(r, "X-Error-Code");
    return given != NULL && strcmp(given, code) == 0;
}

static mlsel_status explain(const hub *h, const char *what, const http_response *r, mlsel_status status,
                            mlsel_error *err) {
    const mlsel_download_options *o = h->options;
    const bool has_token = h->authorization != NULL;
    if (r->status == 401)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, 401,
                                   has_token
                                       ? "%s of %s: the hub does not accept the token, or has no such repository"
                                       : "%s of %s: the hub asks for a token (HF_TOKEN): the repository is private, "
                                         "or there is none of that name",
                                   what, o->repository);
    if (r->status == 403)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, 403,
                                   has_token
                                       ? "%s of %s: no access with this token: it lacks the right to read, or the "
                                         "owner's conditions are to be accepted on the repository's page first"
                                       : "%s of %s: no access without a token (HF_TOKEN)",
                                   what, o->repository);
    if (r->status != 404)
        return status;
    if (says(r, "RevisionNotFound"))
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FOUND, 404, "%s has no revision \"%s\"", o->repository,
                                   o->revision);
    if (says(r, "EntryNotFound"))
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FOUND, 404, "%s has no file %s at revision %s", o->repository,
                                   what, o->revision);
    return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FOUND, 404,
                               "%s of %s, revision %s: the hub has no such repository, revision or file", what,
                               o->repository, o->revision);
}

static mlsel_status follow(const hub *h, const char *from, const http_response *r, char **to, mlsel_error *err) {
    char shown[160];
    const char *location = mlsel_i_http_header(r, "Location");
    *to = NULL;
    if (location != NULL && !mlsel_i_url_resolve(from, location, to))
        return mlsel_i_no_memory(err);
    if (*to == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s answered %ld without an address to go to",
                            mlsel_i_http_shown(h->http, from, shown, sizeof shown), r->status);
    if (strncmp(from, "https:", 6) == 0 && strncmp(*to, "https:", 6) != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s leads to an address without encryption",
                            mlsel_i_http_shown(h->http, from, shown, sizeof shown));
    return MLSEL_OK;
}

/* One request without following. */
static mlsel_status request_once(const hub *h, const char *what, http_request *request, const char *url,
                                 const char *extra, http_response *out, mlsel_error *err) {
    const bool is_hub = mlsel_i_url_same_origin(url, h->options->hub);
    const char *headers[3] = {"User-Agent: mlsel"};
    size_t n = 1;
    if (extra != NULL)
        headers[n++] = extra;
    if (is_hub && h->authorization != NULL)
        headers[n++] = h->authorization;
    request->url = url;
    request->headers = headers;
    request->n_headers = n;
    request->takes_redirect = true;
    const mlsel_status status = mlsel_i_http_try(h->http, request, out, err);
    request->headers = NULL;
    return status != MLSEL_OK && is_hub ? explain(h, what, out, status, err) : status;
}

mlsel_status mlsel_i_hub_get(const hub *h, const char *what, http_request *request, const char *url, const char *extra,
                             http_response *out, mlsel_error *err) {
    char *own = NULL;
    mlsel_status status = MLSEL_OK;
    for (int i = 0;; i++) {
        status = request_once(h, what, request, own != NULL ? own : url, extra, out, err);
        if (status != MLSEL_OK || out->status < 300)
            break;
        char *next = NULL;
        status = i < MAX_REDIRECTS ? follow(h, own != NULL ? own : url, out, &next, err)
                                   : mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: the hub leads in circles", what);
        mlsel_i_free(own);
        own = next;
        if (status != MLSEL_OK)
            break;
        mlsel_i_http_free(out);
    }
    mlsel_i_free(own);
    request->url = NULL;
    return status;
}

/* What is asked again where that may help. */
typedef struct hub_question {
    const hub *hub;
    const char *what, *url;
} hub_question;

/* --- lists -------------------------------------------------------------------------------------------------------- */

static mlsel_status get_page(http_client *client, const void *user, http_response *out, mlsel_error *err) {
    const hub_question *q = user;
    http_request request = {.method = "GET"};
    (void)client;
    return mlsel_i_hub_get(q->hub, q->what, &request, q->url, NULL, out, err);
}

static mlsel_status add_name(hub_list *list, const char *name, mlsel_error *err) {
    if (list->n == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        char **larger = mlsel_i_resize(list->names, list->n, capacity, sizeof *larger);
        if (larger == NULL)
            return mlsel_i_no_memory(err);
        list->names = larger;
        list->capacity = capacity;
    }
    list->names[list->n] = mlsel_i_strndup(name, strlen(name));
    if (list->names[list->n] == NULL)
        return mlsel_i_no_memory(err);
    list->n++;
    return MLSEL_OK;
}

static mlsel_status read_page(const hub *h, const http_response *r, hub_list *list, mlsel_error *err) {
    json_document *doc = NULL;
    const char *repository = h->options->repository;
    mlsel_status status = mlsel_i_json_parse(r->body != NULL ? r->body : "", r->size, NULL, NULL, &doc, err);
    const cJSON *root = status == MLSEL_OK ? mlsel_i_json_root(doc) : NULL, *entry;
    if (status == MLSEL_ERROR_NO_MEMORY)
        return status;
    if (status != MLSEL_OK || (!cJSON_IsArray(root) && mlsel_i_json_array(doc, root) == NULL)) {
        mlsel_i_json_free(doc);
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the hub's list of the files of %s makes no sense", repository);
    }
    cJSON_ArrayForEach (entry, root) {
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(entry, "type");
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(entry, "path");
        if (!cJSON_IsString(path) || (cJSON_IsString(type) && strcmp(type->valuestring, "file") != 0))
            continue;
        status = add_name(list, path->valuestring, err);
        if (status != MLSEL_OK)
            break;
    }
    mlsel_i_json_free(doc);
    return status;
}

/* Where the list goes on: "<address>; rel="next"" in the header Link. NULL: nowhere. */
static mlsel_status find_next_page(const char *url, const http_response *r, char **out, mlsel_error *err) {
    *out = NULL;
    const char *link = mlsel_i_http_header(r, "Link");
    for (; link != NULL && *link == '<'; link = strstr(link, ", <") != NULL ? strstr(link, ", <") + 2 : NULL) {
        const char *end = strchr(link, '>');
        const char *stop = strstr(link, ", <");
        const char *next = strstr(link, "rel=\"next\"");
        if (end == NULL || next == NULL || (stop != NULL && next > stop))
            continue;
        char *address = mlsel_i_strndup(link + 1, (size_t)(end - link - 1));
        const bool has_memory = address != NULL && mlsel_i_url_resolve(url, address, out);
        mlsel_i_free(address);
        return has_memory ? MLSEL_OK : mlsel_i_no_memory(err);
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_hub_list(const hub *h, hub_list *out, mlsel_error *err) {
    *out = (hub_list){0};
    char *url = make_url(h->options, NULL, err);
    if (url == NULL)
        return err != NULL ? err->code : MLSEL_ERROR_NO_MEMORY;
    mlsel_status status = MLSEL_OK;
    for (int page = 0; status == MLSEL_OK && url != NULL && page < MAX_PAGES; page++) {
        http_response response = {0};
        const hub_question question = {h, "the list of files", url};
        status = mlsel_i_http_insist(h->http, get_page, &question, &response, err);
        if (status == MLSEL_OK)
            status = read_page(h, &response, out, err);
        char *next = NULL;
        if (status == MLSEL_OK)
            status = find_next_page(url, &response, &next, err);
        mlsel_i_http_free(&response);
        mlsel_i_free(url);
        url = next;
    }
    mlsel_i_free(url);
    if (status != MLSEL_OK)
        mlsel_i_hub_list_free(out);
    return status;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Redirects within the hub are followed, one that leads away is the answer. */
static mlsel_status get_head(http_client *client, const void *user, http_response *out, mlsel_error *err) {
    const hub_question *q = user;
    http_request request = {.method = "HEAD"};
    char *own = NULL;
    mlsel_status status = MLSEL_OK;
    (void)client;
    for (int i = 0; i < MAX_REDIRECTS; i++) {
        status = request_once(q->hub, q->what, &request, own != NULL ? own : q->url, NULL, out, err);
        if (status != MLSEL_OK || out->status < 300)
            break;
        char *next = NULL;
        status = follow(q->hub, own != NULL ? own : q->url, out, &next, err);
        const bool leaves = next == NULL || !mlsel_i_url_same_origin(next, q->hub->options->hub);
        mlsel_i_free(own);
        own = next;
        if (leaves)
            break;
        mlsel_i_http_free(out);
    }
    mlsel_i_free(own);
    return status;
}

/* An ETag without its quotes and marks. */
static void plain_tag(const char *tag, char out[65]) {
    size_t n = 0;
    if (strncmp(tag, "W/", 2) == 0)
        tag += 2;
    for (; *tag != '\0' && n < 64; tag++)
        if ((*tag >= '0' && *tag <= '9') || (*tag >= 'a' && *tag <= 'z') || (*tag >= 'A' && *tag <= 'Z') || *tag == '-')
            out[n++] = *tag;
    out[n] = '\0';
}

static bool read_size(const char *text, uint64_t *out) {
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && (*end == '\0' || *end == ' ');
}

static void read_head(const http_response *r, hub_file *out) {
    const char *linked = mlsel_i_http_header(r, "X-Linked-Etag"), *tag = mlsel_i_http_header(r, "ETag");
    out->has_size = read_size(mlsel_i_http_header(r, "X-Linked-Size"), &out->size) ||
                    (r->status < 300 && read_size(mlsel_i_http_header(r, "Content-Length"), &out->size));
    if (linked != NULL)
        tag = linked;
    if (tag != NULL)
        plain_tag(tag, out->version);
    /* files in LFS have their SHA-256 as tag, others the SHA-1 of git's object */
    if (linked != NULL && strlen(out->version) == 64 && strspn(out->version, "0123456789abcdef") == 64)
        memcpy(out->sha256, out->version, sizeof out->sha256);
}

mlsel_status mlsel_i_hub_look_up(const hub *h, const char *name, hub_file *out, mlsel_error *err) {
    http_response response = {0};
    *out = (hub_file){0};
    out->url = make_url(h->options, name, err);
    if (out->url == NULL)
        return err != NULL ? err->code : MLSEL_ERROR_NO_MEMORY;
    const hub_question question = {h, name, out->url};
    mlsel_status status = mlsel_i_http_insist(h->http, get_head, &question, &response, err);
    if (status == MLSEL_OK)
        read_head(&response, out);
    else if (response.status == 405 || response.status == 501) /* a mirror of plain files: it is asked at once */
        status = MLSEL_OK;
    mlsel_i_http_free(&response);
    if (status != MLSEL_OK) {
        mlsel_i_free(out->url);
        out->url = NULL;
    }
    return status;
}
