/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "backend.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "plugin.h"

/* Backends by name. The CPU is built in; the others are plugins, opened when first asked for and then kept. */
typedef struct backend_slot {
    const char *name;
    const mlsel_backend *backend;
} backend_slot;

static pthread_mutex_t backend_lock = PTHREAD_MUTEX_INITIALIZER;
static backend_slot backend_slots[] = {{"cpu", &mlsel_i_cpu_backend}, {"cuda", NULL}, {"metal", NULL}};

/* Whether a backend can be used here; its order for "auto" goes to *score. */
static mlsel_status probe(const mlsel_backend *backend, int32_t *score, mlsel_error *err) {
    mlsel_i_ok(err); /* an old message must not pass for the backend's */
    *score = backend->probe(err);
    if (*score > 0 && backend->device_count() > 0)
        return MLSEL_OK;
    if (err != NULL && (*score > 0 || err->message[0] == '\0'))
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "no device found");
    mlsel_i_error_prefix(err, ": ");
    mlsel_i_error_prefix(err, backend->name);
    if (err != NULL)
        err->code = MLSEL_ERROR_DEVICE;
    return MLSEL_ERROR_DEVICE;
}

static mlsel_status open_backend(backend_slot *slot, const mlsel_backend **out, int32_t *score, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    pthread_mutex_lock(&backend_lock);
    if (slot->backend == NULL)
        status = mlsel_i_plugin_open(slot->name, &slot->backend, err);
    *out = slot->backend;
    pthread_mutex_unlock(&backend_lock);
    return status == MLSEL_OK ? probe(*out, score, err) : status;
}

/* The device that a machine of this kind can have: that there is no plugin for the other one is of no use to anybody.
 */
#ifdef __APPLE__
static const char usual_device[] = "metal";
#else
static const char usual_device[] = "cuda";
#endif

/* "auto": the backend of the highest score. The CPU can always be used; where it is the best, the choice says why. */
static void choose_best(device_choice *out) {
    int32_t best_score = 0;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(backend_slots); i++) {
        const mlsel_backend *backend = NULL;
        int32_t score = 0;
        mlsel_error err = {0};
        if (open_backend(&backend_slots[i], &backend, &score, &err) == MLSEL_OK) {
            if (score > best_score) {
                out->backend = backend;
                best_score = score;
            }
        } else if (backend != NULL || strcmp(backend_slots[i].name, usual_device) == 0) {
            snprintf(out->reason, sizeof out->reason, "%s", err.message);
        }
    }
    if (out->backend != &mlsel_i_cpu_backend)
        out->reason[0] = '\0';
}

/* Splits "cuda:1" into a slot and a number; NULL if the text is no device string. */
static backend_slot *parse(const char *device, uint32_t *index) {
    const size_t length = strcspn(device, ":");
    uint32_t number = 0;
    const char *digits = device[length] == ':' ? device + length + 1 : NULL;
    if (digits != NULL && (*digits == '\0' || strlen(digits) > 4 || strspn(digits, "0123456789") != strlen(digits)))
        return NULL;
    for (; digits != NULL && *digits != '\0'; digits++)
        number = number * 10 + (uint32_t)(*digits - '0');
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(backend_slots); i++)
        if (strlen(backend_slots[i].name) == length && memcmp(backend_slots[i].name, device, length) == 0) {
            *index = number;
            return &backend_slots[i];
        }
    return NULL;
}

static mlsel_status resolve_named(const char *device, device_choice *out, mlsel_error *err) {
    uint32_t index = 0;
    int32_t score = 0;
    backend_slot *slot = parse(device, &index);
    if (slot == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "device \"%s\" is unknown, expected cpu, cuda, cuda:N, metal or auto", device);
    const mlsel_status status = open_backend(slot, &out->backend, &score, err);
    if (status != MLSEL_OK)
        return status;
    if (index >= out->backend->device_count())
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": there is no such device, the last one is %s:%u",
                            device, slot->name, (unsigned)(out->backend->device_count() - 1));
    out->device = index;
    return MLSEL_OK;
}

static void take_cpu_instead(const char *reason, device_choice *out) {
    *out = (device_choice){.backend = &mlsel_i_cpu_backend, .fell_back = 1, .name = "cpu"};
    snprintf(out->reason, sizeof out->reason, "%s", reason);
}

mlsel_status mlsel_i_device_resolve(const char *device, bool allow_fallback, device_choice *out, mlsel_error *err) {
    device_choice choice = {.backend = &mlsel_i_cpu_backend};
    mlsel_error own;
    mlsel_status status = MLSEL_OK;
    if (err == NULL)
        err = &own;
    if (device == NULL)
        device = "cpu";
    if (strcmp(device, "auto") == 0)
        choose_best(&choice);
    else
        status = resolve_named(device, &choice, err);
    if ((status == MLSEL_ERROR_DEVICE || status == MLSEL_ERROR_VERSION) && allow_fallback) {
        take_cpu_instead(err->message, out);
        return mlsel_i_ok(err);
    }
    if (status != MLSEL_OK)
        return status;
    if (choice.device == 0)
        snprintf(choice.name, sizeof choice.name, "%s", choice.backend->name);
    else
        snprintf(choice.name, sizeof choice.name, "%s:%u", choice.backend->name, (unsigned)choice.device);
    *out = choice;
    return mlsel_i_ok(err);
}

bool mlsel_i_device_replace(const char *device, bool allow_fallback, const char *reason, device_choice *failed) {
    const bool is_auto = device != NULL && strcmp(device, "auto") == 0;
    if (failed->backend == &mlsel_i_cpu_backend || !(is_auto || allow_fallback))
        return false;
    take_cpu_instead(reason, failed);
    failed->fell_back = !is_auto;
    return true;
}

mlsel_status mlsel_backend_find(const char *device, const mlsel_backend **out, uint32_t *index, mlsel_error *err) {
    device_choice choice;
    if (out == NULL || index == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "out and index must not be NULL");
    const mlsel_status status = mlsel_i_device_resolve(device, false, &choice, err);
    if (status != MLSEL_OK)
        return status;
    *out = choice.backend;
    *index = choice.device;
    return MLSEL_OK;
}

mlsel_status mlsel_device_query(const char *device, mlsel_device_info *out, size_t size, mlsel_error *err) {
    device_choice choice;
    mlsel_device_info info = {0};
    if (device == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "device and out must not be NULL");
    mlsel_status status = mlsel_i_device_resolve(device, false, &choice, err);
    if (status != MLSEL_OK || (status = choice.backend->device_info(choice.device, &info, err)) != MLSEL_OK)
        return status;
    info.index = choice.device;
    memcpy(info.name, choice.name, sizeof info.name);
    return mlsel_i_info_copy(out, size, &info, sizeof info, err);
}
