/* SPDX-License-Identifier: Apache-2.0 */
/* The interface to findings: options, counts, lines of the file, versions of the structs. What is found: tests/config.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static mlsel_diagnostics *validate(const char *text, const char *name, const mlsel_router_options *options,
                                   uint32_t flags) {
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    test_ok(mlsel_config_validate_memory(text, strlen(text), name, options, flags, &found, &err), &err);
    assert_int_equal(err.code, MLSEL_OK);
    return found;
}

static mlsel_diagnostics_info info_of(const mlsel_diagnostics *found) {
    mlsel_error err;
    mlsel_diagnostics_info info;
    test_ok(mlsel_diagnostics_get_info(found, &info, sizeof info, &err), &err);
    assert_int_equal(info.struct_size, sizeof info);
    return info;
}

static mlsel_diagnostic get(const mlsel_diagnostics *found, size_t index) {
    mlsel_error err;
    mlsel_diagnostic d;
    test_ok(mlsel_diagnostics_get(found, index, &d, sizeof d, &err), &err);
    assert_int_equal(d.struct_size, sizeof d);
    return d;
}

/* --- the example ---------------------------------------------------------------------------------------------------
 */

static void example(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    test_ok(mlsel_config_validate(EXAMPLE("router.yaml"), NULL, 0, &found, &err), &err);
    const mlsel_diagnostics_info info = info_of(found);
    assert_int_equal(info.n_errors, 0);
    assert_int_equal(info.n_warnings, 0);
    assert_string_equal(info.dialect, "flat");
    assert_int_equal(info.n_artifacts, 4);
    assert_true(info.n_decisions >= 4);
    mlsel_diagnostics_release(found);
}

/* What validates without errors opens; what does not is refused with its first error. */
static void as_opening_does(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message; /* NULL: it opens */
    } cases[] = {
        {"decisions: [{name: a, modelRefs: [{model: x}]}]", NULL},
        {"decisions: [{name: a, modelRefs: []}]", "configuration:1:23: \"modelRefs\" is empty [no-models]"},
        {"model_selection: {ml: {models_path: nowhere}}\n"
         "decisions: [{name: a, algorithm: {type: knn}, modelRefs: [{model: x}, {model: y}]}]",
         "pretrained model not found: nowhere/knn_model.json"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlsel_error err;
        mlsel_router *router = NULL;
        mlsel_diagnostics *found = validate(cases[i].text, NULL, NULL, 0);
        const mlsel_status status = mlsel_router_open_memory(cases[i].text, strlen(cases[i].text), NULL, &router, &err);
        assert_int_equal(info_of(found).n_errors == 0, cases[i].message == NULL);
        assert_int_equal(status == MLSEL_OK, cases[i].message == NULL);
        if (cases[i].message != NULL) {
            assert_non_null(strstr(cases[i].message, get(found, 0).message));
            assert_non_null(strstr(err.message, cases[i].message));
        }
        mlsel_router_release(router);
        mlsel_diagnostics_release(found);
    }
}

/* --- options -------------------------------------------------------------------------------------------------------
 */

static const char two_models[] = "model_selection: {ml: {models_path: examples/models}}\n"
                                 "decisions:\n"
                                 "- name: a\n"
                                 "  algorithm: {type: mlp, mlp: {device: metal}}\n"
                                 "  modelRefs: [{model: codellama-7b}, {model: mistral-7b}]\n";

static void check_options(const mlsel_router_options *options, uint32_t flags, const char *name, const char *code) {
    mlsel_diagnostics *found = validate(two_models, name, options, flags);
    const mlsel_diagnostics_info info = info_of(found);
    assert_int_equal(info.n_diagnostics, code == NULL ? 0 : 1);
    if (code != NULL)
        assert_string_equal(get(found, 0).code, code);
    mlsel_diagnostics_release(found);
}

