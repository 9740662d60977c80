/* SPDX-License-Identifier: Apache-2.0 */
/* What all metrics share: names, truths, records, hostile texts, memory that runs out. */
#include <stdlib.h>

#include "collect/metric_internal.h"
#include "heap_expect.h"
#include "internal.h"
#include "metric_cases.h"

static const char *const names[] = {"em_mc", "GSM8K", "MATH", "f1_score", "code_eval", "commongen_coverage", "CEM"};

static void test_names(void **state) {
    (void)state;
    for (mlsel_metric m = MLSEL_METRIC_CHOICE; m <= MLSEL_METRIC_CEM; m++) {
        assert_string_equal(mlsel_metric_name(m), names[m - 1]);
        assert_int_equal(mlsel_metric_find(names[m - 1]), m);
    }
    assert_int_equal(mlsel_metric_find("gsm8k"), MLSEL_METRIC_GSM8K);
    assert_int_equal(mlsel_metric_find("cem"), MLSEL_METRIC_CEM);
    assert_int_equal(mlsel_metric_find("GSM8"), 0);
    assert_int_equal(mlsel_metric_find("GSM8KK"), 0);
    assert_int_equal(mlsel_metric_find(""), 0);
    assert_int_equal(mlsel_metric_find(NULL), 0);
    assert_string_equal(mlsel_metric_name(0), "unknown");
    assert_string_equal(mlsel_metric_name(8), "unknown");
    assert_string_equal(mlsel_metric_basis_name(-1), "unknown");
    for (mlsel_metric_basis b = MLSEL_METRIC_BY_NOTHING; b <= MLSEL_METRIC_BY_SHARE; b++)
        assert_string_not_equal(mlsel_metric_basis_name(b), "unknown");
    assert_string_equal(mlsel_metric_basis_name(MLSEL_METRIC_BY_SHARE + 1), "unknown");
}

