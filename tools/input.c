/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values in a chunk, apart from its last query: 8 MiB. */
#define CHUNK_VALUES ((size_t)1 << 20)

/* --- chunks ----------------------------------------------------------------------------------------------------- */

double *chunk_values(chunk *c, size_t count) {
    if (c->value_capacity - c->value_count < count) {
        c->value_capacity = c->value_count + count + c->value_capacity / 2;
        c->values = tool_resize(c->values, c->value_capacity, sizeof *c->values);
    }
    return c->values + c->value_count;
}

query *chunk_query(chunk *c) {
    if (c->count == c->capacity) {
        c->capacity = c->capacity > 0 ? 2 * c->capacity : 64;
        c->queries = tool_resize(c->queries, c->capacity, sizeof *c->queries);
    }
    query *q = &c->queries[c->count++];
    *q = (query){.offset = c->value_count};
    return q;
}

void chunk_drop_last(chunk *c) {
    query *q = &c->queries[--c->count];
    c->value_count = q->offset;
    free(q->id);
    free(q->text);
    free(q->category);
    cJSON_Delete(q->members);
}

void chunk_clear(chunk *c) {
    while (c->count > 0)
        chunk_drop_last(c);
    c->value_count = 0; /* embeddings of texts lie behind all other values */
}

void chunk_free(chunk *c) {
    chunk_clear(c);
    free(c->queries);
    free(c->values);
    *c = (chunk){0};
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

static input_format format_by_name(const char *path) {
    static const struct {
        const char *end;
        input_format format;
    } known[] = {{".jsonl", INPUT_JSONL}, {".ndjson", INPUT_JSONL}, {".json", INPUT_JSONL},
                 {".f32", INPUT_F32},     {".bin", INPUT_F32},      {".npy", INPUT_NPY}};
    for (size_t i = 0; path != NULL && i < TOOL_ARRAY_LENGTH(known); ++i)
        if (ends_with(path, known[i].end))
            return known[i].format;
    return INPUT_AUTO;
}

static bool read_failed(input *in) {
    if (in->bytes.error == 0)
        return false;
    failure_set(&in->problem, EXIT_BAD_INPUT, "cannot read %s: %s", in->name, strerror(in->bytes.error));
    return true;
}

/* Looks at the first bytes: what a compressed file is, and what a stream without a name holds. */
static bool recognise(input *in) {
    size_t count = source_peek(&in->bytes, 6);
    const unsigned char *first = source_bytes(&in->bytes);
    const char *program = NULL;
    if (read_failed(in))
        return false;
    if (in->format == INPUT_AUTO)
        in->format = count >= 6 && memcmp(first, "\x93NUMPY", 6) == 0 ? INPUT_NPY : INPUT_JSONL;
    const char *compression = in->format == INPUT_F32 ? NULL : tool_compression(first, count, &program);
    if (compression != NULL) {
        failure_set(&in->problem, EXIT_BAD_INPUT, "%s: compressed with %s", in->name, compression);
        failure_hint(&in->problem, "unpack it on the way in: `%s %s | mlsel select ... -`", program,
                     in->bytes.owned ? in->name : "FILE");
        return false;
    }
    return true;
}

static bool set_up_f32(input *in, size_t model_width) {
    if (model_width == 0) {
        failure_set(&in->problem, EXIT_BAD_INPUT,
                    "%s: raw float32 has no row width of its own, and the models disagree about it", in->name);
        failure_hint(&in->problem, "use one model at a time, or .npy or JSON lines");
        return false;
    }
    in->width = model_width;
    in->value_size = 4;
    if (in->bytes.total % (4 * model_width) == 0)
        return true;
    failure_set(&in->problem, EXIT_BAD_INPUT,
                "%s: %" PRIu64
                " bytes are no whole number of queries: the model takes %zu float32 values, %zu bytes each",
                in->name, in->bytes.total, model_width, 4 * model_width);
    failure_hint(&in->problem,
                 "check that the file holds float32 and was made for this model (`mlsel inspect` shows it)");
    return false;
}

/* Looks at what is there before the first query. */
static bool begin(input *in, size_t model_width) {
    if (!recognise(in))
        return false;
    if (in->format == INPUT_F32 && !set_up_f32(in, model_width))
        return false;
    if (in->format == INPUT_NPY && !npy_read_header(in))
        return false;
    if (in->value_size > 0 && in->width > INPUT_MAX_QUERY_BYTES / in->value_size) {
        failure_set(&in->problem, EXIT_BAD_INPUT, "%s: a row of %zu values is longer than the %zu MiB a query may have",
                    in->name, in->width, INPUT_MAX_QUERY_BYTES >> 20);
        return false;
    }
    return true;
}

bool input_open(input *in, const char *path, input_format format, size_t model_width) {
    *in = (input){.name = path != NULL ? path : "standard input", .chunk_queries = 1};
    in->format = format != INPUT_AUTO ? format : format_by_name(path);
    if (!source_open(&in->bytes, path, &in->problem))
        return false;
    const bool ok = begin(in, model_width);
    if (!ok)
        source_close(&in->bytes);
    return ok;
}

void input_close(input *in) { source_close(&in->bytes); }

const char *input_place(const input *in, const query *q, char *out, size_t size) {
    if (q->line > 0)
        snprintf(out, size, "%s:%" PRIu64, in->name, q->line);
    else
        snprintf(out, size, "%s: query %" PRIu64, in->name, q->number);
    return out;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static double little_endian_value(const unsigned char *bytes, size_t size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; ++i)
        bits |= (uint64_t)bytes[i] << (8 * i);
    if (size == 8) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    uint32_t half = (uint32_t)bits;
    float value;
    memcpy(&value, &half, sizeof value);
    return value;
}

/* What is left after the last whole row. */
static void check_binary_end(input *in, size_t left) {
    if (read_failed(in))
        return;
    if (in->format == INPUT_NPY && in->count < in->rows) {
        failure_set(&in->problem, EXIT_BAD_INPUT,
                    "%s: ends within row %" PRIu64 " of the %" PRIu64 " its header promises", in->name, in->count + 1,
                    in->rows);
        failure_hint(&in->problem, "the file is cut short: write or copy it again");
    } else if (left > 0 && in->format == INPUT_NPY) {
        failure_set(&in->problem, EXIT_BAD_INPUT, "%s: more data follows the %" PRIu64 " rows its header promises",
                    in->name, in->rows);
    } else if (left > 0) {
        failure_set(&in->problem, EXIT_BAD_INPUT,
                    "%s: %zu bytes are left after %" PRIu64 " whole queries of %zu float32 values", in->name, left,
                    in->count, in->width);
    }
}

/* One row of a binary format; false at the end. */
static bool read_row(input *in, chunk *c) {
    size_t row_bytes = in->width * in->value_size;
    bool all_read = in->format == INPUT_NPY && in->count == in->rows;
    size_t left = source_peek(&in->bytes, all_read || row_bytes == 0 ? 1 : row_bytes);
    if (all_read || left < row_bytes || read_failed(in)) {
        check_binary_end(in, left);
        return false;
    }
    query *q = chunk_query(c);
    double *values = chunk_values(c, in->width);
    for (size_t i = 0; i < in->width; ++i)
        values[i] = little_endian_value(source_bytes(&in->bytes) + i * in->value_size, in->value_size);
    c->value_count += in->width;
    q->count = in->width;
    q->number = ++in->count;
    source_skip(&in->bytes, row_bytes);
    return true;
}

static bool row_waits(const input *in) { return in->bytes.end - in->bytes.start >= in->width * in->value_size; }

/* Length of the next line without its newline, or SIZE_MAX at the end or after a failure. */
static size_t next_line(input *in, size_t *consumed) {
    size_t seen = 0;
    for (;;) {
        size_t length = source_newline(&in->bytes, seen);
        seen = in->bytes.end - in->bytes.start;
        *consumed = length == SIZE_MAX ? seen : length + 1;
        if (length == SIZE_MAX && in->bytes.ended)
            length = seen;
        if (length != SIZE_MAX ? length > INPUT_MAX_QUERY_BYTES : seen > INPUT_MAX_QUERY_BYTES) {
            failure_set(&in->problem, EXIT_BAD_INPUT, "%s:%" PRIu64 ": the line is longer than %zu MiB", in->name,
                        in->line + 1, INPUT_MAX_QUERY_BYTES >> 20);
            failure_hint(&in->problem, "JSON lines hold one query per line");
            return SIZE_MAX;
        }
        if (length != SIZE_MAX)
            return *consumed > 0 && !read_failed(in) ? length : SIZE_MAX;
        source_peek(&in->bytes, seen + 1);
    }
}

static bool is_blank(const unsigned char *line, size_t length) {
    for (size_t i = 0; i < length; ++i)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

/* One query of JSON lines; false at the end or after a failure. */
static bool read_json_line(input *in, chunk *c) {
    size_t length, consumed;
    do {
        length = next_line(in, &consumed);
        if (length == SIZE_MAX)
            return false;
        ++in->line;
        if (!is_blank(source_bytes(&in->bytes), length))
            break;
        source_skip(&in->bytes, consumed);
    } while (true);
    failure found = {0};
    if (!jsonl_parse((const char *)source_bytes(&in->bytes), length, c, &found)) {
        failure_set(&in->problem, found.exit_code, "%s:%" PRIu64 ": %s", in->name, in->line, found.message);
        failure_hint(&in->problem, "%s", found.hint);
        return false;
    }
    source_skip(&in->bytes, consumed);
    query *q = &c->queries[c->count - 1];
    q->line = in->line;
    q->number = ++in->count;
    return true;
}

bool input_read(input *in, chunk *c) {
    chunk_clear(c);
    while (c->count < in->chunk_queries && c->value_count < CHUNK_VALUES) {
        bool lines = in->format == INPUT_JSONL;
        bool waits = lines ? source_newline(&in->bytes, 0) != SIZE_MAX : row_waits(in);
        if (c->count > 0 && !waits && source_idle(&in->bytes))
            return true;
        if (in->limit > 0 && in->count == in->limit)
            return false;
        if (lines ? !read_json_line(in, c) : !read_row(in, c))
            return false;
    }
    return true;
}
