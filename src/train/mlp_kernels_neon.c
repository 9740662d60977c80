/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training with NEON. */
#include <arm_neon.h>

enum { LANES = 4, TILE_ROWS = 4, TILE_VECTORS = 4 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define ROOT(v) (vec) vsqrtq_f32((float32x4_t)(v))
#define ISA "neon"
#define TABLE mlsel_i_mlp_kernels_neon
#include "mlp_kernels_generic.h"
