/* SPDX-License-Identifier: Apache-2.0 */
#include "cuda.h"

struct device_block {
    device_block *next;
    void *data;
};

mlsel_status mlsel_i_cuda_alloc(device_memory *memory, uint64_t count, size_t size, void **out, mlsel_error *err) {
    const uint32_t device = memory->device;
    if (size != 0 && count > (uint64_t)SIZE_MAX / 2 / size)
        return mlsel_i_no_memory(err);
    const size_t bytes = count * size == 0 ? 1 : (size_t)(count * size);
    device_block *block = (device_block *)mlsel_i_calloc(1, sizeof *block);
    if (block == NULL)
        return mlsel_i_no_memory(err);
    const cudaError_t code = cudaMalloc(&block->data, bytes);
    if (code != cudaSuccess) {
        mlsel_i_free(block);
        return mlsel_i_cuda_fail(err, device, "cudaMalloc", code);
    }
    block->next = memory->blocks;
    memory->blocks = block;
    memory->bytes += bytes;
    TRY(cudaMemset(block->data, 0, bytes));
    *out = block->data;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_upload(device_memory *memory, const void *from, uint64_t count, size_t size, void **out,
                                 mlsel_error *err) {
    const uint32_t device = memory->device;
    void *data = NULL;
    const mlsel_status status = mlsel_i_cuda_alloc(memory, count, size, &data, err);
    if (status != MLSEL_OK)
        return status;
    TRY(cudaMemcpy(data, from, (size_t)(count * size), cudaMemcpyHostToDevice));
    *out = data;
    return MLSEL_OK;
}

mlsel_status mlsel_i_cuda_upload_rows(device_memory *memory, const float *rows, uint64_t n_rows, uint64_t stride,
                                      uint64_t n, float **out, mlsel_error *err) {
    const uint32_t device = memory->device;
    const uint64_t padded = padded_width(n);
    void *data = NULL;
    const mlsel_status status = mlsel_i_cuda_alloc(memory, n_rows, (size_t)padded * sizeof(float), &data, err);
    if (status != MLSEL_OK)
        return status;
    if (n_rows > 0)
        TRY(cudaMemcpy2D(data, (size_t)padded * sizeof(float), rows, (size_t)stride * sizeof(float),
                         (size_t)n * sizeof(float), (size_t)n_rows, cudaMemcpyHostToDevice));
    *out = (float *)data;
    return MLSEL_OK;
}

void mlsel_i_cuda_free_all(device_memory *memory) {
    while (memory->blocks != NULL) {
        device_block *next = memory->blocks->next;
        (void)cudaFree(memory->blocks->data); /* fails on a device that is lost, with nothing left to free */
        mlsel_i_free(memory->blocks);
        memory->blocks = next;
    }
    memory->bytes = 0;
}
