/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

/* From the best level down to the reference, which every machine has. */
static const cpu_kernels *const levels[] = {&mlsel_i_cpu_kernels_reference};

const cpu_kernels *mlsel_i_cpu_kernels_pick(void) {
    const char *wanted = getenv("MLSEL_ISA");
    for (size_t i = 0; wanted != NULL && i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i]->isa, wanted) == 0)
            return levels[i];
    return levels[0];
}
