/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training with AVX-512. Compiled with its flags, so nothing else may be defined here. */
#include <immintrin.h>

enum { LANES = 16, TILE_ROWS = 8, TILE_VECTORS = 2 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define ROOT(v) (vec) _mm512_sqrt_ps((__m512)(v))
#define ISA "avx512"
#define TABLE mlsel_i_mlp_kernels_avx512
#include "mlp_kernels_generic.h"
