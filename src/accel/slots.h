/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of slots that are free, without a lock: what a run needs of a device (a stream, buffers) is in a slot, and
 * has one owner at a time.
 */
#ifndef MLSEL_ACCEL_SLOTS_H
#define MLSEL_ACCEL_SLOTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SLOTS_MAX = 64 };

typedef struct accel_slots accel_slots;

/* n: at most SLOTS_MAX. NULL when out of memory. */
accel_slots *mlsel_i_slots_create(uint32_t n);
void mlsel_i_slots_free(accel_slots *slots);
/* The lowest free slot: those in use before are warm. Where there is none, gives way to other threads until there is.
 */
uint32_t mlsel_i_slots_take(accel_slots *slots);
/* What the owner wrote is seen by the next one. */
void mlsel_i_slots_give(accel_slots *slots, uint32_t slot);

#ifdef __cplusplus
}
#endif
#endif
