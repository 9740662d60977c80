/* SPDX-License-Identifier: Apache-2.0 */
/* em_mc: the letter that an answer chooses. */
#include "metric_cases.h"

enum {
    EQUAL = MLSEL_METRIC_BY_EQUALITY,
    PAREN = MLSEL_METRIC_BY_PARENTHESIS,
    PHRASE = MLSEL_METRIC_BY_PHRASE,
    WORD = MLSEL_METRIC_BY_WORD,
    NONE = MLSEL_METRIC_BY_NOTHING
};

static const metric_case cases[] = {
    /* the letter, with case and white space */
    {"B", "B", 1, EQUAL},
    {"B", "  b\n", 1, EQUAL},
    {"b", "B", 1, EQUAL},
    {"I", "I", 1, EQUAL},
    {"B", "C", 0, PHRASE},
    {"B", "", 0, NONE},
    {"B", " \n\t ", 0, NONE},
    {"B", "**B**", 1, PHRASE},
    {"B", "B.", 1, PHRASE},
    {"B", "`b`", 1, PHRASE},
    {"B", "B\n\nThe others do not hold water.", 1, PHRASE},
    {"C", "Let me see. Each has merit.\n\nC", 1, PHRASE},
    /* the last in parentheses */
    {"C", "(A) or (B) could be meant, but the answer is (C)", 1, PAREN},
    {"A", "(A) or (B) could be meant, but the answer is (C)", 0, PAREN},
    {"D", "It must be ( d ).", 1, PAREN},
    {"B", "Answer: B. That is why (C) fails.", 0, PAREN},
    {"E", "\xef\xbc\x88\x45\xef\xbc\x89", 1, PAREN}, /* full-width parentheses */
    {"B", "So $\\boxed{B}$ it is.", 1, PAREN},
    {"B", "Of (A) and (C) neither, so \\boxed{\\text{(B)}}.", 1, PAREN},
    {"C", "With f(a) = 2 and P(A) = 0.5 the answer is C.", 1, PHRASE},
    {"D", "(x) and (y) are equal, so the answer is D", 1, PHRASE},
    {"D", "There are two reasons: (i) cost, (ii) size. The answer is D.", 1, PHRASE},
    {"I", "The correct option is (I).", 1, PAREN},
    /* phrases */
    {"B", "The answer is B", 1, PHRASE},
    {"B", "The answer is \\\xd7\x90 B", 1,
     PHRASE}, /* no command: a backslash and a letter, of two bytes of which none is one */
    {"B", "The correct answer is: **B**. Paris", 1, PHRASE},
    {"B", "the answer is b.", 1, PHRASE},
    {"B", "Final Answer: B", 1, PHRASE},
    {"B", "ANSWER IS B", 1, PHRASE},
    {"B", "The answer should be option B, I am sure.", 1, PHRASE},
    {"C", "The answer is B", 0, PHRASE},
    {"A", "The answer is a.", 1, PHRASE},
    {"A", "The answer is A because it is.", 1, PHRASE},
    {"D", "I think D fits.", 1, PHRASE},
    {"D", "It's D", 1, PHRASE},
    {"D", "It\xe2\x80\x99s D, no doubt.", 1, PHRASE},
    {"D", "That's D.", 1, PHRASE},
    {"F", "F because the moon is round", 1, PHRASE},
    {"F", "I would choose F here", 1, PHRASE},
    {"G", "G is correct", 1, PHRASE},
    {"B", "B. Paris", 1, PHRASE},
    {"B", "B) Paris", 1, PHRASE},
    {"C", "A. Rome\nB. Paris\nC. Oslo\nThe answer is C", 1, PHRASE},
    {"J", "I'd say J!", 1, PHRASE},
    {"J", "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xafJ", 1, PHRASE}, /* Chinese, without spaces */
    {"I", "The answer is I.", 1, PHRASE},
    /* the pronoun, the article, and other letters of prose */
    {"I", "I think it is warm there.", 0, NONE},
    {"I", "I believe so, and so do I.", 0, NONE},
    {"I", "It is I.", 0, NONE},
    {"B", "The answer is I think B.", 1, PHRASE},
    {"C", "I think C", 1, PHRASE},
    {"A", "The answer is a tree", 0, NONE},
    {"A", "A tree is a plant.", 0, NONE},
    {"A", "This is a test of a kind", 0, NONE},
    {"E", "E.g. numbers, i.e. digits", 0, NONE},
    {"C", "J. R. R. Tolkien wrote that; the answer is C.", 1, PHRASE},
    {"U", "It happened in the U.S.A.", 0, NONE}, /* no letter of a choice */
    {"B", "Because of the weather", 0, NONE},
    {"B", "\xc3\x89\x42 and B\xc3\xa9 are no letters", 0, NONE},
    /* only found as a word of its own */
    {"B", "Both B and C could be, hard to tell", 0.8, WORD},
    {"C", "Both B and C could be, hard to tell", 0.8, WORD},
    {"D", "Both B and C could be, hard to tell", 0, NONE},
    {"A", "either A or nothing at all", 0.8, WORD},
    /* forms of the truth */
    {"(B)", "The answer is B", 1, PHRASE},
    {"B. Paris", "It is (b)", 1, PAREN},
    {"b)", "B", 1, PHRASE},
    {"Paris", "Paris", 1, EQUAL},
    {"Paris", "The answer is B", 0, NONE},
};

static void test_table(void **state) {
    (void)state;
    metric_check("em_mc", cases, TEST_LENGTH(cases));
}

static const char *const choices[] = {"A. Rome", "Paris", "(C) Oslo", "the Hague"};

static mlsel_metric_result with_choices(const char *metric, const char *truth, const char *response) {
    const mlsel_metric_task task = {
        .metric = metric, .truths = &truth, .n_truths = 1, .choices = choices, .n_choices = TEST_LENGTH(choices)};
    mlsel_metric_result result;
    mlsel_error err;
    test_ok(mlsel_metric_score(&task, response, NULL, &result, &err), &err);
    return result;
}

/* Choices make it multiple choice, unless a metric is named, and stand for their letters. */
static void test_choices(void **state) {
    (void)state;
    static const struct {
        const char *metric, *truth, *response, *used;
        double performance;
    } rows[] = {
        {NULL, "B", "The answer is B", "em_mc", 1},
        {NULL, "B", "paris!", "em_mc", 1},
        {NULL, "B", "Oslo", "em_mc", 0},
        {NULL, "C", "Oslo.", "em_mc", 1},
        {NULL, "Paris", "The answer is B", "em_mc", 1},
        {NULL, "The Hague", "(D)", "em_mc", 1},
        {NULL, "Rome", "(b)", "em_mc", 0},
        {"CEM", "Paris", "It is Paris.", "CEM", 1},
        {"", "A", "Rome", "em_mc", 1},
    };
    for (size_t i = 0; i < TEST_LENGTH(rows); i++) {
        const mlsel_metric_result r = with_choices(rows[i].metric, rows[i].truth, rows[i].response);
        if (r.performance != rows[i].performance || strcmp(mlsel_metric_name(r.metric), rows[i].used) != 0)
            fail_msg("row %zu: %g by %s", i + 1, r.performance, mlsel_metric_basis_name(r.basis));
        assert_true(r.is_name_known);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_choices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
