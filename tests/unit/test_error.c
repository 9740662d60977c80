/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: names, filling, cleaning and cutting of messages; numbers in messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_MESSAGE 239

static void test_layout(void **state) {
    (void)state;
    assert_int_equal(sizeof(mlsel_error), 256);
    assert_int_equal(offsetof(mlsel_error, detail), 8);
    assert_int_equal(offsetof(mlsel_error, message), 16);
}

static void test_status_names(void **state) {
    (void)state;
    static const struct {
        mlsel_status status;
        const char *name;
    } names[] = {
        {0, "MLSEL_OK"},
        {-1, "MLSEL_ERROR_INVALID_ARGUMENT"},
        {-2, "MLSEL_ERROR_NO_MEMORY"},
        {-3, "MLSEL_ERROR_PARSE"},
        {-4, "MLSEL_ERROR_SCHEMA"},
        {-5, "MLSEL_ERROR_VERSION"},
        {-6, "MLSEL_ERROR_DIMENSION"},
        {-7, "MLSEL_ERROR_NOT_FOUND"},
        {-8, "MLSEL_ERROR_UNSUPPORTED"},
        {-9, "MLSEL_ERROR_DEVICE"},
        {-10, "MLSEL_ERROR_IO"},
        {-11, "MLSEL_ERROR_INTERNAL"},
        {-12, "MLSEL_ERROR_LIMIT"},
        {-13, "MLSEL_ERROR_NOT_TRAINED"},
        {-14, "MLSEL_ERROR_NO_CANDIDATE"},
        {-15, "MLSEL_ERROR_NOT_FINITE"},
        {-16, "MLSEL_ERROR_NO_DECISION"},
        {-17, "MLSEL_ERROR_CANCELLED"},
        {-18, "MLSEL_ERROR_CLOSED"},
        {-19, "MLSEL_ERROR_UNKNOWN"},
        {1, "MLSEL_ERROR_UNKNOWN"},
        {INT32_MIN, "MLSEL_ERROR_UNKNOWN"},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names); i++)
        assert_string_equal(mlsel_status_name(names[i].status), names[i].name);
}

static void test_fill(void **state) {
    (void)state;
    mlsel_error err;
    memset(&err, 0xa5, sizeof err);
    assert_int_equal(mlsel_i_fail(&err, MLSEL_ERROR_SCHEMA, "%s: %d values, expected %zu", "$.x", 3, (size_t)4), -4);
    assert_int_equal(err.code, -4);
    assert_int_equal(err.reserved, 0);
    assert_int_equal(err.detail, 0);
    assert_string_equal(err.message, "$.x: 3 values, expected 4");
    for (size_t i = strlen(err.message); i < sizeof err.message; i++)
        assert_int_equal(err.message[i], 0);

    assert_int_equal(mlsel_i_fail_detail(&err, MLSEL_ERROR_IO, UINT64_MAX, "%s", "disk"), -10);
    assert_true(err.code == -10 && err.detail == UINT64_MAX);
    assert_string_equal(err.message, "disk");

    /* arguments may come from the error itself */
    assert_int_equal(mlsel_i_fail(&err, MLSEL_ERROR_DEVICE, "<%s>", err.message), -9);
    assert_string_equal(err.message, "<disk>");
    assert_int_equal(err.detail, 0);

    assert_int_equal(mlsel_i_no_memory(&err), -2);
    assert_int_equal(err.code, -2);
    assert_string_equal(err.message, "out of memory");

    err.detail = 7;
    assert_int_equal(mlsel_i_ok(&err), 0);
    static const mlsel_error zero;
    assert_memory_equal(&err, &zero, sizeof err);
    mlsel_i_fail_detail(&err, MLSEL_ERROR_IO, 5, "%s", "disk");
    err.reserved = 1;
    assert_int_equal(mlsel_i_ok_quickly(&err), 0);
    assert_memory_equal(&err, &zero, offsetof(mlsel_error, message) + 1);

    assert_int_equal(mlsel_i_fail(NULL, MLSEL_ERROR_SCHEMA, "%s", "x"), -4);
    assert_int_equal(mlsel_i_fail_detail(NULL, MLSEL_ERROR_PARSE, 1, "%s", "x"), -3);
    assert_int_equal(mlsel_i_no_memory(NULL), -2);
    assert_int_equal(mlsel_i_ok(NULL), 0);
    assert_int_equal(mlsel_i_ok_quickly(NULL), 0);
    mlsel_i_error_prefix(NULL, "x");
}

