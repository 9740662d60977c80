/* SPDX-License-Identifier: Apache-2.0 */
/* f1_score, commongen_coverage and CEM. */
#include "metric_cases.h"

enum {
    EQUAL = MLSEL_METRIC_BY_EQUALITY,
    CONTENT = MLSEL_METRIC_BY_CONTENT,
    SHARE = MLSEL_METRIC_BY_SHARE,
    NONE = MLSEL_METRIC_BY_NOTHING
};

static const metric_case f1_cases[] = {
    {"the quick brown fox", "The Quick Brown Fox", 1, EQUAL},
    {"the quick brown fox", "a quick brown fox", 1, SHARE},     /* 3 of 3 and 3 */
    {"quick brown fox", "quick brown dog", 2.0 * 2 / 6, SHARE}, /* 2 of 3 and 3 */
    {"quick brown fox", "fox", 2.0 * 1 / 4, SHARE},             /* 1 of 3 and 1 */
    {"quick brown fox", "fox fox fox", 2.0 * 1 / 4, SHARE},     /* sets, not bags */
    {"quick brown fox", "brown, fox; quick!", 1, SHARE},        /* order and marks */
    {"quick brown fox", "", 0, NONE},
    {"quick brown fox", "the a of", 0, NONE},
    {"quick brown fox", "slow white cat", 0, NONE},
    {"quick brown fox", "the fox is in the house", 2.0 * 1 / 5, SHARE}, /* 1 of 3 and 2 */
    {"Paris", "It is Paris, I think", 1, CONTENT},
    {"New York", "the city of new york!", 1, CONTENT},
    {"New York", "york is new", 1, SHARE},
    {"New York", "York", 2.0 * 1 / 3, SHARE},
    {"New York City", "new york", 2.0 * 2 / 5, SHARE},
    {"UK", "Ukraine", 0, NONE},
    {"no", "I do not know", 0, NONE},
    {"3.5", "35", 0, NONE},
    {"35", "it is 3.5", 0, NONE},
    {"5", "it is 15", 0, NONE},
    {"3.5", "about 3.5 m", 1, CONTENT},
    {"to be or not to be", "not be", 1, SHARE}, /* "to" and "or" are stop words */
    {"to the", "in to the woods", 1, CONTENT},
    {"of the and", "the", 2.0 * 1 / 4, SHARE},                    /* stop words only: they count */
    {"well-known fact here", "a well known fact here", 1, SHARE}, /* 4 of 4 and 4 */
    {"caf\xc3\xa9 au lait", "CAF\xc3\x89 AU LAIT!", 1, SHARE},
    {"\xce\xa3\xce\xb9\xce\xb3\xce\xac \xcf\x83\xce\xb9\xce\xb3\xce\xac \xcf\x80\xce\xac\xce\xbc\xce\xb5",
     "\xcf\x83\xce\xb9\xce\xb3\xce\xac, \xcf\x80\xce\xac\xce\xbc\xce\xb5", 1, SHARE}, /* a set of two */
    {"\xe2\x80\x9cyes\xe2\x80\x9d", "Yes", 1, CONTENT},
};

static const metric_case coverage_cases[] = {
    {"dog, run, park", "The dog runs in the park.", 1, SHARE},
    {"dog, run, park", "A dog is in the park.", 2.0 / 3, SHARE},
    {"dog, run, park", "Cats sleep.", 0, NONE},
    {"dog, run, park", "", 0, NONE},
    {"dog,run,park", "DOG RUN PARK", 1, SHARE},
    {"dog, run, park", "dog, run, park", 1, EQUAL},
    {"Dog", "the dog", 1, SHARE},
    {"walk", "She walked", 1, SHARE},
    {"walk", "walking", 1, SHARE},
    {"run", "she ran", 0, NONE},
    {"art", "a party", 0, NONE},
    {"book", "a notebook", 0, NONE},
    {"art, art, art", "some art", 1, SHARE},
    {"dog,, ,run", "dog", 1.0 / 2, SHARE},
    {"ice cream, cone", "an ice cream cone", 1, SHARE},
    {"ice cream, cone", "ice and cream", 0, NONE},
    {"dog\n, run", "dog run", 1, SHARE},
    {"\xc3\xa9"
     "cole",
     "l'\xc3\x89"
     "cole",
     1, SHARE},
    {"\xc3\xa9"
     "cole",
     "ecole", 0, NONE},
    {"5, 10", "15 and 10", 1.0 / 2, SHARE},
    {"a, b, c, d", "a b e f", 1.0 / 2, SHARE},
    {"dog, run, park, ball", "The dog chases the ball", 2.0 / 4, SHARE},
};

