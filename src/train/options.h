/* SPDX-License-Identifier: Apache-2.0 */
/* Option structs whose defaults are not all 0. */
#ifndef MLSEL_TRAIN_OPTIONS_H
#define MLSEL_TRAIN_OPTIONS_H

#include "internal.h"
#include "mlsel_train.h"

/* As mlsel_i_options_init and mlsel_i_options_copy, with the defaults of a struct of full_size bytes. */
void mlsel_i_defaults_init(void *options, size_t size, const void *defaults, size_t full_size);
mlsel_status mlsel_i_defaults_copy(void *own, const void *given, const void *defaults, size_t full_size,
                                   const char *name, mlsel_error *err);

/* Copies and checks; of what is left open (0 or negative) nothing is decided yet. */
mlsel_status mlsel_i_train_options_read(mlsel_train_options *own, const mlsel_train_options *given, mlsel_error *err);
mlsel_status mlsel_i_evaluate_options_read(mlsel_evaluate_options *own, const mlsel_evaluate_options *given,
                                           mlsel_error *err);

#endif
