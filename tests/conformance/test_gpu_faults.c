/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with a machine or a device: each becomes a status that names the cause, nothing is leaked, and the
 * process goes on. On the emulated devices (tests/cuda/fake, tests/metal/fake), which read at each call what is wrong
 * from the environment variable that the build names in FAKE_VARIABLE.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_plugin.h"
#include "support.h"

static const char *const artifacts[] = {"knn_ties", "kmeans_v2", "svm_rbf_4", "svm_permodel_rbf", "mlp_pytorch"};
enum { N_ARTIFACTS = 5, WIDTH = 64 };

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
    mlsel_status status = load(name, DEVICE, &model, err);
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
    setenv(FAKE_VARIABLE, wrong, 1);
    assert_int_equal(load("mlp_pytorch", DEVICE, &model, &err), MLSEL_ERROR_DEVICE);
    print_message("%s\n", err.message);
    need_word(err.message, DEVICE);
    need_word(err.message, word);
    test_ok(load("mlp_pytorch", "auto", &model, &err), &err);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_string_equal(info.device, "cpu");
    need_word(info.device_reason, word);
    mlsel_model_release(model);
    unsetenv(FAKE_VARIABLE);
}

static void machines(void **state) {
    (void)state;
#ifdef DEVICE_IS_CUDA
    machine("no-driver", "no NVIDIA driver found");
    machine("old-driver", "supports CUDA 11.4, the plugin is made with 13.0");
    machine("no-device", "no CUDA device found");
#else
    machine("no-device", "no Metal device found");
    machine("shader", "the shaders do not compile");
#endif
}

#ifdef DEVICE_IS_CUDA
static void devices(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_device_info info;
    mlsel_model *model = NULL;
    test_ok(mlsel_device_query(DEVICE ":1", &info, sizeof info, &err), &err);
    assert_string_equal(info.description, "emulated card 1");
    assert_string_equal(info.isa, "sm_90");
    assert_int_equal(info.precisions, 1 << MLSEL_PRECISION_F32 | 1 << MLSEL_PRECISION_F16 | 1 << MLSEL_PRECISION_BF16);
    assert_int_equal(mlsel_device_query(DEVICE ":2", &info, sizeof info, &err), MLSEL_ERROR_DEVICE);
    test_ok(load("knn_ties", DEVICE ":1", &model, &err), &err);
    mlsel_model_release(model);
    assert_int_equal(ask_plugin(FAKE_PREFIX "live"), 0);
}

#endif

/* --- the device --------------------------------------------------------------------------------------------------- */

static void out_of_memory(void **state) {
    (void)state;
    mlsel_error err;
    for (size_t i = 0; i < N_ARTIFACTS; i++) {
        setenv(FAKE_VARIABLE, "memory=1000", 1);
        assert_int_equal(use(artifacts[i], &err), MLSEL_ERROR_NO_MEMORY);
        need_word(err.message, "device \"" DEVICE "\": out of memory");
        unsetenv(FAKE_VARIABLE);
        assert_int_equal(ask_plugin(FAKE_PREFIX "live"), 0);
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
        const uint64_t before = ask_plugin(FAKE_PREFIX "calls");
        test_ok(use(artifacts[i], &err), &err);
        const uint64_t n_calls = ask_plugin(FAKE_PREFIX "calls") - before;
        assert_true(n_calls > 10);
        for (uint64_t call = 1; call <= n_calls; call++) {
            char wrong[64];
            snprintf(wrong, sizeof wrong, "fail=%llu", (unsigned long long)(ask_plugin(FAKE_PREFIX "calls") + call));
            setenv(FAKE_VARIABLE, wrong, 1);
            memset(&err, 0, sizeof err);
            const mlsel_status status = use(artifacts[i], &err);
            unsetenv(FAKE_VARIABLE);
            if (status != MLSEL_OK) {
                assert_true(status == MLSEL_ERROR_DEVICE || status == MLSEL_ERROR_NO_MEMORY);
                need_word(err.message, DEVICE);
                n_failed++;
            }
            if (ask_plugin(FAKE_PREFIX "live") != 0)
                fail_msg("%s: call %llu failed and something was left", artifacts[i], (unsigned long long)call);
        }
        print_message("%s: %u of %llu calls\n", artifacts[i], n_failed, (unsigned long long)n_calls);
        assert_int_equal(n_failed, n_calls);
    }
    test_ok(use("mlp_pytorch", &err), &err); /* and all is well again */
}

#ifdef DEVICE_IS_CUDA
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
        int good = load("mlp_pytorch", DEVICE, &model, &err) == MLSEL_OK;
        good = good && mlsel_model_get_info(model, &info, sizeof info, &err) == MLSEL_OK;
        setenv(FAKE_VARIABLE, "lost=1", 1);
        for (int i = 0; i < 3 && good; i++) {
            good = mlsel_select(model, query, info.n_features, NULL, &s, &err) == MLSEL_ERROR_DEVICE;
            good = good && strstr(err.message, "illegal memory access") != NULL;
            good = good && strstr(err.message, "lost to this process") != NULL;
        }
        mlsel_model_release(model);
        good = good && load("mlp_pytorch", DEVICE, &model, &err) == MLSEL_ERROR_DEVICE;
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

#endif

/* What the formats cannot do is said. */
static void unsupported(void **state) {
    (void)state;
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = DEVICE;
    options.precision = MLSEL_PRECISION_INT8;
    assert_int_equal(mlsel_model_load(FIXTURE("mlp_pytorch.json"), &options, &model, &err), MLSEL_ERROR_UNSUPPORTED);
    options.precision = MLSEL_PRECISION_F16;
    assert_int_equal(mlsel_model_load(FIXTURE("knn_ties.json"), &options, &model, &err), MLSEL_ERROR_UNSUPPORTED);
    need_word(err.message, "use f32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef DEVICE_IS_CUDA
        cmocka_unit_test(lost), /* first, as its child starts before any plugin is open */
        cmocka_unit_test(devices),
#endif
        cmocka_unit_test(machines),    cmocka_unit_test(out_of_memory),
        cmocka_unit_test(unsupported), cmocka_unit_test(every_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
