/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "http_request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "curl_start.h"
#include "json.h"
#include "retry.h"
#include "sigpipe.h"
#include "train/train.h"
#include "url.h"

enum { MAX_HEADERS = 64 << 10, MAX_ERROR_BODY = 64 << 10, SAID = 160 };

static const long CONNECT_TIMEOUT_MS = 10000;

struct http_client {
    http_settings settings;
    CURL *curl;
    random_state random;
};

/* An attempt on its way. */
typedef struct http_attempt {
    http_client *client;
    const http_request *request;
    http_response *response;
    mlsel_error *err;
    mlsel_status status; /* of memory, limits and the sink */
    size_t capacity;     /* of the body */
    bool is_cancelled;
} http_attempt;

/* --- what libcurl calls ------------------------------------------------------------------------------------------- */

static bool grow(http_attempt *a, char **block, size_t used, size_t *capacity, size_t more) {
    if (*block != NULL && used + more + 1 <= *capacity)
        return true;
    size_t larger = 2 * *capacity;
    if (larger < used + more + 1)
        larger = used + more + 1;
    char *moved = mlsel_i_resize(*block, *block != NULL ? used : 0, larger, 1);
    if (moved == NULL) {
        a->status = mlsel_i_no_memory(a->err);
        return false;
    }
    *block = moved;
    *capacity = larger;
    return true;
}

static bool is_success(long status) { return status >= 200 && status <= 299; }

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    http_attempt *a = user;
    http_response *r = a->response;
    const size_t n = size * count;
    curl_easy_getinfo(a->client->curl, CURLINFO_RESPONSE_CODE, &r->status);
    if (is_success(r->status) && a->request->sink != NULL) {
        a->status = a->request->sink(r, data, n, a->request->sink_user, a->err);
        return a->status == MLSEL_OK ? n : CURL_WRITEFUNC_ERROR;
    }
    if (!is_success(r->status) && r->size + n > MAX_ERROR_BODY)
        return n; /* enough to say what is wrong */
    if (n > a->client->settings.max_body - r->size) {
        char shown[160];
        a->status = mlsel_i_fail(a->err, MLSEL_ERROR_LIMIT, "%s: the answer is larger than %zu bytes",
                                 mlsel_i_http_shown(a->client, a->request->url, shown, sizeof shown),
                                 a->client->settings.max_body);
        return CURL_WRITEFUNC_ERROR;
    }
    if (!grow(a, &r->body, r->size, &a->capacity, n))
        return CURL_WRITEFUNC_ERROR;
    memcpy(r->body + r->size, data, n);
    r->size += n;
    r->body[r->size] = '\0';
    return n;
}

static size_t on_header(char *data, size_t size, size_t count, void *user) {
    http_attempt *a = user;
    http_response *r = a->response;
    const size_t n = size * count;
    size_t length = n;
    if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
        r->headers_size = 0; /* those before were of an interim answer */
    while (length > 0 && (data[length - 1] == '\r' || data[length - 1] == '\n'))
        length--;
    if (length == 0 || memchr(data, '\0', length) != NULL || r->headers_size + length + 2 > MAX_HEADERS)
        return n;
    char *larger = mlsel_i_resize(r->headers, r->headers_size, r->headers_size + length + 2, 1);
    if (larger == NULL) {
        a->status = mlsel_i_no_memory(a->err);
        return 0;
    }
    r->headers = larger;
    memcpy(larger + r->headers_size, data, length);
    larger[r->headers_size + length] = '\0';
    r->headers_size += length + 1;
    larger[r->headers_size] = '\0';
    return n;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now) {
    http_attempt *a = user;
    const http_settings *s = &a->client->settings;
    (void)total, (void)now, (void)upload_total, (void)upload_now;
    a->is_cancelled = a->is_cancelled || (s->is_cancelled != NULL && s->is_cancelled(s->user));
    return a->is_cancelled;
}

const char *mlsel_i_http_header(const http_response *response, const char *name) {
    const size_t size = strlen(name);
    const char *line = response->headers;
    for (; line != NULL && line < response->headers + response->headers_size; line += strlen(line) + 1)
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            const char *value = line + size + 1;
            return value + strspn(value, " \t");
        }
    return NULL;
}

/* --- what went wrong ---------------------------------------------------------------------------------------------- */

