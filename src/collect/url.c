/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

bool mlsel_i_url_is_clean(const char *url) {
    for (; *url != '\0'; url++)
        if ((unsigned char)*url <= 0x20 || (unsigned char)*url == 0x7f)
            return false;
    return true;
}

/* NULL: no memory, or no address, which one is neither that has a control character once it is decoded. */
static CURLU *parse(const char *url) {
    CURLU *parts = curl_url();
    char *whole = NULL;
    const bool ok = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                    curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK && mlsel_i_url_is_clean(whole);
    curl_free(whole);
    if (ok)
        return parts;
    curl_url_cleanup(parts);
    return NULL;
}

static bool part_is(CURLU *parts, CURLUPart part, const char *text) {
    char *value = NULL;
    const bool is = curl_url_get(parts, part, &value, 0) == CURLUE_OK && strcmp(value, text) == 0;
    curl_free(value);
    return is;
}

mlsel_status mlsel_i_url_check(const char *what, const char *url, mlsel_error *err) {
    char shown[160];
    CURLU *parts = parse(url);
    const bool ok =
        parts != NULL && (part_is(parts, CURLUPART_SCHEME, "http") || part_is(parts, CURLUPART_SCHEME, "https"));
    curl_url_cleanup(parts);
    if (ok)
        return mlsel_i_ok(err);
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                        "%s \"%s\" is no address: expected http:// or https:// and a host, as in "
                        "http://localhost:8000/v1",
                        what, mlsel_i_url_shown(url, shown, sizeof shown));
}

/* What an address has beside what may be shown. */
static bool strip(CURLU *parts) {
    static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY,
                                       CURLUPART_FRAGMENT};
    bool ok = true;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(hidden) && ok; i++)
        ok = curl_url_set(parts, hidden[i], NULL, 0) == CURLUE_OK;
    return ok;
}

/* Of what is no address it is not known where a password begins: what stands before the last @ is not shown. Where that
 * @ may be part of a query, nothing is. */
static void show_other(const char *text, char *out, size_t size) {
    const char *const at = strrchr(text, '@');
    const size_t length = strcspn(text, "?#");
    if (at == NULL)
        snprintf(out, size, "%.*s", (int)length, text);
    else if (at < text + length)
        snprintf(out, size, "%.*s", (int)(text + length - (at + 1)), at + 1);
    else
        snprintf(out, size, "***");
}

const char *mlsel_i_url_shown(const char *url, char *out, size_t size) {
    CURLU *parts = parse(url);
    char *whole = NULL;
    if (parts != NULL && strip(parts) && curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK)
        snprintf(out, size, "%s", whole);
    else
        show_other(url, out, size);
    curl_free(whole);
    curl_url_cleanup(parts);
    return out;
}

const char *mlsel_i_url_shown_without(const secret_list *list, const char *url, char *out, size_t size) {
    char *const copy = mlsel_i_strndup(url, strlen(url));
    if (copy != NULL) {
        mlsel_i_secrets_scrub(list, SECRET_MIN_SIZE, copy);
        mlsel_i_url_shown(copy, out, size);
    } else {
        snprintf(out, size, "%s", SECRET_STARS);
    }
    mlsel_i_free(copy);
    return out;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part) {
    char *value = NULL;
    const bool same =
        curl_url_get(a, part, &value, CURLU_DEFAULT_PORT) == CURLUE_OK && value != NULL && value[0] != '\0';
    char *other = NULL;
    const bool equal =
        same && curl_url_get(b, part, &other, CURLU_DEFAULT_PORT) == CURLUE_OK && curl_strequal(value, other) != 0;
    curl_free(value);
    curl_free(other);
    return equal;
}

bool mlsel_i_url_same_origin(const char *a, const char *b) {
    CURLU *first = parse(a), *second = parse(b);
    const bool same = first != NULL && second != NULL && same_part(first, second, CURLUPART_SCHEME) &&
                      same_part(first, second, CURLUPART_HOST) && same_part(first, second, CURLUPART_PORT);
    curl_url_cleanup(first);
    curl_url_cleanup(second);
    return same;
}

bool mlsel_i_url_resolve(const char *base, const char *location, char **out) {
    CURLU *parts = curl_url();
    char *whole = NULL;
    CURLUcode code = parts == NULL ? CURLUE_OUT_OF_MEMORY : curl_url_set(parts, CURLUPART_URL, base, 0);
    *out = NULL;
    if (code == CURLUE_OK)
        code = curl_url_set(parts, CURLUPART_URL, location, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_URL, &whole, 0);
    const bool leads = code == CURLUE_OK && (strncmp(whole, "http:", 5) == 0 || strncmp(whole, "https:", 6) == 0) &&
                       mlsel_i_url_is_clean(whole);
    if (leads)
        *out = mlsel_i_strndup(whole, strlen(whole));
    curl_free(whole);
    curl_url_cleanup(parts);
    return code != CURLUE_OUT_OF_MEMORY && (!leads || *out != NULL);
}

bool mlsel_i_url_append(char *out, size_t size, size_t *used, const char *text, bool keep_slash) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool is_plain = strchr(plain, c) != NULL || (keep_slash && c == '/');
        if (*used + (is_plain ? 1 : 3) >= size)
            return false;
        if (is_plain) {
            out[(*used)++] = (char)c;
        } else {
            out[(*used)++] = '%';
            out[(*used)++] = digits[c >> 4];
            out[(*used)++] = digits[c & 15];
        }
    }
    out[*used] = '\0';
    return true;
}
