/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of JSON against the compiler's constants, against strtod in the C locale, and against integer arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "json.h"
#include "json_number.h"
#include "support.h"

static void *c_locale;

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Reads a text from a block of its own size. The number must take all of it. */
static enum json_number_status read_text(const char *text, double *value) {
    const size_t size = strlen(text);
    char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    const char *at = copy;
    const enum json_number_status status = mlsel_i_json_number(&at, copy + size, &c_locale, value);
    const bool took_all = at == copy + size;
    free(copy);
    if (!took_all)
        fail_msg("%s: not read to its end", text);
    return status;
}

static void check(const char *text, double expected) {
    double value = NAN;
    if (read_text(text, &value) != JSON_NUMBER_OK)
        fail_msg("%s: refused", text);
    if (bits_of(value) != bits_of(expected))
        fail_msg("%s: read as %a, expected %a", text, value, expected);
}

/* SplitMix64 */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- constants: the compiler converts them exactly --------------------------------------------------------------- */

typedef struct constant {
    const char *text;
    double value;
} constant;

#define REAL(x)                                                                                                        \
    { #x, x }
#define INTEGER(x)                                                                                                     \
    { #x, x##.0 }

static const constant constants[] = {
    INTEGER(0),
    INTEGER(1),
    INTEGER(9),
    INTEGER(10),
    INTEGER(123456789),
    REAL(0.0),
    REAL(0.1),
    REAL(0.2),
    REAL(0.3),
    REAL(0.5),
    REAL(1.0),
    REAL(100.0),
    REAL(0.9044128163048589),
    REAL(-0.0669270008802414),
    REAL(0.0007730000070296228),
    REAL(-0.006113000214099884),
    REAL(3.141592653589793),
    REAL(1e0),
    REAL(1e1),
    REAL(1e22),
    REAL(1e23),
    REAL(1e27),
    REAL(1e28),
    REAL(1e-22),
    REAL(1e-23),
    REAL(1e-27),
    REAL(1e-28),
    REAL(0.000000000000000000000000001),
    REAL(0.0000000000000000000000000001),
    REAL(12345678.9e-10),
    /* 19 and 20 digits */
    INTEGER(9999999999999999999),
    INTEGER(18446744073709551615),
    INTEGER(18446744073709551616),
    REAL(1.000000000000000001),
    REAL(1.0000000000000000001),
    REAL(9999999999999999999e27),
    REAL(9999999999999999999e-27),
    REAL(0.00000000000000000001234567890123456789),
    REAL(1234567890123456789.0),
    REAL(12345678901234567890.0),
    REAL(1000000000000000000000000000000000000.0),
    REAL(0.10000000000000000000000000000000000000000000),
    /* halves: ties go to the even neighbour, anything above them up */
    INTEGER(9007199254740993),
    INTEGER(9007199254740995),
    INTEGER(9007199254740992),
    INTEGER(9007199254740994),
    REAL(9007199254740993.0),
    REAL(9007199254740993.00000000000000000000000000000000000000000000000001),
    REAL(9007199254740992.9999999999999999999999999999999999999999999999999),
    REAL(9007199254740993e0),
    REAL(900719925474099.3e1),
    REAL(90071992547409930e-1),
    REAL(4503599627370496.5),
    REAL(4503599627370497.5),
    REAL(4503599627370496.501),
    REAL(4503599627370496.499),
    REAL(1.00000000000000011102230246251565),
    REAL(1.00000000000000011102230246251565404),
    REAL(1.00000000000000011102230246251565405),
    REAL(1.000000000000000111022302462515654042363166809082031250),
    REAL(1.000000000000000111022302462515654042363166809082031249),
    REAL(1.000000000000000111022302462515654042363166809082031251),
    REAL(5708990770823839207320493820740630171355185152001e-3),
    REAL(7.2057594037927933e16),
    REAL(8.5e22),
    INTEGER(30078505129381147446200),
    INTEGER(1777820000000000000001),
    REAL(547608330e3),
    REAL(6.02214076e23),
    /* the largest */
    REAL(1.7976931348623157e308),
    REAL(1.7976931348623158e308),
    REAL(17976931348623157e292),
    REAL(17976931348623158e292),
    REAL(-1.7976931348623158e308),
    REAL(1.797693134862315807e308),
    /* the smallest: normal, subnormal, and half of the smallest subnormal, which is the even 0 */
    REAL(2.2250738585072014e-308),
    REAL(2.2250738585072011e-308),
    REAL(2.2250738585072012e-308),
    REAL(4.9406564584124654e-324),
    REAL(5e-324),
    REAL(7.4e-324),
    REAL(7.5e-324),
    REAL(2.5e-324),
    {"2.4e-324", 0.0},
    {"2.4703282292062327208828439643411068618e-324", 0.0},
    REAL(2.4703282292062328e-324),
    REAL(1e-323),
    /* forms */
    REAL(0e0),
    REAL(-0e10),
    REAL(0.000e5),
    REAL(0E+5),
    REAL(0e-99999),
    REAL(0e99999),
    REAL(-0.0),
    REAL(0.0e400),
    REAL(1E5),
    REAL(1e+5),
    REAL(1e-5),
    REAL(1e00005),
    REAL(1.50),
    REAL(150e-2),
    REAL(0.0150e2),
    {"1e-400", 0.0},
    REAL(123456789012345678901234567890e-30),
    REAL(0.1e1),
    REAL(0.00000001),
    REAL(0.12345678),
    REAL(0.123456789),
    REAL(0.1234567),
    REAL(0.1234567812345678),
    REAL(0.12345678123456781),
    REAL(1.1234567812345678e3),
};

static void test_constants(void **state) {
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(constants); i++)
        check(constants[i].text, constants[i].value);
    /* half of 2^-1074 in full, and the digit after it */
    char text[1200];
    (void)snprintf(text, sizeof text, "%.1075f", 0x1p-1074);
    check(text, 0x1p-1074);
    const char *half = "0.%0323d24703282292062327208828439643411068618";
    (void)snprintf(text, sizeof text, half, 0);
    check(text, 0.0);
    half = "0.%0323d24703282292062327208828439643411068619";
    (void)snprintf(text, sizeof text, half, 0);
    check(text, 0x1p-1074);
}

/* --- grammar ----------------------------------------------------------------------------------------------------- */

static void test_grammar(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_number_status status;
        size_t stop;
    } cases[] = {
        {"", JSON_NUMBER_NO_DIGIT, 0},
        {"-", JSON_NUMBER_NO_DIGIT, 1},
        {"x", JSON_NUMBER_NO_DIGIT, 0},
        {"--1", JSON_NUMBER_NO_DIGIT, 1},
        {"+1", JSON_NUMBER_NO_DIGIT, 0},
        {".5", JSON_NUMBER_NO_DIGIT, 0},
        {"00", JSON_NUMBER_LEADING_ZERO, 1},
        {"-01", JSON_NUMBER_LEADING_ZERO, 2},
        {"1.", JSON_NUMBER_NO_FRACTION, 2},
        {"1.e1", JSON_NUMBER_NO_FRACTION, 2},
        {"1.-1", JSON_NUMBER_NO_FRACTION, 2},
        {"1e", JSON_NUMBER_NO_EXPONENT, 2},
        {"1E-", JSON_NUMBER_NO_EXPONENT, 3},
        {"1e+-1", JSON_NUMBER_NO_EXPONENT, 3},
        {"1ex", JSON_NUMBER_NO_EXPONENT, 2},
        {"1e309", JSON_NUMBER_OVERFLOW, 5},
        {"-1e309", JSON_NUMBER_OVERFLOW, 6},
        {"1.7976931348623159e308", JSON_NUMBER_OVERFLOW, 22},
        {"17976931348623159e292", JSON_NUMBER_OVERFLOW, 21},
        {"1e99999999999999999999", JSON_NUMBER_OVERFLOW, 22},
        {"0.5x", JSON_NUMBER_OK, 3},
        {"1e5.5", JSON_NUMBER_OK, 3},
        {"1-1", JSON_NUMBER_OK, 1},
        {"0x1p3", JSON_NUMBER_OK, 1},
        {"0e", JSON_NUMBER_NO_EXPONENT, 2},
        {"1.23456789:2", JSON_NUMBER_OK, 10},
        {"1.2345678/12", JSON_NUMBER_OK, 9},
        {"1.12345\xb6"
         "7",
         JSON_NUMBER_OK, 7},
        {"1.\xff"
         "1234567",
         JSON_NUMBER_NO_FRACTION, 2},
        {"1.1234567\xba"
         "89",
         JSON_NUMBER_OK, 9},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        double value;
        const char *at = cases[i].text;
        const enum json_number_status status =
            mlsel_i_json_number(&at, cases[i].text + strlen(cases[i].text), &c_locale, &value);
        if (status != cases[i].status || (size_t)(at - cases[i].text) != cases[i].stop)
            fail_msg("%s: status %d at %td", cases[i].text, (int)status, at - cases[i].text);
    }
    /* the end of the text ends a number, wherever it is */
    const char text[] = "-1.23456789012345678e-12";
    for (size_t size = 1; size <= strlen(text); size++) {
        char *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        const char *at = copy;
        double value = NAN;
        const enum json_number_status status = mlsel_i_json_number(&at, copy + size, &c_locale, &value);
        assert_ptr_equal(at, copy + size);
        const char last = text[size - 1];
        assert_int_equal(status == JSON_NUMBER_OK, last >= '0' && last <= '9');
        free(copy);
    }
}