/* What an object says under one of the names that servers use, also one level deeper. */
static const char *said_in(const cJSON *node) {
    static const char *const names[] = {"message", "error", "detail", "error_description"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names) && node != NULL; i++) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(node, names[i]);
        if (cJSON_IsString(member))
            return member->valuestring;
        if (cJSON_IsObject(member)) {
            const cJSON *inner = cJSON_GetObjectItemCaseSensitive(member, "message");
            if (cJSON_IsString(inner))
                return inner->valuestring;
        }
    }
    return NULL;
}

/* The server's own words, ": ..." cut to size; "" if it said nothing of use. */
static void describe(const http_client *c, const http_response *r, char *out, size_t size) {
    json_document *doc = NULL;
    const char *said = mlsel_i_http_header(r, "X-Error-Message");
    if (said == NULL && r->size > 0 && mlsel_i_json_parse(r->body, r->size, NULL, NULL, &doc, NULL) == MLSEL_OK)
        said = said_in(mlsel_i_json_root(doc));
    if (said == NULL && doc == NULL && r->size > 0 && r->body[0] != '<' && r->body[0] != '{')
        said = r->body;
    out[0] = '\0';
    if (said != NULL && said[0] != '\0') {
        char *const text = out + 2;
        memcpy(out, ": ", 2);
        if (!mlsel_i_secrets_copy(c->settings.secrets, SECRET_MIN_SIZE, said, text, size - 2 - 3))
            memcpy(text + strlen(text), "...", 4);
        text[strcspn(text, "\r\n")] = '\0';
    }
    mlsel_i_json_free(doc);
}

const char *mlsel_i_http_shown(const http_client *client, const char *url, char *out, size_t size) {
    return mlsel_i_url_shown_without(client->settings.secrets, url, out, size);
}

static mlsel_status fail_status(const http_client *c, const http_request *request, http_response *r, mlsel_error *err) {
    char shown[160], said[SAID];
    const char *after = mlsel_i_http_header(r, "Retry-After");
    curl_off_t seconds = 0;
    mlsel_i_http_shown(c, request->url, shown, sizeof shown);
    describe(c, r, said, sizeof said);
    r->may_retry = mlsel_i_retry_status(r->status);
    if (after != NULL && curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        r->retry_after = (double)seconds;
    if (r->retry_after > RETRY_LONGEST_ASKED)
        r->may_retry = false;
    if (r->status < 400)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)r->status,
                                   "%s answered %ld, which leads elsewhere: give the address that it leads to", shown,
                                   r->status);
    if (r->status == 429 && !r->may_retry)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, 429, "%s answered 429 and asks to come back in %lld seconds%s",
                                   shown, (long long)seconds, said);
    return mlsel_i_fail_detail(err, r->status == 404 ? MLSEL_ERROR_NOT_FOUND : MLSEL_ERROR_IO, (uint64_t)r->status,
                               "%s answered %ld%s", shown, r->status, said);
}

static mlsel_status fail_transport(const http_attempt *a, CURLcode code, mlsel_error *err) {
    char shown[160];
    http_response *r = a->response;
    mlsel_i_http_shown(a->client, a->request->url, shown, sizeof shown);
    if (a->is_cancelled)
        return mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
    if (a->status != MLSEL_OK) /* err is filled */
        return a->status;
    if (code == CURLE_OUT_OF_MEMORY)
        return mlsel_i_no_memory(err);
    r->may_retry = mlsel_i_retry_transport((int)code);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s is no address of http or https", shown);
    case CURLE_COULDNT_RESOLVE_HOST:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: there is no such host, or no name server answers", shown);
    case CURLE_COULDNT_CONNECT:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: no connection: is the server running there?", shown);
    case CURLE_OPERATION_TIMEDOUT:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: no answer in time", shown);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: the connection broke off before the answer was complete", shown);
    case CURLE_PEER_FAILED_VERIFICATION:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: the server's certificate cannot be trusted", shown);
    default:
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: %s", shown, curl_easy_strerror(code));
    }
}

/* --- the client --------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_http_open(const http_settings *settings, http_client **out, mlsel_error *err) {
    *out = NULL;
    const mlsel_status status = mlsel_i_curl_start(err);
    if (status != MLSEL_OK)
        return status;
    http_client *c = mlsel_i_calloc(1, sizeof *c);
    if (c == NULL)
        return mlsel_i_no_memory(err);
    c->settings = *settings;
    mlsel_i_random_seed(&c->random, mlsel_i_retry_seed(), 0);
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        mlsel_i_free(c);
        return mlsel_i_no_memory(err); /* libcurl has started: nothing else can be missing */
    }
    *out = c;
    return mlsel_i_ok(err);
}

