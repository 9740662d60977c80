/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the CUDA backend share.
 *
 * As on the CPU, a fast path in float has a bound on its error, and where the bound leaves an order open, an exact one
 * decides: for KNN and KMeans in double on the device, for SVM and MLP the CPU backend. So labels are the reference's.
 *
 * The sources are C++ to nvcc, but written like C: no exceptions, no runtime of C++, memory from src/alloc.c. The tests
 * compile the same files for the CPU, against headers that stand in for CUDA's (tests/cuda/fake); what those lack, and
 * the launch syntax, is in this file.
 */
#ifndef MLSEL_CUDA_H
#define MLSEL_CUDA_H

#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "accel/slots.h"
#include "certain.h"
#include "internal.h"
#include "mlsel_backend.h"

/* --- launching ---------------------------------------------------------------------------------------------------- */

enum { WARP = 32, BLOCK = 256 };

#ifdef __CUDACC__
/* Memory of the block whose size the launch gives. */
__device__ __forceinline__ void *block_memory(void) {
    extern __shared__ __align__(16) unsigned char memory[];
    return memory;
}
/* Calls a kernel; arguments follow. cudaError_t. */
#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                                         \
    (kernel<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__), cudaGetLastError())
#endif

/* Blocks for so many threads. */
static inline unsigned blocks_for(uint64_t n_threads) { return (unsigned)((n_threads + BLOCK - 1) / BLOCK); }

/* --- errors ------------------------------------------------------------------------------------------------------- */

/* Status and message for a failed call: out of memory, or what CUDA says, and whether the device is lost. `call` is the
 * text of the call. */
mlsel_status mlsel_i_cuda_fail(mlsel_error *err, uint32_t device, const char *call, cudaError_t code);
mlsel_status mlsel_i_cuda_blas_fail(mlsel_error *err, uint32_t device, const char *call, cublasStatus_t code);

/* In a function that returns mlsel_status and has `err` and `device`. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const cudaError_t code_ = (call);                                                                              \
        if (code_ != cudaSuccess)                                                                                      \
            return mlsel_i_cuda_fail(err, device, #call, code_);                                                       \
    } while (0)
#define TRY_BLAS(call)                                                                                                 \
    do {                                                                                                               \
        const cublasStatus_t code_ = (call);                                                                           \
        if (code_ != CUBLAS_STATUS_SUCCESS)                                                                            \
            return mlsel_i_cuda_blas_fail(err, device, #call, code_);                                                  \
    } while (0)

/* The calling thread's current device for as long as this lives; then the one it had. */
class device_scope {
  public:
    explicit device_scope(uint32_t device) : wanted((int)device), before(-1) {
        if (cudaGetDevice(&before) != cudaSuccess)
            before = -1;
        status = before == wanted ? cudaSuccess : cudaSetDevice(wanted);
    }
    ~device_scope() {
        if (before >= 0 && before != wanted)
            (void)cudaSetDevice(before);
    }
    device_scope(const device_scope &) = delete;
    device_scope &operator=(const device_scope &) = delete;
    cudaError_t status;

  private:
    int wanted, before;
};

/* --- memory.cu ---------------------------------------------------------------------------------------------------- */

/* Memory of the device that lives as long as what owns the list. */
typedef struct device_block device_block;
typedef struct device_memory {
    uint32_t device;
    device_block *blocks;
    uint64_t bytes;
} device_memory;

/* Zeroed, aligned to 256 bytes. */
mlsel_status mlsel_i_cuda_alloc(device_memory *memory, uint64_t count, size_t size, void **out, mlsel_error *err);
/* The same, filled from the host. */
mlsel_status mlsel_i_cuda_upload(device_memory *memory, const void *from, uint64_t count, size_t size, void **out,
                                 mlsel_error *err);
/* Rows of n floats, `stride` apart on the host and padded_width(n) apart on the device, zeros between. */
mlsel_status mlsel_i_cuda_upload_rows(device_memory *memory, const float *rows, uint64_t n_rows, uint64_t stride,
                                      uint64_t n, float **out, mlsel_error *err);
void mlsel_i_cuda_free_all(device_memory *memory);

