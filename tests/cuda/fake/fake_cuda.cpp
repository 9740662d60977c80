/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake runtime. FAKE_CUDA: words separated by commas.
 *   no-driver, old-driver, no-device   as the machine is
 *   memory=BYTES                       of the device
 *   fail=N                             the Nth call that can fail does, with "operation not supported"
 *   lost=N                             the Nth launch makes the device unusable: it and all later calls fail
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "cublasLt.h"
#include "cuda_bf16.h"
#include "cuda_fp16.h"

thread_local dim3 fake_block, fake_grid, fake_threads;

/* --- what is wrong with the machine ------------------------------------------------------------------------------- */

static bool has_word(const char *word) {
    const char *all = getenv("FAKE_CUDA");
    const size_t length = strlen(word);
    for (const char *at = all; at != NULL && (at = strstr(at, word)) != NULL; at += length)
        if ((at == all || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

static uint64_t number_of(const char *word, uint64_t otherwise) {
    const char *all = getenv("FAKE_CUDA");
    const char *at = all == NULL ? NULL : strstr(all, word);
    return at == NULL ? otherwise : strtoull(at + strlen(word), NULL, 10);
}

static std::atomic<uint64_t> n_calls, n_launches;
static std::atomic<bool> is_lost;
static thread_local cudaError_t last_error;
static thread_local int current_device;

static cudaError_t note(cudaError_t code) {
    if (code != cudaSuccess)
        last_error = code;
    return code;
}

/* The fate of a call. */
static cudaError_t call() {
    if (is_lost)
        return note(cudaErrorIllegalAddress);
    return note(++n_calls == number_of("fail=", 0) ? (cudaError_t)801 : cudaSuccess);
}

static std::mutex lock;
static std::map<void *, size_t> device_blocks, host_blocks;
static uint64_t used;

extern "C" __attribute__((visibility("default"))) uint64_t fake_cuda_live(void);
/* Blocks, streams, graphs and descriptors that have not been freed. */
static std::atomic<int64_t> n_objects;
uint64_t fake_cuda_live(void) {
    std::lock_guard<std::mutex> guard(lock);
    return device_blocks.size() + host_blocks.size() + (uint64_t)n_objects;
}
extern "C" __attribute__((visibility("default"))) uint64_t fake_cuda_calls(void);
uint64_t fake_cuda_calls(void) { return n_calls; }

const char *cudaGetErrorString(cudaError_t code) {
    return code == cudaErrorMemoryAllocation ? "out of memory"
           : code == cudaErrorIllegalAddress ? "an illegal memory access was encountered"
           : code == cudaErrorInvalidValue   ? "invalid argument"
           : code == cudaErrorNoDevice       ? "no CUDA-capable device is detected"
                                             : "operation not supported";
}
const char *cudaGetErrorName(cudaError_t code) {
    return code == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
           : code == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress"
           : code == cudaErrorInvalidValue   ? "cudaErrorInvalidValue"
                                             : "cudaErrorNotSupported";
}
cudaError_t cudaGetLastError() {
    const cudaError_t code = last_error;
    last_error = cudaSuccess;
    return code;
}
cudaError_t cudaDriverGetVersion(int *version) {
    *version = has_word("no-driver") ? 0 : has_word("old-driver") ? 11040 : 13000;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int *count) {
    if (has_word("no-driver") || has_word("old-driver"))
        return note(cudaErrorInsufficientDriver);
    if (has_word("no-device"))
        return note(cudaErrorNoDevice);
    *count = 2;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int *device) {
    *device = current_device;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
    current_device = device;
    return call();
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device) {
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "emulated card %d", device);
    out->totalGlobalMem = (size_t)number_of("memory=", (uint64_t)8 << 30);
    out->major = 9;
    return call();
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static uint64_t total_memory() { return number_of("memory=", (uint64_t)8 << 30); }

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    std::lock_guard<std::mutex> guard(lock);
    *total = (size_t)total_memory();
    *free_bytes = *total - (size_t)used;
    return cudaSuccess;
}
static cudaError_t allocate(std::map<void *, size_t> &blocks, bool is_device, void **out, size_t bytes) {
    const cudaError_t code = call();
    if (code != cudaSuccess)
        return code;
    std::lock_guard<std::mutex> guard(lock);
    if (is_device && used + bytes > total_memory())
        return note(cudaErrorMemoryAllocation);
    *out = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (*out == NULL)
        return note(cudaErrorMemoryAllocation);
    memset(*out, 0xa5, bytes);
    blocks[*out] = bytes;
    used += is_device ? bytes : 0;
    return cudaSuccess;
}
static cudaError_t release(std::map<void *, size_t> &blocks, bool is_device, void *memory) {
    std::lock_guard<std::mutex> guard(lock);
    if (memory == NULL)
        return cudaSuccess;
    const auto found = blocks.find(memory);
    if (found == blocks.end())
        return note(cudaErrorInvalidValue);
    used -= is_device ? found->second : 0;
    blocks.erase(found);
    free(memory);
    return is_lost ? note(cudaErrorIllegalAddress) : cudaSuccess;
}
cudaError_t cudaMalloc(void **out, size_t bytes) { return allocate(device_blocks, true, out, bytes); }
cudaError_t cudaFree(void *memory) { return release(device_blocks, true, memory); }
cudaError_t cudaMallocHost(void **out, size_t bytes) { return allocate(host_blocks, false, out, bytes); }
cudaError_t cudaFreeHost(void *memory) { return release(host_blocks, false, memory); }

static void copy_2d(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height) {
    for (size_t i = 0; i < height; i++)
        memcpy((char *)to + i * to_pitch, (const char *)from + i * from_pitch, width);
}
cudaError_t cudaMemset(void *at, int value, size_t bytes) {
    const cudaError_t code = call();
    if (code == cudaSuccess)
        memset(at, value, bytes);
    return code;
}
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
    const cudaError_t code = call();
    if (code == cudaSuccess && bytes > 0)
        memcpy(to, from, bytes);
    return code;
}
cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                         cudaMemcpyKind) {
    const cudaError_t code = call();
    if (code == cudaSuccess)
        copy_2d(to, to_pitch, from, from_pitch, width, height);
    return code;
}

