/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring files again: what changes in a line, and what does not. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/rescore.h"
#include "folder.h"
#include "heap_fail.h"
#include "support.h"

static char input[512], output[512];

static mlsel_rescore_sums rescore(const char *text, size_t size, const mlsel_rescore_options *options) {
    mlsel_rescore_options replacing = options == NULL ? (mlsel_rescore_options){0} : *options;
    mlsel_rescore_report *report;
    mlsel_rescore_sums sums;
    mlsel_error err;
    replacing.replace = true;
    test_write("in.jsonl", text, size);
    test_ok(mlsel_rescore(input, output, &replacing, &report, &err), &err);
    mlsel_rescore_total(report, &sums);
    mlsel_rescore_free(report);
    return sums;
}

static void check(const char *before, const char *after) {
    size_t size;
    (void)rescore(before, strlen(before), NULL);
    char *text = test_need_file(output, &size);
    if (size != strlen(after) || memcmp(text, after, size) != 0)
        fail_msg("%s\nbecame\n%s\nnot\n%s", before, text, after);
    free(text);
}

static void stays(const char *line) { check(line, line); }

#define TASK "\"response\":\"It is 5\",\"ground_truth\":\"5\""
#define SPACED "\"response\": \"It is 5\", \"ground_truth\": \"5\""

static void test_changed(void **state) {
    (void)state;
    check("{" TASK ",\"performance\":0}", "{" TASK ",\"performance\":1.0}");
    check("{\"performance\":0," TASK "}\n", "{\"performance\":1.0," TASK "}\n");
    check("{" SPACED ", \"performance\": 0.0, \"x\": 1}\r\n", "{" SPACED ", \"performance\": 1.0, \"x\": 1}\r\n");
    check("{" TASK ",\"performance\":null}", "{" TASK ",\"performance\":1.0}");
    check("{" TASK ",\"performance\":NaN}", "{" TASK ",\"performance\":1.0}");
    check("{" TASK "}", "{" TASK ",\"performance\":1.0}");
    check("{ " SPACED " }", "{ " SPACED " , \"performance\": 1.0}");
    check("{" TASK ",\"performance\":0.5,\"performance_known\":false}",
          "{" TASK ",\"performance\":1.0,\"performance_known\":true}");
    check("{\"performance_known\":false," TASK ",\"performance\":1}",
          "{\"performance_known\":true," TASK ",\"performance\":1}");
    check("{\"performance_known\": false, " SPACED ", \"performance\": 0}",
          "{\"performance_known\": true, " SPACED ", \"performance\": 1.0}");
    /* not known */
    check("{\"response\":\"x\",\"performance\":1}",
          "{\"response\":\"x\",\"performance\":0.5,\"performance_known\":false}");
    check("{\"response\": \"x\", \"ground_truth\": \"\", \"performance\": 0.5}",
          "{\"response\": \"x\", \"ground_truth\": \"\", \"performance\": 0.5, \"performance_known\": false}");
    check("{\"response\":\"x\",\"performance\":0.5,\"performance_known\":true}",
          "{\"response\":\"x\",\"performance\":0.5,\"performance_known\":false}");
    check("{\"response\":\"x\"}", "{\"response\":\"x\",\"performance\":0.5,\"performance_known\":false}");
    /* a share */
    check("{\"response\":\"a\",\"ground_truth\":\"a, b, c\",\"metric\":\"commongen_coverage\",\"performance\":1}",
          "{\"response\":\"a\",\"ground_truth\":\"a, b, c\",\"metric\":\"commongen_coverage\","
          "\"performance\":0.3333333333333333}");
    /* keys and values with escapes, braces and quotes in texts */
    check("{\"r\\u0065sponse\":\"\\\"}\\\\\",\"ground_truth\":\"\\u0022}\\\\\",\"p\\u0065rformance\":0}",
          "{\"r\\u0065sponse\":\"\\\"}\\\\\",\"ground_truth\":\"\\u0022}\\\\\",\"p\\u0065rformance\":1.0}");
}

