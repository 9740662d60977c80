/* SPDX-License-Identifier: Apache-2.0 */
/* For builds without CUDA's toolkit. */
#include "card.h"

bench_card *bench_card_open(const char *device, const bench_card_call *call, const char **reason) {
    (void)device, (void)call;
    *reason = "the benchmark is built without the CUDA toolkit, which multiplies for it";
    return NULL;
}

void bench_card_close(bench_card *card) { (void)card; }
void bench_card_copy_run(void *context) { (void)context; }
void bench_card_product_run(void *context) { (void)context; }
