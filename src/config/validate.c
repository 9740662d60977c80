/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface to findings. */
#include <stdio.h>
#include <string.h>

#include "config/diagnostics.h"
#include "file.h"

enum { LONGEST_LINE = 4096 };

/* --- lines of the file -------------------------------------------------------------------------------------------- */

/* A place in the text that moves from line to line. */
typedef struct cursor {
    const char *at; /* start of the line */
    const char *end;
    uint32_t line;
} cursor;

static const char *line_end(const char *at, const char *end) {
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return at;
}

static void next_line(cursor *c) {
    const char *const end = line_end(c->at, c->end);
    c->at = end + (end < c->end) + (c->end - end >= 2 && end[0] == '\r' && end[1] == '\n');
    c->line++;
}

/* A copy in which every character that cannot be shown is a '?'; it has as many characters as the line. */
static const char *copy_line(config_arena *arena, const char *at, size_t size) {
    char *copy = mlsel_i_arena_copy(arena, at, size);
    if (copy == NULL)
        return NULL;
    unsigned char *to = (unsigned char *)copy;
    const unsigned char *from = to, *const end = from + size;
    while (from < end) {
        const size_t length = mlsel_i_utf8_length(from, end);
        const bool is_c1 = length == 2 && from[0] == 0xc2 && from[1] < 0xa0;
        if (length == 0 || is_c1 || (*from < 0x20 && *from != '\t') || *from == 0x7f) {
            *to++ = '?';
            from += length == 0 ? 1 : length;
        } else {
            memmove(to, from, length);
            to += length;
            from += length;
        }
    }
    *to = '\0';
    return copy;
}

/* Finds the line of every finding. They come in one or two runs of rising lines. */
static bool find_sources(mlsel_diagnostics *d, const char *text, size_t size) {
    const size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const cursor start = {.at = text + mark, .end = text + size, .line = 1};
    cursor c = start;
    d->sources = mlsel_i_arena_alloc(d->arena, d->list.count, sizeof *d->sources);
    for (size_t i = 0; i < d->list.count && d->sources != NULL; i++) {
        const uint32_t line = d->list.items[i].span.line;
        if (line == 0)
            continue;
        if (line < c.line)
            c = start;
        while (c.line < line && c.at < c.end)
            next_line(&c);
        const size_t length = (size_t)(line_end(c.at, c.end) - c.at);
        if (c.line == line && length <= LONGEST_LINE)
            d->sources[i] = copy_line(d->arena, c.at, length);
    }
    return !mlsel_i_arena_failed(d->arena);
}

/* --- validating --------------------------------------------------------------------------------------------------- */

const char *mlsel_i_config_dialect_name(config_dialect dialect) {
    return dialect == CONFIG_FLAT ? "flat" : dialect == CONFIG_WRAPPED ? "wrapped" : "v0.3";
}

static mlsel_status read_options(const mlsel_router_options *given, uint32_t flags, mlsel_router_options *own,
                                 mlsel_error *err) {
    mlsel_status status = mlsel_i_options_copy(own, sizeof *own, given, "mlsel_router_options", err);
    if (status == MLSEL_OK && (flags & ~(uint32_t)MLSEL_VALIDATE_TEXT_ONLY) != 0)
        status = mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "flags 0x%x: unknown bits are set", (unsigned)flags);
    return status;
}

static mlsel_status check(mlsel_diagnostics *d, const char *text, size_t size, const char *name,
                          const mlsel_router_options *options, uint32_t flags, mlsel_error *err) {
    config *c = NULL;
    const config_options how = {
        .folder = options->base_dir, .models_dir = options->models_dir, .max_bytes = options->max_config_bytes};
    mlsel_status status = mlsel_i_config_read(text, size, name, &how, &c, &d->list, err);
    if (status == MLSEL_OK) {
        d->dialect = mlsel_i_config_dialect_name(c->dialect);
        d->n_decisions = (uint32_t)c->n_decisions;
        d->n_artifacts = (uint32_t)c->n_artifacts;
        if ((flags & MLSEL_VALIDATE_TEXT_ONLY) == 0)
            status = mlsel_i_config_check_artifacts(c, options, &d->list, err);
    } else if (d->list.n_errors > 0 && status != MLSEL_ERROR_NO_MEMORY) {
        status = MLSEL_OK;
    }
    mlsel_i_config_free(c);
    if (status == MLSEL_OK && !find_sources(d, text, size))
        status = mlsel_i_no_memory(err);
    return status;
}

