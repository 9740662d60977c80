/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of queries for the command: JSON lines, .npy and raw float32, and what it writes of them as files of
 * embeddings. The input is a few choices, then a file's content.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/embedding_file.h"
#include "fuzz.h"
#include "support/input.h"
#include "temporary.h"

enum { WIDTH = 3 };

static const char *skip_digits(const char *at) { return at + strspn(at, "0123456789"); }

/* By the grammar, whatever its size. */
static bool is_json_number(const char *text) {
    const char *const whole = text + (*text == '-'), *at = skip_digits(whole);
    if (at == whole || (*whole == '0' && at > whole + 1))
        return false;
    if (*at == '.') {
        const char *const fraction = at + 1;
        if ((at = skip_digits(fraction)) == fraction)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        const char *const exponent = at + 1 + (at[1] == '+' || at[1] == '-');
        if ((at = skip_digits(exponent)) == exponent)
            return false;
    }
    return *at == '\0';
}

static void check_query(const query *q, const chunk *c, const input *in) {
    char place[64];
    FUZZ_CHECK(q->offset + q->count <= c->value_count && c->value_count <= c->value_capacity);
    FUZZ_CHECK(q->number >= 1 && q->number <= in->count);
    FUZZ_CHECK((q->line > 0) == (in->format == INPUT_JSONL));
    FUZZ_CHECK(q->count > 0 || c->embeds_text || c->requests);
    FUZZ_CHECK_THAT(!q->id_is_number || is_json_number(q->id), "%s", q->id);
    FUZZ_CHECK((q->members != NULL) == (c->requests && in->format == INPUT_JSONL));
    FUZZ_CHECK(strlen(input_place(in, q, place, sizeof place)) < sizeof place);
}

/* --- what is written of it ---------------------------------------------------------------------------------------- */

typedef struct written {
    embedding_file lines, npy;
    float values[64][WIDTH];
    char *texts[64];
    size_t n;
} written;

static void begin(written *w) {
    failure problem = {0};
    *w = (written){0};
    FUZZ_CHECK(embedding_file_open(&w->lines, fuzz_path("out.jsonl"), false, &problem));
    FUZZ_CHECK(embedding_file_open(&w->npy, fuzz_path("out.npy"), true, &problem));
}

static void add(written *w, const query *q, const chunk *c) {
    query copy = *q;
    if (w->n == sizeof w->texts / sizeof *w->texts)
        return;
    copy.text = q->text != NULL ? q->text : (char[]){"text"};
    for (size_t i = 0; i < WIDTH; i++) {
        const double value = i < q->count ? c->values[q->offset + i] : 0;
        w->values[w->n][i] = fabs(value) <= (double)FLT_MAX ? (float)value : 1;
    }
    w->texts[w->n] = strdup(copy.text);
    FUZZ_CHECK(embedding_file_add(&w->lines, &copy, w->values[w->n], WIDTH));
    FUZZ_CHECK(embedding_file_add(&w->npy, &copy, w->values[w->n], WIDTH));
    w->n++;
}

static void read_back(const written *w, const char *name, bool has_texts) {
    input in;
    chunk c = {0};
    size_t n = 0;
    if (!input_open(&in, fuzz_path(name), INPUT_AUTO, 0))
        FUZZ_CHECK_THAT(false, "%s", in.problem.message);
    while (input_read(&in, &c))
        for (size_t i = 0; i < c.count; i++, n++) {
            const query *const q = &c.queries[i];
            FUZZ_CHECK(n < w->n && q->count == WIDTH);
            for (size_t j = 0; j < WIDTH; j++)
                FUZZ_CHECK((float)c.values[q->offset + j] == w->values[n][j]);
            if (has_texts)
                FUZZ_CHECK(strchr(w->texts[n], '\xef') != NULL || strchr(q->text, '\xef') != NULL ||
                           strcmp(q->text, w->texts[n]) == 0);
        }
    FUZZ_CHECK_THAT(in.problem.exit_code == 0 && n == w->n, "%s: %s", name, in.problem.message);
    chunk_free(&c);
    input_close(&in);
}

static void end(written *w) {
    failure problem = {0};
    FUZZ_CHECK(embedding_file_close(&w->lines, true, &problem));
    FUZZ_CHECK(embedding_file_close(&w->npy, w->n > 0, &problem));
    read_back(w, "out.jsonl", true);
    if (w->n > 0)
        read_back(w, "out.npy", false);
    for (size_t i = 0; i < w->n; i++)
        free(w->texts[i]);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void read_all(input *in, chunk *c, written *w) {
    uint64_t n = 0;
    bool more;
    do {
        more = input_read(in, c);
        for (size_t i = 0; i < c->count; i++, n++) {
            check_query(&c->queries[i], c, in);
            add(w, &c->queries[i], c);
        }
    } while (more);
    FUZZ_CHECK(n == in->count && (in->limit == 0 || n <= in->limit));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"q.jsonl", "q.npy", "q.f32", "q.bin", "q.json", "q"};
    struct fuzz_input choices = fuzz_input(data, size);
    const char *const name = names[fuzz_below(&choices, sizeof names / sizeof *names)];
    const uint8_t flags = fuzz_u8(&choices);
    size_t content;
    const uint8_t *const bytes = fuzz_bytes(&choices, size, &content);
    const char *const path = fuzz_write(name, bytes, content);
    chunk c = {.embeds_text = (flags & 1) != 0, .requests = (flags & 2) != 0};
    input in;
    written w;
    begin(&w);
    if (input_open(&in, path, INPUT_AUTO, flags >> 6)) {
        in.chunk_queries = 1u + (flags >> 2 & 3);
        in.limit = flags >> 4 & 3;
        read_all(&in, &c, &w);
    } else {
        FUZZ_CHECK(in.problem.exit_code != 0);
    }
    FUZZ_CHECK(in.problem.exit_code == 0 || in.problem.exit_code == EXIT_BAD_INPUT);
    FUZZ_CHECK((in.problem.exit_code == 0) == (in.problem.message[0] == '\0'));
    end(&w);
    chunk_free(&c);
    input_close(&in);
    return 0;
}