static void test_unchanged(void **state) {
    (void)state;
    stays("");
    stays("\n");
    stays("{" TASK ",\"performance\":1}");
    stays("{" TASK " ,\t\"performance\" : 1.000 } \r\n");
    stays("\xef\xbb\xbf{" TASK
          ",\"performance\":1e0,\"embedding\":[1.50,NaN,-Infinity],\"y\":{\"performance\":[{}]}}\n\n");
    stays("{" TASK ",\"performance\":1,\"performance_known\":true}");
    stays("{\"response\":\"x\",\"performance\":0.5,\"performance_known\":false}");
    /* no answers */
    stays("{" TASK ",\"performance\":0,\"error\":\"timeout\"}");
    stays("{" TASK ",\"performance\":0,\"error\":{\"code\":500}}");
    stays("{\"ground_truth\":\"5\",\"performance\":0}");
    stays("{\"ground_truth\":\"5\",\"response\":null,\"performance\":0}");
    stays("{\"ground_truth\":\"assert f()\",\"response\":\"f\",\"metric\":\"code_eval\",\"performance\":0.25}");
    /* no JSON, or not of this kind */
    stays("x");
    stays("[1]");
    stays("{");
    stays("{}");
    stays("{" TASK ",\"performance\":0} {}");
    stays("{" TASK ",\"performance\":0,}");
    stays("{" TASK ",\"performance\":0,\"performance\":0}");
    stays("{" TASK ",\"performance\":0,\"response\":\"x\"}");
    stays("{\"response\":\"It is 5,\"ground_truth\":\"5\"}");
    stays("{\"response\":\"\\x\",\"ground_truth\":\"5\"}");
    stays("{" TASK ",\"x\":[[[}");
    /* an error that is none */
    check("{" TASK ",\"performance\":0,\"error\":null}", "{" TASK ",\"performance\":1.0,\"error\":null}");
    check("{" TASK ",\"performance\":0,\"error\":\"\"}", "{" TASK ",\"performance\":1.0,\"error\":\"\"}");
}

/* Fails unless one place changed, where at most the three characters of the old score were, to a new score. */
static void same_but_scored(const char *before, size_t before_size, const char *after, size_t after_size) {
    static const char longest[] = ", \"performance\": 1.05, \"performance_known\": false";
    const size_t least = before_size < after_size ? before_size : after_size;
    size_t head = 0, tail = 0, n_odd = 0;
    while (head < least && before[head] == after[head])
        head++;
    while (tail < least - head && before[before_size - 1 - tail] == after[after_size - 1 - tail])
        tail++;
    for (size_t i = head; i < after_size - tail; i++)
        n_odd += strchr(longest, after[i]) == NULL;
    if (before_size - head - tail > 3 || after_size - head - tail > sizeof longest - 2 || n_odd > 0)
        fail_msg("%.*s\nbecame\n%.*s", (int)before_size, before, (int)after_size, after);
}

/* Cut anywhere, and with any byte in any place, nothing in a line changes but its score, and nothing at all in one that
 * is cut. */
static void test_damaged(void **state) {
    (void)state;
    static const char line[] =
        "{\"a\": [1, \"]\"], \"response\": \"5\\\\\", \"ground_truth\": \"5\", \"metric\": null, \"performance\": 0.0}";
    size_t n_same = 0;
    uint64_t n_changed = 0;
    for (size_t size = 0; size < sizeof line - 1; size++) {
        size_t n;
        (void)rescore(line, size, NULL);
        char *text = test_need_file(output, &n);
        assert_int_equal(n, size);
        assert_memory_equal(text, line, size);
        free(text);
    }
    for (size_t i = 0; i < sizeof line - 1; i++) {
        static const char bytes[] = "\"\\{}[],: 0x\x01\xff";
        for (size_t b = 0; b < sizeof bytes; b++) {
            char damaged[sizeof line];
            memcpy(damaged, line, sizeof line);
            damaged[i] = bytes[b];
            const mlsel_rescore_sums sums = rescore(damaged, sizeof line - 1, NULL);
            size_t n;
            char *text = test_need_file(output, &n);
            if (n != sizeof line - 1 || memcmp(text, damaged, n) != 0)
                same_but_scored(damaged, sizeof line - 1, text, n);
            else
                n_same++;
            n_changed += sums.n_changed;
            free(text);
        }
    }
    assert_true(n_same > 400 && n_changed > 400);
}

