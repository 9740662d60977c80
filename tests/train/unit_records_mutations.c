/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are nearly right: good ones, changed at random places, read as records and as embeddings. Nothing may
 * crash (the sanitizers look), each line that is not empty is read, and what was read must be whole.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "train/dataset.h"

enum { ROUNDS = 3000, LINES = 8, MAX_TEXT = 8192 };

static uint32_t state_of_random = 12345;

static uint32_t random_below(uint32_t n) {
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(state_of_random >> 4) * n >> 28);
}

static const char *const seeds[] = {
    "{\"query\": \"What is 2 + 2?\", \"category\": \"math\", \"model_name\": \"m1\", \"performance\": 1.0, "
    "\"response_time\": 1.25, \"cost\": 0.001, \"task_name\": \"sum\", \"response\": \"4\"}",
    "{\"query\": \"caf\\u00e9 \\ud83d\\ude00\", \"model_name\": \"m2\", \"performance\": null, \"embedding\": [0.25, "
    "-1.5e-3, 3]}",
    "{\"query\": \"NaN\", \"model_name\": \"Infinity\", \"performance\": NaN, \"response_time\": -Infinity, \"cost\": "
    "1e999}",
    "{\"query\": \"q\", \"model_name\": \"m1\", \"performance\": 0.5, \"embedding\": [NaN, 1, 1e400], \"error\": "
    "false}",
    "{\"query\": \"q\", \"model_name\": \"m3\", \"error\": {\"code\": [429, {\"a\": null}]}, \"ground_truth\": []}",
    "{\"query\": \"\\\"\\\\\\\"\", \"model_name\": \"\\\\\", \"performance\": 0.125, \"performance_known\": false}",
};
static const char *const words[] = {"NaN",     "Infinity", "-Infinity", "null", "\"", "\\",    "{",
                                    "}",       "[",        "]",         ",",    ":",  "1e999", "-",
                                    "\\u0000", "\\ud800",  "\xff",      "\r",   "\n", "0"};

static void mutate(char *text, size_t *size) {
    const uint32_t n = random_below(4);
    for (uint32_t i = 0; i<n && * size> 0; i++) {
        const size_t at = random_below((uint32_t)*size);
        const char *word = words[random_below(TEST_LENGTH(words))];
        const size_t length = strlen(word);
        switch (random_below(4)) {
        case 0: /* a bit */
            text[at] = (char)(text[at] ^ (1 << random_below(8)));
            break;
        case 1: /* less */
            memmove(text + at, text + at + 1, *size - at - 1);
            --*size;
            break;
        case 2: /* more */
            if (*size + length < MAX_TEXT / LINES) {
                memmove(text + at + length, text + at, *size - at);
                memcpy(text + at, word, length);
                *size += length;
            }
            break;
        default: /* cut */
            if (random_below(4) == 0)
                *size = at;
            break;
        }
    }
}

static size_t compose(char *text) {
    size_t size = 0;
    for (int i = 0; i < LINES; i++) {
        char line[MAX_TEXT / LINES];
        const char *seed = seeds[random_below(TEST_LENGTH(seeds))];
        size_t length = strlen(seed);
        memcpy(line, seed, length);
        mutate(line, &length);
        memcpy(text + size, line, length);
        size += length;
        text[size++] = '\n';
    }
    return size;
}

/* Lines that hold more than spaces, counted in the plainest way. */
static uint64_t count_lines(const char *text, size_t size) {
    uint64_t n = 0;
    bool has_text = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            n += has_text;
            has_text = false;
        } else if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') {
            has_text = true;
        }
    }
    return n + has_text;
}

static void check(const mlsel_dataset *dataset) {
    for (size_t i = 0; i < dataset->n_rows; i++) {
        const dataset_row *row = &dataset->rows[i];
        assert_true(row->query < dataset->n_queries && row->model < dataset->n_models);
        assert_true(isnan(row->quality) || (row->quality >= 0 && row->quality <= 1));
        assert_true(isnan(row->latency_s) || (row->latency_s >= 0 && isfinite(row->latency_s)));
        assert_true(isnan(row->cost) || (row->cost >= 0 && isfinite(row->cost)));
    }
    for (size_t q = 0; q < dataset->n_queries; q++) {
        const dataset_query *query = &dataset->queries[q];
        assert_true(query->size > 0 && strlen(query->text) == query->size);
        if (query->embedding != NULL)
            assert_int_equal(mlsel_i_find_not_finite(query->embedding, dataset->embedding_width),
                             dataset->embedding_width);
    }
    for (size_t i = 0; i < dataset->findings.n; i++) {
        const mlsel_finding *finding = &dataset->findings.kept[i];
        assert_in_range(finding->line, 1, 2 * LINES * 2);
        assert_non_null(memchr(finding->message, '\0', sizeof finding->message));
    }
}

static void mutated_lines(void **state) {
    (void)state;
    char text[MAX_TEXT + LINES];
    uint64_t rows = 0, bad = 0;
    for (int round = 0; round < ROUNDS; round++) {
        mlsel_error err;
        mlsel_dataset *dataset = NULL;
        mlsel_read_options options;
        test_ok(mlsel_dataset_create(&dataset, &err), &err);
        mlsel_read_options_init(&options, sizeof options);
        options.max_line_bytes = round % 3 == 0 ? 100 + random_below(100) : 0;
        const size_t size = compose(text);
        char *exact = malloc(size); /* so that reading beyond it is seen */
        assert_non_null(exact);
        memcpy(exact, text, size);
        const mlsel_status status = mlsel_dataset_read_records_memory(dataset, exact, size, "f", &options, &err);
        test_ok(status, &err);
        assert_int_equal(dataset->n_lines, count_lines(exact, size));
        rows += dataset->n_rows;
        bad += dataset->n_bad_lines;
        test_ok(mlsel_dataset_read_embeddings_memory(dataset, exact, size, "f", &options, &err), &err);
        check(dataset);
        options.strict = 1;
        (void)mlsel_dataset_read_records_memory(dataset, exact, size, "f", &options, &err);
        check(dataset);
        free(exact);
        mlsel_dataset_free(dataset);
    }
    assert_true(rows > ROUNDS && bad > ROUNDS); /* both occur */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutated_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
