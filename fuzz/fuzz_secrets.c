/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be said of texts and addresses: no secret, no password. The input is a text; behind its last 0 byte the
 * secrets and what else to choose.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/http_url.h"
#include "collect/url.h"
#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "secret_input.h"

enum { MAX_SHOWN = 160 };

static void scrub(const char *text, const secret_list *secrets, struct fuzz_input *choices) {
    const size_t size = strlen(text);
    const size_t min_size = fuzz_bool(choices) ? SECRET_MIN_SIZE : SECRET_MIN_SIZE_IN_ANSWERS;
    char *const all = strdup(text), *const part = malloc(size + 2);
    FUZZ_CHECK(all != NULL && part != NULL);
    mlsel_i_secrets_scrub(secrets, min_size, all);
    FUZZ_CHECK(strlen(all) <= size);
    fuzz_check_secrets(secrets, min_size, all);
    for (size_t at = 0; at < size; at++)
        FUZZ_CHECK(mlsel_i_secrets_length(secrets, min_size, text + at, size - at) <= size - at);
    /* a part is the beginning of the whole */
    const size_t room = 1 + fuzz_u16(choices) % (size + 1);
    const bool is_all = mlsel_i_secrets_copy(secrets, min_size, text, part, room);
    FUZZ_CHECK(strlen(part) < room && strncmp(part, all, strlen(part)) == 0);
    FUZZ_CHECK(is_all == (strcmp(part, all) == 0));
    free(all);
    free(part);
}

/* A second time there is nothing to find. */
static void check_json(const char *text, size_t size, const secret_list *secrets, struct fuzz_input *choices) {
    json_document *doc = NULL, *plain = NULL;
    mlsel_error err;
    const mlsel_status expected = mlsel_i_json_parse(text, size, NULL, NULL, &plain, NULL);
    mlsel_status status = mlsel_i_secrets_parse_json(secrets, text, size, NULL, &doc, &err);
    FUZZ_CHECK((status == MLSEL_OK) == (expected == MLSEL_OK));
    if (status != MLSEL_OK)
        fuzz_check_secrets(secrets, SECRET_MIN_SIZE, err.message);
    mlsel_i_json_free(plain);
    mlsel_i_json_free(doc);
    doc = NULL;
    fuzz_fail_begin(choices);
    status = mlsel_i_secrets_parse_json(secrets, text, size, NULL, &doc, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    mlsel_i_json_free(doc);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static void check_url(const char *url, const secret_list *secrets, struct fuzz_input *choices) {
    static const char path[] = "/chat/completions";
    char reason[128], shown[MAX_SHOWN], *out = NULL, *again = NULL;
    const bool ok = mlsel_i_http_url(url, path, secrets, &out, reason, sizeof reason);
    FUZZ_CHECK(ok == (out != NULL) && ok == (reason[0] == '\0'));
    fuzz_check_secrets(secrets, SECRET_MIN_SIZE, reason);
    if (ok) {
        FUZZ_CHECK(strncmp(out, "http", 4) == 0 && strstr(out, path) != NULL);
        FUZZ_CHECK(mlsel_i_http_url(out, path, NULL, &again, reason, sizeof reason) && again != NULL);
        FUZZ_CHECK_THAT(strcmp(out, again) == 0, "%s is %s, then %s", url, out, again);
        FUZZ_CHECK(mlsel_i_url_same_origin(url, out));
    }
    mlsel_i_free(out);
    mlsel_i_free(again);
    const size_t size = 1 + fuzz_below(choices, MAX_SHOWN);
    FUZZ_CHECK(memchr(mlsel_i_url_shown(url, shown, size), '\0', size) != NULL);
    fuzz_fail_begin(choices);
    const bool known = mlsel_i_http_url(url, path, secrets, &out, reason, sizeof reason);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(known == ok || refused);
    mlsel_i_free(out);
}

/* A password in an address is not shown, whatever stands around it. */
static void check_password(const char *text) {
    static const char password[] = "PASSWORD9";
    char reason[128], shown[MAX_SHOWN], *out = NULL;
    mlsel_error err;
    const size_t before = strcspn(text, "/?#\\@"), size = strlen(text);
    char *const url = malloc(size + 64);
    FUZZ_CHECK(url != NULL);
    if (memmem(text, size, "PASS", 4) != NULL)
        goto out; /* another occurrence */
    (void)snprintf(url, size + 64, "http://%.*s%s@%s", (int)before, text, password, text + before);
    FUZZ_CHECK_THAT(strstr(mlsel_i_url_shown(url, shown, sizeof shown), "PASS") == NULL, "%s of %s", shown, url);
    FUZZ_CHECK(!mlsel_i_http_url(url, "/x", NULL, &out, reason, sizeof reason) && out == NULL);
    FUZZ_CHECK_THAT(strstr(reason, "PASS") == NULL, "%s of %s", reason, url);
    if (mlsel_i_url_check("the address", url, &err) != MLSEL_OK)
        FUZZ_CHECK_THAT(strstr(err.message, "PASS") == NULL, "%s of %s", err.message, url);
out:
    free(url);
}

/* Where a redirect leads is an address of http, from which it leads to itself. */
static void check_redirect(const char *location) {
    static const char base[] = "https://host.example/a/b?c";
    char *to = NULL, *again = NULL;
    if (mlsel_i_url_resolve(base, location, &to) && to != NULL) {
        FUZZ_CHECK(strncmp(to, "http://", 7) == 0 || strncmp(to, "https://", 8) == 0);
        if (mlsel_i_url_resolve(to, to, &again))
            FUZZ_CHECK_THAT(again != NULL && mlsel_i_url_same_origin(to, again), "%s", to);
    }
    mlsel_i_free(again);
    mlsel_i_free(to);
}

static void check_path(const char *text, struct fuzz_input *choices) {
    char out[300] = "/";
    const bool keep_slash = fuzz_bool(choices);
    const size_t size = 2 + fuzz_below(choices, sizeof out - 2);
    size_t used = 1;
    const bool ok = mlsel_i_url_append(out, size, &used, text, keep_slash);
    FUZZ_CHECK(used < size && (!ok || (strlen(out) == used && strpbrk(out, " \r\n?#&\"<>") == NULL)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    char *const text = malloc(text_size + 1);
    FUZZ_CHECK(text != NULL);
    memcpy(text, text_size > 0 ? data : (const uint8_t *)"", text_size);
    text[text_size] = '\0';
    secret_list secrets = fuzz_secrets(&choices, text, strlen(text));
    scrub(text, &secrets, &choices);
    check_json(text, text_size, &secrets, &choices);
    check_url(text, &secrets, &choices);
    check_password(text);
    check_redirect(text);
    check_path(text, &choices);
    mlsel_i_secrets_free(&secrets);
    free(text);
    return 0;
}