/* A performance that no reader of records takes is not among those that were known. */
static void test_beyond(void **state) {
    (void)state;
    static const char text[] = "{\"performance\":-0.5}\n{\"performance\":1.5}\n{\"performance\":1e999}\n"
                               "{\"performance\":\"1\"}\n{\"performance\":1}\n{" TASK ",\"performance\":-1}\n";
    mlsel_rescore_report *report;
    mlsel_rescore_sums sums;
    mlsel_error err;
    test_write("in.jsonl", text, sizeof text - 1);
    test_ok(mlsel_rescore(input, NULL, NULL, &report, &err), &err);
    mlsel_rescore_total(report, &sums);
    assert_true(sums.n_rows == 6 && sums.n_skipped == 5 && sums.n_before == 1 && sums.n_after == 2);
    assert_int_equal(sums.n_changed, 1);
    test_close(sums.before, 1, 1e-12, "before");
    test_close(sums.after, 2, 1e-12, "after");
    mlsel_rescore_free(report);
}

static int stop_at_2(void *user, uint64_t n_lines, uint64_t n_bytes) {
    *(uint64_t *)user = n_bytes;
    return n_lines == 2;
}

static void test_report(void **state) {
    (void)state;
    static const char text[] = "{\"model_name\":\"a\"," TASK ",\"performance\":0}\n"
                               "{\"model_name\":\"b\"," TASK ",\"performance\":1,\"metric\":\"gsm8k\"}\n"
                               "\n"
                               "{\"model_name\":\"a\",\"response\":\"6\",\"ground_truth\":\"5\",\"performance\":0.5}\n"
                               "{\"model_name\":\"a\",\"error\":\"x\",\"performance\":0}\n"
                               "{\"model_name\":\"a\",\"performance\":0.25}\n"
                               "{\"model_name\":\"b\",\"response\":\"x\",\"performance\":1}\n"
                               "{\"model_name\":\"b\"," TASK ",\"metric\":\"rouge\"}\n"
                               "nonsense\n"
                               "{\"response\":\"f\",\"ground_truth\":\"assert 1\",\"metric\":\"code_eval\"}";
    mlsel_rescore_report *report;
    mlsel_rescore_sums sums;
    mlsel_rescore_oddities odd;
    mlsel_error err;
    test_write("in.jsonl", text, sizeof text - 1);
    test_ok(mlsel_rescore(input, NULL, NULL, &report, &err), &err);
    assert_int_equal(mlsel_rescore_model_count(report), 3);
    assert_string_equal(mlsel_rescore_model(report, 0, &sums), "a");
    assert_true(sums.n_rows == 4 && sums.n_errors == 1 && sums.n_skipped == 1 && sums.n_changed == 2);
    assert_true(sums.n_before == 3 && sums.n_after == 3);
    test_close(sums.before, 0.75, 1e-12, "before");
    test_close(sums.after, 1.25, 1e-12, "after");
    assert_string_equal(mlsel_rescore_model(report, 1, &sums), "b");
    assert_true(sums.n_rows == 3 && sums.n_changed == 2 && sums.n_before == 2 && sums.n_after == 2);
    assert_string_equal(mlsel_rescore_model(report, 2, &sums), "");
    mlsel_rescore_total(report, &sums);
    assert_true(sums.n_rows == 8 && sums.n_errors == 1 && sums.n_skipped == 2 && sums.n_changed == 4);
    mlsel_rescore_odd(report, &odd);
    assert_true(odd.n_bad == 1 && odd.first_bad == 9 && odd.n_not_run == 1);
    assert_true(odd.n_without_response == 1 && odd.first_without_response == 6);
    assert_true(odd.n_unknown_metric == 1 && odd.first_unknown_metric == 8);
    assert_int_equal(mlsel_rescore_metric_count(report, MLSEL_METRIC_CEM), 3);
    assert_int_equal(mlsel_rescore_metric_count(report, MLSEL_METRIC_GSM8K), 1);
    assert_int_equal(mlsel_rescore_metric_count(report, 99), 0);
    mlsel_rescore_free(report);
    /* another metric for all, and stopping */
    uint64_t n_bytes = 0;
    mlsel_rescore_options options = {.metric = MLSEL_METRIC_GSM8K};
    sums = rescore(text, sizeof text - 1, &options);
    assert_int_equal(sums.n_skipped, 1);
    options.progress = stop_at_2;
    options.user = &n_bytes;
    assert_int_equal(unlink(output), 0);
    assert_int_equal(mlsel_rescore(input, output, &options, &report, &err), MLSEL_ERROR_CANCELLED);
    assert_int_equal(access(output, F_OK), -1);
    assert_int_equal(n_bytes, strchr(strchr(text, '\n') + 1, '\n') + 1 - text);
}

