/* SPDX-License-Identifier: Apache-2.0 */
/* Products of training, each planned once for its shape. In float throughout, never TF32. */
#include <string.h>

#include "train.h"

static mlsel_status describe(uint32_t device, const product_shape *s, product *p, mlsel_error *err) {
    const cublasOperation_t a = s->a_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t b = s->b_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasLtEpilogue_t epilogue = s->bias == NULL ? CUBLASLT_EPILOGUE_DEFAULT
                                        : s->relu       ? CUBLASLT_EPILOGUE_RELU_BIAS
                                                        : CUBLASLT_EPILOGUE_BIAS;
    TRY_BLAS(cublasLtMatmulDescCreate(&p->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    TRY_BLAS(cublasLtMatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSA, &a, sizeof a));
    TRY_BLAS(cublasLtMatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSB, &b, sizeof b));
    TRY_BLAS(cublasLtMatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    if (s->bias != NULL)
        TRY_BLAS(
            cublasLtMatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &s->bias, sizeof s->bias));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&p->a, CUDA_R_32F, s->a_is_transposed ? s->k : s->m,
                                        s->a_is_transposed ? s->m : s->k, (int64_t)s->a_stride));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&p->b, CUDA_R_32F, s->b_is_transposed ? s->n : s->k,
                                        s->b_is_transposed ? s->k : s->n, (int64_t)s->b_stride));
    TRY_BLAS(cublasLtMatrixLayoutCreate(&p->c, CUDA_R_32F, s->m, s->n, (int64_t)s->c_stride));
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_product_plan(cublasLtHandle_t lt, uint32_t device, const product_shape *shape, product *out,
                                       mlsel_error *err) {
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    int n_found = 0;
    memset(out, 0, sizeof *out);
    memset(&result, 0, sizeof result);
    mlsel_status status = describe(device, shape, out, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_gemm_preference(device, &preference, err);
    if (status != MLSEL_OK)
        return status;
    const cublasStatus_t code = cublasLtMatmulAlgoGetHeuristic(lt, out->operation, out->a, out->b, out->c, out->c,
                                                               preference, 1, &result, &n_found);
    (void)cublasLtMatmulPreferenceDestroy(preference);
    if (code != CUBLAS_STATUS_SUCCESS || n_found == 0)
        return mlsel_i_cuda_blas_fail(err, device, "cublasLtMatmulAlgoGetHeuristic",
                                      code == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : code);
    out->algorithm = result.algo;
    return MLSEL_OK;
}

void mlsel_i_cuda_product_free(product *p) {
    if (p->a != NULL)
        (void)cublasLtMatrixLayoutDestroy(p->a);
    if (p->b != NULL)
        (void)cublasLtMatrixLayoutDestroy(p->b);
    if (p->c != NULL)
        (void)cublasLtMatrixLayoutDestroy(p->c);
    if (p->operation != NULL)
        (void)cublasLtMatmulDescDestroy(p->operation);
    memset(p, 0, sizeof *p);
}

mlsel_status mlsel_i_cuda_product_run(cublasLtHandle_t lt, uint32_t device, const product *p, const float *a,
                                      const float *b, float *c, void *workspace, cudaStream_t stream,
                                      mlsel_error *err) {
    const float one = 1, zero = 0;
    TRY_BLAS(cublasLtMatmul(lt, p->operation, &one, a, p->a, b, p->b, &zero, c, p->c, c, p->c, &p->algorithm, workspace,
                            GEMM_WORKSPACE, stream));
    return MLSEL_OK;
}

/* --- plans -------------------------------------------------------------------------------------------------------- */

static mlsel_status plan_layer(cuda_training *t, uint32_t layer, train_plan *plan, mlsel_error *err) {
    const train_layer *l = &t->layers[layer];
    /* z = x w' + bias */
    const product_shape forward = {l->n_out,
                                   plan->rows,
                                   l->n_in,
                                   true,
                                   false,
                                   l->in_stride,
                                   l->in_stride,
                                   l->out_stride,
                                   t->values + l->at.bias,
                                   layer + 1 < t->n_layers};
    /* the layer below's d = d w */
    const product_shape backward = {l->n_in,      plan->rows,    l->n_out,     false, false,
                                    l->in_stride, l->out_stride, l->in_stride, NULL,  false};
    /* of w: d' x */
    const product_shape gradient = {l->n_in,      l->n_out,      plan->rows,   false, true,
                                    l->in_stride, l->out_stride, l->in_stride, NULL,  false};
    mlsel_status status = mlsel_i_cuda_product_plan(t->lt, t->device, &forward, &plan->forward[layer], err);
    if (status == MLSEL_OK && plan->learns && layer > 0)
        status = mlsel_i_cuda_product_plan(t->lt, t->device, &backward, &plan->backward[layer], err);
    if (status == MLSEL_OK && plan->learns)
        status = mlsel_i_cuda_product_plan(t->lt, t->device, &gradient, &plan->gradient[layer], err);
    return status;
}

static void free_plan(train_plan *plan) {
    for (int i = 0; i < MAX_TRAIN_LAYERS; i++) {
        mlsel_i_cuda_product_free(&plan->forward[i]);
        mlsel_i_cuda_product_free(&plan->backward[i]);
        mlsel_i_cuda_product_free(&plan->gradient[i]);
    }
    if (plan->graph != NULL)
        (void)cudaGraphExecDestroy(plan->graph);
    memset(plan, 0, sizeof *plan);
}

void mlsel_i_cuda_train_plans_free(cuda_training *t) {
    for (int i = 0; i < N_TRAIN_PLANS; i++)
        free_plan(&t->plans[i]);
}

/* Records a step's launches instead of doing them. */
static mlsel_status record(const cuda_training *t, train_plan *plan, mlsel_error *err) {
    const uint32_t device = t->device;
    cudaGraph_t graph = NULL;
    TRY(cudaStreamBeginCapture(t->stream, cudaStreamCaptureModeThreadLocal));
    mlsel_status status = mlsel_i_cuda_train_step(t, plan, err);
    cudaError_t code = cudaStreamEndCapture(t->stream, &graph); /* also after a failure, or the stream is of no use */
    if (status == MLSEL_OK && code == cudaSuccess)
        code = cudaGraphInstantiate(&plan->graph, graph, 0);
    if (graph != NULL)
        (void)cudaGraphDestroy(graph);
    if (status == MLSEL_OK && code != cudaSuccess)
        status = mlsel_i_cuda_fail(err, device, "cudaGraphInstantiate", code);
    return status;
}

mlsel_status mlsel_i_cuda_train_plan(cuda_training *t, uint32_t rows, bool learns, train_plan **out, mlsel_error *err) {
    for (int i = 0; i < N_TRAIN_PLANS; i++)
        if (t->plans[i].rows == rows && t->plans[i].learns == learns) {
            *out = &t->plans[i];
            return MLSEL_OK;
        }
    const uint32_t device = t->device;
    train_plan *plan = &t->plans[t->next_plan];
    t->next_plan = (t->next_plan + 1) % N_TRAIN_PLANS;
    if (plan->rows != 0) /* what is in progress may use it */
        TRY(cudaStreamSynchronize(t->stream));
    free_plan(plan);
    plan->learns = learns;
    plan->rows = rows;
    mlsel_status status = MLSEL_OK;
    for (uint32_t i = 0; i < t->n_layers && status == MLSEL_OK; i++)
        status = plan_layer(t, i, plan, err);
    if (status == MLSEL_OK)
        status = record(t, plan, err);
    if (status != MLSEL_OK) {
        free_plan(plan);
        return status;
    }
    *out = plan;
    return MLSEL_OK;
}