/* An equal text is right by every metric, and no truth is no knowledge. */
static void test_common(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        mlsel_metric_result r = metric_score_one(names[i], "Some Truth", " some\ttruth \n");
        if (i != 4) /* a tab within is no blank, so not equal */
            r = metric_score_one(names[i], "Some Truth", "\xc2\xa0some truth \n");
        else
            r = metric_score_one(names[i], "assert F", "ASSERT f\n");
        assert_true(r.is_known && r.performance == 1 && r.basis == MLSEL_METRIC_BY_EQUALITY);
        const char *const none[] = {"", " \n", NULL};
        for (size_t j = 0; j < TEST_LENGTH(none); j++) {
            r = metric_score_one(names[i], none[j], "anything");
            assert_true(!r.is_known && r.performance == 0.5 && r.basis == MLSEL_METRIC_BY_NO_TRUTH);
        }
        r = metric_score_one(names[i], "truth", NULL);
        assert_true(r.performance == (i == 4 ? 0.5 : 0));
    }
    const mlsel_metric_task none = {.metric = "CEM"};
    mlsel_metric_result r;
    test_ok(mlsel_metric_score(&none, "x", NULL, &r, NULL), NULL);
    assert_false(r.is_known);
    /* code that is not to be run */
    r = metric_score_one("code_eval", "['assert f() == 1']", "def f():\n    return 1\n");
    assert_true(!r.is_known && r.performance == 0.5 && r.basis == MLSEL_METRIC_BY_NOT_RUN);
    /* a metric that there is not */
    r = metric_score_one("bleu", "Paris", "It is Paris");
    assert_true(!r.is_name_known && r.metric == MLSEL_METRIC_CEM && r.performance == 1);
    mlsel_error err;
    assert_int_equal(mlsel_metric_score(NULL, "x", NULL, &r, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_metric_score(&none, "x", NULL, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

static void test_several_truths(void **state) {
    (void)state;
    static const char *const truths[] = {"", "Lutetia", "Paris", NULL};
    mlsel_metric_task task = {.metric = "CEM", .truths = truths, .n_truths = TEST_LENGTH(truths)};
    mlsel_metric_result r;
    test_ok(mlsel_metric_score(&task, "It is Paris", NULL, &r, NULL), NULL);
    assert_true(r.performance == 1);
    test_ok(mlsel_metric_score(&task, "It is Rome", NULL, &r, NULL), NULL);
    assert_true(r.performance == 0 && r.is_known);
    /* the best: 1 word of 3 and 1, or 2 of 2 and 1 */
    static const char *const others[] = {"red green blue", "light red ochre", "light"};
    task = (mlsel_metric_task){.metric = "f1_score", .truths = others, .n_truths = 2};
    test_ok(mlsel_metric_score(&task, "red light", NULL, &r, NULL), NULL);
    test_close(r.performance, 2.0 * 2 / 5, 1e-12, "best of two");
    /* words that are all wanted */
    static const char *const words[] = {"dog", "park, ball"};
    task = (mlsel_metric_task){.metric = "commongen_coverage", .truths = words, .n_truths = 2};
    test_ok(mlsel_metric_score(&task, "a dog in a park", NULL, &r, NULL), NULL);
    test_close(r.performance, 2.0 / 3, 1e-12, "two of three");
}

/* --- records --------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *record;
    size_t n_truths, n_choices;
    const char *last_truth;
} records[] = {
    {"{}", 0, 0, NULL},
    {"{\"ground_truth\": null, \"choices\": null}", 0, 0, NULL},
    {"{\"ground_truth\": [], \"choices\": []}", 0, 0, NULL},
    {"{\"ground_truth\": {}, \"choices\": {}}", 0, 0, NULL},
    {"{\"ground_truth\": \"B\", \"choices\": \"A. x B. y\"}", 1, 1, "B"},
    {"{\"ground_truth\": 42, \"choices\": false}", 1, 0, "42"},
    {"{\"ground_truth\": -0.5, \"choices\": \" \"}", 1, 0, "-0.5"},
    {"{\"ground_truth\": true}", 1, 0, "true"},
    {"{\"ground_truth\": [\"a\", 1, null, false], \"choices\": [\"x\", \"y\", 3]}", 3, 3, "false"},
    {"{\"ground_truth\": \"B\", \"choices\": {\"text\": [\"x\", \"y\"], \"label\": [\"A\", \"B\"]}}", 1, 2, "B"},
    {"{\"ground_truth\": [{\"a\": 1}, [1]]}", 0, 0, NULL},
};

static void test_records(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(records); i++) {
        cJSON *record = cJSON_Parse(records[i].record);
        mlsel_metric_task_texts texts;
        mlsel_error err;
        assert_non_null(record);
        test_ok(mlsel_metric_task_read(record, &texts, &err), &err);
        if (texts.task.n_truths != records[i].n_truths || texts.task.n_choices != records[i].n_choices)
            fail_msg("%s: %zu truths, %zu choices", records[i].record, texts.task.n_truths, texts.task.n_choices);
        if (records[i].last_truth != NULL)
            assert_string_equal(texts.task.truths[texts.task.n_truths - 1], records[i].last_truth);
        mlsel_metric_task_free(&texts);
        mlsel_metric_task_free(&texts);
        cJSON_Delete(record);
    }
    mlsel_metric_task_free(NULL);
}

/* --- code -----------------------------------------------------------------------------------------------------------
 */

static void test_find_code(void **state) {
    (void)state;
    static const struct {
        const char *response, *code;
    } cases[] = {
        {"x = 1", "x = 1"},
        {"", ""},
        {"```python\nx = 1\n```", "x = 1\n"},
        {"Sure:\n```python\nx = 1\n```\nand\n```python\nx = 2\n```", "x = 1\n"},
        {"```\noutput\n```\n```python\nx = 1\n```", "x = 1\n"},
        {"```bash\nls\n```\n```py\nx = 1\n```", "x = 1\n"},
        {"```bash\nls\n```\n```\nx\n```", "ls\n"},
        {"```Python3\nx = 1\n```", "x = 1\n"},
        {"```pythonic\nx\n```\n```python\ny\n```", "y\n"},
        {"```python\nx = 1", "x = 1"},
        {"```python", "```python"},
        {"```python\n```", ""},
        {"````python\ns = '''a```b'''\n````", "s = '''a```b'''\n"},
        {"  ```python\n  x = 1\n  ```", "  x = 1\n  "},
        {"Use ```x``` here", "Use ```x``` here"},
        {"```python\r\nx = 1\r\n```", "x = 1\r\n"},
        {"> ```python\n> x\n> ```", "> x\n> "},
    };
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        size_t size;
        const char *code = mlsel_metric_find_code(cases[i].response, &size);
        if (strlen(cases[i].code) != size || memcmp(code, cases[i].code, size) != 0)
            fail_msg("\"%s\": \"%.*s\"", cases[i].response, (int)size, code);
    }
}

/* Records what it is to run. */
typedef struct record_run {
    char assertions[8][64];
    size_t n;
    mlsel_status status;
} record_run;

static mlsel_status run_code(void *user, const char *code, const char *const *assertions, size_t n, size_t *passed,
                             mlsel_error *err) {
    record_run *r = user;
    assert_string_equal(code, "code");
    for (r->n = 0; r->n < n; r->n++)
        (void)snprintf(r->assertions[r->n], sizeof r->assertions[0], "%s", assertions[r->n]);
    *passed = n - 1;
    return r->status == MLSEL_OK ? MLSEL_OK : mlsel_i_fail(err, r->status, "cannot");
}

static void test_assertion_lists(void **state) {
    (void)state;
    static const struct {
        const char *truth;
        const char *assertions[4];
    } cases[] = {
        {"['a', 'b']", {"a", "b"}},
        {"[\"a\", \"b\"]", {"a", "b"}},
        {" [ 'a' , \"b\" , ] ", {"a", "b"}},
        {"['it\\'s', \"\\\"x\\\"\"]", {"it's", "\"x\""}},
        {"['a\\nb', 'c\\\\d', '\\x41\\u00e9\\U0001f600']", {"a\nb", "c\\d", "A\xc3\xa9\xf0\x9f\x98\x80"}},
        {"['\\d+', '\\0', 'a\\/b']", {"\\d+", "\\0", "a\\/b"}},
        {"[\"\\ud83d\\ude00\", '\\uD83D\\uDE00']", {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}},
        {"['\\ud83d', '\\ude00\\ud83d', '\\ud83d\\u0041']", {"\\ud83d", "\\ude00\\ud83d", "\\ud83dA"}},
        {"assert x", {"assert x"}},
        {"[x for x in y]", {"[x for x in y]"}},
        {"['a', b]", {"['a', b]"}},
        {"['a'", {"['a'"}},
        {"['a\\", {"['a\\"}},
        {"[] + []", {"[] + []"}},
        {"['a'] == f()", {"['a'] == f()"}},
    };
    record_run r = {0};
    const mlsel_metric_options options = {.run_code = run_code, .user = &r};
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        size_t n = 0;
        while (cases[i].assertions[n] != NULL)
            n++;
        const mlsel_metric_task task = {.metric = "code_eval", .truths = &cases[i].truth, .n_truths = 1};
        mlsel_metric_result result;
        mlsel_error err;
        test_ok(mlsel_metric_score(&task, "code", &options, &result, &err), &err);
        if (r.n != n)
            fail_msg("%s: %zu assertions, not %zu", cases[i].truth, r.n, n);
        for (size_t j = 0; j < n; j++)
            assert_string_equal(r.assertions[j], cases[i].assertions[j]);
        test_close(result.performance, (double)(n - 1) / (double)n, 1e-12, cases[i].truth);
        r.status = MLSEL_ERROR_IO;
        assert_int_equal(mlsel_metric_score(&task, "code", &options, &result, &err), MLSEL_ERROR_IO);
        assert_string_equal(err.message, "cannot");
        r.status = MLSEL_OK;
    }
}

/* An empty list says nothing about a program, and none is run. */
static void test_no_assertions(void **state) {
    static const char *const truths[] = {"[]", " [ ] ", "[\n]"};
    record_run r = {.status = MLSEL_ERROR_IO};
    const mlsel_metric_options options = {.run_code = run_code, .user = &r};
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(truths); i++) {
        const mlsel_metric_task task = {.metric = "code_eval", .truths = &truths[i], .n_truths = 1};
        mlsel_metric_result result;
        mlsel_error err;
        test_ok(mlsel_metric_score(&task, "code", &options, &result, &err), &err);
        assert_false(result.is_known);
        assert_int_equal(result.basis, MLSEL_METRIC_BY_NO_TRUTH);
        test_close(result.performance, 0.5, 0, truths[i]);
    }
}