static void options(void **state) {
    (void)state;
    mlsel_router_options o;
    check_options(NULL, 0, NULL, "device-unavailable");
    check_options(NULL, MLSEL_VALIDATE_TEXT_ONLY, NULL, NULL);
    check_options(NULL, 0, "nowhere/x.yaml", "artifact-missing");
    mlsel_router_options_init(&o, sizeof o);
    o.device = "cpu";
    check_options(&o, 0, NULL, NULL);
    o.base_dir = TEST_SOURCE_DIR;
    check_options(&o, 0, "nowhere/x.yaml", NULL);
    o.models_dir = EXAMPLE("models");
    o.base_dir = "nowhere";
    check_options(&o, 0, NULL, NULL);
    o.models_dir = "nowhere";
    check_options(&o, 0, NULL, "artifact-missing");
    mlsel_router_options_init(&o, sizeof o);
    o.allow_device_fallback = 1;
    check_options(&o, 0, NULL, NULL);
    o.max_artifact_bytes = 1000;
    check_options(&o, 0, NULL, "artifact-unreadable");
}

static void bad_options(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    mlsel_router_options o;
    mlsel_router_options_init(&o, sizeof o);
    assert_int_equal(mlsel_config_validate_memory("a", 1, NULL, &o, 2, &found, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_config_validate(EXAMPLE("router.yaml"), &o, 0x80000000u, &found, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    o.struct_size = 0;
    assert_int_equal(mlsel_config_validate_memory("a", 1, NULL, &o, 0, &found, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_router_options_init(&o, sizeof o);
    o.max_config_bytes = 10;
    assert_int_equal(mlsel_config_validate_memory("a: 1234567890", 13, NULL, &o, 0, &found, &err), MLSEL_ERROR_LIMIT);
    assert_int_equal(mlsel_config_validate(EXAMPLE("router.yaml"), &o, 0, &found, &err), MLSEL_ERROR_LIMIT);
    assert_null(found);
}

static void files(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    assert_int_equal(mlsel_config_validate("nowhere.yaml", NULL, 0, &found, &err), MLSEL_ERROR_NOT_FOUND);
    assert_string_equal(err.message, "configuration not found: nowhere.yaml");
    assert_int_equal(mlsel_config_validate(TEST_SOURCE_DIR, NULL, 0, &found, &err), MLSEL_ERROR_IO);
    assert_int_equal(mlsel_config_validate("/dev/null", NULL, 0, &found, &err), MLSEL_ERROR_IO);
    assert_non_null(strstr(err.message, "mlsel_config_validate_memory"));
    assert_null(found);
}

/* --- findings ------------------------------------------------------------------------------------------------------
 */

static void sources(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "decisions:\r\n"
                               "  # \xe4\xb8\xad\r\n"
                               "- {name: a, priority: \"\xc3\xbc\",\tmodelRefs: []}\r"
                               "-   x\n";
    mlsel_diagnostics *found = validate(text, "f.yaml", NULL, 0);
    assert_int_equal(info_of(found).n_errors, 3);
    mlsel_diagnostic d = get(found, 0);
    assert_string_equal(d.code, "wrong-type");
    assert_string_equal(d.file, "f.yaml");
    assert_int_equal(d.line, 3);
    assert_int_equal(d.column, 23);
    assert_int_equal(d.end_column, 26);
    assert_string_equal(d.source, "- {name: a, priority: \"\xc3\xbc\",\tmodelRefs: []}");
    d = get(found, 1);
    assert_int_equal(d.column, 28);
    assert_string_equal(d.source, get(found, 0).source);
    d = get(found, 2);
    assert_int_equal(d.line, 4);
    assert_string_equal(d.source, "-   x");
    mlsel_diagnostics_release(found);

    found = validate("a: b\nc: \x1b[31m\xff\n", NULL, NULL, 0);
    d = get(found, 0);
    assert_string_equal(d.source, "c: ?[31m?");
    assert_string_equal(d.file, "configuration");
    mlsel_diagnostics_release(found);
}

static void long_line(void **state) {
    (void)state;
    char text[5000];
    memset(text, ' ', sizeof text);
    memcpy(text, "a: @", 4);
    for (size_t size = 4096; size <= 4097; size++) {
        text[size] = '\0';
        mlsel_diagnostics *found = validate(text, NULL, NULL, 0);
        const mlsel_diagnostic d = get(found, 0);
        assert_int_equal(d.column, 4);
        assert_int_equal(d.source != NULL, size == 4096);
        mlsel_diagnostics_release(found);
        text[size] = ' ';
    }
}

static void many(void **state) {
    (void)state;
    enum { COUNT = 1500 };
    char *text = malloc(32 + COUNT * 4);
    strcpy(text, "decisions:\n");
    for (size_t i = 0; i < COUNT; i++)
        strcat(text + 11 + 4 * i, "- 1\n");
    mlsel_diagnostics *found = validate(text, NULL, NULL, 0);
    const mlsel_diagnostics_info info = info_of(found);
    assert_int_equal(info.n_diagnostics, 1000);
    assert_int_equal(info.n_errors, COUNT);
    assert_null(info.dialect);
    assert_int_equal(get(found, 999).line, 1001);
    assert_string_equal(get(found, 999).source, "- 1");
    mlsel_diagnostic d;
    assert_int_equal(mlsel_diagnostics_get(found, 1000, &d, sizeof d, NULL), MLSEL_ERROR_NOT_FOUND);
    mlsel_diagnostics_release(found);
    free(text);
}

/* Callers of other versions: shorter and longer structs. */
static void versions(void **state) {
    (void)state;
    union {
        mlsel_diagnostics_info info;
        mlsel_diagnostic diagnostic;
        unsigned char bytes[4096];
    } out;
    mlsel_diagnostics *found = validate("decisions: 1", NULL, NULL, 0);
    memset(&out, 0xa5, sizeof out);
    assert_int_equal(mlsel_diagnostics_get(found, 0, &out.diagnostic, 16, NULL), MLSEL_OK);
    assert_int_equal(out.diagnostic.struct_size, 16);
    assert_int_equal(out.diagnostic.severity, MLSEL_SEVERITY_ERROR);
    assert_string_equal(out.diagnostic.code, "wrong-type");
    assert_int_equal(out.bytes[16], 0xa5);
    assert_int_equal(mlsel_diagnostics_get(found, 0, &out.diagnostic, sizeof out, NULL), MLSEL_OK);
    assert_int_equal(out.diagnostic.struct_size, sizeof out.diagnostic);
    assert_int_equal(mlsel_diagnostics_get_info(found, &out.info, sizeof out, NULL), MLSEL_OK);
    assert_int_equal(out.info.struct_size, sizeof out.info);
    assert_int_equal(mlsel_diagnostics_get_info(found, &out.info, 3, NULL), MLSEL_ERROR_INVALID_ARGUMENT);
    mlsel_diagnostics_release(found);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(mlsel_severity_name(MLSEL_SEVERITY_NOTE), "note");
    assert_string_equal(mlsel_severity_name(MLSEL_SEVERITY_WARNING), "warning");
    assert_string_equal(mlsel_severity_name(MLSEL_SEVERITY_ERROR), "error");
    assert_string_equal(mlsel_severity_name(0), "unknown");
    assert_string_equal(mlsel_severity_name(4), "unknown");
    assert_string_equal(mlsel_severity_name(-1), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),   cmocka_unit_test(as_opening_does),
        cmocka_unit_test(options),   cmocka_unit_test(bad_options),
        cmocka_unit_test(files),     cmocka_unit_test(sources),
        cmocka_unit_test(long_line), cmocka_unit_test(many),
        cmocka_unit_test(versions),  cmocka_unit_test(names),
    };
    if (chdir(TEST_SOURCE_DIR) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
