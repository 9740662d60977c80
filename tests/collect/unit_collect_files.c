/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a benchmark: models, queries, results, and results merged; then all of them without memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoints.h"
#include "folder.h"
#include "heap_fail.h"
#include "merge.h"
#include "queries.h"
#include "results.h"

static char warnings[2048];

/* --- models ------------------------------------------------------------------------------------------------------- */

static void warn(const char *message, void *user) {
    (void)user;
    const size_t length = strlen(warnings);
    snprintf(warnings + length, sizeof warnings - length, "%s\n", message);
}

static const endpoint_defaults defaults = {
    .url = "http://localhost:8000/v1", .max_tokens = 1024, .temperature = 0.25, .warn = warn};

static mlsel_status parse(const char *yaml, const char *models, endpoint_list *out, mlsel_error *err) {
    warnings[0] = '\0';
    return mlsel_i_endpoints_parse(yaml, strlen(yaml), "dir/models.yaml", models, &defaults, out, err);
}

static void test_models(void **state) {
    static const char yaml[] =
        "models:\n"
        "  - name: a\n"
        "  - {name: b, endpoint: 'https://h/v2/', api_key: 'x${MLSEL_TEST_KEY}y', max_tokens: 7,\n"
        "     temperature: 1.5, input_price: 0.5, output_price: 2, concurrency: 3,\n"
        "     headers: {X-A: 'v${MLSEL_TEST_KEY}', X-Empty: '', X-Number: 12}}\n";
    endpoint_list list;
    mlsel_error err;
    (void)state;
    setenv("MLSEL_TEST_KEY", "k-1234567", 1);
    test_ok(parse(yaml, NULL, &list, &err), &err);
    assert_string_equal(warnings, "");
    assert_int_equal(list.n, 2);
    const endpoint *a = &list.items[0], *b = &list.items[1];
    assert_string_equal(a->name, "a");
    assert_string_equal(a->url, "http://localhost:8000/v1/chat/completions");
    assert_null(a->authorization);
    assert_int_equal(a->n_headers, 0);
    assert_int_equal(a->max_tokens, 1024);
    assert_true(a->temperature == 0.25 && isnan(a->input_price) && isnan(a->output_price));
    assert_int_equal(a->concurrency, 0);
    assert_string_equal(b->url, "https://h/v2/chat/completions");
    assert_string_equal(b->authorization, "Bearer xk-1234567y");
    assert_int_equal(b->n_headers, 3);
    assert_string_equal(b->headers[0], "X-A: vk-1234567");
    assert_string_equal(b->headers[1], "X-Empty;");
    assert_string_equal(b->headers[2], "X-Number: 12");
    assert_int_equal(b->max_tokens, 7);
    assert_true(b->temperature == 1.5 && b->input_price == 0.5 && b->output_price == 2);
    assert_int_equal(b->concurrency, 3);
    mlsel_i_endpoints_free(&list);
    /* some of them; what is not asked for needs no key */
    unsetenv("MLSEL_TEST_KEY");
    test_ok(parse(yaml, " a ,", &list, &err), &err);
    assert_int_equal(list.n, 1);
    mlsel_i_endpoints_free(&list);
}