/* --- hostile texts --------------------------------------------------------------------------------------------------
 */

static char *repeat(const char *unit, size_t size) {
    const size_t n = strlen(unit);
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = unit[i % n];
    text[size] = '\0';
    return text;
}

/* Lots of what costs a careless reader its square, and the stack of a recursive one. */
static void test_hostile(void **state) {
    (void)state;
    static const char *const units[] = {"{",
                                        "}",
                                        "\\boxed{",
                                        "\\boxed ",
                                        "\\fbox{}",
                                        "\\",
                                        "\\\\{",
                                        "(",
                                        "(a ",
                                        "( ",
                                        "( a",
                                        "I.\n",
                                        "A ",
                                        "answer ",
                                        "answer is is is is is ",
                                        "```",
                                        "```python\n",
                                        "9",
                                        "1,",
                                        ".1",
                                        "-",
                                        "$",
                                        "'",
                                        "\"",
                                        "[",
                                        "\xff",
                                        "\xe2\x82",
                                        "\xf0\x9f\x98\x80",
                                        "a",
                                        "aaaaaaab",
                                        "the ",
                                        "\n",
                                        " ",
                                        "\xc3\x89",
                                        "x=",
                                        "^\\circ",
                                        "\\text{",
                                        "\\frac",
                                        "####",
                                        ",",
                                        "1/",
                                        "B\n",
                                        "*"};
    enum { SIZE = 1 << 17 };
    for (size_t u = 0; u < TEST_LENGTH(units); u++) {
        char *text = repeat(units[u], SIZE), *half = repeat(units[u], SIZE / 2);
        half[SIZE / 2 - 1] = 'B'; /* nearly the same, to the end */
        for (size_t i = 0; i < TEST_LENGTH(names); i++) {
            mlsel_metric_result r = metric_score_one(names[i], "B", text);
            assert_true(r.performance >= 0 && r.performance <= 1);
            if (i != 5) { /* a truth of many words is no attack by an answer */
                r = metric_score_one(names[i], half, text);
                assert_true(r.performance >= 0 && r.performance <= 1);
            }
        }
        free(text);
        free(half);
    }
}

