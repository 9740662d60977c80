/* SPDX-License-Identifier: Apache-2.0 */
/* MATH: the last box, as LaTeX. */
#include "metric_cases.h"

enum {
    EQUAL = MLSEL_METRIC_BY_EQUALITY,
    BOX = MLSEL_METRIC_BY_BOX,
    CONTENT = MLSEL_METRIC_BY_CONTENT,
    SOME = MLSEL_METRIC_BY_SOME_NUMBER,
    NONE = MLSEL_METRIC_BY_NOTHING
};

static const metric_case cases[] = {
    {"\\boxed{5}", "So the answer is $\\boxed{5}$.", 1, BOX},
    {"5", "\\boxed{5}", 1, BOX},
    {"5", "5", 1, EQUAL},
    {"5", "", 0, NONE},
    {"5", "\\boxed{6}", 0, NONE},
    /* several, nested, other and broken boxes */
    {"7", "First \\boxed{5}, no: \\boxed{7}", 1, BOX},
    {"5", "First \\boxed{5}, no: \\boxed{7}", 0.8, CONTENT},
    {"\\frac{1}{2}", "\\boxed{\\frac{1}{2}}", 1, BOX},
    {"\\frac{\\sqrt{3}}{2}", "$$\\boxed{\\frac{\\sqrt{3}}{2}}$$", 1, BOX},
    {"\\{1,2\\}", "\\boxed{\\{1,2\\}}", 1, BOX},
    {"\\left\\{ 1 \\right.", "\\boxed{\\left\\{ 1 \\right.}", 1, BOX},
    {"5", "\\fbox{5}", 1, BOX},
    {"5", "\\boxed {5}", 1, BOX},
    {"5", "$\\boxed 5$", 1, BOX},
    {"5", "\\boxed{\\boxed{5}}", 1, BOX},
    {"5", "\\boxed{5} and then it breaks off: \\boxed{7", 1, BOX},
    {"5", "\\boxed{5", 0.8, CONTENT},
    {"The answer is $\\boxed{12}$ since $\\boxed{12}$.", "\\boxed{12}", 1, BOX},
    /* what LaTeX does not care about */
    {"\\frac{1}{2}", "\\boxed{\\dfrac{1}{2}}", 1, BOX},
    {"\\frac{1}{2}", "\\boxed{\\tfrac12}", 1, BOX},
    {"\\frac{1}{2}", "\\boxed{1/2}", 1, BOX},
    {"(1,2)", "\\boxed{\\left( 1, 2 \\right)}", 1, BOX},
    {"10000", "\\boxed{10\\!000}", 1, BOX},
    {"1,000", "\\boxed{1000}", 1, BOX},
    {"90", "\\boxed{90^\\circ}", 1, BOX},
    {"90^{\\circ}", "\\boxed{90\xc2\xb0}", 1, BOX},
    {"50", "\\boxed{50\\%}", 1, BOX},
    {"50\\%", "\\boxed{50%}", 1, BOX},
    {"\\$5", "\\boxed{5}", 1, BOX},
    {"x = 5", "\\boxed{5}", 1, BOX},
    {"5", "\\boxed{x=5}", 1, BOX},
    {"\\sin x=5", "\\boxed{5}", 0.7, SOME},
    {"0.5", "\\boxed{.5}", 1, BOX},
    {"-.5", "\\boxed{-0.50}", 1, BOX},
    {"3", "\\boxed{3.0}", 1, BOX},
    {"\\text{Evelyn}", "\\boxed{Evelyn}", 1, BOX},
    {"\\sqrt{3}", "\\boxed{\\sqrt3}", 1, BOX},
    {"5", "\\boxed{5.}", 1, BOX},
    {"\\leftarrow", "\\boxed{arrow}", 0, NONE},
    {"3.5", "\\boxed{35}", 0, NONE},
    {"-5", "\\boxed{5}", 0, NONE},
    {"\\theta", "\\boxed{\\Theta}", 0, NONE},
    /* contained */
    {"\\frac{3}{4}", "It is \\dfrac{3}{4} of it.", 0.8, CONTENT},
    {"5", "It is 5.", 0.8, CONTENT},
    {"5", "It is 15, 3.5 or 51.", 0, NONE},
    {"5", "It is -5.", 0, NONE},
    {"no", "I do not know", 0, NONE},
    {"even", "The function is even.", 0.8, CONTENT},
    /* numbers among others */
    {"\\frac{2}{7}", "two sevenths, or 2 of 7", 0.7, SOME},
    {"5 cm", "about 5", 0.7, SOME},
    {"5 cm", "about 6", 0, NONE},
    {"1,234", "values 1 and 234", 0, NONE},
    {"3.50 m", "roughly 3.5", 0.7, SOME},
    {"3.5 m", "roughly 35", 0, NONE},
};

static void test_table(void **state) {
    (void)state;
    metric_check("MATH", cases, TEST_LENGTH(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