static void test_refused(void **state) {
    (void)state;
    mlsel_rescore_report *report = NULL;
    mlsel_error err;
    test_write("in.jsonl", "{}", 2);
    test_write("out.jsonl", "old", 3);
    assert_int_equal(mlsel_rescore(input, output, NULL, &report, &err), MLSEL_ERROR_IO);
    size_t size;
    char *text = test_need_file(output, &size);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(mlsel_rescore("/no/such/file", NULL, NULL, &report, &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_rescore(input, "/no/such/folder/file", NULL, &report, &err), MLSEL_ERROR_IO);
    assert_int_equal(mlsel_rescore(NULL, NULL, NULL, &report, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_null(report);
    mlsel_rescore_free(NULL);
    /* in place */
    static const char line[] = "{" TASK ",\"performance\":0}\n";
    const mlsel_rescore_options options = {.replace = true};
    test_write("in.jsonl", line, sizeof line - 1);
    test_ok(mlsel_rescore(input, input, &options, &report, &err), &err);
    mlsel_rescore_free(report);
    text = test_need_file(input, &size);
    assert_string_equal(text, "{" TASK ",\"performance\":1.0}\n");
    free(text);
}

static void test_memory(void **state) {
    (void)state;
    static const char text[] = "{\"model_name\":\"a\"," TASK ",\"performance\":0}\n"
                               "{\"model_name\":\"b\"," TASK ",\"performance\":0}\n";
    const mlsel_rescore_options options = {.replace = true};
    size_t n = 0, n_spared = 0; /* a new file's name is brought to disk where that can be done */
    test_write("in.jsonl", text, sizeof text - 1);
    for (size_t refused = 1; refused > 0; n++) {
        mlsel_rescore_report *report = NULL;
        mlsel_error err;
        (void)unlink(output);
        heap_fail_begin(n, false);
        const mlsel_status status = mlsel_rescore(input, output, &options, &report, &err);
        refused = heap_fail_end();
        n_spared += refused > 0 && status == MLSEL_OK;
        if (status != MLSEL_OK || n_spared > 1)
            assert_int_equal(status, refused > 0 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
        assert_true((report == NULL) == (status != MLSEL_OK));
        assert_int_equal(access(output, F_OK), status == MLSEL_OK ? 0 : -1);
        mlsel_rescore_free(report);
    }
    assert_true(n > 10);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(input, sizeof input, "%s", test_path("in.jsonl"));
    (void)snprintf(output, sizeof output, "%s", test_path("out.jsonl"));
    return 0;
}

/* No temporary file. */
static void nothing_is_left(void **state) {
    static const char *const names[] = {"in.jsonl", "out.jsonl"};
    (void)state;
    test_only_left(names, TEST_LENGTH(names));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changed), cmocka_unit_test(test_unchanged),
                                       cmocka_unit_test(test_damaged), cmocka_unit_test(test_report),
                                       cmocka_unit_test(test_beyond),  cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_memory),  cmocka_unit_test(nothing_is_left)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
