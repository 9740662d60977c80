/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a model in every way that mlsel.h has, and checks what must hold for every answer. */
#ifndef MLSEL_FUZZ_ASK_H
#define MLSEL_FUZZ_ASK_H

#include <stdbool.h>

#include "input.h"
#include "mlsel.h"

/* Everything a model answered, to be compared byte by byte with what another one does. */
struct fuzz_record {
    uint8_t *bytes;
    size_t size, capacity;
};

void fuzz_record_add(struct fuzz_record *record, const void *bytes, size_t size);
void fuzz_record_free(struct fuzz_record *record);

enum { FUZZ_MAX_FEATURES = 2048, FUZZ_MAX_LABELS = 1024, FUZZ_MAX_ROWS = 2048 };

/* Options as the input chooses, of small consequence: rule, k, precision, category layout. */
void fuzz_model_options(struct fuzz_input *in, mlsel_model_options *options);

/* Queries with the values that `in` chooses (finite, huge, not finite, too long), with and without restrictions and
 * trade-offs. A model larger than the enumeration above is only described. */
void fuzz_ask(const mlsel_model *model, struct fuzz_input in, struct fuzz_record *record);

#endif
