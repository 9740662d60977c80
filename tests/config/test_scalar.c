/* SPDX-License-Identifier: Apache-2.0 */
/* Plain scalars as Go's yaml.v3 types them: its resolve table, strconv.ParseInt with base 0, and its float pattern. */
#include "support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

typedef struct scalar_case {
    const char *text;
    yaml_type type;
    double number;
} scalar_case;

static const scalar_case cases[] = {
    {"", YAML_NULL, 0},
    {"~", YAML_NULL, 0},
    {"null", YAML_NULL, 0},
    {"Null", YAML_NULL, 0},
    {"NULL", YAML_NULL, 0},
    {"nULL", YAML_TEXT, 0},
    {"none", YAML_TEXT, 0},
    {"true", YAML_BOOL, 1},
    {"True", YAML_BOOL, 1},
    {"TRUE", YAML_BOOL, 1},
    {"tRUE", YAML_TEXT, 0},
    {"false", YAML_BOOL, 0},
    {"False", YAML_BOOL, 0},
    {"FALSE", YAML_BOOL, 0},
    {"yes", YAML_TEXT, 0},
    {"no", YAML_TEXT, 0},
    {"on", YAML_TEXT, 0},
    {"off", YAML_TEXT, 0},
    {"y", YAML_TEXT, 0},
    {"0", YAML_NUMBER, 0},
    {"-0", YAML_NUMBER, 0},
    {"5", YAML_NUMBER, 5},
    {"+5", YAML_NUMBER, 5},
    {"-5", YAML_NUMBER, -5},
    {"--5", YAML_TEXT, 0},
    {"5-", YAML_TEXT, 0},
    {"-", YAML_TEXT, 0},
    {"+", YAML_TEXT, 0},
    {"1_000", YAML_NUMBER, 1000},
    {"1__0_", YAML_NUMBER, 10},
    {"_1", YAML_TEXT, 0},
    {"010", YAML_NUMBER, 8},
    {"-010", YAML_NUMBER, -8},
    {"0o10", YAML_NUMBER, 8},
    {"0O17", YAML_NUMBER, 15},
    {"0o8", YAML_TEXT, 0},
    {"08", YAML_NUMBER, 8},
    {"019", YAML_NUMBER, 19},
    {"00", YAML_NUMBER, 0},
    {"0x1F", YAML_NUMBER, 31},
    {"0X1f", YAML_NUMBER, 31},
    {"-0x10", YAML_NUMBER, -16},
    {"0x", YAML_TEXT, 0},
    {"0xg", YAML_TEXT, 0},
    {"0x_1", YAML_NUMBER, 1},
    {"0b101", YAML_NUMBER, 5},
    {"-0b11", YAML_NUMBER, -3},
    {"0b2", YAML_TEXT, 0},
    {"9223372036854775807", YAML_NUMBER, 9223372036854775807.0},
    {"18446744073709551615", YAML_NUMBER, 18446744073709551615.0},
    {"18446744073709551616", YAML_NUMBER, 18446744073709551616.0},
    {"-9223372036854775808", YAML_NUMBER, -9223372036854775808.0},
    {"0xffffffffffffffff", YAML_NUMBER, 18446744073709551615.0},
    {"0x10000000000000000", YAML_TEXT, 0},
    {"1.5", YAML_NUMBER, 1.5},
    {"-1.5", YAML_NUMBER, -1.5},
    {"1.", YAML_NUMBER, 1},
    {".5", YAML_NUMBER, 0.5},
    {"-.5", YAML_NUMBER, -0.5},
    {"+.5", YAML_NUMBER, 0.5},
    {".", YAML_TEXT, 0},
    {"-.", YAML_TEXT, 0},
    {".5_0", YAML_TEXT, 0},
    {"0.5_0", YAML_NUMBER, 0.5},
    {"1e3", YAML_NUMBER, 1000},
    {"1E+3", YAML_NUMBER, 1000},
    {"1.e3", YAML_NUMBER, 1000},
    {".1e1", YAML_NUMBER, 1},
    {"1e-2", YAML_NUMBER, 0.01},
    {"1e", YAML_TEXT, 0},
    {"e3", YAML_TEXT, 0},
    {"1e400", YAML_TEXT, 0},
    {"1e-400", YAML_NUMBER, 0},
    {"0.1", YAML_NUMBER, 0.1},
    {"0.90441281630485890000001", YAML_NUMBER, 0.9044128163048589},
    {"00.5", YAML_NUMBER, 0.5},
    {".inf", YAML_NUMBER, INFINITY},
    {".Inf", YAML_NUMBER, INFINITY},
    {"+.INF", YAML_NUMBER, INFINITY},
    {"-.inf", YAML_NUMBER, -INFINITY},
    {".iNF", YAML_TEXT, 0},
    {"inf", YAML_TEXT, 0},
    {"nan", YAML_TEXT, 0},
    {"1,5", YAML_TEXT, 0},
    {"1 5", YAML_TEXT, 0},
    {"12:30", YAML_TEXT, 0},
    {"1.2.3", YAML_TEXT, 0},
    {"2026-09-01", YAML_TEXT, 0},
    {"0x1p4", YAML_TEXT, 0},
    {"v0.3", YAML_TEXT, 0},
    {"<<", YAML_TEXT, 0},
};

