/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *mlsel_i_dropin_copy(const char *text) {
    if (text == NULL)
        return NULL;
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static const char *skip_space(const char *p) { return p + strspn(p, " \t\r\n"); }

/* From the opening quote of a string to the byte after the closing one. */
static const char *skip_string(const char *p) {
    for (p++; *p != '\0' && *p != '"'; p++)
        if (*p == '\\' && p[1] != '\0')
            p++;
    return *p == '"' ? p + 1 : p;
}

/* Whether the string from its opening quote to `end` is `text`, written without escapes. */
static bool is_string(const char *p, const char *end, const char *text) {
    const size_t size = strlen(text);
    return (size_t)(end - p) == size + 2 && memcmp(p + 1, text, size) == 0;
}

bool mlsel_i_dropin_is_document_of(const char *json, const char *algorithm) {
    int depth = 0;
    for (const char *p = json; *p != '\0';) {
        if (*p != '"') {
            depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
            p++;
            continue;
        }
        const char *end = skip_string(p);
        const char *after = skip_space(end);
        if (depth == 1 && *after == ':' && is_string(p, end, "algorithm")) {
            const char *value = skip_space(after + 1);
            return *value == '"' && is_string(value, skip_string(value), algorithm);
        }
        p = end;
    }
    return false;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* A number as JSON has it: in some locales printf writes the decimal point as something else. */
static void format_number(char *out, size_t size, double value) {
    char text[64];
    snprintf(text, sizeof text, "%.17g", value);
    size_t length = 0;
    for (const char *p = text; *p != '\0' && length + 1 < size; p++) {
        if (strchr("0123456789+-e", *p) != NULL)
            out[length++] = *p;
        else if (length > 0 && out[length - 1] != '.') /* the point may be several bytes */
            out[length++] = '.';
    }
    out[length] = '\0';
}

char *mlsel_i_dropin_untrained(const dropin_handle *handle) {
    char text[256], gamma[64];
    switch (handle->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        snprintf(text, sizeof text,
                 "{\"algorithm\": \"knn\", \"trained\": false, \"k\": %d, \"embeddings\": [], \"labels\": [], "
                 "\"qualities\": [], \"latencies\": []}",
                 handle->number);
        break;
    case MLSEL_ALGORITHM_KMEANS:
        snprintf(text, sizeof text,
                 "{\"algorithm\": \"kmeans\", \"trained\": false, \"num_clusters\": %d, \"centroids\": [], "
                 "\"cluster_models\": []}",
                 handle->number);
        break;
    case MLSEL_ALGORITHM_SVM:
        format_number(gamma, sizeof gamma, handle->gamma);
        snprintf(text, sizeof text,
                 "{\"algorithm\": \"svm\", \"trained\": false, \"kernel_type\": \"%s\", \"gamma\": %s, "
                 "\"model_names\": []}",
                 handle->number == DROPIN_KERNEL_LINEAR ? "Linear" : "Rbf", gamma);
        break;
    default:
        snprintf(text, sizeof text,
                 "{\"algorithm\": \"mlp\", \"trained\": false, \"model_names\": [], \"layers\": []}");
        break;
    }
    return mlsel_i_dropin_copy(text);
}

/* Text that is built up: with bytes NULL only its length is found. */
typedef struct json_text {
    char *bytes;
    size_t length;
} json_text;

static void put(json_text *text, char c) {
    if (text->bytes != NULL)
        text->bytes[text->length] = c;
    text->length++;
}

static void put_string(json_text *text, const char *string) {
    static const char hex[] = "0123456789abcdef";
    put(text, '"');
    for (const char *p = string; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c < 0x20) {
            for (const char *escape = "\\u00"; *escape != '\0'; escape++)
                put(text, *escape);
            put(text, hex[c >> 4]);
            put(text, hex[c & 15]);
            continue;
        }
        if (c == '"' || c == '\\')
            put(text, '\\');
        put(text, *p);
    }
    put(text, '"');
}

static void put_names(json_text *text, const dropin_handle *handle) {
    const size_t count = mlsel_model_label_count(handle->model);
    put(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(text, ',');
        put_string(text, handle->candidates == NULL ? mlsel_model_label(handle->model, (int32_t)i)
                                                    : handle->candidates[i].name);
    }
    put(text, ']');
    put(text, '\0');
}

char *mlsel_i_dropin_names(const dropin_handle *handle) {
    json_text text = {0};
    put_names(&text, handle);
    text.bytes = malloc(text.length);
    text.length = 0;
    if (text.bytes != NULL)
        put_names(&text, handle);
    return text.bytes;
}
