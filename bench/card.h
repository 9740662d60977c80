/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a card can do for a call at best: take its queries over the bus and give back its answers, and multiply as many
 * numbers. Measured beside the library like the bounds of the processor (bounds.h).
 */
#ifndef BENCH_CARD_H
#define BENCH_CARD_H

#include <stddef.h>

#include "mlsel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_card bench_card;

/* One call: `count` queries of `width` values, each multiplied with `rows` rows of the same width. */
typedef struct bench_card_call {
    size_t rows, width, count;
    size_t bytes_in, bytes_out;
    mlsel_precision precision; /* of what is multiplied: F32 (never TF32), F16 or BF16, with sums in float */
} bench_card_call;

/* The card of a device string, ready for such calls; NULL, with the reason, where this program knows of none, as it is
 * built without its toolkit or for another vendor's. Other failures end the program. */
bench_card *bench_card_open(const char *device, const bench_card_call *call, const char **reason);
void bench_card_close(bench_card *card);

/* For bench_contender; context is the card. Both wait for the end. */
void bench_card_copy_run(void *context);    /* the queries there, the answers back, from and to pinned memory */
void bench_card_product_run(void *context); /* by cuBLASLt, everything already on the card */

#ifdef __cplusplus
}
#endif
#endif
