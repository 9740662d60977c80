/* SPDX-License-Identifier: Apache-2.0 */
#include "http_url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "url.h"

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    const bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* Puts the path behind that of the address. */
static CURLUcode append(CURLU *url, const char *path) {
    char *old = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_PATH, &old, 0);
    if (code != CURLUE_OK)
        return code;
    size_t length = strlen(old);
    while (length > 0 && old[length - 1] == '/')
        length--;
    const size_t added = strlen(path);
    if (length >= added && memcmp(old + length - added, path, added) == 0)
        length -= added;
    const size_t size = length + added + 1;
    char *whole = mlsel_i_alloc(size, 1);
    if (whole != NULL) {
        (void)snprintf(whole, size, "%.*s%s", (int)length, old, path);
        code = curl_url_set(url, CURLUPART_PATH, whole, 0);
    } else {
        code = CURLUE_OUT_OF_MEMORY;
    }
    mlsel_i_free(whole);
    curl_free(old);
    return code;
}

static bool is_http(CURLU *url) {
    char *scheme = NULL;
    const bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is;
}

/* False: no memory. */
static bool complain(const char *base, const secret_list *secrets, char *reason, size_t size) {
    char *const shown = mlsel_i_strndup(base, strlen(base));
    if (shown == NULL)
        return false;
    mlsel_i_secrets_scrub(secrets, SECRET_MIN_SIZE, shown);
    /* what stands before an @ may be a password even if the rest is none */
    const char *const at = strrchr(shown, '@');
    (void)snprintf(reason, size, "\"%.60s\" is no http or https address, as http://localhost:8000/v1 is",
                   at != NULL ? at : shown);
    mlsel_i_free(shown);
    return true;
}

static CURLUcode write_url(CURLU *url, const char *path, char **out) {
    char *text = NULL;
    CURLUcode code = append(url, path);
    if (code == CURLUE_OK)
        code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_URL, &text, 0);
    if (code == CURLUE_OK && !mlsel_i_url_is_clean(text))
        code = CURLUE_MALFORMED_INPUT;
    if (code == CURLUE_OK)
        *out = mlsel_i_strndup(text, strlen(text));
    if (code == CURLUE_OK && *out == NULL)
        code = CURLUE_OUT_OF_MEMORY;
    curl_free(text);
    return code;
}

mlsel_status mlsel_i_http_url_below(const char *base, const char *path, char **out, mlsel_error *err) {
    char shown[160];
    CURLU *url = curl_url();
    CURLUcode code = url == NULL ? CURLUE_OUT_OF_MEMORY : curl_url_set(url, CURLUPART_URL, base, 0);
    *out = NULL;
    if (code == CURLUE_OK)
        code = write_url(url, path, out);
    curl_url_cleanup(url);
    if (code == CURLUE_OK)
        return MLSEL_OK;
    if (code == CURLUE_OUT_OF_MEMORY)
        return mlsel_i_no_memory(err);
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s is no address that libcurl understands (error %d)",
                        mlsel_i_url_shown(base, shown, sizeof shown), (int)code);
}

bool mlsel_i_http_url(const char *base, const char *path, const secret_list *secrets, char **out, char *reason,
                      size_t size) {
    CURLU *url = curl_url();
    CURLUcode code = url == NULL ? CURLUE_OUT_OF_MEMORY : CURLUE_OK;
    bool ok = true;
    *out = NULL;
    reason[0] = '\0';
    if (code == CURLUE_OK)
        code = mlsel_i_url_is_clean(base) ? curl_url_set(url, CURLUPART_URL, base, 0) : CURLUE_MALFORMED_INPUT;
    if (code == CURLUE_OK && (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))) {
        (void)snprintf(reason, size, "has a user name in it: use api_key or headers");
        ok = false;
        goto out;
    }
    if (code == CURLUE_OK)
        code = is_http(url) ? write_url(url, path, out) : CURLUE_UNSUPPORTED_SCHEME;
    if (code != CURLUE_OK && code != CURLUE_OUT_OF_MEMORY)
        ok = !complain(base, secrets, reason, size);
out:
    curl_url_cleanup(url);
    return ok;
}