void mlsel_i_http_close(http_client *client) {
    if (client == NULL)
        return;
    sigpipe_guard guard;
    mlsel_i_sigpipe_hold(&guard);
    curl_easy_cleanup(client->curl);
    mlsel_i_sigpipe_release(&guard);
    mlsel_i_free(client);
}

void mlsel_i_http_free(http_response *response) {
    mlsel_i_free(response->body);
    mlsel_i_free(response->headers);
    *response = (http_response){0};
}

static long milliseconds(double seconds) { return seconds > 0 ? (long)(seconds * 1e3) + 1 : 0; }

static bool set_protocols(CURL *curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

static bool set_options(CURL *curl, http_attempt *a, struct curl_slist *headers) {
    const http_settings *s = &a->client->settings;
    const http_request *r = a->request;
    bool ok = set_protocols(curl) && curl_easy_setopt(curl, CURLOPT_URL, r->url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(s->timeout_s));
    if (s->stall_s > 0) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (milliseconds(s->stall_s) + 999) / 1000);
    }
    if (s->ca_path != NULL)
        ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_path) == CURLE_OK;
    if (strcmp(r->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (strcmp(r->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_size);
        ok = ok && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body) == CURLE_OK;
    }
    return ok;
}

/* The request's headers, and none that libcurl would add to a POST. NULL: no memory. */
static struct curl_slist *make_headers(const http_request *r) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < r->n_headers && list != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(list, r->headers[i]);
        if (longer == NULL)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

mlsel_status mlsel_i_http_try(http_client *client, const http_request *request, http_response *out, mlsel_error *err) {
    http_attempt a = {.client = client, .request = request, .response = out, .err = err};
    *out = (http_response){0};
    struct curl_slist *headers = make_headers(request);
    if (headers == NULL)
        return mlsel_i_no_memory(err);
    curl_easy_reset(client->curl); /* connections stay */
    mlsel_status status;
    if (!set_options(client->curl, &a, headers)) {
        status = mlsel_i_no_memory(err);
    } else {
        sigpipe_guard guard;
        mlsel_i_sigpipe_hold(&guard);
        const CURLcode code = curl_easy_perform(client->curl);
        mlsel_i_sigpipe_release(&guard);
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &out->status);
        if (code != CURLE_OK)
            status = fail_transport(&a, code, err);
        else if (is_success(out->status) || (request->takes_redirect && out->status >= 300 && out->status <= 399))
            status = mlsel_i_ok(err);
        else
            status = fail_status(client, request, out, err);
    }
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return status;
}

mlsel_status mlsel_i_http_wait(http_client *client, uint32_t attempt, const http_response *failed, mlsel_error *err) {
    const http_settings *s = &client->settings;
    const double slice = 0.1;
    double left = mlsel_i_retry_wait(&client->random, attempt, s->retry_wait_s, failed->retry_after);
    if (s->on_retry != NULL)
        s->on_retry(err != NULL ? err->message : "", left, s->user);
    while (left > 0) {
        if (s->is_cancelled != NULL && s->is_cancelled(s->user))
            return mlsel_i_fail(err, MLSEL_ERROR_CANCELLED, "cancelled");
        const double now = left < slice ? left : slice;
        const struct timespec t = {.tv_nsec = (long)(now * 1e9)};
        (void)nanosleep(&t, NULL);
        left -= now;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_http_insist(http_client *client, http_step step, const void *user, http_response *out,
                                 mlsel_error *err) {
    mlsel_error own;
    if (err == NULL)
        err = &own;
    for (uint32_t i = 1;; i++) {
        const mlsel_status status = step(client, user, out, err);
        if (status == MLSEL_OK || !out->may_retry || i > client->settings.retries)
            return status;
        const http_response failed = {.retry_after = out->retry_after};
        mlsel_i_http_free(out);
        const mlsel_status waited = mlsel_i_http_wait(client, i, &failed, err);
        if (waited != MLSEL_OK)
            return waited;
    }
}

static mlsel_status try_request(http_client *client, const void *user, http_response *out, mlsel_error *err) {
    return mlsel_i_http_try(client, user, out, err);
}

mlsel_status mlsel_i_http_send(http_client *client, const http_request *request, http_response *out, mlsel_error *err) {
    return mlsel_i_http_insist(client, try_request, request, out, err);
}
