/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training for any processor, in vectors that compilers make of what there is. */
#include <math.h>

enum { LANES = 4, TILE_ROWS = 4, TILE_VECTORS = 2 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

static inline vec portable_root(vec x) {
    for (int i = 0; i < LANES; i++)
        x[i] = sqrtf(x[i]);
    return x;
}

#define ROOT(v) portable_root(v)
#define ISA "portable"
#define TABLE mlsel_i_mlp_kernels_portable
#include "mlp_kernels_generic.h"
