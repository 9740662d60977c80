/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products by cuBLASLt. CUBLAS_COMPUTE_32F is float throughout, never TF32. Algorithms are chosen once, for a
 * few numbers of queries, among those that give the same bits every time; a run takes the next larger one.
 */
#include <string.h>

#include "cuda.h"

uint32_t mlsel_i_cuda_gemm_count(uint32_t count) {
    uint32_t size = MAX_FEW;
    while (size < count)
        size *= 2;
    return count <= MAX_FEW ? count : size;
}

static mlsel_status describe(uint32_t device, gemm_plan *plan, mlsel_error *err) {
    const gemm_shape *s = &plan->shape;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const cublasLtEpilogue_t epilogue = s->bias == NULL ? (s->relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT)
                                        : s->relu       ? CUBLASLT_EPILOGUE_RELU_BIAS
                                                        : CUBLASLT_EPILOGUE_BIAS;
    TRY_BLAS(cublasLtMatmulDescCreate(&plan->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    /* rows are stored one after the other, which to cuBLAS is a matrix of columns: hence the transposition */
    TRY_BLAS(
        cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    TRY_BLAS(
        cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    if (s->bias != NULL) {
        TRY_BLAS(cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &s->bias,
                                                sizeof s->bias));
        TRY_BLAS(cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &s->out_type,
                                                sizeof s->out_type));
    }
    TRY_BLAS(cublasLtMatrixLayoutCreate(&plan->rows, s->type, s->n, s->n_rows, (int64_t)s->stride));
    return MLSEL_OK;
}

static mlsel_status choose(cublasLtHandle_t lt, uint32_t device, cublasLtMatmulPreference_t preference, uint32_t i,
                           gemm_plan *plan, mlsel_error *err) {
    const gemm_shape *s = &plan->shape;
    const uint64_t n_queries = (uint64_t)MAX_FEW << (i + 1);
    cublasLtMatmulHeuristicResult_t result;
    int n_found = 0;
    memset(&result, 0, sizeof result);
    TRY_BLAS(cublasLtMatrixLayoutCreate(&plan->queries[i], s->type, s->n, n_queries, (int64_t)s->query_stride));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&plan->out[i], s->out_type, s->n_rows, n_queries, (int64_t)s->out_stride));
    plan->n_sizes = i + 1;
    TRY_BLAS(cublasLtMatmulAlgoGetHeuristic(lt, plan->operation, plan->rows, plan->queries[i], plan->out[i],
                                            plan->out[i], preference, 1, &result, &n_found));
    if (n_found == 0)
        return mlsel_i_cuda_blas_fail(err, device, "cublasLtMatmulAlgoGetHeuristic", CUBLAS_STATUS_NOT_SUPPORTED);
    plan->algorithms[i] = result.algo;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_gemm_preference(uint32_t device, cublasLtMatmulPreference_t *out, mlsel_error *err) {
    const uint64_t workspace = GEMM_WORKSPACE;
    /* sums that threads add up in any order would differ between runs */
    const uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    cublasLtMatmulPreference_t preference = NULL;
    TRY_BLAS(cublasLtMatmulPreferenceCreate(&preference));
    cublasStatus_t code = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                               &workspace, sizeof workspace);
    if (code == CUBLAS_STATUS_SUCCESS)
        code = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions,
                                                    sizeof reductions);
    if (code != CUBLAS_STATUS_SUCCESS) {
        (void)cublasLtMatmulPreferenceDestroy(preference);
        return mlsel_i_cuda_blas_fail(err, device, "cublasLtMatmulPreferenceSetAttribute", code);
    }
    *out = preference;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_gemm_plan(cublasLtHandle_t lt, uint32_t device, const gemm_shape *shape, uint32_t max_queries,
                                    gemm_plan *out, mlsel_error *err) {
    memset(out, 0, sizeof *out);
    out->shape = *shape;
    mlsel_status status = describe(device, out, err);
    if (status != MLSEL_OK)
        return status;
    cublasLtMatmulPreference_t preference = NULL;
    status = mlsel_i_cuda_gemm_preference(device, &preference, err);
    if (status != MLSEL_OK)
        return status;
    for (uint32_t i = 0; status == MLSEL_OK && i < GEMM_SIZES && ((uint32_t)MAX_FEW << i) < max_queries; i++)
        status = choose(lt, device, preference, i, out, err);
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

void mlsel_i_cuda_gemm_free(gemm_plan *plan) {
    for (int i = 0; i < GEMM_SIZES; i++) {
        if (plan->queries[i] != NULL)
            (void)cublasLtMatrixLayoutDestroy(plan->queries[i]);
        if (plan->out[i] != NULL)
            (void)cublasLtMatrixLayoutDestroy(plan->out[i]);
    }
    if (plan->rows != NULL)
        (void)cublasLtMatrixLayoutDestroy(plan->rows);
    if (plan->operation != NULL)
        (void)cublasLtMatmulDescDestroy(plan->operation);
    memset(plan, 0, sizeof *plan);
}

mlsel_status mlsel_i_cuda_gemm(cublasLtHandle_t lt, uint32_t device, const gemm_plan *plan, const void *rows,
                               const void *queries, uint32_t count, void *out, void *workspace, cudaStream_t stream,
                               mlsel_error *err) {
    const float one = 1, before = plan->shape.adds ? 1 : 0;
    uint32_t i = 0;
    while (((uint32_t)MAX_FEW << (i + 1)) < count)
        i++;
    TRY_BLAS(cublasLtMatmul(lt, plan->operation, &one, rows, plan->rows, queries, plan->queries[i], &before, out,
                            plan->out[i], out, plan->out[i], &plan->algorithms[i], workspace, GEMM_WORKSPACE, stream));
    return MLSEL_OK;
}
