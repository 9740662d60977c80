/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records and embeddings: what each kind of line comes to, good and bad, and from where lines can come. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "mlsel_train.h"

enum { LEFT_OUT = 1, FAILS = 2 /* with `strict` */ };

/* A line, read as the second of three; the first and last are good. */
typedef struct line_case {
    const char *line;
    mlsel_finding_code code; /* 0: nothing is found */
    int flags;
    const char *message; /* part of it */
} line_case;

#define QM "\"query\": \"q\", \"model_name\": \"m\""
#define LINE(members) "{" QM ", " members "}"

static const line_case cases[] = {
    /* good */
    {LINE("\"performance\": 0.5"), 0, 0, NULL},
    {LINE("\"performance\": 0"), 0, 0, NULL},
    {LINE("\"performance\": 1.0"), 0, 0, NULL},
    {LINE("\"performance\": -0.0"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"ground_truth\": \"x\", \"error\": null"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"error\": false"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"error\": \"\""), 0, 0, NULL},
    {LINE("\"performance\": 1, \"response_time\": null, \"cost\": null, \"embedding\": null, \"category\": null"), 0, 0,
     NULL},
    {LINE("\"performance\": 1, \"response_time\": 0, \"cost\": 0"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"response\": {\"a\": [1, {\"b\": NaN}], \"c\": -Infinity}, \"x\": 1e999"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"embedding\": [1, 0.5, -3e-2]"), 0, 0, NULL},
    {LINE("\"performance\": 1, \"category\": \"engineering\""), 0, 0, NULL},
    {LINE("\"performance\": 1, \"category\": \"computer_science\""), 0, 0, NULL},
    {"  " LINE("\"performance\": 1") " \t", 0, 0, NULL},
    {"{\"\\u0071uery\": \"\\ud83d\\ude00\", \"model_name\": \"m\", \"performance\": 1}", 0, 0, NULL},
    /* no JSON object */
    {"x", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "expected a value, not 'x'"},
    {"{" QM, MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "truncated"},
    {"{\"query\": \"q", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, ""},
    {"[" LINE("\"performance\": 1") "]", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "not in a list"},
    {"[1, 2]", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "the line is a list: it must be one JSON object"},
    {"3", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "the line is 3: it must be one JSON object"},
    {"null", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "the line is null"},
    {"NaN", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "the line is NaN"},
    {LINE("\"performance\": 1") " x", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "follows the end"},
    {LINE("\"performance\": 1, \"performance\": 0"), MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "performance"},
    {LINE("\"performance\": NaN, \"performance\": 0"), MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "performance"},
    {LINE("\"performance\": nan"), MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "expected a value, not 'n'"},
    {LINE("\"performance\": 01"), MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "leading 0"},
    {LINE("\"performance\": NaN, \"x\": y"), MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "expected a value, not 'y'"},
    {"{\"query\": \"\\ud800\", \"model_name\": \"m\"}", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "surrogate"},
    {"{\"query\": \"\xff\", \"model_name\": \"m\"}", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "UTF-8"},
    {"{\"query\": \"a\\u0000b\", \"model_name\": \"m\"}", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, ""},
    {"{'query': 'q'}", MLSEL_FINDING_NOT_JSON, LEFT_OUT | FAILS, "double quotes"},
    /* no query, no model */
    {"{\"model_name\": \"m\", \"performance\": 1}", MLSEL_FINDING_NO_QUERY, LEFT_OUT | FAILS, "query is missing"},
    {"{\"query\": \"\", \"model_name\": \"m\"}", MLSEL_FINDING_NO_QUERY, LEFT_OUT | FAILS, "query is empty"},
    {"{\"query\": 7, \"model_name\": \"m\"}", MLSEL_FINDING_NO_QUERY, LEFT_OUT | FAILS, "query is 7"},
    {"{\"query\": NaN, \"model_name\": \"m\"}", MLSEL_FINDING_NO_QUERY, LEFT_OUT | FAILS, "query is NaN"},
    {"{\"query\": \"q\", \"performance\": 1}", MLSEL_FINDING_NO_MODEL, LEFT_OUT | FAILS, "model_name is missing"},
    {"{\"query\": \"q\", \"model_name\": null}", MLSEL_FINDING_NO_MODEL, LEFT_OUT | FAILS, "model_name is null"},
    {"{\"query\": \"q\", \"model_name\": [\"m\"]}", MLSEL_FINDING_NO_MODEL, LEFT_OUT | FAILS, "model_name is a list"},
    /* quality */
    {LINE("\"performance\": 1.5"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS,
     "a/records.jsonl:2: performance is 1.5: it must be from 0 to 1"},
    {LINE("\"performance\": -0.25"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is -0.25"},
    {LINE("\"performance\": \"0.5\""), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is the text \"0.5\""},
    {LINE("\"performance\": true"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is true"},
    {LINE("\"performance\": {}"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is an object"},
    {LINE("\"performance\": [1]"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is a list"},
    {LINE("\"performance\": NaN"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS,
     "performance is NaN: it must be a number from 0 to 1"},
    {LINE("\"performance\": Infinity"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is Infinity"},
    {LINE("\"performance\": -Infinity"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is -Infinity"},
    {LINE("\"performance\": 1e999"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "performance is huge"},
    {LINE("\"x\": \"\\\"NaN\", \"performance\": NaN"), MLSEL_FINDING_BAD_QUALITY, LEFT_OUT | FAILS, "is NaN"},
    /* unknown quality is no fault */
    {LINE("\"cost\": 1"), MLSEL_FINDING_UNKNOWN_QUALITY, 0, "not known"},
    {LINE("\"performance\": null"), MLSEL_FINDING_UNKNOWN_QUALITY, 0, "not known"},
    {LINE("\"performance\": 0.5, \"performance_known\": false"), MLSEL_FINDING_UNKNOWN_QUALITY, 0, ""},
    {LINE("\"performance\": 0.5, \"ground_truth\": \"\""), MLSEL_FINDING_UNKNOWN_QUALITY, 0, ""},
    {LINE("\"performance\": 0.5, \"ground_truth\": null"), MLSEL_FINDING_UNKNOWN_QUALITY, 0, ""},
    {LINE("\"performance\": 0.5, \"ground_truth\": []"), MLSEL_FINDING_UNKNOWN_QUALITY, 0, ""},
    {LINE("\"performance\": NaN, \"ground_truth\": \"\""), MLSEL_FINDING_UNKNOWN_QUALITY, 0, ""},
    /* latency, cost */
    {LINE("\"performance\": 1, \"response_time\": -1"), MLSEL_FINDING_BAD_LATENCY, FAILS, "response_time is -1"},
    {LINE("\"performance\": 1, \"response_time\": \"fast\""), MLSEL_FINDING_BAD_LATENCY, FAILS, "the text \"fast\""},
    {LINE("\"performance\": 1, \"response_time\": NaN"), MLSEL_FINDING_BAD_LATENCY, FAILS, "response_time is NaN"},
    {LINE("\"performance\": 1, \"cost\": -0.5"), MLSEL_FINDING_BAD_COST, FAILS, "cost is -0.5"},
    {LINE("\"performance\": 1, \"cost\": Infinity"), MLSEL_FINDING_BAD_COST, FAILS, "cost is Infinity"},
    /* embeddings: the first line's has 3 values */
    {LINE("\"performance\": 1, \"embedding\": [1, 2]"), MLSEL_FINDING_EMBEDDING_WIDTH, FAILS,
     "embedding has 2 values, those before have 3"},
    {LINE("\"performance\": 1, \"embedding\": []"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "empty list"},
    {LINE("\"performance\": 1, \"embedding\": {}"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "embedding is an object"},
    {LINE("\"performance\": 1, \"embedding\": \"AAAA\""), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "list of numbers"},
    {LINE("\"performance\": 1, \"embedding\": [1, \"2\", 3]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "embedding[1]"},
    {LINE("\"performance\": 1, \"embedding\": [\"1\"]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "list of numbers"},
    {LINE("\"performance\": 1, \"embedding\": [[1, 2, 3]]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "list of lists"},
    {LINE("\"performance\": 1, \"embedding\": [1, 2, NaN]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "embedding[2]"},
    {LINE("\"performance\": 1, \"embedding\": [1, 2, null]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "embedding[2]"},
    {LINE("\"performance\": 1, \"embedding\": [1, 1e39, 0]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "float32"},
    {LINE("\"performance\": 1, \"embedding\": [1, 1e999, 0]"), MLSEL_FINDING_BAD_EMBEDDING, FAILS, "embedding[1]"},
    /* remarkable, not wrong */
    {"{\"query\": \"first\", \"model_name\": \"m\", \"performance\": 1, \"embedding\": [3, 2, 1]}",
     MLSEL_FINDING_EMBEDDING_DIFFERS, 0, "another embedding"},
    {"{\"query\": \"first\", \"model_name\": \"m\", \"performance\": 1, \"category\": \"law\"}",
     MLSEL_FINDING_CATEGORY_DIFFERS, 0, "category \"law\": an earlier line of this query says \"math\""},
    {LINE("\"performance\": 1, \"category\": \"cooking\""), MLSEL_FINDING_UNKNOWN_CATEGORY, 0, "\"cooking\""},
    {"{\"query\": \"first\", \"model_name\": \"a\", \"performance\": 1}", MLSEL_FINDING_REPEATED, 0, "mean counts"},
    {LINE("\"performance\": 0, \"error\": \"HTTP 500\""), MLSEL_FINDING_FAILED, 0, "failed"},
    {LINE("\"performance\": 0, \"error\": true"), MLSEL_FINDING_FAILED, 0, "failed"},
    {LINE("\"error\": {\"code\": 1}"), MLSEL_FINDING_FAILED, 0, "failed"},
};

static mlsel_dataset *create(void) {
    mlsel_error err;
    mlsel_dataset *dataset = NULL;
    test_ok(mlsel_dataset_create(&dataset, &err), &err);
    return dataset;
}

static mlsel_dataset_info info_of(const mlsel_dataset *dataset) {
    mlsel_dataset_info info;
    mlsel_error err;
    test_ok(mlsel_dataset_get_info(dataset, &info, sizeof info, &err), &err);
    assert_int_equal(info.struct_size, sizeof info);
    return info;
}

static mlsel_finding finding_of(const mlsel_dataset *dataset, size_t index) {
    mlsel_finding finding;
    mlsel_error err;
    test_ok(mlsel_dataset_get_finding(dataset, index, &finding, sizeof finding, &err), &err);
    return finding;
}

static uint64_t count_all(const mlsel_dataset *dataset) {
    uint64_t n = 0;
    for (mlsel_finding_code code = 1; code <= MLSEL_FINDING_CODES; code++)
        n += mlsel_dataset_count_findings(dataset, code);
    return n;
}

static const char first_line[] = "{\"query\": \"first\", \"model_name\": \"a\", \"performance\": 0.25, \"category\": "
                                 "\"math\", \"embedding\": [1, 2, 3]}\n";
static const char last_line[] = "{\"query\": \"last\", \"model_name\": \"b\", \"performance\": 0.75}\n";

static char *three_lines(const char *middle) {
    const size_t size = sizeof first_line + strlen(middle) + sizeof last_line + 1;
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "%s%s\n%s", first_line, middle, last_line);
    return text;
}

static void check_case(const line_case *c) {
    mlsel_error err;
    mlsel_dataset *dataset = create();
    char *text = three_lines(c->line);
    test_ok(mlsel_dataset_read_records_memory(dataset, text, strlen(text), "a/records.jsonl", NULL, &err), &err);
    const mlsel_dataset_info info = info_of(dataset);
    const bool is_row = (c->flags & LEFT_OUT) == 0 && c->code != MLSEL_FINDING_FAILED;
    if (info.n_rows != 2 + (uint64_t)is_row || info.n_bad_lines != (uint64_t)(c->flags & LEFT_OUT))
        fail_msg("%s: %llu rows, %llu bad lines", c->line, (unsigned long long)info.n_rows,
                 (unsigned long long)info.n_bad_lines);
    assert_int_equal(info.n_lines, 3);
    assert_int_equal(info.n_failed, c->code == MLSEL_FINDING_FAILED);
    if (count_all(dataset) != (c->code != 0))
        fail_msg("%s: %llu findings, as \"%s\"", c->line, (unsigned long long)count_all(dataset),
                 mlsel_dataset_finding_count(dataset) == 0 ? "" : finding_of(dataset, 0).message);
    if (c->code != 0) {
        const mlsel_finding finding = finding_of(dataset, 0);
        if (finding.code != c->code || finding.line != 2 || strcmp(finding.file, "records.jsonl") != 0 ||
            strstr(finding.message, c->message[0] == 'a' && c->message[1] == '/' ? c->message + 2 : c->message) == NULL)
            fail_msg("%s: %s, line %llu of %s: %s", c->line, mlsel_finding_name(finding.code),
                     (unsigned long long)finding.line, finding.file, finding.message);
        assert_int_equal(strncmp(finding.message, "records.jsonl:2: ", 17), 0);
    }
    mlsel_dataset_free(dataset);
    free(text);
}

static void each_line(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++)
        check_case(&cases[i]);
}

static void strict_fails(void **state) {
    (void)state;
    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    options.strict = 1;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        const line_case *c = &cases[i];
        mlsel_error err;
        mlsel_dataset *dataset = create();
        char *text = three_lines(c->line);
        const mlsel_status status =
            mlsel_dataset_read_records_memory(dataset, text, strlen(text), "a/records.jsonl", &options, &err);
        const bool fails = (c->flags & FAILS) != 0;
        if ((status != MLSEL_OK) != fails)
            fail_msg("%s: %s", c->line, mlsel_status_name(status));
        if (fails) {
            assert_int_equal(status, err.code);
            assert_int_equal(err.detail, 2);
            assert_string_equal(err.message, finding_of(dataset, 0).message);
            assert_int_equal(info_of(dataset).n_rows, 1); /* what was read before stays */
            assert_int_equal(mlsel_dataset_count_findings(dataset, c->code), 1);
        } else {
            assert_int_equal(err.code, MLSEL_OK);
        }
        mlsel_dataset_free(dataset);
        free(text);
    }
}

static void strict_statuses(void **state) {
    (void)state;
    static const struct {
        const char *line;
        mlsel_status status;
    } wanted[] = {
        {"{", MLSEL_ERROR_PARSE},
        {"[]", MLSEL_ERROR_SCHEMA},
        {LINE("\"performance\": 2"), MLSEL_ERROR_SCHEMA},
        {LINE("\"embedding\": [1]"), MLSEL_ERROR_DIMENSION},
        {"{\"query\": \"a text that is longer than what is allowed\", \"model_name\": \"m\", \"performance\": 1, "
         "\"pad\": "
         "\"0123456789012345678901234567890123456789\"}",
         MLSEL_ERROR_LIMIT},
    };
    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    options.strict = 1;
    options.max_line_bytes = 120;
    for (size_t i = 0; i < TEST_LENGTH(wanted); i++) {
        mlsel_error err;
        mlsel_dataset *dataset = create();
        char *text = three_lines(wanted[i].line);
        assert_int_equal(mlsel_dataset_read_records_memory(dataset, text, strlen(text), NULL, &options, &err),
                         wanted[i].status);
        assert_int_equal(strncmp(err.message, "memory:2: ", 10), 0);
        mlsel_dataset_free(dataset);
        free(text);
    }
}

/* What leaves the rest of its line in use really does. */
static void rest_is_used(void **state) {
    (void)state;
    static const char text[] =
        "{\"query\": \"q\", \"model_name\": \"m\", \"performance\": 0.5, \"response_time\": NaN, "
        "\"cost\": 3, \"embedding\": [1, NaN], \"task_name\": \"t\"}\n"
        "{\"query\": \"q\", \"model_name\": \"n\", \"response_time\": 2}\n";
    mlsel_error err;
    mlsel_observation o;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, NULL, &err), &err);
    test_ok(mlsel_dataset_observe(dataset, 0, 0, &o, &err), &err);
    assert_true(o.quality == 0.5 && isnan(o.latency_s) && o.cost == 3);
    assert_int_equal(o.rows, 1);
    test_ok(mlsel_dataset_observe(dataset, 0, 1, &o, &err), &err);
    assert_true(isnan(o.quality) && o.latency_s == 2 && isnan(o.cost));
    assert_null(mlsel_dataset_embedding(dataset, 0));
    assert_string_equal(mlsel_dataset_task(dataset, 0), "t");
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_pairs, 1);
    assert_int_equal(info.n_latencies, 1);
    assert_int_equal(info.n_costs, 1);
    assert_int_equal(info.embedding_width, 0);
    mlsel_dataset_free(dataset);
}

static void only_the_first_are_kept(void **state) {
    (void)state;
    enum { LINES = 50, KEPT = 20 };
    char text[LINES * 4 + 1] = "";
    mlsel_error err;
    for (int i = 0; i < LINES; i++)
        strcat(text, i % 2 == 0 ? "{}\n" : "x\n");
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, strlen(text), "dir/f", NULL, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_NO_QUERY), LINES / 2);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_NOT_JSON), LINES / 2);
    assert_int_equal(mlsel_dataset_finding_count(dataset), 2 * KEPT);
    for (size_t i = 0; i < 2 * KEPT; i++)
        assert_int_equal(finding_of(dataset, i).line, i + 1);
    mlsel_finding finding;
    assert_int_equal(mlsel_dataset_get_finding(dataset, 2 * KEPT, &finding, sizeof finding, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_dataset_free(dataset);
}

static void categories_once_per_query(void **state) {
    (void)state;
    static const char text[] = "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 1, \"category\": \"odd\"}\n"
                               "{\"query\": \"a\", \"model_name\": \"n\", \"performance\": 1, \"category\": \"odd\"}\n"
                               "{\"query\": \"b\", \"model_name\": \"m\", \"performance\": 1}\n"
                               "{\"query\": \"b\", \"model_name\": \"n\", \"performance\": 1, \"category\": \"odd\"}\n"
                               "{\"query\": \"c\", \"model_name\": \"n\", \"performance\": 1, \"category\": \"\"}\n";
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, NULL, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_UNKNOWN_CATEGORY), 2);
    assert_int_equal(count_all(dataset), 2);
    assert_int_equal(info_of(dataset).n_category_other, 2);
    assert_string_equal(mlsel_dataset_category(dataset, 1), "odd"); /* the first that is given */
    assert_string_equal(mlsel_dataset_category(dataset, 2), "");
    mlsel_dataset_free(dataset);
}

/* --- the text around the lines ------------------------------------------------------------------------------------ */

#define A "{\"query\": \"a\", \"model_name\": \"m\", \"performance\": 1}"
#define B "{\"query\": \"b\", \"model_name\": \"m\", \"performance\": 1}"

static void ends_of_lines(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t queries, lines, bad;
    } texts[] = {
        {"", 0, 0, 0},
        {"\n\n", 0, 0, 0},
        {A, 1, 1, 0},
        {A "\n", 1, 1, 0},
        {A "\r\n" B "\r\n", 2, 2, 0},
        {A "\r\n" B "\r", 2, 2, 0},
        {"\xef\xbb\xbf" A "\n" B, 2, 2, 0},
        {"\xef\xbb\xbf", 0, 0, 0},
        {"\xef\xbb", 0, 1, 1},
        {"\n  \n" A "\n\t\r\n\n" B "\n\n", 2, 2, 0},
        {A "\n" B "\n{\"query\": \"c", 2, 3, 1},
        {A B "\n", 0, 1, 1},
    };
    for (size_t i = 0; i < TEST_LENGTH(texts); i++) {
        mlsel_error err;
        mlsel_dataset *dataset = create();
        test_ok(mlsel_dataset_read_records_memory(dataset, texts[i].text, strlen(texts[i].text), NULL, NULL, &err),
                &err);
        const mlsel_dataset_info info = info_of(dataset);
        if (info.n_queries != texts[i].queries || info.n_lines != texts[i].lines || info.n_bad_lines != texts[i].bad)
            fail_msg("text %zu: %llu queries, %llu lines, %llu bad", i, (unsigned long long)info.n_queries,
                     (unsigned long long)info.n_lines, (unsigned long long)info.n_bad_lines);
        mlsel_dataset_free(dataset);
    }
}

static void line_numbers(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf\n" A "\r\n\r\n{\n\n" B "\n[";
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, NULL, &err), &err);
    assert_int_equal(mlsel_dataset_finding_count(dataset), 2);
    assert_int_equal(finding_of(dataset, 0).line, 4);
    assert_int_equal(finding_of(dataset, 1).line, 7);
    mlsel_dataset_free(dataset);
}

static void zero_bytes(void **state) {
    (void)state;
    static const char text[] = A "\n{\"query\": \"x\0y\", \"model_name\": \"m\"}\n\0\n" B;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, NULL, &err), &err);
    assert_int_equal(info_of(dataset).n_queries, 2);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_NOT_JSON), 2);
    assert_int_equal(finding_of(dataset, 0).line, 2);
    assert_int_equal(finding_of(dataset, 1).line, 3);
    mlsel_dataset_free(dataset);
}

static void no_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *message;
    } texts[] = {
        {"\x1f\x8b\x08\x00\x00\x00", 6, "zcat x/r.jsonl.gz | "},
        {"\x28\xb5\x2f\xfd\x00", 5, "zstdcat "},
        {"\xfd\x37zXZ\x00", 6, "xzcat "},
        {"BZh91AY", 7, "bzcat "},
        {"\xff\xfe{\0", 4, "UTF-16"},
        {"\xfe\xff\0{", 4, "UTF-16"},
    };
    for (size_t i = 0; i < TEST_LENGTH(texts); i++) {
        mlsel_error err;
        mlsel_dataset *dataset = create();
        assert_int_equal(
            mlsel_dataset_read_records_memory(dataset, texts[i].text, texts[i].size, "x/r.jsonl.gz", NULL, &err),
            MLSEL_ERROR_UNSUPPORTED);
        if (strstr(err.message, texts[i].message) == NULL)
            fail_msg("%s", err.message);
        assert_int_equal(info_of(dataset).n_lines, 0);
        mlsel_dataset_free(dataset);
    }
}

static void deep_nesting(void **state) {
    (void)state;
    enum { DEPTH = 100000 };
    mlsel_error err;
    char *text = malloc(2 * DEPTH + 200);
    assert_non_null(text);
    strcpy(text, "{" QM ", \"performance\": 1, \"x\": ");
    char *at = text + strlen(text);
    memset(at, '[', DEPTH);
    memset(at + DEPTH, ']', DEPTH);
    strcpy(at + 2 * DEPTH, "}\n" A);
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, strlen(text), NULL, NULL, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_NOT_JSON), 1);
    assert_non_null(strstr(finding_of(dataset, 0).message, "nested"));
    assert_int_equal(info_of(dataset).n_queries, 1);
    mlsel_dataset_free(dataset);
    free(text);
}

static void longest_line(void **state) {
    (void)state;
    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    static const char text[] = A "\n" B "\r\n" A " \n" A "  \n" B;
    options.max_line_bytes = sizeof A - 1;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, &options, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_LINE_TOO_LONG), 2);
    assert_int_equal(finding_of(dataset, 0).line, 3);
    assert_int_equal(finding_of(dataset, 1).line, 4);
    assert_int_equal(info_of(dataset).n_rows, 3);
    mlsel_dataset_free(dataset);
}

/* A line that is too long is not blank because its beginning is. */
static void long_blank_line(void **state) {
    (void)state;
    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    char text[600];
    snprintf(text, sizeof text, "%400s\n%s\n", "x", A);
    options.max_line_bytes = sizeof A - 1;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, strlen(text), NULL, &options, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_LINE_TOO_LONG), 1);
    assert_int_equal(info_of(dataset).n_rows, 1);
    mlsel_dataset_free(dataset);
}

static void first_queries_only(void **state) {
    (void)state;
    static const char text[] = A "\n" A "\n" B "\n{\"query\": \"c\", \"model_name\": \"m\"}\n"
                                 "{\"query\": \"b\", \"model_name\": \"n\", \"performance\": 0}\n";
    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    options.max_queries = 2;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, text, sizeof text - 1, NULL, &options, &err), &err);
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries, 2);
    assert_int_equal(info.n_rows, 4);
    assert_int_equal(info.n_models, 2);
    assert_int_equal(info.n_lines, 5);
    mlsel_dataset_free(dataset);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Lines of all lengths, so that every place of a line in the reader's buffer occurs; together larger than it. */
static uint64_t write_many(const char *path) {
    enum { LINES = 3000, LONGEST = 700 };
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++)
        fprintf(file, "{\"query\": \"%d\", \"model_name\": \"m\", \"performance\": 1, \"pad\": \"%*s\"}%s\n", i,
                i % LONGEST, "x", i % 3 == 0 ? "\r" : "");
    /* and one that is longer than the first buffer */
    fprintf(file, "{\"query\": \"long\", \"model_name\": \"m\", \"performance\": 1, \"pad\": \"%*s\"}\n", 1000000, "x");
    fputs("{\"query\": \"end\", \"model_name\": \"m\", \"performance\": 1}", file);
    assert_int_equal(fclose(file), 0);
    return LINES + 2;
}

static void from_file(void **state) {
    (void)state;
    mlsel_error err;
    const char *path = test_path("many.jsonl");
    const uint64_t n = write_many(path);
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records(dataset, path, NULL, &err), &err);
    assert_int_equal(count_all(dataset), 0);
    assert_int_equal(info_of(dataset).n_queries, n);
    assert_string_equal(mlsel_dataset_query(dataset, 2999), "2999");
    assert_string_equal(mlsel_dataset_query(dataset, (size_t)n - 1), "end");
    mlsel_dataset_free(dataset);

    mlsel_read_options options;
    mlsel_read_options_init(&options, sizeof options);
    options.max_line_bytes = 100000;
    dataset = create();
    test_ok(mlsel_dataset_read_records(dataset, path, &options, &err), &err);
    assert_int_equal(mlsel_dataset_count_findings(dataset, MLSEL_FINDING_LINE_TOO_LONG), 1);
    assert_int_equal(finding_of(dataset, 0).line, n - 1);
    assert_int_equal(info_of(dataset).n_queries, n - 1);
    assert_string_equal(mlsel_dataset_query(dataset, (size_t)n - 2), "end");
    mlsel_dataset_free(dataset);
    unlink(path);
}

static void from_standard_input(void **state) {
    (void)state;
    mlsel_error err;
    const char *path = test_path("in.jsonl");
    const uint64_t n = write_many(path);
    const int saved = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
    assert_true(saved >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    mlsel_dataset *dataset = create();
    const mlsel_status status = mlsel_dataset_read_records(dataset, "-", NULL, &err);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO); /* which is still open */
    close(saved);
    close(fd);
    unlink(path);
    test_ok(status, &err);
    assert_int_equal(info_of(dataset).n_queries, n);
    mlsel_dataset_free(dataset);
}

/* A pipe hands out a few bytes at a time: also the mark at the beginning comes in pieces. */
static void from_pipe(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf" A "\r\n\n" B;
    int ends[2];
    mlsel_error err;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        for (size_t i = 0; i < sizeof text - 1; i++) {
            if (write(ends[1], text + i, 1) != 1)
                _Exit(1);
            nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
        }
        _Exit(0);
    }
    close(ends[1]);
    const int saved = dup(STDIN_FILENO);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    mlsel_dataset *dataset = create();
    const mlsel_status read_status = mlsel_dataset_read_records(dataset, "-", NULL, &err);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    test_ok(read_status, &err);
    assert_int_equal(info_of(dataset).n_queries, 2);
    assert_int_equal(count_all(dataset), 0);
    mlsel_dataset_free(dataset);
}

static void no_file(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_dataset *dataset = create();
    const char *path = test_path("missing.jsonl");
    assert_int_equal(mlsel_dataset_read_records(dataset, path, NULL, &err), MLSEL_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(mlsel_dataset_read_records(dataset, test_folder(), NULL, &err), MLSEL_ERROR_IO);
    assert_non_null(strstr(err.message, "it is a folder"));
    assert_int_equal(mlsel_dataset_read_embeddings(dataset, path, NULL, &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_dataset_read_records(dataset, NULL, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_dataset_read_records(NULL, path, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_dataset_free(dataset);
}

/* --- embeddings --------------------------------------------------------------------------------------------------- */

static void read_embeddings(void **state) {
    (void)state;
    static const char lines[] = "{\"query\": \"b\", \"embedding\": [0.5, -2]}\n"   /* 1 */
                                "{\"query\": \"other\", \"embedding\": [1, 2]}\n"  /* 2 */
                                "{\"query\": \"a\", \"embedding\": [1, 2, 3]}\n"   /* 3 */
                                "{\"query\": \"b\", \"embedding\": [0.5, -2]}\n"   /* 4 */
                                "{\"query\": \"b\", \"embedding\": [0.75, -2]}\n"  /* 5 */
                                "{\"query\": \"a\"}\n"                             /* 6 */
                                "{\"embedding\": [1, 2]}\n"                        /* 7 */
                                "{\"query\": \"a\", \"embedding\": [NaN, 2]}\n"    /* 8 */
                                "{\"query\": \"a\", \"embedding\": null}\n"        /* 9 */
                                "{\"query\": \"a\", \"embedding\": [0.25, 1e-3]}"; /* 10 */
    static const struct {
        mlsel_finding_code code;
        uint64_t line;
    } wanted[] = {
        {MLSEL_FINDING_UNKNOWN_QUERY, 2}, {MLSEL_FINDING_EMBEDDING_WIDTH, 3}, {MLSEL_FINDING_EMBEDDING_DIFFERS, 5},
        {MLSEL_FINDING_BAD_EMBEDDING, 6}, {MLSEL_FINDING_NO_QUERY, 7},        {MLSEL_FINDING_BAD_EMBEDDING, 8},
        {MLSEL_FINDING_BAD_EMBEDDING, 9},
    };
    mlsel_error err;
    mlsel_dataset *dataset = create();
    test_ok(mlsel_dataset_read_records_memory(dataset, A "\n" B, strlen(A "\n" B), NULL, NULL, &err), &err);
    test_ok(mlsel_dataset_read_embeddings_memory(dataset, lines, sizeof lines - 1, "e", NULL, &err), &err);
    assert_int_equal(mlsel_dataset_finding_count(dataset), TEST_LENGTH(wanted));
    for (size_t i = 0; i < TEST_LENGTH(wanted); i++) {
        const mlsel_finding finding = finding_of(dataset, i);
        assert_int_equal(finding.code, wanted[i].code);
        assert_int_equal(finding.line, wanted[i].line);
    }
    const mlsel_dataset_info info = info_of(dataset);
    assert_int_equal(info.n_queries, 2);
    assert_int_equal(info.n_embedded, 2);
    assert_int_equal(info.embedding_width, 2);
    assert_int_equal(info.n_lines, 12);
    assert_int_equal(info.n_bad_lines, 5); /* 3, 6, 7, 8, 9 */
    const float *a = mlsel_dataset_embedding(dataset, 0), *b = mlsel_dataset_embedding(dataset, 1);
    assert_true(a[0] == 0.25f && a[1] == 1e-3f);
    assert_true(b[0] == 0.5f && b[1] == -2.0f);
    mlsel_dataset_free(dataset);
}

static void nothing_is_left(void **state) {
    (void)state;
    test_only_left(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line),
        cmocka_unit_test(strict_fails),
        cmocka_unit_test(strict_statuses),
        cmocka_unit_test(rest_is_used),
        cmocka_unit_test(only_the_first_are_kept),
        cmocka_unit_test(categories_once_per_query),
        cmocka_unit_test(ends_of_lines),
        cmocka_unit_test(line_numbers),
        cmocka_unit_test(zero_bytes),
        cmocka_unit_test(no_text),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(longest_line),
        cmocka_unit_test(long_blank_line),
        cmocka_unit_test(first_queries_only),
        cmocka_unit_test(from_file),
        cmocka_unit_test(from_standard_input),
        cmocka_unit_test(from_pipe),
        cmocka_unit_test(no_file),
        cmocka_unit_test(read_embeddings),
        cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
