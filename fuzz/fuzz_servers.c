/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers of embeddings and the Hugging Face hub answer, from libcurl on. The input is their answers with 0 bytes
 * between them (fake_curl.h); behind the last 0 byte what is asked.
 */
#define _GNU_SOURCE /* memmem */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collect/download.h"
#include "collect/embedding_client.h"
#include "collect/hub.h"
#include "fail.h"
#include "fake_curl.h"
#include "fuzz.h"
#include "input.h"
#include "temporary.h"

static const char token[] = "hf_Qtoken~1234";
static const char *const hubs[] = {"https://hub.example", "http://localhost:8080/mirror/", "https://hub.example:444"};

typedef struct asking {
    const char *origin; /* which alone may know the token */
    size_t requests;
    uint32_t patience; /* cancelled after so many questions; 0: never */
    uint32_t asked;
    bool is_told;  /* a server says the token itself */
    bool is_named; /* and perhaps in the name of a file, which messages have */
} asking;

/* --- what is sent ------------------------------------------------------------------------------------------------- */

/* The default port is written out, so that origins are compared as texts. */
static void origin_of(const char *url, char out[300]) {
    CURLU *const parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    FUZZ_CHECK_THAT(parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK, "%s", url);
    FUZZ_CHECK(curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK);
    (void)snprintf(out, 300, "%s %s %s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
}

/* Requests go to servers of http, and the token to one alone. */
static void look(const fake_request *request, void *user) {
    asking *const a = user;
    char here[300], expected[300];
    a->requests++;
    FUZZ_CHECK_THAT(strncmp(request->url, "http://", 7) == 0 || strncmp(request->url, "https://", 8) == 0, "%s",
                    request->url);
    FUZZ_CHECK_THAT(a->is_told || strstr(request->url, token) == NULL, "%s", request->url);
    for (const struct curl_slist *h = request->headers; h != NULL; h = h->next) {
        FUZZ_CHECK(strpbrk(h->data, "\r\n") == NULL);
        if (strstr(h->data, token) == NULL)
            continue;
        origin_of(request->url, here);
        origin_of(a->origin, expected);
        FUZZ_CHECK_THAT(strcasecmp(here, expected) == 0, "the token goes to %s", request->url);
    }
}

static bool is_cancelled(void *user) {
    asking *const a = user;
    return a->patience > 0 && ++a->asked >= a->patience;
}

static void check_said(const asking *a, const char *message) {
    FUZZ_CHECK_THAT(message[0] != '\0' && message[strcspn(message, "\r\n")] == '\0', "%s", message);
    FUZZ_CHECK_THAT((a->is_told && a->is_named) || strstr(message, token) == NULL, "%s", message);
}

static void on_retry(const char *message, double wait_s, void *user) {
    check_said(user, message);
    FUZZ_CHECK(wait_s >= 0 && wait_s <= 2000);
}

/* --- embeddings --------------------------------------------------------------------------------------------------- */

static void embed(asking *a, struct fuzz_input *choices) {
    static const char *const texts[] = {"a", "b", "\xff", "What is 2 + 2?"};
    const embedding_server server = {.endpoint = hubs[0],
                                     .model = "m",
                                     .api_key = token,
                                     .dimensions = fuzz_below(choices, 3),
                                     .http = {.retries = fuzz_below(choices, 3),
                                              .retry_wait_s = 1,
                                              .is_cancelled = is_cancelled,
                                              .on_retry = on_retry,
                                              .user = a}};
    const size_t n = 1 + fuzz_below(choices, 4), wished = fuzz_below(choices, 3);
    const bool tries_once = fuzz_bool(choices);
    size_t width = wished;
    embedding_client *client = NULL;
    float *out = NULL;
    bool rejected = false;
    mlsel_error err;
    a->origin = hubs[0];
    FUZZ_CHECK(mlsel_i_embedding_client_open(&server, &client, &err) == MLSEL_OK);
    fuzz_fail_begin(choices);
    const mlsel_status status =
        mlsel_i_embedding_client_ask(client, texts, n, tries_once, &width, &out, &rejected, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK((status == MLSEL_OK) == (out != NULL) && (refused || status != MLSEL_ERROR_NO_MEMORY));
    if (status == MLSEL_OK) {
        FUZZ_CHECK(width > 0 && (wished == 0 || width == wished));
        for (size_t i = 0; i < n * width; i++)
            FUZZ_CHECK(isfinite(out[i]));
    } else {
        FUZZ_CHECK(width == wished);
        check_said(a, err.message);
    }
    mlsel_i_free(out);
    mlsel_i_embedding_client_close(client);
}

/* --- the hub ------------------------------------------------------------------------------------------------------ */

static int32_t on_progress(const mlsel_download_progress *p, void *user) {
    asking *const a = user;
    FUZZ_CHECK(p->file[0] != '\0' && p->file[0] != '/' && strstr(p->file, "..") != p->file && p->index < p->n);
    return is_cancelled(a) ? 1 : 0;
}

/* Nothing is written but into the folder that was named. */
static void check_folder(void) {
    DIR *const folder = opendir(fuzz_folder_path());
    FUZZ_CHECK(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        FUZZ_CHECK_THAT(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                            strcmp(entry->d_name, "out") == 0,
                        "%s", entry->d_name);
    closedir(folder);
}

static void download(asking *a, struct fuzz_input *choices) {
    static const char *const names[] = {"knn_model.json", "data/a.jsonl", "x"};
    mlsel_download_options o;
    mlsel_error err;
    size_t n = 0;
    mlsel_download_options_init(&o, fuzz_bool(choices) ? MLSEL_DOWNLOAD_DATA : MLSEL_DOWNLOAD_MODELS);
    o.repository = "owner/name";
    o.hub = a->origin = hubs[fuzz_below(choices, sizeof hubs / sizeof *hubs)];
    o.token = fuzz_bool(choices) ? NULL : token;
    a->is_named = a->is_named || o.token == NULL; /* then it is no secret */
    o.output_dir = fuzz_path("out");
    o.files = names;
    o.n_files = fuzz_below(choices, 4);
    o.retries = fuzz_below(choices, 3);
    o.progress = on_progress;
    o.on_retry = on_retry;
    o.is_cancelled = is_cancelled;
    o.user = a;
    for (uint32_t times = 1 + fuzz_below(choices, 3); times > 0; times--) { /* a later call goes on */
        fuzz_fail_begin(choices);
        const mlsel_status status = mlsel_download(&o, &n, &err);
        const bool refused = fuzz_fail_end() > 0;
        FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
        if (status != MLSEL_OK)
            check_said(a, err.message);
        FUZZ_CHECK(status != MLSEL_OK || n > 0);
        check_folder();
        a->asked = 0;
    }
    fuzz_folder_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    asking a = {0};
    const uint32_t what = fuzz_below(&choices, 2);
    const size_t piece = 1 + fuzz_u8(&choices);
    a.patience = fuzz_u8(&choices);
    a.is_named = text_size > 0 && memmem(data, text_size, "path", 4) != NULL;
    a.is_told = text_size > 0 && memmem(data, text_size, token, sizeof token - 1) != NULL;
    fake_curl_answer(text_size > 0 ? (const char *)data : "", text_size, piece, look, &a);
    if (what == 0)
        download(&a, &choices);
    else
        embed(&a, &choices);
    return 0;
}