/* --- streams and graphs ------------------------------------------------------------------------------------------- */

typedef std::vector<std::function<void()>> work_list;
struct fake_graph {
    work_list work;
};
struct fake_stream {
    work_list work;
    fake_graph *records;
};

cudaError_t fake_enqueue(const char *name, cudaStream_t stream, std::function<void()> work) {
    const cudaError_t code = call();
    if (code != cudaSuccess)
        return code;
    if (strcmp(name, "launch") == 0 && ++n_launches == number_of("lost=", 0))
        is_lost = true; /* found out by whoever calls next */
    if (stream == NULL)
        work();
    else
        (stream->records != NULL ? stream->records->work : stream->work).push_back(work);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t stream) {
    return fake_enqueue("memset", stream, [=]() { memset(at, value, bytes); });
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    return fake_enqueue("memcpy", stream, [=]() { memcpy(to, from, bytes); });
}
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind, cudaStream_t stream) {
    return fake_enqueue("memcpy", stream, [=]() { copy_2d(to, to_pitch, from, from_pitch, width, height); });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned) {
    const cudaError_t code = call();
    if (code == cudaSuccess) {
        *out = new fake_stream();
        n_objects++;
    }
    return code;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    n_objects--;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (stream == NULL)
        return call();
    work_list work;
    work.swap(stream->work);
    const cudaError_t code = call();
    for (size_t i = 0; i < work.size() && !is_lost; i++)
        work[i]();
    return code;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    const cudaError_t code = call();
    if (code == cudaSuccess) {
        stream->records = new fake_graph();
        n_objects++;
    }
    return code;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out) {
    *out = stream->records;
    stream->records = NULL;
    return call();
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long) {
    const cudaError_t code = call();
    if (code == cudaSuccess) {
        *out = new fake_graph(*graph);
        n_objects++;
    }
    return code;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    n_objects--;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy(exec); }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    const cudaError_t code = call();
    if (code == cudaSuccess)
        stream->work.insert(stream->work.end(), exec->work.begin(), exec->work.end());
    return code;
}

static void run_body(void *context) { (*(const std::function<void()> *)context)(); }

void fake_run_kernel(dim3 grid, unsigned threads, const std::function<void()> &body, size_t shared_bytes) {
    fake_grid = grid;
    fake_threads = dim3(threads);
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            fake_block = dim3(x, y);
            lanes_run(threads, run_body, (void *)&body, shared_bytes);
        }
}

/* --- products ----------------------------------------------------------------------------------------------------- */

struct fake_lt {
    int unused;
};
struct fake_operation {
    cublasOperation_t a, b;
    cublasLtEpilogue_t epilogue;
    const void *bias;
    cudaDataType_t bias_type;
};
struct fake_layout {
    cudaDataType_t type;
    uint64_t rows, cols;
    int64_t ld;
};
struct fake_preference {
    uint64_t workspace;
};

static cublasStatus_t blas_call() {
    return call() == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

template <typename T>
static cublasStatus_t make(T **out) {
    const cublasStatus_t code = blas_call();
    if (code == CUBLAS_STATUS_SUCCESS) {
        *out = new T();
        n_objects++;
    }
    return code;
}
template <typename T>
static cublasStatus_t unmake(T *object) {
    delete object;
    n_objects--;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasLtGetStatusString(cublasStatus_t code) {
    return code == CUBLAS_STATUS_NOT_SUPPORTED ? "the requested functionality is not supported" : "the call failed";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t *out) { return make(out); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t lt) { return unmake(lt); }
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t, cudaDataType_t) {
    const cublasStatus_t code = make(out);
    if (code == CUBLAS_STATUS_SUCCESS)
        (*out)->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    return code;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t which,
                                              const void *value, size_t bytes) {
    void *at = which == CUBLASLT_MATMUL_DESC_TRANSA         ? (void *)&operation->a
               : which == CUBLASLT_MATMUL_DESC_TRANSB       ? (void *)&operation->b
               : which == CUBLASLT_MATMUL_DESC_EPILOGUE     ? (void *)&operation->epilogue
               : which == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? (void *)&operation->bias
                                                            : (void *)&operation->bias_type;
    const size_t expected = which == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? sizeof(void *) : sizeof(int);
    if (bytes != expected)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(at, value, bytes);
    return blas_call();
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) { return unmake(operation); }
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType_t type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
    if (ld < (int64_t)rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    const cublasStatus_t code = make(out);
    if (code == CUBLAS_STATUS_SUCCESS)
        **out = {type, rows, cols, ld};
    return code;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return unmake(layout); }
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out) { return make(out); }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t,
                                                    const void *, size_t) {
    return blas_call();
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return unmake(preference); }

