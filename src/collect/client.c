/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <string.h>

#include "curl_start.h"
#include "sigpipe.h"

enum { FIRST_BODY = 4096, KEPT_BODY = 1 << 18, RECEIVE_BUFFER = 16 << 10 };

struct client {
    CURLM *multi;
    client_place *places;
    uint32_t n_places;
    client_place *free; /* list */
};

/* --- bodies ------------------------------------------------------------------------------------------------------- */

static bool make_room(client_place *p, size_t more) {
    if (more > p->max || p->size > p->max - more) {
        p->is_too_large = true;
        return false;
    }
    const size_t need = p->size + more + 1;
    if (need <= p->capacity)
        return true;
    size_t capacity = p->capacity == 0 ? FIRST_BODY : p->capacity;
    while (capacity < need)
        capacity *= 2;
    char *larger = mlsel_i_resize(p->data, p->size, capacity, 1);
    if (larger == NULL) {
        p->no_memory = true;
        return false;
    }
    p->data = larger;
    p->capacity = capacity;
    return true;
}

static size_t receive(char *data, size_t size, size_t count, void *user) {
    client_place *p = user;
    const size_t more = size * count;
    if (!make_room(p, more))
        return 0; /* libcurl takes it for a failure, unless there was nothing */
    memcpy(p->data + p->size, data, more);
    p->size += more;
    p->data[p->size] = '\0';
    return more;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* What is the same in all requests of a place. */
static CURLcode set_up(client_place *p, const client_options *o) {
    CURL *const easy = p->easy;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                             \
    if (code == CURLE_OK)                                                                                              \
    code = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    SET(CURLOPT_TIMEOUT_MS, (long)(o->timeout_s * 1e3));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_s * 1e3));
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, p);
    SET(CURLOPT_ERRORBUFFER, p->error);
    SET(CURLOPT_PRIVATE, p);
    SET(CURLOPT_USERAGENT, "mlsel");
    if (o->ca_path != NULL)
        SET(CURLOPT_CAINFO, o->ca_path);
#undef SET
    return code;
}

static mlsel_status create_places(client *c, const client_options *o, mlsel_error *err) {
    c->places = mlsel_i_calloc(o->places, sizeof *c->places);
    if (c->places == NULL)
        return mlsel_i_no_memory(err);
    c->n_places = o->places;
    for (uint32_t i = c->n_places; i-- > 0;) {
        client_place *p = &c->places[i];
        p->max = o->max_body;
        p->easy = curl_easy_init();
        if (p->easy == NULL)
            return mlsel_i_no_memory(err);
        const CURLcode code = set_up(p, o);
        if (code == CURLE_OUT_OF_MEMORY)
            return mlsel_i_no_memory(err);
        if (code != CURLE_OK)
            return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "libcurl refuses a setting: %s",
                                curl_easy_strerror(code));
        p->next = c->free;
        c->free = p;
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_client_create(const client_options *options, client **out, mlsel_error *err) {
    mlsel_status status = mlsel_i_curl_start(err);
    if (status != MLSEL_OK)
        return status;
    client *c = mlsel_i_calloc(1, sizeof *c);
    if (c == NULL)
        return mlsel_i_no_memory(err);
    c->multi = curl_multi_init();
    if (c->multi == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = create_places(c, options, err);
    /* as many connections are kept as there may be requests */
    if (status == MLSEL_OK && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)options->places) != CURLM_OK)
        status = mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "libcurl refuses the number of connections");
    if (status == MLSEL_OK)
        *out = c;
    else
        mlsel_i_client_free(c);
    return status;
}

void mlsel_i_client_free(client *c) {
    if (c == NULL)
        return;
    sigpipe_guard guard;
    mlsel_i_sigpipe_hold(&guard); /* connections are closed with a word of goodbye */
    for (uint32_t i = 0; i < c->n_places; i++) {
        client_place *p = &c->places[i];
        if (p->easy != NULL && c->multi != NULL)
            (void)curl_multi_remove_handle(c->multi, p->easy);
        curl_easy_cleanup(p->easy);
        mlsel_i_write_free(&p->body);
        mlsel_i_free(p->data);
    }
    if (c->multi != NULL)
        (void)curl_multi_cleanup(c->multi);
    mlsel_i_sigpipe_release(&guard);
    mlsel_i_free(c->places);
    mlsel_i_free(c);
}

