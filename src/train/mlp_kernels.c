/* SPDX-License-Identifier: Apache-2.0 */
#include "mlp_kernels.h"

#include <string.h>

#include "cpu/features.h"
#include "cpu/kernels.h"

size_t mlsel_i_mlp_kernels_all(const mlp_kernels *out[MLP_MAX_LEVELS]) {
    size_t n = 0;
    const cpu_features features = mlsel_i_cpu_features();
    out[n++] = &mlsel_i_mlp_kernels_reference;
    out[n++] = &mlsel_i_mlp_kernels_portable;
#if defined(__x86_64__)
    if (features.avx2)
        out[n++] = &mlsel_i_mlp_kernels_avx2;
    if (features.avx512)
        out[n++] = &mlsel_i_mlp_kernels_avx512;
#elif defined(__aarch64__)
    out[n++] = &mlsel_i_mlp_kernels_neon;
#endif
    (void)features;
    return n;
}

/* The kernels that answer queries decide, and know MLSEL_ISA: theirs may have more levels, as "avx512vnni". */
const mlp_kernels *mlsel_i_mlp_kernels_pick(void) {
    const mlp_kernels *available[MLP_MAX_LEVELS];
    const size_t n = mlsel_i_mlp_kernels_all(available);
    const char *isa = mlsel_i_cpu_kernels_pick()->isa;
    for (size_t i = n; i-- > 0;)
        if (strncmp(available[i]->isa, isa, strlen(available[i]->isa)) == 0)
            return available[i];
    return &mlsel_i_mlp_kernels_portable;
}

double mlsel_i_mlp_sum_error(size_t n) { return 1.01 * ((double)n + 2) * 0x1p-24; }