/* Values from one row or query to the next on the device: whole cache lines. */
static inline uint64_t padded_width(uint64_t n) { return (n + 31) / 32 * 32; }

/* --- gemm.cu ------------------------------------------------------------------------------------------------------ */

/* Up to so many queries are multiplied by our own kernel (dots.cu), more by cuBLASLt. */
enum { MAX_FEW = 8 };

/* out[q][r] = rows[r] . queries[q] (+ bias[r]), ReLU if asked: a matrix product, planned once for every number of
 * queries. */
typedef struct gemm_shape {
    uint64_t n_rows, n;
    uint64_t stride, query_stride, out_stride; /* in values; rows are 0 from n on */
    cudaDataType_t type;                       /* of rows and queries */
    cudaDataType_t out_type;                   /* of the result, and of bias */
    const void *bias;                          /* [n_rows] on the device, or NULL */
    bool relu;
    bool adds; /* to what is in out */
} gemm_shape;

enum { GEMM_SIZES = 10 }; /* of MAX_FEW * 2, * 4, ... queries */

typedef struct gemm_plan {
    gemm_shape shape;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t rows;
    cublasLtMatrixLayout_t queries[GEMM_SIZES], out[GEMM_SIZES];
    cublasLtMatmulAlgo_t algorithms[GEMM_SIZES];
    uint32_t n_sizes;
} gemm_plan;

/* Bytes of device memory that a product may use while it is in progress. */
enum { GEMM_WORKSPACE = 8 << 20 };

/* Which algorithms may be chosen: of that workspace, and of the same bits every time. To be destroyed. */
mlsel_status mlsel_i_cuda_gemm_preference(uint32_t device, cublasLtMatmulPreference_t *out, mlsel_error *err);

mlsel_status mlsel_i_cuda_gemm_plan(cublasLtHandle_t lt, uint32_t device, const gemm_shape *shape, uint32_t max_queries,
                                    gemm_plan *out, mlsel_error *err);
void mlsel_i_cuda_gemm_free(gemm_plan *plan);
/* Queries that the product for `count` of them reads and writes: memory must be there for as many. */
uint32_t mlsel_i_cuda_gemm_count(uint32_t count);
mlsel_status mlsel_i_cuda_gemm(cublasLtHandle_t lt, uint32_t device, const gemm_plan *plan, const void *rows,
                               const void *queries, uint32_t count, void *out, void *workspace, cudaStream_t stream,
                               mlsel_error *err);

/* --- dots.cu ------------------------------------------------------------------------------------------------------ */

/* The same for few queries: one pass over the rows for up to MAX_FEW of them. Sums are in 128 parts that a tree adds.
 */
mlsel_status mlsel_i_cuda_dots(uint32_t device, const gemm_shape *shape, const void *rows, const void *queries,
                               uint32_t count, void *out, cudaStream_t stream, mlsel_error *err);

/* Bounds on |computed - exact| / (|x| |q|) of a dot product of n values, the query rounded to float included. */
double mlsel_i_cuda_dots_error(uint64_t n);
/* Of n values in any order. */
double mlsel_i_cuda_sum_error(uint64_t n);

/* --- take.cu ------------------------------------------------------------------------------------------------------ */

typedef enum take_rule {
    TAKE_AS_IS,
    TAKE_KNN_NORMALIZED, /* times 1 / norm; a zero query stays zero */
    TAKE_SVM_NORMALIZED  /* divided by a norm above 1e-10 */
} take_rule;

/* Queries as they came, to float, and to double unless `wide` is NULL, and their norms after that. */
typedef struct taken_queries {
    const void *given; /* [count][n] */
    mlsel_query_type type;
    uint64_t n, stride;
    take_rule rule;
    double *wide;  /* [count][n] */
    float *narrow; /* [count][stride] */
    double *norms; /* [count] */
} taken_queries;

mlsel_status mlsel_i_cuda_take(uint32_t device, const taken_queries *queries, uint32_t count, cudaStream_t stream,
                               mlsel_error *err);

/* --- states and slots --------------------------------------------------------------------------------------------- */