client_place *mlsel_i_client_take(client *c) {
    client_place *p = c->free;
    if (p == NULL)
        return NULL;
    c->free = p->next;
    p->next = NULL;
    p->body.size = 0;
    p->body.needs_comma = false;
    p->body.status = MLSEL_OK;
    return p;
}

void mlsel_i_client_give_back(client *c, client_place *p) {
    if (p->capacity > KEPT_BODY) { /* one large answer must not cost memory for ever */
        mlsel_i_free(p->data);
        p->data = NULL;
        p->capacity = 0;
    }
    if (p->body.capacity > KEPT_BODY)
        mlsel_i_write_free(&p->body);
    p->size = 0;
    p->user = NULL;
    p->next = c->free;
    c->free = p;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static mlsel_status failed(CURLMcode code, mlsel_error *err) {
    if (code == CURLM_OUT_OF_MEMORY)
        return mlsel_i_no_memory(err);
    return mlsel_i_fail(err, MLSEL_ERROR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
}

mlsel_status mlsel_i_client_start(client *c, client_place *p, const char *url, struct curl_slist *headers,
                                  mlsel_error *err) {
    if (p->body.status != MLSEL_OK)
        return mlsel_i_no_memory(err);
    p->size = 0;
    p->is_too_large = p->no_memory = false;
    p->error[0] = '\0';
    if (curl_easy_setopt(p->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, p->body.text) != CURLE_OK ||
        curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.size) != CURLE_OK)
        return mlsel_i_no_memory(err);
    const CURLMcode code = curl_multi_add_handle(c->multi, p->easy);
    return code == CURLM_OK ? MLSEL_OK : failed(code, err);
}

mlsel_status mlsel_i_client_wait(client *c, int milliseconds, mlsel_error *err) {
    int running = 0;
    sigpipe_guard guard;
    /* with a request that has just been started there is no wait, so that it goes out */
    CURLMcode code = curl_multi_poll(c->multi, NULL, 0, milliseconds, NULL);
    mlsel_i_sigpipe_hold(&guard);
    if (code == CURLM_OK)
        code = curl_multi_perform(c->multi, &running);
    mlsel_i_sigpipe_release(&guard);
    return code == CURLM_OK ? MLSEL_OK : failed(code, err);
}

static double seconds(CURL *easy, CURLINFO info) {
    curl_off_t microseconds = 0;
    return curl_easy_getinfo(easy, info, &microseconds) == CURLE_OK ? (double)microseconds * 1e-6 : 0;
}

static void fill(client_place *p, CURLcode code, client_result *out) {
    curl_off_t asked = 0;
    *out = (client_result){.place = p, .code = code};
    (void)curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &out->status);
    if (curl_easy_getinfo(p->easy, CURLINFO_RETRY_AFTER, &asked) == CURLE_OK && asked > 0)
        out->retry_after_s = (double)asked;
    /* when the connection was ready; 0 with one that was open. PRETRANSFER_TIME would be when all was sent */
    const double connected = seconds(p->easy, CURLINFO_CONNECT_TIME_T),
                 secured = seconds(p->easy, CURLINFO_APPCONNECT_TIME_T);
    const double begin = secured > connected ? secured : connected;
    const double first = seconds(p->easy, CURLINFO_STARTTRANSFER_TIME_T),
                 total = seconds(p->easy, CURLINFO_TOTAL_TIME_T);
    out->total_s = total > begin ? total - begin : 0;
    out->first_byte_s = first > begin ? first - begin : 0;
}

bool mlsel_i_client_next(client *c, client_result *out) {
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        char *private_data = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *const easy = message->easy_handle;
        const CURLcode code = message->data.result; /* the message goes with the handle */
        if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private_data) != CURLE_OK || private_data == NULL)
            continue;
        client_place *const p = (client_place *)(void *)private_data;
        fill(p, code, out);
        sigpipe_guard guard;
        mlsel_i_sigpipe_hold(&guard);
        (void)curl_multi_remove_handle(c->multi, easy);
        mlsel_i_sigpipe_release(&guard);
        if (p->size == 0 && p->capacity > 0)
            p->data[0] = '\0';
        return true;
    }
    return false;
}

void mlsel_i_client_wake(client *c) { (void)curl_multi_wakeup(c->multi); }
