/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations without memory: each allocation of validating one fails once, alone or with all that follow; libyaml's
 * are among them. And how much memory hostile texts get hold of.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "config/config.h"
#include "heap.h"

/* libyaml calls these through the dynamic linker, which finds them here first. */
#define SEEN __attribute__((visibility("default")))
SEEN void *yaml_malloc(size_t size);
SEEN void *yaml_realloc(void *block, size_t size);
SEEN void yaml_free(void *block);
SEEN yaml_char_t *yaml_strdup(const yaml_char_t *text);

static size_t yaml_requests;

void *yaml_malloc(size_t size) {
    yaml_requests++;
    return heap_malloc(size > 0 ? size : 1);
}

void *yaml_realloc(void *block, size_t size) { return heap_realloc(block, size > 0 ? size : 1); }

void yaml_free(void *block) {
    if (block != NULL)
        heap_free(block);
}

yaml_char_t *yaml_strdup(const yaml_char_t *text) {
    if (text == NULL)
        return NULL;
    const size_t size = strlen((const char *)text) + 1;
    yaml_char_t *copy = yaml_malloc(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* --- failing allocations ------------------------------------------------------------------------------------------ */

/* What is wrong in it brings every kind of finding to its allocations. */
static const char wrong[] =
    "model_selection: {ml: {models_pth: m, knn: {k: 0}, svm: {kernel: lin}, mlp: {device: gpu}}}\n"
    "default_decision: b\n"
    "decisions:\n"
    "- &a {name: a, prio: 1, algorithm: {type: knm}, modelRefs: [{model: x}, {model: x}]}\n"
    "- {<<: *a, rules: {operator: AND, conditions: [{type: domain, name: maths}]}}\n"
    "- {name: a, name: c, modelRefs: []}\n";

static const char syntax[] = "a: [&x b, *x]\nc: *y\n";

/* Small artifacts; some refs are unknown, a device is missing. */
static const char with_artifacts[] =
    "version: v0.3\n"
    "global: {router: {model_selection: {method: knn, ml: {embedding_dim: 4, knn: {pretrained_path: "
    "config/artifacts/narrow.json}}}}}\n"
    "routing:\n"
    "  modelCards: [{name: codellama-7b}, {name: mistral-7b}]\n"
    "  decisions:\n"
    "  - {name: a, rules: {type: domain, name: math}, modelRefs: [{model: codellama-7b}, {model: mistral-8b}]}\n"
    "  - name: b\n"
    "    algorithm: {type: knn, knn: {k: 3, device: metal, pretrained_path: config/artifacts/narrow.json}}\n"
    "    modelRefs: [{model: codellama-7b}, {model: mistral-7b}]\n"
    "  - name: c\n"
    "    rules: {type: domain, name: law}\n"
    "    priority: 2\n"
    "    algorithm: {type: knn, knn: {k: 1, pretrained_path: config/artifacts/narrow.json}}\n"
    "    modelRefs: [{model: codellama-7b}, {model: mistral-7b}]\n";

typedef struct text_case {
    const char *name;
    const char *text;
    size_t at_least; /* allocations */
} text_case;

static const text_case cases[] = {
    {"wrong", wrong, 60},
    {"syntax", syntax, 20},
    {"with artifacts", with_artifacts, 100},
    {"empty", "", 5},
};

static mlsel_status validate(const char *text, mlsel_diagnostics **found, mlsel_error *err) {
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = "tests";
    return mlsel_config_validate_memory(text, strlen(text), "dir/x.yaml", &options, 0, found, err);
}

static uint64_t count_findings(const mlsel_diagnostics *found) {
    mlsel_diagnostics_info info;
    assert_int_equal(mlsel_diagnostics_get_info(found, &info, sizeof info, NULL), MLSEL_OK);
    return info.n_errors + info.n_warnings + info.n_notes;
}

/* Fails allocation after allocation until the call gets through without. Findings about an artifact whose loading
 * lacked memory would be a lie: the call fails or says what it says with memory. */
static size_t fail_each(const text_case *c, bool forever, uint64_t expected) {
    for (size_t n = 0;; n++) {
        mlsel_error err;
        mlsel_diagnostics *found = NULL;
        const size_t live = heap_live();
        assert_true(n < 100000);
        heap_enter(n, forever);
        const mlsel_status status = validate(c->text, &found, &err);
        const bool has_failed = heap_leave();
        if (!has_failed || status == MLSEL_OK) {
            test_ok(status, &err);
            assert_int_equal(count_findings(found), expected);
            heap_enter(HEAP_NEVER, false);
            mlsel_diagnostics_release(found);
            heap_leave();
        } else {
            if (status != MLSEL_ERROR_NO_MEMORY)
                fail_msg("%s, allocation %zu: %s: %s", c->name, n, mlsel_status_name(status), err.message);
            assert_null(found);
        }
        if (heap_live() != live)
            fail_msg("%s, allocation %zu: %zu bytes are held, %zu before", c->name, n, heap_live(), live);
        if (!has_failed)
            return n;
    }
}

static void every_allocation(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        mlsel_error err;
        mlsel_diagnostics *found = NULL;
        heap_enter(HEAP_NEVER, false);
        test_ok(validate(cases[i].text, &found, &err), &err);
        const uint64_t expected = count_findings(found);
        mlsel_diagnostics_release(found);
        heap_leave();
        assert_true(expected > 0);
        const size_t once = fail_each(&cases[i], false, expected), forever = fail_each(&cases[i], true, expected);
        print_message("%s: %zu allocations, %zu findings\n", cases[i].name, once, (size_t)expected);
        if (once < cases[i].at_least || forever < cases[i].at_least)
            fail_msg("%s: only %zu and %zu allocations", cases[i].name, once, forever);
    }
    assert_true(yaml_requests > 100);
}

/* --- memory of hostile texts -------------------------------------------------------------------------------------- */

static size_t peak_of(const char *text, size_t size) {
    config *c = NULL;
    config_diagnostics list = {0};
    const size_t live = heap_live();
    heap_enter(HEAP_NEVER, false);
    heap_reset_peak();
    assert_int_not_equal(mlsel_i_config_read(text, size, NULL, NULL, &c, &list, NULL), MLSEL_OK);
    mlsel_i_config_diagnostics_clear(&list);
    heap_leave();
    assert_int_equal(heap_live(), live);
    return heap_peak() - live;
}

static void check_peak(const char *name, const char *unit, size_t size, size_t per_byte, size_t extra) {
    char *text = malloc(size);
    const size_t length = strlen(unit);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = unit[i % length];
    const size_t peak = peak_of(text, size);
    print_message("%s: %zu MB of text, %zu MB at most\n", name, size >> 20, peak >> 20);
    if (peak > per_byte * size + extra)
        fail_msg("%s: %zu bytes are too much for a text of %zu", name, peak, size);
    free(text);
}

static void hostile(void **state) {
    (void)state;
    enum { MB = 1 << 20 };
    char laughs[2000] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 10; i++)
        for (int k = 0; k <= 11; k++)
            snprintf(laughs + strlen(laughs), sizeof laughs - strlen(laughs),
                     k == 0   ? "a%d: &a%d ["
                     : k < 11 ? "*a%d,"
                              : "]\n",
                     k == 0 ? i : i - 1, i);
    const size_t peak = peak_of(laughs, strlen(laughs));
    print_message("billion laughs: %zu kB at most\n", peak >> 10);
    assert_true(peak < 2 * MB);
    check_peak("depth", "[", 16 * MB, 0, 16 * MB);
    check_peak("one scalar", "x", 16 * MB, 4, 4 * MB);
    check_peak("lines", "\n", 16 * MB, 12, 4 * MB);
    check_peak("a list", "- x\n", 16 * MB, 4, 64 * MB);
    check_peak("mappings", "- {a: b, c: d}\n", 16 * MB, 2, 128 * MB);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation), cmocka_unit_test(hostile)};
    if (chdir(TEST_SOURCE_DIR) != 0)
        return 1;
    heap_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
