/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "features.h"

enum { MAX_LEVELS = 5 };

/* The tables of this build that this machine can run, from the lowest to the best. */
static size_t levels(const cpu_kernels *out[MAX_LEVELS]) {
    size_t n = 0;
    const cpu_features features = mlsel_i_cpu_features();
    out[n++] = &mlsel_i_cpu_kernels_reference;
    out[n++] = &mlsel_i_cpu_kernels_portable;
#if defined(__x86_64__)
    if (features.avx2)
        out[n++] = &mlsel_i_cpu_kernels_avx2;
    if (features.avx512)
        out[n++] = &mlsel_i_cpu_kernels_avx512;
    if (features.avx512vnni)
        out[n++] = &mlsel_i_cpu_kernels_avx512vnni;
#elif defined(__aarch64__)
    out[n++] = &mlsel_i_cpu_kernels_neon;
#endif
    (void)features;
    return n;
}

const cpu_kernels *mlsel_i_cpu_kernels_pick(void) {
    const cpu_kernels *available[MAX_LEVELS];
    const size_t n = levels(available);
    const char *wanted = getenv("MLSEL_ISA");
    for (size_t i = 0; wanted != NULL && i < n; i++)
        if (strcmp(available[i]->isa, wanted) == 0)
            return available[i];
    return available[n - 1];
}

static const double unit = 0x1p-24;

double mlsel_i_cpu_dots_error(size_t parts, size_t tail, size_t n) {
    size_t depth = 0; /* of the tree */
    while (((size_t)1 << depth) < parts)
        depth++;
    /* terms of a part, the tree, what may be left over, and one rounding each for a product and for q */
    const double steps = ceil((double)n / (double)parts) + (double)(depth + tail + 3);
    return 1.01 * steps * unit;
}

double mlsel_i_cpu_panel_error(size_t n) {
    /* terms of a chunk, the chunks, and one rounding each for a product and for q */
    const double steps = PANEL_CHUNK + ceil((double)n / PANEL_CHUNK) + 3;
    return 1.01 * steps * unit;
}
