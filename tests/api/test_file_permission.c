/* SPDX-License-Identifier: Apache-2.0 */
/* Files that may not be read. To root nothing is forbidden, so root becomes someone else first. */
#include "bad_artifact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static void refuse(const char *path) {
    mlsel_error err = test_unset_error();
    mlsel_model *out;
    char message[1024];
    test_fill(&out, sizeof out);
    test_quiet_begin();
    const mlsel_status status = mlsel_model_load(path, NULL, &out, &err);
    test_quiet_end(path);
    assert_int_equal(status, MLSEL_ERROR_IO);
    test_untouched(&out, sizeof out, path);
    (void)snprintf(message, sizeof message, "%s cannot be opened: permission denied (errno %d)", path, EACCES);
    test_error(&err, MLSEL_ERROR_IO, EACCES, message, path);
    assert_int_equal(mlsel_model_load(path, NULL, &out, NULL), MLSEL_ERROR_IO);
}

static void permission(void **state) {
    (void)state;
    const char *path = test_write("secret.json", base_knn, strlen(base_knn));
    assert_int_equal(chmod(path, 0), 0);
    refuse(path);
    assert_int_equal(chmod(test_folder(), 0), 0); /* a folder that may not be entered */
    refuse(path);
    assert_int_equal(chmod(test_folder(), 0700), 0);
    assert_int_equal(chmod(path, 0400), 0);
    mlsel_model_release(test_load(path, NULL));
}

#ifdef __APPLE__
#define PLUGIN "libmlsel-cuda.dylib"
#else
#define PLUGIN "libmlsel-cuda.so"
#endif

/* A plugin that is there is not passed over: its user would look for it in the wrong place. */
static void plugin(void **state) {
    (void)state;
    const char *path = test_write_text(PLUGIN, "");
    mlsel_device_info info;
    mlsel_error err = test_unset_error();
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(setenv("MLSEL_PLUGIN_PATH", test_folder(), 1), 0);
    assert_int_equal(mlsel_device_query("cuda", &info, sizeof info, &err), MLSEL_ERROR_DEVICE);
    assert_int_equal(unsetenv("MLSEL_PLUGIN_PATH"), 0);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, " cannot be opened: "));
}

int main(void) {
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        printf("skipped: root may read everything and cannot become another user here\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(permission), cmocka_unit_test(plugin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