/* --- random numbers ---------------------------------------------------------------------------------------------- */

enum { N_RANDOM = 200000 };

static void check_against_strtod(const char *text) {
    const double expected = strtod(text, NULL);
    double value = NAN;
    const enum json_number_status status = read_text(text, &value);
    if (!isfinite(expected)) {
        assert_int_equal(status, JSON_NUMBER_OVERFLOW);
        return;
    }
    if (status != JSON_NUMBER_OK || bits_of(value) != bits_of(expected))
        fail_msg("%s: read as %a, expected %a", text, value, expected);
}

/* Any bit pattern, printed with 1 to 17 digits. */
static void test_random_bits(void **state) {
    (void)state;
    uint64_t seed = 1;
    char text[64];
    for (unsigned i = test_rounds(N_RANDOM); i > 0; i--) {
        const double value = from_bits(next_random(&seed));
        if (!isfinite(value))
            continue;
        (void)snprintf(text, sizeof text, "%.17g", value);
        check(text, value);
        (void)snprintf(text, sizeof text, "%.*g", (int)(next_random(&seed) % 17) + 1, value);
        check_against_strtod(text);
    }
}

/* Of the size that occurs in artifacts: as double, and as float widened to double. */
static void test_random_values(void **state) {
    (void)state;
    uint64_t seed = 2;
    char text[64];
    for (unsigned i = test_rounds(N_RANDOM); i > 0; i--) {
        const uint64_t random = next_random(&seed);
        const int exponent = (int)(next_random(&seed) % 120) - 80;
        const double value = ldexp((double)(int64_t)random, exponent - 63);
        for (int precision = 15; precision <= 18; precision++) {
            (void)snprintf(text, sizeof text, "%.*g", precision, value);
            check_against_strtod(text);
            if (precision >= 17)
                check(text, value);
        }
        const double narrow = (double)(float)value;
        (void)snprintf(text, sizeof text, "%.17g", narrow);
        check(text, narrow);
    }
}

