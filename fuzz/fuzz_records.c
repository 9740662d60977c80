/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmark records and embeddings, read from memory. The input is the text of both; behind its last 0 byte how to read
 * it and what to do with the dataset.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fuzz.h"
#include "input.h"
#include "json_lines.h"
#include "train/dataset.h"
#include "train/lines.h"
#include "train/train.h"

/* Lines that are not blank, or are too long to be looked at. */
static uint64_t count_lines(const char *text, size_t size, size_t longest) {
    uint64_t n = 0;
    for (size_t i = 0; i < size;) {
        const char *const stop = memchr(text + i, '\n', size - i);
        const size_t length = stop == NULL ? size - i : (size_t)(stop - text) - i;
        const size_t shown = length > 0 && text[i + length - 1] == '\r' ? length - 1 : length;
        n += shown > longest || !mlsel_i_line_is_blank(text + i, length);
        i += length + 1;
    }
    return n;
}

static void check_rows(const mlsel_dataset *d) {
    for (size_t i = 0; i < d->n_rows; i++) {
        const dataset_row *const row = &d->rows[i];
        FUZZ_CHECK(row->query < d->n_queries && row->model < d->n_models);
        FUZZ_CHECK(isnan(row->quality) || (row->quality >= 0 && row->quality <= 1));
        FUZZ_CHECK(isnan(row->latency_s) || (row->latency_s >= 0 && isfinite(row->latency_s)));
        FUZZ_CHECK(isnan(row->cost) || (row->cost >= 0 && isfinite(row->cost)));
    }
    for (size_t q = 0; q < d->n_queries; q++) {
        const dataset_query *const query = &d->queries[q];
        FUZZ_CHECK(query->size > 0 && strlen(query->text) == query->size);
        FUZZ_CHECK(mlsel_i_dataset_find(d, query->text, query->size) == (int64_t)q);
        if (query->embedding != NULL)
            FUZZ_CHECK(mlsel_i_find_not_finite(query->embedding, d->embedding_width) == d->embedding_width);
    }
}

static void check_findings(const mlsel_dataset *d, uint64_t lines) {
    mlsel_finding found;
    mlsel_error err;
    uint64_t sum = 0;
    for (mlsel_finding_code code = 1; code <= MLSEL_FINDING_CODES; code++)
        sum += mlsel_dataset_count_findings(d, code);
    const size_t n = mlsel_dataset_finding_count(d);
    FUZZ_CHECK(n <= sum);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(mlsel_dataset_get_finding(d, i, &found, sizeof found, &err) == MLSEL_OK);
        FUZZ_CHECK(found.line <= lines && memchr(found.message, '\0', sizeof found.message) != NULL);
        FUZZ_CHECK(found.message[strcspn(found.message, "\n\r")] == '\0' && found.message[0] != '\0');
    }
}

/* Everything that can be asked of it. */
static void check(const mlsel_dataset *d, uint64_t lines) {
    mlsel_dataset_info info;
    mlsel_observation seen;
    mlsel_error err;
    uint64_t rows = 0, pairs = 0;
    check_rows(d);
    check_findings(d, lines);
    FUZZ_CHECK(mlsel_dataset_get_info(d, &info, sizeof info, &err) == MLSEL_OK);
    for (size_t m = 0; m < info.n_models; m++) {
        const char *const name = mlsel_dataset_model(d, m);
        FUZZ_CHECK(name != NULL && (m == 0 || strcmp(mlsel_dataset_model(d, m - 1), name) < 0));
        for (size_t q = 0; q < info.n_queries; q++) {
            FUZZ_CHECK(mlsel_dataset_observe(d, q, m, &seen, &err) == MLSEL_OK);
            FUZZ_CHECK(isnan(seen.quality) || (seen.quality >= 0 && seen.quality <= 1));
            FUZZ_CHECK(isnan(seen.latency_s) || (seen.latency_s >= 0 && isfinite(seen.latency_s)));
            FUZZ_CHECK(isnan(seen.cost) || (seen.cost >= 0 && isfinite(seen.cost)));
            rows += seen.rows;
            pairs += isnan(seen.quality) ? 0 : 1;
        }
    }
    FUZZ_CHECK(rows == info.n_rows && pairs == info.n_pairs);
    FUZZ_CHECK(info.n_bad_lines <= info.n_lines);
}

