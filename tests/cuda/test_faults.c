/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with a machine or a device: each becomes a status that names the cause, nothing is leaked, and the
 * process goes on. FAKE_CUDA, read at each call, says what is wrong (fake/fake_cuda.cpp).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static const char *const artifacts[] = {"knn_ties", "kmeans_v2", "svm_rbf_4", "svm_permodel_rbf", "mlp_pytorch"};
enum { N_ARTIFACTS = 5, WIDTH = 64 };

typedef uint64_t (*count_fn)(void);

/* A number that the plugin tells of itself. */
static uint64_t ask_plugin(const char *name) {
    void *handle = dlopen(PLUGIN_FILE, RTLD_NOW | RTLD_NOLOAD);
    if (handle == NULL)
        return 0;
    void *symbol = dlsym(handle, name);
    count_fn count;
    assert_non_null(symbol);
    memcpy(&count, &symbol, sizeof count);
    dlclose(handle);
    return count();
}

static void need_word(const char *message, const char *word) {
    if (strstr(message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, word);
}

static mlsel_status load(const char *name, const char *device, mlsel_model **out, mlsel_error *err) {
    char path[1024];
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    snprintf(path, sizeof path, FIXTURE("%s.json"), name);
    return mlsel_model_load(path, &options, out, err);
}

/* Loads, asks one query and five at a time, and releases; the first failure. */
static mlsel_status use(const char *name, mlsel_error *err) {
    static const float queries[5 * WIDTH] = {0.5f, -1.0f, 0.25f};
    mlsel_model *model = NULL;
    mlsel_model_info info;
    mlsel_selection selections[5];
    mlsel_status status = load(name, "cuda", &model, err);
    if (status != MLSEL_OK) {
        assert_null(model);
        return status;
    }
    test_ok(mlsel_model_get_info(model, &info, sizeof info, err), err);
    assert_in_range(info.n_features, 1, WIDTH);
    status = mlsel_select(model, queries, info.n_features, NULL, selections, err);
    if (status == MLSEL_OK)
        status = mlsel_select_batch(model, queries, 5, WIDTH, info.n_features, NULL, selections, err);
    mlsel_model_release(model);
    return status;
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static void machine(const char *wrong, const char *word) {
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_info info;
    setenv("FAKE_CUDA", wrong, 1);
    assert_int_equal(load("mlp_pytorch", "cuda", &model, &err), MLSEL_ERROR_DEVICE);
    print_message("%s\n", err.message);
    need_word(err.message, "cuda");
    need_word(err.message, word);
    test_ok(load("mlp_pytorch", "auto", &model, &err), &err);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_string_equal(info.device, "cpu");
    need_word(info.device_reason, word);
    mlsel_model_release(model);
    unsetenv("FAKE_CUDA");
}

static void no_driver(void **state) {
    (void)state;
    machine("no-driver", "no NVIDIA driver found");
}

static void old_driver(void **state) {
    (void)state;
    machine("old-driver", "supports CUDA 11.4, the plugin is made with 13.0");
}

static void no_device(void **state) {
    (void)state;
    machine("no-device", "no CUDA device found");
}

static void devices(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_device_info info;
    mlsel_model *model = NULL;
    test_ok(mlsel_device_query("cuda:1", &info, sizeof info, &err), &err);
    assert_string_equal(info.description, "emulated card 1");
    assert_string_equal(info.isa, "sm_90");
    assert_int_equal(info.precisions, 1 << MLSEL_PRECISION_F32 | 1 << MLSEL_PRECISION_F16 | 1 << MLSEL_PRECISION_BF16);
    assert_int_equal(mlsel_device_query("cuda:2", &info, sizeof info, &err), MLSEL_ERROR_DEVICE);
    test_ok(load("knn_ties", "cuda:1", &model, &err), &err);
    mlsel_model_release(model);
    assert_int_equal(ask_plugin("fake_cuda_live"), 0);
}

/* --- the device --------------------------------------------------------------------------------------------------- */

static void out_of_memory(void **state) {
    (void)state;
    mlsel_error err;
    for (size_t i = 0; i < N_ARTIFACTS; i++) {
        setenv("FAKE_CUDA", "memory=1000", 1);
        assert_int_equal(use(artifacts[i], &err), MLSEL_ERROR_NO_MEMORY);
        need_word(err.message, "device \"cuda\": out of memory");
        unsetenv("FAKE_CUDA");
        assert_int_equal(ask_plugin("fake_cuda_live"), 0);
        test_ok(use(artifacts[i], &err), &err);
    }
}

/* Every call that can fail does, one after the other. */
static void every_call_fails(void **state) {
    (void)state;
    mlsel_error err;
    for (size_t i = 0; i < N_ARTIFACTS; i++) {
        unsigned n_failed = 0;
        test_ok(use(artifacts[i], &err), &err);
        const uint64_t before = ask_plugin("fake_cuda_calls");
        test_ok(use(artifacts[i], &err), &err);
        const uint64_t n_calls = ask_plugin("fake_cuda_calls") - before;
        assert_true(n_calls > 10);
        for (uint64_t call = 1; call <= n_calls; call++) {
            char wrong[64];
            snprintf(wrong, sizeof wrong, "fail=%llu", (unsigned long long)(ask_plugin("fake_cuda_calls") + call));
            setenv("FAKE_CUDA", wrong, 1);
            memset(&err, 0, sizeof err);
            const mlsel_status status = use(artifacts[i], &err);
            unsetenv("FAKE_CUDA");
            if (status != MLSEL_OK) {
                assert_int_equal(status, MLSEL_ERROR_DEVICE);
                need_word(err.message, "device \"cuda\": ");
                n_failed++;
            }
            if (ask_plugin("fake_cuda_live") != 0)
                fail_msg("%s: call %llu failed and something was left", artifacts[i], (unsigned long long)call);
        }
        print_message("%s: %u of %llu calls\n", artifacts[i], n_failed, (unsigned long long)n_calls);
        assert_true(n_failed + 4 >= n_calls); /* a few are asked again, or done without */
    }
    test_ok(use("mlp_pytorch", &err), &err); /* and all is well again */
}

/* A device that is lost stays so: in a process of its own. */
static void lost(void **state) {
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mlsel_error err;
        mlsel_model *model = NULL;
        mlsel_selection s;
        static const float query[WIDTH] = {1.0f};
        mlsel_model_info info;
        int good = load("mlp_pytorch", "cuda", &model, &err) == MLSEL_OK;
        good = good && mlsel_model_get_info(model, &info, sizeof info, &err) == MLSEL_OK;
        setenv("FAKE_CUDA", "lost=1", 1);
        for (int i = 0; i < 3 && good; i++) {
            good = mlsel_select(model, query, info.n_features, NULL, &s, &err) == MLSEL_ERROR_DEVICE;
            good = good && strstr(err.message, "illegal memory access") != NULL;
            good = good && strstr(err.message, "lost to this process") != NULL;
        }
        mlsel_model_release(model);
        good = good && load("mlp_pytorch", "cuda", &model, &err) == MLSEL_ERROR_DEVICE;
        good = good && load("mlp_pytorch", "auto", &model, &err) == MLSEL_OK; /* the CPU takes over */
        if (good)
            mlsel_model_release(model);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* What the formats cannot do is said. */
static void unsupported(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = "cuda";
    options.precision = MLSEL_PRECISION_INT8;
    assert_int_equal(mlsel_model_load(FIXTURE("mlp_pytorch.json"), &options, &model, &err), MLSEL_ERROR_UNSUPPORTED);
    options.precision = MLSEL_PRECISION_F16;
    assert_int_equal(mlsel_model_load(FIXTURE("knn_ties.json"), &options, &model, &err), MLSEL_ERROR_UNSUPPORTED);
    need_word(err.message, "use f32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost), /* first, as its child starts before any plugin is open */
        cmocka_unit_test(no_driver),
        cmocka_unit_test(old_driver),
        cmocka_unit_test(no_device),
        cmocka_unit_test(devices),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(unsupported),
        cmocka_unit_test(every_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
