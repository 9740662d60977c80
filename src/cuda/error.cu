/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cuda.h"

/* After these every further call of the process fails on the device, until the process ends. */
static bool is_lost(cudaError_t code) {
    switch (code) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorAssert:
    case cudaErrorLaunchTimeout:
    case cudaErrorUnknown:
        return true;
    default:
        return false;
    }
}

static const char lost_text[] = "; the device is lost to this process until it is started again";

static void device_name(char *out, size_t size, uint32_t device) {
    if (device == 0)
        snprintf(out, size, "cuda");
    else
        snprintf(out, size, "cuda:%u", (unsigned)device);
}

/* The function in the text of a call; what is none of CUDA's launches a kernel. */
static void call_name(char *out, size_t size, const char *call) {
    if (strncmp(call, "cu", 2) == 0)
        snprintf(out, size, "%.*s", (int)strcspn(call, "("), call);
    else
        snprintf(out, size, "a kernel's launch");
}

mlsel_status mlsel_i_cuda_fail(mlsel_error *err, uint32_t device, const char *call, cudaError_t code) {
    char name[16], what[64];
    device_name(name, sizeof name, device);
    call_name(what, sizeof what, call);
    (void)cudaGetLastError(); /* what is reported here must not be reported again for a later call */
    if (code == cudaErrorMemoryAllocation) {
        size_t free_bytes = 0, total = 0;
        if (cudaMemGetInfo(&free_bytes, &total) != cudaSuccess)
            free_bytes = total = 0;
        return mlsel_i_fail(
            err, MLSEL_ERROR_NO_MEMORY, "device \"%s\": out of memory (%llu of %llu MiB are free): %s: %s", name,
            (unsigned long long)(free_bytes >> 20), (unsigned long long)(total >> 20), what, cudaGetErrorString(code));
    }
    return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"%s\": %s: %s (%s)%s", name, what, cudaGetErrorString(code),
                        cudaGetErrorName(code), is_lost(code) ? lost_text : "");
}

mlsel_status mlsel_i_cuda_blas_fail(mlsel_error *err, uint32_t device, const char *call, cublasStatus_t code) {
    char name[16], what[64];
    device_name(name, sizeof name, device);
    call_name(what, sizeof what, call);
    const cudaError_t cause = cudaGetLastError();
    return mlsel_i_fail(err, code == CUBLAS_STATUS_ALLOC_FAILED ? MLSEL_ERROR_NO_MEMORY : MLSEL_ERROR_DEVICE,
                        "device \"%s\": %s: %s%s%s%s", name, what, cublasLtGetStatusString(code),
                        cause == cudaSuccess ? "" : ", ", cause == cudaSuccess ? "" : cudaGetErrorString(cause),
                        is_lost(cause) ? lost_text : "");
}