/* Of a matrix as it takes part in the product. */
static uint64_t rows_of(cublasOperation_t operation, const fake_layout &l) {
    return operation == CUBLAS_OP_T ? l.cols : l.rows;
}
static uint64_t cols_of(cublasOperation_t operation, const fake_layout &l) {
    return operation == CUBLAS_OP_T ? l.rows : l.cols;
}

/* Shapes that fit together; the algorithm remembers how many columns it was chosen for. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t *out,
                                              int *n_found) {
    if (rows_of(operation->a, *a) != c->rows || cols_of(operation->a, *a) != rows_of(operation->b, *b) ||
        cols_of(operation->b, *b) != c->cols || c != d || a->type != b->type)
        return CUBLAS_STATUS_INVALID_VALUE;
    out->algo.data[0] = b->cols;
    *n_found = 1;
    return blas_call();
}

static float value_at(const void *values, cudaDataType_t type, size_t i) {
    return type == CUDA_R_32F   ? ((const float *)values)[i]
           : type == CUDA_R_16F ? __half2float(((const __half *)values)[i])
                                : __bfloat162float(((const __nv_bfloat16 *)values)[i]);
}

static void put(void *values, cudaDataType_t type, size_t i, float x) {
    if (type == CUDA_R_32F)
        ((float *)values)[i] = x;
    else if (type == CUDA_R_16F)
        ((__half *)values)[i] = __float2half_rn(x);
    else
        ((__nv_bfloat16 *)values)[i] = __float2bfloat16_rn(x);
}

/* A row of a, or a column of b: its first value, and how far it is from one to the next. */
struct fake_line {
    const char *first;
    size_t step;
};
static fake_line line_of(const void *values, const fake_layout &l, bool is_stored_together, size_t i) {
    const size_t size = l.type == CUDA_R_32F ? 4 : 2, ld = (size_t)l.ld;
    return {(const char *)values + (is_stored_together ? i * ld : i) * size, is_stored_together ? 1 : ld};
}

static float dot(const fake_line &x, const fake_line &y, cudaDataType_t type, size_t n) {
    const float *xs = (const float *)(const void *)x.first, *ys = (const float *)(const void *)y.first;
    float sum = 0;
    if (type == CUDA_R_32F && x.step == 1 && y.step == 1)
        for (size_t i = 0; i < n; i++)
            sum += xs[i] * ys[i];
    else if (type == CUDA_R_32F)
        for (size_t i = 0; i < n; i++)
            sum += xs[i * x.step] * ys[i * y.step];
    else
        for (size_t i = 0; i < n; i++)
            sum += value_at(x.first, type, i * x.step) * value_at(y.first, type, i * y.step);
    return sum;
}

static void multiply(const fake_operation &op, const void *a, const fake_layout &la, const void *b,
                     const fake_layout &lb, float before, void *d, const fake_layout &ld) {
    const bool relu = (op.epilogue & CUBLASLT_EPILOGUE_RELU) != 0, bias = (op.epilogue & CUBLASLT_EPILOGUE_BIAS) != 0;
    for (size_t j = 0; j < ld.cols; j++)
        for (size_t i = 0; i < ld.rows; i++) {
            const size_t at = j * (size_t)ld.ld + i;
            float sum = dot(line_of(a, la, op.a == CUBLAS_OP_T, i), line_of(b, lb, op.b == CUBLAS_OP_N, j), la.type,
                            (size_t)cols_of(op.a, la));
            sum += before > 0 ? before * value_at(d, ld.type, at) : 0;
            sum += bias ? value_at(op.bias, op.bias_type, i) : 0;
            put(d, ld.type, at, relu && !(sum > 0) ? 0 : sum);
        }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout,
                              const void *beta, const void *c, cublasLtMatrixLayout_t, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algorithm, void *workspace,
                              size_t workspace_bytes, cudaStream_t stream) {
    float before = 0, factor = 0;
    memcpy(&before, beta, sizeof before);
    memcpy(&factor, alpha, sizeof factor);
    if (factor < 1 || factor > 1 || c != d || algorithm->data[0] != b_layout->cols ||
        (workspace == NULL && workspace_bytes > 0))
        return CUBLAS_STATUS_INVALID_VALUE;
    const fake_operation op = *operation;
    const fake_layout la = *a_layout, lb = *b_layout, ld = *d_layout;
    return fake_enqueue("gemm", stream, [=]() { multiply(op, a, la, b, lb, before, d, ld); }) == cudaSuccess
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_EXECUTION_FAILED;
}