static void test_bad_models(void **state) {
    static const struct {
        const char *yaml, *place, *message;
    } cases[] = {
        {"models:\n  - name: a\n    api_key: ${MLSEL_TEST_UNSET}\n",
         "models.yaml:3:14: ", "MLSEL_TEST_UNSET, which is not set"},
        {"models:\n  - name: a\n    headers:\n      X-B: 'a ${MLSEL_TEST_UNSET}'\n",
         "models.yaml:4:12: ", "MLSEL_TEST_UNSET"},
        {"models:\n  - name: a\n    api_key: 'a${b'\n", "models.yaml:3:14: ", "begins no variable"},
        {"models:\n  - name: a\n    api_key: ${MLSEL_TEST_LINES}\n", "models.yaml:3:14: ", "control character"},
        {"models:\n  - name: a\n    headers: {'X Y': b}\n", "models.yaml:3:15: ", "no name of a header"},
        {"models:\n  - name: a\n    headers: {X: [b]}\n", "models.yaml:3:18: ", "has to be a text"},
        {"models:\n  - name: a\n  - name: a\n", "models.yaml:3:11: ", "there twice"},
        {"models:\n  - endpoint: http://a\n", "models.yaml:2:5: ", "no \"name\""},
        {"models:\n  - name: ''\n", "models.yaml:2:5: ", "no \"name\""},
        {"models:\n  - name: a\n    endpoint: ftp://a\n", "models.yaml:3:15: ", "no http or https address"},
        {"models:\n  - name: a\n    endpoint: http://u:p4ssword@a\n", "models.yaml:3:15: ", "user name"},
        {"models:\n  - name: a\n    max_tokens: 0\n", "models.yaml:3:17: ", "at least 1"},
        {"models:\n  - name: a\n    max_tokens: many\n", "models.yaml:3:17: ", "whole number"},
        {"models:\n  - name: a\n    temperature: -1\n", "models.yaml:3:18: ", "negative"},
        {"models:\n  - name: a\n    input_price: -0.1\n", "models.yaml:3:18: ", "negative"},
        {"models:\n  - name: a\n    temprature: 1\n", "models.yaml:3:5: ", "did you mean \"temperature\""},
        {"models:\n  - a\n", "models.yaml:2:5: ", "expected a mapping"},
        {"models: []\n", "models.yaml:1:1: ", "no model"},
        {"models: a\n", "models.yaml:1:9: ", "expected a list"},
        {"- name: a\n", "models.yaml:1:1: ", "expected a mapping"},
        {"other: 1\n", "models.yaml:1:1: ", "no list \"models\""},
        {"models: [\n", "models.yaml:", ""},
        {"", "models.yaml", ""},
    };
    endpoint_list list;
    mlsel_error err;
    (void)state;
    unsetenv("MLSEL_TEST_UNSET");
    setenv("MLSEL_TEST_LINES", "secret-part\nX-Evil: 1", 1);
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        const mlsel_status status = parse(cases[i].yaml, NULL, &list, &err);
        if (status == MLSEL_OK || strstr(err.message, cases[i].place) != err.message ||
            strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].yaml, status == MLSEL_OK ? "accepted" : err.message);
        assert_null(strstr(err.message, "secret-part"));
        assert_null(strstr(err.message, "p4ssword"));
        assert_null(list.items);
    }
    assert_int_equal(parse("models: [{name: a}]\n", "a,b", &list, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "\"b\" is not in models.yaml"));
    assert_int_equal(parse("models: [{name: a}]\n", " , ", &list, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_i_endpoints_read(test_path("none.yaml"), NULL, &defaults, &list, &err),
                     MLSEL_ERROR_NOT_FOUND);
    /* unknown keys are warnings with their places; every error after the first is told too */
    test_ok(parse("version: 2\nmodels: [{name: a, colour: b}]\n", NULL, &list, &err), &err);
    assert_non_null(strstr(warnings, "models.yaml:1:1: unknown key \"version\""));
    assert_non_null(strstr(warnings, "models.yaml:2:20: unknown key \"colour\""));
    mlsel_i_endpoints_free(&list);
    assert_int_not_equal(parse("models: [{name: a, max_tokens: 0, temperature: b}]\n", NULL, &list, &err), MLSEL_OK);
    assert_non_null(strstr(err.message, "max_tokens"));
    assert_non_null(strstr(warnings, "temperature"));
}