static void test_clean(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", ""},
        {"plain ~", "plain ~"},
        {"a\nb\tc\rd\x1b[0m\x7f", "a?b?c?d?[0m?"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\x80|\xc2\x9f|\xc2\xa0", "?|?|\xc2\xa0"},
        {"\xff|\xc3|\xe2\x82|\x80\x80", "?|?|??|??"},
        {"\xed\xa0\x80|\xc0\xaf|\xf4\x90\x80\x80", "???|??|????"},
        {"cut \xe2\x82", "cut ??"},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        mlsel_error err;
        mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", cases[i].text);
        assert_string_equal(err.message, cases[i].message);
    }
}

/* n bytes, zero-terminated, ending in `tail`. */
static const char *repeat(char *text, char c, size_t n, const char *tail) {
    memset(text, c, n);
    strcpy(text + n, tail);
    return text;
}

static void test_cut(void **state) {
    (void)state;
    char text[8192], expected[MAX_MESSAGE + 1];
    mlsel_error err;
    mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", repeat(text, 'a', MAX_MESSAGE, ""));
    assert_string_equal(err.message, text);
    mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", repeat(text, 'a', MAX_MESSAGE + 1, ""));
    assert_string_equal(err.message, repeat(expected, 'a', MAX_MESSAGE - 3, "..."));
    mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", repeat(text, 'a', 8000, ""));
    assert_string_equal(err.message, expected);
    mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", repeat(text, '\n', 8000, ""));
    assert_string_equal(err.message, repeat(expected, '?', MAX_MESSAGE - 3, "..."));
    /* a character of four bytes across the end: it stays if it is the last, and goes as a whole otherwise */
    for (size_t n = MAX_MESSAGE - 8; n <= MAX_MESSAGE; n++) {
        mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", repeat(text, 'a', n, "\xf0\x9f\x98\x80"));
        if (n + 4 <= MAX_MESSAGE)
            assert_string_equal(err.message, text);
        else
            assert_string_equal(err.message, repeat(expected, 'a', n < MAX_MESSAGE - 3 ? n : MAX_MESSAGE - 3, "..."));
        mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s",
                     repeat(text, 'a', n, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"));
        if (n + 4 <= MAX_MESSAGE - 3)
            assert_string_equal(err.message, repeat(expected, 'a', n, "\xf0\x9f\x98\x80..."));
        else
            assert_string_equal(err.message, repeat(expected, 'a', n < MAX_MESSAGE - 3 ? n : MAX_MESSAGE - 3, "..."));
    }
    /* control characters of two bytes become one: more of the text fits */
    text[0] = '\0';
    for (int i = 0; i < 600; i++)
        memcpy(text + (ptrdiff_t)2 * i, "\xc2\x85", 3);
    mlsel_i_fail(&err, MLSEL_ERROR_IO, "%s", text);
    assert_string_equal(err.message, repeat(expected, '?', MAX_MESSAGE - 3, "..."));
}

static void test_prefix(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_i_fail_detail(&err, MLSEL_ERROR_PARSE, 5, "byte 5: bad");
    mlsel_i_error_prefix(&err, "knn_model.json: ");
    assert_string_equal(err.message, "knn_model.json: byte 5: bad");
    assert_true(err.code == MLSEL_ERROR_PARSE && err.detail == 5);
    mlsel_i_error_prefix(&err, "a\n");
    assert_string_equal(err.message, "a?knn_model.json: byte 5: bad");

    /* a long prefix loses its beginning, so that the message stays */
    char prefix[6000], expected[512];
    mlsel_i_fail(&err, MLSEL_ERROR_PARSE, "byte 5: bad");
    mlsel_i_error_prefix(&err, repeat(prefix, 'd', 5000, "/knn_model.json: "));
    memcpy(expected, "...", 3);
    memset(expected + 3, 'd', 208);
    strcpy(expected + 211, "/knn_model.json: byte 5: bad");
    assert_int_equal(strlen(expected), MAX_MESSAGE);
    assert_string_equal(err.message, expected);

    /* not in the middle of a character */
    mlsel_i_fail(&err, MLSEL_ERROR_PARSE, "m");
    for (size_t i = 0; i < 300; i++)
        memcpy(prefix + 3 * i, "\xe2\x82\xac", 4);
    mlsel_i_error_prefix(&err, prefix);
    assert_int_equal(strlen(err.message), 3 + 78 * 3 + 1); /* 238 - 3 bytes have room for 78 */
    assert_memory_equal(err.message, "...\xe2\x82\xac", 6);
    assert_int_equal(err.message[3 + 78 * 3], 'm');

    /* both are long: 80 bytes of the prefix, and the message is cut */
    char message[512];
    mlsel_i_fail(&err, MLSEL_ERROR_PARSE, "%s", repeat(message, 'm', 230, ""));
    mlsel_i_error_prefix(&err, repeat(prefix, 'd', 300, ": "));
    assert_int_equal(strlen(err.message), MAX_MESSAGE);
    assert_memory_equal(err.message, "...dd", 5);
    assert_memory_equal(err.message + 77, "d: mm", 5);
    assert_string_equal(err.message + MAX_MESSAGE - 4, "m...");

    /* a short one in front of a long message */
    mlsel_i_fail(&err, MLSEL_ERROR_PARSE, "%s", repeat(message, 'm', MAX_MESSAGE, ""));
    mlsel_i_error_prefix(&err, "p: ");
    assert_memory_equal(err.message, "p: mm", 5);
    assert_string_equal(err.message + MAX_MESSAGE - 4, "m...");
}

static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size, length;
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\0", 1, 1},
        {"\x7f", 1, 1},
        {"\x80", 1, 0},
        {"\xbf", 1, 0},
        {"\xc1\xbf", 2, 0},
        {"\xc2\x80", 2, 2},
        {"\xc2\x80z", 3, 2},
        {"\xc2", 1, 0},
        {"\xc2\x7f", 2, 0},
        {"\xc2\xc0", 2, 0},
        {"\xdf\xbf", 2, 2},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xe0\xa0\x80", 3, 3},
        {"\xe0\xa0", 2, 0},
        {"\xe0\xa0\x7f", 3, 0},
        {"\xe1\x7f\x80", 3, 0},
        {"\xed\x9f\xbf", 3, 3},
        {"\xed\xa0\x80", 3, 0},
        {"\xee\x80\x80", 3, 3},
        {"\xef\xbf\xbf", 3, 3},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf0\x90\x80", 3, 0},
        {"\xf0\x90\x80\x7f", 4, 0},
        {"\xf0\x90\xc0\x80", 4, 0},
        {"\xf3\x7f\x80\x80", 4, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xff", 1, 0},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        /* a block of its own size, so that a sanitizer sees a byte read beyond */
        unsigned char *copy = malloc(cases[i].size + 1);
        assert_non_null(copy);
        unsigned char *text = copy + 1;
        memcpy(text, cases[i].text, cases[i].size);
        const size_t length = mlsel_i_utf8_length(text, text + cases[i].size);
        if (length != cases[i].length)
            fail_msg("case %zu: %zu", i, length);
        free(copy);
    }
}