/* Digits and exponents without any value behind them. */
static void test_random_digits(void **state) {
    (void)state;
    uint64_t seed = 3;
    char text[128];
    for (unsigned i = test_rounds(N_RANDOM); i > 0; i--) {
        size_t used = 0;
        if (next_random(&seed) % 2 == 0)
            text[used++] = '-';
        const size_t n_integer = next_random(&seed) % 4 == 0 ? next_random(&seed) % 25 + 1 : 1;
        for (size_t k = 0; k < n_integer; k++)
            text[used++] =
                (char)('0' + (n_integer > 1 && k == 0 ? next_random(&seed) % 9 + 1 : next_random(&seed) % 10));
        const size_t n_fraction = next_random(&seed) % 30;
        const size_t n_zeros = next_random(&seed) % 3 == 0 ? next_random(&seed) % 20 : 0;
        if (n_fraction > 0)
            text[used++] = '.';
        for (size_t k = 0; k < n_fraction; k++)
            text[used++] = (char)('0' + (k < n_zeros ? 0 : next_random(&seed) % 10));
        const uint64_t range = next_random(&seed) % 2 == 0 ? 700 : 60;
        if (next_random(&seed) % 2 == 0)
            (void)snprintf(text + used, sizeof text - used, "e%d", (int)(next_random(&seed) % range) - (int)range / 2);
        else
            text[used] = '\0';
        check_against_strtod(text);
    }
}

