/* SPDX-License-Identifier: Apache-2.0 */
/* Device strings, and what a model does where the device is not there. */
#include "bad_artifact.h"

#include <stdlib.h>
#include <string.h>

static mlsel_model_options on(const char *device, int32_t allow_fallback) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    options.allow_device_fallback = allow_fallback;
    return options;
}

static mlsel_model_info load_on(const char *device, int32_t allow_fallback) {
    const mlsel_model_options options = on(device, allow_fallback);
    mlsel_model *model = test_load_text(base_knn, &options);
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    mlsel_model_release(model);
    return info;
}

/* Queries and loads on a device, which both must refuse with the same words, from memory and from a file. */
static void refuse_device(const char *device, mlsel_status expected, mlsel_error *err) {
    char what[64];
    mlsel_device_info info;
    mlsel_model *out;
    mlsel_error other;
    (void)snprintf(what, sizeof what, "device %.40s", device);
    test_fill(&info, sizeof info);
    test_fill(&out, sizeof out);
    *err = test_unset_error();
    test_quiet_begin();
    mlsel_status status = mlsel_device_query(device, &info, sizeof info, err);
    test_quiet_end(what);
    if (status != expected)
        fail_msg("%s: %s: %s", what, mlsel_status_name(status), err->message);
    test_untouched(&info, sizeof info, what);
    test_error_sound(err, expected, what);
    assert_int_equal(mlsel_device_query(device, &info, sizeof info, NULL), expected);
    const mlsel_model_options options = on(device, 0);
    for (int from_file = 0; from_file <= 1; from_file++) {
        other = test_unset_error();
        test_quiet_begin();
        status = from_file ? mlsel_model_load(EXAMPLE("models/knn_model.json"), &options, &out, &other)
                           : mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &out, &other);
        test_quiet_end(what);
        assert_int_equal(status, expected);
        test_untouched(&out, sizeof out, what);
        assert_memory_equal(&other, err, sizeof other);
    }
}

static void cpu(void **state) {
    (void)state;
    static const char *const names[] = {"cpu", "cpu:0", "cpu:00"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        mlsel_device_info info;
        mlsel_error err = test_unset_error();
        test_fill(&info, sizeof info);
        test_ok(mlsel_device_query(names[i], &info, sizeof info, &err), &err);
        test_no_error(&err, names[i]);
        assert_int_equal(info.struct_size, sizeof info);
        assert_int_equal(info.index, 0);
        assert_string_equal(info.name, "cpu");
        assert_true(info.description[0] != '\0' && memchr(info.description, '\0', sizeof info.description) != NULL);
        assert_true(info.isa[0] != '\0' && memchr(info.isa, '\0', sizeof info.isa) != NULL);
        assert_int_equal(info.precisions, 1 << MLSEL_PRECISION_F32 | 1 << MLSEL_PRECISION_F16 |
                                              1 << MLSEL_PRECISION_BF16 | 1 << MLSEL_PRECISION_INT8);
        assert_int_equal(info.reserved, 0);
        assert_string_equal(load_on(names[i], 0).device, "cpu");
    }
    assert_string_equal(load_on(NULL, 0).device, "cpu");
    assert_int_equal(load_on("cpu", 1).device_fallback, 0);
}

static void info_sizes(void **state) {
    (void)state;
    mlsel_device_info full;
    mlsel_error err;
    test_ok(mlsel_device_query("cpu", &full, sizeof full, &err), &err);
    for (size_t size = 0; size <= sizeof full + 16; size++) {
        unsigned char *own = malloc(size + 1);
        uint32_t written;
        assert_non_null(own);
        test_fill(own, size + 1);
        const mlsel_status status = mlsel_device_query("cpu", (mlsel_device_info *)(void *)own, size, &err);
        const size_t filled = size < sizeof full ? size : sizeof full;
        if (size < sizeof written) {
            assert_int_equal(status, MLSEL_ERROR_INVALID_ARGUMENT);
            test_untouched(own, size + 1, "size");
        } else {
            test_ok(status, &err);
            memcpy(&written, own, sizeof written);
            assert_int_equal(written, filled);
            assert_memory_equal(own + 4, (unsigned char *)&full + 4, filled - 4);
            test_untouched(own + filled, size + 1 - filled, "size");
        }
        free(own);
    }
}

/* Whatever is best here; it can be asked for by its name as well. */
static void best(void **state) {
    (void)state;
    mlsel_device_info info, same;
    mlsel_error err;
    test_ok(mlsel_device_query("auto", &info, sizeof info, &err), &err);
    test_ok(mlsel_device_query(info.name, &same, sizeof same, &err), &err);
    assert_string_equal(info.name, same.name);
    assert_string_equal(load_on("auto", 0).device, info.name);
    assert_int_equal(load_on("auto", 1).device_fallback, 0);
}

static void no_such_device(void **state) {
    (void)state;
    mlsel_error err;
    refuse_device("cpu:1", MLSEL_ERROR_DEVICE, &err);
    test_error(&err, MLSEL_ERROR_DEVICE, 0, "device \"cpu:1\": there is no such device, the last one is cpu:0",
               "cpu:1");
    refuse_device("cpu:9999", MLSEL_ERROR_DEVICE, &err);
    test_error(&err, MLSEL_ERROR_DEVICE, 0, "device \"cpu:9999\": there is no such device, the last one is cpu:0",
               "cpu:9999");
}

