/* SPDX-License-Identifier: Apache-2.0 */
#include "embedding_client.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http_url.h"
#include "json.h"
#include "json_write.h"
#include "url.h"

enum {
    MAX_BODY = 64 << 20,
    MAX_WIDTH = 1 << 20,
    CONTENT_ATTEMPTS = 2 /* for an answer that makes no sense */
};

struct embedding_client {
    http_client *http;
    http_settings settings;
    secret_list secrets;
    char *url, *model;
    char *authorization; /* the whole header; NULL: none */
    char *shown;         /* the address in messages */
    char *ca_path;       /* NULL: the system's */
    size_t dimensions;
};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static char *joined(const char *a, const char *b) {
    const size_t size = strlen(a) + strlen(b) + 1;
    char *text = mlsel_i_alloc(size, 1);
    if (text != NULL)
        snprintf(text, size, "%s%s", a, b);
    return text;
}

static mlsel_status take_key(embedding_client *c, const char *key, mlsel_error *err) {
    if (key == NULL)
        return MLSEL_OK;
    for (const char *at = key; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "the API key has a blank or another character that no key has at position %zu",
                                (size_t)(at - key) + 1);
    c->authorization = joined("Authorization: Bearer ", key);
    return c->authorization != NULL && mlsel_i_secrets_add(&c->secrets, key) ? MLSEL_OK : mlsel_i_no_memory(err);
}

mlsel_status mlsel_i_embedding_client_open(const embedding_server *server, embedding_client **out, mlsel_error *err) {
    char shown[160];
    *out = NULL;
    mlsel_status status = mlsel_i_url_check("the embedding endpoint", server->endpoint, err);
    if (status != MLSEL_OK)
        return status;
    embedding_client *c = mlsel_i_calloc(1, sizeof *c);
    if (c == NULL)
        return mlsel_i_no_memory(err);
    if ((status = mlsel_i_http_url_below(server->endpoint, "/embeddings", &c->url, err)) != MLSEL_OK)
        goto out;
    c->model = mlsel_i_strndup(server->model, strlen(server->model));
    mlsel_i_url_shown(c->url, shown, sizeof shown);
    c->shown = mlsel_i_strndup(shown, strlen(shown));
    c->dimensions = server->dimensions;
    c->settings = server->http;
    c->settings.max_body = MAX_BODY;
    c->settings.secrets = &c->secrets;
    const char *const ca_path = server->http.ca_path;
    if (ca_path != NULL)
        c->settings.ca_path = c->ca_path = mlsel_i_strndup(ca_path, strlen(ca_path));
    const bool has_all = c->model != NULL && c->shown != NULL && (ca_path == NULL || c->ca_path != NULL);
    status = has_all ? take_key(c, server->api_key, err) : mlsel_i_no_memory(err);
    if (status == MLSEL_OK)
        status = mlsel_i_http_open(&c->settings, &c->http, err);
out:
    if (status == MLSEL_OK)
        *out = c;
    else
        mlsel_i_embedding_client_close(c);
    return status;
}

void mlsel_i_embedding_client_close(embedding_client *client) {
    if (client == NULL)
        return;
    mlsel_i_http_close(client->http);
    mlsel_i_secrets_free(&client->secrets);
    mlsel_i_free(client->url);
    mlsel_i_free(client->model);
    mlsel_i_free(client->authorization);
    mlsel_i_free(client->shown);
    mlsel_i_free(client->ca_path);
    mlsel_i_free(client);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static mlsel_status write_request(const embedding_client *c, const char *const *texts, size_t n, json_writer *w,
                                  mlsel_error *err) {
    *w = (json_writer){.err = err};
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "model");
    mlsel_i_write_string(w, c->model);
    mlsel_i_write_key(w, "input");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < n; i++)
        mlsel_i_write_string(w, texts[i]);
    mlsel_i_write_close(w, ']');
    if (c->dimensions > 0) {
        mlsel_i_write_key(w, "dimensions");
        mlsel_i_write_count(w, c->dimensions);
    }
    mlsel_i_write_key(w, "encoding_format");
    mlsel_i_write_string(w, "float");
    mlsel_i_write_close(w, '}');
    return mlsel_i_write_end(w);
}

static bool is_embedding(const char *key, size_t size) { return size == 9 && memcmp(key, "embedding", 9) == 0; }

/* Which of the n texts an element is about. */
static mlsel_status read_index(const embedding_client *c, const cJSON *element, size_t place, const bool *seen,
                               size_t n, size_t *out, mlsel_error *err) {
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(element, "index");
    if (index == NULL) { /* some servers leave it out and keep the order */
        *out = place;
    } else {
        const double value = cJSON_IsNumber(index) ? index->valuedouble : -1;
        if (!(value >= 0 && value < (double)n) || value != floor(value))
            return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: $.data[%zu].index is not one of the %zu texts asked for",
                                c->shown, place, n);
        *out = (size_t)value;
    }
    if (seen[*out])
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: $.data[%zu]: text %zu is answered twice", c->shown, place,
                            *out);
    return MLSEL_OK;
}

