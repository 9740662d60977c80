/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training with AVX2 and FMA. Compiled with their flags, so nothing else may be defined here. */
#include <immintrin.h>

enum { LANES = 8, TILE_ROWS = 4, TILE_VECTORS = 2 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define ROOT(v) (vec) _mm256_sqrt_ps((__m256)(v))
#define ISA "avx2"
#define TABLE mlsel_i_mlp_kernels_avx2
#include "mlp_kernels_generic.h"