void mlsel_diagnostics_release(mlsel_diagnostics *diagnostics) {
    if (diagnostics == NULL)
        return;
    mlsel_i_config_diagnostics_clear(&diagnostics->list);
    mlsel_i_arena_free(diagnostics->arena);
    mlsel_i_free(diagnostics);
}

static mlsel_status validate(const char *text, size_t size, const char *name, const mlsel_router_options *options,
                             uint32_t flags, mlsel_diagnostics **out, mlsel_error *err) {
    mlsel_diagnostics *d = mlsel_i_calloc(1, sizeof *d);
    mlsel_status status = MLSEL_OK;
    const char *const file = name == NULL ? "configuration" : name;
    if (d != NULL && (d->arena = mlsel_i_arena_create()) != NULL)
        d->file = mlsel_i_arena_copy(d->arena, file, strlen(file));
    if (d == NULL || d->file == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = check(d, text, size, name, options, flags, err);
    if (status != MLSEL_OK) {
        mlsel_diagnostics_release(d);
        return status;
    }
    *out = d;
    return mlsel_i_ok(err);
}

mlsel_status mlsel_config_validate_memory(const void *text, size_t size, const char *name,
                                          const mlsel_router_options *options, uint32_t flags, mlsel_diagnostics **out,
                                          mlsel_error *err) {
    mlsel_router_options own;
    if (out == NULL || (text == NULL && size > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "text and out must not be NULL");
    const mlsel_status status = read_options(options, flags, &own, err);
    return status != MLSEL_OK ? status : validate(text == NULL ? "" : text, size, name, &own, flags, out, err);
}

mlsel_status mlsel_config_validate(const char *path, const mlsel_router_options *options, uint32_t flags,
                                   mlsel_diagnostics **out, mlsel_error *err) {
    mlsel_router_options own;
    const file_kind kind = {.noun = "configuration", .function = "mlsel_config_validate_memory"};
    file_content content;
    if (path == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "path and out must not be NULL");
    mlsel_status status = read_options(options, flags, &own, err);
    const uint64_t max_bytes = own.max_config_bytes > 0 ? own.max_config_bytes : (uint64_t)16 << 20;
    if (status == MLSEL_OK)
        status = mlsel_i_file_load(path, &kind, max_bytes, &content, err);
    if (status != MLSEL_OK)
        return status;
    status = validate(content.data, content.size, path, &own, flags, out, err);
    mlsel_i_file_unload(&content);
    return status;
}

/* --- findings ----------------------------------------------------------------------------------------------------- */

const char *mlsel_severity_name(mlsel_severity severity) {
    static const char *const names[] = {"unknown", "note", "warning", "error"};
    return severity >= MLSEL_SEVERITY_NOTE && severity <= MLSEL_SEVERITY_ERROR ? names[severity] : names[0];
}

mlsel_status mlsel_diagnostics_get_info(const mlsel_diagnostics *diagnostics, mlsel_diagnostics_info *out, size_t size,
                                        mlsel_error *err) {
    if (diagnostics == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "diagnostics and out must not be NULL");
    const mlsel_diagnostics_info info = {
        .n_diagnostics = (uint32_t)diagnostics->list.count,
        .n_errors = diagnostics->list.n_errors,
        .n_warnings = diagnostics->list.n_warnings,
        .n_notes = diagnostics->list.n_notes,
        .dialect = diagnostics->dialect,
        .n_decisions = diagnostics->n_decisions,
        .n_artifacts = diagnostics->n_artifacts,
    };
    return mlsel_i_info_copy(out, size, &info, sizeof info, err);
}

mlsel_status mlsel_diagnostics_get(const mlsel_diagnostics *diagnostics, size_t index, mlsel_diagnostic *out,
                                   size_t size, mlsel_error *err) {
    if (diagnostics == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "diagnostics and out must not be NULL");
    if (index >= diagnostics->list.count)
        return mlsel_i_fail(err, MLSEL_ERROR_NOT_FOUND, "there is no finding %zu, only %zu", index,
                            diagnostics->list.count);
    const config_diagnostic *const item = &diagnostics->list.items[index];
    const mlsel_diagnostic found = {
        .severity = (mlsel_severity)item->severity,
        .code = item->code,
        .message = item->message,
        .suggestion = item->suggestion,
        .file = diagnostics->file,
        .source = diagnostics->sources[index],
        .line = item->span.line,
        .column = item->span.column,
        .end_line = item->span.end_line,
        .end_column = item->span.end_column,
    };
    return mlsel_i_info_copy(out, size, &found, sizeof found, err);
}
