/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <stdlib.h>
#include <string.h>

/* of text.h, which is C11 */
extern "C" void bench_fail(const char *format, ...);
extern "C" void *bench_alloc(size_t count, size_t size);

struct bench_card {
    bench_card_call call;
    cudaStream_t stream;
    char *host, *in, *out; /* pinned; on the card */
    void *rows, *queries, *products, *workspace;
    cublasLtHandle_t lt;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t row_layout, query_layout, product_layout;
    cublasLtMatmulAlgo_t algorithm;
};

static const size_t workspace_bytes = (size_t)32 << 20;

static void check(cudaError_t status, const char *what) {
    if (status != cudaSuccess)
        bench_fail("%s: %s", what, cudaGetErrorString(status));
}

static void check_blas(cublasStatus_t status, const char *what) {
    if (status != CUBLAS_STATUS_SUCCESS)
        bench_fail("%s: cuBLASLt says %d", what, (int)status);
}
#define TRY(call) check((call), #call)
#define TRY_BLAS(call) check_blas((call), #call)

static void *card_memory(size_t bytes) {
    void *memory = NULL;
    TRY(cudaMalloc(&memory, bytes));
    TRY(cudaMemset(memory, 0, bytes));
    return memory;
}

static cudaDataType_t type_of(mlsel_precision precision) {
    return precision == MLSEL_PRECISION_F16 ? CUDA_R_16F : precision == MLSEL_PRECISION_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* The fastest way by cuBLASLt's own judgement, whatever order it sums in. */
static void choose_algorithm(bench_card *card) {
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    const uint64_t room = workspace_bytes;
    int n_found = 0;
    TRY_BLAS(cublasLtMatmulPreferenceCreate(&preference));
    TRY_BLAS(
        cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room));
    TRY_BLAS(cublasLtMatmulAlgoGetHeuristic(card->lt, card->operation, card->row_layout, card->query_layout,
                                            card->product_layout, card->product_layout, preference, 1, &result,
                                            &n_found));
    if (n_found == 0)
        bench_fail("cuBLASLt knows no way to multiply %zu x %zu with %zu queries", card->call.rows, card->call.width,
                   card->call.count);
    card->algorithm = result.algo;
    TRY_BLAS(cublasLtMatmulPreferenceDestroy(preference));
}

static void prepare_product(bench_card *card) {
    const bench_card_call *call = &card->call;
    const cudaDataType_t type = type_of(call->precision);
    const size_t number = type == CUDA_R_32F ? 4 : 2, stride = (call->width + 15) / 16 * 16;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    card->rows = card_memory(call->rows * stride * number);
    card->queries = card_memory(call->count * stride * number);
    card->products = card_memory(call->rows * call->count * sizeof(float));
    card->workspace = card_memory(workspace_bytes);
    TRY_BLAS(cublasLtCreate(&card->lt));
    TRY_BLAS(cublasLtMatmulDescCreate(&card->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    TRY_BLAS(
        cublasLtMatmulDescSetAttribute(card->operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&card->row_layout, type, call->width, call->rows, (int64_t)stride));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&card->query_layout, type, call->width, call->count, (int64_t)stride));
    TRY_BLAS(
        cublasLtMatrixLayoutCreate(&card->product_layout, CUDA_R_32F, call->rows, call->count, (int64_t)call->rows));
    choose_algorithm(card);
}

extern "C" bench_card *bench_card_open(const char *device, const bench_card_call *call, const char **reason) {
    if (strncmp(device, "cuda", 4) != 0) {
        *reason = "the benchmark multiplies on NVIDIA cards only";
        return NULL;
    }
    const char *colon = strchr(device, ':');
    TRY(cudaSetDevice(colon == NULL ? 0 : atoi(colon + 1)));
    bench_card *card = (bench_card *)bench_alloc(1, sizeof *card);
    memset(card, 0, sizeof *card);
    card->call = *call;
    TRY(cudaStreamCreateWithFlags(&card->stream, cudaStreamNonBlocking));
    TRY(cudaMallocHost((void **)&card->host, call->bytes_in + call->bytes_out));
    memset(card->host, 0, call->bytes_in + call->bytes_out);
    card->in = (char *)card_memory(call->bytes_in);
    card->out = (char *)card_memory(call->bytes_out);
    prepare_product(card);
    return card;
}

extern "C" void bench_card_close(bench_card *card) {
    if (card == NULL)
        return;
    (void)cublasLtMatrixLayoutDestroy(card->row_layout);
    (void)cublasLtMatrixLayoutDestroy(card->query_layout);
    (void)cublasLtMatrixLayoutDestroy(card->product_layout);
    (void)cublasLtMatmulDescDestroy(card->operation);
    (void)cublasLtDestroy(card->lt);
    void *const blocks[] = {card->in, card->out, card->rows, card->queries, card->products, card->workspace};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        (void)cudaFree(blocks[i]);
    (void)cudaFreeHost(card->host);
    (void)cudaStreamDestroy(card->stream);
    free(card);
}

extern "C" void bench_card_copy_run(void *context) {
    bench_card *card = (bench_card *)context;
    const bench_card_call *call = &card->call;
    TRY(cudaMemcpyAsync(card->in, card->host, call->bytes_in, cudaMemcpyHostToDevice, card->stream));
    TRY(cudaMemcpyAsync(card->host + call->bytes_in, card->out, call->bytes_out, cudaMemcpyDeviceToHost, card->stream));
    TRY(cudaStreamSynchronize(card->stream));
}

extern "C" void bench_card_product_run(void *context) {
    bench_card *card = (bench_card *)context;
    const float one = 1, zero = 0;
    TRY_BLAS(cublasLtMatmul(card->lt, card->operation, &one, card->rows, card->row_layout, card->queries,
                            card->query_layout, &zero, card->products, card->product_layout, card->products,
                            card->product_layout, &card->algorithm, card->workspace, workspace_bytes, card->stream));
    TRY(cudaStreamSynchronize(card->stream));
}
