/* SPDX-License-Identifier: Apache-2.0 */
/* Which backends there are, and which device a device string means. */
#ifndef MLSEL_INTERNAL_BACKEND_H
#define MLSEL_INTERNAL_BACKEND_H

#include "internal.h"
#include "mlsel_backend.h"

/* The device that a device string refers to. */
typedef struct device_choice {
    const mlsel_backend *backend;
    uint32_t device;
    int32_t fell_back; /* not the one asked for */
    char name[32];     /* as in "cpu" or "cuda:1" */
    char reason[256];  /* why it is the CPU where another one was wanted; else "" */
} device_choice;

/* device: NULL is "cpu". With allow_fallback an unavailable device becomes the CPU. */
mlsel_status mlsel_i_device_resolve(const char *device, bool allow_fallback, device_choice *out, mlsel_error *err);
/* Puts the CPU in the place of a device that could not take a model, for this reason; false if the caller did not leave
 * that open. */
bool mlsel_i_device_replace(const char *device, bool allow_fallback, const char *reason, device_choice *failed);

extern const mlsel_backend mlsel_i_cpu_backend;

#endif
