/* SPDX-License-Identifier: Apache-2.0 */
/* The shaders, compiled for the CPU. */
#ifndef MLSEL_TEST_FAKE_KERNELS_H
#define MLSEL_TEST_FAKE_KERNELS_H

#include "device.h"

/* Runs one dispatch, group after group. Host and shader that do not agree on the parameters end the program. */
void fake_kernels_run(const metal_dispatch &dispatch);

#endif
