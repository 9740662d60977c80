/* SPDX-License-Identifier: Apache-2.0 */
/* The headers that are installed compile as C++, alone. */
#include "mlsel_dropin_ml.h"
#include "mlsel_dropin_mlp.h"

int main(void) {
    ml_free_string(NULL);
    candle_mlp_free_string(NULL);
    return 0;
}