static void check_all(void) {
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        double number = 42;
        const yaml_type type = mlsel_i_yaml_resolve(cases[i].text, strlen(cases[i].text), &number);
        if (type != cases[i].type || !(number == cases[i].number))
            fail_msg("\"%s\": type %d, number %.17g", cases[i].text, (int)type, number);
    }
    static const char *const no_numbers[] = {".nan", ".NaN", ".NAN"};
    for (size_t i = 0; i < TEST_LENGTH(no_numbers); i++) {
        double number = 0;
        assert_int_equal(mlsel_i_yaml_resolve(no_numbers[i], strlen(no_numbers[i]), &number), YAML_NUMBER);
        assert_true(isnan(number));
    }
}

static void plain_scalars(void **state) {
    (void)state;
    check_all();
}

/* With a decimal comma. */
static void any_locale(void **state) {
    (void)state;
    if (!test_set_comma_locale()) {
        print_message("SKIP a check of numbers: there is no locale with a decimal comma\n");
        skip();
    }
    check_all();
    setlocale(LC_ALL, "C");
}

static void long_numbers(void **state) {
    (void)state;
    char text[1000];
    double number = 0;
    memset(text, '1', sizeof text);
    text[1] = '.';
    text[300] = '\0';
    assert_int_equal(mlsel_i_yaml_resolve(text, 300, &number), YAML_NUMBER);
    assert_true(fabs(number - 1.1111111111111112) < 1e-15);
    text[300] = '1';
    text[999] = '\0';
    assert_int_equal(mlsel_i_yaml_resolve(text, 999, &number), YAML_TEXT);
}

static void bools(void **state) {
    (void)state;
    static const char *const yes[] = {"true", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"};
    static const char *const no[] = {"false", "no", "No", "NO", "n", "N", "off", "Off", "OFF"};
    static const char *const neither[] = {"", "1", "0", "yeS", "enabled", "~"};
    for (size_t i = 0; i < TEST_LENGTH(yes) + TEST_LENGTH(no) + TEST_LENGTH(neither); i++) {
        const bool is_yes = i < TEST_LENGTH(yes), is_no = !is_yes && i < TEST_LENGTH(yes) + TEST_LENGTH(no);
        yaml_node node = {.kind = YAML_SCALAR};
        bool value = !is_yes;
        node.text = is_yes  ? yes[i]
                    : is_no ? no[i - TEST_LENGTH(yes)]
                            : neither[i - TEST_LENGTH(yes) - TEST_LENGTH(no)];
        node.type = mlsel_i_yaml_resolve(node.text, strlen(node.text), &node.number);
        assert_int_equal(mlsel_i_yaml_bool(&node, &value), is_yes || is_no);
        if (is_yes || is_no)
            assert_int_equal(value, is_yes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars),
        cmocka_unit_test(any_locale),
        cmocka_unit_test(long_numbers),
        cmocka_unit_test(bools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