static void test_named_models(void **state) {
    endpoint_list list;
    mlsel_error err;
    (void)state;
    test_ok(mlsel_i_endpoints_named("org/a, b", &defaults, &list, &err), &err);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].name, "org/a");
    assert_string_equal(list.items[1].name, "b");
    assert_string_equal(list.items[1].url, "http://localhost:8000/v1/chat/completions");
    mlsel_i_endpoints_free(&list);
    assert_int_equal(mlsel_i_endpoints_named("a,b,a", &defaults, &list, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_i_endpoints_named(",", &defaults, &list, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

static void test_queries(void **state) {
    static const query_options all = {0}, two = {.limit = 2};
    query_list list;
    mlsel_error err;
    (void)state;
    const char *path = test_write_text(
        "queries.jsonl",
        "\xef\xbb\xbf{\"category\": \"math\", \"query\": \"a \\u00e9\", \"n\": 1.50, \"choices\": [\"x\"]}\r\n"
        "\n"
        "{\"query\":\"b\",\"model_name\":\"m\",\"response\":\"r\",\"performance\":NaN,\"response_time\":1,"
        "\"attempts\":2,\"error\":\"e\",\"task_name\":\"t\",\"cost\":1,\"prompt_tokens\":1}\n"
        "{\"query\": \"a \xc3\xa9\", \"category\": \"law\"}\n"
        "{\"query\": \"c\"}");
    test_ok(mlsel_i_queries_read(path, &all, &list, &err), &err);
    assert_int_equal(list.texts.n, 3);
    assert_string_equal(list.texts.entries[0].text, "a \xc3\xa9");
    assert_string_equal(list.records[0],
                        "{\"query\": \"a \xc3\xa9\",\"category\": \"math\",\"n\": 1.50,\"choices\": [\"x\"]}");
    assert_string_equal(list.records[1], "{\"query\": \"b\",\"task_name\":\"t\"}");
    assert_string_equal(list.records[2], "{\"query\": \"c\"}");
    mlsel_i_queries_free(&list);
    test_ok(mlsel_i_queries_read(path, &two, &list, &err), &err);
    assert_int_equal(list.texts.n, 2);
    mlsel_i_queries_free(&list);
    size_t n = 0;
    for (uint32_t shard = 1; shard <= 2; shard++) {
        const query_options part = {.shard = shard, .n_shards = 2};
        test_ok(mlsel_i_queries_read(path, &part, &list, &err), &err);
        for (size_t i = 0; i < list.texts.n; i++) {
            assert_true(mlsel_i_query_is_in_shard(list.texts.entries[i].hash, shard, 2));
            const cJSON *record = cJSON_Parse(list.records[i]);
            assert_string_equal(test_need_string(record, "query"), list.texts.entries[i].text);
            cJSON_Delete((cJSON *)(uintptr_t)record);
        }
        n += list.texts.n;
        mlsel_i_queries_free(&list);
    }
    assert_int_equal(n, 3);
}

static void test_bad_queries(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"query\": \"a\"}\n{\"query\": 3}\n", "bad.jsonl:2: \"query\" is 3"},
        {"{\"query\": \"\"}\n", "bad.jsonl:1: \"query\""},
        {"{\"category\": \"a\"}\n", "bad.jsonl:1: \"query\" is missing"},
        {"{\"query\": \"a\"\n", "bad.jsonl:1: "},
        {"[1]\n", "bad.jsonl:1: "},
        {"{\"query\": \"a\", \"x\": NaN}\n", "bad.jsonl:1: "},
        {"{\"query\": \"a\", \"que\\u0072y\": 1}\n", "bad.jsonl:1: "},
        {"{\"query\": \"a\", \"x\\u0072\": 1}\n", "bad.jsonl:1: a key has a backslash"},
        {"\n\n", "has no queries"},
        {"", "has no queries"},
    };
    static const query_options all = {0};
    query_list list;
    mlsel_error err;
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        const mlsel_status status =
            mlsel_i_queries_read(test_write_text("bad.jsonl", cases[i].text), &all, &list, &err);
        if (status == MLSEL_OK || strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, status == MLSEL_OK ? "accepted" : err.message);
        assert_null(list.records);
    }
    assert_int_equal(mlsel_i_queries_read(test_path("none"), &all, &list, &err), MLSEL_ERROR_NOT_FOUND);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

#define ROW_A                                                                                                          \
    "{\"query\": \"a\",\"model_name\": \"m\",\"response\": \"r\",\"performance\": 0.5,\"response_time\": 2.0,"         \
    "\"prompt_tokens\": 3,\"completion_tokens\": 4,\"cost\": 0.25}"
#define ROW_B "{\"query\": \"b\",\"model_name\": \"m\",\"error\": \"e\",\"attempts\": 2}"
#define ROW_C                                                                                                          \
    "{\"query\": \"c\",\"model_name\": \"m\",\"response\": \"r\",\"performance\": 0.5,\"performance_known\": false}"

typedef struct seen {
    size_t n, errors;
    double performance, time, tokens, cost;
} seen;

static mlsel_status look(const result_row *row, void *user, mlsel_error *err) {
    seen *s = user;
    (void)err;
    s->n++;
    s->errors += row->is_error;
    if (strcmp(row->query, "a") == 0) {
        s->performance = row->performance;
        s->time = row->response_time;
        s->tokens = row->prompt_tokens + row->completion_tokens;
        s->cost = row->cost;
    }
    if (strcmp(row->query, "c") == 0)
        assert_true(isnan(row->performance) && isnan(row->response_time) && isnan(row->cost));
    return MLSEL_OK;
}

static void append(result_file *f, const char *row) {
    mlsel_error err;
    mlsel_i_write_raw(&f->line, row, strlen(row));
    test_ok(mlsel_i_results_append(f, &err), &err);
}

static void test_results(void **state) {
    result_file f, other;
    mlsel_error err;
    seen s = {0};
    (void)state;
    test_ok(mlsel_i_results_open(&f, test_path("out.jsonl"), false, look, &s, &err), &err);
    append(&f, ROW_A);
    append(&f, ROW_B);
    test_content_is("out.jsonl", ROW_A "\n" ROW_B "\n"); /* at once */
    assert_int_equal(mlsel_i_results_open(&other, test_path("out.jsonl"), false, look, &s, &err), MLSEL_ERROR_IO);
    assert_non_null(strstr(err.message, "another run"));
    test_ok(mlsel_i_results_sync_now(&f, &err), &err);
    mlsel_i_results_close(&f);
    test_ok(mlsel_i_results_open(&f, test_path("out.jsonl"), false, look, &s, &err), &err);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.errors, 1);
    assert_true(s.performance == 0.5 && s.time == 2 && s.tokens == 7 && s.cost == 0.25);
    append(&f, ROW_C);
    mlsel_i_results_close(&f);
    test_content_is("out.jsonl", ROW_A "\n" ROW_B "\n" ROW_C "\n");
    test_ok(mlsel_i_results_open(&f, test_path("out.jsonl"), true, look, &s, &err), &err);
    mlsel_i_results_close(&f);
    test_content_is("out.jsonl", "");
}

