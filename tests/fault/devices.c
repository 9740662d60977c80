/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and their plugins. A plugin stays open, so every attempt has a process of its own. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "library.h"
#include "mlsel_backend.h"

static void name_plugin(void) { setenv("MLSEL_PLUGIN_PATH", FAULT_PLUGIN_FOLDER, 1); }

static mlsel_status query(const char *device, mlsel_error *err) {
    return mlsel_device_query(device, (mlsel_device_info *)(void *)scenario_result.bytes, sizeof(mlsel_device_info),
                              err);
}
static mlsel_status query_cuda(mlsel_error *err) { return query("cuda", err); }
static mlsel_status query_auto(mlsel_error *err) { return query("auto", err); }

static mlsel_status find(mlsel_error *err) {
    return mlsel_backend_find("cuda", (const mlsel_backend **)&scenario_result.pointers[0],
                              (uint32_t *)(void *)&scenario_result.pointers[1], err);
}

static mlsel_status load(const char *device, int32_t fallback, mlsel_error *err) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    options.allow_device_fallback = fallback;
    return mlsel_model_load(FIXTURE("svm_rbf_4.json"), &options, (mlsel_model **)&scenario_result.pointers[0], err);
}
static mlsel_status load_cuda(mlsel_error *err) { return load("cuda", 0, err); }
static mlsel_status load_auto(mlsel_error *err) { return load("auto", 0, err); }
static mlsel_status load_fallback(mlsel_error *err) { return load("cuda", 1, err); }

/* On the device, or on the CPU and with a reason. */
static void check_device(void) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(SCENARIO_POINTER(mlsel_model), &info, sizeof info, &err), &err);
    const bool is_cuda = strcmp(info.device, "cuda") == 0;
    if (!is_cuda && (strcmp(info.device, "cpu") != 0 || info.device_reason[0] == '\0'))
        scenario_fail("device %s, reason \"%s\"", info.device, info.device_reason);
    if (is_cuda != (info.device_reason[0] == '\0'))
        scenario_fail("on %s with the reason \"%s\"", info.device, info.device_reason);
}
static void release(void) { mlsel_model_release(SCENARIO_POINTER(mlsel_model)); }

#define ALL (NEEDS_ALLOC | NEEDS_FILE | NEEDS_PLUGIN)
#define OPENS "dlopen,dlsym,access,close" /* what falls back */

const scenario device_scenarios[] = {
    {"mlsel_device_query", "by name", NEEDS_ALLOC | NEEDS_PLUGIN, SCENARIO_IN_CHILD, name_plugin, query_cuda, NULL,
     NULL, "libmlsel-cuda", NULL, 0, MLSEL_ERROR_DEVICE},
    {"mlsel_device_query", "auto", NEEDS_ALLOC | NEEDS_PLUGIN, SCENARIO_IN_CHILD, name_plugin, query_auto, NULL, NULL,
     NULL, OPENS, 4, 0},
    {"mlsel_backend_find", "", NEEDS_ALLOC | NEEDS_PLUGIN, SCENARIO_IN_CHILD, name_plugin, find, NULL, NULL,
     "libmlsel-cuda", NULL, 0, MLSEL_ERROR_DEVICE},
    {"mlsel_model_load", "on a device", ALL, SCENARIO_IN_CHILD, name_plugin, load_cuda, check_device, release, "",
     "close", 0, MLSEL_ERROR_DEVICE},
    {"mlsel_model_load", "auto", ALL, SCENARIO_IN_CHILD, name_plugin, load_auto, check_device, release, NULL, OPENS, 9,
     0},
    {"mlsel_model_load", "on a device or the CPU", ALL, SCENARIO_IN_CHILD, name_plugin, load_fallback, check_device,
     release, NULL, OPENS, 4, 0},
};
const size_t n_device_scenarios = TEST_LENGTH(device_scenarios);