/* A plugin that is not installed: the error names the file and the folders it was looked for in. */
static void no_plugin(void **state) {
    (void)state;
    mlsel_error err;
#ifdef __APPLE__
    static const char missing[] = "device \"cuda\": no plugin found (libmlsel-cuda.dylib is not in ";
    static const char *const names[] = {"cuda", "cuda:0", "cuda:1"};
#else
    static const char missing[] = "device \"metal\": no plugin found (libmlsel-metal.so is not in ";
    static const char *const names[] = {"metal", "metal:0", "metal:1"};
#endif
    for (size_t i = 0; i < LENGTH(names); i++) {
        refuse_device(names[i], MLSEL_ERROR_DEVICE, &err);
        if (strncmp(err.message, missing, sizeof missing - 1) != 0)
            fail_msg("%s: %s", names[i], err.message);
        assert_non_null(strchr(err.message + sizeof missing - 1, '/')); /* a folder at least */
    }
    char folders[512], expected[1024];
    (void)snprintf(folders, sizeof folders, "/nonexistent:%s", test_folder());
    (void)snprintf(expected, sizeof expected, "%s%s, ", missing, folders);
    assert_int_equal(setenv("MLSEL_PLUGIN_PATH", folders, 1), 0);
    refuse_device(names[0], MLSEL_ERROR_DEVICE, &err);
    assert_int_equal(unsetenv("MLSEL_PLUGIN_PATH"), 0);
    if (strncmp(err.message, expected, strlen(expected)) != 0)
        fail_msg("%s\nexpected %s", err.message, expected);
}

/* The same for CUDA, unless this machine has it. */
static void cuda(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_device_info info;
    if (mlsel_device_query("cuda", &info, sizeof info, NULL) == MLSEL_OK) {
        print_message("a CUDA device is here: %s\n", info.description);
        return;
    }
    refuse_device("cuda", MLSEL_ERROR_DEVICE, &err);
    if (strncmp(err.message, "device \"cuda\": ", 15) != 0 && strncmp(err.message, "cuda: ", 6) != 0)
        fail_msg("%s", err.message);
    refuse_device("cuda:1", MLSEL_ERROR_DEVICE, &err);
}

static void unknown(void **state) {
    (void)state;
    static const char *const names[] = {"",
                                        " cpu",
                                        "cpu ",
                                        "CPU",
                                        "Cpu",
                                        "gpu",
                                        "cuda:",
                                        "cuda:x",
                                        "cuda:-1",
                                        "cuda:+1",
                                        "cuda: 1",
                                        "cuda:1x",
                                        "cuda:1:2",
                                        "cuda:0x1",
                                        "cuda:1.0",
                                        "cuda1",
                                        "cuda,cpu",
                                        "cuda:10000",
                                        "cuda:99999999999999999999",
                                        ":",
                                        ":0",
                                        "../x",
                                        "/bin/sh",
                                        "auto:0",
                                        "auto ",
                                        "cpu:",
                                        "default",
                                        "%s%n",
                                        "metal/x"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        mlsel_error err;
        char message[256];
        (void)snprintf(message, sizeof message, "device \"%s\" is unknown, expected cpu, cuda, cuda:N, metal or auto",
                       names[i]);
        refuse_device(names[i], MLSEL_ERROR_INVALID_ARGUMENT, &err);
        test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0, message, names[i]);
    }
    mlsel_error err;
    refuse_device("cu\x1b[31m\xff", MLSEL_ERROR_INVALID_ARGUMENT, &err);
    test_error(&err, MLSEL_ERROR_INVALID_ARGUMENT, 0,
               "device \"cu?[31m?\" is unknown, expected cpu, cuda, cuda:N, metal or auto", "control character");
    static char endless[100001];
    memset(endless, 'x', sizeof endless - 1);
    refuse_device(endless, MLSEL_ERROR_INVALID_ARGUMENT, &err);
    memcpy(endless, "cuda:", 5);
    memset(endless + 5, '1', sizeof endless - 6);
    refuse_device(endless, MLSEL_ERROR_INVALID_ARGUMENT, &err);
}

/* The CPU instead of a device that is not there, where the caller allows it; never instead of nonsense. */
static void fallback(void **state) {
    (void)state;
#ifdef __APPLE__
    static const char *const absent[] = {"cuda", "cpu:1"};
#else
    static const char *const absent[] = {"metal", "metal:1", "cpu:1"};
#endif
    for (size_t i = 0; i < LENGTH(absent); i++) {
        const mlsel_model_info info = load_on(absent[i], 1);
        assert_string_equal(info.device, "cpu");
        assert_int_equal(info.device_fallback, 1);
        assert_int_equal(load_on(absent[i], -1).device_fallback, 1); /* anything but 0 */
    }
    const mlsel_model_options options = on("gpu", 1);
    mlsel_model *out;
    mlsel_error err;
    test_fill(&out, sizeof out);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &out, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    test_untouched(&out, sizeof out, "gpu");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu),       cmocka_unit_test(info_sizes),
        cmocka_unit_test(best),      cmocka_unit_test(no_such_device),
        cmocka_unit_test(no_plugin), cmocka_unit_test(cuda),
        cmocka_unit_test(unknown),   cmocka_unit_test(fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