/* Lines are read one by one or, with `strict`, up to the first bad one. */
static void read_text(mlsel_dataset *d, const char *text, size_t size, const mlsel_read_options *options,
                      bool is_embeddings) {
    mlsel_error err;
    const mlsel_status status = is_embeddings
                                    ? mlsel_dataset_read_embeddings_memory(d, text, size, "a/file", options, &err)
                                    : mlsel_dataset_read_records_memory(d, text, size, "a/file", options, &err);
    FUZZ_CHECK(status == MLSEL_OK || options->strict || status == MLSEL_ERROR_UNSUPPORTED);
    FUZZ_CHECK((status == MLSEL_OK) == (err.code == MLSEL_OK) && (status == MLSEL_OK) == (err.message[0] == '\0'));
    if (status != MLSEL_OK && status != MLSEL_ERROR_UNSUPPORTED)
        FUZZ_CHECK_THAT(strncmp(err.message, "file:", 5) == 0 && err.detail > 0, "%s", err.message);
}

/* The same text again, with an allocation that fails: what was read before stays whole. */
static void read_without_memory(mlsel_dataset *d, const char *text, size_t size, const mlsel_read_options *options,
                                struct fuzz_input *choices) {
    mlsel_error err;
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_dataset_read_records_memory(d, text, size, "file", options, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
}

static void change(mlsel_dataset *d, struct fuzz_input *choices) {
    mlsel_error err;
    mlsel_dataset_info before, after;
    uint64_t dropped = 0;
    FUZZ_CHECK(mlsel_dataset_get_info(d, &before, sizeof before, &err) == MLSEL_OK);
    if (fuzz_bool(choices) && before.n_models > 0) {
        const char *const model = mlsel_dataset_model(d, fuzz_u8(choices) % before.n_models);
        char *const copy = strdup(model);
        FUZZ_CHECK(copy != NULL && mlsel_dataset_keep_models(d, (const char *const[]){copy}, 1, &err) == MLSEL_OK);
        FUZZ_CHECK(strcmp(mlsel_dataset_model(d, 0), copy) == 0 && mlsel_dataset_model(d, 1) == NULL);
        free(copy);
    }
    if (fuzz_bool(choices)) {
        const mlsel_status status = mlsel_dataset_embed(d, before.embedding_width > 0 ? 0 : 16, &err);
        FUZZ_CHECK(status == MLSEL_OK || status == MLSEL_ERROR_INVALID_ARGUMENT);
    }
    FUZZ_CHECK(mlsel_dataset_drop_unembedded(d, &dropped, &err) == MLSEL_OK);
    FUZZ_CHECK(mlsel_dataset_get_info(d, &after, sizeof after, &err) == MLSEL_OK);
    FUZZ_CHECK(after.n_queries + dropped <= before.n_queries && after.n_embedded == after.n_queries);
}

/* What training would see of it. */
static void lay_out(const mlsel_dataset *d, struct fuzz_input *choices) {
    mlsel_train_options options;
    train_table *table = NULL;
    mlsel_error err;
    mlsel_train_options_init(&options, sizeof options);
    options.objective = fuzz_bool(choices) ? MLSEL_OBJECTIVE_COMPATIBLE : MLSEL_OBJECTIVE_OUTCOME;
    options.without_categories = fuzz_bool(choices);
    fuzz_fail_begin(choices);
    const mlsel_status status = mlsel_i_table_create(d, &options, &table, &err);
    const bool refused = fuzz_fail_end() > 0;
    FUZZ_CHECK(refused || status != MLSEL_ERROR_NO_MEMORY);
    if (status == MLSEL_OK)
        mlsel_i_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input choices = fuzz_split_text(data, size, &text_size);
    char *const text = malloc(text_size > 0 ? text_size : 1); /* of exactly its size */
    mlsel_dataset *d = NULL;
    mlsel_read_options options;
    mlsel_error err;
    FUZZ_CHECK(text != NULL);
    if (text_size > 0)
        memcpy(text, data, text_size);
    FUZZ_CHECK(mlsel_dataset_create(&d, &err) == MLSEL_OK);
    mlsel_read_options_init(&options, sizeof options);
    options.strict = fuzz_bool(&choices);
    options.max_queries = fuzz_below(&choices, 4);
    options.max_line_bytes = fuzz_u8(&choices);
    const uint64_t lines = 1 + text_size;
    const size_t longest = options.max_line_bytes > 0 ? (size_t)options.max_line_bytes : SIZE_MAX;
    read_text(d, text, text_size, &options, false);
    if (!options.strict && d->n_lines > 0)
        FUZZ_CHECK(d->n_lines == count_lines(text, text_size, longest) || memchr(text, '\xef', 1) != NULL);
    check(d, lines);
    read_text(d, text, text_size, &options, true);
    check(d, lines);
    read_without_memory(d, text, text_size, &options, &choices);
    check(d, lines);
    lay_out(d, &choices);
    change(d, &choices);
    check(d, lines);
    lay_out(d, &choices);
    mlsel_dataset_free(d);
    free(text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return fuzz_json_lines_mutate(data, size, max_size, seed);
}
