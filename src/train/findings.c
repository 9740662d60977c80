/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataset.h"

static const char *const names[] = {
    "unknown",
    [MLSEL_FINDING_NOT_JSON] = "not-json",
    [MLSEL_FINDING_NO_QUERY] = "no-query",
    [MLSEL_FINDING_NO_MODEL] = "no-model",
    [MLSEL_FINDING_BAD_QUALITY] = "bad-quality",
    [MLSEL_FINDING_BAD_LATENCY] = "bad-latency",
    [MLSEL_FINDING_BAD_COST] = "bad-cost",
    [MLSEL_FINDING_BAD_EMBEDDING] = "bad-embedding",
    [MLSEL_FINDING_EMBEDDING_WIDTH] = "embedding-width",
    [MLSEL_FINDING_EMBEDDING_DIFFERS] = "embedding-differs",
    [MLSEL_FINDING_UNKNOWN_CATEGORY] = "unknown-category",
    [MLSEL_FINDING_CATEGORY_DIFFERS] = "category-differs",
    [MLSEL_FINDING_LINE_TOO_LONG] = "line-too-long",
    [MLSEL_FINDING_FAILED] = "failed",
    [MLSEL_FINDING_UNKNOWN_QUALITY] = "unknown-quality",
    [MLSEL_FINDING_REPEATED] = "repeated",
    [MLSEL_FINDING_NO_EMBEDDING] = "no-embedding",
    [MLSEL_FINDING_UNKNOWN_QUERY] = "unknown-query",
};
_Static_assert(MLSEL_ARRAY_LENGTH(names) == MLSEL_FINDING_CODES + 1, "a finding without a name");

static bool is_code(mlsel_finding_code code) { return code >= 1 && code <= MLSEL_FINDING_CODES; }

const char *mlsel_finding_name(mlsel_finding_code code) { return names[is_code(code) ? code : 0]; }

void mlsel_i_findings_free(dataset_findings *findings) {
    mlsel_i_free(findings->kept);
    *findings = (dataset_findings){0};
}

/* The message that both a finding and an error show: cleaned and cut by the one place that does that. */
MLSEL_PRINTF(3, 0)
static void compose(const finding_place *place, mlsel_error *out, const char *format, va_list args) {
    char text[512], where[128] = "";
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    (void)mlsel_i_fail(out, MLSEL_ERROR_SCHEMA, "%s", text);
    if (place->file != NULL && place->line > 0)
        (void)snprintf(where, sizeof where, "%.96s:%llu: ", place->file, (unsigned long long)place->line);
    else if (place->file != NULL)
        (void)snprintf(where, sizeof where, "%.96s: ", place->file);
    mlsel_i_error_prefix(out, where);
}

static bool is_kept(const finding_place *place, mlsel_finding_code code) {
    return place->findings->counts[code] < FINDINGS_KEPT;
}

static mlsel_status keep(const finding_place *place, mlsel_finding_code code, const mlsel_error *message,
                         mlsel_error *err) {
    dataset_findings *findings = place->findings;
    if (findings->n == findings->capacity) {
        const size_t capacity = findings->capacity == 0 ? 8 : findings->capacity * 2;
        mlsel_finding *kept = mlsel_i_resize(findings->kept, findings->n, capacity, sizeof *kept);
        if (kept == NULL)
            return mlsel_i_no_memory(err);
        findings->kept = kept;
        findings->capacity = capacity;
    }
    mlsel_finding *finding = &findings->kept[findings->n++];
    *finding = (mlsel_finding){.struct_size = sizeof *finding, .code = code, .line = place->line};
    memcpy(finding->message, message->message, sizeof finding->message);
    if (place->file != NULL) { /* cleaned like a message, and cut at a character */
        mlsel_error name;
        char text[sizeof finding->file];
        size_t size = strlen(place->file);
        const size_t most = sizeof text - 1;
        if (size > most)
            for (size = most; size > 0 && ((unsigned char)place->file[size] & 0xc0) == 0x80;)
                size--;
        memcpy(text, place->file, size);
        text[size] = '\0';
        (void)mlsel_i_fail(&name, MLSEL_ERROR_SCHEMA, "%s", text);
        memcpy(finding->file, name.message, strlen(name.message) + 1);
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_note(const finding_place *place, mlsel_finding_code code, mlsel_error *err, const char *format,
                          ...) {
    if (place == NULL || place->findings == NULL)
        return MLSEL_OK;
    mlsel_status status = MLSEL_OK;
    if (is_kept(place, code)) {
        mlsel_error message;
        va_list args;
        va_start(args, format);
        compose(place, &message, format, args);
        va_end(args);
        status = keep(place, code, &message, err);
    }
    if (status == MLSEL_OK)
        place->findings->counts[code]++;
    return status;
}

mlsel_status mlsel_i_complain(const finding_place *place, mlsel_finding_code code, mlsel_status status,
                              mlsel_error *err, const char *format, ...) {
    mlsel_status noted = MLSEL_OK;
    if (place->is_strict || is_kept(place, code)) {
        mlsel_error message;
        va_list args;
        va_start(args, format);
        compose(place, &message, format, args);
        va_end(args);
        if (is_kept(place, code))
            noted = keep(place, code, &message, err);
        if (place->is_strict && noted == MLSEL_OK)
            noted = mlsel_i_fail_detail(err, status, place->line, "%s", message.message);
    }
    if (noted != MLSEL_ERROR_NO_MEMORY)
        place->findings->counts[code]++;
    return noted;
}

uint64_t mlsel_dataset_count_findings(const mlsel_dataset *dataset, mlsel_finding_code code) {
    return dataset == NULL || !is_code(code) ? 0 : dataset->findings.counts[code];
}

size_t mlsel_dataset_finding_count(const mlsel_dataset *dataset) { return dataset == NULL ? 0 : dataset->findings.n; }

mlsel_status mlsel_dataset_get_finding(const mlsel_dataset *dataset, size_t index, mlsel_finding *out, size_t size,
                                       mlsel_error *err) {
    if (dataset == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset is NULL");
    if (index >= dataset->findings.n)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "finding %zu: there are %zu", index,
                            dataset->findings.n);
    return mlsel_i_info_copy(out, size, &dataset->findings.kept[index], sizeof *dataset->findings.kept, err);
}
