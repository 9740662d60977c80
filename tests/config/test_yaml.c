/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of whole files, compared with what another YAML parser reads (make_expected.py); and cases that it refuses. */
#include "support.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

#define FOLDER TEST_SOURCE_DIR "/tests/config/"

typedef struct tree {
    config_arena *arena;
    config_diagnostics list;
    const yaml_node *root;
} tree;

static tree read_text(const char *text, size_t size) {
    tree t = {.arena = mlsel_i_arena_create()};
    assert_true(mlsel_i_yaml_read(text, size, t.arena, &t.list, &t.root));
    return t;
}

static void release(tree *t) {
    mlsel_i_config_diagnostics_clear(&t->list);
    mlsel_i_arena_free(t->arena);
}

static void compare(const yaml_node *node, const cJSON *expected, const char *path) {
    char inner[512];
    if (cJSON_IsArray(expected)) {
        if (node->kind != YAML_SEQUENCE || node->count != (size_t)cJSON_GetArraySize(expected))
            fail_msg("%s: not a list of %d", path, cJSON_GetArraySize(expected));
        for (size_t i = 0; i < node->count; i++) {
            snprintf(inner, sizeof inner, "%.400s[%zu]", path, i);
            compare(node->items[i], cJSON_GetArrayItem(expected, (int)i), inner);
        }
        return;
    }
    if (cJSON_IsObject(expected)) {
        if (node->kind != YAML_MAPPING || node->count != (size_t)cJSON_GetArraySize(expected))
            fail_msg("%s: not a mapping of %d keys", path, cJSON_GetArraySize(expected));
        for (const cJSON *member = expected->child; member != NULL; member = member->next) {
            const yaml_pair *pair = mlsel_i_yaml_find(node, member->string);
            snprintf(inner, sizeof inner, "%.300s.%.100s", path, member->string);
            if (pair == NULL)
                fail_msg("%s is missing", inner);
            compare(pair->value, member, inner);
        }
        return;
    }
    assert_true(cJSON_IsString(expected));
    if (node->kind != YAML_SCALAR || strcmp(node->text, expected->valuestring) != 0)
        fail_msg("%s is \"%s\", expected \"%s\"", path, node->text, expected->valuestring);
}

static bool is_yaml(const char *name) {
    const size_t size = strlen(name);
    return size > 5 && strcmp(name + size - 5, ".yaml") == 0;
}

static size_t compare_folder(const char *folder) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!is_yaml(entry->d_name))
            continue;
        char path[1024];
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *text = test_need_file(path, &size);
        snprintf(path, sizeof path, "%s/%.*s.expected.json", folder, (int)strlen(entry->d_name) - 5, entry->d_name);
        cJSON *expected = test_parse_file(path);
        tree t = read_text(text, size);
        assert_int_equal(t.list.count, 0);
        assert_non_null(t.root);
        compare(t.root, expected, entry->d_name);
        release(&t);
        cJSON_Delete(expected);
        free(text);
        count++;
    }
    closedir(dir);
    return count;
}

static void as_another_parser(void **state) {
    (void)state;
    assert_int_equal(compare_folder(FOLDER "yaml"), 2);
    assert_true(compare_folder(FOLDER "good") >= 9);
}

/* PyYAML refuses an anchor that is defined again; YAML lets the later one count from there on. */
static void anchor_again(void **state) {
    (void)state;
    static const char text[] = "{a: &x 1, b: *x, c: &x 2, d: *x}";
    tree t = read_text(text, sizeof text - 1);
    assert_int_equal(t.list.count, 0);
    assert_string_equal(mlsel_i_yaml_find(t.root, "b")->value->text, "1");
    assert_string_equal(mlsel_i_yaml_find(t.root, "d")->value->text, "2");
    release(&t);
}

/* The mapping's own keys come first, in their order; then those merged, in theirs. */
static void merged_order(void **state) {
    (void)state;
    static const char text[] = "- &a {x: 1, y: 2, z: 3}\n- {<<: [*a, {w: 4, x: 5}], y: 6, v: 7}\n";
    static const char *const keys[] = {"y", "v", "x", "z", "w"};
    tree t = read_text(text, sizeof text - 1);
    const yaml_node *merged = t.root->items[1];
    assert_int_equal(merged->count, TEST_LENGTH(keys));
    for (size_t i = 0; i < TEST_LENGTH(keys); i++)
        assert_string_equal(merged->pairs[i].key->text, keys[i]);
    release(&t);
}

static void check_span(const yaml_node *node, uint32_t line, uint32_t column, uint32_t end_line, uint32_t end_column) {
    assert_int_equal(node->span.line, line);
    assert_int_equal(node->span.column, column);
    assert_int_equal(node->span.end_line, end_line);
    assert_int_equal(node->span.end_column, end_column);
}

/* Columns count characters; a byte order mark is none; lines end with \n, \r\n or \r and nothing else. */
static void places(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "Gr\xc3\xbc\xc3\x9f"
                               "e: \xf0\x9f\x98\x80 x\r\nb: \"c\xe2\x80\xa8"
                               "d\" # e\rd: [e, 'f']";
    tree t = read_text(text, strlen(text));
    assert_int_equal(t.list.count, 0);
    check_span(t.root->pairs[0].key, 1, 1, 1, 6);
    check_span(t.root->pairs[0].value, 1, 8, 1, 11);
    check_span(t.root->pairs[1].value, 2, 4, 2, 9);
    check_span(t.root->pairs[2].key, 3, 1, 3, 2);
    check_span(t.root->pairs[2].value->items[1], 3, 8, 3, 11);
    release(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_another_parser),
        cmocka_unit_test(anchor_again),
        cmocka_unit_test(merged_order),
        cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
