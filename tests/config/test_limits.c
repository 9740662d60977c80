/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile texts: refused with the right finding, soon, and without much memory (tests/oom measures that). */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/yaml.h"

/* Of the processor, as others may use the machine too. Generous: sanitizers. Each takes a fraction of a second. */
enum { MAX_SECONDS = 20 };

typedef struct text {
    char *bytes;
    size_t size;
    size_t capacity;
} text;

static void add(text *t, const char *bytes, size_t size) {
    if (t->size + size > t->capacity) {
        t->capacity = 2 * (t->size + size);
        t->bytes = realloc(t->bytes, t->capacity);
        assert_non_null(t->bytes);
    }
    if (size > 0)
        memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static void print(text *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_true(length >= 0 && (size_t)length < sizeof line);
    add(t, line, (size_t)length);
}

static void repeat(text *t, const char *what, size_t count) {
    for (size_t i = 0; i < count; i++)
        add(t, what, strlen(what));
}

/* Reads and frees the text; the first finding must have that code and place. */
static void check(text *t, mlsel_status expected, const char *code, uint32_t line, uint32_t column) {
    config *c = NULL;
    config_diagnostics list = {0};
    mlsel_error err;
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    const mlsel_status status = mlsel_i_config_read(t->bytes, t->size, NULL, NULL, &c, &list, &err);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_int_equal(status, expected);
    assert_true(after.tv_sec - before.tv_sec < MAX_SECONDS);
    assert_true(list.count <= CONFIG_MAX_DIAGNOSTICS);
    if (code != NULL) {
        assert_true(list.count > 0);
        assert_string_equal(list.items[0].code, code);
        assert_int_equal(list.items[0].span.line, line);
        assert_int_equal(list.items[0].span.column, column);
    }
    mlsel_i_config_free(c);
    mlsel_i_config_diagnostics_clear(&list);
    free(t->bytes);
    *t = (text){0};
}

/* --- aliases ------------------------------------------------------------------------------------------------------ */

static void billion_laughs(void **state) {
    (void)state;
    text t = {0};
    print(&t, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 10; i++)
        print(&t, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
              i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    check(&t, MLSEL_ERROR_PARSE, "yaml-limit", 6, 15); /* a4 stands for 111111 nodes: two are too many */
}

static void billion_merges(void **state) {
    (void)state;
    text t = {0};
    print(&t, "a0: &a0 {");
    for (int i = 0; i < 1000; i++)
        print(&t, "k%d: 1, ", i);
    print(&t, "}\n");
    for (int i = 1; i < 1000; i++)
        print(&t, "a%d: &a%d {<<: *a%d, x%d: 1}\n", i, i, i - 1, i);
    check(&t, MLSEL_ERROR_PARSE, "yaml-limit", 118, 18); /* of a line each has 2002 + 4 * i nodes */
}

static void cycles(void **state) {
    (void)state;
    text t = {0};
    print(&t, "a: &a {b: [*a]}\n");
    check(&t, MLSEL_ERROR_PARSE, "yaml-cycle", 1, 12);
    print(&t, "&a a: &b [*a, *b]\n");
    check(&t, MLSEL_ERROR_PARSE, "yaml-cycle", 1, 15);
    print(&t, "&a [<<: *a]\n");
    check(&t, MLSEL_ERROR_PARSE, "yaml-cycle", 1, 9);
}

static void many_anchors(void **state) {
    (void)state;
    text t = {0};
    print(&t, "a: [");
    for (int i = 0; i < 100000; i++)
        print(&t, "&a%d 1, ", i);
    for (int i = 0; i < 100000; i++)
        print(&t, "*a%d, ", 99999 - i);
    print(&t, "]\n");
    check(&t, MLSEL_ERROR_SCHEMA, "unknown-dialect", 1, 1);
}

/* --- size and depth ----------------------------------------------------------------------------------------------- */

static void deep(void **state) {
    (void)state;
    static const char *const brackets[] = {"[", "{a: ", "- ", "? ", "{? "};
    static const uint32_t columns[] = {65, 257, 129, 129, 193};
    for (size_t i = 0; i < TEST_LENGTH(brackets); i++) {
        text t = {0};
        repeat(&t, brackets[i], 1000000);
        check(&t, MLSEL_ERROR_PARSE, "yaml-limit", 1, columns[i]);
    }
    text t = {0};
    repeat(&t, "[", 63);
    print(&t, "1");
    repeat(&t, "]", 63);
    check(&t, MLSEL_ERROR_SCHEMA, "wrong-type", 1, 1);
    for (int i = 0; i < 100; i++) {
        repeat(&t, " ", (size_t)i);
        print(&t, "a:\n");
    }
    check(&t, MLSEL_ERROR_PARSE, "yaml-limit", 65, 65);
}

static void large(void **state) {
    (void)state;
    text t = {0};
    print(&t, "a: \"");
    repeat(&t, "xxxxxxxxxxxxxxxx", 1000000);
    print(&t, "\"\n");
    check(&t, MLSEL_ERROR_SCHEMA, "unknown-dialect", 1, 1); /* 16 MB are read */
    repeat(&t, "a: xxxxxxxxxxxx\n", (16u << 20) / 16);
    print(&t, "#");
    check(&t, MLSEL_ERROR_LIMIT, NULL, 0, 0); /* a byte more than 16 MiB is not looked at */
    print(&t, "a: [");
    repeat(&t, "1,", 300000);
    check(&t, MLSEL_ERROR_PARSE, "yaml-limit", 1, 5 + 2 * (YAML_MAX_NODES - 3));
    repeat(&t, "#", 10000000);
    check(&t, MLSEL_ERROR_PARSE, "yaml-empty", 1, 1);
    repeat(&t, "\n", 10000000);
    check(&t, MLSEL_ERROR_PARSE, "yaml-empty", 1, 1);
    repeat(&t, " ", 10000000);
    check(&t, MLSEL_ERROR_PARSE, "yaml-empty", 1, 1);
}

static void many_keys(void **state) {
    (void)state;
    text t = {0};
    for (int i = 0; i < 120000; i++)
        print(&t, "k%d: 1\n", i % 60000);
    check(&t, MLSEL_ERROR_PARSE, "yaml-duplicate-key", 60001, 1);
    for (int i = 0; i < 120000; i++)
        print(&t, "k%d: 1\n", i);
    check(&t, MLSEL_ERROR_SCHEMA, "unknown-dialect", 1, 1);
    print(&t, "model_selection: {enabled: false}\ndecisions:\n- name: a\n  modelRefs: [{model: x}]\n");
    for (int i = 0; i < 100000; i++)
        print(&t, "  k%d: 1\n", i);
    check(&t, MLSEL_OK, "unknown-key", 5, 3);
}

/* Rules that would keep a solver busy for ever: after a while it is left open whether they can hold. */
static void hard_rules(void **state) {
    (void)state;
    text t = {0};
    enum { HOLES = 9 }; /* ten pigeons, nine holes: no solution, and no short way to see it */
    print(&t, "model_selection: {enabled: false}\ndecisions:\n- name: a\n  modelRefs: [{model: x}]\n"
              "  rules:\n    operator: AND\n    conditions:\n");
    for (int p = 0; p <= HOLES; p++) {
        print(&t, "    - operator: OR\n      conditions:\n");
        for (int h = 0; h < HOLES; h++)
            print(&t, "      - {type: p%d, name: h%d}\n", p, h);
    }
    for (int h = 0; h < HOLES; h++)
        for (int p = 0; p <= HOLES; p++)
            for (int q = 0; q < p; q++)
                print(&t,
                      "    - {operator: NOT, conditions: [{operator: AND, conditions: [{type: p%d, name: h%d}, "
                      "{type: p%d, name: h%d}]}]}\n",
                      p, h, q, h);
    check(&t, MLSEL_OK, NULL, 0, 0);
}

static void many_decisions(void **state) {
    (void)state;
    text t = {0};
    print(&t, "model_selection: {enabled: false}\ndecisions:\n");
    for (int i = 0; i < 10000; i++)
        print(&t, "- {name: d%d, rules: {type: keyword, name: k%d}, modelRefs: [{model: x}]}\n", i, i);
    check(&t, MLSEL_OK, NULL, 0, 0);
}

static void many_findings(void **state) {
    (void)state;
    text t = {0};
    config *c = NULL;
    config_diagnostics list = {0};
    print(&t, "model_selection: {enabled: false}\ndecisions:\n");
    for (int i = 0; i < 5000; i++)
        print(&t, "- %d\n", i);
    assert_int_equal(mlsel_i_config_read(t.bytes, t.size, NULL, NULL, &c, &list, NULL), MLSEL_ERROR_SCHEMA);
    assert_int_equal(list.count, CONFIG_MAX_DIAGNOSTICS);
    assert_int_equal(list.n_errors, 5000);
    mlsel_i_config_diagnostics_clear(&list);
    free(t.bytes);
}

/* --- encoding ----------------------------------------------------------------------------------------------------- */

static void check_bytes(const char *bytes, size_t size, const char *code, uint32_t line, uint32_t column) {
    text t = {0};
    add(&t, bytes, size);
    check(&t, MLSEL_ERROR_PARSE, code, line, column);
}
#define BYTES(literal) (literal), sizeof(literal) - 1

static void encodings(void **state) {
    (void)state;
    check_bytes(BYTES(""), "yaml-empty", 1, 1);
    check_bytes(BYTES("\xef\xbb\xbf"), "yaml-empty", 1, 1);
    check_bytes(BYTES("# only this\n---\n...\n"), "yaml-empty", 1, 1);
    check_bytes(BYTES("~"), "yaml-empty", 1, 1);
    check_bytes(BYTES("\xff\xfe"
                      "a\0:\0 \0b\0"),
                "yaml-encoding", 1, 1);
    check_bytes(BYTES("\xfe\xff\0a\0:\0 \0b"), "yaml-encoding", 1, 1);
    check_bytes(BYTES("a: \xc3\x28\n"), "yaml-encoding", 1, 4);
    check_bytes(BYTES("a: b\nc: Gr\xc3\xbc\xc3\x9f"
                      "e \xc0\x80"),
                "yaml-encoding", 2, 10);
    check_bytes(BYTES("a: \xed\xa0\x80\n"), "yaml-encoding", 1, 4);     /* surrogate */
    check_bytes(BYTES("a: \xf4\x90\x80\x80\n"), "yaml-encoding", 1, 4); /* above U+10FFFF */
    check_bytes(BYTES("a: \xe4\xb8"), "yaml-encoding", 1, 4);           /* cut off */
    check_bytes(BYTES("a: b\0c"), "yaml-encoding", 1, 5);
    check_bytes(BYTES("a: \x1b[31m"), "yaml-encoding", 1, 4);
    check_bytes(BYTES("a: \x7f"), "yaml-encoding", 1, 4);
    check_bytes(BYTES("a: \xc2\x80"), "yaml-encoding", 1, 4);
    check_bytes(BYTES("a: \xef\xbf\xbf"), "yaml-encoding", 1, 4);
    check_bytes(BYTES("decisions: \"\\0\"\n"), "yaml-encoding", 1, 12);
}

static void tabs(void **state) {
    (void)state;
    check_bytes(BYTES("a:\n\tb: 1\n"), "yaml-tab", 2, 1);
    check_bytes(BYTES("a:\n  b: 1\n\tc: 2\n"), "yaml-tab", 3, 1);
    check_bytes(BYTES("a:\n  b: 1\n  \tc: 2\n"), "yaml-tab", 3, 3);
    check_bytes(BYTES("decisions:\n\t- name: x\n"), "yaml-tab", 2, 1);
    check_bytes(BYTES("a: |\n\ttext\n"), "yaml-tab", 2, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(billion_laughs), cmocka_unit_test(billion_merges), cmocka_unit_test(cycles),
        cmocka_unit_test(many_anchors),   cmocka_unit_test(deep),           cmocka_unit_test(large),
        cmocka_unit_test(many_keys),      cmocka_unit_test(hard_rules),     cmocka_unit_test(many_decisions),
        cmocka_unit_test(many_findings),  cmocka_unit_test(encodings),      cmocka_unit_test(tabs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
