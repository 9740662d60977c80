/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GPU as the rest of the backend sees it: memory that host and device share, and lists of kernels to run.
 * Objective-C is behind this header (device.m); the tests have another implementation of it, which runs the same
 * shaders on the CPU.
 */
#ifndef MLSEL_METAL_DEVICE_H
#define MLSEL_METAL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "internal.h"
#include "shared.h"

#ifdef __cplusplus
extern "C" {
#endif

#define METAL_KERNEL_NAME(name, threads) METAL_##name,
typedef enum metal_kernel { METAL_KERNELS(METAL_KERNEL_NAME) METAL_N_KERNELS } metal_kernel;
#undef METAL_KERNEL_NAME

/* The shaders' text, made by the build of shared.h and kernels.metal; not terminated. */
extern const char mlsel_i_metal_source[];
extern const size_t mlsel_i_metal_source_size;

/* Says what the machine has. MLSEL_ERROR_DEVICE and the reason, without "metal" before it, where there is nothing that
 * can be used. */
mlsel_status mlsel_i_metal_look(char *name, size_t size, mlsel_error *err);

/* The device with its kernels compiled. Can be used by many threads at once. */
typedef struct metal_device metal_device;
mlsel_status mlsel_i_metal_open(metal_device **out, mlsel_error *err);
void mlsel_i_metal_close(metal_device *device);

/* Memory of both. All zero: none. */
typedef struct metal_buffer {
    void *object;    /* the device's side of it */
    uint64_t offset; /* where the contents begin there */
    void *contents;  /* on the host */
    uint64_t bytes;
} metal_buffer;

/* At least one byte, uninitialised, aligned for any type. */
mlsel_status mlsel_i_metal_alloc(metal_device *device, uint64_t bytes, metal_buffer *out, mlsel_error *err);
/* Memory that is there already, stays there, and is only read: without a copy where the system allows that. */
mlsel_status mlsel_i_metal_wrap(metal_device *device, const void *memory, uint64_t bytes, metal_buffer *out,
                                mlsel_error *err);
void mlsel_i_metal_free(metal_buffer *buffer);

/* A part of a buffer. */
typedef struct metal_span {
    const metal_buffer *buffer;
    uint64_t offset; /* bytes after the buffer's contents begin */
} metal_span;

enum { METAL_MAX_BUFFERS = 8, METAL_MAX_PARAMS = 32 };

/* One kernel, once. */
typedef struct metal_dispatch {
    metal_kernel kernel;
    uint32_t groups[2];                    /* x, y */
    metal_span buffers[METAL_MAX_BUFFERS]; /* the kernel's first parameters */
    uint32_t n_buffers;
    uint32_t params_bytes; /* of what follows the buffers */
    unsigned char params[METAL_MAX_PARAMS];
    uint32_t group_bytes; /* of threadgroup memory, a multiple of 16; 0: none */
} metal_dispatch;

/* Runs kernels one after the other, each seeing what those before it wrote, and waits for the last. */
mlsel_status mlsel_i_metal_run(metal_device *device, const metal_dispatch *dispatches, uint32_t count,
                               mlsel_error *err);

/* Threads of a kernel's groups. */
uint32_t mlsel_i_metal_threads(metal_kernel kernel);

#ifdef __cplusplus
}
#endif
#endif
