/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions between float and the shorter formats, by one name each, for kernels that take any of them. */
#ifndef MLSEL_CUDA_HALF_CUH
#define MLSEL_CUDA_HALF_CUH

#include "cuda.h"

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ __half from_float<__half>(float x) { return __float2half_rn(x); }
template <> __device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
    return __float2bfloat16_rn(x);
}

#endif
