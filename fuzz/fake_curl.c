/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_curl.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"

typedef size_t (*data_function)(char *data, size_t size, size_t count, void *user);

/* Of the one handle that is used at a time. */
static struct {
    const char *at, *end; /* what is still to be answered */
    size_t piece;
    void (*look)(const fake_request *, void *);
    void *look_user;
    fake_request request;
    data_function on_header, on_body;
    void *header_user, *body_user, *progress_user;
    curl_xferinfo_callback on_progress;
    long status;
    curl_off_t retry_after;
} fake;

CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...);
CURLcode __wrap_curl_easy_perform(CURL *curl);
CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...);
void __wrap_curl_easy_reset(CURL *curl);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);

void fake_curl_answer(const char *replies, size_t size, size_t piece, void (*look)(const fake_request *, void *),
                      void *user) {
    fake.at = replies;
    fake.end = replies + size;
    fake.piece = piece > 0 ? piece : 1;
    fake.look = look;
    fake.look_user = user;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

void __wrap_curl_easy_reset(CURL *curl) {
    (void)curl;
    fake.request = (fake_request){0};
    fake.on_header = fake.on_body = NULL;
    fake.on_progress = NULL;
    fake.status = 0;
    fake.retry_after = 0;
}

CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...) {
    va_list args;
    va_start(args, option);
    (void)curl;
    if (option == CURLOPT_URL)
        fake.request.url = va_arg(args, const char *);
    else if (option == CURLOPT_HTTPHEADER)
        fake.request.headers = va_arg(args, const struct curl_slist *);
    else if (option == CURLOPT_POSTFIELDS)
        fake.request.has_body = va_arg(args, const char *) != NULL;
    else if (option == CURLOPT_NOBODY)
        fake.request.is_head = va_arg(args, long) != 0;
    else if (option == CURLOPT_WRITEFUNCTION)
        fake.on_body = va_arg(args, data_function);
    else if (option == CURLOPT_WRITEDATA)
        fake.body_user = va_arg(args, void *);
    else if (option == CURLOPT_HEADERFUNCTION)
        fake.on_header = va_arg(args, data_function);
    else if (option == CURLOPT_HEADERDATA)
        fake.header_user = va_arg(args, void *);
    else if (option == CURLOPT_XFERINFOFUNCTION)
        fake.on_progress = va_arg(args, curl_xferinfo_callback);
    else if (option == CURLOPT_XFERINFODATA)
        fake.progress_user = va_arg(args, void *);
    va_end(args);
    return CURLE_OK;
}

CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...) {
    va_list args;
    va_start(args, info);
    (void)curl;
    if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(args, long *) = fake.status;
    else if (info == CURLINFO_RETRY_AFTER)
        *va_arg(args, curl_off_t *) = fake.retry_after;
    va_end(args);
    return info == CURLINFO_RESPONSE_CODE || info == CURLINFO_RETRY_AFTER ? CURLE_OK : CURLE_UNKNOWN_OPTION;
}

/* Waits take no time here. */
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left) {
    (void)left;
    FUZZ_CHECK(wanted->tv_sec == 0 && wanted->tv_nsec >= 0 && wanted->tv_nsec < 1000000000);
    return 0;
}

/* --- the transfer ------------------------------------------------------------------------------------------------- */

/* Gives data in a block of its own, of exactly its size, so that a step beyond it is seen. */
static bool give(data_function to, void *user, const char *data, size_t size) {
    char *const copy = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    const bool taken = to(copy, 1, size, user) == size;
    free(copy);
    return taken;
}

static const char *line_end(const char *at, const char *end) {
    const char *const stop = memchr(at, '\n', (size_t)(end - at));
    return stop == NULL ? end : stop + 1;
}

/* As libcurl reads it: seconds, or a date. */
static void note_header(const char *line, size_t size) {
    char text[64];
    static const char name[] = "Retry-After:";
    if (size < sizeof name || !curl_strnequal(line, name, sizeof name - 1))
        return;
    size -= sizeof name - 1;
    size = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, line + sizeof name - 1, size);
    text[size] = '\0';
    char *stop;
    const long long seconds = strtoll(text, &stop, 10);
    const time_t date = stop == text ? curl_getdate(text, NULL) : -1;
    fake.retry_after = stop != text ? (seconds > 0 ? seconds : 0) : date > 0 ? (curl_off_t)date - 1700000000 : 0;
}

static bool answer_headers(const char **at, const char *end) {
    while (*at < end) {
        const char *const stop = line_end(*at, end);
        const size_t size = (size_t)(stop - *at);
        if (size > 5 && memcmp(*at, "HTTP/", 5) == 0) {
            const char *const blank = memchr(*at, ' ', size);
            fake.status =
                blank != NULL && stop - blank > 3 ? strtol((char[]){blank[1], blank[2], blank[3], '\0'}, NULL, 10) : 0;
        }
        note_header(*at, size);
        if (!give(fake.on_header, fake.header_user, *at, size))
            return false;
        const bool is_last = size <= 2 && ((*at)[0] == '\r' || (*at)[0] == '\n');
        *at = stop;
        if (is_last)
            break;
    }
    return true;
}

static CURLcode answer(const char *at, const char *end) {
    if (!answer_headers(&at, end))
        return CURLE_WRITE_ERROR;
    while (at < end && !fake.request.is_head) {
        const size_t left = (size_t)(end - at), size = left < fake.piece ? left : fake.piece;
        if (fake.on_progress != NULL && fake.on_progress(fake.progress_user, 0, 0, 0, 0) != 0)
            return CURLE_ABORTED_BY_CALLBACK;
        if (!give(fake.on_body, fake.body_user, at, size))
            return CURLE_WRITE_ERROR;
        at += size;
    }
    return fake.status >= 100 ? CURLE_OK : CURLE_WEIRD_SERVER_REPLY;
}

CURLcode __wrap_curl_easy_perform(CURL *curl) {
    (void)curl;
    FUZZ_CHECK(raise(SIGPIPE) == 0); /* as an old libcurl does when the server has hung up */
    FUZZ_CHECK(fake.request.url != NULL && fake.on_header != NULL && fake.on_body != NULL);
    if (fake.look != NULL)
        fake.look(&fake.request, fake.look_user);
    if (fake.at >= fake.end)
        return CURLE_COULDNT_CONNECT;
    const char *const at = fake.at, *const stop = memchr(at, '\0', (size_t)(fake.end - at));
    const char *const end = stop == NULL ? fake.end : stop;
    fake.at = end + 1;
    return answer(at, end);
}
