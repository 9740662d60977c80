/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_CPU_FEATURES_H
#define MLSEL_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

/* What processor and operating system offer together: the system must save the wide registers too. */
typedef struct cpu_features {
    bool avx2;       /* with FMA and F16C */
    bool avx512;     /* F, BW, DQ and VL */
    bool avx512vnni; /* each of these with what is above it */
    bool avx512bf16;
    bool neondot; /* 64-bit Arm: the dot products of 8-bit integers */
    bool neonbf16;
} cpu_features;

cpu_features mlsel_i_cpu_features(void);

/* The processor's own name for itself, or "host processor". */
void mlsel_i_cpu_name(char *out, size_t size);

#endif