/* However much of a row has reached the file, what was whole stays and the rest goes. */
static void test_cut_results(void **state) {
    static const char text[] = ROW_A "\n" ROW_C;
    const size_t first = sizeof ROW_A; /* with its line break in the place of the zero */
    mlsel_error err;
    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        char cut[sizeof text];
        seen s = {0};
        result_file f;
        snprintf(cut, size + 1, "%s", text);
        test_write_text("cut.jsonl", cut);
        test_ok(mlsel_i_results_open(&f, test_path("cut.jsonl"), false, look, &s, &err), &err);
        const size_t rows = (size_t)(size >= first - 1) + (size == sizeof text - 1);
        assert_int_equal(s.n, rows);
        assert_int_equal(f.cut_bytes, rows == 2 ? 0 : rows == 0 ? size : size < first ? 0 : size - first);
        append(&f, ROW_B);
        mlsel_i_results_close(&f);
        test_content_is("cut.jsonl", rows == 0   ? ROW_B "\n"
                                     : rows == 1 ? ROW_A "\n" ROW_B "\n"
                                                 : ROW_A "\n" ROW_C "\n" ROW_B "\n");
    }
}

static void test_other_files(void **state) {
    static const char *const texts[] = {"text\n",
                                        "{\"query\": \"a\"}\n",
                                        "{\"model_name\": \"a\"}\n",
                                        ROW_A "\ntext",
                                        "text",
                                        ROW_A "\n{\"quern",
                                        "[]\n",
                                        "{\"query\": \"a\", \"model_name\": 1}\n"};
    result_file f;
    mlsel_error err;
    seen s = {0};
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(texts); i++) {
        test_write_text("other", texts[i]);
        assert_int_equal(mlsel_i_results_open(&f, test_path("other"), false, look, &s, &err),
                         MLSEL_ERROR_SCHEMA + (i == 0));
        test_content_is("other", texts[i]);
    }
    assert_int_equal(mlsel_i_results_open(&f, test_folder(), false, look, &s, &err), MLSEL_ERROR_IO);
    assert_int_equal(mlsel_i_results_open(&f, "/dev/null", false, look, &s, &err), MLSEL_ERROR_UNSUPPORTED);
    assert_int_equal(mlsel_i_results_open(&f, test_path("none/out"), false, look, &s, &err), MLSEL_ERROR_NOT_FOUND);
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