static mlsel_status check_values(const embedding_client *c, const json_document *doc, const cJSON *element,
                                 size_t place, const size_t *width, const json_array **out, mlsel_error *err) {
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(element, "embedding");
    const json_array *values = node != NULL ? mlsel_i_json_array(doc, node) : NULL;
    if (values == NULL && cJSON_IsString(node))
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA,
                            "%s: $.data[%zu].embedding is text, maybe base64: the server ignores encoding_format float",
                            c->shown, place);
    if (values != NULL && values->defect == JSON_DEFECT_RANGE)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_FINITE, "%s: $.data[%zu].embedding[%zu] is too large for a float",
                            c->shown, place, values->row);
    if (values == NULL || values->rank != 1 || values->defect != JSON_DEFECT_NONE || values->rows == 0 ||
        values->rows > MAX_WIDTH)
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: $.data[%zu].embedding is no list of numbers", c->shown,
                            place);
    if (*width > 0 && values->rows != *width)
        return mlsel_i_fail(err, MLSEL_ERROR_DIMENSION, "%s: $.data[%zu].embedding has %zu values, expected %zu",
                            c->shown, place, values->rows, *width);
    *out = values;
    return MLSEL_OK;
}

static mlsel_status read_elements(const embedding_client *c, const json_document *doc, const cJSON *data, bool *seen,
                                  size_t n, size_t *width, float **out, mlsel_error *err) {
    size_t place = 0;
    const cJSON *element;
    cJSON_ArrayForEach (element, data) {
        const json_array *values = NULL;
        size_t index = 0;
        mlsel_status status = read_index(c, element, place, seen, n, &index, err);
        if (status == MLSEL_OK)
            status = check_values(c, doc, element, place, width, &values, err);
        if (status != MLSEL_OK)
            return status;
        if (*out == NULL) {
            *width = values->rows;
            *out = mlsel_i_alloc(n, *width * sizeof **out);
            if (*out == NULL)
                return mlsel_i_no_memory(err);
        }
        memcpy(*out + index * *width, values->data, *width * sizeof **out);
        seen[index] = true;
        place++;
    }
    return MLSEL_OK;
}

static mlsel_status read_answer(const embedding_client *c, const http_response *r, size_t n, size_t *width, float **out,
                                mlsel_error *err) {
    json_document *doc = NULL;
    const size_t wished = *width;
    bool *seen = mlsel_i_calloc(n, sizeof *seen);
    *out = NULL;
    mlsel_status status = seen != NULL ? mlsel_i_secrets_parse_json(&c->secrets, r->body != NULL ? r->body : "",
                                                                    r->size, is_embedding, &doc, err)
                                       : mlsel_i_no_memory(err);
    if (status != MLSEL_OK) {
        if (status != MLSEL_ERROR_NO_MEMORY) {
            mlsel_i_error_prefix(err, ": no sensible answer: ");
            mlsel_i_error_prefix(err, c->shown);
        }
        goto out;
    }
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(mlsel_i_json_root(doc), "data");
    if (!cJSON_IsArray(data)) {
        status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA,
                              "%s: the answer has no list \"data\" of embeddings: is this an OpenAI-compatible server?",
                              c->shown);
        goto out;
    }
    if ((size_t)cJSON_GetArraySize(data) != n) {
        status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%s: %d embeddings came for %zu texts", c->shown,
                              cJSON_GetArraySize(data), n);
        goto out;
    }
    status = read_elements(c, doc, data, seen, n, width, out, err);
out:
    mlsel_i_json_free(doc);
    mlsel_i_free(seen);
    if (status != MLSEL_OK) {
        mlsel_i_free(*out);
        *out = NULL;
        *width = wished;
    }
    return status;
}

static bool is_about_texts(long status) { return status == 400 || status == 413 || status == 422 || status == 500; }

mlsel_status mlsel_i_embedding_client_ask(embedding_client *client, const char *const *texts, size_t n, bool tries_once,
                                          size_t *width, float **out, bool *rejected, mlsel_error *err) {
    const char *headers[] = {"Content-Type: application/json", "Accept: application/json", client->authorization};
    json_writer body;
    http_response response = {0};
    mlsel_error own;
    if (err == NULL)
        err = &own;
    *out = NULL;
    if (rejected != NULL)
        *rejected = false;
    mlsel_status status = write_request(client, texts, n, &body, err);
    const http_request request = {.method = "POST",
                                  .url = client->url,
                                  .body = body.text,
                                  .body_size = body.size,
                                  .headers = headers,
                                  .n_headers = client->authorization != NULL ? 3 : 2};
    for (int i = 0; status == MLSEL_OK; i++) {
        status = tries_once ? mlsel_i_http_try(client->http, &request, &response, err)
                            : mlsel_i_http_send(client->http, &request, &response, err);
        if (status != MLSEL_OK) {
            if (rejected != NULL)
                *rejected = is_about_texts(response.status);
            break;
        }
        status = read_answer(client, &response, n, width, out, err);
        mlsel_i_http_free(&response);
        if (status == MLSEL_OK || status == MLSEL_ERROR_NO_MEMORY)
            break;
        if (rejected != NULL)
            *rejected = true;
        if (tries_once || i + 1 >= CONTENT_ATTEMPTS || status == MLSEL_ERROR_DIMENSION)
            break;
        status = MLSEL_OK;
    }
    mlsel_i_http_free(&response);
    mlsel_i_write_free(&body);
    return status;
}
