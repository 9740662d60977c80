/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts only from below a folder: mlsel_router_options.models_root. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_support.h"
#include "folder.h"

#include <cmocka.h>

#define ARTIFACT TEST_SOURCE_DIR "/tests/fixtures/knn_cosine.json"

static char root[1024]; /* the folder that artifacts may be in; beside it are "outside.json" and "root2/" */

static const char *join(const char *name) {
    static char paths[8][2048];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void copy_artifact(const char *to) {
    static char text[1 << 20];
    FILE *in = fopen(ARTIFACT, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    const size_t size = fread(text, 1, sizeof text, in);
    assert_int_equal(fwrite(text, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static int make_folders(void **state) {
    (void)state;
    snprintf(root, sizeof root, "%s/root", test_folder());
    assert_int_equal(mkdir(root, 0700), 0);
    assert_int_equal(mkdir(join("inner"), 0700), 0);
    assert_int_equal(mkdir(test_path("root2"), 0700), 0);
    copy_artifact(join("knn_model.json"));
    copy_artifact(join("inner/knn_model.json"));
    copy_artifact(test_path("root2/knn_model.json"));
    copy_artifact(test_path("outside.json"));
    assert_int_equal(symlink("inner/knn_model.json", join("link_inside.json")), 0);
    assert_int_equal(symlink("../outside.json", join("link_outside.json")), 0);
    assert_int_equal(symlink("../root2", join("folder_outside")), 0);
    assert_int_equal(symlink("root", test_path("link_to_root")), 0);
    assert_int_equal(symlink("../gone.json", join("dangling.json")), 0);
    return 0;
}

/* What becomes of a configuration with this pretrained_path: when it is opened, and as the code of the one finding. */
static void expect(const char *path, const char *models_root, mlsel_status status, const char *code) {
    char text[4096];
    mlsel_error err;
    mlsel_router *router = NULL;
    mlsel_diagnostics *found = NULL;
    mlsel_diagnostics_info info;
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = root;
    options.models_root = models_root;
    snprintf(text, sizeof text,
             "model_selection: {ml: {knn: {pretrained_path: \"%s\"}}}\n"
             "decisions: [{name: a, algorithm: {type: knn}, modelRefs: [{model: phi-3}, {model: mistral-7b}]}]\n",
             path);
    const mlsel_status got = mlsel_router_open_memory(text, strlen(text), &options, &router, &err);
    if (got != status)
        fail_msg("%s below %s: %s: %s", path, models_root, mlsel_status_name(got), err.message);
    if (status == MLSEL_ERROR_SCHEMA) {
        assert_non_null(strstr(err.message, "configuration:1:47: decision \"a\": "));
        assert_non_null(strstr(err.message, "outside of models_root"));
    }
    mlsel_router_release(router);
    test_ok(mlsel_config_validate_memory(text, strlen(text), NULL, &options, 0, &found, &err), &err);
    test_ok(mlsel_diagnostics_get_info(found, &info, sizeof info, NULL), &err);
    assert_int_equal(info.n_errors, code == NULL ? 0 : 1);
    if (code != NULL) {
        mlsel_diagnostic first;
        test_ok(mlsel_diagnostics_get(found, 0, &first, sizeof first, &err), &err);
        assert_string_equal(first.code, code);
        assert_int_equal(first.line, 1);
    }
    mlsel_diagnostics_release(found);
}

static void inside(const char *path) { expect(path, root, MLSEL_OK, NULL); }
static void outside(const char *path) { expect(path, root, MLSEL_ERROR_SCHEMA, "artifact-outside"); }

static void below(void **state) {
    (void)state;
    inside("knn_model.json");
    inside("inner/knn_model.json");
    inside("inner/../knn_model.json");
    inside("../root/knn_model.json");
    inside("link_inside.json");
    inside(join("knn_model.json"));
    inside(test_path("link_to_root/knn_model.json"));
}

static void elsewhere(void **state) {
    (void)state;
    outside("../outside.json");
    outside("inner/../../outside.json");
    outside("link_outside.json");
    outside("folder_outside/knn_model.json");
    outside("../root2/knn_model.json"); /* whose name begins as that of the root */
    outside(test_path("outside.json"));
    outside(ARTIFACT);
    /* without the option all of them load */
    expect("../outside.json", NULL, MLSEL_OK, NULL);
    expect("link_outside.json", NULL, MLSEL_OK, NULL);
    expect(ARTIFACT, NULL, MLSEL_OK, NULL);
}

static void roots(void **state) {
    (void)state;
    const char *const link = test_path("link_to_root");
    char slash[1100];
    snprintf(slash, sizeof slash, "%s/", root);
    expect("knn_model.json", slash, MLSEL_OK, NULL);
    expect("knn_model.json", link, MLSEL_OK, NULL);
    expect("../outside.json", link, MLSEL_ERROR_SCHEMA, "artifact-outside");
    expect("../outside.json", "/", MLSEL_OK, NULL);
    expect("knn_model.json", test_path("root2"), MLSEL_ERROR_SCHEMA, "artifact-outside");
    expect("knn_model.json", join("knn_model.json"), MLSEL_ERROR_SCHEMA, "artifact-outside"); /* a file is no root */
    expect("knn_model.json", test_path("nowhere"), MLSEL_ERROR_IO, "artifact-unreadable");
    expect("knn_model.json", "", MLSEL_ERROR_IO, "artifact-unreadable");
}

static void missing(void **state) {
    (void)state;
    expect("nothing.json", root, MLSEL_ERROR_NOT_FOUND, "artifact-missing");
    expect("../nothing.json", root, MLSEL_ERROR_NOT_FOUND, "artifact-missing");
    expect("dangling.json", root, MLSEL_ERROR_NOT_FOUND, "artifact-missing");
    expect("inner", root, MLSEL_ERROR_IO, "artifact-unreadable");
}

/* models_dir, which the host names, does not get around it, nor does a reload. */
static void other_ways(void **state) {
    (void)state;
    static const char text[] =
        "model_selection: {ml: {models_path: .}}\n"
        "decisions: [{name: a, algorithm: {type: knn}, modelRefs: [{model: phi-3}, {model: mistral-7b}]}]\n";
    static const char bad[] =
        "model_selection: {ml: {models_path: folder_outside}}\n"
        "decisions: [{name: a, algorithm: {type: knn}, modelRefs: [{model: phi-3}, {model: mistral-7b}]}]\n";
    mlsel_error err;
    mlsel_router *router = NULL;
    mlsel_router_options options;
    char *own_root = strdup(root);
    mlsel_router_options_init(&options, sizeof options);
    options.models_root = own_root;
    options.base_dir = root;
    options.models_dir = test_path("root2");
    assert_int_equal(mlsel_router_open_memory(text, strlen(text), &options, &router, &err), MLSEL_ERROR_SCHEMA);
    options.models_dir = NULL;
    test_ok(mlsel_router_open_memory(text, strlen(text), &options, &router, &err), &err);
    memset(own_root, 'x', strlen(own_root)); /* strings of options are copied */
    free(own_root);
    test_ok(mlsel_router_reload_memory(router, text, strlen(text), &err), &err);
    assert_int_equal(mlsel_router_reload_memory(router, bad, strlen(bad), &err), MLSEL_ERROR_SCHEMA);
    mlsel_router_release(router);
    /* of a struct that ends before the field, nothing behind its end is read */
    options.models_root = "/nowhere";
    options.struct_size = offsetof(mlsel_router_options, models_root);
    router = NULL;
    test_ok(mlsel_router_open_memory(text, strlen(text), &options, &router, &err), &err);
    mlsel_router_release(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(below), cmocka_unit_test(elsewhere), cmocka_unit_test(roots),
                                       cmocka_unit_test(missing), cmocka_unit_test(other_ways)};
    return cmocka_run_group_tests(tests, make_folders, NULL);
}
