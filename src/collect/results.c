/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* flock */
#include "results.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "file_io.h"
#include "train/file_lock.h"
#include "train/lines.h"
#include "train/record_line.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

static double value_of(const cJSON *node) { return cJSON_IsNumber(node) ? node->valuedouble : NAN; }

static mlsel_status read_row(const char *text, size_t size, uint64_t number, result_visitor visit, void *user,
                             mlsel_error *err) {
    record_line line;
    mlsel_status status = mlsel_i_record_line_read(&line, text, size, err);
    if (status != MLSEL_OK)
        return status;
    result_row row = {.query = mlsel_i_record_text(line.members.query),
                      .model = mlsel_i_record_text(line.members.model_name),
                      .is_error = mlsel_i_record_failed(line.members.error),
                      .performance = value_of(line.members.performance),
                      .response_time = value_of(line.members.response_time),
                      .cost = value_of(line.members.cost),
                      .prompt_tokens = value_of(line.members.prompt_tokens),
                      .completion_tokens = value_of(line.members.completion_tokens),
                      .line = number,
                      .text = text,
                      .size = size};
    if (cJSON_IsFalse(line.members.performance_known))
        row.performance = NAN;
    if (row.query == NULL || row.model == NULL) {
        status = mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "the line has no \"%s\": it is no row of results",
                              row.query == NULL ? "query" : "model_name");
    } else if (visit != NULL) {
        status = visit(&row, user, err);
    }
    mlsel_i_record_line_free(&line);
    return status;
}

/* Whether a text is an object: what was cut off never is. */
static mlsel_status find_whole(const char *text, size_t size, bool *whole, mlsel_error *err) {
    record_line line;
    const mlsel_status status = mlsel_i_record_line_read(&line, text, size, err);
    *whole = status == MLSEL_OK;
    if (*whole)
        mlsel_i_record_line_free(&line);
    return status == MLSEL_ERROR_NO_MEMORY ? status : MLSEL_OK;
}

mlsel_status mlsel_i_results_scan(const char *text, size_t size, const char *path, result_visitor visit, void *user,
                                  size_t *whole, mlsel_error *err) {
    uint64_t number = 0;
    size_t at = 0;
    while (at < size) {
        const char *const end = memchr(text + at, '\n', size - at);
        const size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        bool is_row = true;
        mlsel_status status = end != NULL ? MLSEL_OK : find_whole(text + at, length, &is_row, err);
        if (status != MLSEL_OK)
            return status;
        if (!is_row)
            break;
        number++;
        if (!mlsel_i_line_is_blank(text + at, length)) {
            status = read_row(text + at, length, number, visit, user, err);
            if (status == MLSEL_ERROR_NO_MEMORY)
                return status;
            if (status != MLSEL_OK) {
                char place[128];
                (void)snprintf(place, sizeof place, "%.80s:%llu: ", mlsel_i_file_name(path),
                               (unsigned long long)number);
                mlsel_i_error_prefix(err, place);
                return status;
            }
        }
        at += length + (end != NULL);
    }
    *whole = at;
    return MLSEL_OK;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Whether the end of a file may be a row that was not written to its end. After a loss of power it may be zeros. */
static bool is_beginning(const char *text, size_t size, bool has_rows) {
    static const char begin[] = "{\"query\": ";
    const size_t n = size < sizeof begin - 1 ? size : sizeof begin - 1;
    if (memcmp(text, begin, n) == 0)
        return true;
    for (size_t i = 0; i < size; i++)
        if (text[i] != '\0')
            return false;
    return has_rows;
}

/* Reads what there is and makes its end the end of a line. */
static mlsel_status take_up(result_file *file, result_visitor visit, void *user, mlsel_error *err) {
    const file_kind kind = {.noun = "file", .function = "another file", .is_to_map = mlsel_i_file_map_always};
    file_content content = {0};
    size_t whole = 0;
    mlsel_status status = mlsel_i_file_load(file->path, &kind, UINT64_MAX, &content, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_results_scan(content.data, content.size, file->path, visit, user, &whole, err);
    if (status != MLSEL_OK)
        goto out;
    file->size = content.size;
    const bool needs_end = whole > 0 && whole == content.size && content.data[whole - 1] != '\n';
    if (whole < content.size) {
        if (!is_beginning(content.data + whole, content.size - whole, whole > 0)) {
            (void)mlsel_i_fail(err, MLSEL_ERROR_SCHEMA,
                               " ends in what is no beginning of a row of results: name another output");
            mlsel_i_error_prefix(err, file->path);
            status = MLSEL_ERROR_SCHEMA;
            goto out;
        }
        file->cut_bytes = content.size - whole;
        if (mlsel_i_cut(file->fd, whole) != 0) {
            status = mlsel_i_file_failed(file->path, "shortened", errno, err);
            goto out;
        }
        file->size = whole;
    }
    if (needs_end) {
        size_t done;
        const int error = mlsel_i_write_all(file->fd, "\n", 1, &done);
        if (error != 0) {
            status = mlsel_i_file_failed(file->path, "written", error, err);
            goto out;
        }
        file->size++;
    }
out:
    mlsel_i_file_unload(&content);
    return status;
}

mlsel_status mlsel_i_results_open(result_file *file, const char *path, bool fresh, result_visitor visit, void *user,
                                  mlsel_error *err) {
    struct stat info;
    mlsel_status status = MLSEL_OK;
    *file = (result_file){.path = path};
    file->fd = mlsel_i_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return mlsel_i_file_missing(path, "file", "opened", errno, err);
    if (fstat(file->fd, &info) != 0) {
        status = mlsel_i_file_failed(path, "read", errno, err);
    } else if (!S_ISREG(info.st_mode)) {
        (void)mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, " is no regular file, which results need to be continued");
        mlsel_i_error_prefix(err, path);
        status = MLSEL_ERROR_UNSUPPORTED;
    } else if (mlsel_i_lock(file->fd) != 0 && errno == EWOULDBLOCK) {
        /* a file system without locks is used without */
        (void)mlsel_i_fail(err, MLSEL_ERROR_IO, " is being written by another run");
        mlsel_i_error_prefix(err, path);
        status = MLSEL_ERROR_IO;
    } else if (fresh) {
        if (mlsel_i_cut(file->fd, 0) != 0)
            status = mlsel_i_file_failed(path, "emptied", errno, err);
    } else if (info.st_size > 0) {
        status = take_up(file, visit, user, err);
    }
    if (status != MLSEL_OK)
        mlsel_i_results_close(file);
    return status;
}

/* --- appending ---------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_results_append(result_file *file, mlsel_error *err) {
    json_writer *const line = &file->line;
    mlsel_i_write_raw(line, "\n", 1);
    if (line->status != MLSEL_OK)
        return mlsel_i_no_memory(err);
    size_t done;
    const int error = mlsel_i_write_all(file->fd, line->text, line->size, &done);
    if (error != 0) {
        if (done > 0)
            (void)mlsel_i_cut(file->fd, file->size);
        return mlsel_i_file_failed(file->path, "written", error, err);
    }
    file->size += line->size;
    file->is_dirty = true;
    line->size = 0;
    line->needs_comma = false;
    return MLSEL_OK;
}

mlsel_status mlsel_i_results_sync_now(const result_file *file, mlsel_error *err) {
    if (mlsel_i_sync(file->fd) != 0 && errno != EINVAL)
        return mlsel_i_file_failed(file->path, "written", errno, err);
    return MLSEL_OK;
}

void mlsel_i_results_close(result_file *file) {
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    mlsel_i_write_free(&file->line);
}
