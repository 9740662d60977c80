/* SPDX-License-Identifier: Apache-2.0 */
#include "secrets.h"

#include <string.h>

#include "internal.h"

static const char stars[] = "***";

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
    for (size_t i = 0; i < list->n; i++) {
        const size_t size = strlen(list->texts[i]);
        if (size < min_size)
            break;
        char *from = strstr(text, list->texts[i]), *to = from;
        while (from != NULL) {
            memcpy(to, stars, sizeof stars - 1);
            to += sizeof stars - 1;
            from += size;
            char *next = strstr(from, list->texts[i]);
            const size_t plain = next != NULL ? (size_t)(next - from) : strlen(from) + 1;
            memmove(to, from, plain);
            to += plain;
            from = next;
        }
    }
}
