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
        const bool known = strchr("0123456789+-e", *p) != NULL;
        if (known || (length > 0 && out[length - 1] != '.'))
            out[length++] = known ? *p : '.';
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

/* Appends a string to text, or with text NULL only says how many bytes it takes. */
static size_t put_string(char *text, const char *string) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    char buffer[6];
    for (const char *p = string; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        size_t size = 1;
        buffer[0] = *p;
        if (c == '"' || c == '\\') {
            buffer[0] = '\\', buffer[1] = *p, size = 2;
        } else if (c < 0x20) {
            memcpy(buffer, "\\u00", 4);
            buffer[4] = hex[c >> 4], buffer[5] = hex[c & 15], size = 6;
        }
        if (text != NULL)
            memcpy(text + n, buffer, size);
        n += size;
    }
    return n;
}

char *mlsel_i_dropin_names(const dropin_handle *handle) {
    const size_t count = mlsel_model_label_count(handle->model);
    char *text = NULL;
    for (int pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            const char *name =
                handle->candidates == NULL ? mlsel_model_label(handle->model, (int32_t)i) : handle->candidates[i].name;
            if (text != NULL)
                memcpy(text + n, i == 0 ? "[\"" : ",\"", 2);
            n += 2;
            n += put_string(text == NULL ? NULL : text + n, name);
            if (text != NULL)
                text[n] = '"';
            n++;
        }
        if (text != NULL)
            memcpy(text + n, count == 0 ? "[]" : "]", count == 0 ? 3 : 2);
        else if ((text = malloc(n + 3)) == NULL)
            return NULL;
    }
    return text;
}