/* Exact ties: v / 2^j for odd v of 54 bits, and 10 units of the last place beside. What is right follows from v alone.
 */
static void test_random_ties(void **state) {
    (void)state;
    static const unsigned fives[] = {0, 5, 25, 125}; /* last digits of 1 / 2^j */
    uint64_t seed = 4;
    char text[64];
    for (unsigned i = test_rounds(N_RANDOM); i > 0; i--) {
        const uint64_t v = (next_random(&seed) >> 11) | UINT64_C(1) << 53 | 1;
        for (int j = 0; j <= 3; j++) {
            const uint64_t whole = v >> j;
            const uint64_t rest = (v & ((UINT64_C(1) << j) - 1)) * fives[j];
            const double down = ldexp((double)((v - 1) / 2), 1 - j);
            const double up = ldexp((double)((v + 1) / 2), 1 - j);
            const double even = (v + 1) % 4 == 0 ? up : down;
            if (j == 0)
                (void)snprintf(text, sizeof text, "%" PRIu64, whole);
            else
                (void)snprintf(text, sizeof text, "%" PRIu64 ".%0*" PRIu64, whole, j, rest);
            check(text, even);
            const size_t length = strlen(text);
            (void)snprintf(text + length, sizeof text - length, j == 0 ? ".0000000000001" : "0000000000001");
            check(text, up);
            if (j > 0) {
                (void)snprintf(text, sizeof text, "%" PRIu64 ".%0*" PRIu64 "9", whole, j, rest - 1);
                check(text, down);
            }
            /* the same tie with more digits in front of the exponent, and with fewer */
            (void)snprintf(text, sizeof text, "%" PRIu64 "000e-3", v);
            check(text, (v + 1) % 4 == 0 ? ldexp((double)((v + 1) / 2), 1) : ldexp((double)((v - 1) / 2), 1));
        }
    }
}

/* --- locale ------------------------------------------------------------------------------------------------------ */

static void test_locale(void **state) {
    (void)state;
    if (!test_set_comma_locale()) {
        print_message("SKIP a check of numbers: there is no locale with a decimal comma\n");
        skip();
    }
    char comma[16];
    (void)snprintf(comma, sizeof comma, "%.1f", 0.5);
    assert_string_equal(comma, "0,5"); /* so the locale is in force */
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(constants); i++)
        check(constants[i].text, constants[i].value);
    json_document *doc = NULL;
    const char text[] = "{\"a\":0.25,\"b\":[1.5,1.00000000000000000000000000001,2.5e-300]}";
    assert_int_equal(mlsel_i_json_parse(text, strlen(text), NULL, NULL, &doc, NULL), MLSEL_OK);
    const cJSON *a = mlsel_i_json_root(doc)->child;
    assert_true(a->valuedouble == 0.25);
    const double *b = mlsel_i_json_array(doc, a->next)->data;
    assert_true(b[0] == 1.5 && b[1] == 1.0 && b[2] == 2.5e-300);
    mlsel_i_json_free(doc);
    char formatted[32];
    mlsel_i_format_double(formatted, sizeof formatted, -0.1);
    assert_string_equal(formatted, "-0.1");
    mlsel_i_format_double(formatted, sizeof formatted, 2.5e-300);
    assert_string_equal(formatted, "2.5e-300");
    mlsel_i_format_double(formatted, sizeof formatted, 1e300);
    assert_string_equal(formatted, "1e+300");
    mlsel_error err;
    const char big[] = "[1.5e400]";
    assert_int_equal(mlsel_i_json_parse(big, strlen(big), NULL, NULL, &doc, &err), MLSEL_ERROR_SCHEMA);
    assert_string_equal(err.message, "$[0]: 1.5e400 is not a finite number (too large for double)");
    assert_string_equal(localeconv()->decimal_point, ","); /* nobody changed it */
}

static int reset_locale(void **state) {
    (void)state;
    return setlocale(LC_ALL, "C") != NULL ? 0 : -1;
}

static int free_locale(void **state) {
    (void)state;
    mlsel_i_json_number_done(c_locale);
    mlsel_i_json_number_done(NULL);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_random_values),
        cmocka_unit_test(test_random_digits),
        cmocka_unit_test(test_random_ties),
        cmocka_unit_test_teardown(test_locale, reset_locale),
    };
    return cmocka_run_group_tests(tests, NULL, free_locale);
}