static const metric_case cem_cases[] = {
    {"Paris", "Paris", 1, EQUAL},
    {"Paris", " paris\n", 1, EQUAL},
    {"Paris", "The capital is Paris.", 1, CONTENT},
    {"the Eiffel Tower", "Eiffel tower!", 1, CONTENT},
    {"Eiffel Tower", "an eiffel, the tower", 1, CONTENT}, /* articles and marks gone */
    {"Paris", "London", 0, NONE},
    {"Paris", "", 0, NONE},
    {"Paris is nice", "Paris", 0, NONE},
    {"well-known", "wellknown", 1, CONTENT},
    {"don't", "I dont", 1, CONTENT},
    {"don\xe2\x80\x99t", "I don't", 1, CONTENT},
    {"New   York", "in new\n york", 1, CONTENT},
    {"York", "Yorkshire", 1, CONTENT}, /* contained is contained */
    {"no", "I know", 0, NONE},         /* but short words must be words */
    {"no", "No, never", 1, CONTENT},
    {"B", "Because", 0, NONE},
    {"A", "the a", 1, CONTENT}, /* an article alone is looked for as it is */
    {"A", "b", 0, NONE},
    {"?", "what?", 1, CONTENT},
    {"?", "what", 0, NONE},
    {"3.5", "35", 0, NONE},
    {"35", "3.5", 0, NONE},
    {"3.5", "It is 3.5.", 1, CONTENT},
    {"5", "15", 0, NONE},
    {"5", "5.5", 0, NONE},
    {"-5", "5", 0, NONE},
    {"5", "It is -5", 0, NONE},
    {"1,000", "1000 men", 1, CONTENT},
    {"$1,234.50", "1234.50", 1, CONTENT},
    {"12", "(1,2)", 0, NONE},
    {"20", "10,20,30", 1, CONTENT}, /* a list; 12,34,567 is a number */
    {"34", "12,34,567", 0, NONE},
    {"Z\xc3\xbcrich", "Z\xc3\x9cRICH", 1, EQUAL},
    {"\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0",
     "\xd0\xad\xd1\x82\xd0\xbe \xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0.", 1, CONTENT},
    {"\xe5\x8c\x97\xe4\xba\xac", "\xe9\xa6\x96\xe9\x83\xbd\xe6\x98\xaf\xe5\x8c\x97\xe4\xba\xac\xe3\x80\x82", 1,
     CONTENT},
    {"\xef\xbb\xbfParis", "\xc2\xa0Paris\xe3\x80\x80", 1, EQUAL}, /* byte order mark, no-break and wide spaces */
    {"\xff\xfe", "\xff\xfe", 1, EQUAL},                           /* no UTF-8 equals itself */
    {"\xff", "\xfe", 0, NONE},
    {"\xe2\x82", "\xe2", 0, NONE},
    {"20\xc2\xb0", "20", 0, NONE},
};

static void test_f1(void **state) {
    (void)state;
    metric_check("f1_score", f1_cases, TEST_LENGTH(f1_cases));
}

static void test_coverage(void **state) {
    (void)state;
    metric_check("commongen_coverage", coverage_cases, TEST_LENGTH(coverage_cases));
}

static void test_cem(void **state) {
    (void)state;
    metric_check("CEM", cem_cases, TEST_LENGTH(cem_cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f1), cmocka_unit_test(test_coverage),
                                       cmocka_unit_test(test_cem)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
