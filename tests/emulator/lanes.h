/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the threads of one GPU block (CUDA) or threadgroup (Metal) on the CPU, so that kernels can be executed, and
 * watched by sanitizers, where there is no GPU.
 *
 * Each thread is a fiber. They run one after the other, each until it waits for the others at a barrier or in an
 * exchange; nothing runs at the same time, so atomics need be none. A thread that has returned no longer has to arrive
 * anywhere. A barrier that some threads reach and others never do, or an exchange with a lane that is gone, is a defect
 * of the kernel: it is reported on standard error, and the program ends.
 */
#ifndef MLSEL_TEST_LANES_H
#define MLSEL_TEST_LANES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LANES_WIDTH = 32, LANES_MAX_THREADS = 1024 };

/* Runs body(context) once for each of n_threads threads, with shared memory that starts out as garbage: bytes of a
 * pattern that is NaN in every format. */
void lanes_run(unsigned n_threads, void (*body)(void *context), void *context, uint64_t shared_bytes);

/* In a body: */
unsigned lanes_thread(void); /* which one this is */
void *lanes_shared(void);    /* the block's memory, aligned to 128 bytes */
void lanes_barrier(void);    /* of the block */
void lanes_warp_barrier(void);
/* Gives a value to the others of the warp of 32, and returns the one that lane `source` of it gave. */
uint64_t lanes_exchange(uint64_t value, unsigned source);
/* A bit for each lane of the warp whose `vote` is not 0. */
uint32_t lanes_ballot(int vote);

#ifdef __cplusplus
}
#endif
#endif