#define A_OTHER "{\"query\": \"a\",\"model_name\": \"m\",\"response\": \"other\"}"
#define A_ERROR "{\"query\": \"a\",\"model_name\": \"m\",\"error\": \"e1\"}"
#define B_ERROR "{\"query\": \"b\",\"model_name\": \"m\",\"error\": \"e2\"}"

static mlsel_status merge(const char *one, const char *two, mlsel_merge_conflict conflict, mlsel_merge_summary *s,
                          mlsel_error *err) {
    const char *parts[] = {test_write_text("one", one), test_write_text("two", two)};
    return mlsel_merge(test_path("joined"), parts, 2, conflict, s, err);
}

static void test_merge(void **state) {
    mlsel_merge_summary s;
    mlsel_error err;
    (void)state;
    test_ok(merge(A_ERROR "\n" ROW_B "\n", B_ERROR "\n" ROW_C "\n" ROW_A "\n", 0, &s, &err), &err);
    test_content_is("joined", ROW_A "\n" B_ERROR "\n" ROW_C "\n");
    assert_true(s.rows == 3 && s.answers == 2 && s.superseded == 2 && s.repeated == 0 && s.conflicts == 0);
    /* an error after the answer changes nothing; a last line without its end counts, half of one does not */
    test_ok(merge(ROW_A "\n" ROW_C, A_ERROR "\r\n\n" ROW_A "\n{\"query\": \"d", 0, &s, &err), &err);
    test_content_is("joined", ROW_A "\n" ROW_C "\n");
    assert_true(s.rows == 2 && s.superseded == 1 && s.repeated == 1 && s.cut_parts == 1);
    assert_int_equal(merge(ROW_C "\n" ROW_A "\n", "\n" A_OTHER "\n", MLSEL_MERGE_REFUSE, &s, &err), MLSEL_ERROR_SCHEMA);
    assert_string_equal(err.message, "two:2: this pair has another answer in one:2; say which of them is to stay");
    test_content_is("joined", ROW_A "\n" ROW_C "\n"); /* as it was */
    test_ok(merge(ROW_A "\n", A_OTHER "\n", MLSEL_MERGE_FIRST, &s, &err), &err);
    test_content_is("joined", ROW_A "\n");
    assert_true(s.conflicts == 1);
    test_ok(merge(ROW_A "\n", A_OTHER "\n", MLSEL_MERGE_LAST, &s, &err), &err);
    test_content_is("joined", A_OTHER "\n");
    /* a file into itself */
    const char *self = test_write_text("self", A_ERROR "\n" B_ERROR "\n" ROW_A "\n");
    test_ok(mlsel_merge(self, &self, 1, 0, &s, &err), &err);
    test_content_is("self", ROW_A "\n" B_ERROR "\n");
    assert_int_equal(merge("text\n", "", 0, &s, &err), MLSEL_ERROR_PARSE);
    const char *missing = test_path("none");
    assert_int_equal(mlsel_merge(test_path("joined"), &missing, 1, 0, &s, &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_merge(test_path("joined"), NULL, 0, 0, &s, &err), MLSEL_ERROR_INVALID_ARGUMENT);
}

/* --- without memory ----------------------------------------------------------------------------------------------- */

static mlsel_status read_models(mlsel_error *err) {
    endpoint_list list;
    const char yaml[] = "models: [{name: a, api_key: '${MLSEL_TEST_KEY}', headers: {X: 'long value'}, colour: 1},"
                        " {name: b, endpoint: http://h}]\n";
    const mlsel_status status = parse(yaml, "a,b", &list, err);
    if (status == MLSEL_OK)
        mlsel_i_endpoints_free(&list);
    return status;
}

static mlsel_status name_models(mlsel_error *err) {
    endpoint_list list;
    const mlsel_status status = mlsel_i_endpoints_named("a,b", &defaults, &list, err);
    if (status == MLSEL_OK)
        mlsel_i_endpoints_free(&list);
    return status;
}

static mlsel_status read_queries(mlsel_error *err) {
    static const query_options options = {.shard = 1, .n_shards = 2};
    query_list list;
    const mlsel_status status = mlsel_i_queries_read(test_path("memory.jsonl"), &options, &list, err);
    if (status == MLSEL_OK)
        mlsel_i_queries_free(&list);
    return status;
}

static mlsel_status write_results(mlsel_error *err) {
    result_file f;
    seen s = {0};
    mlsel_status status = mlsel_i_results_open(&f, test_path("memory.out"), false, look, &s, err);
    if (status != MLSEL_OK)
        return status;
    mlsel_i_write_raw(&f.line, ROW_A, sizeof ROW_A - 1);
    status = mlsel_i_results_append(&f, err);
    mlsel_i_results_close(&f);
    return status;
}

static mlsel_status join(mlsel_error *err) {
    const char *parts[] = {test_path("memory.out"), test_path("memory.jsonl")};
    mlsel_merge_summary s;
    return mlsel_merge(test_path("joined"), parts, 2, MLSEL_MERGE_LAST, &s, err);
}

static void test_no_memory(void **state) {
    static mlsel_status (*const operations[])(mlsel_error *) = {read_models, name_models, read_queries, write_results,
                                                                join};
    static const char begin[] = ROW_A "\n" ROW_B; /* whole, but without the end of the line */
    (void)state;
    setenv("MLSEL_TEST_KEY", "k-1234567", 1);
    test_write_text("memory.jsonl", ROW_A "\n" ROW_B "\n" ROW_C "\n" A_OTHER "\n");
    for (size_t i = 0; i < TEST_LENGTH(operations); i++) {
        size_t failures = 0;
        for (size_t n = 0, refused = 1; refused > 0; n++) {
            mlsel_error err;
            test_write_text("memory.out", begin);
            heap_fail_begin(n, false);
            const mlsel_status status = operations[i](&err);
            refused = heap_fail_end();
            /* a request that may do without, as the copy of a message, is no failure */
            if (status != MLSEL_OK && (status != MLSEL_ERROR_NO_MEMORY || refused == 0))
                fail_msg("operation %zu, allocation %zu: %s", i, n, err.message);
            failures += status != MLSEL_OK;
            char *text = test_need_file(test_path("memory.out"), NULL);
            assert_memory_equal(text, begin, sizeof begin - 1); /* nothing is lost */
            free(text);
        }
        assert_true(failures > 0);
    }
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static void nothing_is_left(void **state) {
    static const char *const names[] = {"queries.jsonl", "bad.jsonl", "out.jsonl", "cut.jsonl",    "other",     "one",
                                        "two",           "joined",    "self",      "memory.jsonl", "memory.out"};
    (void)state;
    test_only_left(names, TEST_LENGTH(names));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),      cmocka_unit_test(test_bad_models),  cmocka_unit_test(test_named_models),
        cmocka_unit_test(test_queries),     cmocka_unit_test(test_bad_queries), cmocka_unit_test(test_results),
        cmocka_unit_test(test_cut_results), cmocka_unit_test(test_other_files), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_no_memory),   cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
