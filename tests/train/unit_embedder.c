/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in embedder against a second one, written in Python (make_embedder_fixture.py), and what it promises. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlsel_train.h"
#include "train/letters.h"

enum { MAX_WIDTH = 2048 };

static void embed(const char *text, float *out, size_t width) {
    mlsel_error err;
    test_ok(mlsel_embed_text(text, strlen(text), out, width, &err), &err);
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void as_in_python(void **state) {
    (void)state;
    cJSON *root = test_parse_file(TEST_SOURCE_DIR "/tests/train/embedder.expected.json");
    const cJSON *c;
    int n = 0;
    cJSON_ArrayForEach (c, test_need(root, "cases")) {
        float got[MAX_WIDTH];
        size_t width;
        double *expected = test_numbers(test_need(c, "values"), &width);
        const char *text = test_need_string(c, "text");
        assert_int_equal(width, (size_t)test_need_number(c, "width"));
        embed(text, got, width);
        for (size_t i = 0; i < width; i++)
            if (!(fabs((double)got[i] - expected[i]) <= 1e-7))
                fail_msg("\"%.40s\", width %zu, value %zu: %.9g, not %.9g", text, width, i, (double)got[i],
                         expected[i]);
        free(expected);
        n++;
    }
    assert_true(n >= 20);
    cJSON_Delete(root);
}

static void lower_case(void **state) {
    (void)state;
    cJSON *root = test_parse_file(TEST_SOURCE_DIR "/tests/train/embedder.expected.json");
    const cJSON *pair;
    int n = 0;
    cJSON_ArrayForEach (pair, test_need(root, "lower")) {
        const uint32_t capital = (uint32_t)cJSON_GetArrayItem(pair, 0)->valuedouble;
        const uint32_t small = (uint32_t)cJSON_GetArrayItem(pair, 1)->valuedouble;
        if (mlsel_i_lower(capital) != small)
            fail_msg("U+%04X: U+%04X, not U+%04X", capital, mlsel_i_lower(capital), small);
        n++;
    }
    assert_true(n > 700);
    cJSON_Delete(root);
    assert_int_equal(mlsel_i_lower(0x3c2), 0x3c3);
    assert_int_equal(mlsel_i_lower(0x130), 'i');
    assert_int_equal(mlsel_i_lower(0x4e00), 0x4e00);
    assert_int_equal(mlsel_i_lower(0x10ffff), 0x10ffff);
}

static void unit_length(void **state) {
    (void)state;
    static const size_t widths[] = {16, 17, 384, 1024, MAX_WIDTH};
    static const char *const texts[] = {"a", "?", "Some words, and some more of them.", "\xff\xfe\xfd",
                                        "\xf0\x9f\x98\x80"};
    for (size_t w = 0; w < TEST_LENGTH(widths); w++)
        for (size_t t = 0; t < TEST_LENGTH(texts); t++) {
            float values[MAX_WIDTH];
            embed(texts[t], values, widths[w]);
            test_close(dot(values, values, widths[w]), 1, 1e-6, texts[t]);
        }
}

static void nothing_gives_zeros(void **state) {
    (void)state;
    static const char *const texts[] = {"", " ", "\n\t\r", "\xc2\xa0\xe3\x80\x80"};
    for (size_t t = 0; t < TEST_LENGTH(texts); t++) {
        float values[64];
        memset(values, 0x7f, sizeof values);
        embed(texts[t], values, 64);
        for (size_t i = 0; i < 64; i++)
            assert_true(values[i] == 0);
    }
    mlsel_error err;
    float values[16] = {1};
    test_ok(mlsel_embed_text(NULL, 0, values, 16, &err), &err);
    assert_true(values[0] == 0);
}

/* The size counts, not a zero byte. */
static void zero_bytes(void **state) {
    (void)state;
    mlsel_error err;
    float with[64], without[64], prefix[64];
    test_ok(mlsel_embed_text("one\0two", 7, with, 64, &err), &err);
    test_ok(mlsel_embed_text("one two", 7, without, 64, &err), &err);
    test_ok(mlsel_embed_text("one", 3, prefix, 64, &err), &err);
    assert_memory_equal(with, without, sizeof with); /* it parts words as a space does */
    assert_memory_not_equal(with, prefix, sizeof with);
}

/* Texts of one kind are nearer to each other than to those of another. */
static void like_is_near(void **state) {
    (void)state;
    static const char *const texts[3][2] = {
        {"What is the capital of France?", "What is the capital city of Spain?"},
        {"Solve for x: $x^2 - 5x + 6 = 0$.", "Solve for y: $2y^2 + 3y - 9 = 0$."},
        {"def add(a, b):\n    return a + b\n", "def multiply(a, b):\n    return a * b\n"},
    };
    float values[3][2][1024];
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 2; k++)
            embed(texts[i][k], values[i][k], 1024);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            if (i != j)
                assert_true(dot(values[i][0], values[i][1], 1024) > 0.1 + dot(values[i][0], values[j][1], 1024));
}

/* So many features that the table grows several times; each text of the same characters comes out the same. */
static void long_text(void **state) {
    (void)state;
    enum { SIZE = 400000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    uint32_t x = 7;
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)(x >> 24);
    }
    mlsel_error err;
    float first[1024], second[1024];
    test_ok(mlsel_embed_text(text, SIZE, first, 1024, &err), &err);
    test_ok(mlsel_embed_text(text, SIZE, second, 1024, &err), &err);
    assert_memory_equal(first, second, sizeof first);
    test_close(dot(first, first, 1024), 1, 1e-6, "length");
    free(text);
}

static void bad_calls(void **state) {
    (void)state;
    mlsel_error err;
    float values[16];
    assert_int_equal(mlsel_embed_text("a", 1, values, 15, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_embed_text("a", 1, values, 65537, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_embed_text("a", 1, NULL, 16, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_embed_text(NULL, 1, values, 16, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_in_python),        cmocka_unit_test(lower_case), cmocka_unit_test(unit_length),
        cmocka_unit_test(nothing_gives_zeros), cmocka_unit_test(zero_bytes), cmocka_unit_test(like_is_near),
        cmocka_unit_test(long_text),           cmocka_unit_test(bad_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
