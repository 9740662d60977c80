/* SPDX-License-Identifier: Apache-2.0 */
#include "secrets.h"

#include <string.h>

#include "internal.h"

static bool add(secret_list *list, const char *text, size_t size) {
    if (size < SECRET_MIN_SIZE)
        return true;
    for (size_t i = 0; i < list->n; i++)
        if (strlen(list->texts[i]) == size && memcmp(list->texts[i], text, size) == 0)
            return true;
    if (list->n == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
        char **larger = mlsel_i_resize(list->texts, list->n, capacity, sizeof *larger);
        if (larger == NULL)
            return false;
        list->texts = larger;
        list->capacity = capacity;
    }
    char *copy = mlsel_i_strndup(text, size);
    if (copy == NULL)
        return false;
    size_t place = list->n++;
    for (; place > 0 && strlen(list->texts[place - 1]) < size; place--)
        list->texts[place] = list->texts[place - 1];
    list->texts[place] = copy;
    return true;
}

/* What stands before a key in a header and is no secret. */
static bool is_scheme(const char *word, size_t size) {
    static const char *const schemes[] = {"Bearer", "Basic", "Token", "Digest", "ApiKey", "Api-Key"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(schemes); i++)
        if (strlen(schemes[i]) == size && memcmp(schemes[i], word, size) == 0)
            return true;
    return false;
}

bool mlsel_i_secrets_add(secret_list *list, const char *text) {
    static const char blanks[] = " \t,;=";
    bool ok = is_scheme(text, strlen(text)) || add(list, text, strlen(text));
    for (const char *at = text; ok && *at != '\0';) {
        at += strspn(at, blanks);
        const size_t size = strcspn(at, blanks);
        ok = is_scheme(at, size) || add(list, at, size);
        at += size;
    }
    return ok;
}

void mlsel_i_secrets_free(secret_list *list) {
    for (size_t i = 0; i < list->n; i++)
        mlsel_i_free(list->texts[i]);
    mlsel_i_free(list->texts);
    *list = (secret_list){0};
}

void mlsel_i_secrets_scrub(const secret_list *list, size_t min_size, char *text) {
    const char *from = text, *const end = text + strlen(text);
    char *to = text; /* never ahead of `from`: a secret is longer than what takes its place */
    while (from < end) {
        const size_t hidden = mlsel_i_secrets_length(list, min_size, from, (size_t)(end - from));
        if (hidden > 0) {
            memcpy(to, SECRET_STARS, sizeof SECRET_STARS - 1);
            to += sizeof SECRET_STARS - 1;
            from += hidden;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* Of the longest secret that begins here; 0: none does. */
static size_t length_here(const secret_list *list, size_t min_size, const char *text, size_t size) {
    for (size_t i = 0; list != NULL && i < list->n; i++) {
        const char *const secret = list->texts[i];
        const size_t length = strlen(secret);
        if (length < min_size)
            break;
        if (length <= size && *secret == *text && memcmp(secret, text, length) == 0)
            return length;
    }
    return 0;
}

size_t mlsel_i_secrets_length(const secret_list *list, size_t min_size, const char *text, size_t size) {
    size_t length = length_here(list, min_size, text, size);
    for (size_t at = 1; at < length; at++) {
        const size_t other = length_here(list, min_size, text + at, size - at);
        length = at + other > length ? at + other : length;
    }
    return length;
}

bool mlsel_i_secrets_copy(const secret_list *list, size_t min_size, const char *text, char *out, size_t size) {
    const char *const end = text + strlen(text);
    size_t n = 0;
    while (text < end) {
        const size_t hidden = mlsel_i_secrets_length(list, min_size, text, (size_t)(end - text));
        const size_t written = hidden > 0 ? sizeof SECRET_STARS - 1 : 1;
        if (n + written >= size)
            break;
        memcpy(out + n, hidden > 0 ? SECRET_STARS : text, written);
        n += written;
        text += hidden > 0 ? hidden : 1;
    }
    out[n] = '\0';
    return text == end;
}

mlsel_status mlsel_i_secrets_parse_json(const secret_list *list, const char *text, size_t size,
                                        bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                        mlsel_error *err) {
    mlsel_status status = mlsel_i_json_parse(text, size, NULL, is_f32, out, err);
    if (status == MLSEL_OK || status == MLSEL_ERROR_NO_MEMORY || list == NULL || list->n == 0)
        return status;
    /* messages name members and cut their names, so it must be another text that is complained about */
    char *copy = mlsel_i_strndup(text, size);
    if (copy == NULL)
        return mlsel_i_no_memory(err);
    mlsel_i_secrets_scrub(list, SECRET_MIN_SIZE, copy);
    if (strlen(copy) != size || memcmp(copy, text, size) != 0) {
        json_document *doc = NULL;
        const mlsel_status said = mlsel_i_json_parse(copy, strlen(copy), NULL, is_f32, &doc, err);
        mlsel_i_json_free(doc);
        status = said == MLSEL_OK ? mlsel_i_fail(err, status, "it is no JSON") : said;
    }
    mlsel_i_free(copy);
    return status;
}
