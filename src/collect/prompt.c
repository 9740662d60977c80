/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include <string.h>

#include "json_write.h"

enum { MAX_CHOICES = 26 };

/* A choice as text; "" if it is none. */
static const char *choice_text(const cJSON *node, char *number, size_t size) {
    if (cJSON_IsString(node))
        return node->valuestring;
    if (cJSON_IsBool(node))
        return cJSON_IsTrue(node) ? "True" : "False";
    if (!cJSON_IsNumber(node))
        return "";
    mlsel_i_format_double(number, size, node->valuedouble);
    return number;
}

static bool has_all(const char *query, const cJSON *list) {
    char number[32];
    for (const cJSON *node = list->child; node != NULL; node = node->next)
        if (strstr(query, choice_text(node, number, sizeof number)) == NULL)
            return false;
    return true;
}

static void put(json_writer *w, const char *text) { mlsel_i_write_raw(w, text, strlen(text)); }

static void put_choices(json_writer *w, const char *query, const cJSON *choices) {
    char number[32];
    if (cJSON_IsObject(choices))
        choices = cJSON_GetObjectItemCaseSensitive(choices, "text");
    if (cJSON_IsString(choices) && *choices->valuestring != '\0' && strstr(query, choices->valuestring) == NULL) {
        put(w, "\n\n");
        put(w, choices->valuestring);
    }
    if (!cJSON_IsArray(choices) || choices->child == NULL || has_all(query, choices))
        return;
    put(w, "\n");
    size_t i = 0;
    for (const cJSON *node = choices->child; node != NULL && i < MAX_CHOICES; node = node->next, i++) {
        const char letter[] = {'\n', (char)('A' + (int)i), '.', ' ', '\0'};
        put(w, letter);
        put(w, choice_text(node, number, sizeof number));
    }
}

char *mlsel_i_prompt_make(const char *query, const cJSON *choices, bool concise) {
    json_writer w = {0};
    put(&w, query);
    if (choices != NULL)
        put_choices(&w, query, choices);
    if (concise)
        put(&w, "\n\n" PROMPT_CONCISE);
    mlsel_i_write_raw(&w, "", 1);
    if (w.status == MLSEL_OK)
        return w.text;
    mlsel_i_write_free(&w);
    return NULL;
}