static void test_format_double(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.0, "-1"},
        {0.1, "0.1"},
        {0.5, "0.5"},
        {1e10, "10000000000"},
        {123456789.25, "123456789.25"},
        {1e15, "1e+15"},
        {1e100, "1e+100"},
        {1e-5, "1e-05"},
        {2.5e-300, "2.5e-300"},
        {0.9044128163048589, "0.9044128163048589"},
        {0.1f, "0.10000000149011612"},
        {1.0 / 3.0, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {0x1p-1074, "4.94065645841247e-324"},
    };
    char text[32];
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        mlsel_i_format_double(text, sizeof text, cases[i].value);
        assert_string_equal(text, cases[i].text);
        assert_true(strtod(text, NULL) == cases[i].value);
    }
    mlsel_i_format_double(text, sizeof text, NAN);
    assert_string_equal(text, "nan");
    mlsel_i_format_double(text, sizeof text, INFINITY);
    assert_string_equal(text, "inf");
    mlsel_i_format_double(text, sizeof text, -INFINITY);
    assert_string_equal(text, "-inf");
    mlsel_i_format_double(text, 5, 1.0 / 3.0);
    assert_string_equal(text, "0.33");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout), cmocka_unit_test(test_status_names),  cmocka_unit_test(test_fill),
        cmocka_unit_test(test_clean),  cmocka_unit_test(test_cut),           cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_utf8),   cmocka_unit_test(test_format_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
