/* SPDX-License-Identifier: Apache-2.0 */
/* The headers that are installed and the declarations of the Go code are the same: else this does not compile. */
#include "mlsel_dropin_ml.h"
#include "mlsel_dropin_mlp.h"

#include "declarations.h"

int main(void) {
    ml_free_string(NULL);
    candle_mlp_free_string(NULL);
    return 0;
}
