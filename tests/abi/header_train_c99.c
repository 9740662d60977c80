/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_train.h alone, in strict C99: it must need no header before it and bring no warning. */
#include "mlsel_train.h"

#include "signatures_train.h"

int main(void) { return abi_mlsel_objective_name(MLSEL_OBJECTIVE_OUTCOME)[0] == 'o' ? 0 : 1; }
