/* SPDX-License-Identifier: Apache-2.0 */
/* GSM8K: the last number. */
#include "metric_cases.h"

enum { EQUAL = MLSEL_METRIC_BY_EQUALITY, NUMBER = MLSEL_METRIC_BY_NUMBER, NONE = MLSEL_METRIC_BY_NOTHING };

static const metric_case cases[] = {
    {"6 * 7 = 42\n#### 42", "The answer is 42.", 1, NUMBER},
    {"#### 42", "42", 1, NUMBER},
    {"42", "42", 1, EQUAL},
    {"#### 42", "First 42, then 43", 0, NUMBER},
    {"#### 42", "", 0, NONE},
    {"#### 42", "I do not know.", 0, NONE},
    {"#### 42", "forty-two", 0, NONE},
    /* decimals are numbers */
    {"#### 3.5", "35", 0, NUMBER},
    {"#### 35", "The price is 3.5", 0, NUMBER},
    {"#### 3.5", "It takes 3.50 hours", 1, NUMBER},
    {"#### 18", "$18.00", 1, NUMBER},
    {"#### 0.5", "so .5", 1, NUMBER},
    {"#### 007", "7", 1, NUMBER},
    {"#### 10", "1", 0, NUMBER},
    {"#### 0", "-0.00", 1, NUMBER},
    /* commas and dollars */
    {"#### 1,234.50", "The total is $1,234.50.", 1, NUMBER},
    {"#### 1234.5", "$1,234.50", 1, NUMBER},
    {"#### $1,000,000", "It is 1000000 dollars", 1, NUMBER},
    {"#### 1000", "1,000", 1, NUMBER},
    {"#### 3", "The parts are 1, 2, 3", 1, NUMBER},
    {"#### 123", "1,2,3", 0, NUMBER},
    {"#### 1234", "1{,}234", 1, NUMBER},
    {"#### 100000", "1,00,000 rupees", 1, NUMBER},
    /* signs */
    {"#### -5", "The change is -5 degrees", 1, NUMBER},
    {"#### 5", "The change is -5 degrees", 0, NUMBER},
    {"#### -5", "5", 0, NUMBER},
    {"#### -12", "He owes -$12.", 1, NUMBER},
    {"#### 7", "between 3-7", 1, NUMBER},
    {"#### -3",
     "\xe2\x88\x92"
     "3",
     1, NUMBER}, /* the sign U+2212 */
    {"#### 9", "x=9", 1, NUMBER},
    /* around the number */
    {"#### 42", "**42**", 1, NUMBER},
    {"#### 42", "The answer is \\boxed{42}.", 1, NUMBER},
    {"#### 42", "#### 42 apples", 1, NUMBER},
    {"#### 50", "50%", 1, NUMBER},
    {"#### 42", "\xef\xbc\x94\xef\xbc\x92", 1, NUMBER}, /* full-width digits */
    {"#### 42 apples", "42", 1, NUMBER},
    {"It costs 3 times 14, which is 42", "42", 1, NUMBER},
    {"2 #### 3 #### 4", "4", 1, NUMBER},
    {"#### 123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890", 1, NUMBER},
    {"#### 123456789012345678901234567890", "123456789012345678901234567891", 0, NUMBER},
};

static void test_table(void **state) {
    (void)state;
    metric_check("GSM8K", cases, TEST_LENGTH(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