/* Every byte in every place of a short text. */
static void test_bytes(void **state) {
    (void)state;
    uint32_t random = 1;
    for (size_t round = 0; round < 20000; round++) {
        static const char alphabet[] = "AIBab01.,-$\\{}()boxed \n'\"[`\xff\xc3\xa9\xe2\x80\x99:=";
        char truth[12], response[24];
        for (size_t i = 0; i < sizeof truth - 1; i++)
            truth[i] = alphabet[((random = random * 1664525 + 1013904223) >> 16 & 0x7fff) % (sizeof alphabet - 1)];
        for (size_t i = 0; i < sizeof response - 1; i++)
            response[i] = alphabet[((random = random * 1664525 + 1013904223) >> 16 & 0x7fff) % (sizeof alphabet - 1)];
        truth[random % sizeof truth] = truth[sizeof truth - 1] = '\0';
        response[random / 7 % sizeof response] = response[sizeof response - 1] = '\0';
        for (size_t i = 0; i < TEST_LENGTH(names); i++) {
            const mlsel_metric_result r = metric_score_one(names[i], truth, response);
            assert_true(r.performance >= 0 && r.performance <= 1);
        }
    }
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

static void test_memory(void **state) {
    (void)state;
    static const char *const truths[] = {"['a', 'b', \\frac{1}{2}]", "B 1 text of words"};
    static const char *const choices[] = {"one", "two"};
    record_run run = {0};
    const mlsel_metric_options options = {.run_code = run_code, .user = &run};
    for (size_t i = 0; i < TEST_LENGTH(names); i++) {
        const mlsel_metric_task task = {
            .metric = names[i], .truths = truths, .n_truths = 2, .choices = choices, .n_choices = 2};
        size_t n = 0;
        for (size_t refused = 1; refused > 0; n++) {
            mlsel_metric_result r = {.performance = -1};
            mlsel_error err;
            heap_fail_begin(n, false);
            const mlsel_status status = mlsel_metric_score(&task, "code", &options, &r, &err);
            refused = heap_fail_expect(status);
            assert_true((r.performance < 0) == (status != MLSEL_OK));
        }
        assert_true(n > 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),          cmocka_unit_test(test_common),
                                       cmocka_unit_test(test_several_truths), cmocka_unit_test(test_records),
                                       cmocka_unit_test(test_find_code),      cmocka_unit_test(test_assertion_lists),
                                       cmocka_unit_test(test_no_assertions),  cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_bytes),          cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
