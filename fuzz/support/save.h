/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_model_save into memory, by way of an unnamed file and without waiting for the disk; for fuzzers that see src/.
 */
#ifndef MLSEL_FUZZ_SAVE_H
#define MLSEL_FUZZ_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

/* The file's bytes, to be freed with free(). Status and error as of mlsel_model_save. */
mlsel_status fuzz_save(const mlsel_model *model, mlsel_format format, bool with_index, uint8_t **out, size_t *size,
                       mlsel_error *err);

#endif
