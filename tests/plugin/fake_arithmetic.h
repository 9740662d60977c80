/* SPDX-License-Identifier: Apache-2.0 */
/* The measurements that mlsel_backend.h asks for, as plain loops in double. Own code, so that it can disagree. */
#ifndef MLSEL_TEST_FAKE_ARITHMETIC_H
#define MLSEL_TEST_FAKE_ARITHMETIC_H

#include "mlsel_backend.h"

/* Doubles of room that fake_measure wants. */
size_t fake_room(const mlsel_model_view *view);

/* Measures one query of n_features values, which it may change; out is one row of the run's output. */
void fake_measure(const mlsel_model_view *view, double *query, double *room, uint32_t k, const uint8_t *label_mask,
                  mlsel_backend_neighbour *neighbours, double *values);

#endif
