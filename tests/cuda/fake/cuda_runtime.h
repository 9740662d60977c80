/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for CUDA's header of this name: as much of the runtime as src/cuda uses, on the CPU. Kernels are C++
 * functions whose threads are fibers (tests/emulator); memory of the device is the host's, so that AddressSanitizer
 * sees what a kernel touches; what a stream is given is done when somebody waits for it, so that a buffer that is used
 * too early or too late shows.
 *
 * FAKE_CUDA in the environment names what is wrong with the machine: see fake_cuda.cpp.
 */
#ifndef FAKE_CUDA_RUNTIME_H
#define FAKE_CUDA_RUNTIME_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "lanes.h"

using std::isfinite;

/* --- the language --- */
#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static thread_local
#define __launch_bounds__(n)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
extern thread_local dim3 fake_block, fake_grid, fake_threads;
static inline dim3 fake_thread() { return dim3(lanes_thread()); }
#define threadIdx (fake_thread())
#define blockIdx fake_block
#define gridDim fake_grid
#define blockDim fake_threads

static inline void __syncthreads() { lanes_barrier(); }
template <typename T>
static inline T __shfl_xor_sync(unsigned, T value, int mask) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = lanes_exchange(bits, (lanes_thread() % LANES_WIDTH) ^ (unsigned)mask);
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint32_t atomicAdd(uint32_t *at, uint32_t value) {
    const uint32_t before = *at;
    *at += value;
    return before;
}
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __uint_as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* --- the runtime --- */
typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorECCUncorrectable = 214,
    cudaErrorNvlinkUncorrectable = 220,
    cudaErrorIllegalAddress = 700,
    cudaErrorLaunchTimeout = 702,
    cudaErrorAssert = 710,
    cudaErrorHardwareStackError = 714,
    cudaErrorIllegalInstruction = 715,
    cudaErrorMisalignedAddress = 716,
    cudaErrorInvalidAddressSpace = 717,
    cudaErrorInvalidPc = 718,
    cudaErrorLaunchFailure = 719,
    cudaErrorUnknown = 999
} cudaError_t;

typedef struct fake_stream *cudaStream_t;
typedef struct fake_graph *cudaGraph_t;
typedef struct fake_graph *cudaGraphExec_t;
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum { cudaStreamNonBlocking = 1 };
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor;
};

const char *cudaGetErrorString(cudaError_t code);
const char *cudaGetErrorName(cudaError_t code);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total);
cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **out, size_t bytes);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemset(void *at, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                         cudaMemcpyKind kind);
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);

/* Puts work onto a stream, or into the graph that it records. */
cudaError_t fake_enqueue(const char *name, cudaStream_t stream, std::function<void()> work);
/* One kernel, block after block. */
void fake_run_kernel(dim3 grid, unsigned threads, const std::function<void()> &body, size_t shared_bytes);

static inline void *block_memory() { return lanes_shared(); }

template <typename... P, typename... A>
static inline cudaError_t fake_launch(void (*kernel)(P...), dim3 grid, unsigned threads, size_t shared_bytes,
                                      cudaStream_t stream, A... arguments) {
    const std::function<void()> body = [=]() { kernel((P)arguments...); };
    return fake_enqueue("launch", stream, [=]() { fake_run_kernel(grid, threads, body, shared_bytes); });
}
#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                                         \
    fake_launch(kernel, (grid), (unsigned)(block), (shared_bytes), (stream), __VA_ARGS__)

#endif