/* What one run needs of the device at a time. */
typedef struct cuda_slot {
    cudaStream_t stream;
    uint32_t capacity;            /* queries it has room for */
    uint32_t k;                   /* neighbours it has room for */
    char *host_in, *host_out;     /* pinned */
    char *device_in, *device_out; /* the same on the device */
    char *work;
    uint64_t device_bytes;
    cudaGraphExec_t graphs[2]; /* a single query in float, in double: recorded once */
    uint32_t graph_k[2];
} cuda_slot;

/* Bytes of each kind that a slot has. */
typedef struct slot_layout {
    uint64_t in, out, work;
} slot_layout;

typedef struct cuda_state cuda_state;

/* What differs between the algorithms. */
typedef struct cuda_kind {
    uint32_t max_batch;
    /* Uploads the model, into state->model. */
    mlsel_status (*prepare)(cuda_state *state, mlsel_error *err);
    void (*release)(cuda_state *state);
    void (*lay_out)(const cuda_state *state, uint32_t capacity, uint32_t k, slot_layout *out);
    /* The queries of a run to slot->host_in. */
    void (*take)(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot);
    /* Copies, kernels and the copy back, onto the slot's stream. */
    mlsel_status (*enqueue)(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err);
    /* From slot->host_out to what the run is to be given, once the stream is through. */
    mlsel_status (*finish)(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err);
    /* Whether this run is the same sequence of launches every time, but for its data. */
    bool (*is_fixed)(const cuda_state *state, const mlsel_backend_run *run);
} cuda_kind;

enum { N_SLOTS = 16 };

struct cuda_state {
    const mlsel_model_view *view;
    const cuda_kind *kind;
    uint32_t device;
    mlsel_precision precision;
    uint32_t max_batch; /* the kind's, or less where that would take too much memory */
    cublasLtHandle_t lt;
    device_memory memory; /* of the weights */
    void *model;          /* knn_model and so on */
    accel_slots *free_slots;
    cuda_slot slots[N_SLOTS];
    /* the CPU's, for what is left to it; state NULL where nothing is */
    mlsel_prepared cpu;
    uint64_t scratch_bytes; /* that the kind needs on the host, before that of the CPU */
};

extern const cuda_kind mlsel_i_cuda_knn, mlsel_i_cuda_kmeans, mlsel_i_cuda_svm, mlsel_i_cuda_mlp;

/* slot.cu: a slot that nobody else has, with room; given back with mlsel_i_cuda_slot_give. */
mlsel_status mlsel_i_cuda_slot_take(cuda_state *state, uint32_t count, uint32_t k, cuda_slot **out, mlsel_error *err);
void mlsel_i_cuda_slot_give(cuda_state *state, cuda_slot *slot);
void mlsel_i_cuda_slots_free(cuda_state *state);
/* Enqueues a run, as a recorded graph where it is one of those that stay the same. */
mlsel_status mlsel_i_cuda_slot_launch(cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot,
                                      mlsel_error *err);

/* backend.cu: prepares the CPU backend for what a kind leaves to it. */
mlsel_status mlsel_i_cuda_prepare_cpu(cuda_state *state, mlsel_error *err);
/* Lets it answer one query of a run. */
mlsel_status mlsel_i_cuda_ask_cpu(const cuda_state *state, const mlsel_backend_run *run, uint32_t query,
                                  mlsel_error *err);

/* Queries of a run as they are, one after the other. */
void mlsel_i_cuda_copy_queries(const mlsel_backend_run *run, uint64_t n, char *out);
static inline uint64_t query_value_bytes(mlsel_query_type type) {
    return type == MLSEL_QUERY_F64 ? sizeof(double) : sizeof(float);
}

/* Hands out parts of a buffer, each aligned to 256 bytes. With a NULL base it only counts. */
typedef struct carver {
    char *base;
    uint64_t used;
} carver;

template <typename T>
static inline T *carve(carver *c, uint64_t count) {
    T *part = c->base == NULL ? NULL : (T *)(void *)(c->base + c->used);
    c->used += (count * sizeof(T) + 255) / 256 * 256;
    return part;
}

#endif
